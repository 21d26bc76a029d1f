"""Draws what the customers would look like without clusters: the same columns, spread and correlation, one body.

The reference is a Gaussian copula (Nelsen 2006, "An introduction to copulas") with the covariance of the data and, for
margins, the data's own made unimodal: valleys between two large modes are filled (the nearest unimodal histogram, by
isotonic regression), while single values that many share, such as nought, and the outer 5 % stay as they are. A uniform
or Gaussian reference (Tibshirani, Walther, Hastie 2001, "Estimating the number of clusters via the gap statistic") has
none of these, and calls skewed, discrete or half-empty columns clusters.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr
from sklearn.isotonic import isotonic_regression

_ATOM = 0.02  # a value that this share of customers has is one of its own
_TAIL = 0.025
_BINS = 40
_DRAWN = 4_000  # values on which the covariance is matched
_ROUNDS = 8


@dataclass(frozen=True, slots=True, eq=False)
class Reference:
    """margins float64 [m, q], each ascending; root float64 [q, q]: the copula's correlation is root @ root.T."""

    margins: np.ndarray
    root: np.ndarray

    @classmethod
    def of(cls, sample: np.ndarray, seed: int) -> Reference:
        """The reference of customers (float [m, q], m >= 2, no column constant)."""
        sample = np.asarray(sample, dtype=np.float64)
        margins = np.stack([_one_body(np.sort(column)) for column in sample.T], axis=1)
        return cls(margins, _match(margins, np.atleast_2d(np.corrcoef(sample, rowvar=False)), seed))

    def draw(self, rows: int, rng: np.random.Generator) -> np.ndarray:
        """Customers without clusters, float32 [rows, q]."""
        normal = rng.standard_normal((rows, len(self.root))) @ self.root.T
        return _to_margins(self.margins, normal).astype(np.float32)


def _match(margins: np.ndarray, wanted: np.ndarray, seed: int) -> np.ndarray:
    """A root of the normal correlation that gives the margins the wanted one (NORTA: Cario and Nelson 1997)."""
    rng = np.random.default_rng(seed)
    normal = rng.standard_normal((_DRAWN, len(wanted)))
    aim, root = wanted.copy(), _root(wanted)
    for _ in range(_ROUNDS):
        reached = np.corrcoef(_to_margins(margins, normal @ root.T), rowvar=False)
        aim = np.clip(aim + np.nan_to_num(wanted - np.atleast_2d(reached)), -0.999, 0.999)
        np.fill_diagonal(aim, 1.0)
        root = _root(aim)
    return root


def _root(correlation: np.ndarray) -> np.ndarray:
    """A square root of the nearest correlation matrix that has one."""
    values, vectors = np.linalg.eigh(correlation)
    root = vectors * np.sqrt(np.maximum(values, 0))
    return root / np.maximum(np.sqrt((root**2).sum(axis=1, keepdims=True)), 1e-12)


def _to_margins(margins: np.ndarray, normal: np.ndarray) -> np.ndarray:
    places = (ndtr(normal) * len(margins)).astype(np.int64)
    return np.take_along_axis(margins, np.minimum(places, len(margins) - 1), axis=0)


def _one_body(values: np.ndarray) -> np.ndarray:
    """Values (float64 [m], ascending) with one mode in the middle of those that hardly anybody shares."""
    _distinct, counts = np.unique(values, return_counts=True)
    is_atom = np.repeat(counts > max(_ATOM * len(values), 1), counts)
    loose = values[~is_atom]
    if len(loose) < max(50, 0.2 * len(values)):
        return values
    outer = int(np.ceil(_TAIL * len(loose)))
    middle = loose[outer : len(loose) - outer]
    filled = _unimodal(middle)
    return np.sort(np.concatenate((values[is_atom], loose[:outer], filled, loose[len(loose) - outer :])))


def _unimodal(middle: np.ndarray) -> np.ndarray:
    """As many values (float64 [m], ascending) of the nearest unimodal histogram; discrete ones stay on their grid."""
    bins = int(np.clip(len(middle) // 10, 5, _BINS))
    counts, edges = np.histogram(middle, bins)
    best, least = counts.astype(np.float64), np.inf
    for mode in range(bins):
        up = isotonic_regression(counts[: mode + 1].astype(np.float64))
        down = isotonic_regression(counts[mode:].astype(np.float64), increasing=False)
        fitted = np.concatenate((up[:-1], [max(up[-1], down[0])], down[1:]))
        error = float(((fitted - counts) ** 2).sum())
        if error < least:
            best, least = fitted, error
    share = np.concatenate(([0.0], np.cumsum(best))) / best.sum()
    drawn = np.interp((np.arange(len(middle)) + 0.5) / len(middle), share, edges)
    grid = np.unique(middle)
    if len(grid) > len(middle) / 2:
        return drawn
    nearest = np.searchsorted((grid[1:] + grid[:-1]) / 2, drawn)
    return grid[nearest]
