"""``/api/webhooks``: where events are sent, each endpoint's secret, tests and deliveries. See docs/webhooks.md."""

from __future__ import annotations

from django.http import Http404
from rest_framework import serializers
from rest_framework.response import Response
from rest_framework.reverse import reverse
from rest_framework.views import APIView

from core import jobs, keyset
from core.bodies import Body
from core.operations import operation

from . import api_shapes as shapes
from . import webhooks
from .idempotency import ANSWER_LOST, idempotent
from .models import WebhookDelivery, WebhookEndpoint

_SIZE, _MOST = 50, 200
_ADDRESS = (
    "The address is none (`bad_address`, `bad_host`), not https (`not_https`), holds a password (`credentials_in_address`), is of a private "
    "network (`private_address`) or of a name that nobody knows (`unknown_host`)."
)
_LIST = {"Location": "The endpoint's deliveries, newest first."}


class WebhookSerializer(serializers.ModelSerializer):
    """An endpoint. Its secret is in the answer that made it, and nowhere else."""

    id = serializers.UUIDField(source="public_id")
    events = serializers.ListField(child=serializers.CharField())
    active = serializers.BooleanField(source="is_active")

    class Meta:
        model = WebhookEndpoint
        fields = [
            "id",
            "url",
            "description",
            "events",
            "active",
            "stopped_by_itself",
            "failures",
            "failing_since",
            "delivered_at",
            "created_at",
        ]


class NewWebhookSerializer(Body):
    url = serializers.CharField(max_length=500)
    description = serializers.CharField(max_length=120, required=False, allow_blank=True, default="")
    events = serializers.ListField(
        child=serializers.ChoiceField(choices=webhooks.EVENTS), allow_empty=False, max_length=len(webhooks.EVENTS)
    )


class ChangedWebhookSerializer(Body):
    """What is named changes."""

    url = serializers.CharField(max_length=500, required=False)
    description = serializers.CharField(max_length=120, required=False, allow_blank=True)
    events = serializers.ListField(
        child=serializers.ChoiceField(choices=webhooks.EVENTS),
        allow_empty=False,
        max_length=len(webhooks.EVENTS),
        required=False,
    )
    active = serializers.BooleanField(required=False)


class MadeWebhookSerializer(WebhookSerializer):
    secret = serializers.CharField()

    class Meta(WebhookSerializer.Meta):
        fields = [*WebhookSerializer.Meta.fields, "secret"]


class DeliverySerializer(serializers.ModelSerializer):
    """``message``: the ``webhook-id`` that is sent; ``status``: the receiver's, null where nobody answered."""

    id = serializers.UUIDField(source="public_id")
    message = serializers.CharField(source="event.message_id")
    event = serializers.CharField(source="event.kind")
    attempts = serializers.IntegerField(source="tries")
    status = serializers.IntegerField(source="last_status", allow_null=True)
    note = serializers.CharField(source="last_note")
    next_attempt_at = serializers.SerializerMethodField()
    created_at = serializers.DateTimeField(source="requested_at")

    class Meta:
        model = WebhookDelivery
        fields = [
            "id",
            "message",
            "event",
            "state",
            "attempts",
            "status",
            "note",
            "last_tried_at",
            "next_attempt_at",
            "created_at",
        ]

    def get_next_attempt_at(self, row: WebhookDelivery) -> str | None:
        return row.not_before.isoformat() if row.is_open and row.not_before else None


class WebhooksView(APIView):
    capability = {"GET": "manage_webhooks", "POST": "manage_webhooks"}
    serializer_class = WebhookSerializer

    @operation(answers={200: shapes.WEBHOOKS})
    def get(self, request):
        """Every endpoint of the company: ten at most."""
        rows = webhooks.endpoints()[: webhooks.MOST_ENDPOINTS]
        return Response({"webhooks": WebhookSerializer(rows, many=True).data})

    @operation(
        body=shapes.NEW_WEBHOOK,
        answers={201: shapes.MADE_WEBHOOK},
        headers={201: {"Location": "Where the endpoint is."}},
        refuses={422: f"{_ADDRESS} There are ten already (`too_many_webhooks`).", 409: ANSWER_LOST},
    )
    @idempotent(sealed=True)
    def post(self, request):
        """A new endpoint; the answer holds its secret, which no other one shows."""
        said = NewWebhookSerializer(data=request.data)
        said.is_valid(raise_exception=True)
        endpoint, secret = webhooks.make_endpoint(actor=request.user, **said.validated_data)
        address = reverse("tenants:api_webhook", args=[endpoint.public_id], request=request)
        return Response(_with_secret(endpoint, secret), status=201, headers={"Location": address})


class WebhookView(APIView):
    capability = dict.fromkeys(("GET", "PATCH", "DELETE"), "manage_webhooks")
    serializer_class = WebhookSerializer

    @operation(answers={200: shapes.WEBHOOK}, says="One endpoint, without its secret.")
    def get(self, request, public_id):
        return Response(WebhookSerializer(_endpoint(public_id)).data)

    @operation(body=shapes.CHANGED_WEBHOOK, answers={200: shapes.WEBHOOK}, refuses={422: _ADDRESS})
    def patch(self, request, public_id):
        """Change the address, the events, the description; ``active`` switches it on or off."""
        endpoint = _endpoint(public_id)
        said = ChangedWebhookSerializer(data=request.data)
        said.is_valid(raise_exception=True)
        fields = dict(said.validated_data)
        if "active" in fields:
            fields["is_active"] = fields.pop("active")
        return Response(
            WebhookSerializer(webhooks.change_endpoint(endpoint=endpoint, actor=request.user, **fields)).data
        )

    @operation(answers={204: None}, says="Remove it with its deliveries: what is under way is not sent again.")
    def delete(self, request, public_id):
        webhooks.remove_endpoint(endpoint=_endpoint(public_id), actor=request.user)
        return Response(status=204)


class SecretView(APIView):
    capability = {"POST": "manage_webhooks"}
    serializer_class = MadeWebhookSerializer

    @operation(answers={200: shapes.MADE_WEBHOOK}, refuses={409: ANSWER_LOST})
    @idempotent(sealed=True)
    def post(self, request, public_id):
        """A new secret; the one of before signs beside it for 24 hours. Asked twice, the first one is void: send a key."""
        return Response(_with_secret(*webhooks.rotate_secret(endpoint=_endpoint(public_id), actor=request.user)))


class TestView(APIView):
    capability = {"POST": "manage_webhooks"}
    serializer_class = DeliverySerializer

    @operation(
        answers={202: shapes.DELIVERY},
        headers={202: _LIST},
        refuses={422: "The endpoint is switched off (`switched_off`)."},
    )
    @idempotent
    def post(self, request, public_id):
        """Send an event of kind ``webhook.test`` to this endpoint, once."""
        delivery = webhooks.send_test(endpoint=_endpoint(public_id), actor=request.user)
        jobs.ring(delivery)
        return _taken_on(request, delivery)


class DeliveriesView(APIView):
    capability = {"GET": "manage_webhooks"}
    serializer_class = DeliverySerializer

    @operation(answers={200: shapes.DELIVERIES}, query=shapes.DELIVERIES_PAGE)
    def get(self, request, public_id):
        """The endpoint's deliveries, newest first; ``after`` goes on from ``next``, ``size`` is at most 200."""
        page = keyset.paginate(
            webhooks.deliveries(_endpoint(public_id)),
            keyset.Order("pk"),
            after=request.GET.get("after", ""),
            size=_size(request.GET.get("size", "")),
        )
        return Response({"deliveries": DeliverySerializer(page.rows, many=True).data, "next": page.after})


class AgainView(APIView):
    capability = {"POST": "manage_webhooks"}
    serializer_class = DeliverySerializer

    @operation(
        answers={202: shapes.DELIVERY},
        headers={202: _LIST},
        refuses={
            422: "The endpoint is switched off (`switched_off`), or it is being sent at this moment (`under_way`)."
        },
    )
    @idempotent
    def post(self, request, public_id):
        """Send it again, with the same ``webhook-id``, whatever became of it."""
        delivery = webhooks.find_delivery(public_id)
        if delivery is None:
            raise Http404
        webhooks.redeliver(delivery=delivery, actor=request.user)
        jobs.ring(delivery)
        return _taken_on(request, delivery)


def _endpoint(public_id) -> WebhookEndpoint:
    endpoint = webhooks.find_endpoint(public_id)
    if endpoint is None:
        raise Http404
    return endpoint


def _taken_on(request, delivery: WebhookDelivery) -> Response:
    there = reverse("tenants:api_webhook_deliveries", args=[delivery.endpoint.public_id], request=request)
    return Response(DeliverySerializer(delivery).data, status=202, headers={"Location": there})


def _with_secret(endpoint: WebhookEndpoint, secret: str) -> dict[str, object]:
    return {**WebhookSerializer(endpoint).data, "secret": secret}


def _size(said: str) -> int:
    return min(max(int(said), 1), _MOST) if said.isascii() and said.isdigit() and len(said) < 6 else _SIZE
