"""Words about who is in charge, since when and why, what happens by itself, and who scored a customer on a day."""

from __future__ import annotations

from datetime import time

from django.utils.dates import WEEKDAYS
from django.utils.formats import date_format, time_format
from django.utils.timezone import localtime
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext, pgettext

from core.templatetags.ui import decimal, risk_percent, signed, thousands

from . import gates
from .groups import listed


def since(promotion) -> str:
    """Since when and by whom the model in charge is there: the last promotion in a sentence."""
    facts = {"when": _moment(promotion.at), "who": promotion.by or _("the command line")}
    if promotion.kind == "first":
        return _("In charge since %(when)s, as the first model: no gate spoke against it.") % facts
    if promotion.kind == "rolled_back":
        return _("In charge again since %(when)s, when %(who)s went back to it.") % facts
    return _("In charge since %(when)s, put there by %(who)s.") % facts


def kind(promotion) -> str:
    """How a model took charge."""
    return str(
        {
            "first": gettext_lazy("by itself, as the first model"),
            "promoted": gettext_lazy("put in charge"),
            "rolled_back": gettext_lazy("gone back to"),
        }.get(promotion.kind, promotion.kind)
    )


def open_gates(promotion) -> list[dict[str, object]]:
    """The gates that were not green when it took charge, in words."""
    return gates.in_words(promotion.open_gates)


def paired(facts: dict, *, newer: int, older: int) -> dict[str, object] | None:
    """Two models on the same customers: who is the better, and the differences with their ranges; None if never compared."""
    if not facts.get("rows") or facts.get("log_loss") is None:
        return None
    low, high = facts["log_loss_low"], facts["log_loss_high"]
    names = {"newer": newer, "older": older, "rows": thousands(facts["rows"])}
    if not (low or high or facts["log_loss"]):
        said = _("On the same %(rows)s customers, models %(newer)s and %(older)s tell the very same risks.")
        return {"sentence": said % names, "rows": []}
    if high < 0:
        said = _("On the same %(rows)s customers, model %(newer)s does better than model %(older)s.")
    elif low > 0:
        said = _("On the same %(rows)s customers, model %(newer)s does worse than model %(older)s.")
    else:
        said = _(
            "On the same %(rows)s customers, models %(newer)s and %(older)s do equally well, as far as can be told."
        )
    rows = [_difference(_("Log loss (less is better)"), facts, "log_loss", 4)]
    if facts.get("roc_auc") is not None:
        rows.append(_difference(_("ROC AUC (more is better)"), facts, "roc_auc", 4))
    return {"sentence": said % names, "rows": rows}


def _difference(name: str, facts: dict, key: str, digits: int) -> dict[str, str]:
    return {
        "name": name,
        "value": signed(facts[key], digits),
        "low": signed(facts[f"{key}_low"], digits),
        "high": signed(facts[f"{key}_high"], digits),
    }


def shadow(told: dict) -> list[str]:
    """What the challenger would change, from its scores in the shadow (shadow.Shadow.summary); nothing before the first."""
    if not told.get("customers"):
        return []
    moves, everybody = told["moves"], told["customers"]
    high_now, high_then = sum(moves[2]), sum(row[2] for row in moves)
    moved = everybody - sum(moves[band][band] for band in range(3))
    facts = {
        "n": thousands(everybody),
        "then": thousands(high_then),
        "now": thousands(high_now),
        "moved": thousands(moved),
    }
    said = [
        _("In the shadow it scored %(n)s customers: %(then)s would be at high risk, against %(now)s now.") % facts,
        ngettext(
            "%(moved)s customer would change between low, medium and high.",
            "%(moved)s customers would change between low, medium and high.",
            moved,
        )
        % facts,
    ]
    if told.get("apart") is not None:
        said.append(
            _("On average its risk lies %(points)s points from the one that is shown.")
            % {"points": decimal(100 * told["apart"], 1)}
        )
    return said


# ---------------------------------------------------------------- what is watched, what happens by itself


def watch(report) -> dict[str, str]:
    """The newest check for drift in a line, and beside it how good the model is likely to be; a tone for its colour."""
    moved = [one for one in report.findings.get("features", []) if one.get("verdict") in ("moved", "moved_much")]
    verdict = {
        "stable": _("The customers are still like those it learned from."),
        "moved": _("The customers have changed somewhat since it learned."),
        "moved_much": _("The customers have changed much since it learned."),
        "too_few": _("Too few customers to tell whether they have changed."),
    }.get(report.verdict, report.verdict)
    tone = {"stable": "low", "moved": "medium", "moved_much": "high"}.get(report.verdict, "none")
    figures, ranges = report.estimate.get("figures", {}), report.estimate.get("intervals", {})
    expected = ""
    if figures.get("roc_auc") is not None and ranges.get("roc_auc"):
        low, high = ranges["roc_auc"]
        expected = _("Expected ROC AUC on them: %(area)s (%(low)s to %(high)s).") % {
            "area": decimal(figures["roc_auc"], 3),
            "low": decimal(low, 3),
            "high": decimal(high, 3),
        }
    return {"sentence": verdict, "tone": tone, "expected": expected, "moved": thousands(len(moved)) if moved else ""}


def routine(told) -> list[dict[str, object]]:
    """What happens by itself: a sentence each, and whether it does."""
    hour = hour_name(told.scoring_hour)
    return [
        {
            "is_on": told.scores_nightly,
            "sentence": _("Every night at %(hour)s everybody is scored.") % {"hour": hour}
            if told.scores_nightly
            else _("Nobody is scored by night."),
        },
        {
            "is_on": told.checks_weekly,
            "sentence": _("Every week, on %(weekday)s, the customers are checked for drift.")
            % {"weekday": WEEKDAYS[told.check_weekday]}
            if told.checks_weekly
            else _("No check for drift by itself."),
        },
        {
            "is_on": told.retrains_monthly,
            "sentence": _(
                "Every month, on day %(day)s, a challenger is trained. It takes charge only when somebody puts it there."
            )
            % {"day": told.retrain_day}
            if told.retrains_monthly
            else _("No challenger is trained by itself."),
        },
    ]


def hour_name(hour: int) -> str:
    return time_format(time(hour), "TIME_FORMAT")


# ---------------------------------------------------------------- which model scored whom, when


def scored_then(then) -> list[str]:
    """What stood for a customer at the end of a day, in sentences (``then``: past.ScoredThen)."""
    facts = {"number": then.customer.external_id, "day": date_format(then.day, "DATE_FORMAT")}
    if then.run is None:
        said = [_("On %(day)s nobody had been scored yet.") % facts]
    elif not then.was_in_it:
        said = [
            _(
                "On %(day)s customer %(number)s had no risk yet: the scoring shown then, by model %(version)s, was made before this customer came."
            )
            % {**facts, "version": then.run.version.number}
        ]
    else:
        facts |= {"version": then.run.version.number, "when": _moment(then.run.finished_at)}
        said = [_("On %(day)s model %(version)s had scored customer %(number)s (scoring of %(when)s).") % facts]
        said.append(_risk(then))
    if then.in_charge is None:
        said.append(_("No model was in charge at the end of that day."))
    elif then.run is None or then.in_charge.pk != then.run.version_id:
        said.append(_("In charge at the end of that day was model %(version)s.") % {"version": then.in_charge.number})
    if len(then.changes) > 1 or (then.changes and then.changes[0].before_id):
        numbers = listed([_("model %(n)s") % {"n": change.version.number} for change in then.changes])
        said.append(_("On that day these took charge, one after the other: %(models)s.") % {"models": numbers})
    return said


def _risk(then) -> str:
    if then.score is None:
        return _("The risk itself is no longer kept.")
    band = {"high": pgettext("risk", "high"), "medium": pgettext("risk", "medium"), "low": pgettext("risk", "low")}[
        then.run.band(then.score.risk)
    ]
    return _("The risk it gave was %(risk)s (%(band)s).") % {"risk": risk_percent(then.score.risk), "band": band}


def _moment(when) -> str:
    return date_format(localtime(when), "DATETIME_FORMAT")
