"""Whom to write to, in words: the rule in force and why, the two lists with their evidence, and what to collect."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from core.templatetags.ui import decimal, percent, thousands

from .wording_results import Found, Words, points, say, signed_points


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
        return say("success", "check-badge", _("Proved: write to those whom a mail keeps"), text, then)
    return say(
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
