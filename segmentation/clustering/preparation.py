"""Makes columns of any unit comparable: log where the tail is heavy, robust centre and scale, gaps filled and counted.

A column is taken as heavy tailed if Kelly's skewness of its non-zero values, (q95 + q05 - 2 q50) / (q95 - q05), is above
0.25 and nearer to nought after the logarithm (exponential 0.57, log-normal with sigma 0.5 0.42, normal and uniform 0).
The logarithm is log(1 + x / unit) with the 5 % quantile of the non-zero values as unit, so that bytes or gigabytes make
no difference. Where more than one value in a hundred is negative, skewness says nothing about tails: there the signed
logarithm, sign(x) log(1 + |x| / median |x|), is taken where (q99 - q01) / (q75 - q25) is above 6 (normal 3.4).

The centre is the median. The scale is the standard deviation between the 1 % and 99 % quantiles (winsorised, Wilcox 2012,
"Introduction to robust estimation"), not the interquartile range: with 60 % noughts the latter is 0, and with 74 % so
small that this one column would decide all segments. All this is learned from at most 100,000 customers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from segmentation.clustering import threads
from segmentation.clustering.refusal import ClusteringRefused
from segmentation.clustering.sampling import row_keys, sample_rows

IDENTITY, LOG, SIGNED_LOG = "identity", "log", "signed_log"
CONSTANT, ALL_MISSING = "constant", "all_missing"  # why a column is set aside
MIN_ROWS = 10
CLIP = 4.0  # scales from the centre; what lies farther counts as this far
_SAMPLE = 100_000
_BLOCK = 65_536
_SKEWED, _FEW_NEGATIVE, _WIDE = 0.25, 0.01, 6.0
_LEVELS = 10  # a grade from 0 to 4 has no tail
_HUGE = 1e150  # beyond it differences and squares would overflow
_SINGLE = 1e30  # what single precision holds, and more
FORMAT = 1


@dataclass(frozen=True, slots=True)
class Column:
    """How one column is prepared: transform, then (x - centre) / scale, clipped to CLIP on either side.

    unit      of the logarithm, in the column's own
    imputed   customers without a value among those learned from; they are given the centre, 0 in prepared units
    """

    name: str
    transform: str
    unit: float
    centre: float
    scale: float
    imputed: int

    def forward(self, values: np.ndarray) -> np.ndarray:
        """float64 [n] in real units, none unknown, to prepared units, not clipped."""
        return (_transform(values, self.transform, self.unit) - self.centre) / self.scale

    def back(self, prepared: np.ndarray) -> np.ndarray:
        """float64 [n] in prepared units to real ones."""
        straight = np.asarray(prepared, dtype=np.float64) * self.scale + self.centre
        if self.transform == IDENTITY:
            return straight
        with np.errstate(over="ignore"):
            return np.clip(np.sign(straight) * np.expm1(np.abs(straight)) * self.unit, -_HUGE, _HUGE)


@dataclass(frozen=True, slots=True)
class Preparation:
    """What was learned about the columns, in the order of the values; set_aside: (name, CONSTANT | ALL_MISSING)."""

    names: tuple[str, ...]
    columns: tuple[Column, ...]
    set_aside: tuple[tuple[str, str], ...]
    rows: int

    @classmethod
    def learn(cls, values: np.ndarray, names: Sequence[str], *, keys: np.ndarray | None = None) -> Preparation:
        """Look at values (float [n, p]; NaN and infinite are unknown) of customers with ``keys`` (int64 [n]).

        Raises ClusteringRefused (too_few_rows, no_features); ValueError for arguments that do not fit together.
        """
        values = _require_matrix(values, len(names))
        if len(set(names)) != len(names):
            raise ValueError("two columns of one name")
        rows = len(values)
        if rows < MIN_ROWS:
            raise ClusteringRefused(
                "too_few_rows", f"{rows} customers; at least {MIN_ROWS} are needed.", rows=rows, needed=MIN_ROWS
            )
        looked_at = sample_rows(row_keys(keys, rows), _SAMPLE)

        def look(index: int) -> Column | tuple[str, str]:
            return _look(names[index], values[:, index], looked_at)

        found = threads.on_two(look, range(len(names)), rows=rows)
        columns = [one for one in found if isinstance(one, Column)]
        set_aside = [one for one in found if not isinstance(one, Column)]
        if not columns:
            raise ClusteringRefused(
                "no_features", "Every column is empty or the same for all.", set_aside=tuple(set_aside)
            )
        return cls(tuple(names), tuple(columns), tuple(set_aside), rows)

    @property
    def used(self) -> tuple[str, ...]:
        """Names of the columns that are grouped by, in order."""
        return tuple(column.name for column in self.columns)

    @property
    def positions(self) -> tuple[int, ...]:
        """Where these stand among the columns of the values."""
        return tuple(self.names.index(column.name) for column in self.columns)

    @property
    def imputed(self) -> dict[str, int]:
        """Customers without a value, of those learned from, by column."""
        return {column.name: column.imputed for column in self.columns}

    def apply(self, values: np.ndarray) -> np.ndarray:
        """Values (float [n, p] as in learning) in prepared units, float32 [n, q], within -CLIP .. CLIP, none unknown."""
        values = _require_matrix(values, len(self.names))
        prepared = np.empty((len(values), len(self.columns)), dtype=np.float32)
        edges = [[float(column.back(np.array(edge))) for edge in (-CLIP, CLIP)] for column in self.columns]

        def apply(rows: slice) -> None:
            for start in range(rows.start, rows.stop, _BLOCK):  # a block stays in the processor's cache
                block = slice(start, min(start + _BLOCK, rows.stop))
                for index, (column, position) in enumerate(zip(self.columns, self.positions, strict=True)):
                    prepared[block, index] = _prepare(column, values[block, position], *edges[index])

        threads.on_two(apply, threads.halves(len(values)), rows=len(values))
        return prepared

    def undo(self, centres: np.ndarray) -> np.ndarray:
        """Centres (float [k, q], prepared units) in real units, float64 [k, q]: of a logged column a geometric mean."""
        centres = _require_matrix(centres, len(self.columns))
        back = [column.back(centres[:, index]) for index, column in enumerate(self.columns)]
        return np.stack(back, axis=1)

    def as_json(self) -> dict[str, Any]:
        """Plain values; floats come back the same, bit by bit."""
        return {
            "format": FORMAT,
            "names": list(self.names),
            "columns": [asdict(column) for column in self.columns],
            "set_aside": [list(one) for one in self.set_aside],
            "rows": self.rows,
        }

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Preparation:
        """The Preparation whose as_json() was stored. Raises ValueError on another format."""
        if stored["format"] != FORMAT:
            raise ValueError(f"format {stored['format']}, expected {FORMAT}")
        columns = tuple(Column(**one) for one in stored["columns"])
        set_aside = tuple((name, code) for name, code in stored["set_aside"])
        return cls(tuple(stored["names"]), columns, set_aside, stored["rows"])


def _look(name: str, values: np.ndarray, looked_at: np.ndarray) -> Column | tuple[str, str]:
    """What is learned of a column (float [n]) on a sample of its rows, or why it is set aside."""
    imputed = int(len(values) - np.count_nonzero(np.isfinite(values)))
    some = values[looked_at].astype(np.float64)
    some = np.clip(some[np.isfinite(some)], -_HUGE, _HUGE)
    if imputed == len(values) or not some.size:
        return name, ALL_MISSING
    if some.min() == some.max():
        return name, CONSTANT
    return _learn_column(name, np.sort(some), imputed)


def _learn_column(name: str, known: np.ndarray, imputed: int) -> Column:
    transform, unit = _choose_transform(known)
    straight = _transform(known, transform, unit)
    centre = float(np.median(straight))
    low, high = np.quantile(straight, (0.01, 0.99))
    scale = float(np.clip(straight, low, high).std()) or float(straight.std())
    return Column(name, transform, unit, centre, scale, imputed)


def _choose_transform(known: np.ndarray) -> tuple[str, float]:
    """The transform and its unit for the known values of a column (float64 [m], ascending)."""
    if np.count_nonzero(known < 0) > _FEW_NEGATIVE * known.size:
        low, left, right, high = np.quantile(known, (0.01, 0.25, 0.75, 0.99))
        unit = float(np.median(np.abs(known)))
        return (SIGNED_LOG, unit) if unit > 0 and high - low > _WIDE * (right - left) else (IDENTITY, 1.0)
    sizes = np.abs(known[known != 0])
    edges = np.quantile(sizes, (0.05, 0.5, 0.95))
    unit = float(edges[0])
    raw, logged = _kelly(edges), _kelly(np.log1p(edges / unit))
    if raw > _SKEWED and abs(logged) < raw and len(np.unique(sizes)) > _LEVELS:
        return (SIGNED_LOG if known[0] < 0 else LOG), unit
    return IDENTITY, 1.0


def _kelly(edges: np.ndarray) -> float:
    low, middle, high = edges
    return float((high + low - 2 * middle) / (high - low)) if high > low else 0.0


def _transform(values: np.ndarray, transform: str, unit: float) -> np.ndarray:
    if transform == IDENTITY:
        return values
    return np.sign(values) * np.log1p(np.abs(values) / unit)


def _prepare(column: Column, block: np.ndarray, low: float, high: float) -> np.ndarray:
    """One column of a block. Clipped before the logarithm, so that single precision suffices from there on."""
    if np.isinf(block).any():
        block = np.where(np.isinf(block), np.nan, block)
    clipped = np.clip(block, low, high)
    if column.transform == IDENTITY:
        prepared = ((clipped - column.centre) / column.scale).astype(np.float32)
    else:
        sizes = clipped / column.unit
        if max(-low, high) < _SINGLE * column.unit:
            sizes = sizes.astype(np.float32)
        logged = np.log(1 + np.abs(sizes))
        if column.transform == SIGNED_LOG:
            logged = np.copysign(logged, sizes)
        prepared = np.clip((logged - np.float32(column.centre)) / np.float32(column.scale), -CLIP, CLIP)
        prepared = prepared.astype(np.float32, copy=False)
    return np.nan_to_num(prepared, copy=False, nan=0.0)


def _require_matrix(values: np.ndarray, columns: int) -> np.ndarray:
    values = np.asarray(values)
    if values.ndim != 2 or values.shape[1] != columns:
        raise ValueError(f"values {values.shape} do not have {columns} columns")
    return values if values.dtype.kind == "f" else values.astype(np.float64)
