"""The feeds for programs: which there are, a look now, and looking by schedule or not."""

from __future__ import annotations

from django.http import Http404
from rest_framework.response import Response
from rest_framework.reverse import reverse
from rest_framework.views import APIView

from core import jobs
from core.operations import operation
from tenants.idempotency import idempotent

from . import api_shapes as shapes
from . import selectors, services
from .models import Feed, FeedRun


class FeedsView(APIView):
    capability = "import_customers"

    @operation(answers={200: shapes.FEEDS})
    def get(self, request):
        """Every feed of the company, with its last look; neither query nor address nor credentials."""
        feeds = list(selectors.feed_list())
        last = selectors.last_feed_runs(feeds)
        return Response({"feeds": [_as_json(request, feed, last.get(feed.pk)) for feed in feeds]})


class FeedView(APIView):
    capability = "import_customers"

    @operation(answers={200: shapes.FEED})
    def get(self, request, public_id):
        """One feed, with its last look."""
        feed = _feed_or_404(public_id)
        return Response(_as_json(request, feed, selectors.last_feed_runs([feed]).get(feed.pk)))


class RunFeedView(APIView):
    capability = "curate_data"

    @operation(
        answers={202: shapes.FEED},
        headers={202: {"Location": "The address of the feed."}},
        refuses={422: "The feed is at work, or waits for a person."},
    )
    @idempotent
    def post(self, request, public_id):
        """Have the feed look now: 202 with the feed's address, 422 where it is at work or waits for a person."""
        feed = _feed_or_404(public_id)
        run = services.open_feed_run(feed=feed, requested_by=request.user)
        jobs.ring(run)
        return Response(_as_json(request, feed, run), status=202, headers={"Location": _address(request, feed)})


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


def _as_json(request, feed: Feed, last: FeedRun | None) -> dict[str, object]:
    return {
        "id": str(feed.public_id),
        "url": _address(request, feed),
        "name": feed.name,
        "kind": feed.kind,
        "active": feed.is_active,
        "next_run_at": feed.next_run_at if feed.is_active else None,
        "last_run_at": feed.last_run_at,
        "failures": feed.failures,
        "last_run": _run_as_json(request, last) if last is not None else None,
    }


def _run_as_json(request, run: FeedRun) -> dict[str, object]:
    opened = run.import_run
    return {
        "id": str(run.public_id),
        "state": run.state,
        "progress": run.fraction,
        "outcome": run.outcome or None,
        "file": run.found,
        "error": {"code": run.error_code, "detail": run.error_message} if run.error_code else None,
        "import": reverse("customers:api_import", args=[opened.public_id], request=request) if opened else None,
        "result": run.report.get("result", {}),
    }
