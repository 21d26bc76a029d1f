"""How much profit a ranking of customers can bring: the EMPC and the MPC of Verbraken, Verbeke and Baesens.

"A novel profit maximizing metric for measuring classification performance of customer churn prediction models",
IEEE Transactions on Knowledge and Data Engineering 25(5), 2013. Every customer is worth the same here (clv), so it
compares rankings; profit.py reckons with each customer's own value.

Contacting a pool of customers of whom the share p leaves brings, for each of them, gamma * (clv - offer_cost) * p
- contact_cost - offer_cost * (1 - p), where gamma is the share of leavers who accept. The best cut for a gamma lies on
the ROC curve's convex hull, and the hull's segments are the pools of the isotonic regression of label on score (Fawcett
and Niculescu-Mizil 2007, "PAV and the ROC convex hull"): each pool is contacted or not for its own sake. So the
expectation over gamma is a sum over pools of incomplete beta functions, exact and without numerical integration.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.optimize import isotonic_regression
from scipy.special import betaincc

from predictions.learning.profit import Economics, ProfitRefused, unequal

CONCENTRATION = 20.0  # alpha + beta of the paper's 6 and 14: how sure one is of the acceptance
Taken = Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]


@dataclass(frozen=True, slots=True)
class MaximumProfit:
    """profit: money for each customer of the base, whether contacted or not. share: of the base, whom to contact (for
    the EMPC the expected one, the paper's eta). threshold: contact whoever scores at least this (None: nobody)."""

    profit: float
    share: float
    threshold: float | None


@dataclass(frozen=True, slots=True)
class Pools:
    """The segments of the ROC convex hull, riskiest first. rate float64 [k]: share who left; size float64 [k]:
    customers; of_row int64 [n]: each customer's pool; score float64 [n]: highest first."""

    rate: np.ndarray
    size: np.ndarray
    of_row: np.ndarray
    score: np.ndarray


def empc(
    label: np.ndarray,
    score: np.ndarray,
    *,
    alpha: float = 6.0,
    beta: float = 14.0,
    clv: float = 200.0,
    offer_cost: float = 10.0,
    contact_cost: float = 1.0,
) -> MaximumProfit:
    """Expected maximum profit, the acceptance being Beta(alpha, beta). Never below nought: one may contact nobody.

    label float [n], 1 left and 0 stayed; score float [n], the higher the likelier to leave, on any scale.
    Raises ProfitRefused: no_customers, unequal_lengths, label_not_binary, score_not_finite, bad_parameter.
    """
    if not (0 < alpha < np.inf and 0 < beta < np.inf):
        raise ProfitRefused("bad_parameter", "alpha and beta must be above 0.", alpha=alpha, beta=beta)
    return _maximum(label, score, _beta(alpha, beta), clv, offer_cost, contact_cost)


def mpc(
    label: np.ndarray,
    score: np.ndarray,
    *,
    acceptance: float = 0.3,
    clv: float = 200.0,
    offer_cost: float = 10.0,
    contact_cost: float = 1.0,
) -> MaximumProfit:
    """Maximum profit for one fixed acceptance (0..1). Arguments and errors as for empc()."""
    if not 0 <= acceptance <= 1:
        raise ProfitRefused("bad_parameter", "acceptance must lie between 0 and 1.", acceptance=acceptance)
    return _maximum(label, score, _fixed(acceptance), clv, offer_cost, contact_cost)


def empc_of_each(label: np.ndarray, score: np.ndarray, clv: float, economics: Economics) -> np.ndarray:
    """What each customer adds to the EMPC, float64 [n]: their mean is the EMPC at the company's own economics.

    The acceptance is Beta with its mean at economics.acceptance and the paper's concentration; at 0 and 1 it is fixed.
    """
    sure = economics.acceptance
    taken = _beta(CONCENTRATION * sure, CONCENTRATION * (1 - sure)) if 0 < sure < 1 else _fixed(sure)
    pools, idle = pool(label, score), economics.stayer_acceptance * economics.offer_cost
    contacted, accepted = taken(_least(pools.rate, clv - economics.offer_cost, economics.contact_cost, idle))
    contacted, accepted = contacted[pools.of_row], accepted[pools.of_row]
    leaver = accepted * (clv - economics.offer_cost)
    return np.where(label == 1, leaver, -contacted * idle) - contacted * economics.contact_cost


def pool(label: np.ndarray, score: np.ndarray) -> Pools:
    """The hull's pools; equal scores are never parted."""
    label, score = np.asarray(label, dtype=np.float64), np.asarray(score, dtype=np.float64)
    _require(label, score)
    order = np.argsort(-score, kind="stable")
    score = score[order]
    starts = np.r_[0, np.flatnonzero(np.diff(score)) + 1]
    size = np.diff(np.r_[starts, len(score)]).astype(np.float64)
    left = np.add.reduceat(label[order], starts)
    found = isotonic_regression(left / size, weights=size, increasing=False)
    of_tie = np.repeat(np.arange(len(found.blocks) - 1), np.diff(found.blocks))
    of_row = np.empty(len(score), dtype=np.int64)
    of_row[order] = np.repeat(of_tie, size.astype(np.int64))
    members = np.add.reduceat(size, found.blocks[:-1])
    return Pools(np.add.reduceat(left, found.blocks[:-1]) / members, members, of_row, score)


def _maximum(
    label: np.ndarray, score: np.ndarray, taken: Taken, clv: float, offer_cost: float, contact_cost: float
) -> MaximumProfit:
    amounts = {"clv": clv, "offer_cost": offer_cost, "contact_cost": contact_cost}
    if not all(0 <= amount < np.inf for amount in amounts.values()):
        raise ProfitRefused("bad_parameter", "clv, offer_cost and contact_cost must not be below 0.", **amounts)
    pools = pool(label, score)
    rows = len(pools.score)
    contacted, accepted = taken(_least(pools.rate, clv - offer_cost, contact_cost, offer_cost))
    cost = contact_cost + offer_cost * (1 - pools.rate)
    profit = float(pools.size @ (accepted * (clv - offer_cost) * pools.rate - contacted * cost)) / rows
    share = float(pools.size @ contacted) / rows
    return MaximumProfit(profit, share, _nearest_cut(pools.score, share * rows))


def _nearest_cut(score: np.ndarray, customers: float) -> float | None:
    """The score down to which as nearly so many customers are contacted as equal scores allow; score: highest first."""
    ends = np.r_[0, np.flatnonzero(np.diff(score)) + 1, len(score)]
    last = int(ends[np.argmin(np.abs(ends - customers))])
    return float(score[last - 1]) if last else None


def _least(rate: np.ndarray, kept: float, contact_cost: float, idle: float) -> np.ndarray:
    """The acceptance above which contacting a pool pays, float64 [k]; infinite where none would."""
    gain = kept * rate
    return np.divide(contact_cost + idle * (1 - rate), gain, out=np.full(len(rate), np.inf), where=gain > 0)


def _beta(alpha: float, beta: float) -> Taken:
    """For each least acceptance: how often gamma is above it, and the mean of gamma where it is (else 0)."""

    def taken(least: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        least = np.minimum(least, 1.0)
        mean = alpha / (alpha + beta)
        return betaincc(alpha, beta, least), mean * betaincc(alpha + 1, beta, least)

    return taken


def _fixed(acceptance: float) -> Taken:
    def taken(least: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        contacted = (acceptance > least).astype(np.float64)
        return contacted, acceptance * contacted

    return taken


def _require(label: np.ndarray, score: np.ndarray) -> None:
    if label.shape != score.shape or label.ndim != 1:
        raise unequal(label=label.size, score=score.size)
    if not len(label):
        raise ProfitRefused("no_customers", "There are no customers to rank.")
    if not np.isin(label, (0.0, 1.0)).all():
        raise ProfitRefused("label_not_binary", "A label is 1 (left) or 0 (stayed).")
    if not np.isfinite(score).all():
        raise ProfitRefused("score_not_finite", "Every customer needs a score.")
