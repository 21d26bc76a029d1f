"""What the pages about results show: a campaign's result in words and figures, and whom to write to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.http import HttpRequest

from . import charts, wording_campaigns, wording_evidence, wording_results, wording_uplift
from .models import Campaign, UpliftScore
from .services import measuring, uplift

_WITH_RESULT = ("final", "provisional", "waits", "due")
_EXPERIMENTS_SHOWN = 40


def summary(campaign: Campaign) -> dict[str, Any]:
    """For the campaign's own page: ``headline``, ``standing``, and whether more is to be read on the page of results."""
    standing = measuring.standing(campaign)
    if standing.code == "not_begun":
        return {"standing": standing, "headline": None, "has_result": False}
    found = campaign.result if standing.code in _WITH_RESULT else {}
    wanted = measuring.wanted_words(standing.aftermath) if standing.aftermath is not None else ""
    if found:
        is_final = standing.code == "final"
        waits = "" if is_final or standing.days_left else wanted
        days_left = None if is_final else standing.days_left
        said = wording_results.headline(campaign, found, days_left=days_left, waits=waits)
    else:
        said = wording_results.waiting(
            campaign, standing.code, until=standing.until, days_left=standing.days_left, wanted=wanted
        )
    return {"standing": standing, "headline": said, "has_result": bool(found), "is_final": standing.code == "final"}


def page(campaign: Campaign, request: HttpRequest) -> dict[str, Any]:
    """Everything about one campaign's result."""
    context: dict[str, Any] = {"campaign": campaign, **summary(campaign)}
    context["job"] = context["standing"].job
    if not context["has_result"]:
        return context
    found, currency = campaign.result, request.tenant.currency
    return context | {
        "found": found,
        "measured_day": wording_results.day(found["measured_on"]),
        "known_day": wording_results.day(found["known_until"]),
        "comparisons": wording_evidence.comparisons(campaign, found),
        "arms": wording_evidence.arms(campaign, found),
        "account": wording_evidence.account(campaign, found, currency) if found.get("is_final") else None,
        "revenue": wording_evidence.revenue(found, currency) if found.get("is_final") else "",
        "checks": wording_evidence.checks(found),
        "signals": wording_evidence.signals(found),
        "difference_chart": charts.differences(campaign, found),
        "rates_chart": charts.rates(campaign, found),
        "has_rival": campaign.rival_id is not None,
        "winner": wording_campaigns.arm_of(campaign, found["winner"]) if found.get("winner") else "",
    }


def whom() -> dict[str, Any]:
    """Whom to write to: the rule in force, the evidence, and what to collect."""
    run = uplift.current_run()
    result = run.result if run is not None else None
    measured = uplift.measured_campaigns().count()
    context: dict[str, Any] = {
        "run": run,
        "job": uplift.open_run(),
        "last": uplift.last_run(),
        "rule": wording_uplift.rule(result, is_ready=run is not None and run.is_ready, measured=measured),
        "measured": measured,
        "needed": uplift.NEEDED,
    }
    if result is not None:
        shown = result.get("experiments", [])[:_EXPERIMENTS_SHOWN]
        context["experiments"] = [one | {"day": wording_results.day(one["launched_on"])} for one in shown]
        if result.get("rankings"):
            context |= {
                "result": result,
                "lists": wording_uplift.lists(result),
                "top": wording_uplift.at_the_top(result),
                "qini_chart": charts.qini(result),
                "method": wording_uplift.method(result["method"]),
            }
    return context


def people(scores: Sequence[UpliftScore]) -> list[dict[str, Any]]:
    """A page of a list: each customer with the estimate, which is an order and nobody's promise."""
    return [{"customer": one.customer, "estimate": wording_uplift.estimate(one.effect)} for one in scores]
