"""What a result rests on, in words: comparisons, groups, money, what speaks for it and against it, and delivery signals."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from core.templatetags.ui import decimal, money, percent, thousands

from .models import Campaign, DeliverySignal
from .wording_campaigns import arm_of
from .wording_results import Found, day, side, signed_points, span_of


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
    return ("−" if round(value) < 0 else "") + thousands(round(abs(value)))


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
    if told["low"] <= 0 <= told["high"]:
        template = (
            _("What customers spent in the months after cannot be told apart from what those left alone spent: the difference lies between %(low)s and %(high)s each.")
            if found["revenue_by"] == "use"
            else _("By their monthly charges, those in it cannot be told apart from those left alone: the difference lies between %(low)s and %(high)s a month each.")
        )  # fmt: skip
    elif found["revenue_by"] == "use":
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
        said = {"low": side(worst["lowest"]), "high": side(worst["highest"])}
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
