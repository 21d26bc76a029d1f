"""The effect on those who were really written to, beside the headline, which counts everybody who was to be.

Between the lot and the mail some fall away: opted out, no address, a bounce. Who was written to is no longer a lot, so they
must not be compared with the holdout. The instrument does it fairly (Angrist, Imbens and Rubin 1996, "Identification of
causal effects using instrumental variables", JASA 91): the effect of being assigned, over the share that being assigned
brings to be written to; right if being assigned does nothing to those who were not written to.
"""

from __future__ import annotations

import numpy as np
from scipy import stats

from campaigns.outreach.experiment.shares import Interval


def effect_on_written(
    left1: np.ndarray, written1: np.ndarray, left0: np.ndarray, written0: np.ndarray, *, level: float = 0.95
) -> Interval | None:
    """Change of the share of leavers among those whom the assignment got written to; Fieller's interval.

    Outcomes float [n1], [n0] of 0 and 1; written bool of the same lengths (in the holdout usually all False). Fieller
    (1954, "Some problems in interval estimation") stays right where few were written to; None where so few were
    that the effect on them could be anything.
    """
    n1, n0 = len(left1), len(left0)
    if n1 < 2 or n0 < 2:
        return None
    assigned = float(left1.mean() - left0.mean())
    reached = float(written1.mean() - written0.mean())
    both1 = np.cov(left1, written1.astype(np.float64)) / n1
    both0 = np.cov(left0, written0.astype(np.float64)) / n0
    spread = both1 + both0
    z2 = float(stats.norm.isf((1 - level) / 2)) ** 2
    # effects b for which (assigned - b * reached)^2 <= z^2 Var(assigned - b * reached)
    square = reached**2 - z2 * spread[1, 1]
    linear = -2 * (assigned * reached - z2 * spread[0, 1])
    constant = assigned**2 - z2 * spread[0, 0]
    if square <= 0:
        return None
    root = np.sqrt(max(linear**2 - 4 * square * constant, 0.0))
    estimate = assigned / reached
    return Interval(
        estimate, float((-linear - root) / (2 * square)), float((-linear + root) / (2 * square)), None, "written"
    )
