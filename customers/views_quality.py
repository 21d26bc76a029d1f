"""Pages of data quality: what the newest file brought, or an earlier one, and whether there is enough to learn from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import floor

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from core import jobs
from core.errors import Refused
from core.htmx import render_page
from core.models import JobState
from tenants.permissions import requires

from . import charts, selectors, services, wording
from .models import ColumnFinding, Import, QualityProfile
from .wording import findings as finding_words
from .wording import quality as words
from .wording.features import feature_name

PAGE_FIELDS = 40
SHOWN_PROFILES = 10


def _import_or_404(public_id) -> Import:
    run = selectors.import_list().filter(public_id=public_id).first()
    if run is None:
        raise Http404
    return run


@require_safe
@requires("view_customers")
def quality(request: HttpRequest, public_id=None) -> HttpResponse:
    """The newest file's columns, or those of the import that is named; the fragment ``job`` is asked again while it runs."""
    run = _import_or_404(public_id) if public_id else None
    profiles = list(selectors.profile_list()[:SHOWN_PROFILES])
    if run is not None:
        job = selectors.profile_of(run)
        shown = job if job and job.state == JobState.SUCCEEDED else None
    else:
        job = profiles[0] if profiles else None
        run = job.brought_by if job else selectors.written_imports().first()
        shown = next((p for p in profiles if p.state == JobState.SUCCEEDED), None)
    context: dict[str, object] = {"run": run, "job": job}
    if request.htmx and request.htmx.target == "job":
        response = render_page(request, "customers/quality.html#job", context)
        if job is None or not job.is_open:
            response["HX-Refresh"] = "true"  # it ended: what it found stands all over the page
        return response
    found = list(selectors.finding_list())
    context |= {
        "shown": shown,
        "shown_run": shown.brought_by if shown else None,
        "profiles": [_line(profile) for profile in profiles],
        "is_latest": public_id is None,
        "findings": [_finding(finding) for finding in found],
        "readiness": services.readiness(),
        **(_fields(request, shown, found) if shown else {}),
    }
    return render_page(request, "customers/quality.html#fields", context)


@require_POST
@requires("import_customers")
def start_profile(request: HttpRequest, public_id) -> HttpResponse:
    """Look at a file that was not looked at yet, or again where that ended early."""
    run = _import_or_404(public_id)
    try:
        jobs.ring(services.request_profile(run=run, actor=request.user))
    except Refused as refusal:
        messages.warning(request, refusal.message)
    return redirect("customers:quality_of_import", public_id=run.public_id)


@require_POST
@requires("import_customers")
def cancel_profile(request: HttpRequest, public_id) -> HttpResponse:
    run = _import_or_404(public_id)
    job = selectors.profile_of(run)
    if job is None:
        raise Http404
    jobs.cancel(job)
    messages.info(request, _("It stops in a moment. What the file brought into the base stays as it is."))
    return redirect("customers:quality_of_import", public_id=run.public_id)


# ---------------------------------------------------------------- what the page shows


def _line(profile: QualityProfile) -> dict[str, object]:
    """One import in the list of those that were looked at."""
    return {"profile": profile, "fullness": words.share(profile.summary.get("fullness"))}


@dataclass(frozen=True, slots=True)
class FieldPage:
    """The fields on one page, and where the pages before and after begin."""

    rows: list[dict[str, object]]
    before: str
    after: str


def _finding(finding: ColumnFinding) -> dict[str, object]:
    return {
        "finding": finding,
        "name": feature_name(finding.column),
        "verdict": finding_words.verdict(finding.severity),
        "sentences": finding_words.sentences(finding.codes, finding.evidence),
    }


def _fields(request: HttpRequest, shown: QualityProfile, found: list[ColumnFinding]) -> dict[str, object]:
    """The fields that the person asked for, a page of them, and the figures of the whole file."""
    profile, run = shown.profile, shown.brought_by
    headers = {target: header for header, target in run.columns.items()}
    verdicts = {
        finding.column: finding_words.verdict(finding.severity) for finding in found if not finding.overruled_at
    }
    fields = [
        {"name": name, "title": wording.field_name(name), "header": headers.get(name, name), "column": column}
        for name, column in profile["columns"].items()
    ]
    for field in fields:
        verdict = verdicts.get(field["name"])
        badges = [{"words": verdict["title"], "tone": verdict["tone"]}] if verdict else []
        field["remarks"] = badges + words.remarks(field["column"])
    remarked = sum(bool(field["remarks"]) for field in fields)
    search = request.GET.get("q", "").strip().casefold()[:120]
    only = "look" if request.GET.get("only") == "look" else ""
    wanted = [
        field
        for field in fields
        if (not only or field["remarks"])
        and (search in field["title"].casefold() or search in field["header"].casefold())
    ]
    page = _page(request, wanted)
    for field in page.rows:
        field |= _described(field["column"])
    classes = shown.summary["classes"]
    known = classes.get("left", 0) + classes.get("stayed", 0)
    return {
        "summary": shown.summary,
        "fullness": words.share(shown.summary["fullness"]),
        "left_share": classes["left"] / known if known else None,
        "gone": [wording.field_name(name) for name in shown.summary["gone"]],
        "sampled": profile["sampled"],
        "duplicates": profile["duplicates"],
        "page": page,
        "all_fields": len(fields),
        "matching": len(wanted),
        "remarked": remarked,
        "search": request.GET.get("q", "")[:120],
        "only": only,
    }


def _page(request: HttpRequest, fields: list[dict[str, object]]) -> FieldPage:
    def place(name: str) -> int | None:
        text = request.GET.get(name, "")
        return int(text) if text.isascii() and text.isdigit() and len(text) < 6 else None

    before, after = place("before"), place("after")
    first = after if after is not None else max(before - PAGE_FIELDS, 0) if before is not None else 0
    rows = fields[first : first + PAGE_FIELDS]
    more = first + PAGE_FIELDS < len(fields)
    return FieldPage(rows, str(first) if first else "", str(first + PAGE_FIELDS) if more else "")


def _described(column: Mapping[str, object]) -> dict[str, object]:
    histogram = column.get("histogram")
    by_value = charts.is_by_value(column)
    return {
        "chart": charts.bars(column),
        "edges": [words.number(histogram["edges"][0]), words.number(histogram["edges"][-1])] if histogram else None,
        "by_value": by_value,
        "top": charts.commonest(column) if by_value else [],
        "kind": words.kind(column),
        "full": floor(1000 * column["fullness"]),
        "share": words.share(column["fullness"]),
        "fullness": words.fullness(column),
        "distinct": words.distinct(column),
        "quantiles": [] if by_value else words.quantiles(column),
        "outliers": words.outliers(column),
        "drift": words.drift(column),
        "by_class": words.by_class(column),
    }
