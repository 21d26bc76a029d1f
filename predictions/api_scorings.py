"""Scorings for programs: the runs, everybody scored anew, and the scores that are shown now."""

from __future__ import annotations

from django.http import Http404
from rest_framework import serializers
from rest_framework.response import Response
from rest_framework.reverse import reverse
from rest_framework.views import APIView

from core import bodies, jobs, keyset
from core.operations import operation
from core.serialized import body_of, query_of
from core.shapes import ACCEPTED
from tenants.idempotency import idempotent

from . import api_shapes as shapes
from . import selectors, services
from .models import Score, ScoringRun
from .selectors import ClientFilter

_BY_NEWEST = keyset.Order("pk")
BANDS = ("high", "medium", "low")


class NoBody(bodies.Body):
    """Nothing is asked for."""


class ScoresQuery(bodies.PageQuery):
    """The scores of one band, in one of two orders."""

    band = serializers.ChoiceField(choices=BANDS, required=False, help_text="Only scores in it.")
    sort = serializers.ChoiceField(
        choices=("-risk", "risk"),
        required=False,
        default="-risk",
        help_text="The highest risk first (-risk), or the lowest.",
    )


class ScoringsView(APIView):
    capability = {"GET": "view_models", "POST": "score_customers"}

    @operation(query=query_of(bodies.PageQuery), answers={200: shapes.SCORINGS})
    def get(self, request):
        """The scorings, the newest first."""
        asked = bodies.ask(request, bodies.PageQuery)
        return Response(
            bodies.page(
                request, selectors.scoring_list(), _BY_NEWEST, asked, lambda run: _scoring(request, run), "scorings"
            )
        )

    @operation(
        **body_of(NoBody),
        answers={202: ACCEPTED},
        headers={202: {"Location": "The address of the job."}},
        refuses={422: "No model is in charge."},
    )
    @idempotent
    def post(self, request):
        """Score everybody anew by the model in charge: 202 with the job's address, the open one where there is one. 422 where
        no model is in charge."""
        bodies.read(request, NoBody)
        run = services.require_scoring(requested_by=request.user)
        jobs.ring(run)
        address = reverse("predictions:api_job", args=[run.public_id], request=request)
        return bodies.accepted(run, address)


class ScoringView(APIView):
    capability = "view_models"

    @operation(answers={200: shapes.SCORING})
    def get(self, request, public_id):
        """One scoring: how far it is, by which model, and how many customers it put into each band."""
        run = selectors.scoring_list().filter(public_id=public_id).first()
        if run is None:
            raise Http404
        return Response(_scoring(request, run))


class ScoresView(APIView):
    capability = "view_customers"

    @operation(query=query_of(ScoresQuery), answers={200: shapes.SCORES})
    def get(self, request):
        """The scores that are shown now, of everybody, the highest risk first, each with its three strongest facts."""
        asked = bodies.ask(request, ScoresQuery)
        run = selectors.current_run()
        if run is None:
            return Response({"scoring": None, "scores": [], "next": None})
        rows, order = selectors.client_rows(ClientFilter(band=asked.get("band", ""), sort=asked["sort"]))
        found = bodies.page(request, rows, order, asked, lambda score: _score(run, score), "scores")
        return Response({"scoring": _scoring(request, run), **found})


def _scoring(request, run: ScoringRun) -> dict[str, object]:
    return {
        "id": str(run.public_id),
        "url": reverse("predictions:api_scoring", args=[run.public_id], request=request),
        "model": run.version.number,
        "state": run.state,
        "progress": run.fraction,
        "is_current": run.is_current,
        "scored": run.scored,
        "bands": run.bands,
        "medium_from": run.risk_medium,
        "high_from": run.risk_high,
        "requested_at": run.requested_at,
        "finished_at": run.finished_at,
        "error": {"code": run.error_code, "detail": run.error_message} if run.error_code else None,
    }


def _score(run: ScoringRun, score: Score) -> dict[str, object]:
    return {
        "customer": score.customer.external_id,
        "customer_id": str(score.customer.public_id),
        "risk": score.risk,
        "band": run.band(score.risk),
        "out_of_fold": score.is_out_of_fold,
        "drivers": [{"field": d["feature"], "value": d["value"], "effect": d["effect"]} for d in score.drivers],
    }
