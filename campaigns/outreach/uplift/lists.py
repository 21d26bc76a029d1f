"""Draws the two lists, whom to write to and whom to leave alone, and says what is known of each list as a whole.

A predicted benefit is nobody's promise. So a straight line is laid through the benefit scores along the predictions
(Chernozhukov, Demirer, Duflo and Fernandez-Val 2018, "Generic machine learning inference on heterogeneous treatment effects",
best linear predictor): a customer is persuadable where even the lower end of that line's 95 % band says that customers of such a
prediction gain from contact, and not to be disturbed where even its upper end says that they lose. Each list then has
its own measured effect, by the experiments' outcomes and without the line; without proof there it is no list.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import stats

from campaigns.outreach.uplift.ranking import Figure

PERSUADABLE, DO_NOT_DISTURB, NEITHER = "persuadable", "do_not_disturb", "neither"
MIN_OF_EACH_ARM = 50  # contacted, and held out, of a list: with fewer nothing is claimed of it
_GRID = 1000
_Z = float(stats.norm.isf(0.025))


@dataclass(frozen=True, slots=True)
class CustomerList:
    """kind; threshold: predicted benefit from which on (or up to which) a customer is on it; share: of the customers of the
    experiments; rows, held_out: how many of them; effect: fall in the share of leavers that contact brought them, out
    of fold; proven: whether its 95 % interval is above nought (below, for do_not_disturb)."""

    kind: str
    threshold: float
    share: float
    rows: int
    held_out: int
    effect: Figure
    proven: bool


@dataclass(frozen=True, slots=True)
class Line:
    """Benefit along the prediction: mean + slope * (prediction - centre), and the covariance of mean and slope."""

    centre: float
    mean: float
    slope: float
    mean_variance: float
    slope_variance: float
    covariance: float

    def band(self, prediction: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Both ends of the 95 % band at predictions float64 [m]."""
        away = prediction - self.centre
        middle = self.mean + self.slope * away
        variance = self.mean_variance + 2 * away * self.covariance + away**2 * self.slope_variance
        half = _Z * np.sqrt(np.maximum(variance, 0))
        return middle - half, middle + half


def lay_line(prediction: np.ndarray, benefit: np.ndarray) -> Line:
    """The line through benefit scores (float64 [n]) along out-of-fold predictions (float64 [n]); robust errors (HC1)."""
    centre = float(prediction.mean())
    away = prediction - centre
    spread = float((away**2).sum())
    n = len(prediction)
    mean = float(benefit.mean())
    if spread <= 1e-12 * n:  # the same prediction for all: there is a mean, and no slope
        return Line(centre, mean, 0.0, float(benefit.var(ddof=1) / n), 0.0, 0.0)
    slope = float((away * benefit).sum() / spread)
    residual2 = (benefit - mean - slope * away) ** 2 * (n / (n - 2))
    return Line(
        centre,
        mean,
        slope,
        float(residual2.sum() / n**2),
        float((away**2 * residual2).sum() / spread**2),
        float((away * residual2).sum() / (n * spread)),
    )


def draw_lists(
    prediction: np.ndarray, benefit: np.ndarray, treated: np.ndarray, *, worth: float = 0.0
) -> tuple[CustomerList | None, CustomerList | None]:
    """The persuadable and the ones not to disturb; None where the line's band draws none.

    prediction float64 [n], out of fold; benefit float64 [n] scores; treated bool [n]; worth: the fall in the chance of
    leaving that a contact must bring to pay (0: any).
    """
    line = lay_line(prediction, benefit)
    grid = np.unique(np.quantile(prediction, np.linspace(0, 1, _GRID)))
    low, high = line.band(grid)
    gains, loses = low > worth, high < 0
    upper = len(grid) - int(np.argmin(gains[::-1])) if not gains.all() else 0  # from here on all gain
    lower = int(np.argmin(loses)) if not loses.all() else len(grid)  # up to here all lose
    persuadable = disturbed = None
    if upper < len(grid):
        persuadable = _judge(PERSUADABLE, float(grid[upper]), prediction >= grid[upper], benefit, treated)
    if lower > 0:
        disturbed = _judge(DO_NOT_DISTURB, float(grid[lower - 1]), prediction <= grid[lower - 1], benefit, treated)
    return persuadable, disturbed


def _judge(kind: str, threshold: float, inside: np.ndarray, benefit: np.ndarray, treated: np.ndarray) -> CustomerList:
    effect = mean_of(benefit[inside])
    rows, held_out = int(inside.sum()), int((inside & ~treated).sum())
    enough = min(held_out, rows - held_out) >= MIN_OF_EACH_ARM
    proven = effect.low > 0 if kind == PERSUADABLE else effect.high < 0
    return CustomerList(kind, threshold, rows / len(inside), rows, held_out, effect, bool(enough and proven))


def mean_of(benefit: np.ndarray) -> Figure:
    """Mean of benefit scores with its 95 % interval; unlimited with fewer than two."""
    if len(benefit) < 2:
        return Figure(float(benefit.mean()) if len(benefit) else float("nan"), float("-inf"), float("inf"))
    half = _Z * float(benefit.std(ddof=1)) / np.sqrt(len(benefit))
    return Figure(float(benefit.mean()), float(benefit.mean() - half), float(benefit.mean() + half))
