"""Customers for programs: the list of the page with its filters, one customer with score, segment and offer, the history."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django.http import QueryDict
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.response import Response
from rest_framework.reverse import reverse
from rest_framework.views import APIView

from core import bodies
from core.operations import described, operation
from core.serialized import body_of, query_of, shape_of
from core.shapes import named
from customers import api_customers as writing
from customers import selectors as customers
from customers.history import customer_history
from customers.models import Customer
from predictions import selectors as predictions
from predictions import wording
from predictions.models import Score, ScoringRun
from segmentation import selectors as segmentation
from segmentation import wording_offers
from segmentation.models import Segment
from segmentation.wording_personas import persona

from . import api_shapes as shapes
from . import selectors
from .forms import ClientFilterForm

_FILTERS = (
    "q", "band", "churned", "contract", "internet", "senior", "driver", "segment", "tenure_from", "tenure_to",
    "charges_from", "charges_to", "sort", "field", "value", "low", "high",
)  # fmt: skip
_SHOWN_CHANGES = 100


class CustomersQuery(bodies.PageQuery):
    """The filters and orders of the page of customers; ``churned`` (no, unknown, yes, all) is "all" where nothing is said."""

    def get_fields(self) -> dict[str, serializers.Field]:
        return super().get_fields() | {name: serializers.CharField(required=False, max_length=300) for name in _FILTERS}


class FieldChange(serializers.Serializer):
    field = serializers.CharField(source="label")
    before = serializers.CharField()
    after = serializers.CharField()


class Change(serializers.Serializer):
    """What happened to a customer, in words of the caller's language."""

    at = serializers.DateTimeField()
    kind = serializers.CharField()
    title = serializers.CharField()
    reason = serializers.CharField()
    number = serializers.CharField()
    month = serializers.CharField()
    changes = FieldChange(many=True)


class HistoryAnswer(serializers.Serializer):
    history = Change(many=True)
    has_more = serializers.BooleanField()


_HISTORY = named("History", shape_of(HistoryAnswer()))


class CustomersView(writing.PushCustomers, APIView):
    capability = {"GET": "view_customers", "POST": "import_customers"}
    api_group = shapes.GROUP

    @operation(query=query_of(CustomersQuery), answers={200: shapes.CUSTOMERS})
    def get(self, request):
        """The customers by risk, 50 a page (``limit``: up to 200), with the filters and orders of the page. 400 for a filter
        that cannot be used, rather than a list without it."""
        asked = bodies.ask(request, CustomersQuery)
        run = predictions.current_run()
        given = {name: asked[name] for name in _FILTERS if name in asked}
        form = _form({"churned": "all", **given}, run)
        if not form.is_valid():
            raise ValidationError(form.errors)
        wanted, driver, field, segment = form.wanted(), form.wanted_driver, form.wanted_field, form.wanted_segment
        bodies.require_cursor(asked.get("after", ""), *selectors.client_rows(wanted, driver, segment))
        sifted = selectors.client_page(
            wanted, driver, field, segment, after=asked.get("after", ""), before="", size=asked["limit"]
        )
        rows = sifted.page.rows
        places = segmentation.segments_of([_customer(row).pk for row in rows])
        return Response(
            {
                "customers": [_line(request, row, run, places) for row in rows],
                "next": bodies.next_address(request, sifted.page.after),
                "is_cut": sifted.is_cut,
            }
        )


class CustomerView(writing.CorrectCustomer, APIView):
    capability = {"GET": "view_customers", "PATCH": "curate_data", "DELETE": "erase_customers"}
    api_group = shapes.GROUP
    described = {
        "PATCH": described(
            **body_of(writing.CorrectBody), answers={200: shapes.CUSTOMER}, refuses=writing.REFUSES_CHANGE
        )
    }

    @operation(answers={200: shapes.CUSTOMER})
    def get(self, request, number):
        """One customer, by our identifier or by the company's own number: everything known, the risk with its reasons, the
        segment, and what the newest allocation offers them."""
        return self.whole(request, writing.find_customer(number))

    def whole(self, request, customer: Customer) -> Response:
        return Response(_whole(request, customer))


class HistoryView(APIView):
    capability = {"GET": "view_customers"}
    api_group = shapes.GROUP

    @operation(answers={200: _HISTORY})
    def get(self, request, number):
        """What happened to a customer, the newest first, at most a hundred changes: by whom, from what to what, and why."""
        found = customer_history(writing.find_customer(number), limit=_SHOWN_CHANGES)
        return Response(HistoryAnswer({"history": found.entries, "has_more": found.has_more}).data)


def _form(given: dict[str, Any], run: ScoringRun | None) -> ClientFilterForm:
    data = QueryDict(mutable=True)
    data.update(given)
    return ClientFilterForm(data, run=run, known=customers.known_attributes(), segments=segmentation.segments())


def _customer(row: Score | Customer) -> Customer:
    return row.customer if isinstance(row, Score) else row


def _address(request, customer: Customer, name: str = "dashboard:api_customer") -> str:
    return reverse(name, args=[customer.public_id], request=request)


def _line(request, row: Score | Customer, run: ScoringRun | None, places: dict[int, Segment]) -> dict[str, object]:
    customer, scored = _customer(row), isinstance(row, Score)
    plan = row if scored else getattr(row, "subscription", None)
    drivers = row.drivers if scored else []
    rising = next((one for one in drivers if one["effect"] > 0), drivers[0] if drivers else None)
    segment = places.get(customer.pk)
    return {
        "id": str(customer.public_id),
        "url": _address(request, customer),
        "external_id": customer.external_id,
        "first_name": customer.first_name,
        "last_name": customer.last_name,
        "email": customer.email,
        "churn_label": row.churn_label,
        "contract": plan.contract if plan else "",
        "internet_service": plan.internet_service if plan else "",
        "tenure": plan.tenure if plan else None,
        "monthly_charges": bodies.exact(plan.monthly_charges) if plan else None,
        "risk": row.risk if scored else None,
        "band": run.band(row.risk) if scored and run else None,
        "reason": _reason(rising, request.tenant.currency) if rising else None,
        "segment": segment.label if segment else None,
    }


def _reason(driver: dict[str, Any], currency: str) -> dict[str, object]:
    words = wording.driver(driver, currency)
    return {
        "field": driver["feature"],
        "name": words["name"],
        "value": driver["value"],
        "effect": driver["effect"],
        "raises": words["raises"],
        "sentence": words["sentence"],
    }


def _whole(request, customer: Customer) -> dict[str, object]:
    plan = getattr(customer, "subscription", None)
    return {
        "id": str(customer.public_id),
        "url": _address(request, customer),
        "page": _address(request, customer, "dashboard:client_detail"),
        "usage": _address(request, customer, "customers:api_customer_usage"),
        "history": _address(request, customer, "dashboard:api_customer_history"),
        **{name: getattr(customer, name) for name in writing.OWN},
        "persona": customer.persona,
        "attributes": customer.attributes,
        "created_at": customer.created_at,
        "updated_at": customer.updated_at,
        "subscription": {name: _plain(getattr(plan, name)) for name in writing.PLAN} if plan else None,
        "score": _score(customer, request.tenant.currency),
        "segment": _segment(customer),
        "offer": _offer(customer),
    }


def _plain(value: object) -> object:
    return bodies.exact(value) if isinstance(value, Decimal) else value


def _score(customer: Customer, currency: str) -> dict[str, object] | None:
    score = predictions.score_of(customer)
    if score is None:
        return None
    return {
        "risk": score.risk,
        "band": score.run.band(score.risk),
        "model": score.run.version.number,
        "out_of_fold": score.is_out_of_fold,
        "scored_at": score.run.finished_at,
        "reasons": [_reason(driver, currency) for driver in score.drivers],
    }


def _segment(customer: Customer) -> dict[str, object] | None:
    found = segmentation.segment_of(customer)
    if found is None:
        return None
    segment = found.segment
    offer = wording_offers.of_segments([segment]).get(segment.pk, "")
    return {"label": segment.label, "persona": persona(segment), "offer": offer}


def _offer(customer: Customer) -> dict[str, object] | None:
    line = segmentation.allocated_offer(customer)
    if line is None:
        return None
    return {
        "id": str(line.offer.public_id),
        "name": line.offer.name,
        "expected_profit": line.expected_profit,
        "expected_cost": line.expected_cost,
        "kept_chance": line.kept_chance,
    }
