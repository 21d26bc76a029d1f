"""Questions about campaigns: the list, one campaign with its jobs, its recipients. Reads, and never writes."""

from __future__ import annotations

from collections.abc import Sequence

from django.db.models import QuerySet
from django.utils import timezone

from core.models import OPEN_STATES
from customers.models import Customer
from segmentation.models import Offer

from .models import Campaign, MessageTemplate, Preparation, Recipient, Shift

State = Campaign.State
UNDER_WAY = (State.LAUNCHING, State.RUNNING, State.PAUSED)
GROUPS: dict[str, tuple[str, ...]] = {
    "prepared": (State.DRAFT, State.CHECKED, State.APPROVED),
    "under_way": UNDER_WAY,
    "over": (State.FINISHED, State.CANCELLED),
}
_LOOKED_BACK = 400  # mails from which the pace of the moment is read
_STALE_SECONDS = 120


def campaigns(group: str = "") -> QuerySet[Campaign]:
    """Campaigns with what a list shows of them; ``group``: one of GROUPS, else all."""
    rows = Campaign.objects.select_related("offer", "message", "created_by").defer("frozen", "salt")
    return rows.filter(state__in=GROUPS[group]) if group in GROUPS else rows


def campaign(public_id) -> Campaign | None:
    people = ("created_by", "approved_by")
    rows = Campaign.objects.select_related("offer", "message", "rival", "version", "rival_version", *people)
    return rows.filter(public_id=public_id).first()


def open_preparations(rows: Sequence[Campaign]) -> dict[int, Preparation]:
    """Of each of these campaigns the check or the launch that is open now: one question."""
    found = Preparation.objects.filter(campaign__in=rows, state__in=OPEN_STATES)
    return {job.campaign_id: job for job in found}


def last_preparation(campaign: Campaign) -> Preparation | None:
    """The newest that is over: it may have failed."""
    return campaign.preparations.exclude(state__in=OPEN_STATES).order_by("-pk").first()


def shifts(campaign: Campaign) -> list[Shift]:
    return list(campaign.shifts.order_by("number")[:200])


def recipients(campaign: Campaign, *, states: Sequence[str] = (), arm: str = "") -> QuerySet[Recipient]:
    """Those of a campaign, each with its customer."""
    rows = Recipient.objects.filter(campaign=campaign).select_related("customer", "decided_by")
    if states:
        rows = rows.filter(state__in=states)
    return rows.filter(arm=arm) if arm in Recipient.Arm.values else rows


def some_customers(keys: Sequence[int]) -> list[Customer]:
    """A few customers by key, in that order; those that are gone are left out."""
    found = Customer.objects.in_bulk(list(keys)[:20])
    return [found[key] for key in keys if key in found]


def mails_per_minute(campaign: Campaign) -> float | None:
    """The pace of the moment, read from the newest mails; None where nothing went out within two minutes."""
    newest = Recipient.objects.filter(campaign=campaign, state=Recipient.State.SENT).order_by("-pk")
    times = sorted(moment for moment in newest.values_list("sent_at", flat=True)[:_LOOKED_BACK] if moment)
    if not times or (timezone.now() - times[-1]).total_seconds() > _STALE_SECONDS:
        return None
    seconds = max((timezone.now() - times[0]).total_seconds(), 1.0)
    return 60 * len(times) / seconds


def messages() -> QuerySet[MessageTemplate]:
    """Messages that can be sent: not put away, and worded."""
    return MessageTemplate.objects.filter(is_archived=False, versions__isnull=False).distinct().order_by("name")


def offers_by_mail() -> QuerySet[Offer]:
    """Offers made by e-mail that are in use and not over."""
    today = timezone.localdate()
    rows = Offer.objects.filter(channel=Offer.Channel.EMAIL, is_active=True).exclude(stock=0)
    return rows.exclude(valid_until__lt=today).order_by("position", "pk")
