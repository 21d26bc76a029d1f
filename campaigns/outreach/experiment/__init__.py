"""Draws lots, says what they can show, and measures what a campaign did. Plain Python: arrays in, frozen dataclasses out.

    arm = arms.assign(keys, salt=..., holdout=0.1, variants=("a", "b"))       # int8 [n], 0 held out; sticky
    least = power.smallest_difference(9000, 1000, base_rate=0.08)             # before the launch
    result = measure(Outcomes(arm, left, ...), Design(holdout=0.1, horizon_days=60), days_passed=61, costs=Costs(...))
    result.against_holdout[0].verdict                                         # a code of ``verdicts``

Facts and codes, no sentences; docs/measuring.md says them in words.

Reading order:

    refusal      what is no experiment, by a code
    arms         the lots, the universal control, and whether the arms came out as drawn
    power        what a size could show; how many more, how much longer
    shares       differences of shares, right for small counts
    means        differences of money, with long tails and small holdouts
    adjustment   what was known beforehand taken out, and when
    written      the effect on those really written to
    sequence     before the horizon: an interval that holds at any look
    outcomes     what goes in, and the counts of an arm
    money        what the kept bring, less the cost
    verdicts     the one word, and its rules
    result       all together
"""

from campaigns.outreach.experiment import arms, power, verdicts
from campaigns.outreach.experiment.arms import HELD_OUT, assign, sample_ratio_mismatch, universal_control
from campaigns.outreach.experiment.money import Money
from campaigns.outreach.experiment.outcomes import Arm, Costs, Design, Outcomes
from campaigns.outreach.experiment.refusal import ExperimentRefused
from campaigns.outreach.experiment.result import Comparison, Result, WorstCase, measure
from campaigns.outreach.experiment.shares import Interval

__all__ = [
    "HELD_OUT", "Arm", "Comparison", "Costs", "Design", "ExperimentRefused", "Interval", "Money", "Outcomes", "Result",
    "WorstCase", "arms", "assign", "measure", "power", "sample_ratio_mismatch", "universal_control", "verdicts",
]  # fmt: skip
