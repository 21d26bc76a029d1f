"""What a campaign did, in words that a director reads; and whom to write to, with the evidence. Codes and figures in, sentences out."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from django.utils.dateparse import parse_date
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from core.templatetags.ui import decimal, money, percent, thousands

from .models import Campaign, DeliverySignal
from .wording_campaigns import arm_of

Words = dict[str, str]
Found = Mapping[str, Any]


def _whole(value: float) -> str:
    return thousands(round(abs(value)))


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
    return _("from %(low)s to %(high)s") % {"low": _side(interval["low"]), "high": _side(interval["high"])}


def _side(value: float) -> str:
    if round(value, 3) == 0:
        return _("no difference")
    said = {"points": points(value)}
    return _("%(points)s fewer") % said if value < 0 else _("%(points)s more") % said


# ---------------------------------------------------------------- before there is a result


def waiting(campaign: Campaign, code: str, *, until: date | None, days_left: int, wanted: str) -> Words:
    """Where measuring stands, while nothing is final."""
    if code == "cancelled":
        return _say(
            "", "no-symbol", _("It was cancelled, and is not measured"),
            _("Those left alone were free for other campaigns from that moment on: comparing with them would say nothing."),
        )  # fmt: skip
    if code == "running":
        return _say(
            "info", "clock", _days_to_go(days_left),
            _("Nothing is known yet of who left since it began. On %(day)s those written to are compared with those left alone; %(wanted)s")
            % {"day": day(until), "wanted": _lowered(wanted)},
        )  # fmt: skip
    if code == "waits":
        return _say(
            "warning", "arrow-up-tray", _("The time is over; the data is wanting"),
            _("It ran until %(day)s. %(wanted)s Then the result stands here by itself.") % {"day": day(until), "wanted": wanted},
        )  # fmt: skip
    if code == "due":
        return _say(
            "info", "clock", _("The data is there: it is measured within the hour"),
            _("“Measure now” does it at once."),
        )  # fmt: skip
    return _say(
        "info", "clock", _days_to_go(days_left),
        _("A file of after the beginning is there: a first look follows within the hour, and is no result."),
    )  # fmt: skip


def _days_to_go(days_left: int) -> str:
    return ngettext("Too early: %(n)s day to go", "Too early: %(n)s days to go", days_left) % {
        "n": thousands(days_left)
    }


def _lowered(sentence: str) -> str:
    return sentence[:1].lower() + sentence[1:]


def _say(tone: str, icon: str, title: str, text: str, then: str = "") -> Words:
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
        return _say(
            "", "scale", _("Nothing to compare with"),
            _("Nobody was left alone, so that nobody can say what would have happened without it."),
            _("Leave a tenth alone next time: it costs little, and it is the only proof."),
        )  # fmt: skip
    if code == "broken_randomisation":
        return _say(
            "warning", "exclamation-triangle", _("It cannot be read: the lots went wrong"),
            _("So many more or fewer customers are in one group than were drawn that a difference could come from that."),
            _("Look whether customers were removed from one group only, and do not use this result."),
        )  # fmt: skip
    if code == "uneven_missing":
        return _say(
            "warning", "exclamation-triangle", _("Too many outcomes are missing"),
            _("Of one group more outcomes are unknown than of the other, and what is unknown could turn the result."),
            _("Bring a file in which all of its customers are."),
        )  # fmt: skip
    return _say(
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
    return _say("success", "check-badge", title % said, f"{between} {_rates(campaign, found, one)}", _paid(one))


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
    return _say(
        "error", "hand-raised", title, f"{between} {_rates(campaign, found, one)}",
        _("Do not send this message to such customers again."),
    )  # fmt: skip


def _not_enough(campaign: Campaign, found: Found) -> Words:
    one = _main(found, "not_enough_evidence")
    said = {"rates": _rates(campaign, found, one), "span": span_of(one["difference"])}
    text = _("%(rates)s The true difference lies %(span)s: it may have worked, and these customers cannot tell.") % said
    return _say("", "scale", _("Not enough evidence yet"), text, more(one.get("more")))


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
    return _say("", "minus-circle", _("No difference worth knowing"), text, _("Try another offer, or other customers."))


def _too_early(found: Found, days_left: int | None, waits: str) -> Words:
    left = found["days_left"] if days_left is None else days_left
    title = _days_to_go(left) if left else _("The time is over; the data is wanting")
    one = found["against_holdout"][0]
    text = _("Who left is known up to %(day)s.") % {"day": day(found["known_until"])}
    if interval := one.get("provisional"):
        text += " " + _("What is seen so far, which is no result: a difference of leavers %(span)s.") % {
            "span": span_of(interval)
        }
    return _say("info" if left else "warning", "clock", title, text, waits)


# ---------------------------------------------------------------- figures beside it


def comparisons(campaign: Campaign, found: Found) -> list[dict[str, str]]:
    """Each comparison as a row: who against whom, difference, interval, customers, and the same with those reached only."""
    rows = []
    for one in (*found["against_holdout"], *found["pairs"]):
        interval = one["difference"] or one["provisional"]
        rows.append(
            {
                "who": arm_of(campaign, one["arm"]),
                "against": arm_of(campaign, one["against"]),
                "difference": signed_points(interval["estimate"]) if interval else "–",
                "interval": span_of(interval) if interval else "–",
                "is_provisional": one["difference"] is None and interval is not None,
                "kept": _range(one["kept"]) if one["kept"] and one["against"] == "holdout" else "",
                "written": _written(one["on_written"]),
                "p": _p(one["p_adjusted"]),
            }
        )
    return rows


def _range(kept: Found) -> str:
    return _("%(n)s (%(low)s to %(high)s)") % {
        "n": _minus(kept["estimate"]), "low": _minus(kept["low"]), "high": _minus(kept["high"]),
    }  # fmt: skip


def _minus(value: float) -> str:
    return ("−" if round(value) < 0 else "") + _whole(value)


def _written(found: Found | None) -> str:
    if not found:
        return "–"
    return _("%(difference)s (%(span)s)") % {
        "difference": signed_points(found["estimate"]), "span": span_of(found),
    }  # fmt: skip


def _p(value: float | None) -> str:
    if value is None:
        return "–"
    return _("below 0.001") if value < 0.001 else decimal(value, 3)


def arms(campaign: Campaign, found: Found) -> list[dict[str, Any]]:
    return [one | {"name": arm_of(campaign, one["arm"])} for one in found["arms"]]


def account(campaign: Campaign, found: Found, currency: str) -> dict[str, Any]:
    """Money kept less cost, in sentences; ``why_not`` a code where nothing is reckoned."""
    told = found.get("money") or {}
    if "why_not" in told:
        return {"why_not": told["why_not"]}
    rows = []
    for one in found["against_holdout"]:
        if one.get("money"):
            cash = one["money"]
            net = cash["net"]
            rows.append(
                {
                    "who": arm_of(campaign, one["arm"]),
                    "net": money(net["estimate"], currency),
                    "tone": "low" if net["low"] > 0 else "high" if net["high"] < 0 else "",
                    "between": _("between %(low)s and %(high)s")
                    % {"low": money(net["low"], currency), "high": money(net["high"], currency)},
                    "saved": money(cash["saved"]["estimate"], currency),
                    "cost": money(cash["cost"], currency),
                    "unknown": cash["unknown"],
                }
            )
    return {"rows": rows, "assumed": _assumed(told, currency)} if rows else {"why_not": "too_few"}


def _assumed(told: Found, currency: str) -> list[str]:
    lines = [
        _("A contact costs %(cost)s.") % {"cost": money(told["contact_cost"], currency)},
        _("A kept customer's margin of %(margin)s counts for %(months)s months, at %(rate)s a year.")
        % {
            "margin": percent(told["margin"]),
            "months": thousands(told["months"]),
            "rate": percent(told["yearly_rate"], 1),
        },
    ]
    if told["offer_cost"]:
        lines.insert(
            1,
            _("An offer that is taken costs %(cost)s, and %(share)s of those written to take it, as your company says.")
            % {"cost": money(told["offer_cost"], currency), "share": percent(told["taken"], 1)},
        )
    return lines


def revenue(found: Found, currency: str) -> str:
    """What customers paid afterwards, against those left alone."""
    one = found["against_holdout"][0]
    told = one.get("revenue")
    if not told:
        return ""
    said = {
        "each": money(abs(told["estimate"]), currency), "low": money(told["low"], currency), "high": money(told["high"], currency),
    }  # fmt: skip
    if found["revenue_by"] == "use":
        template = (
            _("In the months after, customers spent %(each)s more each than those left alone (%(low)s to %(high)s).")
            if told["estimate"] >= 0
            else _(
                "In the months after, customers spent %(each)s less each than those left alone (%(low)s to %(high)s)."
            )
        )
    else:
        template = (
            _("By their monthly charges, those in it pay %(each)s more a month each than those left alone (%(low)s to %(high)s), since more are still here.")
            if told["estimate"] >= 0
            else _("By their monthly charges, those in it pay %(each)s less a month each than those left alone (%(low)s to %(high)s), since fewer are still here.")
        )  # fmt: skip
    return template % said


def checks(found: Found) -> list[dict[str, str]]:
    """What speaks for and against the result: lots, missing outcomes, adjustment, who was not compared."""
    lines = [_lots(found), *_missing(found), _adjusted(found["adjustment"])]
    if found["not_judged"]:
        n = found["not_judged"]
        lines.append(
            _line(
                "",
                ngettext(
                    "%(n)s customer is in no group: by what was known before the launch, your definition of leaving says nothing of them.",
                    "%(n)s customers are in no group: by what was known before the launch, your definition of leaving says nothing of them.",
                    n,
                )
                % {"n": thousands(n)},
            )
        )
    lines.append(_line("", _source(found)))
    return lines


def _line(tone: str, text: str) -> dict[str, str]:
    return {"tone": tone, "text": text}


def _lots(found: Found) -> dict[str, str]:
    if found["verdict"] == "broken_randomisation":
        return _line("error", _("The groups are not as large as the lots would make them."))
    if not found["holdout"]:
        return _line("warning", _("There was no group that was left alone."))
    return _line("success", _("The groups are as large as the lots would make them."))


def _missing(found: Found) -> list[dict[str, str]]:
    missing = sum(arm["missing"] for arm in found["arms"])
    erased = sum(arm["erased"] for arm in found["arms"])
    if not missing:
        return [_line("success", _("Of everybody it is known whether they left."))]
    text = ngettext(
        "Of %(n)s customer it is not known whether they left.", "Of %(n)s customers it is not known whether they left.", missing
    ) % {"n": thousands(missing)}  # fmt: skip
    if erased:
        text += " " + ngettext(
            "%(n)s of them was erased since.", "%(n)s of them were erased since.", erased
        ) % {"n": thousands(erased)}  # fmt: skip
    lines = [_line("", text)]
    worst = found["against_holdout"][0].get("missing") if found["against_holdout"] else None
    if worst:
        said = {"low": _side(worst["lowest"]), "high": _side(worst["highest"])}
        text = _("Whatever became of them, the difference seen lies between %(low)s and %(high)s.") % said
        lines.append(
            _line("success", text + " " + _("The result holds in either case."))
            if worst["holds"]
            else _line("warning", text + " " + _("That could change the result."))
        )
    return lines


_NOT_ADJUSTED = {
    "few_outcomes": lambda: _("Too few left to take out what the risk on the day of the launch foretold."),
    "few_customers": lambda: _("The groups are too small to take out what the risk on the day of the launch foretold."),
    "foretells_little": lambda: _("The risk on the day of the launch foretold too little to narrow the interval."),
}


def _adjusted(told: Found) -> dict[str, str]:
    if told["used"]:
        return _line(
            "success",
            _(
                "What the risk on the day of the launch foretold (%(share)s of the outcome) is taken out: the interval is narrower."
            )
            % {"share": percent(told["explained"])},
        )
    why = _NOT_ADJUSTED.get(told["why"])
    return _line(
        "", why() if why else _("Nothing but the counts went in: no risks of before the launch were compared.")
    )


def _source(found: Found) -> str:
    if found["source"] == "label":
        return _("Who left is said by “%(file)s” of %(day)s.") % {
            "file": found["file"],
            "day": day(found["known_until"]),
        }
    return _("Who left is told by your definition by dates, from data up to %(day)s.") % {
        "day": day(found["known_until"])
    }


_SIGNALS = {
    DeliverySignal.Kind.OPENED: lambda: _("Opened"),
    DeliverySignal.Kind.CLICKED: lambda: _("Clicked"),
    DeliverySignal.Kind.SOFT_BOUNCE: lambda: _("Bounced for now"),
    DeliverySignal.Kind.HARD_BOUNCE: lambda: _("Bounced for good"),
    DeliverySignal.Kind.COMPLAINT: lambda: _("Complained"),
}


def signals(found: Found) -> list[dict[str, Any]]:
    """What came back about the mails, people and scanners apart; what nobody tracks is not shown as nought."""
    told = found.get("signals") or {}
    kinds = told.get("kinds", {})
    tracked = {"opened": told.get("tracks_opens"), "clicked": told.get("tracks_links")}
    written = sum(arm["written"] or 0 for arm in found["arms"])
    rows = []
    for kind, name in _SIGNALS.items():
        counts = kinds.get(str(kind), {})
        if not counts and not tracked.get(str(kind), True):
            continue
        people = counts.get("people", 0)
        rows.append(
            {"name": name(), "people": people, "machines": counts.get("machines", 0), "share": people / written if written else None}
        )  # fmt: skip
    return rows


# ---------------------------------------------------------------- whom to write to


def rule(result: Found | None, *, is_ready: bool, measured: int) -> Words:
    """Which rule decides now, and why."""
    if is_ready and result is not None:
        n = result.get("groups", {}).get("persuadable", {}).get("customers", 0)
        qini = result["rankings"][result["method"]]["qini"]
        text = _(
            "Your own %(experiments)s campaigns show it: in this order, contact keeps more customers than in any order by chance (%(qini)s more for each thousand, at least %(low)s)."
        ) % {
            "experiments": thousands(len(result["experiments"])),
            "qini": decimal(1000 * qini["estimate"], 1),
            "low": decimal(1000 * result["qini_floor"], 1),
        }
        then = (
            ngettext("%(n)s customer is kept by a mail.", "%(n)s customers are kept by a mail.", n)
            % {"n": thousands(n)}
            if n
            else _("No group of customers is proved to be kept by a mail yet; the order itself is.")
        )
        return _say("success", "check-badge", _("Proved: write to those whom a mail keeps"), text, then)
    return _say(
        "info", "scale", _("For now, risk times value decides"),
        _("Whom a mail keeps is not proved yet. The likeliest leavers are not always those whom a mail keeps: some would stay anyway, and some leave because of it."),
        _wanting(result, measured),
    )  # fmt: skip


def _wanting(result: Found | None, measured: int) -> str:
    """What to collect."""
    if result is None:
        if not measured:
            return _("Measure two campaigns of your own that left some customers alone: it learns from them.")
        return _("“Learn now” looks what your measured campaigns show.")
    if refused := result.get("refused"):
        return _refused(refused)
    codes = result.get("why_not", [])
    lines = []
    if "too_few_experiments" in codes:
        lines.append(
            _(
                "%(n)s campaign is measured, and %(needed)s are needed: one alone cannot show that what it taught holds for another offer."
            )
            % {"n": thousands(len(result["experiments"])), "needed": thousands(result["needed"]["experiments"])}
        )
    if "qini_not_above_zero" in codes:
        lines.append(
            _(
                "The learned order could be chance: the lower end of what it keeps is %(low)s for each thousand, and must be above nought. More campaigns, or larger groups left alone, would tell."
            )
            % {"low": decimal(1000 * result["qini_floor"], 1)}
        )
    if "risk_ranks_better" in codes:
        lines.append(_("The order by risk does as well: there is no reason for another one yet."))
    return " ".join(lines)


def _refused(refused: Found) -> str:
    facts = refused.get("facts", {})
    said = {"rows": thousands(facts.get("rows", 0)), "needed": thousands(facts.get("needed", 0))}
    code = refused["code"]
    if code == "too_few_treated":
        return _("%(rows)s customers who were written to have a known outcome, and %(needed)s are needed.") % said
    if code == "too_few_held_out":
        return (
            _(
                "%(rows)s customers who were left alone have a known outcome, and %(needed)s are needed: leave more alone."
            )
            % said
        )
    if code == "too_few_leavers":
        if facts.get("arm") == "held_out":
            return _("%(rows)s of those left alone have left, and %(needed)s are needed.") % said
        return _("%(rows)s of those written to have left, and %(needed)s are needed.") % said
    if code == "too_few_stayers":
        return _("Nearly everybody left: %(rows)s stayed in one group, and %(needed)s are needed.") % said
    return _("What was known of these customers says nothing that could be learned from.")


def lists(result: Found) -> list[dict[str, Any]]:
    """The two lists: what contact did to each as a whole, on customers whom the models had not seen."""
    found = []
    for kind, title in (
        ("persuadable", _("Kept by being written to")),
        ("do_not_disturb", _("Leave when written to")),
    ):
        one = (result.get("lists") or {}).get(kind)
        customers = result.get("groups", {}).get(kind, {}).get("customers", 0)
        found.append({"kind": kind, "title": title, "customers": customers, **_list_words(kind, one)})
    return found


def _list_words(kind: str, one: Found | None) -> dict[str, Any]:
    if one is None:
        return {"is_proven": False, "text": _("No such customers are found yet."), "evidence": ""}
    effect = one["effect"]
    if kind == "persuadable":
        text = _("Contact lowered the share of leavers among such customers by %(n)s.")
        value, low, high = effect["estimate"], effect["low"], effect["high"]
    else:
        text = _("Contact raised the share of leavers among such customers by %(n)s.")
        value, low, high = -effect["estimate"], -effect["high"], -effect["low"]
    evidence = ngettext(
        "Measured on %(rows)s customer of your campaigns, of whom %(alone)s were left alone: %(low)s to %(high)s.",
        "Measured on %(rows)s customers of your campaigns, of whom %(alone)s were left alone: %(low)s to %(high)s.",
        one["rows"],
    ) % {
        "rows": thousands(one["rows"]), "alone": thousands(one["held_out"]), "low": _bare(low), "high": _bare(high),
    }  # fmt: skip
    if not one["proven"]:
        return {
            "is_proven": False,
            "text": _("Looked for, and not proved: nobody is on this list."),
            "evidence": evidence,
        }
    return {"is_proven": True, "text": text % {"n": points(value)}, "evidence": evidence}


def estimate(effect: float) -> str:
    """By how much a mail is estimated to change one customer's chance of leaving."""
    return signed_points(-effect)


def _bare(value: float) -> str:
    return ("−" if round(value, 3) < 0 else "") + points(value)


def at_the_top(result: Found) -> list[dict[str, str]]:
    """What contact brings to the first tenth, two and three tenths of the order, beside the order by risk."""
    mine, risk = result["rankings"][result["method"]]["at"], result["rankings"]["risk"]["at"]
    return [
        {"share": percent(float(share)), "mine": _figure(mine[share]), "risk": _figure(risk[share])}
        for share in sorted(mine, key=float)
        if share in risk
    ]


def _figure(one: Found) -> str:
    return _("%(n)s (%(low)s to %(high)s)") % {
        "n": _bare(one["estimate"]), "low": _bare(one["low"]), "high": _bare(one["high"]),
    }  # fmt: skip


METHODS = {
    "t_learner": lambda: _("two models, one of those written to and one of those left alone (T-learner)"),
    "x_learner": lambda: _("models of each group's surprise about the other (X-learner)"),
}


def method(code: str) -> str:
    return METHODS[code]() if code in METHODS else code
