"""Contacts with customers, or withheld on purpose, and what came of them: written for the campaigns that come after."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date

from django.db import connection

from core import bulk
from tenants.scoping import current_tenant

from ..models import Interaction

_BATCH = 2_000


def record_contacts(*, campaign_code: str, customers: Iterable[int], kind: str, on: date) -> None:
    """Note that these customers (by key) were contacted, or held out, in a campaign. Said twice, it stands there once."""
    tenant = current_tenant().pk
    company, day = (tenant.hex, on.isoformat()) if connection.vendor == "sqlite" else (tenant, on)
    keys = [int(key) for key in customers]  # SQLite takes numpy's for something else
    for at in range(0, len(keys), _BATCH):
        block = keys[at : at + _BATCH]
        bulk.run(
            f"""INSERT INTO customers_interaction (tenant_id, customer_id, campaign_code, kind, happened_on)
                SELECT tenant_id, id, %s, %s, %s FROM customers_customer
                WHERE tenant_id = %s AND id IN ({", ".join(["%s"] * len(block))})
                ON CONFLICT DO NOTHING""",  # noqa: S608 - placeholders only
            [campaign_code, str(kind), day, company, *block],
        )


def record_outcomes(*, campaign_code: str, left: Sequence[int], stayed: Sequence[int]) -> None:
    """Note who left within the campaign's horizon and who did not: the next training knows it."""
    for is_leaver, keys in ((True, left), (False, stayed)):
        for at in range(0, len(keys), _BATCH):
            rows = Interaction.objects.filter(campaign_code=campaign_code, customer_id__in=keys[at : at + _BATCH])
            rows.update(left_within_horizon=is_leaver)
