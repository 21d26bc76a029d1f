"""Pages of the feeds: which there are, one with what it brought, its form, its test."""

from __future__ import annotations

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from core import jobs
from core.errors import Refused
from core.htmx import render_page
from core.models import JobState
from tenants.permissions import requires

from . import selectors, services, wording
from .forms_feeds import FORMS, FeedForm
from .models import Feed, FeedRun
from .wording import feeds as words

SHOWN_RUNS = 30
SECRETS = ("url", "address", "value", "password")  # in no report of an error


def _feed_or_404(public_id) -> Feed:
    feed = selectors.feed_list().filter(public_id=public_id).first()
    if feed is None:
        raise Http404
    return feed


def _line(feed: Feed, last: FeedRun | None) -> dict[str, object]:
    return {"feed": feed, "schedule": words.schedule(feed), "last": last}


@require_safe
@requires("import_customers")
def feed_list(request: HttpRequest) -> HttpResponse:
    """Every feed of the company, with its last look."""
    feeds = list(selectors.feed_list())
    last = selectors.last_feed_runs(feeds)
    lines = [_line(feed, last.get(feed.pk)) for feed in feeds]
    return render_page(request, "customers/feeds.html", {"lines": lines})


@require_safe
@requires("import_customers")
def feed_detail(request: HttpRequest, public_id) -> HttpResponse:
    """One feed; the fragment ``work`` is asked again while it is looked at or tested."""
    feed = _feed_or_404(public_id)
    runs = list(selectors.feed_runs(feed)[:SHOWN_RUNS])
    tested = next((run for run in runs if run.is_test), None)
    looks = [run for run in runs if not run.is_test]
    working = next((run for run in runs if run.is_open), None)
    context = {
        "feed": feed,
        "schedule": words.schedule(feed),
        "folder": settings.RAW_DATA_PATH / request.tenant.slug if feed.kind == Feed.Kind.FOLDER else None,
        "job": working,
        "last": working or next(iter(looks), None),
        "waiting": next((run for run in looks if run.state == JobState.AWAITING), None),
        "tested": tested if tested is not working else None,
        "test": _test_result(tested) if tested is not None and tested is not working else None,
        "looks": [{"run": run, "words": words.outcome(run), "result": run.report.get("result", {})} for run in looks],
    }
    return render_page(request, "customers/feed.html#work", context)


def _test_result(run: FeedRun) -> dict[str, object]:
    """What a test found, in words."""
    report = run.report
    return {
        "remarks": [words.remark(item["code"], item.get("name", "")) for item in report.get("remarks", [])],
        "notes": [wording.note(note["code"], note["facts"]) for note in report.get("notes", [])],
        "problems": [wording.mapping_problem(p["code"], p["facts"]) for p in report.get("problems", [])],
        "columns": [{**column, "name": wording.field_name(column["target"])} for column in report.get("columns", [])],
        "can_agree": services.can_agree(report),
    }


@sensitive_post_parameters(*SECRETS)
@require_http_methods(["GET", "HEAD", "POST"])
@requires("manage_feeds")
def new_feed(request: HttpRequest) -> HttpResponse:
    """First the kind of source, then its form."""
    kind = request.GET.get("kind", "")
    if kind not in FORMS:
        return render_page(request, "customers/feed_kinds.html")
    form = FORMS[kind](request.POST or None)
    if request.method == "POST" and form.is_valid():
        feed = form.save(kind=kind, actor=request.user)
        if feed is not None:
            messages.success(request, _("The feed is set up. Test it to see what it would bring."))
            return redirect("customers:feed_detail", public_id=feed.public_id)
    return _form_page(request, form, kind)


@sensitive_post_parameters(*SECRETS)
@require_http_methods(["GET", "HEAD", "POST"])
@requires("manage_feeds")
def edit_feed(request: HttpRequest, public_id) -> HttpResponse:
    feed = _feed_or_404(public_id)
    form = FORMS[feed.kind](request.POST or None, feed=feed)
    if request.method == "POST" and form.is_valid() and form.save(kind=feed.kind, actor=request.user) is not None:
        messages.success(request, _("The feed is changed."))
        return redirect("customers:feed_detail", public_id=feed.public_id)
    return _form_page(request, form, feed.kind, _feed_or_404(public_id))


def _form_page(request: HttpRequest, form: FeedForm, kind: str, feed: Feed | None = None) -> HttpResponse:
    context = {
        "form": form,
        "kind": kind,
        "kind_name": Feed.Kind(kind).label,
        "feed": feed,
        "folder": settings.RAW_DATA_PATH / request.tenant.slug,
    }
    return render_page(request, "customers/feed_form.html", context, status=422 if form.errors else 200)


@require_POST
@requires("curate_data")
def run_feed(request: HttpRequest, public_id) -> HttpResponse:
    return _open_run(request, public_id, is_test=False)


@require_POST
@requires("curate_data")
def test_feed(request: HttpRequest, public_id) -> HttpResponse:
    return _open_run(request, public_id, is_test=True)


def _open_run(request: HttpRequest, public_id, *, is_test: bool) -> HttpResponse:
    feed = _feed_or_404(public_id)
    try:
        jobs.ring(services.open_feed_run(feed=feed, requested_by=request.user, is_test=is_test))
    except Refused as refusal:
        messages.warning(request, refusal.message)
    return redirect("customers:feed_detail", public_id=feed.public_id)


@require_POST
@requires("curate_data")
def stop_feed(request: HttpRequest, public_id) -> HttpResponse:
    """Stop whatever the feed does now."""
    feed = _feed_or_404(public_id)
    for run in selectors.open_feed_runs(feed):
        services.stop_feed_run(run=run, actor=request.user)
    return redirect("customers:feed_detail", public_id=feed.public_id)


@require_POST
@requires("curate_data")
def agree_to_test(request: HttpRequest, public_id) -> HttpResponse:
    """Keep the columns of the newest test, for every file of that shape."""
    feed = _feed_or_404(public_id)
    run = selectors.newest_feed_test(feed)
    if run is None:
        raise Http404
    try:
        services.keep_tested_mapping(run=run, actor=request.user)
        messages.success(request, _("These columns are remembered: files of this shape are recognised."))
    except Refused as refusal:
        messages.error(request, refusal.message)
    return redirect("customers:feed_detail", public_id=feed.public_id)


@require_POST
@requires("curate_data")
def pause_feed(request: HttpRequest, public_id) -> HttpResponse:
    feed = _feed_or_404(public_id)
    services.pause_feed(feed=feed, actor=request.user)
    return redirect("customers:feed_detail", public_id=feed.public_id)


@require_POST
@requires("curate_data")
def resume_feed(request: HttpRequest, public_id) -> HttpResponse:
    feed = _feed_or_404(public_id)
    services.resume_feed(feed=feed, actor=request.user)
    return redirect("customers:feed_detail", public_id=feed.public_id)


@require_POST
@requires("manage_feeds")
def delete_feed(request: HttpRequest, public_id) -> HttpResponse:
    feed = _feed_or_404(public_id)
    try:
        services.delete_feed(feed=feed, actor=request.user)
    except Refused as refusal:
        messages.error(request, refusal.message)
        return redirect("customers:feed_detail", public_id=feed.public_id)
    messages.success(request, _("The feed is deleted; what it brought stays."))
    return redirect("customers:feed_list")
