"""An interval that may be looked at every day until the horizon: shown as provisional, never as a winner.

Who looks daily at an ordinary 95 % interval and stops when it leaves nought is fooled far more often than one time in
twenty. While customers leave, an arm's observed survival over its true one, less 1, is a martingale, whose variance is
F / (n (1 - F)) (F: share that has left; the empirical process). So the difference of log survivals between two arms is
Brownian motion in the clock V = F1 / (n1 (1 - F1)) + F0 / (n0 (1 - F0)), and Robbins' (1970) normal mixture bounds it at
all times at once; with an estimated variance that is the asymptotic confidence sequence of Waudby-Smith, Arbour, Sinha,
Kennedy and Ramdas (2024, "Time-uniform central limit theory and asymptotic confidence sequences", Annals of Statistics
52(6)). Only counts are needed, and both the sign and the ends hold at whatever day one looks.
"""

from __future__ import annotations

import math

from campaigns.outreach.experiment.shares import Interval

TUNED_RATE = 0.1  # the share of leavers at which the sequence is narrowest: it holds for any, so this is no assumption


def provisional_difference(left1: int, n1: int, left0: int, n0: int, *, level: float = 0.95) -> Interval | None:
    """Share of leavers so far in group 1 less that in group 0, with ends that hold at every look; None without customers.

    All customers are counted from the same day on (that of the assignment), and ``left`` is who has left by the look.
    """
    if n1 < 1 or n0 < 1:
        return None
    estimate = left1 / n1 - left0 / n0
    alpha = 1 - level
    # half a leaver more in each arm: without it an arm that nobody has left has no spread at all
    share1, share0 = (left1 + 0.5) / (n1 + 1), (left0 + 0.5) / (n0 + 1)
    clock = share1 / (n1 * (1 - share1)) + share0 / (n0 * (1 - share0))
    planned = TUNED_RATE / (1 - TUNED_RATE) * (1 / n1 + 1 / n0)
    mixture = planned / (2 * math.log(1 / alpha) + math.log(1 + 2 * math.log(1 / alpha)))
    radius = math.sqrt((clock + mixture) * math.log((clock + mixture) / (mixture * alpha**2)))
    ratio = math.log((1 - share0) / (1 - share1))  # > 0: the treated leave more
    survived = 1 - share0
    low, high = (survived * -math.expm1(-(ratio + side * radius)) for side in (-1, 1))
    return Interval(estimate, max(min(low, estimate), -1.0), min(max(high, estimate), 1.0), None, "any_time")
