"""Contacts with customers, or withheld on purpose, and what came of them: written for the campaigns that come after."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date

from tenants.scoping import current_tenant

from ..models import Interaction

_BATCH = 2_000


def record_contacts(*, campaign_code: str, customers: Iterable[int], kind: str, on: date) -> None:
    """Note that these customers (by key) were contacted, or held out, in a campaign. Said twice, it stands there once."""
    tenant = current_tenant()
    rows = [
        Interaction(tenant=tenant, customer_id=key, campaign_code=campaign_code, kind=kind, happened_on=on)
        for key in customers
    ]
    Interaction.objects.bulk_create(rows, batch_size=_BATCH, ignore_conflicts=True)


def record_outcomes(*, campaign_code: str, left: Sequence[int], stayed: Sequence[int]) -> None:
    """Note who left within the campaign's horizon and who did not: the next training knows it."""
    for is_leaver, keys in ((True, left), (False, stayed)):
        for at in range(0, len(keys), _BATCH):
            rows = Interaction.objects.filter(campaign_code=campaign_code, customer_id__in=keys[at : at + _BATCH])
            rows.update(left_within_horizon=is_leaver)
