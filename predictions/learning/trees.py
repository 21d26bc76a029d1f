"""Boosted trees and forests over the values matrix.

Trees of two leaves are additive and come back as tables (``fit_stumps``); deeper ones as a Grove, which
sees interactions. Categories are given to trees as codes ordered by how often their customers left (learned
from the same training rows, shrunk towards the mean), so that one numeric split can part them well
(Fisher 1958; Breiman et al. 1984).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np
from scipy.special import logit as log_odds
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier

from predictions.learning.columns import CATEGORY, NUMERIC
from predictions.learning.evaluation import losses
from predictions.learning.features import Encoder
from predictions.learning.groves import Grove, design_of, read_off
from predictions.learning.tables import Layout, Tables

_SHRINK = 20.0  # customers' worth of the overall rate given to every level
_PATIENCE = 25  # rounds without progress on the held-out rows before a bag stops growing
_WORDS_LIMIT = 12


@dataclass(frozen=True, slots=True)
class Recipe:
    """How a boosted candidate grows: leaves of a tree, learning rate, most rounds, bags averaged."""

    leaves: int
    rate: float
    rounds: int
    bags: int
    column_share: float = 1.0

    @property
    def usual(self) -> int:
        """Rounds where nothing was held out to tell how many: enough to have learned what is plain."""
        return min(self.rounds, max(20, int(4 / self.rate)))


@dataclass(frozen=True, slots=True)
class Growth:
    """Boosted bags grown past their best, beside rows that were held out.

    loss  float64 [rounds]: mean log loss of the bags' mean on the held-out rows after each round
    cut   rounds -> the fit after so many rounds (all it has, if they are fewer)
    """

    loss: np.ndarray
    cut: Callable[[int], Grove | Tables]


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


def grow_grove(
    encoder: Encoder,
    values: np.ndarray,
    label: np.ndarray,
    recipe: Recipe,
    seed: int,
    held: tuple[np.ndarray, np.ndarray],
) -> Growth:
    """Boosted trees that see interactions, watched on held-out rows; values float64 [n, k], label float64 [n] of 0
    and 1; held: the like of both for the rows held out."""
    ranks, sums = _ranks(encoder, values, label), word_sums(encoder)
    unseen = design_of(held[0], ranks, sums), held[1]
    bags = _bags(design_of(values, ranks, sums), label, recipe, seed, recipe.rounds, unseen)
    return Growth(_loss(bags, *unseen), lambda rounds: read_off(bags, ranks, sums, rounds))


def fit_grove(
    encoder: Encoder, values: np.ndarray, label: np.ndarray, recipe: Recipe, seed: int, rounds: int | None = None
) -> Grove:
    """The same, on rows none of which is held out, with a number of rounds that is known (or guessed from the rate)."""
    ranks, sums = _ranks(encoder, values, label), word_sums(encoder)
    return read_off(_bags(design_of(values, ranks, sums), label, recipe, seed, rounds or recipe.usual), ranks, sums)


def best_rounds(growths: Sequence[Growth], sizes: Sequence[int]) -> list[int]:
    """For each fold the number of rounds that was best on the other folds' held-out rows, then that of all folds.

    So a row has no say in how long its own model learns (but that a bag stops growing well past its best), and no
    row is kept from learning in order to know when to stop. That was worth more than any other setting: log loss
    0.095 against 0.100 with 15 % held back, on iranian_churn, over two repeats of five folds.
    """
    longest = max(len(growth.loss) for growth in growths)
    # past its end a fold's fit stays as it is
    curves = [np.pad(growth.loss, (0, longest - len(growth.loss)), mode="edge") for growth in growths]
    sums = np.array(curves) * np.asarray(sizes)[:, None]
    total = sums.sum(axis=0)
    return [int(np.argmin(total - one)) + 1 for one in sums] + [int(np.argmin(total)) + 1]


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


def grow_stumps(
    encoder: Encoder,
    values: np.ndarray,
    label: np.ndarray,
    recipe: Recipe,
    seed: int,
    held: tuple[np.ndarray, np.ndarray],
) -> Growth:
    """Boosted trees of two leaves, watched on held-out rows as in ``grow_grove``."""
    ranks = _ranks(encoder, values, label)
    unseen = design_of(_to_cells(encoder, held[0]), ranks, ()), held[1]
    bags = _bags(design_of(_to_cells(encoder, values), ranks, ()), label, recipe, seed, recipe.rounds, unseen)
    return Growth(_loss(bags, *unseen), lambda rounds: _as_tables(encoder, bags, ranks, rounds))


def fit_stumps(
    encoder: Encoder, values: np.ndarray, label: np.ndarray, recipe: Recipe, seed: int, rounds: int | None = None
) -> Tables:
    """The same, on rows none of which is held out, with a number of rounds that is known (or guessed from the rate)."""
    ranks, rounds = _ranks(encoder, values, label), rounds or recipe.usual
    bags = _bags(design_of(_to_cells(encoder, values), ranks, ()), label, recipe, seed, rounds)
    return _as_tables(encoder, bags, ranks, rounds)


def _as_tables(
    encoder: Encoder,
    bags: list[HistGradientBoostingClassifier],
    ranks: tuple[np.ndarray | None, ...],
    rounds: int,
) -> Tables:
    """Trees of two leaves, read off exactly as tables.

    They are grown on table cells instead of raw numbers, so asking the model once for every cell of every
    feature, all others held still, gives each feature's whole effect.
    """
    layout = Layout.of(encoder)
    still = np.zeros(len(encoder.features))
    grid = np.repeat(still[None, :], layout.steps[-1] + 1, axis=0)  # the last row is the customer held still
    for j, feature in enumerate(encoder.features):
        cells = np.r_[np.arange(feature.cells - 1, dtype=np.float64), np.nan]
        rank = ranks[j]
        grid[layout.steps[j] : layout.steps[j + 1], j] = cells if rank is None else np.r_[rank, np.nan]
    effects = np.zeros(len(grid))
    for bag in bags:
        stages = bag.staged_decision_function(grid)
        effects += next(islice(stages, min(rounds, bag.n_iter_) - 1, None)) / len(bags)
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


def _bags(
    design: np.ndarray,
    label: np.ndarray,
    recipe: Recipe,
    seed: int,
    rounds: int,
    held: tuple[np.ndarray, np.ndarray] | None = None,
) -> list[HistGradientBoostingClassifier]:
    """The recipe's bags: each draws other columns at its splits; with held-out rows, a bag stops where those tell."""
    rarer = min(label.sum(), len(label) - label.sum())
    watched = {} if held is None else {"X_val": held[0], "y_val": held[1]}
    return [
        HistGradientBoostingClassifier(
            max_leaf_nodes=recipe.leaves,
            learning_rate=recipe.rate,
            max_iter=rounds,
            min_samples_leaf=int(np.clip(rarer // 10, 5, 20)),
            max_features=recipe.column_share,
            early_stopping=held is not None,
            n_iter_no_change=_PATIENCE,
            random_state=seed + bag,
        ).fit(design, label, **watched)
        for bag in range(recipe.bags)
    ]


def _loss(bags: list[HistGradientBoostingClassifier], design: np.ndarray, label: np.ndarray) -> np.ndarray:
    """Mean log loss (float64 [rounds]) of the bags' mean log odds after each round that all of them have."""
    if len(bags) == 1:
        return -bags[0].validation_score_[1:]  # noted while it grew; the first is from before any round
    stages = zip(*(bag.staged_decision_function(design) for bag in bags), strict=False)
    return np.array([losses(label, np.mean(logits, axis=0)).mean() for logits in stages])
