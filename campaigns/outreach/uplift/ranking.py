"""How well an order of customers finds those whom contact keeps: Qini curve, its area, uplift at the top, with intervals.

Nobody is seen both contacted and left alone, so each customer gets a score of benefit that is right on average, whatever
the models in it: the doubly robust score, with the chance of being contacted known from the lots. The curve adds the scores
up along the order; its area above that of a random order is the Qini coefficient (Radcliffe 2007, "Using control groups
to target on predicted lift"), as the rank-weighted average treatment effect of Yadlowsky, Fleming, Shah, Brunskill and
Wager (2025, "Evaluating treatment prioritization rules via rank-weighted average treatment effects", JASA 120), and so are
its bootstrap intervals.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

POINTS = 101
SHARES = (0.1, 0.2, 0.3)
BOOTSTRAPS = 400
_CELLS = 4_000_000  # of bootstrap weights held at a time


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure with its 95 % interval."""

    estimate: float
    low: float
    high: float


@dataclass(frozen=True, slots=True, eq=False)
class Ranking:
    """How an order did on customers that the models had not seen.

    qini   kept customers for each customer of the base, mean over all depths, beyond a random order's
    qini_error   its standard error; draws float64 [b]: its bootstrap values, for paired differences
    share, gain  float64 [m]: the curve: kept customers for each of the base, if so large a top share is contacted
    low, high    float64 [m]: its pointwise 95 % interval
    at     top share -> fall in the share of leavers that contact brings there
    """

    qini: Figure
    qini_error: float
    share: np.ndarray
    gain: np.ndarray
    low: np.ndarray
    high: np.ndarray
    at: dict[float, Figure]
    draws: np.ndarray


def benefit_scores(
    left: np.ndarray, treated: np.ndarray, propensity: np.ndarray, if_treated: np.ndarray, if_alone: np.ndarray
) -> np.ndarray:
    """Doubly robust score of contact's benefit (fall in the chance of leaving), float64 [n]; its mean over any group
    chosen without looking at these outcomes is that group's effect.

    left float [n] of 0 and 1, treated bool [n], propensity float [n]: chance of contact by lot; if_treated and if_alone
    float [n]: chances of leaving by models that had not seen the customer (Robins, Rotnitzky and Zhao 1994).
    """
    expected = if_alone - if_treated
    surprise = np.where(treated, (left - if_treated) / propensity, -(left - if_alone) / (1 - propensity))
    return expected - surprise


def rank(benefit: np.ndarray, score: np.ndarray, seed: int, *, bootstraps: int = BOOTSTRAPS) -> Ranking:
    """Judge an order: score float [n], the highest contacted first; benefit float [n] from ``benefit_scores``.

    Equal scores share their places (each gets the mean benefit of its equals), so that an order that says nothing
    earns nothing. The draws depend on n and the seed only: orders of the same customers may be compared pair by pair.
    """
    benefit = np.asarray(benefit, dtype=np.float64)
    order = np.argsort(-np.asarray(score, dtype=np.float64), kind="stable")
    ties = np.r_[0, np.cumsum(np.diff(np.asarray(score, dtype=np.float64)[order]) != 0)].astype(np.int64)
    n = len(order)
    grid = np.linspace(0, 1, POINTS)
    qini, curve = _curve(np.ones((1, n)), benefit, order, ties, grid)
    draws, curves = [], []
    rng = np.random.default_rng(seed)
    step = max(1, _CELLS // max(n, 1))
    for begin in range(0, bootstraps, step):
        weights = rng.poisson(1.0, (min(step, bootstraps - begin), n)).astype(np.float64)
        some, lines = _curve(weights, benefit, order, ties, grid)
        draws.append(some)
        curves.append(lines)
    drawn, lines = np.concatenate(draws), np.concatenate(curves)
    low, high = np.quantile(lines, (0.025, 0.975), axis=0)
    at = {}
    for share in SHARES:
        place = round(share * (POINTS - 1))
        at[share] = Figure(curve[0, place] / share, *(np.quantile(lines[:, place], (0.025, 0.975)) / share).tolist())
    return Ranking(
        qini=Figure(float(qini[0]), *np.quantile(drawn, (0.025, 0.975)).tolist()),
        qini_error=float(drawn.std(ddof=1)),
        share=grid,
        gain=curve[0],
        low=low,
        high=high,
        at=at,
        draws=drawn,
    )


def _curve(
    weights: np.ndarray, benefit: np.ndarray, order: np.ndarray, ties: np.ndarray, grid: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Qini float64 [b] and curves float64 [b, m] for each row of weights (float64 [b, n], in the customers' order)."""
    sizes = np.diff(np.r_[0, np.flatnonzero(np.diff(ties)) + 1, len(ties)])
    starts = np.r_[0, np.cumsum(sizes)[:-1]]
    sorted_weights = weights[:, order]
    weight = np.add.reduceat(sorted_weights, starts, axis=1)
    gained = np.add.reduceat(sorted_weights * benefit[order], starts, axis=1)
    total = weight.sum(axis=1, keepdims=True)
    share = np.c_[np.zeros(len(weights)), np.cumsum(weight, axis=1) / total]
    gain = np.c_[np.zeros(len(weights)), np.cumsum(gained, axis=1) / total]
    area = ((gain[:, 1:] + gain[:, :-1]) * np.diff(share, axis=1)).sum(axis=1) / 2
    lines = np.stack([np.interp(grid, s, g) for s, g in zip(share, gain, strict=True)])
    return area - gain[:, -1] / 2, lines


def difference(one: Ranking, other: Ranking) -> Figure:
    """By how much the first order's Qini is higher, customer by customer the same."""
    draws = one.draws - other.draws
    return Figure(one.qini.estimate - other.qini.estimate, *np.quantile(draws, (0.025, 0.975)).tolist())
