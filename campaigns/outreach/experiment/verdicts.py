"""The one word for each comparison, by rules that were fixed before anybody looked."""

from __future__ import annotations

from collections.abc import Sequence

from campaigns.outreach.experiment.shares import Interval

NO_HOLDOUT = "no_holdout"  # nobody was left alone: nothing can be proven
BROKEN = "broken_randomisation"  # the arms are not as drawn, so a difference may be anything's
TOO_EARLY = "too_early"  # the horizon is not over
NO_OUTCOMES = "no_outcomes"  # of one arm nobody's outcome is known
UNEVEN = "uneven_missing"  # outcomes are missing in one arm more than in the other, and what is missing could turn it
NOT_ENOUGH = "not_enough_evidence"  # it may have worked; these customers cannot tell
NO_DIFFERENCE = "no_difference_detectable"  # if it worked, then by less than would be worth knowing
KEPT = "kept"  # contact kept customers
LOST = "lost"  # contact made customers leave

ALPHA = 0.05


def of_difference(
    difference: Interval, p_adjusted: float, worthwhile: float | None, *, either_way: bool = False
) -> str:
    """kept, lost, no_difference_detectable or not_enough_evidence.

    difference: of shares of leavers, below 0 where contact kept some; p_adjusted: after Holm; worthwhile: the fall that
    would be worth knowing (None: nobody said); either_way: between two variants a rise is as much worth knowing as a fall.
    """
    if p_adjusted <= ALPHA:
        return KEPT if difference.estimate < 0 else LOST
    most = max(-difference.low, difference.high) if either_way else -difference.low
    if worthwhile is not None and most < worthwhile:
        return NO_DIFFERENCE
    return NOT_ENOUGH


def holm(p_values: Sequence[float]) -> list[float]:
    """p-values that may be read one by one, whatever their number (Holm 1979, Scandinavian Journal of Statistics 6)."""
    order = sorted(range(len(p_values)), key=lambda i: p_values[i])
    adjusted, highest = [0.0] * len(p_values), 0.0
    for rank, place in enumerate(order):
        highest = max(highest, min(1.0, (len(p_values) - rank) * p_values[place]))
        adjusted[place] = highest
    return adjusted
