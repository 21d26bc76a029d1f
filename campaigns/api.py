"""Campaigns for programs: one call that composes, checks, approves and starts; where each stands; pause, resume, cancel."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import QuerySet
from django.http import Http404
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from rest_framework.exceptions import ValidationError
from rest_framework.response import Response
from rest_framework.reverse import reverse
from rest_framework.views import APIView

from core import bodies, jobs, keyset
from core.operations import described, operation
from core.shapes import TEXT
from tenants.idempotency import idempotent

from . import api_shapes as shapes
from . import selectors, services, wording_running
from .models import Campaign

_SHOWN = 50
_BY_NEWEST = keyset.Order("pk")
_ASKED = {
    "name", "audience", "template", "offer", "schedule", "holdout", "horizon_days", "rival_template", "rival_share",
    "default_language", "per_hour", "launch",
}  # fmt: skip
_PLAIN = ("name", "audience", "holdout", "horizon_days", "rival_share", "default_language", "per_hour")

_ACTION = {"answers": {200: shapes.CAMPAIGN}, "refuses": {422: "The campaign is in another state."}}


class BulkView(APIView):
    capability = {"POST": "compose_campaigns"}

    @operation(
        body=shapes.COMPOSE,
        answers={202: shapes.COMPOSED},
        headers={202: {"Location": "The address of the campaign."}},
        refuses={422: "It cannot be composed so; `code` says why."},
    )
    @idempotent
    def post(self, request):
        """Compose a campaign and have it checked; with ``"launch": true`` it is approved and started as soon as the check is
        done, or at its hour. 202 with its address.

        ``{"name", "audience", "template", "offer", "schedule", "holdout", "horizon_days", "rival_template", "rival_share",
        "default_language", "per_hour", "launch"}``: messages and offers by identifier or name; audience as in
        ``services.audience``. 400 by the field for what cannot be read, 422 with a code for what cannot be done.
        """
        body = _read(request.data)
        if body["launch"]:
            for capability in ("approve_campaigns", "run_campaigns"):
                if not request._request.membership.can(capability):
                    raise PermissionDenied(f"launch needs the capability {capability}.")
        fields = body["fields"] | {"launches_itself": body["launch"]}
        with transaction.atomic():  # refused by the check, it leaves no draft behind
            campaign = services.save_campaign(actor=request.user, **fields)
            jobs.ring(services.open_check(campaign=campaign, requested_by=request.user))
        address = _address(request, campaign)
        body = {"id": str(campaign.public_id), "url": address, "state": campaign.state}
        return Response(body, status=202, headers={"Location": address})


class CampaignsView(APIView):
    capability = {"GET": "view_campaigns"}

    @operation(
        query={"after": TEXT | {"description": "Where the page before ended: follow `next` instead."}},
        answers={200: shapes.CAMPAIGNS},
    )
    def get(self, request):
        """The campaigns, newest first, fifty a page: ``next`` is the address of the following ones."""
        page = keyset.paginate(
            selectors.campaigns(), _BY_NEWEST, after=str(request.query_params.get("after", "")), size=_SHOWN
        )
        here = reverse("campaigns:api_campaigns", request=request)
        return Response(
            {
                "campaigns": [_brief(request, one) for one in page.rows],
                "next": f"{here}?after={page.after}" if page.after else None,
            }
        )


class CampaignView(APIView):
    capability = {"GET": "view_campaigns"}

    @operation(answers={200: shapes.CAMPAIGN})
    def get(self, request, public_id):
        """One campaign: its state, recipients by arm and state, who is left out and why, and where to go on."""
        return Response(as_json(request, find(public_id)))


class _ActionView(APIView):
    capability = {"POST": "run_campaigns"}

    @idempotent
    def post(self, request, public_id):
        """Do it at once; the campaign as it is then. 422 where it is in another state."""
        campaign = find(public_id)
        self.act(campaign, request.user)
        return Response(as_json(request, find(public_id)))

    def act(self, campaign: Campaign, actor) -> None:
        raise NotImplementedError


class PauseView(_ActionView):
    described = {"POST": described(says="Pause the mails, and answer with the campaign.", **_ACTION)}

    def act(self, campaign, actor):
        services.pause_campaign(campaign=campaign, actor=actor)


class ResumeView(_ActionView):
    described = {"POST": described(says="Go on with the mails, and answer with the campaign.", **_ACTION)}

    def act(self, campaign, actor):
        for shift in services.resume_campaign(campaign=campaign, actor=actor):
            jobs.ring(shift)


class CancelView(_ActionView):
    described = {"POST": described(says="Cancel it for good, and answer with the campaign.", **_ACTION)}

    def act(self, campaign, actor):
        services.cancel_campaign(campaign=campaign, actor=actor)
        services.refresh_counts(campaign, at_once=True)


# ---------------------------------------------------------------- in


def _read(data: object) -> dict[str, Any]:
    """The body of a call that does all, as services take it. Raises ValidationError by the field."""
    if not isinstance(data, dict):
        raise ValidationError(["a JSON object"])
    if wrong := {str(name): ["no such field"] for name in set(data) - _ASKED}:
        raise ValidationError(wrong)
    return {"fields": read_fields(data), "launch": data.get("launch", False)}


def read_fields(data: Mapping[str, Any], *, is_new: bool = True) -> dict[str, Any]:
    """Fields of a campaign as services take them; of a change those that are named, null taking one away.

    Raises ValidationError by the field.
    """
    if not bodies.is_storable(dict(data)):
        raise ValidationError(["text that cannot be stored"])
    needed = [name for name in ("name", "audience", "template") if is_new or name in data]
    wrong = {name: ["is missing"] for name in needed if data.get(name) in (None, "")}
    wrong |= _types(data)
    if wrong:
        raise ValidationError(wrong)
    fields: dict[str, Any] = {name: data[name] for name in _PLAIN if data.get(name) is not None}
    found = {
        "message": ("template", selectors.messages()),
        "rival": ("rival_template", selectors.messages()),
        "offer": ("offer", selectors.offers_by_mail()),
    }
    for field, (name, rows) in found.items():
        if data.get(name) not in (None, ""):
            fields[field] = _named(rows, data[name], name)
    if data.get("schedule") is not None:
        fields["scheduled_at"] = _moment(data["schedule"])
    if not is_new:
        fields |= {field: None for name, field in _EMPTIED.items() if name in data and data[name] is None}
    return fields


# What a change may take away: the body's name -> the campaign's.
_EMPTIED = {"offer": "offer", "rival_template": "rival", "schedule": "scheduled_at", "per_hour": "per_hour"}

_KINDS: Mapping[str, tuple[tuple[type, ...], str]] = {
    "name": ((str,), "a text"),
    "audience": ((dict,), "an object with its kind"),
    "template": ((str,), "an identifier or a name"),
    "rival_template": ((str,), "an identifier or a name"),
    "offer": ((str,), "an identifier or a name"),
    "schedule": ((str,), "a moment with its time zone, such as 2026-03-01T09:00:00+01:00"),
    "holdout": ((int, float), "a share from 0 to 0.5"),
    "rival_share": ((int, float), "a share from 0.05 to 0.95"),
    "horizon_days": ((int,), "a whole number of days"),
    "default_language": ((str,), "fr, en or ar"),
    "per_hour": ((int,), "a whole number of mails"),
}


def _types(data: Mapping[str, Any]) -> dict[str, list[str]]:
    wrong = {}
    for name, (kinds, words) in _KINDS.items():
        value = data.get(name)
        if value is not None and (isinstance(value, bool) or not isinstance(value, kinds)):
            wrong[name] = [words]
    if not isinstance(data.get("launch", False), bool):
        wrong["launch"] = ["true or false"]
    return wrong


def _named(rows: QuerySet, wanted: str, field: str):
    """The row of this identifier or name."""
    try:
        rows = rows.filter(public_id=UUID(wanted))
    except ValueError:
        rows = rows.filter(name=wanted)
    found = rows.first()
    if found is None:
        raise ValidationError({field: ["there is none of this identifier or name that can be sent now"]})
    return found


def _moment(text: str):
    try:
        moment = parse_datetime(text)
    except ValueError:
        moment = None
    if moment is None or timezone.is_naive(moment):
        raise ValidationError({"schedule": [_KINDS["schedule"][1]]})
    return moment


def find(public_id) -> Campaign:
    found = selectors.campaign(public_id)
    if found is None:
        raise Http404
    return found


# ---------------------------------------------------------------- out


def _address(request, campaign: Campaign) -> str:
    return reverse("campaigns:api_campaign", args=[campaign.public_id], request=request)


def _brief(request, campaign: Campaign) -> dict[str, object]:
    return {
        "id": str(campaign.public_id),
        "url": _address(request, campaign),
        "name": campaign.name,
        "state": campaign.state,
        "scheduled_at": campaign.scheduled_at,
        "launched_at": campaign.launched_at,
        "finished_at": campaign.finished_at,
        "recipients": campaign.counts,
    }


def as_json(request, campaign: Campaign) -> dict[str, object]:
    if campaign.state in selectors.UNDER_WAY:
        services.refresh_counts(campaign)
    job = services.open_preparation(campaign)
    checked = campaign.checked or {}
    links = {
        "page": reverse("campaigns:campaign", args=[campaign.public_id], request=request),
        **{
            verb: reverse(f"campaigns:api_{verb}", args=[campaign.public_id], request=request)
            for verb in _possible(campaign)
        },
    }
    return _brief(request, campaign) | {
        "audience": campaign.audience,
        "template": campaign.message.name if campaign.message else None,
        "rival_template": campaign.rival.name if campaign.rival else None,
        "offer": campaign.offer.name if campaign.offer else None,
        "holdout": campaign.holdout,
        "horizon_days": campaign.horizon_days,
        "per_hour": campaign.per_hour,
        "launches_itself": campaign.launches_itself,
        "checked_at": campaign.checked_at,
        "checked": {name: checked.get(name) for name in ("audience", "treated", "held_out", "detectable")}
        if checked
        else None,
        "left_out": checked.get("left_out", {}),
        "warnings": [one.get("code") for one in checked.get("warnings", [])],
        "why_paused": {
            "code": campaign.why_paused.get("code"),
            "detail": wording_running.why_paused(campaign.why_paused),
        }
        if campaign.why_paused
        else None,
        "job": {"kind": job.kind, "state": job.state, "progress": job.fraction} if job else None,
        "recipients_url": reverse("campaigns:api_recipients", args=[campaign.public_id], request=request),
        "links": links,
    }


def _possible(campaign: Campaign) -> list[str]:
    """What may be done with it now."""
    state = Campaign.State
    if campaign.state in (state.FINISHED, state.CANCELLED):
        return []
    return [
        *(["check"] if campaign.is_editable or campaign.state == state.APPROVED else []),
        *(["approve"] if campaign.state == state.CHECKED else []),
        *(["launch", "withdraw"] if campaign.state == state.APPROVED else []),
        *(["pause"] if campaign.state == state.RUNNING else []),
        *(["resume"] if campaign.state == state.PAUSED else []),
        "cancel",
    ]
