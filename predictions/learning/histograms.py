"""Customers in bins: those a model learned from, and those it scores, counted block by block.

``reference`` cuts every column, and the score, into about ten bins on the customers learned from; it is kept with
the model. A scoring run counts its customers into the same bins (``Tally.add``): all of them, as comparing a column
with nine edges takes 2 ms a million, where a search for each value takes 40. ``drift`` judges the two.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from predictions.learning import columns
from predictions.learning.columns import CATEGORY
from predictions.learning.evidence import NotEnoughEvidence
from predictions.learning.features import Encoder, Feature

SCORE = "score"
BINS = 10  # of a number, and of the score; one more for unknown
LEVELS = 10  # of a category; one more for all others, one for unknown
_MAX_RARE = 2_500  # texts of rare levels remembered in all, so that a reference stays small; at most 50 a column
_HELD = 1_000  # new levels counted one by one; a column gone wild must not fill the memory


@dataclass(frozen=True, slots=True)
class Bins:
    """One column cut into bins, and how many of the customers learned from lay in each.

    kind     "numeric", "category" or "score"
    counts   one a bin; after a category's levels one for all others; unknown is the last
    edges    numeric, score: ascending; value v lies in bin searchsorted(edges, v), so bin 0 is v <= edges[0]
    levels   category: the texts of the commonest, bin i is levels[i]
    places   category: how many levels the model tells apart
    rare     category: the levels seen in learning that have no place of their own; None if they are not known
    """

    name: str
    kind: str
    counts: tuple[int, ...]
    edges: tuple[float, ...] = ()
    levels: tuple[str, ...] = ()
    places: int = 0
    rare: tuple[str, ...] | None = ()

    @property
    def cuts(self) -> tuple[float, ...]:
        """Where the values matrix's numbers, or codes (the commonest is 0), pass from one bin to the next."""
        return _between_codes(self.levels) if self.kind == CATEGORY else self.edges


@dataclass(frozen=True, slots=True)
class Reference:
    """The customers learned from, in bins: ``features`` in the encoder's order. asdict() of it is fit for JSON,
    some 300 bytes a column."""

    features: tuple[Bins, ...]
    score: Bins
    customers: int

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Reference:
        """The Reference whose asdict() was stored."""
        features = tuple(_bins_from_json(one) for one in stored["features"])
        return cls(features, _bins_from_json(stored["score"]), stored["customers"])


def reference(encoder: Encoder, values: np.ndarray, chance: np.ndarray, frame: pd.DataFrame | None = None) -> Reference:
    """Cut into bins, and count, the customers that a model stands for.

    They should be such as will be scored: where only present customers are, those who had left when the model learned
    are left out here. With them the scores seem to have moved from the first day (PSI 0.13 to 0.5 on three public
    files, where halves of one file lie 0.003 to 0.04 apart).

    values float64 [n, k] as the encoder gives them; chance float64 [n] in 0..1, scored without having seen the
    customer (out of fold); frame: the n raw rows, so that the rare levels of categories are remembered.
    Raises NotEnoughEvidence("no_customers"), and ValueError for arguments that do not fit together.
    """
    _require_fit(len(encoder.features), values, chance, frame)
    if not len(values):
        raise NotEnoughEvidence("no_customers", "There are no customers to compare later ones with.", customers=0)
    room = min(50, _MAX_RARE // len(encoder.features))
    found = []
    for index, feature in enumerate(encoder.features):
        column = values[:, index]
        if feature.kind == CATEGORY:
            levels, rare = feature.levels[:LEVELS], _rare(feature, column, frame, room)
            counts = _plain(count(_between_codes(levels), column))
            found.append(Bins(feature.name, feature.kind, counts, (), levels, len(feature.levels), rare))
        else:
            edges = _edges(column)
            found.append(Bins(feature.name, feature.kind, _plain(count(edges, column)), edges))
    edges = _edges(chance)
    return Reference(tuple(found), Bins(SCORE, SCORE, _plain(count(edges, chance)), edges), len(values))


class Tally:
    """Counts customers into a reference's bins; blocks and their order make no difference.

    customers; score int64 [bins]; features: int64 [bins] each; new_levels: for each feature, texts never seen in
    learning with their customers; has_read_texts: every block came with its raw rows.
    """

    def __init__(self, reference: Reference) -> None:
        self.reference = reference
        self.customers = 0
        self.score = np.zeros(len(reference.score.counts), dtype=np.int64)
        self.features = [np.zeros(len(bins.counts), dtype=np.int64) for bins in reference.features]
        self.new_levels: list[Counter[str]] = [Counter() for _ in reference.features]
        self.has_read_texts = True

    def add(self, values: np.ndarray, chance: np.ndarray, frame: pd.DataFrame | None = None) -> None:
        """Count a block. values float64 [n, k]; chance float64 [n]; frame: its n raw rows, to name new levels.

        Raises ValueError for arguments that do not fit together.
        """
        _require_fit(len(self.features), values, chance, frame)
        self.customers += len(values)
        self.score += count(self.reference.score.edges, chance)
        for counts, bins, column in zip(self.features, self.reference.features, values.T, strict=True):
            counts += count(bins.cuts, column)
        if frame is None:
            self.has_read_texts &= len(values) == 0
        else:
            self._read_texts(values, frame)

    def merge(self, other: Tally) -> None:
        """Add what another tally of the same reference has counted. Raises ValueError for another reference."""
        if other.reference != self.reference:
            raise ValueError("tallies of two references cannot be added")
        self.customers += other.customers
        self.score += other.score
        self.has_read_texts &= other.has_read_texts
        for index, counts in enumerate(other.features):
            self.features[index] += counts
            self.new_levels[index].update(other.new_levels[index])

    def _read_texts(self, values: np.ndarray, frame: pd.DataFrame) -> None:
        for index, bins in enumerate(self.reference.features):
            if bins.kind != CATEGORY or bins.rare is None:
                continue
            known, new = set(bins.rare), self.new_levels[index]
            for text, customers in _without_place(bins.name, bins.places, values[:, index], frame):
                if text not in known:
                    new[text] += customers
            if len(new) > _HELD:
                self.new_levels[index] = Counter(dict(new.most_common(_HELD)))


def count(cuts: tuple[float, ...], column: np.ndarray) -> np.ndarray:
    """How many values (float64 [n]) lie in each bin between the cuts; the last number counts the unknown (NaN)."""
    column = np.ascontiguousarray(column)
    unknown = np.count_nonzero(np.isnan(column))
    above = [column.size - unknown, *(np.count_nonzero(column > cut) for cut in cuts), 0]
    return np.array([*-np.diff(above), unknown], dtype=np.int64)


def _edges(column: np.ndarray) -> tuple[float, ...]:
    """At most BINS - 1 edges between bins of about equally many of the known values (float64 [n], NaN unknown)."""
    known = np.sort(column[~np.isnan(column)])
    if not known.size:
        return ()
    tops = np.unique(np.quantile(known, np.arange(1, BINS) / BINS, method="inverted_cdf"))
    tops = tops[tops < known[-1]]
    nexts = known[np.searchsorted(known, tops, side="right")]
    return tuple(_round_between(top, after) for top, after in zip(tops.tolist(), nexts.tolist(), strict=True))


def _round_between(low: float, high: float) -> float:
    """The number with the fewest digits in low .. high, high left out: edges are read by people, and stored."""
    for digits in range(1, 17):
        edge = float(f"{low + (high - low) / 2:.{digits}g}")
        if low <= edge < high:
            return edge
    return low


def _between_codes(levels: tuple[str, ...]) -> tuple[float, ...]:
    return tuple(code + 0.5 for code in range(len(levels)))


def _rare(feature: Feature, column: np.ndarray, frame: pd.DataFrame | None, room: int) -> tuple[str, ...] | None:
    if not feature.has_rare:
        return ()
    if frame is None:
        return None
    texts = sorted(text for text, _ in _without_place(feature.name, len(feature.levels), column, frame))
    return tuple(texts) if len(texts) <= room else None


def _without_place(name: str, places: int, column: np.ndarray, frame: pd.DataFrame) -> Iterator[tuple[str, int]]:
    """Levels (text, customers) of a category that the model does not tell apart; only those rows' texts are read."""
    position = next((at for at, raw in enumerate(frame.columns) if str(raw) == name), None)
    rows = np.flatnonzero(~(column < places))
    if position is None or not rows.size:
        return
    codes, levels = columns.as_levels(frame.iloc[rows, position])
    yield from zip(levels, np.bincount(codes[codes >= 0], minlength=len(levels)).tolist(), strict=True)


def _require_fit(features: int, values: np.ndarray, chance: np.ndarray, frame: pd.DataFrame | None) -> None:
    if values.shape != (len(chance), features):
        raise ValueError(f"values {values.shape} and {len(chance)} scores do not fit {features} features")
    if frame is not None and len(frame) != len(values):
        raise ValueError(f"{len(values)} rows of values but {len(frame)} raw rows")
    if not ((chance >= 0) & (chance <= 1)).all():
        raise ValueError("a score is a number from 0 to 1")


def _plain(counts: np.ndarray) -> tuple[int, ...]:
    return tuple(counts.tolist())


def _bins_from_json(stored: Mapping[str, Any]) -> Bins:
    return Bins(**{key: tuple(value) if isinstance(value, list) else value for key, value in stored.items()})
