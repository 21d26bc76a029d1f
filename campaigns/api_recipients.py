"""Who gets a campaign, for programs: what became of each mail, and why not."""

from __future__ import annotations

from rest_framework import serializers
from rest_framework.response import Response
from rest_framework.views import APIView

from core import bodies, keyset

from . import selectors, wording_running
from .api import find
from .models import Recipient

_BY_KEY = keyset.Order("pk", descending=False)


class RecipientsQuery(bodies.PageQuery):
    """``state``: only mails in it; ``arm``: a, b or holdout."""

    state = serializers.ChoiceField(choices=Recipient.State.choices, required=False)
    arm = serializers.ChoiceField(choices=Recipient.Arm.choices, required=False)


class RecipientLine(serializers.Serializer):
    """``number`` and ``address`` are null for who may not see customers."""

    customer = serializers.UUIDField()
    number = serializers.CharField(allow_null=True)
    address = serializers.CharField(allow_null=True)
    arm = serializers.CharField()
    state = serializers.CharField()
    language = serializers.CharField()
    reason = bodies.Problem(allow_null=True)
    attempts = serializers.IntegerField()
    sent_at = serializers.DateTimeField(allow_null=True)
    not_before = serializers.DateTimeField(allow_null=True)


class RecipientsAnswer(serializers.Serializer):
    recipients = RecipientLine(many=True)
    next = serializers.URLField(allow_null=True)


class RecipientsView(APIView):
    capability = {"GET": "view_campaigns"}
    query_serializers = {"GET": RecipientsQuery}
    answer_serializers = {"GET": RecipientsAnswer}

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
