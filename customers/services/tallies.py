"""Keeps the roll-up of the base right when people change a few customers by hand: only those are counted, not the base."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
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
    _shift({name: after[name] - before[name] for name in after})


def count_in(customers: Sequence[int]) -> None:
    """Add customers who were not there before."""
    _shift(_tally(customers))


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


def _shift(differences: Mapping[str, Decimal]) -> None:
    changes = {name: difference for name, difference in differences.items() if difference}
    base = CustomerBase.objects.select_for_update().first() if changes else None
    if base is None:  # nothing was ever counted: the first import counts all
        return
    for name, difference in changes.items():
        if name in base.facts:
            old = base.facts[name]
            base.facts[name] = type(old)(Decimal(str(old)) + difference)
    base.save(update_fields=["facts"])
