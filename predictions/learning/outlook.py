"""What lies ahead of every customer: the chance of still being here, the time left, and what may be lost.

All from the monthly odds of a Survival, month by month, so nothing is rounded to a grid: the chances are the
model's to the last digit. Given that a customer is here at tenure t, the chance to be here h months on is
S(t + h | x) / S(t | x); the expected months within a horizon are the area under that curve (restricted mean:
Royston and Parmar 2013), where a month that ends in leaving was still a month here.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from predictions.learning import columns
from predictions.learning.hazard import Odds
from predictions.learning.survival_figures import HORIZONS
from predictions.learning.survival_model import Survival, label_of, tenure_of

HORIZON = 12  # months over which what may be lost is counted
MEDIAN_WITHIN = 120  # months; a median further ahead is told as "later"
WITHOUT = ("", "gone", "no_tenure")
_BLOCK = 100_000  # rows encoded and walked at a time


@dataclass(frozen=True, slots=True)
class Outlook:
    """One row a customer, in the order asked. NaN everywhere for who has no outlook; ``without`` says why.

    here             float64 [n, 3]: chance of still being here in 3, 6 and 12 months (survival_figures.HORIZONS)
    median_months    float64 [n]: months until half of such customers have left; NaN: later than the data can tell
                     (beyond the longest tenure learned from, or MEDIAN_WITHIN months)
    expected_months  float64 [n]: of the next 12, how many they are expected to be here
    value_at_risk    float64 [n]: a month's charges x the months of the next 12 expected to be lost, in the currency
                     of the charges; NaN where these are unknown
    assumed_months   int16 [n]: how many of the next 12 lie beyond the longest tenure learned from, where the risk of
                     the last interval is held; 0 means that all of it rests on customers who were there
    without          int8 [n]: index into WITHOUT: 0 has an outlook, 1 has left, 2 tenure unknown
    unseen           bool [n]: told by a fold's model, because the final one had learned from this customer
    """

    here: np.ndarray
    median_months: np.ndarray
    expected_months: np.ndarray
    value_at_risk: np.ndarray
    assumed_months: np.ndarray
    without: np.ndarray
    unseen: np.ndarray


def outlook(model: Survival, frame: pd.DataFrame, keys: np.ndarray, *, label: np.ndarray | None = None) -> Outlook:
    """The outlook of customers: frame n x any columns, keys int64 [n]; missing columns are unknown.

    label float [n], as for ``fit``: who left (1) has no outlook. Where it is not given or NaN, those have none who
    had left when the model learned from them. Raises ValueError when lengths differ.
    """
    keys = np.asarray(keys, dtype=np.int64)
    n = len(frame)
    if len(keys) != n or (label is not None and len(label) != n):
        raise ValueError(
            f"{n} rows do not go with {len(keys)} keys" + ("" if label is None else f", {len(label)} labels")
        )
    months, which = tenure_of(frame, model.tenure), model.which(keys)
    gone = _gone(model, keys, which, label)
    without = np.where(gone, 1, np.where(np.isnan(months), 2, 0)).astype(np.int8)
    out = Outlook(
        here=np.full((n, len(HORIZONS)), np.nan),
        median_months=np.full(n, np.nan),
        expected_months=np.full(n, np.nan),
        value_at_risk=np.full(n, np.nan),
        assumed_months=np.zeros(n, dtype=np.int16),
        without=without,
        unseen=which < len(model.models) - 1,
    )
    asked = np.flatnonzero(without == 0)
    for start in range(0, len(asked), _BLOCK):
        rows = asked[start : start + _BLOCK]
        odds = model.odds(model.encoder.encode(frame.iloc[rows]), which[rows])
        _look_ahead(out, rows, odds, months[rows].astype(np.int64), model.grid.last)
    if model.charges is not None:
        charges = _charges(frame, model.charges)
        out.value_at_risk[:] = charges * (HORIZON - out.expected_months)
    return out


def _look_ahead(out: Outlook, rows: np.ndarray, odds: Odds, tenure: np.ndarray, last: int) -> None:
    """Fill the rows (int64 [m]) of an Outlook for customers here at ``tenure`` (int64 [m])."""
    expected, median = np.ones(len(rows)), np.full(len(rows), np.nan)
    survival = np.ones(len(rows))
    for month, survival in enumerate(odds.courses(tenure, HORIZON), start=1):
        if month < HORIZON:
            expected += survival  # who is here at the end of this month is here in the next
        if month in HORIZONS:
            out.here[rows, HORIZONS.index(month)] = survival
        median[np.isnan(median) & (survival <= 0.5) & (tenure + month <= last)] = month
    out.expected_months[rows] = expected
    out.assumed_months[rows] = np.clip(tenure + HORIZON - last, 0, HORIZON)
    here, month = np.flatnonzero((survival > 0.5) & (tenure + HORIZON < last)), HORIZON
    survival, odds, tenure = survival[here], odds.rows(here), tenure[here]
    while here.size and month < MEDIAN_WITHIN:
        month += 1
        survival = survival / (1 + odds.at(tenure + month))
        median[here[survival <= 0.5]] = month
        going = (survival > 0.5) & (tenure + month < last)
        here, survival, odds, tenure = here[going], survival[going], odds.rows(going), tenure[going]
    out.median_months[rows] = median


def _gone(model: Survival, keys: np.ndarray, which: np.ndarray, label: np.ndarray | None) -> np.ndarray:
    """Who has left (bool [n]): by the label, and where there is none by what the model learned."""
    at = np.minimum(np.searchsorted(model.learned_keys, keys), len(model.learned_keys) - 1)
    had_left = (which < len(model.models) - 1) & model.learned_left[at]
    if label is None:
        return had_left
    told = label_of(label)
    return np.where(np.isnan(told), had_left, told == 1)


def _charges(frame: pd.DataFrame, name: str) -> np.ndarray:
    """A month's charges (float64 [n]); NaN where unknown or negative, and where the frame has no such column."""
    positions = [i for i, column in enumerate(frame.columns) if str(column) == name]
    if not positions:
        return np.full(len(frame), np.nan)
    cells = columns.as_numbers(frame.iloc[:, positions[0]])
    return np.where(cells >= 0, cells, np.nan)
