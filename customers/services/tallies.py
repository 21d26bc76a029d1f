"""Keeps the roll-up of the base right when people change a few customers by hand: only those are counted, not the base."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from decimal import Decimal

from django.db.models import Count, Q, Sum

from ..models import Customer, CustomerBase

# A change of these shows in the roll-up.
COUNTED_FIELDS = frozenset(("churn_label", "monthly_charges"))


@contextmanager
def base_follows(customers: Sequence[int]) -> Iterator[None]:
    """Count these customers before and after the block, and add the difference to the roll-up. Inside a transaction."""
    before = _tally(customers)
    yield
    after = _tally(customers)
    changes = {name: after[name] - before[name] for name in after if after[name] != before[name]}
    row = CustomerBase.objects.select_for_update().first() if changes else None
    if row is not None:
        for name, difference in changes.items():
            row.facts[name] = type(row.facts.get(name, 0))(Decimal(str(row.facts.get(name, 0))) + difference)
        row.save(update_fields=["facts"])


def _tally(customers: Sequence[int]) -> dict[str, Decimal]:
    here = Q(churn_label=False) | Q(churn_label=None)
    found = Customer.objects.filter(pk__in=customers).aggregate(
        customers=Count("pk"),
        left=Count("pk", filter=Q(churn_label=True)),
        stayed=Count("pk", filter=Q(churn_label=False)),
        unknown=Count("pk", filter=Q(churn_label=None)),
        monthly_revenue=Sum("subscription__monthly_charges", filter=here),
    )
    return {name: Decimal(value or 0) for name, value in found.items()}
