"""Penalised logistic regression, straight or bent: the additive candidates that are smooth.

The ridge's strength is chosen by approximate leave-one-out (Rad and Maleki 2020, "A scalable estimate of the
out-of-sample prediction error via approximate leave-one-out cross-validation"): one extra solve a strength,
where inner folds would cost five fits.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import expit
from sklearn.linear_model import LogisticRegression

from predictions.learning.columns import NUMERIC
from predictions.learning.features import Encoder, Feature
from predictions.learning.tables import Layout, Tables, _between

STRENGTHS = (0.004, 0.02, 0.1, 0.5, 2.5, 12.5)  # C of scikit-learn: the inverse of the ridge
_MAX_ROWS_FOR_STRENGTH = 20_000


@dataclass(frozen=True, slots=True)
class _Block:
    """The columns of one feature: a straight line, hats at the knots, levels, an indicator of unknown."""

    feature: Feature
    centre: float
    scale: float
    hats: bool
    cells: np.ndarray  # table cells that have an indicator of their own

    def columns(self, column: np.ndarray) -> np.ndarray:
        cells = self.feature.cell_of(column)
        parts = [(cells[:, None] == self.cells).astype(np.float64)]
        if self.feature.kind == NUMERIC:
            parts.append(np.nan_to_num((column - self.centre) / self.scale)[:, None])
            if self.hats:
                left, share = _between(self.feature.knots, column)
                hats = np.zeros((len(column), len(self.feature.knots)))
                rows = np.flatnonzero(~np.isnan(column))
                hats[rows, left[rows] + 1] = share[rows]
                hats[rows, left[rows]] = 1 - share[rows]
                parts.append(hats)
        return np.hstack(parts)


def _block(feature: Feature, column: np.ndarray, *, bent: bool) -> _Block:
    cells = feature.cell_of(column)
    if feature.kind == NUMERIC:
        known = column[~np.isnan(column)]
        unknown = np.array([feature.cells - 1]) if known.size < column.size else np.empty(0, dtype=np.int64)
        scale = float(known.std()) if known.size else 0.0
        centre = float(known.mean()) if known.size else 0.0
        return _Block(feature, centre, scale or 1.0, bent and len(feature.knots) > 2, unknown)
    return _Block(feature, 0.0, 1.0, False, np.unique(cells))


def fit_linear(encoder: Encoder, values: np.ndarray, label: np.ndarray, *, bent: bool) -> Tables:
    """Fit one-hot + scaled logistic regression (bent: piecewise linear in every number) as a Tables.

    values float64 [n, k], label float64 [n] of 0 and 1.
    """
    blocks = [_block(feature, values[:, j], bent=bent) for j, feature in enumerate(encoder.features)]
    design = np.hstack([block.columns(values[:, j]) for j, block in enumerate(blocks)])
    intercept, weights = _ridge(design, label)
    layout = Layout.of(encoder)
    tables = layout.empty()
    at = 0
    for j, block in enumerate(blocks):
        steps = tables.steps[layout.steps[j] : layout.steps[j + 1]]
        heights = tables.heights[layout.heights[j] : layout.heights[j + 1]]
        steps[block.cells] = weights[at : at + len(block.cells)]
        at += len(block.cells)
        if block.feature.kind == NUMERIC:
            heights[:] = weights[at] * (block.feature.knots - block.centre) / block.scale
            at += 1
            if block.hats:
                heights += weights[at : at + len(heights)]
                at += len(heights)
    return Tables(intercept, tables.steps, tables.heights)


def _ridge(design: np.ndarray, label: np.ndarray) -> tuple[float, np.ndarray]:
    """Intercept and weights of the ridge logistic regression whose approximate leave-one-out loss is least."""
    if design.shape[1] > len(design):
        # the weights lie in the span of the rows: solving there is the same answer at a fraction of the cost
        left, size, right = np.linalg.svd(design, full_matrices=False)
        solid = size > 1e-9 * size[0]
        intercept, turned = _ridge((left * size)[:, solid], label)
        return intercept, turned @ right[solid]
    few = slice(None)
    if len(label) > _MAX_ROWS_FOR_STRENGTH:
        few = slice(None, None, len(label) // _MAX_ROWS_FOR_STRENGTH + 1)
    losses = []
    for strength in STRENGTHS:
        # the ridge weighs against a sum over rows: fewer rows, the same strength a row
        model = _fit(design[few], label[few], strength)
        losses.append(_leave_one_out_loss(design[few], label[few], strength, model))
    model = _fit(design, label, STRENGTHS[int(np.argmin(losses))])
    return float(model.intercept_[0]), model.coef_[0]


def _fit(design: np.ndarray, label: np.ndarray, strength: float) -> LogisticRegression:
    # newton-cholesky: exact in a few steps where rows outnumber columns
    return LogisticRegression(C=strength, solver="newton-cholesky", max_iter=200, tol=1e-5).fit(design, label)


def _leave_one_out_loss(design: np.ndarray, label: np.ndarray, strength: float, model: LogisticRegression) -> float:
    margin = design @ model.coef_[0] + model.intercept_[0]
    chance = expit(margin)
    weight = np.maximum(chance * (1 - chance), 1e-9)
    full = np.column_stack([np.ones(len(design)), design])
    curvature = full.T @ (full * weight[:, None])
    curvature[np.diag_indices_from(curvature)] += np.r_[1e-9, np.full(design.shape[1], 1 / strength)]
    leverage = np.einsum("ij,ij->i", full, np.linalg.solve(curvature, full.T).T)
    left_out = margin + leverage * (chance - label) / np.maximum(1 - leverage * weight, 1e-3)
    return float(np.mean(np.logaddexp(0, left_out) - label * left_out))
