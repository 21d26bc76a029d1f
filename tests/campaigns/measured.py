"""Campaigns whose horizon is over, on customers that a test makes up, with the outcomes that it plants."""

from __future__ import annotations

import csv
import datetime as dt
from collections.abc import Callable
from decimal import Decimal

import numpy as np
from django.utils import timezone

from campaigns import services
from campaigns.models import Campaign, Recipient
from campaigns.services import measuring, snapshots
from customers import services as customers
from customers.models import Customer, Subscription
from tests.conftest import import_file

from .conftest import agree_all, compose, launch, send

HORIZON = 60


def bring_in(count: int, *, first: int = 0) -> list[Customer]:
    """Customers M0000 …, who are all still here: half of them on a plan that takes contact well (``month``)."""
    people = Customer.objects.bulk_create(
        Customer(
            external_id=f"M{i:05d}",
            first_name="Person",
            last_name=f"{i:05d}",
            email=f"m{i}@example.com",
            language="en",
            age=20 + i % 60,
            churn_label=False,
        )
        for i in range(first, first + count)
    )
    Subscription.objects.bulk_create(
        Subscription(
            customer=who,
            contract="Month-to-month" if takes_it_well(who) else "Two year",
            tenure=1 + int(who.external_id[1:]) % 50,
            monthly_charges=Decimal(20 + int(who.external_id[1:]) % 40),
        )
        for who in people
    )
    customers.refresh_customer_base()
    agree_all()
    return people


def takes_it_well(customer: Customer) -> bool:
    return int(customer.external_id[1:]) % 2 == 0


def launched(
    actor, *, name: str = "Spring", days_ago: int = HORIZON + 5, holdout: float = 0.5, is_sent: bool = True, **fields
) -> Campaign:
    """A campaign to everybody, moved ``days_ago`` into the past; ``is_sent``: its mails went into the mailbox before."""
    numbers = list(Customer.objects.values_list("external_id", flat=True))
    campaign = compose(
        name=name,
        audience={"kind": "list", "numbers": numbers},
        holdout=holdout,
        horizon_days=HORIZON,
        **fields,
    )
    campaign.salt = (
        f"lots of {name}"  # the same at every run: of drawn ones an interval misses in twenty what was planted
    )
    campaign.save()
    campaign = launch(campaign, actor)
    if is_sent:
        campaign = send(campaign)
    snapshots.keep(campaign)
    return moved(campaign, days_ago)


def moved(campaign: Campaign, days_ago: int) -> Campaign:
    at = timezone.now() - dt.timedelta(days=days_ago)
    Campaign.objects.filter(pk=campaign.pk).update(launched_at=at, finished_at=at + dt.timedelta(hours=2))
    Recipient.objects.filter(campaign=campaign).exclude(sent_at=None).update(sent_at=at)
    campaign.refresh_from_db()
    return campaign


Chance = Callable[[Customer, bool], float]


def planted(campaign: Campaign, chance: Chance, *, seed: int = 0) -> set[str]:
    """Who leaves, by a chance for each customer, written to or not: their numbers."""
    rng = np.random.default_rng(seed)
    rows = Recipient.objects.filter(campaign=campaign).select_related("customer").order_by("customer_id")
    return {
        one.customer.external_id
        for one in rows
        if rng.random() < chance(one.customer, one.arm != Recipient.Arm.HOLDOUT)
    }


def bring_file(tmp_path, left: set[str], *, without: set[str] = frozenset(), name: str = "later.csv"):
    """The company's next file: everybody still there, and who left. It ends well today."""
    path = tmp_path / name
    numbers = list(Customer.objects.order_by("pk").values_list("external_id", flat=True))
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["customerID", "Churn"])
        writer.writerows((n, "Yes" if n in left else "No") for n in numbers if n not in without)
    return import_file(path)


def measured(campaign: Campaign) -> Campaign:
    services.measuring.measure_campaign(measurement_id=measuring.open_measurement(campaign=campaign).pk, follow=False)
    campaign.refresh_from_db()
    return campaign
