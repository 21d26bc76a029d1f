"""Who gets a campaign, for programs: what became of each mail, and why not."""

from __future__ import annotations

from rest_framework import serializers
from rest_framework.response import Response
from rest_framework.views import APIView

from core import bodies, keyset
from core.operations import operation
from core.serialized import query_of

from . import api_shapes as shapes
from . import selectors, wording_running
from .api import find
from .models import Recipient

_BY_KEY = keyset.Order("pk", descending=False)


class RecipientsQuery(bodies.PageQuery):
    """Only some of them."""

    state = serializers.ChoiceField(choices=Recipient.State.choices, required=False, help_text="Only mails in it.")
    arm = serializers.ChoiceField(choices=Recipient.Arm.choices, required=False, help_text="Only this part of them.")


class RecipientsView(APIView):
    capability = {"GET": "view_campaigns"}

    @operation(query=query_of(RecipientsQuery), answers={200: shapes.RECIPIENTS})
    def get(self, request, public_id):
        """Everybody in a campaign, the written to and those left alone."""
        asked = bodies.ask(request, RecipientsQuery)
        campaign = find(public_id)
        states = (asked["state"],) if "state" in asked else ()
        rows = selectors.recipients(campaign, states=states, arm=asked.get("arm", ""))
        sees_people = request._request.membership.can("view_customers")
        return Response(
            bodies.page(request, rows, _BY_KEY, asked, lambda one: _line(one, sees_people=sees_people), "recipients")
        )


def _line(one: Recipient, *, sees_people: bool) -> dict[str, object]:
    return {
        "customer": str(one.customer.public_id),
        "number": one.customer.external_id if sees_people else None,
        "address": one.address if sees_people else None,
        "arm": one.arm,
        "state": one.state,
        "language": one.language,
        "reason": {"code": one.reason, "detail": wording_running.reason(one.reason)} if one.reason else None,
        "attempts": one.attempts,
        "sent_at": one.sent_at,
        "not_before": one.not_before,
    }
