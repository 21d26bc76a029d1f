"""The runners of the race: what each is called, how it is fitted, whether it may be served.

From the source's own forest (a baseline, never served) over straight and bent logistic regression and stumps,
which are additive, to trees of 4, 8, 15 and 31 leaves and a careful forest, which see interactions. No class
weights anywhere: they leave the order of customers as it is and ruin the probabilities.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.special import logit as log_odds
from sklearn.ensemble import RandomForestClassifier

from predictions.learning.columns import NUMERIC
from predictions.learning.features import Encoder
from predictions.learning.groves import Grove
from predictions.learning.linear import fit_linear
from predictions.learning.tables import Layout, Tables
from predictions.learning.tables import logit as tables_logit
from predictions.learning.trees import (
    Forest,
    Growth,
    Recipe,
    fit_forest,
    fit_grove,
    fit_stumps,
    grow_grove,
    grow_stumps,
)

SOURCE_ROWS = 20_000  # the source's forest learns from at most so many: it is a yardstick, not a contender
FEW_ROWS = 20_000  # up to here boosting is averaged over bags; beyond, one bag varies little


@dataclass(frozen=True, slots=True)
class SourceForest:
    """The source's random forest, with what it needs to read a values matrix."""

    encoder: Encoder
    forest: RandomForestClassifier

    def logit(self, values: np.ndarray) -> np.ndarray:
        chance = self.forest.predict_proba(_one_hot(self.encoder, values))[:, 1]
        return log_odds(np.clip(chance, 1e-15, 1 - 1e-15))  # as scikit-learn's log_loss clips: it is sure, and pays


Fit = Tables | Grove | Forest | SourceForest


@dataclass(frozen=True, slots=True)
class Candidate:
    """fit(encoder, values float64 [n, k], label float64 [n], seed) -> Fit. effort: its share of the work.

    One that is boosted has ``grow`` too: with the held-out rows' (values, label) as a further argument it gives a
    Growth, and its fit takes the number of rounds as a last one.
    """

    name: str
    title: str
    fit: Callable[..., Fit]
    effort: float
    grow: Callable[..., Growth] | None = None
    is_additive: bool = False
    is_eligible: bool = True


def runners(rows: int) -> tuple[Candidate, ...]:
    """The candidates for so many labelled rows, the simplest first."""
    few = rows <= FEW_ROWS

    def boosted(fit: Callable, grow: Callable, recipe: Recipe) -> dict[str, Callable]:
        return {
            "fit": lambda encoder, values, label, seed, rounds=None: fit(encoder, values, label, recipe, seed, rounds),
            "grow": lambda encoder, values, label, seed, held: grow(encoder, values, label, recipe, seed, held),
        }

    def trees(leaves: int, rate: float, rounds: int, bags: int) -> dict[str, Callable]:
        return boosted(fit_grove, grow_grove, Recipe(leaves, rate, rounds, bags if few else 1, column_share=0.5))

    return (
        Candidate("source_forest", "Random forest, defaults (a baseline)", _source_forest, 5, is_eligible=False),
        Candidate(
            "logistic",
            "Logistic regression",
            lambda encoder, values, label, seed: fit_linear(encoder, values, label, bent=False),
            1,
            is_additive=True,
        ),
        Candidate(
            "splines",
            "Splines",
            lambda encoder, values, label, seed: fit_linear(encoder, values, label, bent=True),
            2,
            is_additive=True,
        ),
        Candidate(
            "stumps",
            "Stumps",
            effort=3,
            is_additive=True,
            **boosted(fit_stumps, grow_stumps, Recipe(2, 0.1, 600, 2 if few else 1)),
        ),
        Candidate("trees_4", "Boosted trees of 4 leaves", effort=4, **trees(4, 0.15, 400, 2)),
        Candidate("trees_8", "Boosted trees of 8 leaves", effort=4, **trees(8, 0.1, 400, 2)),
        Candidate("trees_15", "Boosted trees of 15 leaves", effort=4, **trees(15, 0.1, 250, 2)),
        Candidate("trees_31", "Boosted trees of 31 leaves", effort=6, **trees(31, 0.06, 300, 2)),
        Candidate(
            "forest",
            "Random forest, leaves of 10 or more",
            lambda encoder, values, label, seed: fit_forest(encoder, values, label, trees=60, leaf=10, seed=seed),
            5,
            is_eligible=False,
        ),
    )


def logit_of(fit: Fit, encoder: Encoder, values: np.ndarray) -> np.ndarray:
    """Log odds (float64 [n]) by any candidate's fit."""
    return tables_logit(Layout.of(encoder), fit, values) if isinstance(fit, Tables) else fit.logit(values)


def _source_forest(encoder: Encoder, values: np.ndarray, label: np.ndarray, seed: int) -> SourceForest:
    if len(label) > SOURCE_ROWS:
        some = np.sort(np.random.default_rng(seed).permutation(len(label))[:SOURCE_ROWS])
        values, label = values[some], label[some]
    forest = RandomForestClassifier(n_estimators=100, random_state=seed, n_jobs=2)
    return SourceForest(encoder, forest.fit(_one_hot(encoder, values), label))


def _one_hot(encoder: Encoder, values: np.ndarray) -> np.ndarray:
    """One column a level and one a number (unknown numbers as the median), as the source does it; float32."""
    parts = []
    for j, feature in enumerate(encoder.features):
        column = values[:, j]
        if feature.kind == NUMERIC:
            parts.append(np.where(np.isnan(column), feature.usual, column)[:, None].astype(np.float32))
        else:
            parts.append((feature.cell_of(column)[:, None] == np.arange(feature.cells)).astype(np.float32))
    return np.hstack(parts)
