"""Months of use for programs: a customer's, and many customers' at once."""

from __future__ import annotations

from datetime import date

from rest_framework import serializers
from rest_framework.response import Response
from rest_framework.reverse import reverse
from rest_framework.views import APIView

from core import bodies
from core.errors import Refused
from core.operations import operation
from core.serialized import body_of, query_of, shape_of
from core.shapes import ADDRESS, TEXT, many, maybe, named, record, says
from tenants.idempotency import idempotent

from . import api_shapes as shapes
from . import selectors, services
from .api_customers import REFUSES_ROWS, Rows, find_customer, pushed_response
from .models import UsageRecord

MEASURES = (
    "montant_consommation", "nombre_appels", "volume_data", "nombre_sms", "nombre_recharges", "nombre_reclamations",
)  # fmt: skip
MOST_MONTHS = 120


class PushUsageBody(bodies.Body):
    """Each row names ``customer`` (their number), ``month`` (2026-10) and at least one measure."""

    usage = Rows(min_length=1, max_length=services.MOST_ROWS)
    empty_means_empty = bodies.Yes(default=False)
    dry_run = bodies.Yes(default=False)


class MonthsQuery(bodies.Query):
    """The months wanted."""

    first = bodies.Text(required=False, max_length=20, help_text="From this month on: 2025-01.")
    last = bodies.Text(required=False, max_length=20, help_text="Up to this month, which is included.")
    limit = serializers.IntegerField(required=False, min_value=1, max_value=MOST_MONTHS, default=24)

    def validate(self, attrs):
        found = dict(attrs)
        for name in ("first", "last"):
            if name in attrs:
                found[name] = _month(name, attrs[name])
        return found


def _month(name: str, text: str) -> date:
    try:
        return services.read_month(text)
    except Refused as refusal:
        raise serializers.ValidationError({name: [refusal.message]}) from refusal


class Month(serializers.ModelSerializer):
    """A month of use; null is unknown. The amount is a decimal as text, the volume in megabytes."""

    month = serializers.SerializerMethodField()

    class Meta:
        model = UsageRecord
        fields = ("month", *MEASURES)

    def get_month(self, row: UsageRecord) -> str:
        return f"{row.month:%Y-%m}"


_USAGE = record(
    {
        "customer": says(TEXT, "Their number."),
        "usage": many(named("MonthOfUse", shape_of(Month())), at_most=MOST_MONTHS),
        "next": says(maybe(ADDRESS), "Where the earlier months are; null where there are none."),
    }
)


class UsageView(bodies.BoundedBody, APIView):
    capability = {"POST": "import_customers"}

    @operation(**body_of(PushUsageBody), answers={200: shapes.PUSHED}, refuses=REFUSES_ROWS)
    @idempotent
    def post(self, request):
        """Write up to 1,000 months of use of customers who are known: 200 with what became of each row, as for customers."""
        said = bodies.read(request, PushUsageBody)
        pushed = services.push_usage(
            rows=said["usage"], actor=request.user, empty_clears=said["empty_means_empty"], dry=said["dry_run"]
        )
        return pushed_response(request, pushed, dry=said["dry_run"])


class CustomerUsageView(APIView):
    capability = {"GET": "view_customers"}

    @operation(query=query_of(MonthsQuery), answers={200: _USAGE})
    def get(self, request, number):
        """A customer's months of use, the newest first."""
        asked = bodies.ask(request, MonthsQuery)
        customer = find_customer(number)
        rows = selectors.months_of_use(customer, first=asked.get("first"), last=asked.get("last"))
        found = list(rows[: asked["limit"] + 1])
        shown = found[: asked["limit"]]
        following = None
        if len(found) > len(shown):
            kept = f"last={found[-1].month:%Y-%m}&limit={asked['limit']}"
            first = f"&first={asked['first']:%Y-%m}" if "first" in asked else ""
            here = reverse("customers:api_customer_usage", args=[customer.public_id], request=request)
            following = f"{here}?{kept}{first}"
        return Response({"customer": customer.external_id, "usage": Month(shown, many=True).data, "next": following})
