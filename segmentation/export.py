"""An allocation as CSV, streamed."""

from __future__ import annotations

from collections.abc import Iterator

from core import tabular
from tenants.models import Tenant
from tenants.scoping import tenant_scope

from .models import AllocatedOffer, Allocation, Offer

HEADER = ("customerID", "offer", "expected_profit", "expected_cost", "kept_chance")
_AT_ONCE = 2_000


def lines(tenant: Tenant, found: Allocation) -> Iterator[str]:
    """Lines of the file. A streamed answer is written after the request's scope closed: each block opens its own, never
    across a ``yield``, so that a browser that goes away leaves none behind."""
    with tenant_scope(tenant):
        written = tabular.stream_csv(HEADER, _rows(found))
    while True:
        with tenant_scope(tenant):
            block = next(written, None)
        if block is None:
            return
        yield block


def _rows(found: Allocation) -> Iterator[list[object]]:
    names = dict(Offer.objects.values_list("pk", "name"))
    lines = AllocatedOffer.objects.filter(allocation=found).select_related("customer").order_by("pk")
    after = 0
    while block := list(lines.filter(pk__gt=after)[:_AT_ONCE]):
        for line in block:
            money = (round(line.expected_profit, 3), round(line.expected_cost, 3))
            yield [line.customer.external_id, names.get(line.offer_id, ""), *money, round(line.kept_chance, 5)]
        after = block[-1].pk
