"""Tells what each segment is like, from blocks of customers: means, quartiles, what sets it apart, points to draw.

An accumulator: a million customers need not be held twice, and the order of the blocks makes no difference but for the
last bits of the sums.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from scipy.special import ndtr

from segmentation.clustering.points import Points, Reservoir
from segmentation.clustering.preparation import Preparation

_HUGE = 1e150


@dataclass(frozen=True, slots=True)
class FeatureProfile:
    """One column that is grouped by; one number a segment, in the order of the labels. None: nobody is known.

    known        customers with a value
    means        over these, in real units; mean: of all
    radar        0 .. 1: the normal probability of ``differences``' numerator, the segment's mean in prepared units less
                 that of all, in standard deviations of all; 0.5 is the average customer
    differences  mean of the segment less the mean of the rest, in prepared units, in standard deviations of all
                 (Glass's delta with everybody's deviation): what sets it apart
    importance   eta squared, 0 .. 1: the share of the variance, in prepared units, that lies between segments
    quartiles    (q05, q25, q50, q75, q95) in real units of at most 2,000 customers a segment
    points       of at most 2,000 customers in all, for a chart
    """

    name: str
    known: tuple[int, ...]
    mean: float | None
    means: tuple[float | None, ...]
    radar: tuple[float | None, ...]
    differences: tuple[float | None, ...]
    importance: float
    quartiles: tuple[tuple[float, ...] | None, ...]
    points: Points


@dataclass(frozen=True, slots=True)
class Profile:
    """counts: customers of each label; shares: per cent, one decimal, that sum to exactly 100; features: the most
    important first."""

    counts: tuple[int, ...]
    shares: tuple[float, ...]
    features: tuple[FeatureProfile, ...]

    def as_json(self) -> dict[str, Any]:
        """Plain values, some 30 kB a feature, nearly all of them points."""
        return asdict(self)

    def feature(self, name: str) -> FeatureProfile:
        return next(one for one in self.features if one.name == name)


class ProfileBuilder:
    """Adds up blocks of customers; ``profile()`` at any time."""

    def __init__(self, preparation: Preparation, k: int, *, seed: int = 0) -> None:
        self.preparation, self.k = preparation, k
        self.counts = np.zeros(k, dtype=np.int64)
        q = len(preparation.columns)
        self.known = np.zeros((k, q), dtype=np.int64)
        self.real = np.zeros((k, q))
        self.sums, self.squares = np.zeros((k, q)), np.zeros((k, q))
        self.reservoir = Reservoir(k, q, seed)

    def add(
        self,
        values: np.ndarray,
        labels: np.ndarray,
        keys: np.ndarray,
        prepared: np.ndarray | None = None,
    ) -> None:
        """values float [b, p] as the preparation learned them, NaN unknown; labels int [b]; keys int64 [b], which decide
        who is drawn; prepared float32 [b, q] where it is at hand. Raises ValueError for what does not fit together."""
        if not len(values) == len(labels) == len(keys):
            raise ValueError(f"{len(values)} rows, {len(labels)} labels and {len(keys)} keys do not go together")
        for start in range(0, len(values), _BLOCK):
            rows = slice(start, start + _BLOCK)
            part = self.preparation.apply(values[rows]) if prepared is None else prepared[rows]
            self._add(values[rows][:, self.preparation.positions], part, labels[rows])
        positions = list(self.preparation.positions)
        self.reservoir.add(values, positions, labels, keys)

    def _add(self, real: np.ndarray, prepared: np.ndarray, labels: np.ndarray) -> None:
        """Sums of one block (real float [b, q], prepared float32 [b, q])."""
        members = (np.arange(self.k)[:, None] == labels).astype(np.float32)
        known = np.isfinite(real)
        if known.all():
            self.known += members.sum(axis=1).astype(np.int64)[:, None]
        else:
            self.known += (members @ known.astype(np.float32)).astype(np.int64)
            real = np.where(known, real, 0.0)
            prepared = np.where(known, prepared, np.float32(0))
        self.real += members.astype(np.float64) @ np.clip(real, -_HUGE, _HUGE)
        self.sums += members @ prepared
        self.squares += members @ (prepared * prepared)
        self.counts += np.bincount(labels, minlength=self.k)

    def profile(self) -> Profile:
        """What is known so far."""
        points, quartiles = self.reservoir.points(self.counts), self.reservoir.quartiles()
        features = [
            self._feature(index, column.name, points[index], quartiles[index])
            for index, column in enumerate(self.preparation.columns)
        ]
        features.sort(key=lambda one: -one.importance)
        return Profile(tuple(self.counts.tolist()), shares(self.counts), tuple(features))

    def _feature(
        self, index: int, name: str, points: Points, quartiles: tuple[tuple[float, ...] | None, ...]
    ) -> FeatureProfile:
        known, sums, squares = self.known[:, index], self.sums[:, index], self.squares[:, index]
        n, total = int(known.sum()), float(sums.sum())
        mean = total / max(n, 1)
        within = float((squares - sums**2 / np.maximum(known, 1)).sum())
        whole = float(squares.sum()) - n * mean**2
        deviation = float(np.sqrt(max(whole, 0.0) / max(n, 1)))
        inside = sums / np.maximum(known, 1)
        outside = (total - sums) / np.maximum(n - known, 1)
        unit = deviation or 1.0
        has, has_rest = known > 0, (known > 0) & (known < n)
        return FeatureProfile(
            name,
            tuple(known.tolist()),
            float(self.real[:, index].sum()) / n if n else None,
            _told(self.real[:, index] / np.maximum(known, 1), has),
            _told(ndtr((inside - mean) / unit), has),
            _told((inside - outside) / unit, has_rest),
            float(np.clip(1 - within / whole, 0.0, 1.0)) if whole > 1e-9 * max(n, 1) else 0.0,
            quartiles,
            points,
        )


_BLOCK = 8_192  # as in clusters.py: what stays in the processor's cache


def shares(counts: np.ndarray, decimals: int = 1) -> tuple[float, ...]:
    """Per cent of each count (int [k], not negative), rounded so that they sum to exactly 100 (largest remainder; of two
    remainders the earlier). All 0 where nobody is counted."""
    counts = np.asarray(counts, dtype=np.int64)
    total, unit = int(counts.sum()), 10**decimals
    if total == 0:
        return (0.0,) * len(counts)
    whole, rest = zip(*(divmod(100 * unit * int(count), total) for count in counts), strict=True)
    parts, missing = list(whole), 100 * unit - sum(whole)
    for index in sorted(range(len(parts)), key=lambda at: -rest[at])[:missing]:
        parts[index] += 1
    return tuple(part / unit for part in parts)


def _told(numbers: np.ndarray, is_known: np.ndarray) -> tuple[float | None, ...]:
    return tuple(float(one) if known else None for one, known in zip(numbers, is_known, strict=True))
