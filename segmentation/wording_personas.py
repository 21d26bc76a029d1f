"""Personas and portraits in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext

from .models import Segment
from .wording_names import amount, feature_name

_PERSONAS = {
    "data_hungry": gettext_lazy("Data hungry"),
    "talker": gettext_lazy("Talkers"),
    "texter": gettext_lazy("Texters"),
    "big_spender": gettext_lazy("Big spenders"),
    "heavy_all_round": gettext_lazy("Heavy users"),
    "young_digital": gettext_lazy("Young and digital"),
    "senior_quiet": gettext_lazy("Quiet seniors"),
    "senior_talker": gettext_lazy("Senior talkers"),
    "price_sensitive": gettext_lazy("Price sensitive"),
    "silent_loyal": gettext_lazy("Silent loyal"),
    "loyal_valuable": gettext_lazy("Loyal and valuable"),
    "loyal": gettext_lazy("Loyal"),
    "newcomer": gettext_lazy("Newcomers"),
    "newcomer_at_risk": gettext_lazy("Newcomers at risk"),
    "valuable_at_risk": gettext_lazy("Valuable and at risk"),
    "at_risk": gettext_lazy("At risk"),
    "safe": gettext_lazy("Safe"),
    "fading": gettext_lazy("Fading"),
    "complainer": gettext_lazy("Complainers"),
    "service_rich": gettext_lazy("Many services"),
    "service_light": gettext_lazy("Few services"),
    "family": gettext_lazy("Families"),
    "average": gettext_lazy("Middle ground"),
}


def persona_of_code(code: str) -> str:
    """What the figures suggest to call it."""
    if code.startswith("standout:"):
        _standout, direction, feature = code.split(":", 2)
        words = _("High: %(feature)s") if direction == "high" else _("Low: %(feature)s")
        return words % {"feature": feature_name(feature)}
    if code.startswith("group_"):
        return _("Group %(n)s") % {"n": code.removeprefix("group_")}
    return str(_PERSONAS.get(code, code))


def persona(segment: Segment) -> str:
    """What it is called: as a person said, else as its figures suggest."""
    return segment.persona or persona_of_code(segment.persona_code)


_TRAITS = {
    # (direction, strength)
    ("high", "very"): gettext_lazy("%(feature)s far above the others (%(mean)s on average)"),
    ("high", "plainly"): gettext_lazy("%(feature)s well above the others (%(mean)s on average)"),
    ("high", "slightly"): gettext_lazy("%(feature)s somewhat above the others (%(mean)s on average)"),
    ("low", "very"): gettext_lazy("%(feature)s far below the others (%(mean)s on average)"),
    ("low", "plainly"): gettext_lazy("%(feature)s well below the others (%(mean)s on average)"),
    ("low", "slightly"): gettext_lazy("%(feature)s somewhat below the others (%(mean)s on average)"),
}


def portrait(found: Mapping, currency: str = "") -> str:
    """One sentence of what sets a segment apart."""
    traits = found.get("traits", [])
    if not traits:
        return _("Customers much like all the others: nothing sets them apart by these columns.")
    told = [
        _TRAITS[trait["direction"], trait["strength"]]
        % {
            "feature": _inside(feature_name(trait["feature"])),
            "mean": amount(trait["feature"], trait["mean"], currency),
        }
        for trait in traits
    ]
    sentence = listed(told)
    return _("Customers with %(traits)s.") % {"traits": sentence}


def _inside(name: str) -> str:
    """A column's name in the middle of a sentence; what is written in capitals stays."""
    return name if name[1:2].isupper() else name[:1].lower() + name[1:]


def listed(words: Sequence[str]) -> str:
    """a, b and c."""
    if len(words) < 2:
        return "".join(words)
    between = pgettext("between items of a list", ", ")
    return _("%(first)s and %(last)s") % {"first": between.join(words[:-1]), "last": words[-1]}
