"""Words for what the engine says in codes: refusals, steps of a training, why a candidate won, what was kept away.

drivers: one customer's reasons · measures: how good a model is · gates: may it take charge · card, groups: a model's card ·
charge: who is in charge, and who was · others are named by their page
"""

from __future__ import annotations

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from core.errors import Refused
from customers.wording import findings as finding_words
from customers.wording.features import feature_name

from ..learning import NotEnoughEvidence
from .drivers import VALUES, driver, value_name
from .measures import FIGURES, figures, quality

__all__ = [
    "FIGURES",
    "TITLES",
    "VALUES",
    "algorithm",
    "aside",
    "choice",
    "driver",
    "feature_name",
    "figures",
    "not_enough",
    "quality",
    "step",
    "value_name",
    "watched",
]


def not_enough(thin: NotEnoughEvidence) -> Refused:
    """The engine's "not enough evidence", in the reader's language, with what to collect."""
    facts = {"missing": 0, "needed": 0, **thin.facts}
    churners = facts.get("churners", 0)
    if thin.code == "no_label":
        sentence = (
            _(
                "Nobody is known to have left or stayed, so nothing can be learned: import customers with a column “Churn” (at least %(missing)s of them)."
            )
            % facts
        )
    elif thin.code == "one_class" and facts.get("only") == "left":
        sentence = _("Every known customer left: customers who stayed are needed too, at least %(missing)s.") % facts
    elif thin.code == "one_class":
        sentence = _("Every known customer stayed: customers who left are needed too, at least %(missing)s.") % facts
    elif thin.code == "too_few_churners":
        sentence = (
            ngettext(
                "Only %(churners)s customer is known to have left; at least %(needed)s are needed, %(missing)s more.",
                "Only %(churners)s customers are known to have left; at least %(needed)s are needed, %(missing)s more.",
                churners,
            )
            % facts
        )
    elif thin.code == "too_few_stayers":
        sentence = (
            _("Too few customers are known to have stayed; at least %(needed)s are needed, %(missing)s more.") % facts
        )
    elif thin.code == "too_few_rows":
        sentence = (
            _("Only %(rows)s customers have a known outcome; at least %(needed)s are needed, %(missing)s more.") % facts
        )
    elif thin.code == "no_features":
        sentence = _("No column can be learned from: each is empty, constant, or different for everybody.")
    else:
        sentence = thin.message
    return Refused(thin.code, sentence, **{k: v for k, v in thin.facts.items() if isinstance(v, int | float | str)})


TITLES = {
    "Random forest, defaults (a baseline)": gettext_lazy("Random forest, defaults (a baseline)"),
    "Logistic regression": gettext_lazy("Logistic regression"),
    "Splines": gettext_lazy("Splines"),
    "Stumps": gettext_lazy("Stumps"),
    "Boosted trees of 4 leaves": gettext_lazy("Boosted trees of 4 leaves"),
    "Boosted trees of 8 leaves": gettext_lazy("Boosted trees of 8 leaves"),
    "Boosted trees of 15 leaves": gettext_lazy("Boosted trees of 15 leaves"),
    "Boosted trees of 31 leaves": gettext_lazy("Boosted trees of 31 leaves"),
    "Random forest, leaves of 10 or more": gettext_lazy("Random forest, leaves of 10 or more"),
    "Additive blend": gettext_lazy("Additive blend"),
    "Blend of all": gettext_lazy("Blend of all"),
    "Blend": gettext_lazy("Blend"),
}


def algorithm(title: str) -> str:
    """A model's name in the reader's language: ``Additive blend (splines + stumps)`` part by part."""
    if title in TITLES:
        return str(TITLES[title])
    head, bracket, rest = title.partition(" (")
    members = rest.rstrip(")").split(" + ")
    known = {name.lower(): text for name, text in TITLES.items()}
    parts = [str(known.get(m.lower(), m)) for m in members]
    parts = [p[:1].lower() + p[1:] for p in parts]
    return f"{TITLES.get(head, head)}{bracket}{' + '.join(parts)})" if bracket else str(TITLES.get(head, head))


_STEPS = {
    "columns": gettext_lazy("Looking at the columns"),
    "figures": gettext_lazy("Measuring on customers not seen"),
    "importance": gettext_lazy("Weighing the columns"),
    "source_forest": TITLES["Random forest, defaults (a baseline)"],
    "logistic": TITLES["Logistic regression"],
    "splines": TITLES["Splines"],
    "stumps": TITLES["Stumps"],
    "trees_4": TITLES["Boosted trees of 4 leaves"],
    "trees_8": TITLES["Boosted trees of 8 leaves"],
    "trees_15": TITLES["Boosted trees of 15 leaves"],
    "trees_31": TITLES["Boosted trees of 31 leaves"],
    "forest": TITLES["Random forest, leaves of 10 or more"],
    "when": gettext_lazy("Learning when customers leave"),
    "done": gettext_lazy("Done"),
}


def step(note: str) -> str:
    """A training's step in words; the name of a candidate stays as it is."""
    return str(_STEPS.get(note, note))


def choice(picked: dict) -> str:
    """Why this candidate won."""
    facts = picked.get("facts", {})
    sentence = {
        "additive_ties": _(
            "No model does better beyond chance on customers it had not seen, and this one is additive: its reasons are exact."
        ),
        "additive_best": _(
            "It is the best on customers that it had not seen, and it is additive: its reasons are exact."
        ),
        "interactions_matter": _(
            "In this data some facts act together, so a blend with deeper trees does better on customers that it had not seen."
        ),
    }.get(picked.get("code", ""))
    if sentence is None:
        sentence = _("It was chosen by log loss on customers that it had not seen.")
    return sentence % facts if facts and "%(" in sentence else sentence


def watched(details: dict) -> dict[str, list[dict[str, object]]]:
    """What the leak watch did to a training: columns ``kept_away``, ``forced_in`` by a person, and ``doubtful`` ones.

    Each: ``name``, ``sentences`` (the evidence); of forced ones also ``by`` (key of the person), ``at`` (ISO) and ``reason``.
    """
    return {
        group: [
            {
                **entry,
                "name": feature_name(entry["column"]),
                "sentences": finding_words.sentences(entry["codes"], entry["evidence"]),
            }
            for entry in details.get(group, [])
        ]
        for group in ("kept_away", "forced_in", "doubtful")
    }


def aside(reason: str) -> str:
    """Why a column was set aside."""
    return str(
        {
            "constant": _("the same for everybody"),
            "all_missing": _("empty"),
            "identifier": _("an identifier: different for nearly everybody"),
            "near_unique_text": _("free text: different for nearly everybody"),
            "date": _("a date"),
            "same_values": _("the same as another column"),
            "same_name": _("a second column of the same name"),
            "too_many": _("one too many: of so many other fields, those filled in most are learned from"),
        }.get(reason, reason)
    )
