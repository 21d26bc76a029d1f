"""Keeps a few customers of each segment for charts: chosen by a hash of their keys, whatever order they come in."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from segmentation.clustering.sampling import key_hashes

MAX_POINTS = 2_000  # of one feature, all segments together; and customers kept of each segment
LEAST_POINTS = 20  # of each segment, where it has them
QUARTILES = (0.05, 0.25, 0.5, 0.75, 0.95)


@dataclass(frozen=True, slots=True)
class Points:
    """values: in real units; labels: the segment of each; keys: the customer of each."""

    values: tuple[float, ...]
    labels: tuple[int, ...]
    keys: tuple[int, ...]


class Reservoir:
    """At most MAX_POINTS customers of each of k segments, with the smallest hashes."""

    def __init__(self, k: int, columns: int, seed: int) -> None:
        self.k, self.seed = k, seed
        self.values = [np.empty((0, columns)) for _ in range(k)]
        self.hashes = [np.empty(0, np.uint64) for _ in range(k)]
        self.keys = [np.empty(0, np.int64) for _ in range(k)]

    def add(self, values: np.ndarray, positions: list[int], labels: np.ndarray, keys: np.ndarray) -> None:
        """values float [b, p] of which the columns at ``positions`` are kept; labels int [b]; keys int64 [b]."""
        keys = np.asarray(keys, dtype=np.int64)
        hashes = key_hashes(keys, self.seed + 1)
        for label in range(self.k):
            rows = np.flatnonzero(labels == label)
            if len(self.hashes[label]) >= MAX_POINTS:
                rows = rows[hashes[rows] < self.hashes[label][-1]]
            if len(rows) > MAX_POINTS:
                rows = rows[np.argpartition(hashes[rows], MAX_POINTS - 1)[:MAX_POINTS]]
            found = np.concatenate((self.hashes[label], hashes[rows]))
            order = np.argsort(found, kind="stable")[:MAX_POINTS]
            chosen = values[np.ix_(rows, positions)]
            self.values[label] = np.concatenate((self.values[label], chosen))[order]
            self.keys[label] = np.concatenate((self.keys[label], keys[rows]))[order]
            self.hashes[label] = found[order]

    def points(self, counts: np.ndarray) -> list[Points]:
        """For each column MAX_POINTS known values at most: of each segment in proportion to its customers."""
        wanted = quotas(counts)
        return [self._points(column, wanted) for column in range(self.values[0].shape[1])] if self.k else []

    def quartiles(self) -> list[tuple[tuple[float, ...] | None, ...]]:
        """For each column and segment the QUARTILES of the kept customers' known values; None where there is none."""
        return [tuple(_quartiles(kept[:, column]) for kept in self.values) for column in range(self.values[0].shape[1])]

    def _points(self, column: int, wanted: np.ndarray) -> Points:
        values: list[float] = []
        labels: list[int] = []
        keys: list[int] = []
        for label in range(self.k):
            kept = self.values[label][:, column]
            known = np.flatnonzero(np.isfinite(kept))[: wanted[label]]
            values += kept[known].tolist()
            labels += [label] * len(known)
            keys += self.keys[label][known].tolist()
        return Points(tuple(values), tuple(labels), tuple(keys))


def quotas(counts: np.ndarray) -> np.ndarray:
    """How many of each segment (int64 [k]) are drawn: in proportion, LEAST_POINTS where there are, MAX_POINTS in all."""
    counts = np.asarray(counts, dtype=np.int64)
    if counts.sum() <= MAX_POINTS:
        return counts
    least = np.minimum(counts, min(LEAST_POINTS, MAX_POINTS // max(len(counts), 1)))
    rest = (counts - least) / max(int((counts - least).sum()), 1)
    return least + np.floor(rest * (MAX_POINTS - least.sum())).astype(np.int64)


def _quartiles(kept: np.ndarray) -> tuple[float, ...] | None:
    known = kept[np.isfinite(kept)]
    return tuple(np.quantile(np.clip(known, -1e150, 1e150), QUARTILES).tolist()) if known.size else None
