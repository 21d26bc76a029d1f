"""Weighs candidates by their out-of-fold log odds, and decides between the additive blend and the free one.

A blend's log odds are the base rate's, plus a weighted sum of each member's distance from it, weights not
negative (Breiman 1996, "Stacked regressions"). There is no intercept: the weights shrink or stretch, which
calibrates, and where the members know nothing they go to nought and leave the base rate. Log odds, never
probabilities: a sigmoid fitted on probabilities was measured to make the log loss worse.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit

from predictions.learning.evaluation import losses

_SMALL = 0.03  # a member with less weight than this is left out: it costs time and tells little
TIE_SHARE = 0.005  # a log loss worse by less than this share of itself makes no practical difference


@dataclass(frozen=True, slots=True)
class Blend:
    """members: names; weights float64 [folds + 1, members]: for each fold from the other folds' rows, then from
    all; logit float64 [n]: out of fold, by the fold's own weights; loss float64 [n]."""

    members: tuple[str, ...]
    weights: np.ndarray
    logit: np.ndarray
    loss: np.ndarray


@dataclass(frozen=True, slots=True)
class Verdict:
    """Is the additive blend as good as the free one? difference: of mean log loss, additive minus free."""

    additive_serves: bool
    difference: float
    error: float
    tolerance: float


def weigh(logits: dict[str, np.ndarray], label: np.ndarray, fold: np.ndarray, base: np.ndarray) -> Blend:
    """Blend candidates. logits: name -> out-of-fold log odds float64 [n]; label float64 [n]; fold int [n];
    base float64 [folds + 1]: the log odds of the base rate that each fold's models learned from, and of all."""
    names = list(logits)
    start = base[fold]
    apart = np.column_stack([logits[name] - start for name in names])
    whole = _weights(apart, label, start)
    if whole.sum() > 0:
        kept = whole >= _SMALL * whole.sum()
        names, apart = [name for name, keep in zip(names, kept, strict=True) if keep], apart[:, kept]
    weights = np.empty((len(base), len(names)))
    logit = np.empty(len(label))
    for number in range(len(base) - 1):
        held = fold == number
        weights[number] = _weights(apart[~held], label[~held], start[~held])
        logit[held] = start[held] + apart[held] @ weights[number]
    weights[-1] = _weights(apart, label, start)
    return Blend(tuple(names), weights, logit, losses(label, logit))


def judge(additive: Blend, free: Blend) -> Verdict:
    """The one-standard-error rule (Breiman et al. 1984, 3.4.3), on paired losses, towards the additive blend."""
    gap = additive.loss - free.loss
    difference, error = float(gap.mean()), float(gap.std(ddof=1) / np.sqrt(len(gap)))
    tolerance = max(error, TIE_SHARE * float(free.loss.mean()))
    return Verdict(difference <= tolerance, difference, error, tolerance)


def _weights(apart: np.ndarray, label: np.ndarray, start: np.ndarray) -> np.ndarray:
    def objective(weights: np.ndarray) -> tuple[float, np.ndarray]:
        margin = start + apart @ weights
        return float(losses(label, margin).mean()), apart.T @ (expit(margin) - label) / len(label)

    members = apart.shape[1]
    found = minimize(
        objective,
        np.full(members, 1 / members),
        jac=True,
        method="L-BFGS-B",
        bounds=[(0, None)] * members,
        options={"ftol": 1e-10, "gtol": 1e-7, "maxiter": 500},
    )
    return np.maximum(found.x, 0.0)
