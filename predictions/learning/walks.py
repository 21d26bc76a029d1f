"""The walk of ``reasons`` through trees kept as bit masks: the same contributions, at the price of a few predictions.

Moving one column from the usual customer's value to this one's changes that column's word and no other, and only in the
trees that split it. So the words of the columns already moved are and-ed as the walk goes on, those of the columns still
to come were and-ed beforehand (the usual customer is one customer: a word a tree), and a step reads the leaves of its own
column's trees alone. ``reasons.walk`` asks for a whole prediction at every step instead.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from predictions.learning.groves import MAX_LEAVES, Grove, design_of
from predictions.learning.reasons import order_of

_CELLS = 100_000  # trees x rows held at a time, to stay in the cache: half the time of a million
_ALL = np.uint32(0xFFFFFFFF)


def walk(groves: Sequence[tuple[float, Grove]], values: np.ndarray, reference: np.ndarray) -> tuple[float, np.ndarray]:
    """Base and contributions (float64 [n, k]) of weighted groves, as ``reasons.walk`` gives them for their sum.

    values float64 [n, k]; reference float64 [k]; NaN is unknown.
    """
    base, parts = 0.0, np.zeros(values.shape)
    for weight, grove in groves:
        base += weight * float(grove.logit(reference[None, :])[0])
        if len(grove.start) > 1:
            parts += weight * _Walker(grove, reference).parts(values)
    return base, parts


class _Column:
    """One design column's words turned round: for each of its own trees (int [t]) a word a cell (uint32 [t, cells])."""

    def __init__(self, edges: np.ndarray, words: np.ndarray) -> None:
        self.edges = edges
        self.trees = np.flatnonzero((words != _ALL).any(axis=0))
        self.words = np.ascontiguousarray(words[:, self.trees].T)

    def reached(self, design: np.ndarray) -> np.ndarray:
        """uint32 [t, m] for design values float64 [m]."""
        cell = np.searchsorted(self.edges, design)
        cell[np.isnan(design)] = len(self.edges) + 1
        return np.take(self.words, cell, axis=1)


class _Step:
    """What moving one feature touches: its trees, and where among them its own column's and each sum's trees lie."""

    def __init__(self, feature: int, columns: dict[int, _Column], sums: dict[int, tuple[int, ...]]) -> None:
        self.feature = feature
        self.own = columns.get(feature)
        self.moved = [column for column, members in sums.items() if feature in members]
        touched = [columns[column].trees for column in ([feature] if self.own else []) + self.moved]
        self.trees = np.unique(np.concatenate(touched)) if touched else np.empty(0, dtype=np.int64)
        self.own_at = np.searchsorted(self.trees, self.own.trees) if self.own else np.empty(0, dtype=np.int64)
        self.sums_at = {}
        for column in sums:
            _, here, there = np.intersect1d(self.trees, columns[column].trees, assume_unique=True, return_indices=True)
            if len(here):
                self.sums_at[column] = (here, there)


class _Walker:
    """One grove and the usual customer."""

    def __init__(self, grove: Grove, reference: np.ndarray) -> None:
        masks, leaves = grove._compiled
        self.grove, self.reference, self.k = grove, reference, len(reference)
        self.columns = {column: _Column(edges, words) for column, edges, words in masks}
        self.sums = {
            self.k + place: members for place, members in enumerate(grove.sums) if self.k + place in self.columns
        }
        self.leaves = leaves.ravel()
        self.steps = {j: _Step(j, self.columns, self.sums) for j in range(self.k)}
        design = design_of(reference[None, :], grove.ranks, grove.sums)[0]
        self.still = {column: one.reached(design[column : column + 1]) for column, one in self.columns.items()}

    def parts(self, values: np.ndarray) -> np.ndarray:
        out = np.zeros(values.shape)
        order = order_of(self.k)
        size = max(1, _CELLS // (len(self.grove.start) - 1))
        for start in range(0, len(values), size):
            rows = values[start : start + size]
            design = design_of(rows, self.grove.ranks, ())
            for path in (order, order[::-1]):
                self._go(path.tolist(), rows, design, out[start : start + size])
        return out

    def _go(self, path: list[int], rows: np.ndarray, design: np.ndarray, out: np.ndarray) -> None:
        """Add half of one walk's steps to ``out`` (float64 [m, k])."""
        m = len(rows)
        coming = self._coming(path)
        here = np.repeat(self.reference[None, :], m, axis=0)
        gone = np.full((len(self.grove.start) - 1, m), _ALL)  # and-ed words of the columns moved so far
        summed = {column: np.repeat(self.still[column], m, axis=1) for column in self.sums}
        reached = np.repeat(self._leaf_values(np.arange(len(gone)), self._start(coming)), m, axis=1)
        for j, ahead in zip(path, coming[1:], strict=True):
            step = self.steps[j]
            if not len(step.trees):
                continue
            here[:, j] = rows[:, j]
            alive = gone[step.trees]
            if step.own is not None:
                alive[step.own_at] &= step.own.reached(design[:, j])
                gone[step.trees] = alive
            alive &= ahead[step.trees, None]
            for column in step.moved:
                total = here[:, list(self.sums[column])].sum(axis=1)  # as groves.design_of adds it up
                summed[column] = self.columns[column].reached(total)
            for column, (at, among) in step.sums_at.items():
                alive[at] &= summed[column][among]
            after = self._leaf_values(step.trees, alive)
            out[:, j] += (after - reached[step.trees]).sum(axis=0) / 2
            reached[step.trees] = after

    def _coming(self, path: list[int]) -> list[np.ndarray]:
        """For each number of features moved (0 .. k), the and-ed words (uint32 [trees]) of those that stand still."""
        found = [np.full(len(self.grove.start) - 1, _ALL)]
        for j in reversed(path):
            words = found[-1].copy()
            if j in self.columns:
                words[self.columns[j].trees] &= self.still[j][:, 0]
            found.append(words)
        return found[::-1]

    def _start(self, coming: list[np.ndarray]) -> np.ndarray:
        alive = coming[0][:, None].copy()
        for column in self.sums:
            alive[self.columns[column].trees] &= self.still[column]
        return alive

    def _leaf_values(self, trees: np.ndarray, alive: np.ndarray) -> np.ndarray:
        """What each tree says (float64 [t, m]) by its lowest leaf alive (uint32 [t, m])."""
        leaf = np.bitwise_count((alive & (~alive + np.uint32(1))) - np.uint32(1))
        return self.leaves[(trees * MAX_LEAVES)[:, None] + leaf]
