"""A company whose customers use something, in five kinds far apart, the dearest first: S1 is what ``KINDS`` begins with."""

from __future__ import annotations

import datetime as dt

import numpy as np

from customers import services as customers
from customers.models import Customer, Subscription, UsageRecord

MEASURES = ("montant_consommation", "nombre_appels", "volume_data", "nombre_sms")
FEATURES = ["age", *MEASURES]
KINDS = {
    "heavy": (45, 150, 300, 8_000, 40),
    "data": (22, 80, 40, 30_000, 8),
    "talker": (58, 45, 700, 150, 25),
    "texter": (30, 22, 70, 900, 350),
    "quiet": (72, 7, 15, 20, 3),
}
_SPREAD = 1 + 0.08 * np.random.default_rng(5).uniform(-1, 1, (5, 10_000))
MONTHS = tuple(dt.date(2025, month, 1) for month in (4, 5, 6))


def bring_in(count: int, *, first: int = 0, kinds: tuple[str, ...] = tuple(KINDS), prefix: str = "U") -> list[Customer]:
    """``count`` customers, a kind after another, numbered from ``first``: the same ones whoever asks."""
    places = range(first, first + count)
    people = Customer.objects.bulk_create(
        Customer(
            external_id=f"{prefix}{i:04d}",
            first_name="Person",
            last_name=f"{i:04d}",
            age=round(_value(kinds, i, 0)),
            churn_label=i % 7 == 0,
        )
        for i in places
    )
    Subscription.objects.bulk_create(
        Subscription(customer=who, tenure=1 + i % 60, monthly_charges=round(_value(kinds, i, 1), 2))
        for i, who in zip(places, people, strict=True)
    )
    UsageRecord.objects.bulk_create(
        UsageRecord(
            customer=who,
            month=month,
            montant_consommation=round(_value(kinds, i, 1), 2),
            nombre_appels=round(_value(kinds, i, 2)),
            volume_data=round(_value(kinds, i, 3), 1),
            nombre_sms=round(_value(kinds, i, 4)),
        )
        for i, who in zip(places, people, strict=True)
        for month in MONTHS
    )
    customers.refresh_customer_base()
    return people


def kind_of(customer: Customer, kinds: tuple[str, ...] = tuple(KINDS)) -> str:
    return kinds[int(customer.external_id[1:]) % len(kinds)]


def _value(kinds: tuple[str, ...], i: int, feature: int) -> float:
    """Around the kind's own, by a twelfth; the same for a customer's number whoever asks."""
    middle = KINDS[kinds[i % len(kinds)]][feature]
    return float(middle * _SPREAD[feature, i])
