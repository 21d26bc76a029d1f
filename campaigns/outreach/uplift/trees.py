"""Boosted trees as plain arrays: grown by scikit-learn, read off, scored here, and kept without any class of anybody's."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

ROUNDS, RATE, LEAVES = 80, 0.06, 6  # small steps, small trees: a holdout is small, and effects are smaller
_LEAF_SHARE, _LEAF_LEAST = 0.02, 30  # customers in a leaf, at least
_RIDGE = 5.0
_BLOCK = 200_000  # customers walked down at a time


@dataclass(frozen=True, slots=True, eq=False)
class Trees:
    """base: float, before any tree; start int64 [trees + 1]: where each tree's nodes lie; column int32 [nodes], -1 for a
    leaf; threshold float64: at or below goes left; left, right int32: from the tree's first node; unknown_left bool;
    value float64: what a leaf adds; squash: whether the sum is log odds, and the answer a probability."""

    base: float
    start: np.ndarray
    column: np.ndarray
    threshold: np.ndarray
    left: np.ndarray
    right: np.ndarray
    unknown_left: np.ndarray
    value: np.ndarray
    squash: bool

    def predict(self, values: np.ndarray) -> np.ndarray:
        """float64 [n] of values float64 [n, k]: probabilities, or numbers."""
        out = np.empty(len(values))
        for begin in range(0, len(values), _BLOCK):
            out[begin : begin + _BLOCK] = self._sum(values[begin : begin + _BLOCK])
        return 1 / (1 + np.exp(-out)) if self.squash else out

    def _sum(self, values: np.ndarray) -> np.ndarray:
        total = np.full(len(values), self.base)
        for first, stop in zip(self.start[:-1].tolist(), self.start[1:].tolist(), strict=True):
            total += self._walk(values, slice(first, stop))
        return total

    def _walk(self, values: np.ndarray, tree: slice) -> np.ndarray:
        """One tree's leaf values: rows are parted node by node (a node comes before its children)."""
        column, threshold, value = self.column[tree], self.threshold[tree], self.value[tree]
        left, right, unknown_left = self.left[tree], self.right[tree], self.unknown_left[tree]
        out = np.empty(len(values))
        waiting = {0: np.arange(len(values))}
        for node in range(len(column)):
            rows = waiting.pop(node, None)
            if rows is None:
                continue
            if column[node] < 0:
                out[rows] = value[node]
                continue
            seen = values[rows, column[node]]
            goes_left = seen <= threshold[node]
            if unknown_left[node]:
                goes_left |= np.isnan(seen)
            waiting[int(left[node])], waiting[int(right[node])] = rows[goes_left], rows[~goes_left]
        return out


def grow_chance(values: np.ndarray, outcome: np.ndarray, weight: np.ndarray | None, seed: int) -> Trees:
    """Probability of an outcome (float64 [n] of 0 and 1) given values float64 [n, k]."""
    grower = HistGradientBoostingClassifier(**_recipe(len(outcome), seed))
    return _read_off(grower.fit(values, outcome, sample_weight=weight), squash=True)


def grow_number(values: np.ndarray, target: np.ndarray, weight: np.ndarray | None, seed: int) -> Trees:
    """Mean of a target (float64 [n]) given values float64 [n, k]."""
    grower = HistGradientBoostingRegressor(**_recipe(len(target), seed))
    return _read_off(grower.fit(values, target, sample_weight=weight), squash=False)


def _recipe(rows: int, seed: int) -> dict[str, object]:
    return {
        "max_iter": ROUNDS,
        "learning_rate": RATE,
        "max_leaf_nodes": LEAVES,
        "min_samples_leaf": max(_LEAF_LEAST, int(_LEAF_SHARE * rows)),
        "l2_regularization": _RIDGE,
        "early_stopping": False,
        "max_features": 0.5,
        "random_state": seed,
    }


def _read_off(grower: HistGradientBoostingClassifier | HistGradientBoostingRegressor, *, squash: bool) -> Trees:
    """scikit-learn's node arrays as ours; a test compares the answers, so that a release that changes them is noticed."""
    trees = [predictors[0].nodes for predictors in grower._predictors]
    nodes = np.concatenate(trees)
    leaf = nodes["is_leaf"].astype(bool)
    return Trees(
        base=float(np.ravel(grower._baseline_prediction)[0]),
        start=np.cumsum([0, *(len(tree) for tree in trees)]).astype(np.int64),
        column=np.where(leaf, -1, nodes["feature_idx"]).astype(np.int32),
        threshold=np.where(leaf, 0.0, nodes["num_threshold"]).astype(np.float64),
        left=nodes["left"].astype(np.int32),
        right=nodes["right"].astype(np.int32),
        unknown_left=nodes["missing_go_to_left"].astype(bool),
        value=np.where(leaf, nodes["value"], 0.0).astype(np.float64),
        squash=squash,
    )
