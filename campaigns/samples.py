"""A past campaign for the demonstration, made from the sample carrier's own history: whom it contacted, whom it left alone by
lot, and who left. Nothing is made up here: the outcomes are those that the carrier's causal model drew.
"""

from __future__ import annotations

import datetime as dt
import zlib

from django.db import connection, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from core import bulk
from customers.models import Customer, Interaction
from tenants.models import User
from tenants.scoping import current_tenant

from . import services
from .models import Audience, Campaign, ConsentEntry, MessageTemplate, Preparation, Recipient, TemplateVersion
from .services import keys, measuring, preparing, senders, snapshots
from .services.eligibility import Person

BY_MAIL = "FORFAIT-PLUS"  # of the carrier's past campaigns the one that went by e-mail
HORIZON_DAYS = 60  # as the carrier counted (customers.ingest.synthetic)
_BLOCK = 5_000


def record_sample_campaign(
    *, code: str = BY_MAIL, name: str = "", actor: User | None = None, measures: bool = True
) -> Campaign | None:
    """A finished campaign from the interactions that ``customers.samples.record_sample_history`` wrote under ``code``, with
    its holdout, and measured where the file of the customers is newer than its horizon. For the company in scope.

    Returns the campaign (the same one where it is there already), None where there are no such interactions. The features
    that are put aside are those of the sample's file: its plans do not change. ``measures``: at once, in this process.
    """
    found = Campaign.objects.filter(code=code).first()
    if found is not None:
        return found
    contacts = Interaction.objects.filter(campaign_code=code)
    first = contacts.order_by("happened_on").values_list("happened_on", flat=True).first()
    if first is None:
        return None
    held_out, contacted = (
        contacts.filter(kind=kind).count() for kind in (Interaction.Kind.HELD_OUT, Interaction.Kind.CONTACTED)
    )
    if not held_out or not contacted:
        return None
    at = timezone.make_aware(dt.datetime.combine(first, dt.time(9, 0)))
    with transaction.atomic():
        campaign = _campaign(
            code, name or _("Plan upgrade, three months ago"), actor, at, held_out / (held_out + contacted)
        )
        tally = _recipients(campaign, at)
        Campaign.objects.filter(pk=campaign.pk).update(checked=tally, checked_at=at)
        Preparation.objects.create(
            tenant=current_tenant(), campaign=campaign, kind=Preparation.Kind.LAUNCH, state="succeeded",
            requested_at=at, started_at=at, finished_at=at, tally=tally,
        )  # fmt: skip
    campaign.refresh_from_db()
    services.refresh_counts(campaign, at_once=True)
    snapshots.keep(campaign)
    if measures and measuring.standing(campaign).code == "due":
        measuring.measure_campaign(measurement_id=measuring.open_measurement(campaign=campaign).pk, follow=False)
    campaign.refresh_from_db()
    return campaign


def _campaign(code: str, name: str, actor: User | None, at: dt.datetime, holdout: float) -> Campaign:
    message = _message(actor, at)
    return Campaign.objects.create(
        tenant=current_tenant(),
        name=name,
        code=code,
        state=Campaign.State.FINISHED,
        audience={"kind": Audience.RISK, "low": 0.0},
        message=message,
        version=message.versions.first(),
        holdout=round(holdout, 2),
        horizon_days=HORIZON_DAYS,
        salt=f"sample-{code}",
        frozen={"rule": None, "uplift": None, "offer": None, "sender": senders.identity(senders.sender()),
                "tracks_links": False, "tracks_opens": False},
        created_by=actor,
        approved_by=actor,
        approved_at=at,
        launched_at=at,
        finished_at=at + dt.timedelta(hours=1),
        created_at=at - dt.timedelta(days=1),
    )  # fmt: skip


def _message(actor: User | None, at: dt.datetime) -> MessageTemplate:
    found, is_new = MessageTemplate.objects.get_or_create(
        tenant=current_tenant(), name=_("Plan upgrade"), defaults={"created_by": actor, "created_at": at}
    )
    if is_new:
        TemplateVersion.objects.create(
            tenant=current_tenant(), template=found, number=1, parts=_PARTS, created_by=actor, created_at=at
        )
    return found


_PARTS = {
    "fr": {
        "subject": "{first_name}, plus de débit pour le même prix",
        "text": "Bonjour {first_name},\n\nVotre forfait évolue : plus de débit, sans changer de prix. Répondez à ce message et nous nous occupons du reste.\n\nÀ bientôt",
        "html": "",
    },
    "en": {
        "subject": "{first_name}, more speed at the same price",
        "text": "Dear {first_name},\n\nYour plan can do more: a faster line, at the same price. Answer this mail and we see to the rest.\n\nSee you soon",
        "html": "",
    },
}  # fmt: skip


def _recipients(campaign: Campaign, at: dt.datetime) -> dict[str, object]:
    """The campaign's rows from the carrier's contacts, and their tally as a launch counts it."""
    tally = preparing._Tally()
    rows = Interaction.objects.filter(campaign_code=campaign.code).order_by("pk")
    after = 0
    while block := list(
        rows.filter(pk__gt=after).values_list(
            "pk", "customer_id", "kind", "customer__external_id", "customer__email", "customer__language",
            "customer__subscription__monthly_charges",
        )[:_BLOCK]
    ):  # fmt: skip
        people = [
            Person(
                pk=customer, number=number, address=email, address_key=keys.address_key(email) if email else "",
                language=language[:2] if language[:2] in _PARTS else "fr", monthly_charges=charges,
            )
            for _pk, customer, _kind, number, email, language, charges in block
        ]  # fmt: skip
        arms = [
            Recipient.Arm.HOLDOUT if kind == Interaction.Kind.HELD_OUT else Recipient.Arm.A
            for _p, _c, kind, *_r in block
        ]
        tally.add(people, arms)
        preparing._write(campaign, people, arms)
        after = block[-1][0]
    Recipient.objects.filter(campaign=campaign, state=Recipient.State.QUEUED).update(
        state=Recipient.State.SENT, sent_at=at
    )
    if connection.vendor == "postgresql":
        bulk.analyse(Recipient)
    return tally.as_json()


def record_sample_consents(*, share: float) -> int:
    """Customers who agreed to be written to, by a hash of their number; nothing where the ledger has lines already."""
    if ConsentEntry.objects.exists():
        return 0
    count, after = 0, 0
    people = Customer.objects.order_by("pk").values_list("pk", "external_id")
    while block := list(people.filter(pk__gt=after)[:_BLOCK]):
        agreed = [pk for pk, number in block if zlib.crc32(number.encode()) / 2**32 < share]
        count += services.record_consent(
            customers=agreed, is_granted=True, source=ConsentEntry.Source.CONTRACT, note=_("clause 7 of the contract")
        )
        after = block[-1][0]
    return count
