"""Boosted trees as plain arrays, scored by bit masks instead of walking down.

Every tree has at most 32 leaves, so the leaves that a customer can still reach are one 32-bit word. Each split
crosses leaves out: for every column and every interval between its thresholds there is one word a tree, and
the leaf is the lowest bit left when the columns' words are and-ed (Lucchese et al. 2015, "QuickScorer: a fast
algorithm to rank documents with additive ensembles of regression trees"). Reading arrays that are ours also
means that no class of scikit-learn is ever rebuilt from a file.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier

MAX_LEAVES = 32
_WORDS = 2_000_000  # of masks held at a time: a block of rows x trees that stays near the cache


@dataclass(frozen=True)
class Grove:
    """Trees whose values add up to log odds.

    base       float, log odds before any tree
    start      int64 [trees + 1]: where each tree's nodes lie in the arrays below
    column     int32 [nodes]: the design column a node splits, -1 for a leaf
    threshold  float64 [nodes]: at or below goes left
    left, right int32 [nodes]: counted from the tree's first node
    unknown_left bool [nodes]
    value      float64 [nodes]: what a leaf adds
    ranks      for each feature, what replaces its codes (float64 [levels + 1]), or None for numbers
    sums       crafted columns: tuples of feature indices that are added up
    """

    base: float
    start: np.ndarray
    column: np.ndarray
    threshold: np.ndarray
    left: np.ndarray
    right: np.ndarray
    unknown_left: np.ndarray
    value: np.ndarray
    ranks: tuple[np.ndarray | None, ...]
    sums: tuple[tuple[int, ...], ...]

    def logit(self, values: np.ndarray) -> np.ndarray:
        """Log odds, float64 [n], of values float64 [n, k]."""
        design = design_of(values, self.ranks, self.sums)
        trees = len(self.start) - 1
        out = np.full(len(values), self.base)
        if trees == 0:
            return out
        masks, leaf_values = self._compiled
        at_tree = np.arange(trees) * MAX_LEAVES
        flat = leaf_values.ravel()
        block = max(1, _WORDS // trees)
        for begin in range(0, len(values), block):
            rows = design[begin : begin + block]
            alive = None
            for column, edges, words in masks:
                cell = np.searchsorted(edges, rows[:, column])  # unknown sorts last
                cell[np.isnan(rows[:, column])] = len(edges) + 1
                reached = words[cell]
                alive = reached if alive is None else np.bitwise_and(alive, reached, out=alive)
            if alive is None:
                alive = np.ones((len(rows), trees), dtype=np.uint32)
            leaf = np.bitwise_count((alive & (~alive + np.uint32(1))) - np.uint32(1))
            out[begin : begin + block] += flat[at_tree + leaf].sum(axis=1)
        return out

    @cached_property
    def _compiled(self) -> tuple[list[tuple[int, np.ndarray, np.ndarray]], np.ndarray]:
        """For each column that is split: thresholds and words uint32 [thresholds + 2, trees] (the last row for
        unknown); and the leaves' values float64 [trees, 32]."""
        trees = len(self.start) - 1
        edges = {int(c): np.unique(self.threshold[self.column == c]) for c in np.unique(self.column) if c >= 0}
        words = {c: np.full((len(e) + 2, trees), 0xFFFFFFFF, dtype=np.uint32) for c, e in edges.items()}
        leaf_values = np.zeros((trees, MAX_LEAVES))
        for tree in range(trees):
            nodes = slice(int(self.start[tree]), int(self.start[tree + 1]))
            self._mark(tree, nodes, edges, words, leaf_values[tree])
        return [(c, edges[c], words[c]) for c in sorted(edges)], leaf_values

    def _mark(
        self,
        tree: int,
        nodes: slice,
        edges: dict[int, np.ndarray],
        words: dict[int, np.ndarray],
        leaf_values: np.ndarray,
    ) -> None:
        column, left, right = self.column[nodes].tolist(), self.left[nodes].tolist(), self.right[nodes].tolist()
        threshold, unknown_left = self.threshold[nodes], self.unknown_left[nodes].tolist()
        value = self.value[nodes]
        under = [0] * len(column)  # leaves below each node, as bits; children come after their parents
        leaves = 0
        for node, split in enumerate(column):
            if split < 0:
                under[node], leaf_values[leaves] = 1 << leaves, value[node]
                leaves += 1
        for node in range(len(column) - 1, -1, -1):
            split = column[node]
            if split < 0:
                continue
            on_left, on_right = under[left[node]], under[right[node]]
            under[node] = on_left | on_right
            table = words[split]
            last_left = int(np.searchsorted(edges[split], threshold[node])) + 1
            table[:last_left, tree] &= np.uint32(0xFFFFFFFF ^ on_right)
            table[last_left:-1, tree] &= np.uint32(0xFFFFFFFF ^ on_left)
            table[-1, tree] &= np.uint32(0xFFFFFFFF ^ (on_right if unknown_left[node] else on_left))


def read_off(
    boosters: list[HistGradientBoostingClassifier],
    ranks: tuple[np.ndarray | None, ...],
    sums: tuple[tuple[int, ...], ...],
    rounds: int | None = None,
) -> Grove:
    """The mean of several fitted boosters (numeric splits only) as one Grove; of each, at most its first rounds.

    Reads scikit-learn's node arrays; ``tests`` compare every release's predictions with ours.
    """
    share = 1 / len(boosters)
    trees = [predictors[0].nodes for booster in boosters for predictors in booster._predictors[:rounds]]
    nodes = np.concatenate(trees) if trees else None
    if nodes is None or nodes["is_categorical"].any():
        raise ValueError("trees with numeric splits are needed")
    leaf = nodes["is_leaf"].astype(bool)
    return Grove(
        base=float(np.mean([booster._baseline_prediction.ravel()[0] for booster in boosters])),
        start=np.cumsum([0, *(len(tree) for tree in trees)]),
        column=np.where(leaf, -1, nodes["feature_idx"]).astype(np.int32),
        threshold=np.where(leaf, 0.0, nodes["num_threshold"]).astype(np.float64),
        left=nodes["left"].astype(np.int32),
        right=nodes["right"].astype(np.int32),
        unknown_left=nodes["missing_go_to_left"].astype(bool),
        value=np.where(leaf, nodes["value"], 0.0).astype(np.float64) * share,
        ranks=ranks,
        sums=sums,
    )


def design_of(
    values: np.ndarray, ranks: tuple[np.ndarray | None, ...], sums: tuple[tuple[int, ...], ...]
) -> np.ndarray:
    """What trees see (float64 [n, k + sums]): categories as ranks, then the crafted sums."""
    design = np.empty((len(values), values.shape[1] + len(sums)), order="F")
    for j, rank in enumerate(ranks):
        column = values[:, j]
        if rank is not None:
            unknown = np.isnan(column)
            column = np.where(unknown, np.nan, rank[np.where(unknown, 0, column).astype(np.int64)])
        design[:, j] = column
    for offset, members in enumerate(sums):
        design[:, values.shape[1] + offset] = values[:, list(members)].sum(axis=1)
    return design
