"""Turns any frame of raw columns into one matrix of numbers, the same way for learning and for scoring.

The matrix ("values", float64 [n, k]) holds one cell for each feature: a number, or the code of a category's
level; NaN is unknown. It is learned without the label. Every model of this engine reads it, and gives its
contributions by feature, that is by original column.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from predictions.learning import columns
from predictions.learning.columns import CATEGORY, NUMERIC
from predictions.learning.evidence import NotEnoughEvidence

MAX_BINS = 254  # scikit-learn's histograms hold 255 values, one of them for unknown
MAX_LEVELS = 60  # of one column; the rarer ones share a level
MIN_LEVEL_ROWS = 10
KNOTS = 12


@dataclass(frozen=True, slots=True)
class Feature:
    """One column that is learned from.

    kind       "numeric" or "category"
    levels     category: the texts of codes 0 .. L-1; a further code L stands for "another one" if has_rare
    has_rare   whether levels too rare to stand alone were seen in learning
    edges      numeric: float64, ascending; value v lies in bin searchsorted(edges, v)
    knots      numeric: float64, ascending; where a piecewise linear effect may bend
    usual      numeric: median; category: code of the commonest level (the reference customer's value)
    unknown    share of rows without a value
    """

    name: str
    kind: str
    levels: tuple[str, ...] = ()
    has_rare: bool = False
    edges: np.ndarray = field(default_factory=lambda: np.empty(0))
    knots: np.ndarray = field(default_factory=lambda: np.empty(0))
    usual: float = 0.0
    unknown: float = 0.0

    @property
    def cells(self) -> int:
        """Length of the feature's look-up table: one cell a bin or level, one for "another", one for unknown."""
        return len(self.edges) + 2 if self.kind == NUMERIC else len(self.levels) + 2

    def cell_of(self, values: np.ndarray) -> np.ndarray:
        """Table cell (int64 [n]) of values (float64 [n]); unknown is the last one."""
        if self.kind == NUMERIC:
            cells = np.searchsorted(self.edges, values)
        else:
            cells = np.nan_to_num(values, nan=-1.0).astype(np.int64)
        return np.where(np.isnan(values), self.cells - 1, cells)

    def text(self, value: float) -> str | None:
        """What a cell of the values matrix says: the level's text, or None for a number or unknown."""
        if self.kind == NUMERIC or np.isnan(value):
            return None
        return self.levels[int(value)] if int(value) < len(self.levels) else None


@dataclass(frozen=True, slots=True)
class Encoder:
    """What was learned about the columns: ``features`` in the order of the frame, and what was set aside."""

    features: tuple[Feature, ...]
    set_aside: tuple[tuple[str, str], ...]

    def encode(self, frame: pd.DataFrame) -> np.ndarray:
        """The frame's values, float64 [n, k], in Fortran order. Columns that the frame lacks are unknown,
        levels never seen are "another one" (unknown if there was none in learning), other columns are ignored."""
        values = np.full((len(frame), len(self.features)), np.nan, order="F")
        present: dict[str, int] = {}
        for position, name in enumerate(frame.columns):
            present.setdefault(str(name), position)  # of two columns of one name the first, as in learning
        for index, feature in enumerate(self.features):
            position = present.get(feature.name)
            if position is None:
                continue
            column = frame.iloc[:, position]
            if feature.kind == NUMERIC:
                values[:, index] = columns.as_numbers(column)
            elif isinstance(column.dtype, pd.CategoricalDtype):  # its codes are ready: nothing to look for
                texts = [columns.level_text(value) for value in column.cat.categories]
                values[:, index] = _codes(feature, column.cat.codes.to_numpy(), texts)
            else:
                values[:, index] = _codes(feature, *columns.as_levels(column))
        return values

    @property
    def reference(self) -> np.ndarray:
        """The usual customer: medians and commonest levels, float64 [k]."""
        return np.array([feature.usual for feature in self.features])


def learn(frame: pd.DataFrame) -> tuple[Encoder, np.ndarray]:
    """Learn the columns of a frame (any n x k); return the encoder and the frame's own values, float64 [n, k].

    Raises NotEnoughEvidence("no_features") when no column is left to learn from.
    """
    features: list[Feature] = []
    set_aside: list[tuple[str, str]] = []
    seen: dict[bytes, str] = {}
    names: set[str] = set()
    for position, raw_name in enumerate(frame.columns):
        name, column = str(raw_name), frame.iloc[:, position]
        feature, why, content = _learn_column(name, column, room=_room(frame.shape[1]))
        if name in names:
            feature, why = None, "same_name"
        elif feature is not None and content in seen:
            feature, why = None, "same_values"
        names.add(name)
        if feature is None:
            set_aside.append((name, why or ""))
        else:
            seen[content] = name
            features.append(feature)
    if not features:
        raise NotEnoughEvidence(
            "no_features",
            "No column is left to learn from: every one is empty, constant, or different for each customer.",
            set_aside=set_aside,
        )
    encoder = Encoder(tuple(features), tuple(set_aside))
    return encoder, encoder.encode(frame)


def _room(n_columns: int) -> tuple[int, int]:
    """Knots and levels that each column may have, so that a linear design stays near 600 columns in all."""
    share = max(2, 600 // max(1, n_columns))
    return min(KNOTS, max(3, share)), min(MAX_LEVELS, max(6, share))


def _learn_column(name: str, column: pd.Series, room: tuple[int, int]) -> tuple[Feature | None, str | None, bytes]:
    kind = columns.kind_of(column)
    if kind is None:
        return None, "date", b""
    if kind == NUMERIC:
        numbers = columns.as_numbers(column)
        why = columns.why_set_aside_numbers(numbers)
        return (None, why, b"") if why else (_numeric(name, numbers, room[0]), None, numbers.tobytes())
    codes, levels = columns.as_levels(column)
    why = columns.why_set_aside_levels(codes, len(levels))
    return (None, why, b"") if why else (_category(name, codes, levels, room[1]), None, codes.tobytes())


def _numeric(name: str, numbers: np.ndarray, knots: int) -> Feature:
    known = np.sort(numbers[~np.isnan(numbers)])
    distinct = np.unique(known)
    if distinct.size > MAX_BINS:
        # quantiles of the rows, so that each bin holds about as many customers
        picked = np.unique(known[np.linspace(0, known.size - 1, MAX_BINS).astype(np.int64)])
        nearest = np.searchsorted(distinct, picked[1:])
        edges = (distinct[nearest - 1] + distinct[nearest]) / 2
    else:
        edges = (distinct[1:] + distinct[:-1]) / 2
    places = np.linspace(0, 1, knots)
    return Feature(
        name=name,
        kind=NUMERIC,
        edges=edges,
        knots=np.unique(np.quantile(known, places, method="nearest")) if distinct.size > 2 else distinct,
        usual=float(known[(known.size - 1) // 2]),
        unknown=1 - known.size / numbers.size,
    )


def _category(name: str, codes: np.ndarray, levels: list[str], room: int) -> Feature:
    counts = np.bincount(codes[codes >= 0], minlength=len(levels))
    # commonest first, ties by text, so that the order of the rows does not matter
    order = sorted(range(len(levels)), key=lambda code: (-counts[code], levels[code]))
    least = MIN_LEVEL_ROWS if len(levels) > 2 else 1
    kept = [code for code in order[:room] if counts[code] >= least] or order[:1]
    return Feature(
        name=name,
        kind=CATEGORY,
        levels=tuple(levels[code] for code in kept),
        has_rare=len(kept) < len(levels),
        usual=0.0,
        unknown=1 - int(counts.sum()) / codes.size,
    )


def _codes(feature: Feature, codes: np.ndarray, levels: Iterable[str | None]) -> np.ndarray:
    """Our codes (float64 [n]) for a column's own codes (int [n], -1 unknown) and its levels (None: unknown too)."""
    other = float(len(feature.levels)) if feature.has_rare else np.nan
    place = {None: np.nan, **{text: float(code) for code, text in enumerate(feature.levels)}}
    return np.array([*(place.get(text, other) for text in levels), np.nan])[codes]
