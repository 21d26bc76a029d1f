"""Words for how good a model is likely to be before outcomes are known, and for whether that estimate held."""

from __future__ import annotations

from collections.abc import Mapping

from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from core.templatetags.ui import decimal, percent, thousands

from ..learning import estimate
from .drift import share


def expected(told: Mapping, *, everybody: bool) -> dict[str, object]:
    """An estimate in words: ``sentence``, ``rows`` (of figures), ``presumes`` and ``warnings`` (sentences)."""
    figures, ranges = told["figures"], told["intervals"]
    facts = {"n": thousands(told["customers"]), "leavers": thousands(round(figures["leavers"]))}
    facts |= dict(zip(("low", "high"), (thousands(round(edge)) for edge in ranges["leavers"]), strict=True))
    if everybody:
        sentence = _("Among %(n)s customers like yours, about %(leavers)s leave, between %(low)s and %(high)s.")
    else:
        sentence = _("About %(leavers)s of these %(n)s customers are likely to leave, between %(low)s and %(high)s.")
    return {
        "sentence": sentence % facts,
        "rows": figure_rows(figures, ranges, told["threshold"]),
        "presumes": [_PRESUMES[code]() for code in told["presumes"] if code in _PRESUMES],
        "warnings": [_WARNINGS[code]() for code in told["warnings"] if code in _WARNINGS],
    }


_PRESUMES = {
    "calibrated": lambda: _("The percentages can still be taken literally."),
    "same_reasons_to_leave": lambda: _("Customers leave for the same reasons as those the model learned from."),
    "customers_independent": lambda: _("Nothing befalls everybody at once, such as a rival's offer or an outage."),
}
_WARNINGS = {
    "scores_moved": lambda: _("The risks have moved since the model learned: trust this a little less."),
    "scores_moved_much": lambda: _("The risks have moved a lot since the model learned: do not build on this."),
    "columns_moved_much": lambda: _("Some columns have moved a lot since the model learned: trust this less."),
    "too_few_customers": lambda: _("There are few customers: the true figures may well lie apart."),
}


def figure_rows(figures: Mapping, ranges: Mapping, threshold: float) -> list[dict[str, str]]:
    """Leavers, AUC, precision, recall: ``key``, ``name``, ``meaning``, ``value``, ``low``, ``high`` as written."""
    risk = share(threshold)
    told = (
        ("leavers", _("Customers who leave"), _("of all that were looked at"), lambda v: thousands(round(v))),
        ("roc_auc", _("ROC AUC"), _("How well it ranks: 0.5 is chance, 1 is perfect."), decimal),
        (
            "precision",
            _("Precision"),
            _("Of those with a risk of %(risk)s or more, how many leave.") % {"risk": risk},
            percent,
        ),
        (
            "recall",
            _("Recall"),
            _("Of those who leave, how many have a risk of %(risk)s or more.") % {"risk": risk},
            percent,
        ),
    )
    rows = []
    for key, name, meaning, written in told:
        value, between = figures.get(key), ranges.get(key)
        low, high = map(written, between) if value is not None and between else ("", "")
        shown = "–" if value is None else written(value)
        rows.append({"key": key, "name": name, "meaning": meaning, "value": shown, "low": low, "high": high})
    return rows


def outcome(truth: Mapping) -> dict[str, str]:
    """What became of an estimate in a word or two, and its tone."""
    if not truth:
        return {"words": _("not known yet"), "tone": "neutral"}
    if truth["verdict"] == estimate.HELD:
        return {"words": pgettext("an estimate", "held"), "tone": "low"}
    return {"words": pgettext("an estimate", "missed"), "tone": "high"}


def realised(truth: Mapping) -> dict[str, object]:
    """An estimate beside what happened: ``held``, ``title``, ``sentence``, ``rows`` with ``was`` and ``apart``."""
    before, threshold = truth["estimate"], truth["estimate"]["threshold"]
    held = truth["verdict"] == estimate.HELD
    facts = {"known": thousands(truth["known"]), "said": thousands(round(before["figures"]["leavers"]))}
    facts["left"] = thousands(round(truth["figures"]["leavers"]))
    sentence = _("Of %(known)s customers whose outcome is known since, %(said)s were expected to leave; %(left)s left.")
    rows = figure_rows(before["figures"], before["intervals"], threshold)
    measured = figure_rows(truth["figures"], truth["intervals"], threshold)
    for row, was in zip(rows, measured, strict=True):
        row |= {
            "was": was["value"],
            "was_low": was["low"],
            "was_high": was["high"],
            "apart": truth["apart"][row["key"]],
        }
    return {
        "held": held,
        "title": _("The estimate held") if held else _("The estimate missed"),
        "sentence": sentence % facts,
        "unknown": truth["unknown"],
        "rows": rows,
    }
