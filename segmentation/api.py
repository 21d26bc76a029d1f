"""The source's four endpoints with their very shapes, and segments, their runs and moves for programs.

All are read from tables that a run wrote, whatever the number of customers.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

from django.http import Http404
from django.utils.translation import gettext as _
from rest_framework.exceptions import ValidationError
from rest_framework.response import Response
from rest_framework.reverse import reverse
from rest_framework.views import APIView

from core import bodies, jobs
from core.operations import described, operation
from core.shapes import ACCEPTED
from tenants.idempotency import idempotent

from . import api_shapes as shapes
from . import selectors, services, wording_offers
from .models import Segmentation, SegmentProfile

REASON = "X-Reason"  # of an answer that is empty: beside shapes that have no room for it


class _Chart(APIView, ABC):
    """An endpoint of the source: its shape where there is a segmentation, else the same shape empty, and why."""

    capability = "view_customers"

    def get(self, request):
        run = selectors.current_run()
        if run is None:
            code, sentence = services.why_none()
            empty = self.empty()
            if "data" in empty:
                empty["reason"] = sentence
            return Response(empty, headers={REASON: code})
        return Response(self.shape(run, selectors.profiles(run)))

    def empty(self) -> dict[str, object]:
        return {"data": []}

    @abstractmethod
    def shape(self, run: Segmentation, profiles: list[SegmentProfile]) -> dict[str, object]:
        """The answer, from what the run wrote."""


class ClusterDistributionView(_Chart):
    """How many customers are in each segment: ``{"data": {"values", "labels", "type": "pie"}}``."""

    described = {"GET": described(answers={200: shapes.DISTRIBUTION}, headers=shapes.EMPTY_HEADER)}

    def empty(self):
        return {"data": selectors.distribution([])}

    def shape(self, run, profiles):
        return {"data": selectors.distribution(profiles)}


class FeatureImportanceView(_Chart):
    """What tells the segments apart: ``{"data": [{"feature", "values", "segments", "importance"}]}``, at most 2,000 points a
    feature."""

    described = {"GET": described(answers={200: shapes.IMPORTANCE}, headers=shapes.EMPTY_HEADER)}

    def shape(self, run, profiles):
        return {"data": selectors.importance(run, profiles)}


class ClusterProfilesView(_Chart):
    """A row of means for each segment: ``{"data": {"profiles", "features", "segments", "scaled"}}``."""

    described = {"GET": described(answers={200: shapes.PROFILES}, headers=shapes.EMPTY_HEADER)}

    def empty(self):
        return {"data": {"profiles": [], "features": [], "segments": [], "scaled": []}}

    def shape(self, run, profiles):
        return {"data": selectors.profile_table(run, profiles)}


class SegmentDetailsView(_Chart):
    """Each segment by its label: ``{"S1": {"size", "percentage", "mean_values", "offer"}, …}``."""

    described = {"GET": described(answers={200: shapes.DETAILS}, headers=shapes.EMPTY_HEADER)}

    def empty(self):
        return {}

    def shape(self, run, profiles):
        offers = wording_offers.of_segments([p.segment for p in profiles])
        return {
            p.segment.label: {
                "size": p.size,
                "percentage": p.percentage,
                "mean_values": p.mean_values,
                "offer": offers.get(p.segment_id, ""),
            }
            for p in profiles
        }


class SegmentationView(APIView):
    capability = {"GET": "view_customers", "POST": "refresh_segments"}

    @operation(answers={200: shapes.IN_FORCE})
    def get(self, request):
        """The segmentation in force: portraits, moves, what is advised, and whether there are clusters at all."""
        run = selectors.current_run()
        if run is None:
            code, sentence = services.why_none()
            return Response({"segmentation": None, "code": code, "reason": sentence})
        return Response({"segmentation": services.segmentation_json(run)})

    @operation(
        body=shapes.ANEW,
        needs_body=False,
        answers={202: ACCEPTED},
        headers={202: {"Location": "The address of the job."}},
        refuses={422: "There is no such column, or there are too few customers."},
    )
    @idempotent
    def post(self, request):
        """Divide the customers anew: ``{"k": number, "features": [names]}``, both optional. 202 with the job's address; the
        open one where there is one. 422 for a column that is none."""
        body = request.data if isinstance(request.data, dict) else None
        if body is None:
            raise ValidationError(["a JSON object"])
        if unknown := sorted(set(body) - {"k", "features"}):
            raise ValidationError({name: ["no such field"] for name in unknown})
        k, features = body.get("k"), body.get("features") or []
        if k is not None and (isinstance(k, bool) or not isinstance(k, int)):
            raise ValidationError({"k": [_("a whole number from 2 to 10")]})
        if not isinstance(features, list) or not all(isinstance(name, str) for name in features):
            raise ValidationError({"features": [_("a list of names of columns")]})
        run = services.open_run(requested_by=request.user, k=k, features=features)
        jobs.ring(run)
        address = reverse("predictions:api_job", args=[run.public_id], request=request)
        return bodies.accepted(run, address)


class SegmentView(APIView):
    capability = {"PATCH": "name_segments"}

    @operation(body=shapes.PERSONA, answers={200: shapes.RENAMED}, refuses={422: "The name cannot be taken."})
    def patch(self, request, label):
        """Name a segment: ``{"persona": text}``; an empty text gives back the name that its figures suggest."""
        segment = next((one for one in selectors.segments() if one.label == label), None)
        if segment is None:
            raise Http404
        body = request.data
        if not isinstance(body, dict) or set(body) != {"persona"} or not isinstance(body["persona"], str):
            raise ValidationError({"persona": [_("a text")]})
        services.rename_segment(segment=segment, persona=body["persona"], actor=request.user)
        if job := services.open_assignment(requested_by=request.user):
            jobs.ring(job)
        return Response({"segment": segment.label, "persona": services.persona_of(segment)})
