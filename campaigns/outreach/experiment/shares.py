"""Differences of two shares of leavers with intervals that are right for small counts: two methods, and the one we use.

Miettinen and Nurminen (1985, "Comparative analysis of two rates", Statistics in Medicine 4) ask which differences the
counts do not contradict. Newcombe (1998, "Interval estimation for the difference between independent proportions",
Statistics in Medicine 17, method 10) puts two Wilson intervals together. Chosen by exact coverage, over the grid told
in docs/measuring.md: Miettinen-Nurminen, which also comes with a test that always agrees with it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq
from scipy.special import ndtr, ndtri

_HALVINGS = 50


@dataclass(frozen=True, slots=True)
class Interval:
    """A figure with its interval. method: the code of how it was made; p_value: two-sided, that the figure is 0, by the
    test that agrees with the interval (None where there is none)."""

    estimate: float
    low: float
    high: float
    p_value: float | None
    method: str

    def times(self, factor: float) -> Interval:
        """The same of another unit; a factor below 0 changes the ends' places."""
        ends = sorted((self.low * factor, self.high * factor))
        return Interval(self.estimate * factor, ends[0], ends[1], self.p_value, self.method)

    def plus(self, shift: float) -> Interval:
        """The same moved by a known amount. The p_value was of the figure before, and is dropped."""
        return Interval(self.estimate + shift, self.low + shift, self.high + shift, None, self.method)


def share_difference(left1: int, n1: int, left0: int, n0: int, *, level: float = 0.95) -> Interval:
    """Share of leavers in group 1 less that in group 0, with Miettinen and Nurminen's interval and test.

    Counts; both groups need at least one customer (ValueError). Below 0: contact kept customers.
    """
    _counts(left1, n1, left0, n0)
    z = float(-ndtri((1 - level) / 2))
    difference = left1 / n1 - left0 / n0

    def end(side: float) -> float:
        def beyond(at: float) -> float:
            return min(abs(float(_score(left1, n1, left0, n0, at))), 1e6) - z

        return side if beyond(side) <= 0 else float(brentq(beyond, difference, side, xtol=1e-12))

    p_value = 2 * ndtr(-abs(float(_score(left1, n1, left0, n0, 0.0))))
    return Interval(difference, end(-1.0), end(1.0), float(p_value), "miettinen_nurminen")


def miettinen_nurminen(left1, n1, left0, n0, *, level: float = 0.95) -> tuple[np.ndarray, np.ndarray]:
    """Both ends of the score interval, float64 each of the arguments' common shape: for many tables at once."""
    left1, n1, left0, n0 = _counts(left1, n1, left0, n0)
    z = -ndtri((1 - level) / 2)
    difference = left1 / n1 - left0 / n0
    return (
        _end(left1, n1, left0, n0, z, difference, np.full(difference.shape, -1.0)),
        _end(left1, n1, left0, n0, -z, difference, np.full(difference.shape, 1.0)),
    )


def newcombe(left1, n1, left0, n0, *, level: float = 0.95) -> tuple[np.ndarray, np.ndarray]:
    """Both ends of Newcombe's hybrid score interval, float64 each of the arguments' common shape."""
    left1, n1, left0, n0 = _counts(left1, n1, left0, n0)
    low1, high1 = wilson(left1, n1, level=level)
    low0, high0 = wilson(left0, n0, level=level)
    share1, share0 = left1 / n1, left0 / n0
    difference = share1 - share0
    return (
        difference - np.sqrt((share1 - low1) ** 2 + (high0 - share0) ** 2),
        difference + np.sqrt((high1 - share1) ** 2 + (share0 - low0) ** 2),
    )


def wilson(left, n, *, level: float = 0.95) -> tuple[np.ndarray, np.ndarray]:
    """Both ends of Wilson's (1927) score interval of one share."""
    z = -ndtri((1 - level) / 2)
    left, n = np.asarray(left, dtype=np.float64), np.asarray(n, dtype=np.float64)
    middle = (left + z * z / 2) / (n + z * z)
    half = z / (n + z * z) * np.sqrt(left * (n - left) / n + z * z / 4)
    return np.maximum(middle - half, 0.0), np.minimum(middle + half, 1.0)


def _counts(*counts) -> tuple[np.ndarray, ...]:
    left1, n1, left0, n0 = np.broadcast_arrays(*(np.asarray(c, dtype=np.float64) for c in counts))
    if (n1 < 1).any() or (n0 < 1).any() or (left1 < 0).any() or (left0 < 0).any():
        raise ValueError("each group needs at least one customer")
    if (left1 > n1).any() or (left0 > n0).any():
        raise ValueError("more left than there were")
    return left1, n1, left0, n0


def _end(left1, n1, left0, n0, z, inside, outside) -> np.ndarray:
    """The difference between ``inside`` and ``outside`` at which the score reaches z: by halving, all at once."""
    for _ in range(_HALVINGS):
        middle = (inside + outside) / 2
        beyond = np.abs(_score(left1, n1, left0, n0, middle)) > abs(z)
        inside, outside = np.where(beyond, inside, middle), np.where(beyond, middle, outside)
    return inside


def _score(left1, n1, left0, n0, difference) -> np.ndarray:
    """How many standard errors the counts lie from a difference; the shares fitted under it (cubic, closed form)."""
    left1, n1, left0, n0 = (np.asarray(c, dtype=np.float64) for c in (left1, n1, left0, n0))
    n, left = n1 + n0, left1 + left0
    d = np.clip(np.asarray(difference, dtype=np.float64), -1 + 1e-12, 1 - 1e-12)
    square = (n1 + 2 * n0) * d - n - left
    linear = (n0 * d - n - 2 * left0) * d + left
    constant = left0 * d * (1 - d)
    v = square**3 / (3 * n) ** 3 - square * linear / (6 * n**2) + constant / (2 * n)
    u = np.where(v < 0, -1.0, 1.0) * np.sqrt(np.maximum(square**2 / (3 * n) ** 2 - linear / (3 * n), 0))
    ratio = np.divide(v, u**3, out=np.zeros_like(v), where=np.abs(u) > 1e-12)
    fitted0 = 2 * u * np.cos((np.pi + np.arccos(np.clip(ratio, -1, 1))) / 3) - square / (3 * n)
    fitted0 = np.clip(fitted0, np.maximum(0, -d), np.minimum(1, 1 - d))
    fitted1 = np.clip(fitted0 + d, 0, 1)
    variance = (fitted1 * (1 - fitted1) / n1 + fitted0 * (1 - fitted0) / n0) * n / np.maximum(n - 1, 1)
    apart = left1 / n1 - left0 / n0 - d
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(np.abs(apart) < 1e-12, 0.0, apart / np.sqrt(variance))
