"""What a campaign did, as far as it can be known: against the holdout, variant against variant, in customers and money.

Everybody who was assigned counts in the arm that the lot gave (intention to treat), written to or not. Outcomes are read
once, when the horizon is over; until then there is a provisional interval that may be looked at daily, and no verdict.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import stats

from campaigns.outreach.experiment import verdicts
from campaigns.outreach.experiment.adjustment import Decision, adjusted_difference, decide
from campaigns.outreach.experiment.arms import HELD_OUT, MISMATCH, sample_ratio_mismatch
from campaigns.outreach.experiment.money import Money, money_of, revenue_of
from campaigns.outreach.experiment.outcomes import Arm, Costs, Design, Outcomes, count
from campaigns.outreach.experiment.power import More, more_needed
from campaigns.outreach.experiment.refusal import ExperimentRefused, number
from campaigns.outreach.experiment.sequence import provisional_difference
from campaigns.outreach.experiment.shares import Interval, share_difference
from campaigns.outreach.experiment.written import effect_on_written


@dataclass(frozen=True, slots=True)
class WorstCase:
    """The difference if all whose outcome is missing had done what speaks most for contact (lowest), or most against it
    (highest); low and high: the outer ends of both intervals. holds: whether the verdict stands in either case."""

    lowest: float
    highest: float
    low: float
    high: float
    holds: bool


@dataclass(frozen=True, slots=True)
class Comparison:
    """An arm against another (arms by code). Differences are of shares of leavers: below 0, contact kept customers.

    verdict      a code of ``verdicts``; between two variants kept means: kept more than the other
    difference   the headline (None before the horizon is over, or without outcomes)
    unadjusted   the same by counts alone; equal to difference where covariates were not used
    p_adjusted   after Holm, over all comparisons of the campaign
    provisional  before the horizon is over: holds at any look
    kept         customers of the arm, of those with a known outcome
    on_written   the effect on those really written to (None: unknown, or too few)
    revenue      money a customer within the span after the launch, against the other arm
    missing      None where no outcome is missing
    more         what it would take to see it, where there is not enough evidence
    """

    arm: int
    against: int
    verdict: str
    difference: Interval | None = None
    unadjusted: Interval | None = None
    p_adjusted: float | None = None
    provisional: Interval | None = None
    kept: Interval | None = None
    on_written: Interval | None = None
    money: Money | None = None
    revenue: Interval | None = None
    missing: WorstCase | None = None
    more: More | None = None


@dataclass(frozen=True, slots=True)
class Result:
    """against_holdout: one for each variant; pairs: variants among themselves; winner: the variant's code that beat every
    other one (None: there is none, or only one variant); ratio_p: that the arms are as drawn; days_left: 0 once the
    horizon is over; adjustment: whether covariates were used, and why."""

    verdict: str
    arms: tuple[Arm, ...]
    against_holdout: tuple[Comparison, ...]
    pairs: tuple[Comparison, ...]
    winner: int | None
    ratio_p: float
    days_left: int
    adjustment: Decision


def measure(outcomes: Outcomes, design: Design, *, days_passed: int, costs: Costs | None = None) -> Result:
    """What the campaign did. days_passed: since the assignment; costs: None, and money is not reckoned.

    Raises ExperimentRefused: unknown_arm (an arm beyond the design's variants), not_a_number, unequal_lengths.
    """
    days_left = max(int(np.ceil(design.horizon_days - number("days_passed", days_passed))), 0)
    _check(outcomes, design, costs)
    arms = tuple(count(outcomes, design, code) for code in range(len(design.variants) + 1))
    ratio_p = sample_ratio_mismatch([arm.assigned for arm in arms], design.arm_shares())
    known = ~np.isnan(outcomes.left)
    adjustment = Decision(False, "no_covariates")
    wanted = [(code, HELD_OUT) for code in range(1, len(arms))]
    wanted += [(a, b) for a in range(1, len(arms)) for b in range(1, a)]
    stopped = _stopped(arms, ratio_p, days_left)
    if stopped is None and outcomes.covariates is not None:
        adjustment = decide(outcomes.left[known], outcomes.arm[known], outcomes.covariates[known])
    if stopped is None:
        found = _compare_all(outcomes, design, costs, arms, wanted, adjustment)
    else:
        found = [_unjudged(arms[a], arms[b], stopped) for a, b in wanted]
    against = tuple(one for one in found if one.against == HELD_OUT)
    pairs = tuple(one for one in found if one.against != HELD_OUT)
    return Result(
        verdict=stopped or _overall(against),
        arms=arms,
        against_holdout=against,
        pairs=pairs,
        winner=_winner(against, pairs, len(arms) - 1),
        ratio_p=ratio_p,
        days_left=days_left,
        adjustment=adjustment,
    )


def _check(outcomes: Outcomes, design: Design, costs: Costs | None) -> None:
    strange = outcomes.arm[(outcomes.arm < 0) | (outcomes.arm > len(design.variants))]
    if len(strange):
        raise ExperimentRefused("unknown_arm", f"No arm has the code {strange[0]}.", value=int(strange[0]))
    for name in ("contact_cost", "offer_cost"):
        given = getattr(costs, name, 0.0)
        if not isinstance(given, (int, float)) and len(given) != len(design.variants):
            raise ExperimentRefused(
                "unequal_lengths",
                f"{name} does not go with the variants.",
                **{name: len(given), "variants": len(design.variants)},
            )


def _stopped(arms: tuple[Arm, ...], ratio_p: float, days_left: int) -> str | None:
    """Why no verdict is to be had of the whole campaign, if so."""
    if ratio_p < MISMATCH:
        return verdicts.BROKEN
    if arms[HELD_OUT].assigned == 0 and len(arms) == 2:
        return verdicts.NO_HOLDOUT
    return verdicts.TOO_EARLY if days_left else None


def _unjudged(arm: Arm, other: Arm, verdict: str) -> Comparison:
    provisional = None
    if verdict == verdicts.TOO_EARLY and other.assigned:
        provisional = provisional_difference(arm.left, arm.known, other.left, other.known)
    return Comparison(arm.code, other.code, verdict, provisional=provisional)


def _compare_all(
    outcomes: Outcomes,
    design: Design,
    costs: Costs | None,
    arms: tuple[Arm, ...],
    wanted: list[tuple[int, int]],
    adjustment: Decision,
) -> list[Comparison]:
    raw: dict[tuple[int, int], Interval] = {}
    headline: dict[tuple[int, int], Interval] = {}
    for a, b in wanted:
        if arms[a].known and arms[b].known:
            raw[a, b] = share_difference(arms[a].left, arms[a].known, arms[b].left, arms[b].known)
            headline[a, b] = _adjusted(outcomes, a, b) if adjustment.used else raw[a, b]
    pairs = list(headline)
    p_values = [1.0 if headline[pair].p_value is None else headline[pair].p_value for pair in pairs]
    p_adjusted = dict(zip(pairs, verdicts.holm(p_values), strict=True))
    found = []
    for a, b in wanted:
        if (a, b) not in headline:
            nobody = verdicts.NO_OUTCOMES if arms[a].assigned and arms[b].assigned else verdicts.NO_HOLDOUT
            found.append(Comparison(a, b, nobody))
            continue
        found.append(_compare(outcomes, design, costs, arms[a], arms[b], raw[a, b], headline[a, b], p_adjusted[a, b]))
    return found


def _adjusted(outcomes: Outcomes, a: int, b: int) -> Interval:
    rows = ~np.isnan(outcomes.left) & np.isin(outcomes.arm, (a, b))
    return adjusted_difference(outcomes.left[rows], outcomes.arm[rows] == a, outcomes.covariates[rows])


def _compare(
    outcomes: Outcomes,
    design: Design,
    costs: Costs | None,
    arm: Arm,
    other: Arm,
    raw: Interval,
    headline: Interval,
    p_adjusted: float,
) -> Comparison:
    money = None
    if costs is not None and outcomes.monthly_charges is not None and other.code == HELD_OUT:
        money = money_of(outcomes, costs, arm, other)
    worthwhile, planned_for = _worthwhile(design, money)
    verdict = verdicts.of_difference(headline, p_adjusted, worthwhile, either_way=other.code != HELD_OUT)
    missing = _worst_case(arm, other, verdict)
    if missing is not None and not missing.holds and _uneven(arm, other):
        verdict = verdicts.UNEVEN
    more = None
    if verdict == verdicts.NOT_ENOUGH:
        seen = -headline.estimate if worthwhile is None else worthwhile
        better, worse = (other, arm) if seen < 0 and other.code != HELD_OUT else (arm, other)
        more = more_needed(
            better.known, worse.known, worse.rate, abs(seen) if worse is arm else seen, planned_for, design.horizon_days
        )
    return Comparison(
        arm=arm.code,
        against=other.code,
        verdict=verdict,
        difference=headline,
        unadjusted=raw,
        p_adjusted=p_adjusted,
        kept=headline.times(-arm.known),
        on_written=_on_written(outcomes, arm.code, other.code),
        money=money,
        revenue=revenue_of(outcomes, arm.code, other.code),
        missing=missing,
        more=more,
    )


def _worthwhile(design: Design, money: Money | None) -> tuple[float | None, str]:
    """The fall in the share of leavers that would be worth knowing, and whose word it is."""
    if design.worthwhile is not None:
        return design.worthwhile, "given"
    if money is not None and money.break_even:
        return money.break_even, "break_even"
    return None, "observed"


def _on_written(outcomes: Outcomes, a: int, b: int) -> Interval | None:
    if outcomes.written is None:
        return None
    known = ~np.isnan(outcomes.left)
    mine, others = known & (outcomes.arm == a), known & (outcomes.arm == b)
    if not outcomes.written[mine].any() or (b != HELD_OUT):
        return None
    return effect_on_written(
        outcomes.left[mine], outcomes.written[mine], outcomes.left[others], outcomes.written[others]
    )


def _worst_case(arm: Arm, other: Arm, verdict: str) -> WorstCase | None:
    """Manski's (1989) bounds: nothing is assumed of those who are missing. None where nobody is."""
    if arm.missing + other.missing == 0:
        return None
    best = (arm.left, arm.assigned, other.left + other.missing, other.assigned)
    worst = (arm.left + arm.missing, arm.assigned, other.left, other.assigned)
    low, high = share_difference(*best).low, share_difference(*worst).high
    holds = {verdicts.KEPT: high < 0, verdicts.LOST: low > 0}.get(verdict, True)
    return WorstCase(best[0] / best[1] - best[2] / best[3], worst[0] / worst[1] - worst[2] / worst[3], low, high, holds)


def _uneven(arm: Arm, other: Arm) -> bool:
    table = [[arm.missing, arm.known], [other.missing, other.known]]
    return float(stats.fisher_exact(table).pvalue) < MISMATCH


def _overall(against: tuple[Comparison, ...]) -> str:
    """The campaign's word: harm is said first, then proof, then doubt."""
    found = [one.verdict for one in against]
    order = (verdicts.LOST, verdicts.KEPT, verdicts.UNEVEN, verdicts.NOT_ENOUGH, verdicts.NO_DIFFERENCE)
    return next((verdict for verdict in order if verdict in found), found[0])


def _winner(against: tuple[Comparison, ...], pairs: tuple[Comparison, ...], variants: int) -> int | None:
    """The variant that beat every other one, and did no harm itself."""
    harmful = {one.arm for one in against if one.verdict == verdicts.LOST}
    beaten: dict[int, set[int]] = {code: set() for code in range(1, variants + 1)}
    for one in pairs:
        if one.verdict == verdicts.KEPT:
            beaten[one.arm].add(one.against)
        elif one.verdict == verdicts.LOST:
            beaten[one.against].add(one.arm)
    best = (code for code, others in beaten.items() if variants > 1 and len(others) == variants - 1)
    return next((code for code in best if code not in harmful), None)
