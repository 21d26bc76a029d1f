"""A fitted engine made ready for millions of rows: each feature's effect is one search (or one code) and one line.

The tables of every fold's model are merged beforehand: where the bins of the steps and the knots of the bends are put
into one row of breaks, an effect between two breaks is a straight line, so a number costs one search and two reads
where ``tables`` pays two searches and four reads. Nothing is approximated: it is the same model, written differently
(the log odds agree to rounding, and a test says so).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import expit

from predictions.learning import reasons, walks
from predictions.learning.columns import NUMERIC
from predictions.learning.features import Feature
from predictions.learning.fitted import Fitted, Scored
from predictions.learning.tables import Tables

_BLOCK = 25_000  # rows whose columns stay in the processor's cache


@dataclass(frozen=True, slots=True)
class _Column:
    """One feature of all models: between two breaks the effect is level + slope * value.

    breaks  float64 [b], ascending, the last infinite; None for a category, whose codes are the places themselves
    level, slope  float64 [models * width]; width = places + 1, the last place for unknown. slope is None where all are nought
    """

    breaks: np.ndarray | None
    level: np.ndarray
    slope: np.ndarray | None
    width: int

    def effect(self, values: np.ndarray, which: np.ndarray | None) -> np.ndarray:
        """float64 [n] for values float64 [n]; ``which`` int [n] names the model, None: the first."""
        unknown = np.isnan(values)
        if self.breaks is None:
            place = np.where(unknown, self.width - 1, values).astype(np.intp)
        else:
            place = np.searchsorted(self.breaks, values)  # unknown sorts after infinity: the last place
        if which is not None:
            place += which * self.width
        effect = self.level[place]
        if self.slope is not None:
            effect += self.slope[place] * np.where(unknown, 0.0, values)
        return effect


class Tabulated:
    """The additive part of a Fitted. Make it once, ask it for block after block."""

    def __init__(self, fitted: Fitted) -> None:
        self._fitted = fitted
        models = [model.tables for model in fitted.models]
        self._every = self._of(models)
        self._last = self._of(models[-1:])  # nearly everybody: whom no model had learned from
        self._base = np.array([model.base for model in models])

    @property
    def columns(self) -> list[str]:
        """Names of the columns that it reads."""
        return [feature.name for feature in self._fitted.features]

    def _of(self, models: list[Tables]) -> list[_Column]:
        layout = self._fitted.layout
        return [
            _column(
                feature,
                [m.steps[layout.steps[j] : layout.steps[j + 1]] for m in models],
                [m.heights[layout.heights[j] : layout.heights[j + 1]] for m in models],
            )
            for j, feature in enumerate(self._fitted.features)
        ]

    def contributions(self, values: np.ndarray, which: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """As ``tables.contributions``: base float64 [n] and contributions float64 [n, k] in Fortran order."""
        out = np.empty(values.shape, order="F")
        for j, effect in enumerate(self._effects(values, which)):
            out[:, j] = effect
        return self._base[which], out

    def logit(self, values: np.ndarray, which: np.ndarray) -> np.ndarray:
        """Log odds, float64 [n], without reasons; the trees of a model that has some are walked as well."""
        out = self._base[which]
        for start in range(0, len(values), _BLOCK):
            rows = slice(start, start + _BLOCK)
            for effect in self._effects(values[rows], which[rows]):
                out[rows] += effect
        return out if self._fitted.is_additive else out + tree_logit(self._fitted, values, which)

    def _effects(self, values: np.ndarray, which: np.ndarray) -> Iterator[np.ndarray]:
        is_last = bool((which == len(self._base) - 1).all())
        for j, column in enumerate(self._last if is_last else self._every):
            yield column.effect(values[:, j], None if is_last else which)

    def score(self, frame: pd.DataFrame, keys: np.ndarray, *, top: int = 3) -> Scored:
        """As ``learning.score``: the same Scored, several times as fast where the model is additive.

        frame n x any columns, keys int64 [n]; ``top=0`` leaves the reasons out. Raises ValueError when frame and keys
        differ in length.
        """
        keys = np.asarray(keys, dtype=np.int64)
        if len(keys) != len(frame):
            raise ValueError(f"{len(frame)} rows but {len(keys)} keys")
        fitted, n = self._fitted, len(frame)
        which, values = fitted.which(keys), fitted.encoder.encode(frame)
        logit, base = np.empty(n), np.full(n, np.nan)
        feature, contribution = np.full((n, top), -1, dtype=np.int16), np.zeros((n, top), dtype=np.float32)
        if not top:
            logit = self.logit(values, which)
        for start in range(0, n if top else 0, _BLOCK):
            rows = slice(start, start + _BLOCK)
            begin, parts = self.contributions(values[rows], which[rows])
            if not fitted.is_additive:
                tree_base, tree_parts = tree_contributions(fitted, values[rows], which[rows])
                begin, parts = begin + tree_base, parts + tree_parts
            base[rows] = begin
            logit[rows] = begin + sum(parts.T)  # column by column: the order that Fortran arrays like
            feature[rows], contribution[rows] = reasons.strongest(parts, top)
        return Scored(expit(logit), logit, base, feature, contribution, which < len(fitted.models) - 1)


def tree_logit(fitted: Fitted, values: np.ndarray, which: np.ndarray) -> np.ndarray:
    """What the trees add to the log odds, float64 [n]."""
    out = np.zeros(len(values))
    for index, model in enumerate(fitted.models):
        rows = np.flatnonzero(which == index)
        if model.groves and rows.size:
            out[rows] = model.tree_logit(values[rows])
    return out


def tree_contributions(fitted: Fitted, values: np.ndarray, which: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Base (float64 [n]) and contributions (float64 [n, k]) of the trees alone."""
    base, parts = np.zeros(len(values)), np.zeros(values.shape, order="F")
    for index, model in enumerate(fitted.models):
        rows = np.flatnonzero(which == index)
        if model.groves and rows.size:
            base[rows], parts[rows] = walks.walk(model.groves, values[rows], fitted.encoder.reference)
    return base, parts


def _column(feature: Feature, steps: list[np.ndarray], heights: list[np.ndarray]) -> _Column:
    """One feature from its part of each model's tables: steps float64 [cells] and heights float64 [knots] a model."""
    if feature.kind != NUMERIC:
        return _Column(None, np.concatenate(steps), None, feature.cells)
    breaks = np.r_[np.union1d(feature.edges, feature.knots), np.inf]
    cells = np.searchsorted(feature.edges, breaks)
    lines = [_lines(feature.knots, one, breaks) for one in heights]
    level = [np.r_[step[cells] + line[0], step[-1]] for step, line in zip(steps, lines, strict=True)]
    slope = np.concatenate([np.r_[line[1], 0.0] for line in lines])
    return _Column(breaks, np.concatenate(level), slope if slope.any() else None, len(breaks) + 1)


def _lines(knots: np.ndarray, heights: np.ndarray, breaks: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Level and slope (float64 [b]) of the bends on each stretch that ends at a break; flat outside the knots."""
    if len(knots) < 2:
        flat = heights[0] if len(knots) else 0.0
        return np.full(len(breaks), flat), np.zeros(len(breaks))
    left = np.searchsorted(knots, breaks) - 1  # the knot strictly before the stretch's end
    between = (left >= 0) & (left < len(knots) - 1)
    at = np.clip(left, 0, len(knots) - 2)
    slope = np.where(between, (heights[at + 1] - heights[at]) / (knots[at + 1] - knots[at]), 0.0)
    flat = np.where(left < 0, heights[0], heights[-1])
    return np.where(between, heights[at] - slope * knots[at], flat), slope
