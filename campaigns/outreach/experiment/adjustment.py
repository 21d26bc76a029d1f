"""Takes out of a difference what was known of the customers beforehand: narrower, and by rules fixed before looking.

Whether to adjust is decided by counts and by how much the covariates foretell of the outcome *with the arms unseen*, so
that nobody, and no rule, can choose the answer that they like better. Covariates must be from before the assignment: a
covariate that contact can change takes the effect away with it. A good one is the score given on the day of launch.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import stats

from campaigns.outreach.experiment.refusal import ExperimentRefused
from campaigns.outreach.experiment.shares import Interval

MIN_OF_EACH = (
    20  # leavers, and stayers, of the smaller arm: below, the score interval for small counts is the right one
)
MIN_ROWS_PER_COVARIATE = 20  # of the smaller arm
MIN_EXPLAINED = 0.05  # of the outcome's variance, arms unseen; 5 % make an interval 2.5 % shorter, less is not worth it


@dataclass(frozen=True, slots=True)
class Decision:
    """used: whether the covariates are used; why: a code (adjusted, no_covariates, few_outcomes, few_customers,
    foretells_little); explained: share of the outcome's variance that they foretell (None: not looked at)."""

    used: bool
    why: str
    explained: float | None = None


def decide(left: np.ndarray, arm: np.ndarray, covariates: np.ndarray | None) -> Decision:
    """Whether to adjust; left float [n] of 0 and 1, arm int [n], covariates float [n, k]: only known outcomes.

    Of the outcomes of the arms, only their counts are looked at.
    """
    if covariates is None or covariates.shape[1] == 0:
        return Decision(False, "no_covariates")
    _, place = np.unique(arm, return_inverse=True)
    size, leavers = np.bincount(place), np.bincount(place, left)
    if len(size) < 2 or min(leavers.min(), (size - leavers).min()) < MIN_OF_EACH:
        return Decision(False, "few_outcomes")
    if size.min() < MIN_ROWS_PER_COVARIATE * covariates.shape[1]:
        return Decision(False, "few_customers")
    explained = foretold(left, covariates)
    return Decision(
        explained >= MIN_EXPLAINED, "adjusted" if explained >= MIN_EXPLAINED else "foretells_little", explained
    )


def foretold(y: np.ndarray, covariates: np.ndarray) -> float:
    """Adjusted R squared of y (float [n]) on covariates (float [n, k]), arms unseen."""
    design = _design(covariates, covariates.mean(axis=0))
    residual = y - design @ np.linalg.lstsq(design, y, rcond=None)[0]
    rank = np.linalg.matrix_rank(design)
    total = ((y - y.mean()) ** 2).sum()
    if total == 0 or len(y) <= rank:
        return 0.0
    return float(1 - (residual**2).sum() / (len(y) - rank) / (total / (len(y) - 1)))


def adjusted_difference(y: np.ndarray, treated: np.ndarray, covariates: np.ndarray, *, level: float = 0.95) -> Interval:
    """Mean of y among the treated less that of the others, had both the covariates of all customers.

    y float [n], treated bool [n], covariates float [n, k]. A regression in each arm, read at the mean of all (Lin 2013,
    "Agnostic notes on regression adjustments to experimental data", Annals of Applied Statistics 7(1)), with HC3 errors
    (MacKinnon and White 1985), the part for customers being a sample, and Student's t with Satterthwaite's freedom.
    Raises ExperimentRefused("unknown_covariate"): an unknown covariate is never filled in here.
    """
    require_known(covariates)
    centre = covariates.mean(axis=0)
    one, other = (
        _at_centre(y[treated], covariates[treated], centre),
        _at_centre(y[~treated], covariates[~treated], centre),
    )
    slopes = one.slopes - other.slopes
    spread = np.atleast_2d(np.cov(covariates, rowvar=False))
    sampled = float(slopes @ spread @ slopes) / len(y)
    variance = one.variance + other.variance + sampled
    estimate = one.level - other.level
    if variance == 0:
        return Interval(estimate, estimate, estimate, None, "adjusted")
    freedom = (one.variance + other.variance) ** 2 / (one.variance**2 / one.freedom + other.variance**2 / other.freedom)
    error = float(np.sqrt(variance))
    half = float(stats.t.isf((1 - level) / 2, freedom)) * error
    p_value = float(2 * stats.t.sf(abs(estimate) / error, freedom))
    return Interval(estimate, estimate - half, estimate + half, p_value, "adjusted")


def require_known(covariates: np.ndarray) -> None:
    """Raises ExperimentRefused("unknown_covariate") naming the first column (by place) with unknown values."""
    unknown = ~np.isfinite(covariates)
    if unknown.any():
        column = int(np.argmax(unknown.any(axis=0)))
        raise ExperimentRefused(
            "unknown_covariate",
            f"Covariate {column} is unknown for {int(unknown[:, column].sum())} customers.",
            column=column,
            rows=int(unknown[:, column].sum()),
        )


@dataclass(frozen=True, slots=True)
class _AtCentre:
    level: float
    variance: float
    slopes: np.ndarray
    freedom: float


def _design(covariates: np.ndarray, centre: np.ndarray) -> np.ndarray:
    scale = covariates.std(axis=0)
    return np.c_[np.ones(len(covariates)), (covariates - centre) / np.where(scale > 0, scale, 1.0)]


def _at_centre(y: np.ndarray, covariates: np.ndarray, centre: np.ndarray) -> _AtCentre:
    """The regression's value at the centre, with its HC3 variance."""
    scale = covariates.std(axis=0)
    scale = np.where(scale > 0, scale, 1.0)
    design = np.c_[np.ones(len(y)), (covariates - centre) / scale]
    inverse = np.linalg.pinv(design)  # [k + 1, n]; a covariate that says nothing new does no harm
    weights = inverse @ y
    residual = y - design @ weights
    leverage = np.minimum(np.einsum("ij,ji->i", design, inverse), 1 - 1e-6)
    variance = float(((inverse[0] * residual / (1 - leverage)) ** 2).sum())
    freedom = max(len(y) - np.linalg.matrix_rank(design), 1)
    return _AtCentre(float(weights[0]), variance, weights[1:] / scale, float(freedom))
