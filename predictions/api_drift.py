"""Checks of drift, and when customers leave, for programs."""

from __future__ import annotations

from rest_framework.response import Response
from rest_framework.reverse import reverse
from rest_framework.views import APIView

from core import bodies, jobs
from core.api import problem_response
from core.operations import operation
from core.shapes import ACCEPTED
from tenants.idempotency import idempotent

from . import registry, selectors, services
from .api_shapes import DRIFT, SURVIVAL
from .models import SurvivalModel


class DriftView(APIView):
    capability = "view_models"

    @operation(answers={200: DRIFT}, refuses={404: "There was no check yet (`no_check`)."})
    def get(self, request):
        """The newest check: verdict, distances of every column and of the score, estimate and, once known, truth."""
        report = registry.drift_reports().first()
        if report is None:
            return problem_response(404, "no_check", "There was no check for drift yet.")
        return Response(services.drift_json(report))


class DriftChecksView(APIView):
    capability = "score_customers"

    @operation(
        answers={202: ACCEPTED},
        headers={202: {"Location": "The address of the job."}},
        refuses={422: "There is no model, or nothing to compare."},
    )
    @idempotent
    def post(self, request):
        """Ask for a check: 202 with the job's address; the open one where one is open already. 422 without a model."""
        report = services.require_check(requested_by=request.user)
        jobs.ring(report)
        address = reverse("predictions:api_job", args=[report.public_id], request=request)
        return bodies.accepted(report, address)


class SurvivalView(APIView):
    capability = "view_models"

    @operation(
        answers={200: SURVIVAL}, refuses={404: "No model in charge tells when customers leave (`no_survival_model`)."}
    )
    def get(self, request):
        """When customers leave, by the model in charge: its figures, or why there are none."""
        version = selectors.champion()
        kept = SurvivalModel.objects.filter(version=version).first() if version else None
        if kept is None:
            return problem_response(404, "no_survival_model", "No model in charge tells when customers leave.")
        return Response({"version": version.number, "figures": kept.figures or None, "refusal": kept.refusal or None})
