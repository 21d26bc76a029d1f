"""Scores of a run as arrays of bounded size: what accounts of profit and of estimates are made of."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from core import bulk

from .models import Score, ScoringRun

Block = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]


def scored_blocks(run: ScoringRun, *, block: int = 100_000) -> Iterator[Block]:
    """(customer int64, chance float64, label float64 with NaN unknown, monthly charges float64 with NaN) in the order of
    the customers' keys; ``label`` and charges as they were when the customer was scored."""
    after = 0
    while True:
        rows = Score.objects.filter(run=run, customer_id__gt=after).order_by("customer_id")
        frame = bulk.read_frame(rows.values_list("customer_id", "risk", "churn_label", "monthly_charges")[:block])
        if frame.empty:
            return
        keys = frame.iloc[:, 0].to_numpy(dtype="int64")
        after = int(keys[-1])
        yield keys, _numbers(frame.iloc[:, 1]), _labels(frame.iloc[:, 2]), _numbers(frame.iloc[:, 3])
        if len(frame) < block:
            return


def outcomes_since(run: ScoringRun) -> tuple[np.ndarray, np.ndarray]:
    """(label, chance) of customers whose outcome was not known when they were scored; label NaN where it still is not."""
    labels, chances = [np.empty(0)], [np.empty(0)]
    after = 0
    while True:
        rows = Score.objects.filter(run=run, churn_label=None, customer_id__gt=after).order_by("customer_id")
        frame = bulk.read_frame(rows.values_list("customer_id", "risk", "customer__churn_label")[:_AT_ONCE])
        if frame.empty:
            break
        after = int(frame.iloc[-1, 0])
        chances.append(_numbers(frame.iloc[:, 1]))
        labels.append(_labels(frame.iloc[:, 2]))
        if len(frame) < _AT_ONCE:
            break
    return np.concatenate(labels), np.concatenate(chances)


_AT_ONCE = 200_000


def _numbers(column: pd.Series) -> np.ndarray:
    return pd.to_numeric(column, errors="coerce").to_numpy(dtype="float64", na_value=np.nan)


def _labels(column: pd.Series) -> np.ndarray:
    """1 left, 0 stayed, NaN unknown, from booleans, 0 and 1, "t" and "f", or null: as either engine sends them."""
    found = column.map({True: 1.0, False: 0.0, "t": 1.0, "f": 0.0, "true": 1.0, "false": 0.0})  # 1 and True are one key
    return found.to_numpy(dtype="float64", na_value=np.nan)
