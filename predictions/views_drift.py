"""The page of drift: are today's customers still those the model learned from, and how good is it likely to be on them?"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from core import jobs
from core.errors import Refused
from core.htmx import render_page
from core.models import OPEN_STATES
from customers import selectors as customers
from tenants.permissions import requires
from tenants.scoping import current_tenant

from . import charts_drift, registry, selectors, services
from .models import DriftReport
from .wording import drift as words
from .wording import estimates
from .wording.drift import feature_name

PAGE_COLUMNS = 12  # at first; those that moved stand open
MORE_COLUMNS = 24  # at a time
SHOWN_CHECKS = 12


@require_safe
@requires("view_models")
def drift(request: HttpRequest) -> HttpResponse:
    """The newest check: its verdict, its columns (the fragment ``more`` brings further ones), what is expected of the
    model, and the checks before; the fragment ``job`` is asked again while one runs."""
    job = DriftReport.objects.filter(state__in=OPEN_STATES).first()
    if request.htmx and request.htmx.target == "job":
        response = render_page(request, "predictions/drift.html#job", {"job": job})
        if job is None:
            response["HX-Refresh"] = "true"  # it ended: what it found stands all over the page
        return response
    if request.htmx and request.htmx.target == "more":
        newest = registry.drift_reports().first()
        return render_page(request, "predictions/drift.html#more", _columns(request, newest) if newest else {})
    reports = list(registry.drift_reports()[:SHOWN_CHECKS])
    newest = reports[0] if reports else None
    champion = selectors.champion()
    context: dict[str, object] = {
        "job": job,
        "champion": champion,
        "keeps_histograms": bool(champion and champion.reference),
        "last": DriftReport.objects.exclude(state__in=OPEN_STATES).first(),
        "newest": newest,
        "history": [_line(report) for report in reports],
        "settled": _settled(reports),
    }
    if newest:
        everybody = words.is_about_everybody(newest.findings)
        context |= {
            "verdict": words.verdict(newest.findings),
            "everybody": everybody,
            "score": _column(newest.findings["score"], "", frozenset()),
            "expected": estimates.expected(newest.estimate, everybody=everybody) if newest.estimate else None,
            **_columns(request, newest),
        }
        context["score_chart"] = charts_drift.scores(context["score"]["rows"])
    return render_page(request, "predictions/drift.html", context)


@require_POST
@requires("score_customers")
def start_check(request: HttpRequest) -> HttpResponse:
    """Ask for a check; the open one where there is one."""
    try:
        jobs.ring(services.require_check(requested_by=request.user))
    except Refused as refusal:
        messages.warning(request, refusal.message)
    return redirect("predictions:drift")


@require_POST
@requires("score_customers")
def cancel_check(request: HttpRequest, public_id) -> HttpResponse:
    report = DriftReport.objects.filter(public_id=public_id).first()
    if report is None:
        raise Http404
    jobs.cancel(report)
    messages.info(request, _("The check stops at its next step; earlier ones stay."))
    return redirect("predictions:drift")


# ---------------------------------------------------------------- what the page shows


def _columns(request: HttpRequest, report: DriftReport) -> dict[str, object]:
    """A bounded stretch of the columns, farthest moved first, and where the next one begins."""
    findings = sorted(
        report.findings["features"], key=lambda one: (one["verdict"] not in words.MOVED, -(one["psi"] or 0))
    )
    asked = request.GET.get("from", "")
    first = int(asked) if asked.isascii() and asked.isdigit() and len(asked) < 6 else 0
    after = first + (MORE_COLUMNS if first else PAGE_COLUMNS)
    currency, dates = current_tenant().currency, customers.date_columns()
    return {
        "columns": [_column(finding, currency, dates) for finding in findings[first:after]],
        "all_columns": len(findings),
        "first": first,
        "after": after if after < len(findings) else None,
        "remaining": max(0, len(findings) - after),
    }


def _column(finding: Mapping, currency: str, dates: Collection[str]) -> dict[str, object]:
    """One column, or the score, in words and bars."""
    labels = words.bins(finding, currency, is_date=finding["name"] in dates)
    shown = charts_drift.rows(finding, labels)
    return {
        "name": feature_name(finding["name"]),
        "badge": words.badge(finding["verdict"]),
        "is_open": finding["verdict"] in words.MOVED,
        "sentences": words.sentences(finding, labels),
        "rows": shown,
        "strip": charts_drift.small(shown),
        "figures": finding,
    }


def _line(report: DriftReport) -> dict[str, object]:
    """One check in the list of checks."""
    return {
        "report": report,
        "badge": words.badge(report.verdict),
        "moved": len(words.moved_names(report.findings)),
        "rows": {row["key"]: row for row in estimates.figure_rows(**_figures(report))} if report.estimate else {},
        "outcome": estimates.outcome(report.truth),
    }


def _figures(report: DriftReport) -> dict[str, object]:
    told = report.estimate
    return {"figures": told["figures"], "ranges": told["intervals"], "threshold": told["threshold"]}


def _settled(reports: list[DriftReport]) -> dict[str, object] | None:
    """The newest check whose estimate was held against the truth."""
    report = next((one for one in reports if one.truth), None)
    return {"report": report, **estimates.realised(report.truth)} if report else None
