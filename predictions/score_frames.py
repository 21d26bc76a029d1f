"""Scores of a run as arrays of bounded size: what accounts of profit and of estimates are made of."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from core import bulk

from .models import Score, ScoringRun

Block = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]


def scored_blocks(run: ScoringRun, *, block: int = 100_000) -> Iterator[Block]:
    """(customer int64, chance float64, label float64 with NaN unknown, monthly charges float64 with NaN) in the order of
    the customers' keys; ``label`` and charges as they were when the customer was scored."""
    after = 0
    while True:
        rows = Score.objects.filter(run=run, customer_id__gt=after).order_by("customer_id")
        asked = rows.values_list("customer_id", "risk", "churn_label", "monthly_charges")[:block]
        keys, chances, labels, charges = bulk.read_numbers(asked).values()
        if not len(keys):
            return
        after = int(keys[-1])
        yield keys, chances, labels, charges
        if len(keys) < block:
            return


def outcomes_since(run: ScoringRun) -> tuple[np.ndarray, np.ndarray]:
    """(label, chance) of customers whose outcome was not known when they were scored; label NaN where it still is not."""
    labels, chances = [np.empty(0)], [np.empty(0)]
    after = 0
    while True:
        rows = Score.objects.filter(run=run, churn_label=None, customer_id__gt=after).order_by("customer_id")
        asked = rows.values_list("customer_id", "risk", "customer__churn_label")[:_AT_ONCE]
        keys, risks, outcomes = bulk.read_numbers(asked).values()
        if not len(keys):
            break
        after = int(keys[-1])
        chances.append(risks)
        labels.append(outcomes)
        if len(keys) < _AT_ONCE:
            break
    return np.concatenate(labels), np.concatenate(chances)


_AT_ONCE = 200_000
