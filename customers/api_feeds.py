"""The feeds for programs: set up, changed and deleted, tested, looked at now, and looking by schedule or not."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.http import Http404
from rest_framework.response import Response
from rest_framework.reverse import reverse
from rest_framework.views import APIView

from core import jobs
from core.errors import Refused
from core.operations import operation
from tenants.idempotency import idempotent

from . import api_shapes as shapes
from . import selectors, services
from .api_feed_bodies import CHANGED_FEED, NEW_FEED, read_change, read_new, schedule_of
from .models import Feed, FeedRun
from .services.feed_sources import FIELDS, PLACES

# What is shown of a source; its address, its query and its credentials are not.
_SHOWN = {
    Feed.Kind.FOLDER: ("pattern", "sheet"),
    Feed.Kind.SQL: ("engine",),
    Feed.Kind.HTTPS: ("auth", "header", "sheet"),
}
_THERE = {"Location": "The address of the feed."}
_UNUSABLE = (
    "The name is taken (`name_taken`), or what is said of the source cannot be used (`bad_pattern`, `bad_url`, `not_a_select`, "
    "`bad_address`, `not_https`, `no_credentials` and others); `facts` has the `field` that it is about."
)


class FeedsView(APIView):
    capability = {"GET": "import_customers", "POST": "manage_feeds"}

    @operation(answers={200: shapes.FEEDS})
    def get(self, request):
        """Every feed of the company, with its last look; neither query nor address nor credentials."""
        feeds = list(selectors.feed_list())
        last = selectors.last_feed_runs(feeds)
        return Response({"feeds": [_as_json(request, feed, last.get(feed.pk)) for feed in feeds]})

    @operation(
        body=NEW_FEED,
        answers={201: shapes.FEED},
        headers={201: _THERE},
        refuses={422: f"{_UNUSABLE} There are too many feeds already (`too_many_feeds`)."},
    )
    @idempotent
    def post(self, request):
        """Set up a feed: 201 with it. It looks by its schedule from then on; ``test`` says what it would bring."""
        fields = read_new(request)
        kind = fields.pop("kind")
        given = services.given_of(None, _taken(fields, kind))
        with _placed():
            feed = services.create_feed(kind=kind, given=given, actor=request.user, **fields)
        return Response(_as_json(request, feed, None), status=201, headers={"Location": _address(request, feed)})


class FeedView(APIView):
    capability = {"GET": "import_customers", "PATCH": "manage_feeds", "DELETE": "manage_feeds"}

    @operation(answers={200: shapes.TESTED_FEED})
    def get(self, request, public_id):
        """One feed, with its last look and its newest test; neither query nor address nor credentials."""
        return Response(_in_full(request, public_id, shows_rows=request._request.membership.can("view_customers")))

    @operation(body=CHANGED_FEED, answers={200: shapes.FEED}, refuses={422: _UNUSABLE})
    def patch(self, request, public_id):
        """Change what is named. Credentials stay unless they are given again; another machine asks for them anew."""
        feed = _feed_or_404(public_id)
        fields = read_change(request, feed)
        named = _taken(fields, feed.kind)
        with _placed():
            given = services.given_of(feed, named) if named else None
            services.change_feed(feed=feed, given=given, actor=request.user, **fields)
        return _told(request, public_id)

    @operation(answers={204: None}, refuses={422: "The feed is at work (`running`): stop it first."})
    def delete(self, request, public_id):
        """Delete the feed with its credentials and its history; what it brought stays."""
        services.delete_feed(feed=_feed_or_404(public_id), actor=request.user)
        return Response(status=204)


class RunFeedView(APIView):
    capability = "curate_data"

    @operation(
        answers={202: shapes.FEED},
        headers={202: _THERE},
        refuses={422: "The feed is at work, or waits for a person."},
    )
    @idempotent
    def post(self, request, public_id):
        """Have the feed look now: 202 with the feed's address, 422 where it is at work or waits for a person."""
        feed = _feed_or_404(public_id)
        run = services.open_feed_run(feed=feed, requested_by=request.user)
        jobs.ring(run)
        return Response(_as_json(request, feed, run), status=202, headers={"Location": _address(request, feed)})


class TestFeedView(APIView):
    capability = "curate_data"

    @operation(
        answers={202: shapes.TESTED_FEED},
        headers={202: _THERE},
        refuses={422: "It is being tested already (`running`)."},
    )
    @idempotent
    def post(self, request, public_id):
        """Try the source and read its beginning: 202 with the feed's address, whose ``test`` says what came of it. No customer
        is written."""
        feed = _feed_or_404(public_id)
        jobs.ring(services.open_feed_run(feed=feed, requested_by=request.user, is_test=True))
        return Response(_in_full(request, public_id), status=202, headers={"Location": _address(request, feed)})


class StopFeedView(APIView):
    capability = "curate_data"

    @operation(answers={200: shapes.TESTED_FEED})
    @idempotent
    def post(self, request, public_id):
        """Stop whatever the feed does now, a look or a test. Where it does nothing, nothing changes."""
        for run in selectors.open_feed_runs(_feed_or_404(public_id)):
            services.stop_feed_run(run=run, actor=request.user)
        return Response(_in_full(request, public_id))


class AgreeFeedView(APIView):
    capability = "curate_data"

    @operation(
        answers={200: shapes.TESTED_FEED},
        refuses={422: "There is no finished test (`no_test`), or its columns have a problem, whose code it is."},
    )
    @idempotent
    def post(self, request, public_id):
        """Agree to the columns of the newest test, for every file of that shape."""
        run = selectors.newest_feed_test(_feed_or_404(public_id))
        services.keep_tested_mapping(run=run, actor=request.user)
        return Response(_in_full(request, public_id))


class PauseFeedView(APIView):
    capability = "curate_data"

    @operation(answers={200: shapes.FEED})
    @idempotent
    def post(self, request, public_id):
        """Look no more by schedule; what runs goes on. Pausing it again changes nothing."""
        services.pause_feed(feed=_feed_or_404(public_id), actor=request.user)
        return _told(request, public_id)


class ResumeFeedView(APIView):
    capability = "curate_data"

    @operation(answers={200: shapes.FEED})
    @idempotent
    def post(self, request, public_id):
        """Look by schedule again, from its next time on."""
        services.resume_feed(feed=_feed_or_404(public_id), actor=request.user)
        return _told(request, public_id)


def _told(request, public_id) -> Response:
    feed = _feed_or_404(public_id)
    return Response(_as_json(request, feed, selectors.last_feed_runs([feed]).get(feed.pk)))


def _feed_or_404(public_id) -> Feed:
    feed = selectors.feed_list().filter(public_id=public_id).first()
    if feed is None:
        raise Http404
    return feed


def _address(request, feed: Feed) -> str:
    return reverse("customers:api_feed", args=[feed.public_id], request=request)


@contextmanager
def _placed() -> Iterator[None]:
    """A refusal with the field that it is about, where it is about one."""
    try:
        yield
    except Refused as refusal:
        if refusal.code in PLACES:
            refusal.facts["field"] = PLACES[refusal.code]
        raise


def _taken(fields: dict[str, Any], kind: str) -> dict[str, str]:
    """What is about the source, taken out of the rest."""
    return {name: fields.pop(name) for name in FIELDS[kind] if name in fields}


def _in_full(request, public_id, *, shows_rows: bool = False) -> dict[str, object]:
    feed = _feed_or_404(public_id)
    test = selectors.newest_feed_test(feed)
    last = selectors.last_feed_runs([feed]).get(feed.pk)
    # Rows of a source are not kept with the answers to an Idempotency-Key.
    return {**_as_json(request, feed, last), "test": _test_as_json(test, shows_rows) if test is not None else None}


def _as_json(request, feed: Feed, last: FeedRun | None) -> dict[str, object]:
    schedule = schedule_of(feed)
    return {
        "id": str(feed.public_id),
        "url": _address(request, feed),
        "name": feed.name,
        "kind": feed.kind,
        **schedule,
        "at": f"{schedule['at']:%H:%M}" if schedule["at"] is not None else None,
        "review": feed.review,
        "empty_clears": feed.empty_clears,
        **{name: feed.options.get(name, "") for name in _SHOWN[feed.kind]},
        "active": feed.is_active,
        "next_run_at": feed.next_run_at if feed.is_active else None,
        "last_run_at": feed.last_run_at,
        "failures": feed.failures,
        "last_run": _look_as_json(request, last) if last is not None else None,
    }


def _run_as_json(run: FeedRun) -> dict[str, object]:
    return {
        "id": str(run.public_id),
        "state": run.state,
        "progress": run.fraction,
        "outcome": run.outcome or None,
        "file": run.found,
        "error": {"code": run.error_code, "detail": run.error_message} if run.error_code else None,
    }


def _look_as_json(request, run: FeedRun) -> dict[str, object]:
    opened = run.import_run
    return {
        **_run_as_json(run),
        "import": reverse("customers:api_import", args=[opened.public_id], request=request) if opened else None,
        "result": run.report.get("result", {}),
    }


def _test_as_json(run: FeedRun, shows_rows: bool) -> dict[str, object]:
    """What a test found, with the codes of its remarks rather than their words."""
    report = run.report
    columns = ("header", "target", "type", "fullness")
    return {
        **_run_as_json(run),
        "requested_at": run.requested_at,
        "rows": report.get("rows"),
        "partial": report.get("is_cut", False),
        "sheet": report.get("sheet", ""),
        "sheets": report.get("sheets", []),
        "columns": [{name: column[name] for name in columns} for column in report.get("columns", [])],
        "mapping": report.get("mapping"),
        "remembered": report.get("is_remembered", False),
        "can_agree": services.can_agree(report),
        "problems": report.get("problems", []),
        "notes": report.get("notes", []),
        "remarks": report.get("remarks", []),
        "first_rows": report.get("first_rows") if shows_rows else None,
    }
