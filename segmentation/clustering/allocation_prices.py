"""The prices of budget, customers and stock at which everyone's own best offer is the best allocation, and its upper bound.

The allocation is a multiple-choice knapsack with a few linking limits. For prices y >= 0 of the limits,

    D(y) = rooms . y + sum over customers of max(0, max over offers of profit - y . use)

is never below the profit of any allocation, and its least value is that of the linear relaxation, where at most as many
customers as there are limits are split (Kellerer, Pferschy and Pisinger 2004, "Knapsack Problems", chapter 11). D is convex
and bends only where a customer changes their mind. So within a box around given prices only the customers who may change
theirs in it are put into a linear program (HiGHS), which finds the exact least D of the box; if that lies inside, it is
the least of all, else the box moves there. An eighth of the customers finds where to begin.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from scipy.optimize import linprog
from scipy.sparse import csr_array, hstack

from segmentation.clustering.allocation_terms import thousandths

PAIRS = 15_000  # of customer and offer in one linear program: half a second
STRIDE = 8  # one customer of so many finds the first prices
BLOCK = 32_768  # customers at a time: a block of ten offers stays in the processor's cache
ROUNDS = 20
JITTER = 2e-5
SPLIT = -2  # a customer to whom the relaxation gives parts of offers


@dataclass(frozen=True, slots=True)
class Problem:
    """profit float64 [m, n]: money, -inf where the pair is out of the question; cost float64 [m, n]: money; rooms float64
    [2 + m]: the budget, how many customers, how many of each offer, inf unlimited. Customers in the order of their keys."""

    profit: np.ndarray
    cost: np.ndarray
    rooms: np.ndarray

    @property
    def size(self) -> int:
        return self.profit.shape[1]

    def with_budget(self, budget: float) -> Problem:
        return replace(self, rooms=np.r_[budget, self.rooms[1:]])

    def used(self, choice: np.ndarray) -> np.ndarray:
        """float64 [2 + m]: how much of each limit these choices (int [n], below 0 none) take; the budget in thousandths."""
        rows = np.flatnonzero(choice >= 0)
        counts = np.bincount(choice[rows], minlength=len(self.profit))
        return np.r_[thousandths(self.cost[choice[rows], rows]).sum(), len(rows), counts].astype(np.float64)

    def left(self, choice: np.ndarray) -> np.ndarray:
        """float64 [2 + m]: how much of each limit is left, the budget in thousandths; inf unlimited, below 0 exceeded."""
        return np.r_[np.round(self.rooms[0] * 1000), self.rooms[1:]] - self.used(choice)

    def earned(self, choice: np.ndarray) -> float:
        rows = np.flatnonzero(choice >= 0)
        return float(self.profit[choice[rows], rows].sum())


@dataclass(frozen=True, slots=True)
class Survey:
    """What customers choose at given prices. choice int16 [n], -1 none; best float64 [n]: money, after prices, of it;
    lead float64 [n]: money by which it beats the next (none counts as one); bound: D, money."""

    choice: np.ndarray
    best: np.ndarray
    lead: np.ndarray
    bound: float


@dataclass(frozen=True, slots=True)
class Priced:
    """The relaxation's solution. prices float64 [2 + m]; bound: money; exact: whether no prices give a lower bound;
    choice int16 [n]: -1 none, SPLIT in parts; rows, offers, parts [s]: those parts."""

    prices: np.ndarray
    bound: float
    exact: bool
    choice: np.ndarray
    rows: np.ndarray
    offers: np.ndarray
    parts: np.ndarray


def price(problem: Problem, start: np.ndarray | None = None) -> Priced:
    """The prices of the least upper bound. start float64 [2 + m]: prices to begin at, those of a budget close by.

    Where thousands of customers are alike, all of them change their mind at one price: then profits are first moved apart
    by at most JITTER of themselves. The bound stays one, since it is taken with the true profits at whatever prices.
    """
    found = _price(problem, start)
    if found.exact:
        return found
    apart = replace(problem, profit=problem.profit * _jitter(problem))
    again = _price(apart, None)
    bound = survey(problem, again.prices).bound
    return replace(again, bound=bound, exact=False) if bound < found.bound or again.exact else found


def _price(problem: Problem, start: np.ndarray | None) -> Priced:
    nothing = np.zeros(len(problem.rooms))
    free = survey(problem, nothing)
    if (problem.left(free.choice) >= 0).all():
        return _whole(nothing, free, exact=True)
    if np.isfinite(problem.profit).sum() <= PAIRS:
        return _refine(problem, nothing, np.where(np.isfinite(problem.rooms), np.inf, 0))
    if start is None:
        part = Problem(problem.profit[:, ::STRIDE], problem.cost[:, ::STRIDE], problem.rooms / STRIDE)
        start = _price(part, None).prices
    return _refine(problem, start, None)


def survey(problem: Problem, prices: np.ndarray) -> Survey:
    """What every customer chooses at these prices float64 [2 + m]; of equal offers the earlier one."""
    n = problem.size
    choice, best, second = np.full(n, -1, dtype=np.int16), np.zeros(n), np.full(n, -np.inf)
    for block in _blocks(n):
        top, next_best, chosen = best[block], second[block], choice[block]
        for j, (profit, cost) in enumerate(zip(problem.profit[:, block], problem.cost[:, block], strict=True)):
            worth = profit - (prices[0] * cost + (prices[1] + prices[2 + j]))
            np.maximum(next_best, np.minimum(worth, top), out=next_best)
            chosen[worth > top] = j
            np.maximum(top, worth, out=top)
    limited = np.isfinite(problem.rooms)
    return Survey(choice, best, best - second, float(best.sum() + prices[limited] @ problem.rooms[limited]))


def links(problem: Problem, rows: np.ndarray, offers: np.ndarray) -> tuple[csr_array, csr_array]:
    """Of pairs [k] (rows ascending), as sparse tables: one offer for each customer [customers, k], use of limits [2 + m, k]."""
    k = np.arange(len(rows))
    customer = np.cumsum(np.r_[0, np.diff(rows) != 0])[: len(rows)]
    each = csr_array((np.ones(len(rows)), (customer, k)), shape=(customer[-1] + 1 if len(rows) else 0, len(rows)))
    use = np.r_[problem.cost[offers, rows], np.ones(2 * len(rows))]
    which = np.r_[np.zeros(len(rows), int), np.ones(len(rows), int), 2 + offers]
    return each, csr_array((use, (which, np.tile(k, 3))), shape=(len(problem.rooms), len(rows)))


def _refine(problem: Problem, prices: np.ndarray, reach: np.ndarray | None) -> Priced:
    """Move the box until the least bound lies inside it. reach float64 [2 + m]: how far it reaches from the prices, None as
    far as a program of PAIRS allows; inf: no box. Inexact where ties leave no box, or it does not come to rest."""
    boundless, slack = reach is not None, np.isfinite(problem.rooms)
    pace = np.ones(len(prices))
    for _ in range(ROUNDS):
        if not boundless:
            # A limit that is far from full at a price of nought is left out until it is exceeded.
            spare = problem.left(survey(problem, prices).choice) / np.r_[1000, np.ones(len(prices) - 1)]
            slack &= (prices <= 0) & (spare > 0.1 * problem.rooms)
            reach = _reach(problem, prices, np.where(np.isfinite(problem.rooms) & ~slack, pace, 0))
            if reach is None:
                break
        low, high = np.maximum(prices - reach, 0), prices + reach
        choice, rows, offers = _open(problem, low, high)
        solved = _relax(problem, choice, rows, offers, low, high)
        if solved is None:
            break
        prices, parts, exceeded = solved
        if not exceeded.any():
            whole = parts > 1 - 1e-7
            choice[rows[whole]] = offers[whole]
            split = (parts > 1e-7) & ~whole
            choice[rows[split]] = SPLIT
            bound = survey(problem, prices).bound
            return Priced(prices, bound, True, choice, rows[split], offers[split], parts[split])
        slack &= ~exceeded
        pace *= np.where(exceeded, 4, 0.5)  # a stock of a few is sold at a price far from the others'
    return _whole(prices, survey(problem, prices), exact=False)


def _relax(
    problem: Problem, choice: np.ndarray, rows: np.ndarray, offers: np.ndarray, low: np.ndarray, high: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray] | None:
    """The least bound within low..high, while the others keep their choice: its prices [2 + m], the parts [k] of the open
    pairs, and which limits [2 + m] are kept only at a price outside. The linear program has soft limits, at the box's prices."""
    limited, k = np.flatnonzero(np.isfinite(problem.rooms)), len(rows)
    soft = limited[np.isfinite(high[limited])]
    rooms = (problem.left(choice) / np.r_[1000, np.ones(len(high) - 1)])[limited]
    profit = problem.profit[offers, rows]
    unit = max(float(profit.max(initial=0)), 1e-9) / 1e3  # HiGHS's tolerances are absolute
    each, use = links(problem, rows, offers)
    spare = csr_array((np.ones(len(limited)), (np.arange(len(limited)),) * 2), (len(limited),) * 2)
    over = -spare[:, np.searchsorted(limited, soft)]
    found = linprog(
        -np.r_[profit, low[limited], -high[soft]] / unit,
        A_ub=hstack([each, csr_array((each.shape[0], len(limited) + len(soft)))], format="csr"),
        b_ub=np.ones(each.shape[0]),
        A_eq=hstack([use[limited], spare, over], format="csr"),
        b_eq=rooms,
        method="highs-ipm",  # its crossover ends at a vertex too; at 30,000 pairs 1 s where the simplex took 15
    )
    if found.x is None or found.status != 0:
        return None
    prices, exceeded = np.zeros(len(high)), np.zeros(len(high), dtype=bool)
    prices[limited] = np.clip(-found.eqlin.marginals * unit, low[limited], high[limited])
    exceeded[limited] = (found.x[k : k + len(limited)] > 1e-6) & (low[limited] > 0)
    exceeded[soft] |= found.x[k + len(limited) :] > 1e-6
    return prices, found.x[:k], exceeded


def _reach(problem: Problem, prices: np.ndarray, pace: np.ndarray) -> np.ndarray | None:
    """How far prices may move, in proportion to pace, until about PAIRS pairs are open, float64 [2 + m]; None where ties
    leave more open at any distance."""
    step = max(1, problem.size // BLOCK)
    part = Problem(problem.profit[:, ::step], problem.cost[:, ::step], problem.rooms)
    top = part.profit.max(axis=0, initial=-np.inf)
    typical = float(np.median(top[top > 0])) if (top > 0).any() else 1.0
    dear = part.cost[part.cost > 0] if part.cost.strides[1] else part.cost[:, 0]
    cost = float(np.median(dear[dear > 0])) if (dear > 0).any() else 1.0
    scale = pace * np.maximum(np.r_[typical / cost, np.full(len(prices) - 1, typical)], prices)
    small, large = 1e-9, 1.0
    for _ in range(16):
        middle = np.sqrt(small * large)
        reach = scale * middle
        open_pairs = len(_open(part, np.maximum(prices - reach, 0), prices + reach)[1]) * step
        small, large = (middle, large) if open_pairs <= PAIRS else (small, middle)
        if 0.6 * PAIRS <= open_pairs <= PAIRS:
            break
    return scale * small if small > 1e-9 else None


def _open(problem: Problem, low: np.ndarray, high: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of prices anywhere between low and high: choice int16 [n] of those who keep to one (-1 none, and the others), and the
    pairs (rows ascending, offers) that those who may not might choose."""
    choice, rows, offers = np.full(problem.size, -1, dtype=np.int16), [], []
    if np.isinf(high).any():
        rows, offers = np.nonzero(np.isfinite(problem.profit.T))
        return choice, rows, offers
    for block in _blocks(problem.size):
        profit, cost = problem.profit[:, block], problem.cost[:, block]
        upper = profit - (low[0] * cost + (low[1] + low[2:])[:, None])
        least = (profit - (high[0] * cost + (high[1] + high[2:])[:, None])).max(axis=0, initial=-np.inf)
        may = upper >= np.maximum(least, 0)
        several = np.flatnonzero(may.sum(axis=0) + (least <= 0) > 1)
        may[:, several] &= _unbeaten(profit[:, several], cost[:, several], low, high)
        several = may.sum(axis=0) + (least <= 0) > 1
        sure = np.flatnonzero(~several & may.any(axis=0))
        choice[block.start + sure] = may[:, sure].argmax(axis=0)
        undecided = np.flatnonzero(several)
        customer, offer = np.nonzero(may[:, undecided].T)
        rows.append(block.start + undecided[customer])
        offers.append(offer)
    return choice, np.concatenate(rows), np.concatenate(offers)


def _unbeaten(profit: np.ndarray, cost: np.ndarray, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """bool [m, k]: whether no other offer beats this one at all prices between low and high."""
    middle, reach = (low + high) / 2, (high - low) / 2
    worth = profit - (middle[0] * cost + middle[2:, None])
    unbeaten = np.isfinite(profit)
    for j in range(len(profit)):
        for other in range(len(profit)):
            if other != j:
                away = reach[0] * np.abs(cost[j] - cost[other]) + (reach[2 + j] + reach[2 + other])
                unbeaten[j] &= worth[other] - np.maximum(worth[j], -1e300) <= away
    return unbeaten


def _jitter(problem: Problem) -> np.ndarray:
    """float64 [m, n] just below 1, by the customer's place in the order of keys: evenly spread, no two alike."""
    offers, customers = np.ogrid[: len(problem.profit), : problem.size]
    return 1 - JITTER * ((customers * 0.6180339887498949 + offers * 0.41421356237309515) % 1)


def _whole(prices: np.ndarray, found: Survey, *, exact: bool) -> Priced:
    nobody = np.empty(0, dtype=np.int64)
    return Priced(prices, found.bound, exact, found.choice, nobody, nobody, np.empty(0))


def _blocks(n: int) -> Iterator[slice]:
    return (slice(i, min(i + BLOCK, n)) for i in range(0, n, BLOCK))
