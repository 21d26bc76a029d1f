"""Says before a training whether there is enough to learn from, what is missing, and roughly how much more to collect.

Two kinds of bar. *Least*: below it nothing is trained (five folds with five leavers each). *Enough*: the figures on the model
card will be steady. How steady is said by the 95 % interval of the AUC that so many leavers and stayers allow (Hanley, McNeil:
The meaning and use of the area under a ROC curve, Radiology 143, 1982), at an AUC of 0.75, usual for churn. A hundred leavers
are the least for judging a model at all (Vergouwe and others, J. Clin. Epidemiol. 58, 2005; Collins and others, Statistics in
Medicine 35, 2016), ten for each feature the old rule for fitting one (Peduzzi and others, J. Clin. Epidemiol. 49, 1996).
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field

READY, THIN, NOT_YET = "ready", "thin", "not_yet"
MET, BELOW_ENOUGH, BELOW_LEAST, NOT_ASKED = "met", "below_enough", "below_least", "not_asked"

USUAL_AUC = 0.75
HALF_WIDTH = 0.05  # of the AUC's interval, for "enough"
LEAST_ROWS, ENOUGH_ROWS = 100, 1_000  # customers whose outcome is known
LEAST_EACH, ENOUGH_EACH = 25, 100  # leavers, and stayers
LEAST_FEATURES, ENOUGH_FEATURES = 1, 5
LEAST_MONTHS, ENOUGH_MONTHS = 1, 6  # three for a trend, and three before to hold it against
LEAVERS_EACH_FEATURE, ENOUGH_LEAVERS_EACH_FEATURE = 1.0, 10.0


@dataclass(frozen=True, slots=True)
class Facts:
    """What a workspace holds. ``months``: distinct months of use (None: it has none, and none are asked of it);
    ``features``: columns that models may learn from once identifiers, constants and leaks are set aside;
    ``left_each_month``: leavers that come in by themselves, where that is known."""

    customers: int
    left: int
    stayed: int
    features: int
    months: int | None = None
    left_each_month: float | None = None

    def __post_init__(self) -> None:
        counts = (self.customers, self.left, self.stayed, self.features, self.months or 0)
        if min(counts) < 0 or self.left + self.stayed > self.customers:
            raise ValueError(f"these numbers fit no customer base: {self}")


@dataclass(frozen=True, slots=True)
class Criterion:
    """One bar. ``code``: outcome_known, left, stayed, features, left_each_feature, auc_interval, months.

    ``have`` against ``least`` and ``enough``; ``missing``: how many more until the next bar (0 where both are met), in the
    unit of ``have``. For auc_interval less is better and ``missing`` counts leavers.
    """

    code: str
    state: str
    have: float
    least: float
    enough: float
    missing: float
    counts: bool = True  # whether it decides the verdict, or only advises


@dataclass(frozen=True, slots=True)
class Readiness:
    """``verdict``: READY, THIN (a model may be trained; its figures will waver) or NOT_YET.

    auc_half_width    half of the 95 % interval of the AUC to expect now; None without leavers and stayers
    left_to_collect   leavers until every bar that counts is met
    rows_to_collect   customers with a known outcome that this takes at the present share of leavers; None where unknown
    months_to_wait    months that this takes; None where not known how many leave in one
    outlook           [(leavers, half width)] now, and with twice, four times and ten times as many leavers and stayers
    """

    verdict: str
    criteria: tuple[Criterion, ...]
    auc_half_width: float | None
    left_to_collect: int
    rows_to_collect: int | None
    months_to_wait: int | None
    outlook: tuple[tuple[int, float], ...] = field(default=())

    def to_json(self) -> dict[str, object]:
        return asdict(self)

    def criterion(self, code: str) -> Criterion:
        return next(c for c in self.criteria if c.code == code)


def assess(facts: Facts) -> Readiness:
    """Hold the facts against every bar. Never raises: an empty workspace is NOT_YET, with all that it misses."""
    known = facts.left + facts.stayed
    width = half_width(USUAL_AUC, facts.left, facts.stayed)
    criteria = [
        _at_least("outcome_known", known, LEAST_ROWS, ENOUGH_ROWS),
        _at_least("left", facts.left, LEAST_EACH, ENOUGH_EACH),
        _at_least("stayed", facts.stayed, LEAST_EACH, ENOUGH_EACH),
        _at_least("features", facts.features, LEAST_FEATURES, ENOUGH_FEATURES),
        _for_features(facts),
        _interval(facts, width),
        _months(facts.months),
    ]
    states = {c.state for c in criteria if c.counts}
    verdict = NOT_YET if BELOW_LEAST in states else THIN if BELOW_ENOUGH in states else READY
    more = _left_to_collect(facts, criteria)
    rate = facts.left / known if known else 0.0
    rows = max(math.ceil(more / rate) if rate else 0, math.ceil(criteria[0].missing), math.ceil(criteria[2].missing))
    waits = more > 0 and bool(facts.left_each_month)
    return Readiness(
        verdict=verdict,
        criteria=tuple(criteria),
        auc_half_width=round(width, 4) if math.isfinite(width) else None,
        left_to_collect=more,
        rows_to_collect=None if more and not rate else rows,
        months_to_wait=math.ceil(more / facts.left_each_month) if waits else (0 if more == 0 else None),
        outlook=tuple(
            (facts.left * times, round(half_width(USUAL_AUC, facts.left * times, facts.stayed * times), 4))
            for times in (1, 2, 4, 10)
        )
        if facts.left and facts.stayed
        else (),
    )


def half_width(auc: float, left: float, stayed: float) -> float:
    """Half of the 95 % interval of an AUC (0.5 to 1) from so many leavers and stayers; infinite without either."""
    if not 0.5 <= auc <= 1:
        raise ValueError(f"an AUC lies between 0.5 and 1, not at {auc}")
    if left < 1 or stayed < 1:
        return math.inf
    q1, q2 = auc / (2 - auc), 2 * auc**2 / (1 + auc)
    variance = auc * (1 - auc) + (left - 1) * (q1 - auc**2) + (stayed - 1) * (q2 - auc**2)
    return 1.96 * math.sqrt(variance / (left * stayed))


def leavers_for(width: float, stayed_each_left: float, auc: float = USUAL_AUC) -> int:
    """Fewest leavers, each with so many stayers beside, for which the AUC's interval is at most ``width`` on either side."""
    if width <= 0 or stayed_each_left <= 0:
        raise ValueError("a width and a ratio are above 0")
    low, high = 0, 1
    while half_width(auc, high, max(1.0, high * stayed_each_left)) > width:
        low, high = high, high * 2
    while high - low > 1:
        middle = (low + high) // 2
        if half_width(auc, middle, max(1.0, middle * stayed_each_left)) > width:
            low = middle
        else:
            high = middle
    return high


def _at_least(code: str, have: float, least: float, enough: float, *, counts: bool = True) -> Criterion:
    if have >= enough:
        return Criterion(code, MET, have, least, enough, 0, counts)
    if have >= least:
        return Criterion(code, BELOW_ENOUGH, have, least, enough, enough - have, counts)
    return Criterion(code, BELOW_LEAST, have, least, enough, least - have, counts)


def _for_features(facts: Facts) -> Criterion:
    """Leavers for each feature: advice only, since our models are shrunk and choose among features."""
    each = facts.left / facts.features if facts.features else 0.0
    found = _at_least(
        "left_each_feature", round(each, 2), LEAVERS_EACH_FEATURE, ENOUGH_LEAVERS_EACH_FEATURE, counts=False
    )
    return found


def _interval(facts: Facts, width: float) -> Criterion:
    ratio = facts.stayed / facts.left if facts.left and facts.stayed else 4.0
    missing = max(0, leavers_for(HALF_WIDTH, ratio) - facts.left)
    state = MET if width <= HALF_WIDTH else BELOW_ENOUGH
    have = round(width, 4) if math.isfinite(width) else 0.5
    return Criterion("auc_interval", state, have, 0.5, HALF_WIDTH, 0 if state == MET else missing)


def _months(months: int | None) -> Criterion:
    """Months of use: trends need them, a model does not, so they only advise."""
    if months is None:
        return Criterion("months", NOT_ASKED, 0, LEAST_MONTHS, ENOUGH_MONTHS, 0, counts=False)
    return _at_least("months", months, LEAST_MONTHS, ENOUGH_MONTHS, counts=False)


def _left_to_collect(facts: Facts, criteria: list[Criterion]) -> int:
    """Leavers until enough of them, and until the interval is narrow."""
    by_code = {c.code: c for c in criteria}
    return math.ceil(max(ENOUGH_EACH - facts.left, by_code["auc_interval"].missing, 0))
