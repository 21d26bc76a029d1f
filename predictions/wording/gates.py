"""Words for the gates that a model passes before it takes charge: what each asks, and what it found in this model."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from core.templatetags.ui import decimal, percent, signed, thousands
from customers.wording.features import feature_name

from .groups import group_name, listed

TITLES = {
    "baseline": gettext_lazy("Better than telling everybody the same"),
    "overfit": gettext_lazy("What it learned holds for others"),
    "leak": gettext_lazy("Not too good to be true"),
    "calibration": gettext_lazy("As many leave as it says"),
    "fairness": gettext_lazy("Groups of people are treated alike"),
    "evidence": gettext_lazy("It rests on enough customers"),
    "champion": gettext_lazy("No worse than the model in charge"),
    "slices": gettext_lazy("Every part of the base is served"),
}
GREEN, AMBER, RED, OPEN = "green", "amber", "red", "open"
TONES = {
    GREEN: gettext_lazy("passed"),
    AMBER: gettext_lazy("to look at"),
    RED: gettext_lazy("blocks"),
    OPEN: gettext_lazy("cannot be judged"),
}


def in_words(verdicts: Sequence[dict]) -> list[dict[str, object]]:
    """A version's gates for people: code, title, tone (GREEN, AMBER, RED, OPEN), the tone's word, and a sentence."""
    return [
        {
            "code": verdict["code"],
            "title": title(verdict["code"]),
            "tone": tone(verdict),
            "tone_words": str(TONES[tone(verdict)]),
            "sentence": sentence(verdict),
        }
        for verdict in verdicts
    ]


def title(code: str) -> str:
    return str(TITLES.get(code, code))


def tone(verdict: dict) -> str:
    """Red keeps a model from taking charge by itself; amber found something to know; OPEN could not tell, and only warns."""
    if verdict["state"] == "passed":
        return GREEN
    if verdict["severity"] == "blocks":
        return RED
    return AMBER if verdict["state"] == "issue" else OPEN


def summary(verdicts: Sequence[dict]) -> str:
    """All gates in one sentence."""
    tones = [tone(verdict) for verdict in verdicts]
    if not tones:
        return _("This version was stored before there were gates.")
    if set(tones) == {GREEN}:
        return _("Every gate is green.")
    counts = {one: tones.count(one) for one in TONES}
    said = [
        ngettext("%(n)s is green", "%(n)s are green", counts[GREEN]),
        ngettext("%(n)s blocks", "%(n)s block", counts[RED]),
        ngettext("%(n)s is to look at", "%(n)s are to look at", counts[AMBER]),
        ngettext("%(n)s cannot be judged", "%(n)s cannot be judged", counts[OPEN]),
    ]
    parts = [
        words % {"n": n} for words, n in zip(said, (counts[t] for t in (GREEN, RED, AMBER, OPEN)), strict=True) if n
    ]
    return _("Of %(n)s gates %(parts)s.") % {"n": len(tones), "parts": listed(parts)}


def sentence(verdict: dict) -> str:
    """What a gate found, in the reader's language."""
    say = _SAY.get(verdict["code"])
    found = say(verdict["reason"], verdict.get("facts") or {}) if say and verdict["reason"] != "not_measured" else None
    return found or _("This version was stored without the figures that this takes.")


# ---------------------------------------------------------------- one function a gate; None for a case that is not known


def _baseline(reason: str, facts: dict) -> str | None:
    text = {
        "no_gain": _(
            "It does no better than telling everybody the same: its log loss is lower by %(gain)s ± %(error)s, which may be luck."
        ),
        "no_order": _(
            "Those who leave are not ranked before those who stay: its ROC AUC lies between %(low)s and %(high)s, and %(chance)s is chance."
        ),
        "better": _("Its log loss is lower by %(gain)s ± %(error)s than that of telling everybody the same."),
    }.get(reason)
    return text and text % {
        "gain": decimal(facts.get("gain"), 4),
        "error": decimal(facts.get("gain_error"), 4),
        "low": decimal(facts.get("low"), 3),
        "high": decimal(facts.get("high"), 3),
        "chance": decimal(0.5, 1),
    }


def _overfit(reason: str, facts: dict) -> str | None:
    text = {
        "nothing_learned": _("It learned too little to ask whether it holds for others."),
        "overfit": _(
            "It learned much by heart: of what it gains on its own customers only %(kept)s is left on others; %(needed)s is needed."
        ),
        "too_uncertain": _(
            "Between %(low)s and %(high)s of what it learned holds for others: too wide a range to judge."
        ),
        "holds": _("Of what it gains on its own customers %(kept)s is left on customers it had not seen."),
    }.get(reason)
    return text and text % {name: percent(facts.get(name)) for name in ("kept", "needed", "low", "high")}


def _leak(reason: str, facts: dict) -> str | None:
    text = {
        "forced_in": _("It learned from columns that seem to know the answer, and that a person forced in: %(named)s."),
        "too_good": _(
            "It is nearly always right (ROC AUC %(area)s), and %(column)s alone carries %(share)s of that: does this column know the answer?"
        ),
        "plausible": _("Its ROC AUC of %(area)s is not too good to be true."),
        "many_columns": _("It is nearly always right (ROC AUC %(area)s), and that rests on more than one column."),
    }.get(reason)
    return text and text % {
        "named": listed([feature_name(name) for name in facts.get("columns", [])]),
        "area": decimal(facts.get("roc_auc"), 3),
        "column": feature_name(facts.get("column") or "–"),
        "share": percent(facts.get("share")),
    }


def _calibration(reason: str, facts: dict) -> str | None:
    text = {
        "ece": _("The risks it tells are off by %(off)s on average; up to %(allowed)s is tolerated."),
        "overconfident": _(
            "It is too sure of itself: high risks are told too high and low ones too low (calibration slope %(low)s to %(high)s; 1 is right)."
        ),
        "underconfident": _(
            "It is not sure enough: high risks are told too low and low ones too high (calibration slope %(low)s to %(high)s; 1 is right)."
        ),
        "too_uncertain": _("Its calibration slope lies between %(low)s and %(high)s: too wide a range to judge."),
        "flat": _("It tells everybody about the same risk, and as many leave."),
        "calibrated": _("The risks it tells are off by %(off)s on average, of which %(luck)s is luck."),
    }.get(reason)
    return text and text % {
        "off": percent(facts.get("ece"), 1),
        "allowed": percent(facts.get("allowed"), 1),
        "luck": percent(min(facts.get("by_luck") or 0.0, facts.get("ece") or 0.0), 1),
        "low": decimal(facts.get("slope_low"), 2),
        "high": decimal(facts.get("slope_high"), 2),
    }


def _fairness(reason: str, facts: dict) -> str | None:
    groups, open_ = facts.get("groups", 0), facts.get("open", 0)
    text = {
        "unfair": _("Measurably treated otherwise than the largest group: %(named)s. The fairness table says in what."),
        "no_groups": _("No group of people is known, or none has enough customers to judge."),
        "too_uncertain": ngettext(
            "Nothing was found to differ, but %(open)s measure is too uncertain to judge.",
            "Nothing was found to differ, but %(open)s measures are too uncertain to judge.",
            open_,
        ),
        "alike": ngettext(
            "%(groups)s group is treated like the largest one, within what is tolerated.",
            "%(groups)s groups are treated like the largest one, within what is tolerated.",
            groups,
        ),
    }.get(reason)
    return text and text % {"named": _named(facts), "groups": thousands(groups), "open": thousands(open_)}


def _evidence(reason: str, facts: dict) -> str | None:
    text = {
        "few_churners": _("It learned from %(churners)s customers who left; %(needed)s are wanted."),
        "wide_interval": _("Its ROC AUC lies between %(low)s and %(high)s, a wide range: more customers would tell."),
        "enough": _("It learned from %(churners)s customers who left."),
    }.get(reason)
    return text and text % {
        "churners": thousands(facts.get("churners")),
        "needed": thousands(facts.get("needed")),
        "low": decimal(facts.get("low"), 3),
        "high": decimal(facts.get("high"), 3),
    }


def _champion(reason: str, facts: dict) -> str | None:
    text = {
        "no_champion": _("When it was trained no model was in charge to compare it with."),
        "nobody_in_common": _(
            "No customer was learned from by both it and the model in charge, so the two cannot be compared."
        ),
        "worse": _(
            "It does worse than the model that was in charge: log loss %(change)s ± %(error)s on the same %(rows)s customers (less is better)."
        ),
        "no_better": _(
            "It does neither better nor worse, beyond luck, than the model that was in charge: log loss %(change)s ± %(error)s on the same %(rows)s customers."
        ),
        "better": _(
            "It does better than the model that was in charge: log loss %(change)s ± %(error)s on the same %(rows)s customers (less is better)."
        ),
    }.get(reason)
    return text and text % {
        "change": signed(facts.get("log_loss"), 4),
        "error": decimal(facts.get("log_loss_error"), 4),
        "rows": thousands(facts.get("rows")),
    }


def _slices(reason: str, facts: dict) -> str | None:
    groups = facts.get("groups", 0)
    text = {
        "no_groups": _("No part of the base is known, or none has enough customers to judge."),
        "poor_slice": _("It ranks customers much worse than on the whole among: %(named)s."),
        "narrow_slice": _(
            "It ranks customers less well than on the whole among: %(named)s. They are much alike there, so that there is less to rank by."
        ),
        "alike": ngettext(
            "The %(groups)s part of the base that could be judged is served about as well as the whole.",
            "Each of the %(groups)s parts of the base that could be judged is served about as well as the whole.",
            groups,
        ),
    }.get(reason)
    return text and text % {"named": _named(facts), "groups": thousands(groups)}


def _named(facts: dict) -> str:
    """The groups with an issue, each once: “Contract: Two year”."""
    named = [
        _("%(column)s: %(group)s")
        % {
            "column": feature_name(one["column"]),
            "group": group_name(one["column"], {"kind": one.get("kind", "level"), "name": one["group"]}),
        }
        for one in facts.get("issues", [])
    ]
    return listed(list(dict.fromkeys(named)))


_SAY: dict[str, Callable[[str, dict], str | None]] = {
    "baseline": _baseline,
    "overfit": _overfit,
    "leak": _leak,
    "calibration": _calibration,
    "fairness": _fairness,
    "evidence": _evidence,
    "champion": _champion,
    "slices": _slices,
}
