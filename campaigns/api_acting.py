"""Campaigns for programs, step by step: composed, changed, checked, approved, started, copied; mails tried or decided again."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.response import Response
from rest_framework.reverse import reverse
from rest_framework.views import APIView

from core import bodies, jobs
from core.operations import Operation, described, operation
from core.serialized import body_of
from tenants.idempotency import idempotent

from . import api, selectors, services
from . import api_shapes as shapes
from .models import Campaign, Recipient

MOST_DECIDED = 1_000


class CampaignBody(bodies.Body):
    """Messages and offers by identifier or name; ``audience`` as on the page: ``{"kind": …}``."""

    name = bodies.Text(max_length=120)
    audience = bodies.Plain()
    template = bodies.Text(max_length=200)
    offer = bodies.Text(max_length=200, required=False, allow_null=True)
    schedule = bodies.Text(max_length=60, required=False, allow_null=True)
    holdout = bodies.Number(required=False)
    horizon_days = bodies.Whole(required=False)
    rival_template = bodies.Text(max_length=200, required=False, allow_null=True)
    rival_share = bodies.Number(required=False)
    default_language = bodies.Text(max_length=2, required=False)
    per_hour = bodies.Whole(required=False, allow_null=True)


class CampaignChangeBody(CampaignBody):
    """Only what is named is changed; null takes an offer, an hour, a pace or another message away."""

    name = bodies.Text(max_length=120, required=False)
    audience = bodies.Plain(required=False)
    template = bodies.Text(max_length=200, required=False)


class NoBody(bodies.Body):
    """Nothing is asked for."""


class ApproveBody(bodies.Body):
    """``despite``: why it goes although the sender's domain is not in order."""

    despite = bodies.Text(max_length=200, required=False, allow_blank=True, default="")


class UncertainBody(bodies.Body):
    """Whose mails, by the customers' identifiers, and what becomes of them: ``again`` (sent once more under the same
    Message-ID) or ``sent`` (taken as sent)."""

    customers = serializers.ListField(child=serializers.UUIDField(), min_length=1, max_length=MOST_DECIDED)
    decision = serializers.ChoiceField(choices=("again", "sent"))


_ANOTHER_STATE = {422: "The campaign is in another state, or it cannot be done as it stands."}
_LOCATION = {"Location": "The address of the campaign."}


class CampaignsView(api.CampaignsView):
    capability = {"GET": "view_campaigns", "POST": "compose_campaigns"}

    @operation(
        **body_of(CampaignBody),
        answers={201: shapes.CAMPAIGN},
        headers={201: _LOCATION},
        refuses={422: "It cannot be composed so; `code` says why."},
    )
    @idempotent
    def post(self, request):
        """Compose a draft: 201 with it. Nobody is written to before it is checked, approved and launched."""
        bodies.read(request, CampaignBody)
        campaign = services.save_campaign(actor=request.user, **api.read_fields(request.data))
        body = api.as_json(request, api.find(campaign.public_id))
        return Response(body, status=201, headers={"Location": str(body["url"])})


class CampaignView(api.CampaignView):
    capability = {"GET": "view_campaigns", "PATCH": "compose_campaigns", "DELETE": "compose_campaigns"}

    @operation(**body_of(CampaignChangeBody), answers={200: shapes.CAMPAIGN}, refuses=_ANOTHER_STATE)
    def patch(self, request, public_id):
        """Change a draft; whatever was checked is to be checked again. 422 once it was approved."""
        campaign = api.find(public_id)
        said = bodies.read(request, CampaignChangeBody)
        if not said:
            raise ValidationError({"body": ["name at least one field to change"]})
        services.save_campaign(actor=request.user, campaign=campaign, **api.read_fields(request.data, is_new=False))
        return Response(api.as_json(request, api.find(public_id)))

    @operation(answers={204: None}, refuses=_ANOTHER_STATE)
    def delete(self, request, public_id):
        """Delete what nobody was ever written to by. 422 once it has begun."""
        services.delete_draft(campaign=api.find(public_id), actor=request.user)
        return Response(status=204)


def _step(status: int, body: type[bodies.Body] = NoBody) -> Operation:
    """A step as it is described: the campaign as it is then."""
    headers = {status: _LOCATION} if status in (201, 202) else {}
    return described(**body_of(body), answers={status: shapes.CAMPAIGN}, headers=headers, refuses=_ANOTHER_STATE)


class _StepView(APIView):
    """One step, refused with 422 where the campaign is in another state; the campaign as it is then."""

    body: type[bodies.Body] = NoBody
    status = 200

    @idempotent
    def post(self, request, public_id):
        campaign = api.find(public_id)
        said = bodies.read(request, self.body)
        after = self.act(campaign, request.user, said) or campaign
        body = api.as_json(request, api.find(after.public_id))
        headers = {"Location": str(body["url"])} if self.status in (201, 202) else None
        return Response(body, status=self.status, headers=headers)

    def act(self, campaign: Campaign, actor, said: dict[str, Any]) -> Campaign | None:
        raise NotImplementedError


class CheckView(_StepView):
    """Look who would get it: 202, and ``job`` says how far it is."""

    capability = {"POST": "compose_campaigns"}
    described = {"POST": _step(202)}
    status = 202

    def act(self, campaign, actor, said):
        jobs.ring(services.open_check(campaign=campaign, requested_by=actor))


class ApproveView(_StepView):
    """Let a checked campaign go."""

    capability = {"POST": "approve_campaigns"}
    described = {"POST": _step(200, ApproveBody)}
    body = ApproveBody

    def act(self, campaign, actor, said):
        services.approve_campaign(campaign=campaign, actor=actor, despite=said["despite"])


class WithdrawView(_StepView):
    """Take the approval back, before it has begun: it is a draft again."""

    capability = {"POST": "approve_campaigns"}
    described = {"POST": _step(200)}

    def act(self, campaign, actor, said):
        services.withdraw_approval(campaign=campaign, actor=actor)


class LaunchView(_StepView):
    """Freeze the audience of an approved campaign and begin: 202."""

    capability = {"POST": "run_campaigns"}
    described = {"POST": _step(202)}
    status = 202

    def act(self, campaign, actor, said):
        jobs.ring(services.open_launch(campaign=campaign, requested_by=actor))


class CopyView(_StepView):
    """A new draft like it, with lots of its own: 201 with the copy."""

    capability = {"POST": "compose_campaigns"}
    described = {"POST": _step(201)}
    status = 201

    def act(self, campaign, actor, said):
        return services.copy_campaign(campaign=campaign, actor=actor)


class _DecisionView(APIView):
    """A decision about mails of a campaign, which then goes on."""

    capability = {"POST": "run_campaigns"}

    def decided(self, request, campaign: Campaign, count: int, *, goes_on: bool) -> Response:
        campaign.refresh_from_db()
        if goes_on and count and campaign.state == Campaign.State.RUNNING:
            for shift in services.open_shifts(campaign):
                jobs.ring(shift)
        services.refresh_counts(campaign, at_once=True)
        address = reverse("campaigns:api_campaign", args=[campaign.public_id], request=request)
        return Response({"mails": count, "state": campaign.state, "url": address})


class RetryView(_DecisionView):
    @operation(**body_of(NoBody), answers={200: shapes.DECIDED}, refuses=_ANOTHER_STATE)
    @idempotent
    def post(self, request, public_id):
        """Try the mails again that the server refused for now; addresses that do not exist stay out."""
        campaign = api.find(public_id)
        bodies.read(request, NoBody)
        count = services.retry_failed(campaign=campaign, actor=request.user)
        return self.decided(request, campaign, count, goes_on=True)


class UncertainView(_DecisionView):
    @operation(**body_of(UncertainBody), answers={200: shapes.DECIDED}, refuses=_ANOTHER_STATE)
    @idempotent
    def post(self, request, public_id):
        """Decide of mails of which nobody knows whether they arrived."""
        campaign = api.find(public_id)
        said = bodies.read(request, UncertainBody)
        waiting = selectors.recipients(campaign, states=(Recipient.State.UNCERTAIN,))
        keys = list(waiting.filter(customer__public_id__in=said["customers"]).values_list("pk", flat=True))
        again = said["decision"] == "again"
        count = services.decide_uncertain(campaign=campaign, actor=request.user, recipients=keys, send_again=again)
        return self.decided(request, campaign, count, goes_on=again)
