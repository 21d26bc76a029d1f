"""Figures for parts of the customers (a contract, a tenure band, a gender), and where a part has too few to judge.

A figure for everybody can hide a group that the model serves badly. Slices are made from columns that need not
be features: ``groups_of`` parts the customers, ``by_slice`` measures each part out of fold.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from predictions.learning import columns
from predictions.learning.columns import NUMERIC
from predictions.learning.evaluation import Z, auc, auc_if_true, auc_interval
from predictions.learning.evidence import MIN_SLICE_OF_EACH, MIN_SLICE_ROWS
from predictions.learning.targeting import confusion

SLICES = ("contract", "tenure", "senior_citizen", "gender")
MAX_GROUPS = 12  # of one column; rarer levels share one group
_EDGES = {"tenure": (12.0, 24.0, 48.0)}  # months; an upper edge belongs to the band below it
_NAMES = {"tenure": ("0-12", "13-24", "25-48", "49+")}


@dataclass(frozen=True, slots=True)
class Groups:
    """One column's parts: code int64 [n] into names; kinds: "level", "band" (of numbers), "other", "unknown"."""

    column: str
    code: np.ndarray
    names: tuple[str | None, ...]
    kinds: tuple[str, ...]

    def title(self, number: int) -> dict[str, str | None]:
        return {"kind": self.kinds[number], "name": self.names[number]}


def groups_of(frame: pd.DataFrame, column: str) -> Groups | None:
    """The parts of the frame's customers (n rows) by one column; None where it is absent, a date, or all alike.

    Levels as they are written, the commonest first; numbers of more than MAX_GROUPS values in bands (tenure's fixed,
    others at their quartiles, named by the lowest and highest value in them); the unknown in a group of their own.
    """
    position = next((at for at, name in enumerate(frame.columns) if str(name) == column), None)
    if position is None:
        return None
    series = frame.iloc[:, position]
    kind = columns.kind_of(series)
    if kind is None:
        return None
    numbers = columns.as_numbers(series) if kind == NUMERIC else np.empty(0)
    if numbers.size and (column in _EDGES or np.unique(numbers[~np.isnan(numbers)]).size > MAX_GROUPS):
        code, names, kinds = _bands(column, numbers)
    else:
        code, names, kinds = _levels(series)
    unknown = code < 0
    if unknown.any():
        code, names, kinds = np.where(unknown, len(names), code), [*names, None], [*kinds, "unknown"]
    present = np.unique(code)
    if len(present) < 2:
        return None
    return Groups(
        column, np.searchsorted(present, code), tuple(names[g] for g in present), tuple(kinds[g] for g in present)
    )


def by_slice(
    label: np.ndarray, chance: np.ndarray, threshold: float, frame: pd.DataFrame, names: Sequence[str]
) -> list[dict]:
    """For each column of ``names`` that the frame has: {"column", "groups"}.

    A group: kind, name, n, churners, rate, state "judged" or "too_few"; if judged, metrics and intervals of roc_auc,
    calibration_gap (told minus met), and precision, recall and selected at the threshold (None: nobody was called);
    and roc_auc_if_true: what the chances themselves promise there, which is little where customers are alike.
    """
    out = []
    for name in dict.fromkeys(names):
        groups = groups_of(frame, name)
        if groups is not None:
            told = []
            for number in range(len(groups.names)):
                members = groups.code == number
                told.append(groups.title(number) | _figures(label[members], chance[members], threshold))
            out.append({"column": name, "groups": told})
    return out


def is_enough(label: np.ndarray) -> bool:
    """Whether these customers (label float64 [n]) are enough to judge a model by."""
    left = int(label.sum())
    return len(label) >= MIN_SLICE_ROWS and min(left, len(label) - left) >= MIN_SLICE_OF_EACH


def gap(label: np.ndarray, chance: np.ndarray) -> tuple[float, float]:
    """Mean chance told minus share that left, and its standard error."""
    apart = chance - label
    return float(apart.mean()), float(apart.std(ddof=1) / np.sqrt(len(apart)))


def _figures(label: np.ndarray, chance: np.ndarray, threshold: float) -> dict[str, Any]:
    left = int(label.sum())
    told: dict[str, Any] = {"n": len(label), "churners": left, "rate": float(label.mean())}
    if not is_enough(label):
        return told | {"state": "too_few", "metrics": {}, "intervals": {}}
    area, (off, error) = auc(label, chance), gap(label, chance)
    at = confusion(label, chance, threshold, rule="")
    metrics = {"roc_auc": area, "calibration_gap": off}
    intervals = {
        "roc_auc": list(auc_interval(area, left, len(label) - left)),
        "calibration_gap": [off - Z * error, off + Z * error],
    }
    for name in ("precision", "recall", "selected"):
        metrics[name], intervals[name] = at["metrics"][name], at["intervals"][name]
    promised = auc_if_true(chance)
    told["roc_auc_if_true"] = None if np.isnan(promised) else promised
    return told | {"state": "judged", "metrics": metrics, "intervals": intervals}


def _bands(column: str, numbers: np.ndarray) -> tuple[np.ndarray, list[str], list[str]]:
    known = numbers[~np.isnan(numbers)]
    edges = _EDGES.get(column) or np.unique(np.quantile(known, (0.25, 0.5, 0.75), method="nearest"))
    code = np.where(np.isnan(numbers), -1, np.searchsorted(edges, numbers))
    names = list(_NAMES.get(column, ()))
    if not names:
        inside = [numbers[code == number] for number in range(len(edges) + 1)]
        names = [f"{band.min():g}-{band.max():g}" if band.size else "" for band in inside]
    return code, names, ["band"] * len(names)


def _levels(series: pd.Series) -> tuple[np.ndarray, list[str], list[str]]:
    code, texts = columns.as_levels(series)
    counts = np.bincount(code[code >= 0], minlength=len(texts))
    order = sorted(range(len(texts)), key=lambda level: (-counts[level], texts[level]))
    kept = order if len(order) <= MAX_GROUPS else order[: MAX_GROUPS - 1]
    place = np.full(len(texts) + 1, len(kept))
    place[kept] = np.arange(len(kept))
    place[-1] = -1  # code -1 reads the last cell: unknown
    has_other = len(kept) < len(order)
    names = [texts[level] for level in kept] + ([None] if has_other else [])
    return place[code], names, ["level"] * len(kept) + (["other"] if has_other else [])
