"""From prices to whole offers: who is sure keeps their choice, the few who hesitate are settled by an integer program.

A customer whose choice leads the next by more than the bound exceeds the profit found keeps it in every better allocation
(reduced-cost fixing). So when all who lead by less were in the integer program, and it was solved, nothing is better.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, milp

from segmentation.clustering.allocation_prices import SPLIT, Priced, Problem, Survey, links, survey
from segmentation.clustering.allocation_terms import thousandths

SIZES = (150, 2_400)  # pairs of customer and offer in the integer program, first and at most
NEAR_ENOUGH = 1e-5  # the gap at which a large company is not worth a larger program
NODES = 500  # of its tree: a limit of time would make two runs differ
WIDEST = 50_000  # pairs looked at when the rest of a limit is filled


@dataclass(frozen=True, slots=True)
class Chosen:
    """choice int16 [n], -1 none; profit and bound: money, no allocation earns more than bound."""

    choice: np.ndarray
    profit: float
    bound: float


def choose(problem: Problem, priced: Priced) -> Chosen:
    """Whole offers that keep all limits, from the relaxation's solution."""
    seen = survey(problem, priced.prices)
    choice = priced.choice.copy()
    choice[choice == SPLIT] = -1
    _give_back(problem, choice, seen)
    filled = choice.copy()
    _fill(problem, filled, priced.prices)
    best = Chosen(filled, problem.earned(filled), priced.bound)
    lead = seen.lead.copy()
    lead[priced.rows] = 0
    waver = np.argsort(lead, kind="stable")[: SIZES[-1]]
    pairs = np.cumsum(np.isfinite(problem.profit[:, waver]).sum(axis=0))
    small = np.isfinite(problem.profit).sum() <= SIZES[-1]
    wanted = 0.0 if small else NEAR_ENOUGH * priced.bound
    for size in SIZES if small else SIZES[:1]:
        if best.bound - best.profit <= max(wanted, 1e-9 * abs(best.bound)):
            break
        some = np.sort(waver[: np.searchsorted(pairs, size, side="right")])
        found = _integer(problem, choice, some, wanted)
        if found is None:
            break
        settled, top = found
        _fill(problem, settled, priced.prices)
        if (problem.left(settled) >= 0).all() and problem.earned(settled) > best.profit:
            best = Chosen(settled, problem.earned(settled), best.bound)
        # Who leads by more than is still to gain keeps their choice in all that is better.
        sure = lead > best.bound - best.profit
        if sure.sum() >= problem.size - len(some) and (choice == seen.choice)[sure].all():
            best = Chosen(best.choice, best.profit, min(best.bound, top))
    return Chosen(best.choice, best.profit, max(best.bound, best.profit))


def _integer(problem: Problem, choice: np.ndarray, rows: np.ndarray, wanted: float) -> tuple[np.ndarray, float] | None:
    """The best choice of these customers (ascending) while all others keep theirs, and the bound of the whole that the
    program proved. wanted: money, how near to it is near enough. None where it found nothing."""
    choice = choice.copy()
    choice[rows] = -1
    customer, offers = np.nonzero(np.isfinite(problem.profit[:, rows].T))
    if not len(customer):
        return choice, problem.earned(choice)
    pairs, limited = rows[customer], np.isfinite(problem.rooms)
    left = problem.left(choice)
    left[0] /= 1000
    profit = problem.profit[offers, pairs]
    unit = float(profit.max()) / 1e3
    each, use = links(problem, pairs, offers)
    # The solver lets a limit be missed by a millionth; choose() counts anew, and does without the program where it was.
    by = 1 / np.maximum(use.max(axis=1).toarray().ravel(), 1e-3)
    limit = LinearConstraint(use.multiply(by[:, None]).tocsr()[limited], ub=(left * by)[limited])
    kept = problem.earned(choice)
    found = milp(
        -profit / unit,
        integrality=np.ones(len(pairs)),
        bounds=Bounds(0, 1),
        constraints=[LinearConstraint(each, ub=1), limit],
        options={"node_limit": NODES if not wanted else NODES // 5, "mip_rel_gap": wanted / float(np.sum(profit))},
    )
    if found.x is None:
        return None
    taken = found.x > 0.5
    choice[pairs[taken]] = offers[taken]
    return choice, kept - found.mip_dual_bound * unit


def _fill(problem: Problem, choice: np.ndarray, prices: np.ndarray) -> None:
    """Give those without an offer one that still fits, the most worth after prices first."""
    left, idle = problem.left(choice), np.flatnonzero(choice < 0)
    found_rows, found_offers = [], []
    for j in np.flatnonzero(left[2:] >= 1) if left[1] >= 1 else ():
        fits = np.isfinite(problem.profit[j, idle]) & (problem.cost[j, idle] * 1000 <= left[0] + 1e-3)
        found_rows.append(idle[fits])
        found_offers.append(np.full(int(fits.sum()), j))
    if not found_rows:
        return
    pairs, offers = np.concatenate(found_rows), np.concatenate(found_offers)
    worth = problem.profit[offers, pairs] - prices[0] * problem.cost[offers, pairs] - prices[1] - prices[2 + offers]
    order = np.lexsort((offers, pairs, -worth))[:WIDEST]
    costs = thousandths(problem.cost[offers, pairs])
    for k in order.tolist():
        row, j = pairs[k], offers[k]
        if choice[row] < 0 and costs[k] <= left[0] and left[1] >= 1 and left[2 + j] >= 1:
            choice[row] = j
            left[0] -= costs[k]
            left[1] -= 1
            left[2 + j] -= 1


def _give_back(problem: Problem, choice: np.ndarray, seen: Survey) -> None:
    """Take offers from those who least mind, of equal ones from the last key, until no limit is exceeded."""
    for limit in (*range(2, len(problem.rooms)), 1, 0):
        excess = -problem.left(choice)[limit]
        if excess <= 0:
            continue
        holders = np.flatnonzero(choice == limit - 2 if limit >= 2 else choice >= 0)
        holders = holders[np.lexsort((-holders, seen.lead[holders]))]
        freed = thousandths(problem.cost[choice[holders], holders]) if limit == 0 else np.ones(len(holders))
        choice[holders[: np.searchsorted(np.cumsum(freed), excess) + 1]] = -1
