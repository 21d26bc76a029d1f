"""The campaign as a whole while its shifts work: how far it is, why it stops, and its end."""

from __future__ import annotations

from datetime import timedelta

from django.db.models import Q
from django.utils import timezone

from customers import services as customers
from customers.models import Interaction
from tenants import services as tenants
from tenants.models import Level

from ..models import Campaign, Recipient
from ..models.campaigns import WRITTEN
from ..signals import campaign_finished
from . import outbox
from .moves import address_of

_COUNTED_EVERY = timedelta(seconds=2)
_NOTED = 2_000


def settled(counts: dict[str, dict[str, int]]) -> tuple[int, int]:
    """How many of those to be written to are settled, of how many."""
    treated = [states for arm, states in counts.items() if arm != Recipient.Arm.HOLDOUT]
    total = sum(sum(states.values()) for states in treated)
    waiting = sum(states.get(state, 0) for states in treated for state in ("queued", "claimed", "sending", "deferred"))
    return total - waiting, total


def refresh_counts(campaign: Campaign, *, at_once: bool = False) -> dict | None:
    """Count again, at most every two seconds whoever asks; None where somebody has just done so."""
    now = timezone.now()
    rows = Campaign.objects.filter(pk=campaign.pk)
    if not at_once:
        rows = rows.filter(Q(counted_at=None) | Q(counted_at__lt=now - _COUNTED_EVERY))
    if not rows.update(counted_at=now):
        return None
    campaign.counts = outbox.counted(campaign)
    Campaign.objects.filter(pk=campaign.pk).update(counts=campaign.counts)
    return campaign.counts


def stop(campaign: Campaign, code: str, facts: dict) -> None:
    """Pause, because something is wrong that a person must look at."""
    stopped = Campaign.objects.filter(pk=campaign.pk, state=Campaign.State.RUNNING).update(
        state=Campaign.State.PAUSED, why_paused={"code": code, "facts": facts}
    )
    if stopped:
        tenants.record("campaign_paused", campaign, code=code)
        tenants.notify(
            "campaign_paused_by_itself",
            level=Level.ERROR,
            url=address_of(campaign),
            campaign=campaign.name,
            why=code,
        )


def finish(campaign: Campaign) -> None:
    """Once nobody waits. Whoever comes first ends it; contacts that a dead sender left unnoted are noted."""
    moved = Campaign.objects.filter(pk=campaign.pk, state=Campaign.State.RUNNING).update(
        state=Campaign.State.FINISHED, finished_at=timezone.now()
    )
    refresh_counts(campaign, at_once=True)
    if not moved:
        return
    note_contacts(campaign)
    campaign.refresh_from_db()
    sent = sum(states.get("sent", 0) for states in campaign.counts.values())
    uncertain = sum(states.get("uncertain", 0) for states in campaign.counts.values())
    tenants.record("campaign_finished", campaign, sent=sent, uncertain=uncertain)
    tenants.notify(
        "campaign_finished",
        level=Level.SUCCESS if not uncertain else Level.WARNING,
        url=address_of(campaign),
        campaign=campaign.name,
        sent=sent,
        uncertain=uncertain,
    )
    campaign_finished.send(sender=Campaign, campaign_id=campaign.pk)


def note_contacts(campaign: Campaign) -> None:
    """Everybody who was written to, or may have been, as a contact; said twice, it stands there once."""
    rows = Recipient.objects.filter(campaign=campaign, state__in=WRITTEN).order_by("pk")
    after = 0
    while block := list(rows.filter(pk__gt=after).values_list("pk", "customer_id", "sent_at")[:_NOTED]):
        by_day: dict = {}
        for _pk, customer, sent_at in block:
            by_day.setdefault(timezone.localdate(sent_at), []).append(customer)
        for day, keys in by_day.items():
            customers.record_contacts(
                campaign_code=campaign.code, customers=keys, kind=Interaction.Kind.CONTACTED, on=day
            )
        after = block[-1][0]
