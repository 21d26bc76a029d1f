"""Finds k centres and tells each customer's nearest: k-means with a sampled start and one pass over everybody.

The start is drawn on at most 50,000 customers, chosen by their keys: rounds of ten k-means++ starts (Arthur and
Vassilvitskii 2007) on the first 5,000 until two rounds agree on the best, which is refined on all 50,000: so a seed
makes no difference, at a third of the cost of ten starts on 50,000. One pass of Lloyd (1982, "Least squares quantization in PCM") over everybody follows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from sklearn.cluster import KMeans
from threadpoolctl import ThreadpoolController

from segmentation.clustering import threads
from segmentation.clustering.refusal import ClusteringRefused
from segmentation.clustering.sampling import row_keys, sample_rows

MAX_K = 50
BETWEEN = 0.1  # a margin below this: between two segments
FORMAT = 1
_SAMPLE, _TRIED_ON = 50_000, 5_000
_ROUNDS, _STARTS, _SAME = 8, 10, 1e-4
_BLOCK = 8_192  # stays in the processor's cache: three times as fast as four times as many


@dataclass(frozen=True, slots=True, eq=False)
class Clusters:
    """centres float64 [k, q] in prepared units; counts int64 [k] and inertia (sum of squared distances) over everybody
    fitted on."""

    centres: np.ndarray
    inertia: float
    counts: np.ndarray

    @property
    def k(self) -> int:
        return len(self.centres)

    def assign(self, prepared: np.ndarray) -> np.ndarray:
        """The nearest centre of each customer (prepared float32 [n, q]), int16 [n]; of two as near the first."""
        return nearest_centres(self._require_fit(prepared), self.centres)

    def place(self, prepared: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Label (int16 [n]), distance to its centre (float32 [n]) and margin 1 - distance / distance to the second
        nearest (float32 [n], 0 .. 1; below BETWEEN: between two segments; 1 where there is one segment only)."""
        prepared = self._require_fit(prepared)
        n = len(prepared)
        labels, distance = np.empty(n, dtype=np.int16), np.empty(n, dtype=np.float32)
        margin = np.ones(n, dtype=np.float32)
        for rows, nearest in _blocks(prepared, self.centres):
            labels[rows] = nearest.argmin(axis=1)
            squares = np.maximum(nearest + _norms(prepared[rows])[:, None], 0)
            squares.partition(min(1, self.k - 1), axis=1)
            distance[rows] = np.sqrt(squares[:, 0])
            if self.k > 1:
                second = np.sqrt(squares[:, 1])
                margin[rows] = 1 - np.divide(distance[rows], second, out=np.ones_like(second), where=second > 0)
        return labels, distance, margin

    def reordered(self, order: np.ndarray) -> Clusters:
        """The same clusters in another order: number i is what was number order[i]."""
        order = np.asarray(order)
        if sorted(order.tolist()) != list(range(self.k)):
            raise ValueError(f"{order.tolist()} is no order of {self.k} clusters")
        return Clusters(self.centres[order], self.inertia, self.counts[order])

    def as_json(self) -> dict[str, Any]:
        """Plain values; floats come back the same, bit by bit."""
        return {
            "format": FORMAT,
            "centres": self.centres.tolist(),
            "inertia": self.inertia,
            "counts": self.counts.tolist(),
        }

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Clusters:
        """The Clusters whose as_json() was stored. Raises ValueError on another format."""
        if stored["format"] != FORMAT:
            raise ValueError(f"format {stored['format']}, expected {FORMAT}")
        return cls(np.array(stored["centres"]), stored["inertia"], np.array(stored["counts"], dtype=np.int64))

    def _require_fit(self, prepared: np.ndarray) -> np.ndarray:
        if prepared.ndim != 2 or prepared.shape[1] != self.centres.shape[1]:
            raise ValueError(f"values {prepared.shape} do not fit centres {self.centres.shape}")
        return np.asarray(prepared, dtype=np.float32)


def fit(
    prepared: np.ndarray,
    *,
    k: int,
    seed: int,
    keys: np.ndarray | None = None,
    progress: Callable[[float], None] | None = None,
) -> Clusters:
    """k centres of prepared (float32 [n, q], none unknown). As ``fit_and_assign``, without the labels."""
    return fit_and_assign(prepared, k=k, seed=seed, keys=keys, progress=progress)[0]


def fit_and_assign(
    prepared: np.ndarray,
    *,
    k: int,
    seed: int,
    keys: np.ndarray | None = None,
    progress: Callable[[float], None] | None = None,
) -> tuple[Clusters, np.ndarray]:
    """The clusters, and the label of each customer (int16 [n]), as assign() gives it.

    keys int64 [n]: who is in the sample; without them the order of the rows decides. progress is told 0 .. 1.
    Raises ClusteringRefused (too_few_distinct) where fewer than k customers differ (in a sample of 50,000),
    ValueError for a k outside 1 .. MAX_K.
    """
    if not 1 <= k <= MAX_K:
        raise ValueError(f"k is {k}, not in 1 .. {MAX_K}")
    report = progress or (lambda _fraction: None)
    prepared = np.asarray(prepared, dtype=np.float32)
    sample = prepared[sample_rows(row_keys(keys, len(prepared)), _SAMPLE)]
    distinct = _count_distinct(sample, k)
    if distinct < k:
        raise ClusteringRefused(
            "too_few_distinct", f"{distinct} different customers cannot make {k} groups.", distinct=distinct, k=k
        )
    centres = _start(sample, k, seed, report)
    if len(prepared) > len(sample):
        centres, *_ = _pass(prepared, centres)
    report(0.9)
    _, labels, counts, inertia = _pass(prepared, centres)
    report(1.0)
    return Clusters(centres, inertia, counts), labels


def nearest_centres(prepared: np.ndarray, centres: np.ndarray) -> np.ndarray:
    """Which of the centres (float64 [k, q]) is nearest to each customer (float32 [n, q]): int16 [n]."""
    labels = np.empty(len(prepared), dtype=np.int16)
    for rows, nearest in _blocks(prepared, centres):
        labels[rows] = nearest.argmin(axis=1)
    return labels


def lloyd(sample: np.ndarray, k: int, seed: int, starts: int) -> tuple[np.ndarray, float]:
    """The best of some k-means++ starts on all of a sample (float32 [m, q]): centres float64 [k, q], inertia."""
    with _one_thread():
        found = KMeans(k, n_init=starts, random_state=seed, tol=1e-5).fit(sample)
    return found.cluster_centers_.astype(np.float64), float(found.inertia_)


@cache
def _threads() -> ThreadpoolController:
    return ThreadpoolController()  # looks through all loaded libraries, which takes longer than a small fit


def _one_thread() -> AbstractContextManager[object]:
    """The sums of two threads come in either order, and the same seed shall give the same centres."""
    return _threads().limit(limits=1, user_api="openmp")


def _start(sample: np.ndarray, k: int, seed: int, report: Callable[[float], None]) -> np.ndarray:
    """Rounds of starts until two of them end in the same best place."""
    tried_on = sample[:_TRIED_ON]
    best, least = lloyd(tried_on, k, seed * _ROUNDS, _STARTS)
    for number in range(1, _ROUNDS):
        report(0.8 * number / _ROUNDS)
        centres, inertia = lloyd(tried_on, k, seed * _ROUNDS + number, _STARTS)
        is_found_twice = abs(inertia - least) <= _SAME * least
        if inertia < least:
            best, least = centres, inertia
        if is_found_twice:
            break
    return _refine(sample, best) if len(sample) > len(tried_on) else best


def _refine(sample: np.ndarray, centres: np.ndarray) -> np.ndarray:
    with _one_thread():
        found = KMeans(len(centres), init=centres.astype(np.float32), n_init=1, tol=1e-5).fit(sample)
    return found.cluster_centers_.astype(np.float64)


def _blocks(
    prepared: np.ndarray, centres: np.ndarray, among: slice | None = None
) -> Iterator[tuple[slice, np.ndarray]]:
    """Squared distances to all centres but for the customer's own square (float32 [b, k]), block by block. ``among``: of these
    rows only."""
    among = among or slice(0, len(prepared))
    to_centres = np.ascontiguousarray(-2 * centres.T, dtype=np.float32)
    squares = _norms(centres).astype(np.float32)
    for start in range(among.start, among.stop, _BLOCK):
        rows = slice(start, min(start + _BLOCK, among.stop))
        nearest = prepared[rows] @ to_centres
        nearest += squares
        yield rows, nearest


def _pass(prepared: np.ndarray, centres: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, float]:
    """One pass of Lloyd: the new centres; labels, counts and inertia by the ones given."""
    k = len(centres)
    labels = np.empty(len(prepared), dtype=np.int16)
    numbers = np.arange(k, dtype=np.int16)[:, None]

    def add_up(among: slice) -> tuple[np.ndarray, np.ndarray, float]:
        sums, counts, squares = np.zeros(centres.shape), np.zeros(k, dtype=np.int64), 0.0
        for rows, nearest in _blocks(prepared, centres, among):
            block, chosen = prepared[rows], nearest.argmin(axis=1).astype(np.int16)
            labels[rows] = chosen
            members = numbers == chosen
            sums += members.astype(np.float32) @ block
            counts += np.bincount(chosen, minlength=k)
            squares += float(np.vdot(block, block))
        return sums, counts, squares

    parts = threads.on_two(add_up, threads.halves(len(prepared)), rows=len(prepared))
    sums, counts, squares = (sum(column) for column in zip(*parts, strict=True))
    inertia = squares - 2 * float((sums * centres).sum()) + float(counts @ _norms(centres))
    moved = np.where(counts[:, None] > 0, sums / np.maximum(counts, 1)[:, None], centres)
    return moved, labels, counts, max(inertia, 0.0)


def _norms(rows: np.ndarray) -> np.ndarray:
    return np.einsum("ij,ij->i", rows, rows)


def _count_distinct(sample: np.ndarray, enough: int) -> int:
    """How many different rows there are; counting stops at ``enough``."""
    seen: set[bytes] = set()
    for row in sample:
        seen.add((row + np.float32(0)).tobytes())  # -0 is 0
        if len(seen) >= enough:
            break
    return len(seen)
