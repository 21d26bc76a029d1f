"""The pages about segments: what they are, how many there should be and who moved, and two of them side by side."""

from __future__ import annotations

import csv

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from core import jobs
from core.errors import Refused
from core.htmx import render_page
from core.tabular import safe_cell
from tenants.permissions import requires

from . import charts, features, selectors, services, wording_offers, wording_personas, wording_runs
from .models import Segment, Segmentation, SegmentProfile
from .wording_names import amount, feature_name

_PAGE = "segmentation/segments.html"
_HISTORY = 12
_BOXES = 12  # figures of boxes on one page; the table has every feature


@require_safe
@requires("view_customers")
def segments(request: HttpRequest) -> HttpResponse:
    """The segments in force: sizes, portraits, what is at stake; ``job`` is asked again while a run is open."""
    if request.htmx and request.htmx.target == "job":
        return _job(request, f"{_PAGE}#job")
    run, currency = selectors.current_run(), request.tenant.currency
    context: dict[str, object] = {"run": run, "job": selectors.open_run(), "last": selectors.last_run()}
    if run is None:
        context["why_code"], context["why"] = services.why_none()
        return render_page(request, _PAGE, context)
    found = selectors.profiles(run)
    names = run.figures["features"]
    context |= {
        "cards": _cards(found, currency),
        "advice": wording_runs.advice(run, len(found)),
        "stability": _stability(run),
        "filled_in": wording_runs.filled_in(run),
        "share_chart": charts.distribution(found),
        "stakes_chart": charts.stakes(found, currency) if any(p.stakes for p in found) else None,
        "radar_chart": charts.radar(found, names) if len(names) > 2 else None,
        "boxes": _boxes(run, found, names),
        "table": _table(run, found, currency),
        "names": [p.segment for p in found],
        "divided_on": run.finished_at or run.started_at,  # in force while the job still looks at other numbers
    }
    return render_page(request, _PAGE, context)


@require_safe
@requires("view_customers")
def how_many(request: HttpRequest) -> HttpResponse:
    """How good each number of segments would be, who moved since the run before, and earlier runs."""
    run = selectors.current_run()
    context: dict[str, object] = {"run": run, "job": selectors.open_run(), "history": []}
    offered = features.offered()
    context["columns"] = _columns(run, offered)
    context["numbers"] = range(services.LEAST_K, services.MOST_K + 1)
    if run is None:
        context["why_code"], context["why"] = services.why_none()
        return render_page(request, "segmentation/how_many.html", context)
    found = selectors.profiles(run)
    names = {s.number: s.label for s in Segment.objects.all()}
    context |= {
        "k": len(found),
        "advice": wording_runs.advice(run, len(found)),
        "candidates": run.advice.get("candidates", []),
        "quality_chart": charts.quality(run.advice["candidates"], len(found)) if run.advice.get("candidates") else None,
        "stability": _stability(run),
        "moves_chart": charts.moves(run.flow, names),
        "flow": run.flow,
        "history": _history(),
    }
    return render_page(request, "segmentation/how_many.html", context)


@require_safe
@requires("view_customers")
def compare(request: HttpRequest) -> HttpResponse:
    """Two segments side by side, by every feature and by what they stand to lose."""
    run = selectors.current_run()
    if run is None:
        return redirect("segmentation:segments")
    found = {p.segment.label: p for p in selectors.profiles(run)}
    labels = list(found)
    first = found.get(request.GET.get("a", "")) or found[labels[0]]
    second = found.get(request.GET.get("b", "")) or next((p for p in found.values() if p.pk != first.pk), first)
    currency = request.tenant.currency
    names = run.figures["features"]
    context = {
        "run": run,
        "names": [p.segment for p in found.values()],
        "sides": _cards([first, second], currency),
        "rows": [
            {
                "feature": feature_name(name),
                "values": [amount(name, p.mean_values.get(name), currency) for p in (first, second)],
                "times": _times(first.mean_values.get(name), second.mean_values.get(name)),
            }
            for name in names
        ],
        "radar_chart": charts.radar([first, second], names) if len(names) > 2 else None,
        "boxes": _boxes(run, [first, second], names),
    }
    return render_page(request, "segmentation/compare.html", context)


@require_POST
@requires("refresh_segments")
def start_refresh(request: HttpRequest) -> HttpResponse:
    """Divide the customers anew, by another number or other columns where the form says so."""
    wanted = request.POST.get("k", "")
    k = int(wanted) if wanted.isascii() and wanted.isdigit() and len(wanted) < 4 else None
    chosen, current = request.POST.getlist("feature"), selectors.current_run()
    if current and not current.features and set(chosen) == set(current.state_of_engine["asked"]):
        chosen = []  # nobody chose: the usual columns stay the usual ones, also where more of them come
    try:
        jobs.ring(services.open_run(requested_by=request.user, k=k, features=chosen))
    except Refused as refusal:
        messages.warning(request, refusal.message)
        return redirect("segmentation:how_many")
    return redirect("segmentation:segments")


@require_POST
@requires("refresh_segments")
def cancel_refresh(request: HttpRequest, public_id) -> HttpResponse:
    run = Segmentation.objects.filter(public_id=public_id).first()
    if run is None:
        raise Http404
    jobs.cancel(run)
    messages.info(request, _("It stops at its next step; the segments in force stay."))
    return redirect("segmentation:segments")


@require_POST
@requires("name_segments")
def rename(request: HttpRequest, number: int) -> HttpResponse:
    """Call a segment's kind of customer otherwise; its customers get the name by a job."""
    segment = Segment.objects.filter(number=number, is_retired=False).first()
    if segment is None:
        raise Http404
    try:
        services.rename_segment(segment=segment, persona=request.POST.get("persona", ""), actor=request.user)
    except Refused as refusal:
        messages.warning(request, refusal.message)
        return redirect("segmentation:segments")
    if job := services.open_assignment(requested_by=request.user):
        jobs.ring(job)
    messages.success(
        request,
        _("%(label)s is now called “%(persona)s”; its customers get the name within minutes.")
        % {"label": segment.label, "persona": services.persona_of(segment)},
    )
    return redirect("segmentation:segments")


@require_safe
@requires("export_customers")
def export_table(request: HttpRequest) -> HttpResponse:
    """The segments as CSV, a row each, by the names that programs know."""
    run = selectors.current_run()
    if run is None:
        raise Http404
    names = run.figures["features"]
    response = HttpResponse(content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = 'attachment; filename="segments.csv"'
    response.write("\ufeff")
    writer = csv.writer(response)
    stakes = ("customers", "risk", "charges", "charges_at_risk")
    writer.writerow(
        ["segment", "persona", "size", "percentage", *(f"mean_{name}" for name in map(safe_cell, names)),
         *(f"present_{name}" for name in stakes), "offer"]
    )  # fmt: skip
    found = selectors.profiles(run)
    offers = wording_offers.of_segments([p.segment for p in found])
    for p in found:
        writer.writerow(
            [
                safe_cell(p.segment.label), safe_cell(wording_personas.persona(p.segment)), p.size, p.percentage,
                *(p.mean_values.get(name) for name in names), *(p.stakes.get(name) for name in stakes),
                safe_cell(offers.get(p.segment_id, "")),
            ]
        )  # fmt: skip
    return response


# ---------------------------------------------------------------- what the pages show


def _job(request: HttpRequest, template: str) -> HttpResponse:
    job = selectors.open_run()
    response = render_page(request, template, {"job": job})
    if job is None:
        response["HX-Refresh"] = "true"  # it ended: what it found stands all over the page
    return response


def _stability(run: Segmentation) -> dict[str, object] | None:
    return wording_runs.stability(run.flow, other_features=run.figures.get("other_features_than_before", False))


def _cards(found: list[SegmentProfile], currency: str) -> list[dict[str, object]]:
    offers = wording_offers.of_segments([p.segment for p in found])
    return [
        {
            "profile": p,
            "segment": p.segment,
            "colour": charts.colour(p.segment.number),
            "persona": wording_personas.persona(p.segment),
            "suggested": wording_personas.persona_of_code(p.segment.persona_code),
            "portrait": wording_personas.portrait(p.portrait, currency),
            "stakes": p.stakes,
            "offer": offers.get(p.segment_id, ""),
            "url": charts.members_of(p.segment),
        }
        for p in found
    ]


def _boxes(run: Segmentation, found: list[SegmentProfile], names: list[str]) -> list[dict[str, object]]:
    """Boxes of the features that separate the segments most."""
    weight = run.figures["importance"]
    heavy = sorted(names, key=lambda name: -weight[name])[:_BOXES]
    return [
        {"id": f"box-{at}", "title": feature_name(name), "weight": weight[name], "figure": charts.boxes(found, name)}
        for at, name in enumerate(heavy)
    ]


def _table(run: Segmentation, found: list[SegmentProfile], currency: str) -> list[dict[str, object]]:
    """Means: a row for each feature, a cell for each segment, with the mean of all beside."""
    return [
        {
            "feature": feature_name(name),
            "weight": run.figures["importance"][name],
            "all": amount(name, run.figures["means"][name], currency),
            "cells": [amount(name, p.mean_values.get(name), currency) for p in found],
        }
        for name in run.figures["features"]
    ]


def _columns(run: Segmentation | None, offered: dict) -> list[dict[str, object]]:
    used = set(run.state_of_engine["asked"] if run else features.usual())
    return [{"name": name, "words": feature_name(name), "is_used": name in used} for name in offered]


def _history() -> list[dict[str, object]]:
    return [
        {"run": run, "k": run.segments, "stability": wording_runs.stability(run.flow)}
        for run in selectors.history()[:_HISTORY]
    ]


def _times(first: float | None, second: float | None) -> float | None:
    """How many times the first is the second, where that says something."""
    if not first or not second or first < 0 or second < 0:
        return None
    return round(first / second, 2)
