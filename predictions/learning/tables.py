"""Additive models as look-up tables: the log odds are a base plus one number for each feature.

For feature j with value v the number is ``steps[cell(v)] + interp(v, knots, heights)``: stumps give the steps,
piecewise linear splines the heights, a category has steps alone, and unknown is a cell of its own. So the
contributions are exact (they sum to the log odds) and scoring is a search and two reads a feature; see
Lou, Caruana and Gehrke 2012, "Intelligible models for classification and regression", for the form.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from predictions.learning.features import Encoder


@dataclass(frozen=True, slots=True)
class Layout:
    """Where each feature's cells and knots lie in the flat arrays of a Tables."""

    encoder: Encoder
    steps: np.ndarray  # int64 [k + 1]
    heights: np.ndarray  # int64 [k + 1]

    @classmethod
    def of(cls, encoder: Encoder) -> Layout:
        cells = [feature.cells for feature in encoder.features]
        knots = [len(feature.knots) for feature in encoder.features]
        return cls(encoder, np.cumsum([0, *cells]), np.cumsum([0, *knots]))

    def empty(self) -> Tables:
        return Tables(0.0, np.zeros(self.steps[-1]), np.zeros(self.heights[-1]))


@dataclass(frozen=True, slots=True)
class Tables:
    """One additive model: base (log odds), steps float64 [all cells], heights float64 [all knots]."""

    base: float
    steps: np.ndarray
    heights: np.ndarray

    def times(self, weight: float) -> Tables:
        return Tables(self.base * weight, self.steps * weight, self.heights * weight)

    def plus(self, other: Tables) -> Tables:
        return Tables(self.base + other.base, self.steps + other.steps, self.heights + other.heights)

    def centred(self, layout: Layout, values: np.ndarray) -> Tables:
        """The same model with each feature's mean over these customers (float64 [n, k]) moved into the base,
        so that a contribution reads "more, or less, than the average customer"."""
        means = contributions(layout, [self], values, np.zeros(len(values), dtype=np.int64))[1].mean(axis=0)
        steps = self.steps - np.repeat(means, np.diff(layout.steps))
        return Tables(self.base + float(means.sum()), steps, self.heights)


def contributions(
    layout: Layout, models: list[Tables], values: np.ndarray, which: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Base (float64 [n]) and contributions (float64 [n, k], Fortran order) in log odds.

    values float64 [n, k]; which int [n]: the model in ``models`` that each row is scored by.
    """
    steps = np.concatenate([model.steps for model in models])
    heights = np.concatenate([model.heights for model in models])
    step_start = which * layout.steps[-1]
    height_start = which * layout.heights[-1]
    out = np.empty(values.shape, order="F")
    for index, feature in enumerate(layout.encoder.features):
        column = values[:, index]
        effect = steps[step_start + (layout.steps[index] + feature.cell_of(column))]
        if len(feature.knots):
            left, share = _between(feature.knots, column)
            at = height_start + (layout.heights[index] + left)
            low, high = heights[at], heights[at + (len(feature.knots) > 1)]
            effect += np.where(np.isnan(column), 0.0, low + share * (high - low))
        out[:, index] = effect
    return np.array([model.base for model in models])[which], out


def logit(layout: Layout, model: Tables, values: np.ndarray) -> np.ndarray:
    """The model's log odds, float64 [n], for values float64 [n, k]."""
    base, parts = contributions(layout, [model], values, np.zeros(len(values), dtype=np.int64))
    return base + parts.sum(axis=1)


def _between(knots: np.ndarray, column: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Index of the knot to the left, and how far (0..1) the value lies to the next; flat outside the knots."""
    if len(knots) == 1:
        return np.zeros(len(column), dtype=np.int64), np.zeros(len(column))
    inside = np.clip(np.nan_to_num(column, nan=knots[0]), knots[0], knots[-1])
    left = np.minimum(np.searchsorted(knots, inside, side="right") - 1, len(knots) - 2)
    return left, (inside - knots[left]) / (knots[left + 1] - knots[left])
