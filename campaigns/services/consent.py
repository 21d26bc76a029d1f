"""Who may be written to: the ledger, addresses that are let alone, and the opt-out that takes effect at once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.db.models import Count, Exists, F, Func, OuterRef, QuerySet, Subquery
from django.utils import timezone

from customers.models import Interaction
from tenants import services as tenants
from tenants.models import User
from tenants.scoping import current_tenant

from ..models import Campaign, ConsentEntry, Recipient, Suppression
from ..models.campaigns import OPEN

_BATCH = 2_000
_ASKED = 5_000  # addresses in one question


# ---------------------------------------------------------------- writing


def record_consent(
    *,
    customers: Sequence[int],
    is_granted: bool,
    source: str,
    actor: User | None = None,
    note: str = "",
) -> int:
    """One line of the ledger for each customer (by key). Taking consent back also takes them out of every queue."""
    tenant = current_tenant()
    rows = [
        ConsentEntry(tenant=tenant, customer_id=key, is_granted=is_granted, source=source, by=actor, note=note[:200])
        for key in customers
    ]
    with transaction.atomic():
        ConsentEntry.objects.bulk_create(rows, batch_size=_BATCH)
        if not is_granted:
            for at in range(0, len(customers), _BATCH):
                waiting = Recipient.objects.filter(customer_id__in=customers[at : at + _BATCH], state__in=OPEN)
                waiting.update(state=Recipient.State.SUPPRESSED, reason="no_consent")
        if actor is not None:
            tenants.record("consent_recorded", actor=actor, customers=len(rows), is_granted=is_granted, source=source)
    return len(rows)


def suppress(
    *,
    address_keys: Iterable[str],
    reason: str,
    campaign_code: str = "",
    source: str = "",
    actor: User | None = None,
) -> int:
    """Let these addresses alone from this moment on, those who wait in a queue too. Returns how many are new.

    ``campaign_code``: only for that campaign; "" for all.
    """
    tenant = current_tenant()
    wanted = list(dict.fromkeys(address_keys))
    new = 0
    for at in range(0, len(wanted), _BATCH):
        block = wanted[at : at + _BATCH]
        with transaction.atomic():
            held = Suppression.objects.filter(address_key__in=block, campaign_code=campaign_code)
            known = set(held.values_list("address_key", flat=True))
            rows = [
                Suppression(
                    tenant=tenant,
                    address_key=key,
                    campaign_code=campaign_code,
                    reason=reason,
                    source=source[:60],
                    by=actor,
                )
                for key in block
                if key not in known
            ]
            Suppression.objects.bulk_create(rows, ignore_conflicts=True)
            waiting = Recipient.objects.filter(address_key__in=block, state__in=OPEN)
            if campaign_code:
                waiting = waiting.filter(campaign__code=campaign_code)
            waiting.update(state=Recipient.State.SUPPRESSED, reason=_STATE_REASON.get(reason, "suppressed"))
            new += len(rows)
    return new


_STATE_REASON = {"unsubscribed": "unsubscribed", "bounced": "bounced", "complained": "complained"}


def unsubscribe(*, address_key: str, source: str) -> bool:
    """A customer asked not to be written to any more. Said twice, it is the same. Returns whether it was news."""
    with transaction.atomic():
        is_new = suppress(address_keys=[address_key], reason=Suppression.Reason.UNSUBSCRIBED, source=source) > 0
        if is_new:
            theirs = Recipient.objects.filter(address_key=address_key).order_by("customer_id")
            customers = list(theirs.values_list("customer_id", flat=True).distinct()[:50])
            if customers:
                record_consent(customers=customers, is_granted=False, source=ConsentEntry.Source.UNSUBSCRIBE)
            tenants.record("unsubscribed", source=source)
    return is_new


def unsuppress(*, suppression: Suppression, actor: User, reason: str) -> None:
    """Write to an address again, because a person says why. Its consent must be given anew."""
    with transaction.atomic():
        tenants.record("unsuppressed", suppression, actor=actor, reason=reason)
        suppression.delete()


# ---------------------------------------------------------------- asking


def consented(first: int, last: int, *, customers: Sequence[int] | None = None) -> dict[int, bool]:
    """Of customers with keys from ``first`` to ``last`` (or these) the newest line of the ledger; absent: never asked."""
    lines = ConsentEntry.objects.filter(channel="email", purpose="marketing")
    if customers is not None:
        lines = lines.filter(customer_id__in=customers)
    else:
        lines = lines.filter(customer_id__gte=first, customer_id__lte=last)
    return dict(lines.order_by("customer_id", "pk").values_list("customer_id", "is_granted"))


def suppressed(address_keys: Sequence[str], campaign_code: str) -> set[str]:
    """Which of these addresses are let alone, in general or in this campaign."""
    found: set[str] = set()
    for at in range(0, len(address_keys), _ASKED):
        held = Suppression.objects.filter(
            address_key__in=address_keys[at : at + _ASKED], campaign_code__in=("", campaign_code)
        )
        found.update(held.values_list("address_key", flat=True))
    return found


def pressed(first: int, last: int, *, within_days: int) -> dict[int, int]:
    """How often customers were written to within so many days: by our own outbox, or as the contacts say, whichever is more."""
    since = timezone.now() - timedelta(days=within_days)
    sent = Recipient.objects.filter(sent_at__gte=since)
    told = Interaction.objects.filter(kind=Interaction.Kind.CONTACTED, happened_on__gt=timezone.localdate(since))
    narrow = {"customer_id__gte": first, "customer_id__lte": last}
    found: dict[int, int] = {}
    for rows in (sent.filter(**narrow), told.filter(**narrow)):
        counted = rows.order_by().values("customer_id").annotate(n=Count("pk")).values_list("customer_id", "n")
        for key, n in counted:
            found[key] = max(n, found.get(key, 0))
    return found


def held_out_elsewhere(first: int, last: int, *, campaign: Campaign | None) -> set[int]:
    """Customers whom another campaign leaves alone until it has been measured."""
    now = timezone.now()
    others = Campaign.objects.exclude(launched_at=None).exclude(state=Campaign.State.CANCELLED)
    if campaign is not None and campaign.pk:
        others = others.exclude(pk=campaign.pk)
    open_ones = [
        pk
        for pk, launched, days in others.values_list("pk", "launched_at", "horizon_days")
        if launched + timedelta(days=days) > now
    ]
    if not open_ones:
        return set()
    held = Recipient.objects.filter(
        campaign_id__in=open_ones, arm=Recipient.Arm.HOLDOUT, customer_id__gte=first, customer_id__lte=last
    )
    return set(held.values_list("customer_id", flat=True))


def standing_of_recipients(campaign_code: str, *, within_days: int) -> dict[str, Any]:
    """The same questions of recipients, answered by the database beside their rows: ``agreed``, ``is_let_alone``, ``mails`` and
    ``contacts``, in this order."""
    since = timezone.now() - timedelta(days=within_days)
    theirs = OuterRef("customer_id")
    lines = ConsentEntry.objects.filter(customer_id=theirs, channel="email", purpose="marketing").order_by("-pk")
    held = Suppression.objects.filter(address_key=OuterRef("address_key"), campaign_code__in=("", campaign_code))
    sent = Recipient.objects.filter(customer_id=theirs, sent_at__gte=since)
    told = Interaction.objects.filter(
        customer_id=theirs, kind=Interaction.Kind.CONTACTED, happened_on__gt=timezone.localdate(since)
    )
    return {
        "agreed": Subquery(lines.values("is_granted")[:1]),
        "is_let_alone": Exists(held),
        "mails": _number_of(sent),
        "contacts": _number_of(told),
    }


def _number_of(rows: QuerySet) -> Subquery:
    """A count without GROUP BY: of no rows it is 0."""
    return Subquery(rows.order_by().annotate(n=Func(F("pk"), function="COUNT")).values("n"))
