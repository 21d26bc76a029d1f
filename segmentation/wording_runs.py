"""What is said of a run: why there is none, how many segments are advised, how stable they are, and what was filled in."""

from __future__ import annotations

from collections.abc import Mapping

from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from core.errors import Refused
from core.templatetags.ui import percent, thousands

from .clustering import choose
from .clustering.refusal import ClusteringRefused
from .models import Segmentation
from .wording_names import feature_name, label
from .wording_personas import listed

_REFUSALS = {
    "too_few_rows": gettext_lazy("There are too few customers to group."),
    "no_features": gettext_lazy("None of these columns tells customers apart: they are empty, or the same for everybody. Choose others."),
    "too_few_distinct": gettext_lazy("There are fewer different customers than segments. Choose fewer segments, or more columns."),
}  # fmt: skip


def refused(refusal: ClusteringRefused) -> Refused:
    said = _REFUSALS.get(refusal.code)
    return Refused(refusal.code, str(said) if said else refusal.message)


def why_none(customers: int, last: Segmentation | None) -> tuple[str, str]:
    """(code, sentence): why there is no segmentation."""
    if not customers:
        return "no_customers", _("There are no customers yet: import a file, and segments follow.")
    if last is not None and last.error_message:
        return last.error_code or "failed", last.error_message
    return "no_segmentation", _("The customers have not been divided into segments yet.")


def advice(run: Segmentation, in_use: int) -> dict[str, str] | None:
    """The verdict on clusters: a title, a text, and its tone; None while nobody looked."""
    found = run.advice
    if not found:
        return None
    if found["verdict"] == choose.TOO_FEW:
        return {
            "title": _("Too few customers to say how many groups there are"),
            "text": _("At least fifty, and different enough, are needed. Until then the segments are a way to cut the base, no more."),
            "tone": "neutral",
        }  # fmt: skip
    if found["verdict"] == choose.NO_CLUSTERS:
        return {
            "title": _("There are no clusters worth the name"),
            "text": _("Your customers pass into one another without gaps, as chance would scatter them: cut in any number of parts, the parts are no more separate than those of data without groups (silhouette above it: %(excess)s; %(needed)s would be needed). The segments below still cut the base in useful parts, by value and by use, but a customer near a border is much like one beyond it.")
            % {"excess": _figure(found["excess"]), "needed": _figure(found["needed"])},
            "tone": "medium",
        }  # fmt: skip
    best = next(one for one in found["candidates"] if one["k"] == found["k"])
    facts = {"k": found["k"], "stability": percent(best["stability"]), "excess": _figure(best["excess"])}
    why = {
        choose.BEST: _("They are the farthest above what chance would give (silhouette %(excess)s above it), and samples of your customers find the same ones again (agreement %(stability)s)."),
        choose.FINER: _("They are as separate as fewer would be and tell more groups apart, and samples of your customers find the same ones again (agreement %(stability)s)."),
        choose.MOST_STABLE: _("No number is found again reliably; this one most (agreement %(stability)s)."),
        choose.NOTHING: "",
    }.get(found["why"], "") % facts  # fmt: skip
    title = ngettext(
        "The data speaks for %(k)s segment", "The data speaks for %(k)s segments", found["k"]
    ) % {"k": found["k"]}  # fmt: skip
    if found["k"] != in_use:
        why += " " + _("%(n)s are in use, because you or the setting chose so.") % {"n": in_use}
    return {"title": title, "text": why.strip(), "tone": "low"}


def _figure(value: float | None) -> str:
    return "–" if value is None else number_format(round(value, 3), 3)


def stability(flow: Mapping, *, other_features: bool = False) -> dict[str, object] | None:
    """How the names held since the run before: a sentence, its tone, and what is not what it was. ``other_features``: the
    run before grouped by other columns."""
    if flow.get("stayed") is None:
        return None
    matching = flow.get("matching", {})
    share = percent(flow["stayed"])
    changed = [label(one["number"]) for one in matching.get("segments", []) if one["verdict"] == "not_what_it_was"]
    drifted = [label(one["number"]) for one in matching.get("segments", []) if one["verdict"] == "drifted"]
    new = [label(one["number"]) for one in matching.get("segments", []) if one["verdict"] == "new"]
    notes = []
    if other_features:
        notes.append(
            _("Customers are grouped by other columns than before, so each name went to the segment that shares most.")
        )
    if changed:
        notes.append(
            ngettext("%(names)s is no longer what it was.", "%(names)s are no longer what they were.", len(changed))
            % {"names": listed(changed)}
        )
    if drifted:
        notes.append(
            ngettext("%(names)s has moved.", "%(names)s have moved.", len(drifted)) % {"names": listed(drifted)}
        )
    if new:
        notes.append(ngettext("%(names)s is new.", "%(names)s are new.", len(new)) % {"names": listed(new)})
    gone = [label(number) for number in matching.get("retired", [])]
    if gone:
        notes.append(
            ngettext("%(names)s is gone; its name is not given again.", "%(names)s are gone; their names are not given again.", len(gone))
            % {"names": listed(gone)}
        )  # fmt: skip
    return {
        "sentence": _("%(share)s of the customers of both runs stayed in their segment.") % {"share": share},
        "notes": notes,
        "tone": "high" if changed else "medium" if drifted or flow["stayed"] < 0.8 else "low",
    }


def filled_in(run: Segmentation) -> list[str]:
    """What was not known and was filled in, and which columns were set aside."""
    found = []
    for name, count in run.figures.get("imputed", {}).items():
        found.append(
            ngettext(
                "%(feature)s is not known of %(n)s customer; the usual value stands in for it.",
                "%(feature)s is not known of %(n)s customers; the usual value stands in for it.",
                count,
            )
            % {"feature": feature_name(name), "n": thousands(count)}
        )
    for one in run.figures.get("set_aside", []):
        words = (
            _("%(feature)s is the same for everybody and was left out.")
            if one["code"] == "constant"
            else _("%(feature)s is known of nobody and was left out.")
        )
        found.append(words % {"feature": feature_name(one["feature"])})
    return found
