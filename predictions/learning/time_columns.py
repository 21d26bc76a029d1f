"""Finds the columns that know the time: functions of tenure, which a hazard model must not learn from.

Whoever has paid much in all has been here long. In a model of *when* people leave such a column tells the answer:
it is small for everybody who left early, because they left early. Left out are

  is_tenure       the tenure itself
  asked           what the caller names
  follows_tenure  a number whose rank correlation with tenure is FOLLOWS or more in size; a category whose levels
                  explain as much of the ranks of tenure (correlation ratio, corrected for the number of levels as
                  Kelley 1935 does), such as bands of tenure
  times_tenure    a number that ranks like tenure times another column (PRODUCT or more, and clearly more than that
                  column alone): total charges where prices differ too much for the rule above

Measured on IBM Telco: TotalCharges 0.89; of the honest columns Contract comes highest, 0.67.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import rankdata

from predictions.learning import columns
from predictions.learning.columns import NUMERIC

FOLLOWS = 0.8
PRODUCT = 0.95
_MORE = 0.05  # by which tenure must add to the other column alone
_ROWS = 5_000  # enough to tell 0.67 from 0.80; ranks of every product stay quick
_LEAST_KNOWN = 30


@dataclass(frozen=True, slots=True)
class TimeColumn:
    """strength: the correlation that convicted it, None where none was asked for; by: the other factor, if any."""

    name: str
    why: str
    strength: float | None = None
    by: str | None = None


def find(frame: pd.DataFrame, tenure: np.ndarray, *, name: str, leave_out: Collection[str]) -> list[TimeColumn]:
    """The columns of a frame (n x k) that know the time; tenure float64 [n], known; ``name`` of its own column.

    The rows looked at are spread over the frame, so the same frame gives the same answer.
    """
    some = np.unique(np.linspace(0, len(frame) - 1, min(_ROWS, len(frame))).astype(np.int64))
    tenure, frame = tenure[some], frame.iloc[some]
    found: list[TimeColumn] = []
    numbers: dict[str, np.ndarray] = {}
    for position, column_name in enumerate(map(str, frame.columns)):
        column = frame.iloc[:, position]
        if column_name == name:
            found.append(TimeColumn(column_name, "is_tenure"))
        elif column_name in leave_out:
            found.append(TimeColumn(column_name, "asked"))
        elif columns.kind_of(column) == NUMERIC:
            cells = columns.as_numbers(column)
            strength = abs(_rank_correlation(cells, tenure))
            if strength >= FOLLOWS:
                found.append(TimeColumn(column_name, "follows_tenure", strength))
            else:
                numbers.setdefault(column_name, cells)
        elif columns.kind_of(column) is not None:
            strength = _correlation_ratio(columns.as_levels(column)[0], tenure)
            if strength >= FOLLOWS:
                found.append(TimeColumn(column_name, "follows_tenure", strength))
    return found + _products(numbers, tenure)


def _products(numbers: dict[str, np.ndarray], tenure: np.ndarray) -> list[TimeColumn]:
    """Numbers that rank like tenure times another of them; of the two factors' products the best is told."""
    names = list(numbers)
    if len(names) < 2:
        return []
    cells = np.column_stack([numbers[name] for name in names])
    plain, product = _standard(cells), _standard(cells * tenure[:, None])
    together = np.abs(plain.T @ product) / len(cells)  # [column, factor]
    alone = np.abs(plain.T @ plain) / len(cells)
    np.fill_diagonal(together, 0.0)
    convicted = (together >= PRODUCT) & (together >= alone + _MORE)
    return [
        TimeColumn(names[at], "times_tenure", float(together[at, by]), names[by])
        for at in np.flatnonzero(convicted.any(axis=1))
        for by in [int(np.argmax(np.where(convicted[at], together[at], 0.0)))]
    ]


def _standard(cells: np.ndarray) -> np.ndarray:
    """Ranks with mean 0 and variance 1, unknown cells at 0: float64 [n, k]."""
    unknown = np.isnan(cells)
    ranks = rankdata(cells, axis=0, nan_policy="omit")
    ranks = ranks - np.nanmean(np.where(unknown.all(axis=0), 0.0, ranks), axis=0)
    ranks[unknown] = 0.0
    spread = ranks.std(axis=0)
    return ranks / np.where(spread > 0, spread, 1.0)


def _rank_correlation(cells: np.ndarray, tenure: np.ndarray) -> float:
    """Spearman's, over the rows where the cell is known; 0 where too few are, or where it does not vary."""
    known = ~np.isnan(cells)
    if known.sum() < _LEAST_KNOWN or np.ptp(cells[known]) == 0 or np.ptp(tenure[known]) == 0:
        return 0.0
    return float(np.corrcoef(rankdata(cells[known]), rankdata(tenure[known]))[0, 1])


def _correlation_ratio(codes: np.ndarray, tenure: np.ndarray) -> float:
    """Root of the share of the variance of tenure's ranks that levels (int64 [n], -1 unknown) explain, 0..1."""
    ranks, codes = rankdata(tenure[codes >= 0]), codes[codes >= 0]
    levels = np.unique(codes).size
    if len(codes) - levels < _LEAST_KNOWN or np.ptp(ranks) == 0:
        return 0.0
    counts = np.maximum(np.bincount(codes), 1)
    within = float(((ranks - (np.bincount(codes, ranks) / counts)[codes]) ** 2).sum())
    total = float(((ranks - ranks.mean()) ** 2).sum())
    return float(np.sqrt(max(0.0, 1 - within / (len(codes) - levels) / (total / (len(codes) - 1)))))
