"""Words for what the leak watch found in a column: the verdict, and each piece of evidence as a sentence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from core.templatetags.ui import decimal, percent, thousands

from .quality import share


def verdict(severity: str) -> dict[str, str]:
    """A finding's severity for people: ``title``, ``meaning`` and ``tone`` (high, medium or neutral)."""
    return {
        "quarantine": {
            "title": _("Kept from the models"),
            "meaning": _("It seems to know the answer. No model learns from it until somebody overrules this."),
            "tone": "high",
        },
        "warn": {
            "title": _("To look at"),
            "meaning": _("The models do learn from it. Ask whoever made the file when this column is written."),
            "tone": "medium",
        },
        "set_aside": {
            "title": _("Set aside"),
            "meaning": _("There is nothing to learn from it."),
            "tone": "neutral",
        },
    }[severity]


def sentences(codes: Sequence[str], evidence: Mapping[str, float]) -> list[str]:
    """The evidence about one column, the weightiest first; a code of a later version is shown as it is."""
    return [_sentence(code, evidence) for code in codes]


def _sentence(code: str, evidence: Mapping[str, float]) -> str:
    make = _SENTENCES.get(code)
    return make(evidence) if make else code


def _knows(evidence: Mapping[str, float]) -> str:
    return _(
        "Alone, it tells who left from who stayed with a ROC AUC of %(auc)s (95 %% interval %(low)s to %(high)s; 0.5 is "
        "chance, 1 is perfect). A column known beforehand hardly ever does."
    ) % _auc(evidence)


def _suspicious(evidence: Mapping[str, float]) -> str:
    return _(
        "Alone, it tells who left from who stayed with a ROC AUC of %(auc)s (95 %% interval %(low)s to %(high)s): more than "
        "most columns that are known beforehand."
    ) % _auc(evidence)


def _auc(evidence: Mapping[str, float]) -> dict[str, str]:
    return {key: decimal(evidence.get(name), 2) for key, name in _AUC_PARTS}


_AUC_PARTS = (("auc", "auc"), ("low", "auc_low"), ("high", "auc_high"))


def _filled_left(evidence: Mapping[str, float]) -> str:
    return ngettext(
        "It is filled in for %(filled)s customer; %(purity)s of these left, against %(base)s of all. Such a column is "
        "usually written after somebody has left.",
        "It is filled in for %(filled)s customers; %(purity)s of these left, against %(base)s of all. Such a column is "
        "usually written after somebody has left.",
        _count(evidence, "filled"),
    ) % _purity(evidence)


def _set_left(evidence: Mapping[str, float]) -> str:
    return ngettext(
        "It differs from its usual value for %(filled)s customer; %(purity)s of these left, against %(base)s of all. Such a "
        "value is usually written after somebody has left.",
        "It differs from its usual value for %(filled)s customers; %(purity)s of these left, against %(base)s of all. Such a "
        "value is usually written after somebody has left.",
        _count(evidence, "filled"),
    ) % _purity(evidence)


def _filled_stayed(evidence: Mapping[str, float]) -> str:
    return _(
        "It is empty for nearly everybody who left and filled in for nearly everybody who stayed: of the %(filled)s customers "
        "with a value, %(left)s left. It seems to be emptied when somebody leaves."
    ) % {"filled": thousands(_count(evidence, "filled")), "left": thousands(_count(evidence, "filled_left"))}


def _purity(evidence: Mapping[str, float]) -> dict[str, str]:
    return {
        "filled": thousands(_count(evidence, "filled")),
        "purity": share(evidence.get("purity")),
        "base": share(evidence.get("base_rate")),
    }


def _count(evidence: Mapping[str, float], name: str) -> int:
    return round(evidence.get(name) or 0)


def _determined(evidence: Mapping[str, float]) -> str:
    return _("Whoever knows it knows who left: it takes away %(share)s of the uncertainty.") % {
        "share": percent(evidence.get("information"), 0)
    }


def _distinct(evidence: Mapping[str, float]) -> dict[str, str]:
    return {"n": thousands(_count(evidence, "distinct"))}


_SENTENCES = {
    "knows_the_answer": _knows,
    "suspiciously_good": _suspicious,
    "filled_only_for_leavers": _filled_left,
    "set_only_for_leavers": _set_left,
    "filled_only_for_stayers": _filled_stayed,
    "determined_by_the_label": _determined,
    "named_like_leaving": lambda _evidence: _("Its name speaks of leaving."),
    "named_like_an_outcome": lambda _evidence: _("Its name speaks of an outcome."),
    "identifier": lambda evidence: (
        _("It names a customer (%(n)s different values), so nothing general is in it.") % _distinct(evidence)
    ),
    "near_unique_text": lambda evidence: (
        _("Free text, different for nearly everybody (%(n)s different values).") % _distinct(evidence)
    ),
    "constant": lambda _evidence: _("It is the same for everybody."),
    "all_missing": lambda _evidence: _("It is empty."),
}
