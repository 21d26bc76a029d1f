"""Differences of two means (money, mostly nought with a long tail) with intervals that a small holdout does not spoil.

Welch's interval knows a small holdout's spread from that holdout alone. Where one customer in ten leaves, a holdout of 50
often holds no dear leaver, and the interval is too short: measured, 87 % of the time it held the truth, for log-normal
money with sigma 1.5 88 % (docs/measuring.md). A pooled spread borrows from the large group, and its quantiles are bent for
skewness (Cornish and Fisher 1938), but it is wrong where contact itself changes the spread. So both are taken, always,
and the wider end counts on either side: at least 95 % in every case that we measured, for 0 to 40 % more width.
"""

from __future__ import annotations

import numpy as np
from scipy import stats

from campaigns.outreach.experiment.refusal import ExperimentRefused
from campaigns.outreach.experiment.shares import Interval

_BENT = 2.0  # skewness of the difference beyond which the expansion is no longer monotone, and is left out


def mean_difference(y1: np.ndarray, y0: np.ndarray, *, level: float = 0.95) -> Interval | None:
    """Mean of y1 (float [n1]) less mean of y0 (float [n0]); None with fewer than two customers on either side.

    Raises ExperimentRefused("not_a_number") for values that are unknown: the caller decides who is left out.
    """
    y1, y0 = np.asarray(y1, dtype=np.float64), np.asarray(y0, dtype=np.float64)
    if not (np.isfinite(y1).all() and np.isfinite(y0).all()):
        raise ExperimentRefused("not_a_number", "Means are of known values.", field="values", value="nan")
    if len(y1) < 2 or len(y0) < 2:
        return None
    estimate = float(y1.mean() - y0.mean())
    ends = np.array([_welch(y1, y0, level), _pooled(y1, y0, level)])
    return Interval(
        estimate, estimate + float(ends[:, 0].min()), estimate + float(ends[:, 1].max()), None, "wider_mean"
    )


def cuped(y: np.ndarray, covariates: np.ndarray) -> np.ndarray:
    """y (float [n]) less what covariates (float [n, k], from before the assignment) foretell of it; same mean.

    Deng, Xu, Kohavi and Walker (2013), "Improving the sensitivity of online controlled experiments by utilizing
    pre-experiment data", WSDM. The slope is learned on all arms together, so it cannot favour one.
    """
    centred = covariates - covariates.mean(axis=0)
    slope = np.linalg.lstsq(centred, y - y.mean(), rcond=None)[0]
    return y - centred @ slope


def _welch(y1: np.ndarray, y0: np.ndarray, level: float) -> tuple[float, float]:
    a, b = y1.var(ddof=1) / len(y1), y0.var(ddof=1) / len(y0)
    if a + b == 0:
        return 0.0, 0.0
    freedom = (a + b) ** 2 / (a * a / (len(y1) - 1) + b * b / (len(y0) - 1))
    half = float(stats.t.isf((1 - level) / 2, freedom) * np.sqrt(a + b))
    return -half, half


def _pooled(y1: np.ndarray, y0: np.ndarray, level: float) -> tuple[float, float]:
    """Ends around the estimate, from the spread, skewness and kurtosis of both groups together."""
    n1, n0 = len(y1), len(y0)
    residual = np.r_[y1 - y1.mean(), y0 - y0.mean()]
    freedom = n1 + n0 - 2
    variance = float((residual**2).sum() / freedom)
    if variance == 0:
        return 0.0, 0.0
    error = np.sqrt(variance * (1 / n1 + 1 / n0))
    skewness = (residual**3).mean() * (1 / n1**2 - 1 / n0**2) / error**3
    excess = ((residual**4).mean() - 3 * variance**2) * (1 / n1**3 + 1 / n0**3) / error**4
    z = float(stats.t.isf((1 - level) / 2, freedom))
    low, high = -z, z
    if abs(skewness) < _BENT:
        low, high = _bent(-z, skewness, excess), _bent(z, skewness, excess)
    return -high * error, -low * error


def _bent(z: float, skewness: float, excess: float) -> float:
    return z + skewness / 6 * (z * z - 1) + excess / 24 * (z**3 - 3 * z) - skewness**2 / 36 * (2 * z**3 - 5 * z)
