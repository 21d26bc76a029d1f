"""A prepaid company in the database: drawn customers with their months of use, up to the month that runs."""

from __future__ import annotations

import datetime as dt

import numpy as np
from django.utils import timezone

from customers import merge, services
from customers.ingest.churning import month_of
from customers.ingest.synthetic import prepaid
from customers.models import ChurnDefinition, Customer, Subscription

CUSTOMERS = 400
MEASURES = ("montant_consommation", "nombre_appels", "nombre_recharges")


def this_month() -> dt.date:
    return timezone.localdate().replace(day=1)


def months_ago(months: int) -> dt.date:
    """The first day of a month so many months before the one that runs."""
    at = this_month().year * 12 + this_month().month - 1 - months
    return dt.date(at // 12, at % 12 + 1, 1)


def bring_in(customers: int = CUSTOMERS, *, seed: int = 11, months: int = 12) -> prepaid.Prepaid:
    """Draw a company and write it into the one in scope."""
    drawn = prepaid.draw_prepaid(seed=seed, customers=customers, until=this_month(), months=months)
    known = drawn.customers
    people = Customer.objects.bulk_create([Customer(external_id=name) for name in known["external_id"]])
    details = zip(people, known["tenure"], known["monthly_charges"], known["payment_method"], strict=True)
    Subscription.objects.bulk_create(
        [
            Subscription(customer=who, tenure=int(t), monthly_charges=m, total_charges=m * int(t), payment_method=how)
            for who, t, m, how in details
        ]
    )
    columns = ("external_id", "month", *MEASURES)
    rows = zip(*(drawn.usage[name].tolist() for name in columns), strict=True)
    merge.merge_months(MEASURES, [(line, *row) for line, row in enumerate(rows)])
    services.refresh_customer_base()
    return drawn


def previewed(actor, **chosen) -> ChurnDefinition:
    """A definition whose preview is finished; silence of two months with a gap and a horizon of one, unless told else."""
    said = {"kind": "silence", "silent_days": 60, "horizon_days": 30, "gap_days": 30, **chosen}
    definition = services.propose_definition(actor=actor, **said)
    services.preview_definition(definition_id=definition.pk)
    definition.refresh_from_db()
    return definition


def adopted(actor, **chosen) -> ChurnDefinition:
    return services.adopt_definition(definition=previewed(actor, **chosen), actor=actor, reason="prepaid")


def drawn_to_leave(company: prepaid.Prepaid, day: dt.date) -> dict[str, str]:
    """What the rule of ``previewed`` must say of everybody who used something in the month before a day."""
    at = month_of(day) - month_of(company.months[0])
    used = set(zip(company.usage["external_id"], map(month_of, company.usage["month"]), strict=True))
    begins = np.where(company.last_month == prepaid.NEVER, 999, company.last_month + 1)
    told = {}
    for name, begin in zip(company.customers["external_id"], begins.tolist(), strict=True):
        if (name, month_of(day) - 1) in used:
            told[name] = "too soon" if begin == at else "left" if begin == at + 1 else "stayed"
    return told
