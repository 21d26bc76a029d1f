"""Says beforehand what a campaign of some size could show, and afterwards how many more customers it would take.

Normal approximation for two shares with the pooled spread under no effect (Fleiss, Levin and Paik 2003, "Statistical
methods for rates and proportions", section 4.2, without the correction for continuity). ``difference`` is always the fall in
the share of leavers that contact brings: 0.02 means 2 points fewer leave. Two-sided 5 % and 80 % power unless said.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from scipy.optimize import brentq
from scipy.special import ndtr, ndtri

from campaigns.outreach.experiment.refusal import number, share

POWER, ALPHA = 0.8, 0.05
_MOST = 10_000_000_000  # customers: more than there are people
_LONGEST = 24.0  # times the horizon: beyond it, waiting longer is no advice


@dataclass(frozen=True, slots=True)
class More:
    """What it would take to see a difference, and where that difference comes from.

    difference      the fall in the share of leavers that was planned for
    planned_for     code: given, break_even (what pays for the campaign), observed
    customers       in all, the held out among them (None: no number of customers would do)
    more_customers  beyond those that there were, 0 if there are enough
    days            horizon at which those that there were would do, if customers go on leaving at the same pace and contact
                    goes on working (None: longer than 24 horizons); for the next campaign, never to look again at this one
    """

    difference: float
    planned_for: str
    customers: int | None
    more_customers: int | None
    days: int | None


def chance_to_see(treated: int, held_out: int, base_rate: float, difference: float, *, alpha: float = ALPHA) -> float:
    """Power: the chance that a fall of ``difference`` in a share of leavers of ``base_rate`` is found, 0..1."""
    rate = share("base_rate", base_rate)
    lower = share("base_rate - difference", rate - number("difference", difference, least=None))
    if treated < 1 or held_out < 1:
        return 0.0
    pooled = (treated * lower + held_out * rate) / (treated + held_out)
    null = math.sqrt(pooled * (1 - pooled) * (1 / treated + 1 / held_out))
    error = math.sqrt(lower * (1 - lower) / treated + rate * (1 - rate) / held_out)
    if error == 0:
        return 1.0 if difference else alpha
    z = -float(ndtri(alpha / 2))
    return float(ndtr((abs(difference) - z * null) / error))


def smallest_difference(
    treated: int, held_out: int, base_rate: float, *, power: float = POWER, alpha: float = ALPHA
) -> float | None:
    """The smallest fall in the share of leavers that would be found with that power; None if even keeping all would not.

    treated, held_out: customers; base_rate 0..1: share of leavers if left alone. Raises ExperimentRefused: not_a_share.
    """
    rate = share("base_rate", base_rate)
    power = share("power", power, ends=False)

    def lacking(difference: float) -> float:
        return chance_to_see(treated, held_out, rate, difference, alpha=alpha) - power

    # with every leaver kept the treated have no spread: the end itself is asked just inside
    if rate == 0 or lacking(rate * (1 - 1e-9)) < 0:
        return None
    return float(brentq(lacking, rate * 1e-9, rate * (1 - 1e-9), xtol=1e-9))


def customers_needed(
    base_rate: float, difference: float, holdout: float, *, power: float = POWER, alpha: float = ALPHA
) -> int | None:
    """Customers in all (treated and held out) to find a fall of ``difference`` (above 0); None if no number would do."""
    holdout = share("holdout", holdout, ends=False)
    rate = share("base_rate", base_rate)
    if not 0 < difference <= rate:
        return None

    def enough(customers: int) -> bool:
        held_out = round(customers * holdout)
        return chance_to_see(customers - held_out, held_out, rate, difference, alpha=alpha) >= power

    low, high = 1, 2
    while not enough(high):
        low, high = high, high * 2
        if high > _MOST:
            return None
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high


def horizon_needed(
    treated: int, held_out: int, base_rate: float, difference: float, horizon_days: int, *, power: float = POWER
) -> int | None:
    """Days after which as many customers would do, if leaving and contact's effect on it go on at their pace.

    A share of leavers p within the horizon is 1 - (1 - p)^t within t horizons. None beyond 24 of them.
    """
    lower = share("base_rate - difference", base_rate - difference)

    def lacking(times: float) -> float:
        rate, kept = 1 - (1 - base_rate) ** times, 1 - (1 - lower) ** times
        return chance_to_see(treated, held_out, rate, rate - kept) - power

    # the difference rises with time and then falls again, when nearly all have left: look for the first crossing
    step = 1.0
    while lacking(step) < 0:
        step += 0.05
        if step > _LONGEST:
            return None
    return math.ceil(step * horizon_days)


def more_needed(
    treated: int, held_out: int, base_rate: float, difference: float, planned_for: str, horizon_days: int
) -> More | None:
    """How many more customers, or how long a horizon, it takes to see ``difference``; None if it is no fall."""
    if difference <= 0 or base_rate <= 0 or treated < 1 or held_out < 1:
        return None
    difference = min(difference, base_rate)
    customers = customers_needed(base_rate, difference, held_out / (treated + held_out))
    more = None if customers is None else max(customers - treated - held_out, 0)
    days = horizon_needed(treated, held_out, base_rate, difference, horizon_days)
    return More(difference, planned_for, customers, more, days)
