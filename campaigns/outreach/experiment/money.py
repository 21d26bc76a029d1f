"""What a campaign's kept customers bring, less what it cost; and what customers paid before and after."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from campaigns.outreach.experiment.means import cuped, mean_difference
from campaigns.outreach.experiment.outcomes import Arm, Costs, Outcomes
from campaigns.outreach.experiment.shares import Interval


@dataclass(frozen=True, slots=True)
class Money:
    """In the company's money, of all those of an arm together.

    saved      what those kept bring, with its interval: differences of margin lost, customer by customer
    cost       contacts and offers of the arm, as they were: known, so without an interval
    net        saved less cost
    unknown    customers left out because their charges or outcome are unknown: not filled in
    break_even fall in the share of leavers that would have paid for the cost (None: nobody has a known value)
    """

    saved: Interval
    cost: float
    net: Interval
    unknown: int
    break_even: float | None


def money_of(outcomes: Outcomes, costs: Costs, arm: Arm, other: Arm) -> Money | None:
    """Money that an arm kept against another; outcomes.monthly_charges must be known. None with fewer than two customers of
    known value in either arm.

    Each customer's lost value (0 for who stayed) is compared, so that dear customers count for more; the difference
    times the arm's customers of known value is what was saved.
    """
    value = costs.value(outcomes.monthly_charges)
    lost = outcomes.left * value
    known = ~np.isnan(lost)
    mine, others = known & (outcomes.arm == arm.code), known & (outcomes.arm == other.code)
    each = mean_difference(-lost[mine], -lost[others])
    if each is None:
        return None
    written = arm.assigned if arm.written is None else arm.written
    cost = written * costs.of("contact_cost", arm.code) + (arm.accepted or 0) * costs.of("offer_cost", arm.code)
    saved = each.times(int(mine.sum()))
    worth = float(value[mine].sum())
    return Money(
        saved=saved,
        cost=cost,
        net=saved.plus(-cost),
        unknown=arm.assigned - int(mine.sum()) + other.assigned - int(others.sum()),
        break_even=cost / worth if worth > 0 else None,
    )


def revenue_of(outcomes: Outcomes, a: int, b: int) -> Interval | None:
    """Money a customer of arm a paid after the launch less one of arm b; what they paid before is taken out where known.

    None where revenue is unknown, or known of too few.
    """
    if outcomes.revenue_after is None:
        return None
    rows = np.isin(outcomes.arm, (a, b)) & ~np.isnan(outcomes.revenue_after)
    before = outcomes.revenue_before
    if before is not None:
        rows &= ~np.isnan(before)
    if rows.sum() < 4:
        return None
    after, mine = outcomes.revenue_after[rows], outcomes.arm[rows] == a
    if before is not None:
        after = cuped(after, before[rows][:, None])
    return mean_difference(after[mine], after[~mine])
