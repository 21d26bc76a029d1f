"""Offers for programs: what there is, one, written, changed, retired; and allocations with whom they propose what."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.http import Http404
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.response import Response
from rest_framework.reverse import reverse
from rest_framework.views import APIView

from core import bodies, keyset
from core.operations import operation
from core.serialized import body_of, query_of
from tenants.idempotency import idempotent

from . import api_shapes as shapes
from . import selectors, services, wording_offers
from .models import AllocatedOffer, Allocation, Offer, Segment
from .services.offers import LANGUAGES

_SHOWN = 500
_BY_NEWEST = keyset.Order("pk")
_BY_PROFIT = keyset.Order("expected_profit")
_PAGE = query_of(bodies.PageQuery)
_REFUSES = {422: "The name is taken, or the rule cannot be used, or decides by gender."}


class OfferBody(bodies.Body):
    """An offer. Figures that are left out or null are those of the company's economics; ``segments``: labels, none for
    everybody; ``rule``: conditions as a rule segment's; ``approves_age``: you stand for it that age decides here."""

    name = bodies.Text(max_length=120)
    texts = serializers.DictField(child=bodies.Text(max_length=2_000, allow_blank=True), required=False)
    channel = serializers.ChoiceField(choices=Offer.Channel.choices, required=False)
    cost = serializers.DecimalField(max_digits=10, decimal_places=3, min_value=0, required=False, allow_null=True)
    contact_cost = serializers.DecimalField(
        max_digits=10, decimal_places=3, min_value=0, required=False, allow_null=True
    )
    discount = bodies.Number(min_value=0, max_value=1, required=False)
    acceptance = bodies.Number(min_value=0, max_value=1, required=False, allow_null=True)
    stock = bodies.Whole(min_value=0, max_value=2_000_000_000, required=False, allow_null=True)
    valid_from = serializers.DateField(required=False, allow_null=True)
    valid_until = serializers.DateField(required=False, allow_null=True)
    is_active = bodies.Yes(required=False)
    position = bodies.Whole(min_value=0, max_value=32_000, required=False)
    segments = serializers.ListField(child=bodies.Text(max_length=40), max_length=200, required=False)
    rule = bodies.Plain(required=False, allow_null=True)
    approves_age = bodies.Yes(required=False)

    def validate_texts(self, texts: dict[str, str]) -> dict[str, str]:
        if unknown := sorted(set(texts) - set(LANGUAGES)):
            raise serializers.ValidationError({name: ["fr, en or ar"] for name in unknown})
        return texts


class OfferChangeBody(OfferBody):
    """Only what is named is changed."""

    name = bodies.Text(max_length=120, required=False)


# ---------------------------------------------------------------- offers


class OffersView(APIView):
    capability = {"GET": "view_customers", "POST": "edit_offers"}

    @operation(answers={200: shapes.OFFERS})
    def get(self, request):
        """The offers with their terms; ``null`` figures are those of the company's economics."""
        return Response({"offers": [_offer(request, one) for one in selectors.offers()[:_SHOWN]]})

    @operation(
        **body_of(OfferBody),
        answers={201: shapes.OFFER},
        headers={201: {"Location": "The address of the offer."}},
        refuses=_REFUSES,
    )
    @idempotent
    def post(self, request):
        """Write a new offer: 201 with it; 422 for a name that is taken, or a rule that cannot be used or decides by gender."""
        offer = _save(request, bodies.read(request, OfferBody), None)
        body = _offer(request, offer)
        return Response(body, status=201, headers={"Location": body["url"]})


class OfferView(APIView):
    capability = {"GET": "view_customers", "PATCH": "edit_offers", "DELETE": "edit_offers"}

    @operation(answers={200: shapes.OFFER})
    def get(self, request, public_id):
        """One offer with its terms."""
        return Response(_offer(request, _find(public_id)))

    @operation(**body_of(OfferChangeBody), answers={200: shapes.OFFER}, refuses=_REFUSES)
    def patch(self, request, public_id):
        """Change what is named; ``{"is_active": false}`` retires the offer, and what was offered stays known."""
        offer = _find(public_id)
        said = bodies.read(request, OfferChangeBody)
        if not said:
            raise ValidationError({"body": ["name at least one field to change"]})
        return Response(_offer(request, _save(request, said, offer)))

    @operation(answers={204: None})
    def delete(self, request, public_id):
        """Delete an offer, and with it what allocations proposed of it."""
        services.delete_offer(offer=_find(public_id), actor=request.user)
        return Response(status=204)


def _save(request, said: dict[str, Any], offer: Offer | None) -> Offer:
    fields = dict(said)
    if "rule" in fields:
        fields["rule"] = fields["rule"] or {}
    segments = _segments(fields.pop("segments"), offer) if "segments" in fields else None
    approves = fields.pop("approves_age", None)
    saved = services.save_offer(actor=request.user, offer=offer, segments=segments, approves_age=approves, **fields)
    return _find(saved.public_id)  # with the segments as they are now


def _segments(labels: Sequence[str], offer: Offer | None) -> list[Segment]:
    """Segments in use by their labels, or those that the offer carries already. Raises ValidationError for others."""
    known = {one.label: one for one in (*selectors.segments(), *(offer.segments.all() if offer else ()))}
    if unknown := sorted(set(labels) - set(known)):
        raise ValidationError({"segments": [f"there is no segment {label}" for label in unknown[:20]]})
    return [known[label] for label in dict.fromkeys(labels)]


def _find(public_id) -> Offer:
    offer = selectors.offers().filter(public_id=public_id).first()
    if offer is None:
        raise Http404
    return offer


def _offer(request, offer: Offer) -> dict[str, object]:
    return {
        "id": str(offer.public_id),
        "url": reverse("segmentation:api_offer", args=[offer.public_id], request=request),
        "name": offer.name,
        "texts": offer.texts,
        "channel": offer.channel,
        "cost": bodies.exact(offer.cost),
        "contact_cost": bodies.exact(offer.contact_cost),
        "discount": offer.discount,
        "acceptance": offer.acceptance,
        "stock": offer.stock,
        "valid_from": offer.valid_from,
        "valid_until": offer.valid_until,
        "is_active": offer.is_active,
        "position": offer.position,
        "segments": [segment.label for segment in offer.segments.all()],
        "rule": offer.rule or None,
        "age_approved": offer.age_rule_approved_by_id is not None,
    }


# ---------------------------------------------------------------- allocations


class AllocationListView(APIView):
    capability = "view_customers"

    @operation(query=_PAGE, answers={200: shapes.ALLOCATIONS})
    def get(self, request):
        """The allocations, the newest first, whatever came of them. One is asked for by POST /api/offers/allocations."""
        asked = bodies.ask(request, bodies.PageQuery)
        rows = Allocation.objects.defer("offers_then", "result", "economics")
        return Response(
            bodies.page(request, rows, _BY_NEWEST, asked, lambda one: _allocation(request, one), "allocations")
        )


class AllocationView(APIView):
    capability = "view_customers"

    @operation(answers={200: shapes.ALLOCATION_IN_FULL})
    def get(self, request, public_id):
        """One allocation: how far it is and, once it has succeeded, what it earns, its proven gap, and what more would bring."""
        found = _find_allocation(public_id)
        done = found.state == "succeeded"
        address = reverse("segmentation:api_allocation_lines", args=[found.public_id], request=request)
        return Response(
            _allocation(request, found)
            | {
                "offers": [
                    then | {"customers": count, "bound_by": bound or None}
                    for then, count, bound in zip(
                        found.offers_then, found.result["counts"], found.result["bound_by"], strict=True
                    )
                ]
                if done
                else [],
                "result": found.result if done else None,
                "in_words": wording_offers.marginal(found.result, request.tenant.currency) if done else None,
                "lines": address if done and found.has_lines else None,
            }
        )


class AllocationLinesView(APIView):
    capability = "view_customers"

    @operation(
        query=_PAGE,
        answers={200: shapes.PROPOSED_OFFERS},
        refuses={404: "There is no such allocation, it has not succeeded, or whom it proposed what was forgotten."},
    )
    def get(self, request, public_id):
        """Whom an allocation proposes what, the most profit first. 404 where it has none, or they were forgotten."""
        asked = bodies.ask(request, bodies.PageQuery)
        found = _find_allocation(public_id)
        if found.state != "succeeded" or not found.has_lines:
            raise Http404
        rows = AllocatedOffer.objects.filter(allocation=found).select_related("customer", "offer")
        return Response(bodies.page(request, rows, _BY_PROFIT, asked, _proposed, "lines"))


def _find_allocation(public_id) -> Allocation:
    found = Allocation.objects.filter(public_id=public_id).first()
    if found is None:
        raise Http404
    return found


def _allocation(request, found: Allocation) -> dict[str, object]:
    return {
        "id": str(found.public_id),
        "url": reverse("segmentation:api_allocation", args=[found.public_id], request=request),
        "state": found.state,
        "progress": found.fraction,
        "budget": bodies.exact(found.budget),
        "most_customers": found.most_customers,
        "requested_at": found.requested_at,
        "finished_at": found.finished_at,
        "error": {"code": found.error_code, "detail": found.error_message} if found.error_code else None,
    }


def _proposed(line: AllocatedOffer) -> dict[str, object]:
    return {
        "customer": line.customer.external_id,
        "customer_id": str(line.customer.public_id),
        "offer": line.offer.name,
        "offer_id": str(line.offer.public_id),
        "expected_profit": line.expected_profit,
        "expected_cost": line.expected_cost,
        "kept_chance": line.kept_chance,
    }
