"""A campaign from draft to approval, and what a person may do with one that runs. States change by compare-and-set."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.text import slugify
from django.utils.translation import gettext as _

from core import jobs, reasons
from core.errors import Refused
from core.models import OPEN_STATES, JobState
from segmentation.models import Offer
from tenants import services as tenants
from tenants.mail_hold import permit_mail, require_mail
from tenants.models import User
from tenants.scoping import current_tenant

from ..models import Campaign, MessageTemplate, Preparation
from ..models.messages import LANGUAGES
from . import audience, senders
from .moves import address_of, move, moved_meanwhile, try_move
from .values import offer_as_json

State = Campaign.State
RESTING = (JobState.SUCCEEDED, JobState.FAILED, JobState.DEAD, JobState.CANCELLED)
FIELDS = (
    "name",
    "audience",
    "offer",
    "message",
    "rival",
    "rival_share",
    "default_language",
    "holdout",
    "horizon_days",
    "scheduled_at",
    "per_hour",
    "launches_itself",
)
MOST = 5_000  # campaigns of a company


# ---------------------------------------------------------------- composing


def save_campaign(*, actor: User | None, campaign: Campaign | None = None, **fields: Any) -> Campaign:
    """Write a new draft, or change one; whatever was checked is to be checked again.

    ``fields``: of FIELDS; those not given stay. Raises Refused, with the field in ``facts``.
    """
    if unknown := sorted(set(fields) - set(FIELDS)):
        raise TypeError(f"A campaign has no {', '.join(unknown)}.")
    is_new = campaign is None
    if is_new:
        if Campaign.objects.count() >= MOST:
            raise Refused("too_many", _("There are too many campaigns already: delete old drafts first."))
        campaign = Campaign(
            tenant=current_tenant(),
            created_by=actor,
            salt=secrets.token_hex(16),
            holdout=senders.sender().holdout_share,
            default_language=_first_language(),
        )
    elif not campaign.is_editable:
        raise Refused("not_a_draft", _("What was approved is not changed any more: copy it into a new draft."))
    for name, value in _checked(fields).items():
        setattr(campaign, name, value)
    _check_whole(campaign)
    if is_new:
        campaign.code = _code(campaign.name)
    before = campaign.state
    campaign.state, campaign.checked, campaign.checked_at = State.DRAFT, {}, None
    try:
        with transaction.atomic():
            if not is_new:
                _cancel_check(campaign)
                if not Campaign.objects.filter(pk=campaign.pk, state=before).exists():
                    raise moved_meanwhile()
            campaign.save()
            tenants.record("campaign_created" if is_new else "campaign_changed", campaign, actor=actor)
    except IntegrityError as error:
        raise Refused("name_taken", _("There is a campaign of this name already."), field="name") from error
    return campaign


def _first_language() -> str:
    locale = current_tenant().locale
    return locale if locale in LANGUAGES else "fr"


def _code(name: str) -> str:
    """What contacts call it: readable, and never that of an earlier campaign."""
    return f"{slugify(name)[:46] or 'campaign'}-{secrets.token_hex(4)}"


def _checked(fields: Mapping[str, Any]) -> dict[str, Any]:
    found = dict(fields)
    if "name" in found:
        found["name"] = " ".join(str(found["name"]).split())
        if not 0 < len(found["name"]) <= 120:
            raise Refused("name_missing", _("Give it a name of at most 120 characters."), field="name")
    if found.get("audience"):
        audience.read(found["audience"])
    if "holdout" in found and not _is_share(found["holdout"], 0.5):
        raise Refused("bad_holdout", _("Between nobody and half are left alone: 0 to 50 %."), field="holdout")
    if "rival_share" in found and not (_is_share(found["rival_share"], 0.95) and found["rival_share"] >= 0.05):
        raise Refused("bad_share", _("The other message gets 5 to 95 %."), field="rival_share")
    if "horizon_days" in found and not _is_whole(found["horizon_days"], 7, 365):
        raise Refused("bad_horizon", _("Look who stayed after 7 to 365 days."), field="horizon_days")
    if found.get("per_hour") is not None and not _is_whole(found["per_hour"], 1, 10_000_000):
        raise Refused("bad_pace", _("At least one mail an hour."), field="per_hour")
    if "default_language" in found and found["default_language"] not in LANGUAGES:
        raise Refused("bad_language", _("Messages are in French, English or Arabic."), field="default_language")
    at = found.get("scheduled_at")
    if at is not None and (not isinstance(at, datetime) or timezone.is_naive(at)):
        raise Refused("bad_schedule", _("Say when it starts, with the time zone."), field="scheduled_at")
    return found


def _is_share(value: object, high: float) -> bool:
    return not isinstance(value, bool) and isinstance(value, int | float) and 0 <= value <= high


def _is_whole(value: object, low: int, high: int) -> bool:
    return not isinstance(value, bool) and isinstance(value, int) and low <= value <= high


def _check_whole(campaign: Campaign) -> None:
    if campaign.rival_id and campaign.rival_id == campaign.message_id:
        raise Refused("same_message", _("The other message must be another one."), field="rival")
    if campaign.offer is not None and campaign.offer.channel != Offer.Channel.EMAIL:
        raise Refused("not_by_mail", _("This offer is not made by e-mail: choose another one."), field="offer")


def copy_campaign(*, campaign: Campaign, actor: User | None) -> Campaign:
    """A new draft like this campaign, with lots of its own."""
    taken = set(Campaign.objects.filter(name__startswith=campaign.name[:100]).values_list("name", flat=True))
    name = next(n for n in (f"{campaign.name[:100]} ({i})" for i in range(2, 10_000)) if n not in taken)
    wanted = {
        field: getattr(campaign, field) for field in FIELDS if field not in ("name", "scheduled_at", "launches_itself")
    }
    return save_campaign(actor=actor, name=name, **wanted)


def delete_draft(*, campaign: Campaign, actor: User | None) -> None:
    """Remove what nobody was ever written to by."""
    if campaign.is_begun:
        raise Refused("is_begun", _("A campaign that has begun is kept: people were written to, or left alone, by it."))
    with transaction.atomic():
        tenants.record("campaign_deleted", campaign, actor=actor)
        campaign.delete()


# ---------------------------------------------------------------- checking and approving


def open_check(*, campaign: Campaign, requested_by: User | None = None) -> Preparation:
    """A look at who would get it, as a job (the caller rings); the open one where there is one. Raises Refused."""
    if not campaign.is_editable and campaign.state != State.APPROVED:
        raise Refused("not_a_draft", _("This campaign has begun: there is nothing to check any more."))
    if not campaign.audience:
        raise Refused("no_audience", _("Choose whom the campaign is for."), field="audience")
    if campaign.message is None:
        raise Refused("no_message", _("Choose a message."), field="message")
    audience.read(campaign.audience)
    return _open_preparation(campaign, Preparation.Kind.CHECK, requested_by)


def _open_preparation(campaign: Campaign, kind: str, requested_by: User | None) -> Preparation:
    try:
        with transaction.atomic():
            return Preparation.objects.create(
                tenant=current_tenant(), campaign=campaign, kind=kind, requested_by=requested_by
            )
    except IntegrityError:
        if found := open_preparation(campaign):
            return found
        raise


def open_preparation(campaign: Campaign) -> Preparation | None:
    return campaign.preparations.filter(state__in=OPEN_STATES).first()


def _cancel_check(campaign: Campaign) -> None:
    for job in campaign.preparations.filter(state__in=OPEN_STATES, kind=Preparation.Kind.CHECK):
        jobs.cancel(job)


def approve_campaign(*, campaign: Campaign, actor: User, despite: str = "") -> Campaign:
    """Let a checked campaign go: at once, or at its hour. ``despite``: why, where the sender's domain is not in order.

    Raises Refused: ``not_checked``, ``stale_check``, ``nobody``, ``sender_incomplete``, ``domain_not_in_order``,
    ``schedule_past``, ``reason_too_long``.
    """
    despite = reasons.reason(despite, most=200, field="despite")
    if campaign.state != State.CHECKED:
        raise Refused("not_checked", _("Check it first: nobody approves what has not been looked at."))
    if campaign.checked_at < timezone.now() - timedelta(days=7):
        raise Refused("stale_check", _("The check is more than a week old: check again."))
    if not campaign.checked.get("treated"):
        raise Refused("nobody", _("Nobody would get it: look at who is left out, and why."))
    sender = senders.sender()
    senders.require_complete(sender)
    senders.require_domain(sender, despite=despite)
    if campaign.scheduled_at is not None and campaign.scheduled_at < timezone.now() - _lateness():
        raise Refused("schedule_past", _("Its hour is past: choose another one, or none."), field="scheduled_at")
    with transaction.atomic():
        move(campaign, State.CHECKED, State.APPROVED, approved_by=actor, approved_at=timezone.now())
        tenants.record("campaign_approved", campaign, actor=actor, despite=despite or None)
    return campaign


def _lateness() -> timedelta:
    return timedelta(minutes=settings.MAIL_LATE_MINUTES)


def withdraw_approval(*, campaign: Campaign, actor: User) -> None:
    """Back to a draft, before it has begun."""
    with transaction.atomic():
        move(campaign, State.APPROVED, State.DRAFT, approved_by=None, approved_at=None, checked={}, checked_at=None)
        tenants.record("campaign_withdrawn", campaign, actor=actor)


# ---------------------------------------------------------------- starting


def open_launch(*, campaign: Campaign, requested_by: User | None = None) -> Preparation:
    """Freeze the audience and begin (the caller rings). An approved campaign only, and not before its hour."""
    require_mail()
    if campaign.scheduled_at is not None and campaign.scheduled_at > timezone.now():
        raise Refused("not_yet", _("It starts by itself at its hour."))
    version, rival = _newest(campaign.message), _newest(campaign.rival) if campaign.rival else None
    with transaction.atomic():
        now = timezone.now()
        move(
            campaign,
            State.APPROVED,
            State.LAUNCHING,
            launched_at=now,
            version=version,
            rival_version=rival,
            frozen=_frozen(campaign),
        )
        tenants.record("campaign_launched", campaign, actor=requested_by, version=version.number)
        return _open_preparation(campaign, Preparation.Kind.LAUNCH, requested_by)


def _newest(template: MessageTemplate | None):
    found = template.versions.order_by("-number").first() if template is not None else None
    if found is None:
        raise Refused("no_message", _("The message has no wording yet."), field="message")
    return found


def _frozen(campaign: Campaign) -> dict[str, Any]:
    """Audience, offer and sender as they are now: what is sent later says the same."""
    asked = audience.read(campaign.audience)
    sender = senders.sender()
    return {
        "rule": asked.rule,
        "uplift": asked.uplift.pk if asked.uplift else None,
        "offer": offer_as_json(campaign.offer),
        "sender": senders.identity(sender),
        "tracks_links": sender.tracks_links,
        "tracks_opens": sender.tracks_opens,
    }


def start_due() -> list[Preparation]:
    """Campaigns whose hour has come, in the company in scope: launched where it is not long past, else a person is asked
    (RULES 19). While mail is held back they wait as they are. The caller rings."""
    if permit_mail() is not None:
        return []
    now = timezone.now()
    opened = []
    due = Campaign.objects.filter(state=State.APPROVED, scheduled_at__lte=now).order_by("scheduled_at")
    for campaign in due[:100]:
        if campaign.scheduled_at < now - _lateness():
            with transaction.atomic():
                if try_move(
                    campaign,
                    State.APPROVED,
                    State.DRAFT,
                    approved_by=None,
                    approved_at=None,
                    checked={},
                    checked_at=None,
                    why_paused={"code": "late", "facts": {"scheduled_at": campaign.scheduled_at.isoformat()}},
                ):
                    tenants.notify("campaign_late", level="warning", url=address_of(campaign), campaign=campaign.name)
            continue
        try:
            opened.append(open_launch(campaign=campaign))
        except Refused as refusal:
            try_move(campaign, State.APPROVED, State.DRAFT, why_paused={"code": refusal.code, "facts": {}})
            tenants.notify(
                "campaign_stopped",
                level="error",
                url=address_of(campaign),
                campaign=campaign.name,
                reason=refusal.message,
            )
    return opened


def launch_itself(*, campaign_id: int) -> Preparation | None:
    """After the check of a campaign whose program asked for all steps at once: approved, and launched unless it has an hour
    (the caller rings). Where a step is refused it stays checked, and people are told why."""
    campaign = Campaign.objects.get(pk=campaign_id)
    actor = campaign.created_by
    if not campaign.launches_itself or campaign.state != State.CHECKED or actor is None:
        return None
    try:
        approve_campaign(campaign=campaign, actor=actor)
        return None if campaign.scheduled_at is not None else open_launch(campaign=campaign, requested_by=actor)
    except Refused as refusal:
        Campaign.objects.filter(pk=campaign.pk).update(
            launches_itself=False, why_paused={"code": refusal.code, "facts": {}}
        )
        tenants.notify(
            "campaign_stopped",
            level="error",
            url=address_of(campaign),
            campaign=campaign.name,
            reason=refusal.message,
        )
        return None
