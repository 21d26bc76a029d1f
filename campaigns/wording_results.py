"""What a campaign did, in words that a director reads. Codes and figures in, sentences out."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from django.utils.dateparse import parse_date
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from core.templatetags.ui import decimal, percent, thousands

from .models import Campaign
from .wording_campaigns import arm_of

Words = dict[str, str]
Found = Mapping[str, Any]


def day(text: str | date | None) -> str:
    """A day as the language writes it, from a date or its ISO text."""
    known = parse_date(text) if isinstance(text, str) else text
    return date_format(known, "DATE_FORMAT") if known else "–"


def points(value: float | None) -> str:
    """A difference of shares: 0.024 -> "2.4 points"."""
    if value is None:
        return "–"
    return _("%(n)s points") % {"n": decimal(100 * abs(value), 1)}


def signed_points(value: float | None) -> str:
    if value is None:
        return "–"
    sign = "−" if round(value, 3) < 0 else "+" if round(value, 3) > 0 else "±"
    return sign + points(value)


def span_of(interval: Found) -> str:
    """The ends of a difference of shares of leavers: "from 3.1 points fewer to 0.4 points more"."""
    return _("from %(low)s to %(high)s") % {"low": side(interval["low"]), "high": side(interval["high"])}


def side(value: float) -> str:
    if round(value, 3) == 0:
        return _("no difference")
    said = {"points": points(value)}
    return _("%(points)s fewer") % said if value < 0 else _("%(points)s more") % said


# ---------------------------------------------------------------- before there is a result


def waiting(campaign: Campaign, code: str, *, until: date | None, days_left: int, wanted: str) -> Words:
    """Where measuring stands, while nothing is final."""
    if code == "cancelled":
        return say(
            "", "no-symbol", _("It was cancelled, and is not measured"),
            _("Those left alone were free for other campaigns from that moment on: comparing with them would say nothing."),
        )  # fmt: skip
    if code == "running":
        return say(
            "info", "clock", _days_to_go(days_left),
            _("Nothing is known yet of who left since it began. On %(day)s those written to are compared with those left alone; %(wanted)s")
            % {"day": day(until), "wanted": _lowered(wanted)},
        )  # fmt: skip
    if code == "waits":
        return say(
            "warning", "arrow-up-tray", _("The time is over; the data is wanting"),
            _("It ran until %(day)s. %(wanted)s Then the result stands here by itself.") % {"day": day(until), "wanted": wanted},
        )  # fmt: skip
    if code == "due":
        return say(
            "info", "clock", _("The data is there: it is measured within the hour"),
            _("“Measure now” does it at once."),
        )  # fmt: skip
    return say(
        "info", "clock", _days_to_go(days_left),
        _("A file of after the beginning is there: a first look follows within the hour, and is no result."),
    )  # fmt: skip


def _days_to_go(days_left: int) -> str:
    return ngettext("Too early: %(n)s day to go", "Too early: %(n)s days to go", days_left) % {
        "n": thousands(days_left)
    }


def _lowered(sentence: str) -> str:
    return sentence[:1].lower() + sentence[1:]


def say(tone: str, icon: str, title: str, text: str, then: str = "") -> Words:
    return {"tone": tone, "icon": icon, "title": title, "text": text, "then": then}


# ---------------------------------------------------------------- the result


def headline(campaign: Campaign, found: Found, *, days_left: int | None = None, waits: str = "") -> Words:
    """The result in a title and a sentence or two. ``days_left``: to the end of the horizon, by today; ``waits``: which data
    is wanting, where the horizon is over and the result is of before its end."""
    code = found.get("verdict", "")
    says = {
        "kept": _kept,
        "lost": _lost,
        "not_enough_evidence": _not_enough,
        "no_difference_detectable": _no_difference,
        "too_early": lambda c, f: _too_early(f, days_left, waits),
    }.get(code)
    if says is not None:
        return says(campaign, found)
    if code == "no_holdout":
        return say(
            "", "scale", _("Nothing to compare with"),
            _("Nobody was left alone, so that nobody can say what would have happened without it."),
            _("Leave a tenth alone next time: it costs little, and it is the only proof."),
        )  # fmt: skip
    if code == "broken_randomisation":
        return say(
            "warning", "exclamation-triangle", _("It cannot be read: the lots went wrong"),
            _("So many more or fewer customers are in one group than were drawn that a difference could come from that."),
            _("Look whether customers were removed from one group only, and do not use this result."),
        )  # fmt: skip
    if code == "uneven_missing":
        return say(
            "warning", "exclamation-triangle", _("Too many outcomes are missing"),
            _("Of one group more outcomes are unknown than of the other, and what is unknown could turn the result."),
            _("Bring a file in which all of its customers are."),
        )  # fmt: skip
    return say(
        "", "question-mark-circle", _("Nobody's outcome is known"),
        _("The data says of nobody of one group whether they left."), _("Bring a file that says who left."),
    )  # fmt: skip


def _main(found: Found, verdict: str) -> Found:
    """The comparison with the left alone that the campaign's word is about."""
    rows = found["against_holdout"]
    return next((one for one in rows if one["verdict"] == verdict), rows[0])


def _rates(campaign: Campaign, found: Found, one: Found) -> str:
    arms = {arm["arm"]: arm for arm in found["arms"]}
    mine, other = arms[one["arm"]], arms[one["against"]]
    said = {
        "mine": percent(mine["rate"], 1), "other": percent(other["rate"], 1), "n": thousands(mine["assigned"]),
        "alone": thousands(other["assigned"]), "days": thousands(found["horizon_days"]), "message": arm_of(campaign, one["arm"]),
    }  # fmt: skip
    if campaign.rival_id:
        return (
            _(
                "Within %(days)s days %(mine)s left of the %(n)s who were to get %(message)s, and %(other)s of the %(alone)s who were left alone by lot."
            )
            % said
        )
    return (
        _(
            "Within %(days)s days %(mine)s left of the %(n)s who were to be written to, and %(other)s of the %(alone)s who were left alone by lot."
        )
        % said
    )


def _kept(campaign: Campaign, found: Found) -> Words:
    one = _main(found, "kept")
    kept = one["kept"]
    n = max(round(kept["estimate"]), 0)
    said = {"n": thousands(n), "message": arm_of(campaign, one["arm"])}
    if campaign.rival_id:
        title = ngettext(
            "%(n)s customer stayed because of %(message)s", "%(n)s customers stayed because of %(message)s", n
        )
    else:
        title = ngettext("%(n)s customer stayed because of you", "%(n)s customers stayed because of you", n)
    between = _("Between %(low)s and %(high)s, and here is how we know.") % {
        "low": thousands(max(round(kept["low"]), 0)),
        "high": thousands(max(round(kept["high"]), 0)),
    }
    return say("success", "check-badge", title % said, f"{between} {_rates(campaign, found, one)}", _paid(one))


def _paid(one: Found) -> str:
    """Whether it also paid, where costs are known."""
    account = one.get("money")
    if not account:
        return ""
    if account["net"]["low"] > 0:
        return _("It brought more than it cost.")
    if account["net"]["high"] < 0:
        return _("It cost more than it brought: write to fewer, or offer less.")
    return _("Whether it brought more than it cost is not certain.")


def _lost(campaign: Campaign, found: Found) -> Words:
    one = _main(found, "lost")
    kept = one["kept"]
    n = max(round(-kept["estimate"]), 0)
    title = ngettext("Stop: %(n)s customer left because of it", "Stop: %(n)s customers left because of it", n) % {
        "n": thousands(n)
    }
    between = _("Between %(low)s and %(high)s. Of those written to, more left.") % {
        "low": thousands(max(round(-kept["high"]), 0)), "high": thousands(max(round(-kept["low"]), 0)),
    }  # fmt: skip
    return say(
        "error", "hand-raised", title, f"{between} {_rates(campaign, found, one)}",
        _("Do not send this message to such customers again."),
    )  # fmt: skip


def _not_enough(campaign: Campaign, found: Found) -> Words:
    one = _main(found, "not_enough_evidence")
    said = {"rates": _rates(campaign, found, one), "span": span_of(one["difference"])}
    text = _("%(rates)s The true difference lies %(span)s: it may have worked, and these customers cannot tell.") % said
    return say("", "scale", _("Not enough evidence yet"), text, more(one.get("more")))


def more(found: Found | None) -> str:
    """What it would take to see a difference: for the next campaign."""
    if not found:
        return _("The next campaign should be to more customers, and leave more of them alone.")
    said = {
        "fall": points(found["difference"]), "n": thousands(found["more_customers"] or 0), "days": thousands(found["days"] or 0),
    }  # fmt: skip
    by_what = {
        "break_even": _("A fall of %(fall)s would pay for it."), "observed": _("What was seen is a fall of %(fall)s."),
    }.get(found["planned_for"], _("Planned for is a fall of %(fall)s.")) % said  # fmt: skip
    if found["more_customers"] and found["days"]:
        how = (
            _("To prove that, the next campaign needs %(n)s more customers, or %(days)s days in place of these.") % said
        )
    elif found["more_customers"]:
        how = _("To prove that, the next campaign needs %(n)s more customers.") % said
    elif found["days"]:
        how = _("To prove that, the next campaign needs %(days)s days.") % said
    else:
        how = _("No number of customers would prove that: look for a stronger offer.")
    return f"{by_what} {how}"


def _no_difference(campaign: Campaign, found: Found) -> Words:
    one = _main(found, "no_difference_detectable")
    text = _("%(rates)s The true difference lies %(span)s: if it kept anybody, then fewer than would pay for it.") % {
        "rates": _rates(campaign, found, one), "span": span_of(one["difference"]),
    }  # fmt: skip
    return say("", "minus-circle", _("No difference worth knowing"), text, _("Try another offer, or other customers."))


def _too_early(found: Found, days_left: int | None, waits: str) -> Words:
    left = found["days_left"] if days_left is None else days_left
    title = _days_to_go(left) if left else _("The time is over; the data is wanting")
    one = found["against_holdout"][0]
    text = _("Who left is known up to %(day)s.") % {"day": day(found["known_until"])}
    if interval := one.get("provisional"):
        text += " " + _("What is seen so far, which is no result: a difference of leavers %(span)s.") % {
            "span": span_of(interval)
        }
    return say("info" if left else "warning", "clock", title, text, waits)
