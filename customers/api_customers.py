"""Customers for programs, the writing half: brought up to date in bulk, corrected one at a time, erased.

Their reading half needs scores, segments and offers, so it stands in churnguard.dashboard.api, which completes these views.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from uuid import UUID

from django.core.exceptions import ValidationError as Invalid
from django.http import Http404
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.response import Response
from rest_framework.reverse import reverse

from core import bodies
from core.operations import operation
from core.serialized import body_of
from tenants.idempotency import idempotent

from . import api_shapes as shapes
from . import selectors, services, wording
from .models import Customer, Subscription

LONGEST_NUMBER = 64
OWN = (
    "external_id", "first_name", "last_name", "email", "phone", "language", "city", "gender", "senior_citizen", "partner",
    "dependents", "age", "churn_label",
)  # fmt: skip
PLAN = (
    "contract", "tenure", "monthly_charges", "total_charges", "phone_service", "multiple_lines", "internet_service",
    "online_security", "online_backup", "device_protection", "tech_support", "streaming_tv", "streaming_movies",
    "paperless_billing", "payment_method",
)  # fmt: skip

REFUSES_ROWS = {422: "The rows as a whole cannot be used."}
REFUSES_CHANGE = {422: "The customer is gone meanwhile."}


class Rows(serializers.ListField):
    """Objects of fields and values; what their fields are is the import's to judge, row by row."""

    child = serializers.DictField(child=serializers.JSONField(allow_null=True))

    def to_internal_value(self, data: Any) -> list[dict]:
        if not isinstance(data, list) or not data:
            raise ValidationError("a list of objects, at least one")
        if len(data) > services.MOST_ROWS:
            raise ValidationError(f"at most {services.MOST_ROWS} rows in one request")
        if wrong := [at for at, row in enumerate(data) if not isinstance(row, dict)]:
            raise ValidationError(f"row {wrong[0]} is no object")
        return data  # as they came: a number stays a number for the import's own cleaning


class PushCustomersBody(bodies.Body):
    """Each row names ``external_id`` and any fields of GET /api/customers/{id}; other fields in ``attributes``."""

    customers = Rows(min_length=1, max_length=services.MOST_ROWS)
    empty_means_empty = bodies.Yes(default=False)
    dry_run = bodies.Yes(default=False)


class CorrectBody(bodies.Body):
    """Fields as a customer's answer names them, with what they should hold; null empties one. ``attributes``: those named are
    laid over the others, null takes one away."""

    reason = bodies.Reason()
    attributes = bodies.Plain(required=False)

    def get_fields(self) -> dict[str, serializers.Field]:
        named = {name: bodies.Plain(required=False, allow_null=True) for name in (*OWN, *PLAN)}
        return super().get_fields() | named


class EraseBody(bodies.Body):
    reason = bodies.Reason()


class PushCustomers(bodies.BoundedBody):
    """``POST`` of a view of customers."""

    @operation(**body_of(PushCustomersBody), answers={200: shapes.PUSHED}, refuses=REFUSES_ROWS)
    @idempotent
    def post(self, request):
        """Bring up to 1,000 customers up to date, new ones among them, as an import of these rows would: 200 with what became
        of each. A row that cannot be taken is named with field and reason, and the others are written; ``dry_run`` only
        counts. 422 where the rows as a whole cannot be used."""
        said = bodies.read(request, PushCustomersBody)
        pushed = services.push_customers(
            rows=said["customers"], actor=request.user, empty_clears=said["empty_means_empty"], dry=said["dry_run"]
        )
        return pushed_response(request, pushed, dry=said["dry_run"])


def pushed_response(request, pushed: services.Pushed, *, dry: bool) -> Response:
    body = {
        "read": pushed.read,
        "created": pushed.created,
        "updated": pushed.updated,
        "unchanged": pushed.unchanged,
        "refused": len(pushed.refusals),
        "refusals": [
            {
                "row": refusal.line,
                "field": refusal.column,
                "value": refusal.value[:120],
                "code": refusal.reason,
                "detail": wording.reason(refusal.reason),
            }
            for refusal in pushed.refusals
        ],
        "dry_run": dry,
        "import": reverse("customers:api_import", args=[pushed.run.public_id], request=request) if pushed.run else None,
    }
    return Response(body)


class CorrectCustomer:
    """``PATCH`` and ``DELETE`` of a view of one customer; the view says what it answers by ``whole``, and describes its
    ``PATCH`` itself."""

    whole: Callable[..., Response]

    def patch(self, request, number):
        """Correct one customer: any of its fields and the ``reason``, which is kept with the change. 400 by the field."""
        said = bodies.read(request, CorrectBody)
        customer = find_customer(number)
        reason = said.pop("reason")
        own, plan, attributes = _changes(said)
        if not own and not plan and attributes is None:
            raise ValidationError({"body": ["name at least one field to correct"]})
        try:
            customer = services.correct_customer(
                customer=customer,
                changes=own,
                subscription=plan,
                attributes=attributes,
                actor=request.user,
                reason=reason,
            )
        except Invalid as invalid:
            raise ValidationError(invalid.message_dict) from invalid
        return self.whole(request, customer)

    @operation(**body_of(EraseBody), answers={204: None}, refuses=REFUSES_CHANGE)
    def delete(self, request, number):
        """Erase one customer with all that hangs on them, history included; ``{"reason": text}``. Nothing brings them back."""
        said = bodies.read(request, EraseBody)
        services.erase_customer(customer=find_customer(number), actor=request.user, reason=said["reason"])
        return Response(status=204)


def find_customer(number: str) -> Customer:
    """By the identifier that we gave, or by the company's own number; a number that was merged away finds who stayed."""
    if not bodies.is_storable(number) or len(number) > LONGEST_NUMBER:
        raise Http404
    try:
        return selectors.get_customer(UUID(number))
    except (ValueError, Customer.DoesNotExist):
        pass
    customer = selectors.customer_of_number(number)
    if customer is None:
        raise Http404
    return customer


def _changes(said: Mapping[str, Any]) -> tuple[dict[str, object], dict[str, object], dict[str, object] | None]:
    """What was said as values of the tables: (of the customer, of the subscription, other fields where any were named). Raises
    ValidationError by the field."""
    wrong: dict[str, list[str]] = {}
    changes: dict[type, dict[str, object]] = {Customer: {}, Subscription: {}}
    for name, value in said.items():
        if name == "attributes":
            continue
        model = Customer if name in OWN else Subscription
        try:
            changes[model][name] = _value(model, name, value)
        except ValueError as error:
            wrong[name] = [str(error)]
    attributes = said.get("attributes")
    if "attributes" in said and not _are_attributes(attributes):
        wrong["attributes"] = ["an object of names and plain values"]
    if wrong:
        raise ValidationError(wrong)
    return changes[Customer], changes[Subscription], attributes


def _value(model: type, name: str, value: object) -> object:
    """What the field holds for a JSON value, read as an import reads the same cell. Raises ValueError with a sentence."""
    if isinstance(value, dict | list):
        raise ValueError(wording.reason("not_a_value"))
    text = "" if value is None else {True: "Yes", False: "No"}[value] if isinstance(value, bool) else str(value)
    return services.read_cell(model._meta.get_field(name), text)


def _are_attributes(given: object) -> bool:
    return (
        isinstance(given, dict)
        and len(given) <= 500
        and all(name.strip() and len(name) <= 255 for name in given)
        and not any(isinstance(value, dict | list) for value in given.values())
        and all(len(value) <= 10_000 for value in given.values() if isinstance(value, str))
    )
