"""Fits the discrete-time hazard model: a ridge logistic regression on months at risk, without laying them out.

A customer's months in one interval differ in nothing, so they are one binomial observation, and a customer's row
of the design serves all intervals: the person-period table (200,000 customers x 30 intervals x 60 columns) is
never built, and the fit is the exact one. The level is held together by a random walk (its steps from interval to
interval are drawn towards 0), the columns by a ridge whose strength is chosen as in ``linear``, by approximate
leave-one-out (Rad and Maleki 2020), a whole customer left out at a time.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.linalg import cho_factor, cho_solve

from predictions.learning.hazard import _SURE, Hazard
from predictions.learning.hazard_design import Design, Lives
from predictions.learning.linear import STRENGTHS
from predictions.learning.tables import Layout, Tables

_WALK = 0.5  # standard deviation of a step of the level, log odds
_FIRST_STEP = 3.0  # of the step from month 0 on: where tenure counts begun months, nobody leaves in month 0
_ROWS = 8_192  # taken at a time, so that what is in work stays in the processor's cache
_MAX_ROWS_FOR_STRENGTH = 20_000
_MAX_WORK_FOR_STRENGTH = 1e9  # rows x columns squared: fewer rows of a wide design
_MAX_STEPS = 40


@dataclass(frozen=True, slots=True)
class _Sums:
    """Loss, gradient and curvature at a point, penalties included."""

    loss: float
    gradient: np.ndarray
    curvature: np.ndarray


def fit_hazard(
    design: Design, values: np.ndarray, lives: Lives, rows: np.ndarray, drifting: int = 0
) -> tuple[Hazard, Hazard | None]:
    """Fit on some rows (int64): the proportional model, and one in which the strongest ``drifting`` features drift.

    values float64 [n, k] of the same customers as the design.
    """
    layout, k, p = Layout.of(design.encoder), len(lives.clock), design.matrix.shape[1]
    rows = rows[np.argsort(lives.kind[rows], kind="stable")]
    most = int(min(_MAX_ROWS_FOR_STRENGTH, max(1_000, _MAX_WORK_FOR_STRENGTH / p**2)))
    few = rows if len(rows) <= most else rows[:: len(rows) // most + 1]
    none = np.empty(0, dtype=np.int64)
    point, losses = _start(lives, few, p), []
    for strength in STRENGTHS:
        point, sums = _newton(design.matrix, none, lives, few, 1 / strength, point)
        losses.append(_leave_one_out_loss(design.matrix, lives, few, point, sums))
    ridge = 1 / STRENGTHS[int(np.argmin(losses))]
    point, _ = _newton(design.matrix, none, lives, rows, ridge, point)
    proportional = _hazard(design, layout, point, none, k, values[rows])
    if not drifting:
        return proportional, None
    sizes = [float(np.std(design.matrix[rows, span] @ point[k:][span])) for span in design.spans]
    strongest = np.sort(np.argsort(-np.array(sizes), kind="stable")[:drifting])
    late = np.concatenate([np.arange(p)[design.spans[j]] for j in strongest])
    point, _ = _newton(design.matrix, late, lives, rows, ridge, np.r_[point, np.zeros(len(late))])
    return proportional, _hazard(design, layout, point, late, k, values[rows])


def _start(lives: Lives, rows: np.ndarray, columns: int) -> np.ndarray:
    months = (lives.exposure[lives.kind[rows]] * lives.weight[rows, None]).sum()
    rate = (lives.weight[rows] * (lives.interval[rows] >= 0)).sum() / months
    return np.r_[np.full(len(lives.clock), np.log(rate / (1 - min(rate, 0.99)))), np.zeros(columns)]


def _hazard(design: Design, layout: Layout, point: np.ndarray, late: np.ndarray, k: int, values: np.ndarray) -> Hazard:
    """A point as a Hazard, its features' means moved into the level."""
    level, p = point[:k].copy(), design.matrix.shape[1]
    g = design.tables(point[k : k + p]).centred(layout, values)
    level += g.base
    if not late.size:
        return Hazard(level, Tables(0.0, g.steps, g.heights))
    weights = np.zeros(p)
    weights[late] = point[k + p :]
    return Hazard(level, Tables(0.0, g.steps, g.heights), design.tables(weights))


def _newton(
    matrix: np.ndarray, late: np.ndarray, lives: Lives, rows: np.ndarray, ridge: float, point: np.ndarray
) -> tuple[np.ndarray, _Sums]:
    """The penalised optimum by Newton's method, halving steps that go too far (the loss is convex)."""
    sums = _add_up(matrix, late, lives, rows, ridge, point)
    for _ in range(_MAX_STEPS):
        step = cho_solve(cho_factor(sums.curvature), sums.gradient)
        if float(step @ sums.gradient) < 1e-8 * (1 + abs(sums.loss)):
            break
        size = 1.0
        while True:
            ahead = _add_up(matrix, late, lives, rows, ridge, point - size * step)
            if ahead.loss <= sums.loss or size < 1e-4:
                break
            size /= 2
        point, sums = point - size * step, ahead
    return point, sums


def _add_up(
    matrix: np.ndarray, late: np.ndarray, lives: Lives, rows: np.ndarray, ridge: float, point: np.ndarray
) -> _Sums:
    """The sums over some rows; fastest where those of like tenure lie together."""
    k, p = len(lives.clock), matrix.shape[1]
    level, beta, gamma = point[:k], point[k : k + p], point[k + p :]
    loss, gradient, curvature = 0.0, np.zeros(len(point)), np.zeros((len(point), len(point)))
    b, c = slice(k, k + p), slice(k + p, len(point))
    for start in range(0, len(rows), _ROWS):
        some = rows[start : start + _ROWS]
        x, weight, interval, a = matrix[some], lives.weight[some], lives.interval[some], lives.intervals(some)
        clock, ones = lives.clock[a], np.ones(a.stop - a.start)
        logit = level[a] + (x @ beta)[:, None]
        if gamma.size:
            z = x[:, late]
            logit += (z @ gamma)[:, None] * clock
        months = lives.exposure[lives.kind[some], a] * weight[:, None]
        chance, gone = _chance(logit), np.flatnonzero(interval >= 0)
        at = (gone, interval[gone] - a.start)
        loss -= float(np.vdot(months, np.log1p(-chance)) + weight[gone] @ logit[at])
        rest = months * chance
        bend = rest - rest * chance
        rest[at] -= weight[gone]
        gradient[a] += rest.sum(axis=0)
        gradient[b] += x.T @ (rest @ ones)
        curvature[np.arange(a.start, a.stop), np.arange(a.start, a.stop)] += bend.sum(axis=0)
        curvature[a, b] += bend.T @ x
        weighted = x * np.sqrt(bend @ ones)[:, None]
        curvature[b, b] += weighted.T @ weighted  # a matrix with itself: half the work
        if gamma.size:
            gradient[c] += z.T @ (rest @ clock)
            curvature[a, c] += (bend * clock).T @ z
            curvature[b, c] += x.T @ (z * (bend @ clock)[:, None])
            curvature[c, c] += z.T @ (z * (bend @ clock**2)[:, None])
    walk = _walk(k)
    curvature[:k, :k] += walk
    curvature[np.arange(k, len(point)), np.arange(k, len(point))] += ridge
    curvature[k:, :k] = curvature[:k, k:].T
    curvature[c, b] = curvature[b, c].T
    pull = np.r_[walk @ level, ridge * point[k:]]
    return _Sums(loss + float(point @ pull) / 2, gradient + pull, curvature)


def _chance(logit: np.ndarray) -> np.ndarray:
    """Chance from log odds, never quite 1: a Newton step that goes too far must cost much, not be undefined."""
    return 1 / (1 + np.exp(-np.clip(logit, -_SURE, _SURE)))


def _walk(k: int) -> np.ndarray:
    """Precision (float64 [k, k]) of a random walk over the intervals, with a trace of a ridge so that it is solid."""
    scale = np.r_[1 / _FIRST_STEP, np.full(max(k - 2, 0), 1 / _WALK)][: k - 1]
    difference = np.diff(np.eye(k), axis=0) * scale[:, None]
    return difference.T @ difference + 1e-6 * np.eye(k)


def _leave_one_out_loss(matrix: np.ndarray, lives: Lives, rows: np.ndarray, point: np.ndarray, sums: _Sums) -> float:
    """Mean loss of each customer under the model without them, to the first order; float.

    What leaving a customer out does to their log odds is taken as one shift for all intervals: its leverage is that
    of their columns together with the level where their own months tell most.
    """
    k, total = len(lives.clock), 0.0
    factor = cho_factor(sums.curvature)
    for start in range(0, len(rows), _ROWS):
        some = rows[start : start + _ROWS]
        x, interval, a = matrix[some], lives.interval[some], lives.intervals(some)
        g, months = x @ point[k:], lives.exposure[lives.kind[some], a]
        chance, gone = _chance(point[a] + g[:, None]), np.flatnonzero(interval >= 0)
        slope = (months * chance).sum(axis=1) - (interval >= 0)
        bends = months * chance * (1 - chance)
        bend = np.maximum(bends.sum(axis=1), 1e-12)
        full = np.zeros((len(some), len(point)))
        full[:, a], full[:, k:] = bends / bend[:, None], x
        reach = np.einsum("ij,ji->i", full, cho_solve(factor, full.T)) * lives.weight[some]
        logit = point[a] + (g + reach * slope / np.maximum(1 - reach * bend, 1e-3))[:, None]
        loss = -(months * np.log1p(-_chance(logit))).sum(axis=1)
        loss[gone] -= logit[gone, interval[gone] - a.start]
        total += float((lives.weight[some] * loss).sum())
    return total / float(lives.weight[rows].sum())
