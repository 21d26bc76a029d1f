"""Boosted trees and forests over the values matrix.

Trees of two leaves are additive and come back as tables (``fit_stumps``); deeper ones as a Grove, which
sees interactions. Categories are given to trees as codes ordered by how often their customers left (learned
from the same training rows, shrunk towards the mean), so that one numeric split can part them well
(Fisher 1958; Breiman et al. 1984).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import logit as log_odds
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier

from predictions.learning.columns import CATEGORY, NUMERIC
from predictions.learning.features import Encoder
from predictions.learning.groves import Grove, design_of, read_off
from predictions.learning.tables import Layout, Tables

_SHRINK = 20.0  # customers' worth of the overall rate given to every level
_PATIENCE = 15  # rounds without progress before boosting stops
_HELD_BACK = 0.15  # of the training rows, to know when to stop
_ENOUGH_TO_STOP_EARLY = 60  # of the rarer class; with fewer, the held-back loss is noise
_WORDS_LIMIT = 12


@dataclass(frozen=True, slots=True)
class Recipe:
    """How a boosted candidate grows: leaves of a tree, learning rate, most rounds, bags averaged."""

    leaves: int
    rate: float
    rounds: int
    bags: int
    column_share: float = 1.0


@dataclass(frozen=True, slots=True)
class Forest:
    """A fitted random forest with its view of the values; compared, never served (each tree is large)."""

    estimator: RandomForestClassifier
    ranks: tuple[np.ndarray | None, ...]
    sums: tuple[tuple[int, ...], ...]

    def logit(self, values: np.ndarray) -> np.ndarray:
        """Log odds, float64 [n], of values float64 [n, k]."""
        chance = self.estimator.predict_proba(design_of(values, self.ranks, self.sums))[:, 1]
        return log_odds(np.clip(chance, 1e-3, 1 - 1e-3))  # a forest can be sure; log odds cannot be infinite


def fit_grove(encoder: Encoder, values: np.ndarray, label: np.ndarray, recipe: Recipe, seed: int) -> Grove:
    """Boosted trees that see interactions; values float64 [n, k], label float64 [n] of 0 and 1."""
    ranks, sums = _ranks(encoder, values, label), word_sums(encoder)
    design = design_of(values, ranks, sums)
    return read_off([_boost(design, label, recipe, seed + bag) for bag in range(recipe.bags)], ranks, sums)


def fit_forest(
    encoder: Encoder, values: np.ndarray, label: np.ndarray, *, trees: int, leaf: int, seed: int, rows: int = 20_000
) -> Forest:
    """Random forest with leaves of at least ``leaf`` customers, each tree on at most ``rows`` of them."""
    ranks, sums = _ranks(encoder, values, label), word_sums(encoder)
    forest = RandomForestClassifier(
        n_estimators=trees,
        min_samples_leaf=leaf,
        max_features=1 / 3,
        max_samples=min(1.0, rows / len(label)) if len(label) > rows else None,
        n_jobs=2,
        random_state=seed,
    )
    return Forest(forest.fit(design_of(values, ranks, sums), label), ranks, sums)


def fit_stumps(encoder: Encoder, values: np.ndarray, label: np.ndarray, recipe: Recipe, seed: int) -> Tables:
    """Boosted trees of two leaves, read off exactly as tables.

    They are grown on table cells instead of raw numbers, so asking the model once for every cell of every
    feature, all others held still, gives each feature's whole effect.
    """
    layout = Layout.of(encoder)
    ranks = _ranks(encoder, values, label)
    design = design_of(_to_cells(encoder, values), ranks, ())
    still = np.zeros(design.shape[1])
    grid = np.repeat(still[None, :], layout.steps[-1] + 1, axis=0)  # the last row is the customer held still
    for j, feature in enumerate(encoder.features):
        cells = np.r_[np.arange(feature.cells - 1, dtype=np.float64), np.nan]
        rank = ranks[j]
        grid[layout.steps[j] : layout.steps[j + 1], j] = cells if rank is None else np.r_[rank, np.nan]
    effects = np.zeros(len(grid))
    for bag in range(recipe.bags):
        effects += _boost(design, label, recipe, seed + bag).decision_function(grid) / recipe.bags
    return Tables(float(effects[-1]), effects[:-1] - effects[-1], layout.empty().heights)


def word_sums(encoder: Encoder) -> tuple[tuple[int, ...], ...]:
    """Numeric features whose names share a word, to be added up: "day charge" + "evening charge" + ...

    Trees find a threshold on a sum only by a long staircase of splits. (Measured on mlc_churn, where
    customers leave when the four charges together pass a bound.)
    """
    by_word: dict[str, list[int]] = {}
    for j, feature in enumerate(encoder.features):
        if feature.kind == NUMERIC and len(feature.edges) > 1:
            for word in set(_words(feature.name)):
                by_word.setdefault(word, []).append(j)
    groups = {tuple(members) for members in by_word.values() if 2 <= len(members) <= _WORDS_LIMIT}
    return tuple(sorted(groups, key=lambda members: (-len(members), members))[:_WORDS_LIMIT])


def _words(name: str) -> list[str]:
    spaced = "".join(c if c.isalpha() else " " for c in name)
    cut = "".join(f" {c}" if c.isupper() and i and spaced[i - 1].islower() else c for i, c in enumerate(spaced))
    return [word for word in cut.casefold().split() if len(word) > 2]


def _to_cells(encoder: Encoder, values: np.ndarray) -> np.ndarray:
    cells = np.empty(values.shape, order="F")
    for j, feature in enumerate(encoder.features):
        column = feature.cell_of(values[:, j]).astype(np.float64)
        cells[:, j] = np.where(np.isnan(values[:, j]), np.nan, column)
    return cells


def _ranks(encoder: Encoder, values: np.ndarray, label: np.ndarray) -> tuple[np.ndarray | None, ...]:
    """For each categorical feature, the rank (float64 [levels + 1]) of every code by its shrunken churn rate."""
    rate = label.mean()
    ranks: list[np.ndarray | None] = []
    for j, feature in enumerate(encoder.features):
        if feature.kind != CATEGORY:
            ranks.append(None)
            continue
        column = values[:, j]
        known = ~np.isnan(column)
        codes = column[known].astype(np.int64)
        size = len(feature.levels) + 1
        left, all_ = np.bincount(codes, label[known], minlength=size), np.bincount(codes, minlength=size)
        shrunken = (left + _SHRINK * rate) / (all_ + _SHRINK)
        ranks.append(np.argsort(np.argsort(shrunken, kind="stable"), kind="stable").astype(np.float64))
    return tuple(ranks)


def _boost(design: np.ndarray, label: np.ndarray, recipe: Recipe, seed: int) -> HistGradientBoostingClassifier:
    rarer = min(label.sum(), len(label) - label.sum())
    stops = bool(rarer >= _ENOUGH_TO_STOP_EARLY)
    return HistGradientBoostingClassifier(
        max_leaf_nodes=recipe.leaves,
        learning_rate=recipe.rate,
        # without a held-back part to say stop, stop early by rule
        max_iter=recipe.rounds if stops else max(20, int(4 / recipe.rate)),
        min_samples_leaf=int(np.clip(rarer // 10, 5, 20)),
        max_features=recipe.column_share,
        early_stopping=stops,
        validation_fraction=_HELD_BACK,
        n_iter_no_change=_PATIENCE,
        random_state=seed,
    ).fit(design, label)
