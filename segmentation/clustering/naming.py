"""Keeps the names of segments: by value on the first run, after that by where the segments were before.

A segment's number (1 is "S1") is its name for good. Label i of the clusters has number numbers[i].
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from scipy.optimize import linear_sum_assignment

from segmentation.clustering.separation import adjusted_rand

SAME, DRIFTED, CHANGED, NEW = "same", "drifted", "not_what_it_was", "new"
DRIFT, MUCH_DRIFT = 0.25, 0.5  # of the way to the nearest neighbour; from half of it the place is the neighbour's


@dataclass(frozen=True, slots=True)
class Match:
    """One segment of now. number: its name; label: its place among the new centres.

    verdict    SAME; DRIFTED; CHANGED: the name stays, the segment is not what it was; NEW: no segment before it
    distance   from the old centre, in prepared units; drift: this over the old centre's distance to its nearest
               neighbour (to the origin where it had none); None for NEW
    """

    number: int
    label: int
    verdict: str
    distance: float | None
    drift: float | None


@dataclass(frozen=True, slots=True)
class Matching:
    """verdict: the gravest of all segments', where NEW and gone ones do not count; retired: numbers that are gone, and
    are never given again; ever: the largest number ever given, to be handed to the next run."""

    verdict: str
    segments: tuple[Match, ...]
    retired: tuple[int, ...]
    ever: int

    @property
    def numbers(self) -> tuple[int, ...]:
        """The number of each new label, in the order of the new centres."""
        return tuple(one.number for one in sorted(self.segments, key=lambda one: one.label))

    @property
    def order(self) -> np.ndarray:
        """New labels by ascending number (int64 [k]): Clusters.reordered(order) has them in the order of their names."""
        return np.array([one.label for one in sorted(self.segments, key=lambda one: one.number)], dtype=np.int64)

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Matching:
        """The Matching whose as_json() was stored."""
        segments = tuple(Match(**one) for one in stored["segments"])
        return cls(stored["verdict"], segments, tuple(stored["retired"]), stored["ever"])


def order_by_value(labels: np.ndarray, value: np.ndarray, k: int) -> np.ndarray:
    """Labels in the order of their customers' mean value, the largest first (int64 [k]), for Clusters.reordered.

    labels int [n] of 0 .. k-1; value float [n], NaN unknown. Segments of which no value is known come last; of two of one
    value the larger comes first. Raises ValueError where the two do not fit together.
    """
    labels, value = np.asarray(labels), np.asarray(value, dtype=np.float64)
    if labels.shape != value.shape:
        raise ValueError(f"{len(labels)} labels and {len(value)} values do not go together")
    known = np.isfinite(value)
    counts = np.bincount(labels[known], minlength=k)
    share = value[known] / max(1.0, float(np.abs(value[known]).max(initial=0.0)))  # sums of huge values would overflow
    mean = np.full(k, -np.inf)
    np.divide(np.bincount(labels[known], weights=share, minlength=k), counts, out=mean, where=counts > 0)
    return np.lexsort((-np.bincount(labels, minlength=k), -mean))


def relabelled(labels: np.ndarray, order: np.ndarray) -> np.ndarray:
    """Labels (int16 [n]) after the clusters were reordered: what was order[i] is i."""
    places = np.empty(len(order), dtype=np.int16)
    places[order] = np.arange(len(order), dtype=np.int16)
    return places[labels]


def match(
    old_centres: np.ndarray,
    new_centres: np.ndarray,
    *,
    old_numbers: Sequence[int] | None = None,
    ever: int | None = None,
) -> Matching:
    """Give each new centre (float [k, q]) the number of the old one (float [j, q]) that it continues.

    Both in one space, best the old preparation's: old.apply(new.undo(centres)). Pairs by the least sum of squared
    distances (Kuhn 1955, "The Hungarian method"). old_numbers: 1 .. j if not given; ever: the largest number given in
    any run. With more segments than before the new ones get numbers above ``ever``; with fewer the left are retired.
    Raises ValueError where the shapes do not fit.
    """
    old_centres, new_centres = np.asarray(old_centres, np.float64), np.asarray(new_centres, np.float64)
    numbers = tuple(old_numbers) if old_numbers is not None else tuple(range(1, len(old_centres) + 1))
    if old_centres.ndim != 2 or old_centres.shape[1:] != new_centres.shape[1:] or len(numbers) != len(old_centres):
        raise ValueError(f"centres {old_centres.shape}, {new_centres.shape} and {len(numbers)} numbers do not fit")
    ever = max(ever or 0, *numbers, 0)
    apart = np.linalg.norm(old_centres[:, None] - new_centres, axis=2)
    pairs = dict(zip(*(at.tolist() for at in linear_sum_assignment(apart.T**2)), strict=True))  # new label: old
    segments = []
    for label in range(len(new_centres)):
        old = pairs.get(label)
        if old is None:
            ever += 1
            segments.append(Match(ever, label, NEW, None, None))
            continue
        distance = float(apart[old, label])
        drift = distance / max(_room(old_centres, old), 1e-12)
        verdict = SAME if drift < DRIFT else DRIFTED if drift < MUCH_DRIFT else CHANGED
        segments.append(Match(numbers[old], label, verdict, distance, drift))
    kept = {one.number for one in segments}
    gravest = max((one.verdict for one in segments if one.verdict != NEW), key=_GRAVITY.index, default=NEW)
    return Matching(gravest, tuple(segments), tuple(number for number in numbers if number not in kept), ever)


_GRAVITY = (SAME, DRIFTED, CHANGED)


def _room(centres: np.ndarray, at: int) -> float:
    """A centre's distance to its nearest neighbour."""
    others = np.delete(centres, at, axis=0)
    if not len(others):
        return float(np.linalg.norm(centres[at])) or 1.0
    return float(np.linalg.norm(others - centres[at], axis=1).min())


@dataclass(frozen=True, slots=True)
class Flow:
    """Who moved from where to where, among the customers of both runs.

    counts[i][j]: customers from old number olds[i] in new number news[j]; stayed: share of the common that kept their
    number, agreement: adjusted Rand of the two groupings, whatever the names (both None where nobody is common);
    joined, left: customers of each new number who were not there before, of each old number who are not now.
    """

    olds: tuple[int, ...]
    news: tuple[int, ...]
    counts: tuple[tuple[int, ...], ...]
    joined: tuple[int, ...]
    left: tuple[int, ...]
    common: int
    stayed: float | None
    agreement: float | None

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def flow(old_keys: np.ndarray, old_numbers: np.ndarray, new_keys: np.ndarray, new_numbers: np.ndarray) -> Flow:
    """Keys int64 [n] (each customer once) and the segment number (int [n]) of each, before and now, in any order.

    Raises ValueError where a customer comes twice or lengths do not fit.
    """
    for keys, numbers in ((old_keys, old_numbers), (new_keys, new_numbers)):
        if len(keys) != len(numbers):
            raise ValueError(f"{len(keys)} keys and {len(numbers)} numbers do not go together")
    olds, old_at = np.unique(np.asarray(old_numbers), return_inverse=True)
    news, new_at = np.unique(np.asarray(new_numbers), return_inverse=True)
    before, now = _in_both(np.asarray(old_keys), np.asarray(new_keys))
    was, became = old_at[before], new_at[now]
    common = len(was)
    counts = np.bincount(was * len(news) + became, minlength=len(olds) * len(news)).reshape(len(olds), len(news))
    kept = int(np.count_nonzero(olds[was] == news[became]))
    return Flow(
        tuple(olds.tolist()),
        tuple(news.tolist()),
        tuple(tuple(row) for row in counts.tolist()),
        tuple((np.bincount(new_at, minlength=len(news)) - counts.sum(axis=0)).tolist()),
        tuple((np.bincount(old_at, minlength=len(olds)) - counts.sum(axis=1)).tolist()),
        common,
        kept / common if common else None,
        adjusted_rand(was, became) if common else None,
    )


def _in_both(old: np.ndarray, new: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Positions of the common keys in either."""
    by_old, by_new = np.argsort(old, kind="stable"), np.argsort(new, kind="stable")
    old, new = old[by_old], new[by_new]
    if (old[1:] == old[:-1]).any() or (new[1:] == new[:-1]).any():
        raise ValueError("a customer comes twice")
    if not len(old) or not len(new):
        return np.empty(0, np.int64), np.empty(0, np.int64)
    places = np.minimum(np.searchsorted(old, new), len(old) - 1)
    found = old[places] == new
    return by_old[places[found]], by_new[found]
