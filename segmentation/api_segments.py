"""Segments for programs: which there are, one with its portrait, and who belongs there."""

from __future__ import annotations

from django.http import Http404
from rest_framework.response import Response
from rest_framework.reverse import reverse
from rest_framework.views import APIView

from core import bodies, keyset
from core.operations import operation
from core.serialized import body_of, query_of
from customers.models import Customer

from . import api_shapes as shapes
from . import selectors, services, wording_offers
from .api import SegmentView as NameSegmentView
from .models import Segment, SegmentProfile
from .wording_personas import portrait

_BY_KEY = keyset.Order("pk", descending=False)


class NameBody(bodies.Body):
    """``persona``: what to call it; an empty text gives back the name that its figures suggest."""

    persona = bodies.Text(allow_blank=True)


class SegmentsView(APIView):
    capability = "view_customers"

    @operation(answers={200: shapes.SEGMENTS})
    def get(self, request):
        """The segments in use, in the order of their numbers."""
        run = selectors.current_run()
        found = {one.segment_id: one for one in selectors.profiles(run)} if run else {}
        segments = selectors.segments()
        offers = wording_offers.of_segments(segments)
        return Response({"segments": [_line(request, one, found.get(one.pk), offers) for one in segments]})


class SegmentView(NameSegmentView):
    capability = {"GET": "view_customers", "PATCH": "name_segments"}

    @operation(answers={200: shapes.SEGMENT})
    def get(self, request, label):
        """One segment: how large, what sets it apart, what it stands to lose, what it is offered."""
        segment = _find(label)
        run = selectors.current_run()
        profile = run.profiles.filter(segment=segment).first() if run else None
        line = _line(request, segment, profile, wording_offers.of_segments([segment]))
        told = portrait(profile.portrait, request.tenant.currency) if profile else None
        return Response(line | {"mean_values": profile.mean_values if profile else None, "portrait": told})

    @operation(
        **body_of(NameBody),
        answers={200: shapes.RENAMED},
        refuses={422: "Another segment has this name, or it is too long."},
    )
    def patch(self, request, label):
        """Name a segment; its customers get the name by a job."""
        _find(label)  # who asks for an absent one is told so first
        bodies.read(request, NameBody)
        return super().patch(request, label)


class MembersView(APIView):
    capability = "view_customers"

    @operation(query=query_of(bodies.PageQuery), answers={200: shapes.SEGMENT_MEMBERS})
    def get(self, request, label):
        """Who belongs to a segment now, in the order in which they came. For risks and filters: GET /api/customers?segment=."""
        asked = bodies.ask(request, bodies.PageQuery)
        rows = Customer.objects.filter(selectors.belongs_to(_find(label), "pk"))
        return Response(bodies.page(request, rows, _BY_KEY, asked, lambda one: _member(request, one), "members"))


def _find(label: str) -> Segment:
    found = next((one for one in selectors.segments() if one.label == label), None)
    if found is None:
        raise Http404
    return found


def _line(request, segment: Segment, profile: SegmentProfile | None, offers: dict[int, str]) -> dict[str, object]:
    return {
        "label": segment.label,
        "url": reverse("segmentation:api_segment", args=[segment.label], request=request),
        "members": reverse("segmentation:api_segment_members", args=[segment.label], request=request),
        "persona": services.persona_of(segment),
        "size": profile.size if profile else None,
        "percentage": profile.percentage if profile else None,
        "offer": offers.get(segment.pk, ""),
        "stakes": (profile.stakes or None) if profile else None,
    }


def _member(request, customer: Customer) -> dict[str, object]:
    return {
        "id": str(customer.public_id),
        "url": request.build_absolute_uri(f"/api/customers/{customer.public_id}"),
        "external_id": customer.external_id,
        "first_name": customer.first_name,
        "last_name": customer.last_name,
        "email": customer.email,
    }
