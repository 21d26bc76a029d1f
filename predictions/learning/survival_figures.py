"""Is a survival model better than one curve for everybody? Figures on customers that it had not seen.

Brier score at a time, each customer weighted by the inverse chance of being still watched, integrated over time:
Graf, Schmoor, Sauerbrei and Schumacher 1999, "Assessment and comparison of prognostic classification schemes for
survival data". That chance is estimated within groups of like prospects, as Gerds and Schumacher 2006 advise where
being lost from sight hangs on the customer: those who never leave are those who have been watched for long.
(Measured on IBM Telco, months 1 to 51: one chance for all would claim a skill of 0.47, like prospects say 0.40.)

A spell is what a customer's figures rest on: ``start`` (int64 [n], the tenure survived when watching began, -1
for "from the first month on") and ``elapsed`` (int64 [n], months from there to leaving or to today). Where only a
window was watched it ends for all at once, so the score has one time, the window's end; of a leaver, who left at
some moment in it, half the window is taken as elapsed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from predictions.learning import kaplan_meier
from predictions.learning.evidence import MIN_OF_EACH, NotEnoughEvidence
from predictions.learning.hazard import Grid, Odds
from predictions.learning.kaplan_meier import Curve, Point

HORIZONS = (3, 6, 12)  # months
GROUPS = 5
_LANDMARKS = (12, 24)  # tenures from which the future is checked too, beside the first month
_LEAST_OF_A_KIND = 200  # customers
_LEAST_WATCHED = 0.1  # of every kind; beyond that time single customers would weigh too much
_FARTHEST = 120  # months
_DRAWS = 400


@dataclass(frozen=True, slots=True)
class Spells:
    start: np.ndarray
    elapsed: np.ndarray
    left: np.ndarray  # bool [n]
    kind: np.ndarray  # int64 [n]: group of like prospects

    @classmethod
    def of(cls, tenure: np.ndarray, left: np.ndarray, watched: int | None, prospects: np.ndarray) -> Spells:
        """tenure int64 [n], left bool [n], prospects float64 [n] (any order of the customers, from out of fold)."""
        kind, groups = np.empty(len(tenure), dtype=np.int64), min(GROUPS, max(1, len(tenure) // _LEAST_OF_A_KIND))
        for number, rows in enumerate(np.array_split(np.argsort(prospects, kind="stable"), groups)):
            kind[rows] = number
        if watched is None:
            return cls(np.full(len(tenure), -1), tenure + 1, left, kind)
        elapsed = np.minimum(np.where(left, (watched + 1) // 2, watched), tenure + 1)
        return cls(tenure - elapsed, elapsed, left, kind)

    def rows(self, rows: np.ndarray) -> Spells:
        return Spells(self.start[rows], self.elapsed[rows], self.left[rows], self.kind[rows])


@dataclass(frozen=True, slots=True)
class Verdict:
    """Integrated Brier scores out of fold (lower is better), and their difference with its 95 % interval.

    better_than_kaplan_meier: the whole interval of the difference (model minus Kaplan-Meier) lies below 0.
    skill: 1 - brier / brier_kaplan_meier. months: [first, last] month scored; with a window, both are its length.
    """

    better_than_kaplan_meier: bool
    brier: float
    brier_kaplan_meier: float
    difference: float
    low: float
    high: float
    skill: float
    months: list[int]
    customers: int
    events: int


@dataclass(frozen=True, slots=True)
class CalibrationBin:
    """Customers of like prospects: the chance to be still here ``months`` after ``tenure`` (0: from the beginning;
    None: from where the window began), predicted on average, and observed (Kaplan-Meier, 95 % interval)."""

    tenure: int | None
    months: int
    group: int
    n: int
    predicted: float
    observed: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Segment:
    """A group's observed curve and what the model expects of the same customers, at the same times.

    expected: [time, survival] pairs.
    """

    observed: Curve
    expected: list[list[float]]


def times(spells: Spells, grid: Grid, watched: int | None) -> np.ndarray:
    """Elapsed months (int64) at which the score is taken. Raises NotEnoughEvidence("too_few_events_in_time")."""
    if watched is not None:
        return np.array([watched])
    every = np.arange(2, min(grid.last, _FARTHEST) + 2)  # month m of tenure has m + 1 months elapsed
    enough = np.ones(len(every), dtype=bool)
    for rows in _kinds(spells.kind):
        enough &= kaplan_meier.censoring(spells.elapsed[rows], spells.left[rows]).before(every) >= _LEAST_WATCHED
    kept = every[enough]
    events = int((spells.left & (spells.elapsed <= (kept[-1] if kept.size else 0))).sum())
    if events < MIN_OF_EACH:
        raise NotEnoughEvidence(
            "too_few_events_in_time",
            f"Only {events} customers left within the months that enough customers were watched for; at least "
            f"{MIN_OF_EACH} are needed, {MIN_OF_EACH - events} more.",
            churners=events,
            needed=MIN_OF_EACH,
            missing=MIN_OF_EACH - events,
        )
    return kept


def brier(
    elapsed: np.ndarray, left: np.ndarray, at: np.ndarray, kind: np.ndarray | None = None
) -> Callable[[int, np.ndarray], np.ndarray]:
    """Scores with the weights of these customers: ``score(i, survival)`` is float64 [n], each customer's part of
    the Brier score at ``at[i]`` for survival float64 [n]; their mean is the score.

    elapsed float or int [n], left bool [n]; kind int64 [n]: groups in which weights are estimated, None for one.
    """
    kind = np.zeros(len(elapsed), dtype=np.int64) if kind is None else kind
    gone_weight, here_weight = np.empty(len(elapsed)), []
    for rows in _kinds(kind):
        seen = kaplan_meier.censoring(elapsed[rows], left[rows])
        gone_weight[rows] = left[rows] / np.maximum(seen.before(elapsed[rows]), 1e-12)
        here_weight.append(1 / np.maximum(seen.before(at), 1e-12))
    here_weights = np.stack(here_weight)

    def score(i: int, survival: np.ndarray) -> np.ndarray:
        gone = (elapsed <= at[i]) * gone_weight
        here = ((elapsed > at[i]) | ((elapsed == at[i]) & ~left)) * here_weights[kind, i]
        return gone * survival**2 + here * (1 - survival) ** 2

    return score


def _kinds(kind: np.ndarray) -> list[np.ndarray]:
    """The rows of each group."""
    return [np.flatnonzero(kind == number) for number in range(int(kind.max()) + 1)]


def integrated(at: np.ndarray) -> np.ndarray:
    """Weight (float64 [m], sum 1) of each time in an integral by trapezoids over at (ascending [m])."""
    if len(at) == 1:
        return np.ones(1)
    gaps = np.diff(at).astype(np.float64)
    return (np.r_[gaps, 0.0] + np.r_[0.0, gaps]) / 2 / gaps.sum()


def integrated_brier(spells: Spells, odds: Odds, at: np.ndarray) -> np.ndarray:
    """Each customer's part (float64 [n]) of the integrated Brier score of a model's odds; ``at`` int64 [m]."""
    score, weights = (
        brier(spells.elapsed, spells.left, at, spells.kind),
        dict(zip(at.tolist(), integrated(at), strict=True)),
    )
    total, done = np.zeros(len(spells.start)), 0
    for month, survival in enumerate(odds.courses(spells.start, int(at[-1])), start=1):
        if month in weights:
            total += weights[month] * score(done, survival)
            done += 1
    return total


def kaplan_meier_odds(grid: Grid, tenure: np.ndarray, left: np.ndarray, fold: np.ndarray, watched: int | None) -> Odds:
    """Kaplan-Meier as a model of everybody alike, each fold's (int [n]) fitted on the other folds."""
    months = np.arange(grid.last + 1)
    monthly = []
    for number in range(int(fold.max()) + 1):
        other = fold != number
        found = kaplan_meier.steps(tenure[other], left[other], watched=watched)
        hazard = np.zeros(len(months))
        within = found.times <= grid.last
        hazard[found.times[within].astype(np.int64)] = (found.events / np.maximum(found.at_risk, 1e-12))[within]
        monthly.append(hazard / np.maximum(1 - hazard, 1e-12))
    nobody = np.zeros(len(months))
    return Odds(np.stack(monthly), nobody, fold.astype(np.int64), np.ones(len(tenure)), None)


def judge(
    model: np.ndarray, baseline: np.ndarray, spells: Spells, at: np.ndarray, watched: int | None, seed: int
) -> Verdict:
    """Compare parts of the integrated score (float64 [n] each), by a bootstrap over customers, weights held still."""
    apart, rng, n = model - baseline, np.random.default_rng(seed), len(model)
    drawn = [float(apart[rng.integers(0, n, n)].mean()) for _ in range(_DRAWS)]
    low, high = (float(edge) for edge in np.quantile(drawn, (0.025, 0.975)))
    first = int(watched is None)  # from the first month on, elapsed months are one more than tenure
    return Verdict(
        better_than_kaplan_meier=high < 0,
        brier=float(model.mean()),
        brier_kaplan_meier=float(baseline.mean()),
        difference=float(apart.mean()),
        low=low,
        high=high,
        skill=float(1 - model.mean() / baseline.mean()) if baseline.mean() > 0 else 0.0,
        months=[int(at[0]) - first, int(at[-1]) - first],
        customers=n,
        events=int((spells.left & (spells.elapsed <= at[-1])).sum()),
    )


def calibration(spells: Spells, odds: Odds, grid: Grid, watched: int | None) -> list[CalibrationBin]:
    """Predicted against observed for HORIZONS, in GROUPS of like prospects; with a window, at its end only."""
    if watched is not None:
        return _bins(spells, odds, {watched: watched}, None)
    found = _bins(spells, odds, {h + 1: h for h in HORIZONS if h <= grid.last}, 0)
    for landmark in _LANDMARKS:
        since = spells.elapsed - 1 - landmark
        rows = np.flatnonzero(since > 0)
        horizons = {h: h for h in HORIZONS if landmark + h <= grid.last}
        if len(rows) >= GROUPS * kaplan_meier.LEAST_IN_GROUP and horizons:
            from_there = replace(spells.rows(rows), start=np.full(len(rows), landmark), elapsed=since[rows])
            found += _bins(from_there, odds.rows(rows), horizons, landmark)
    return found


def _bins(spells: Spells, odds: Odds, horizons: dict[int, int], tenure: int | None) -> list[CalibrationBin]:
    """``horizons``: months to go -> months to tell."""
    found: list[CalibrationBin] = []
    for month, survival in enumerate(odds.courses(spells.start, max(horizons, default=0)), start=1):
        if month not in horizons:
            continue
        order = np.argsort(survival, kind="stable")
        for group, rows in enumerate(np.array_split(order, GROUPS)):
            seen = kaplan_meier.steps(spells.elapsed[rows], spells.left[rows])
            low, high = (np.r_[1.0, edge][np.searchsorted(seen.times, month, side="right")] for edge in seen.band())
            observed, predicted = float(seen.at(month)), float(survival[rows].mean())
            found.append(
                CalibrationBin(tenure, horizons[month], group, len(rows), predicted, observed, float(low), float(high))
            )
    return found


def expected(odds: Odds, tenure: np.ndarray, left: np.ndarray, last: int, watched: int | None) -> np.ndarray:
    """Survival (float64 [last + 1], by month) that a model expects of these very customers, for comparison with
    their Kaplan-Meier curve: each month's chance of leaving is averaged over who was at risk in it (the second
    method of Ederer and Heise 1959), so that both curves are of the same people at the same time."""
    survival, so_far = np.empty(last + 1), 1.0
    months = Grid(np.arange(last + 1), last).exposure
    kinds, place = np.unique(np.stack([tenure, left.astype(np.int64)]), axis=1, return_inverse=True)
    at_risk = months(kinds[0], kinds[1] == 1, watched)
    for month in range(last + 1):
        weight = np.minimum(at_risk[place, month], 1.0)  # the last interval has no end
        rows = np.flatnonzero(weight)
        if rows.size:
            ratio = odds.rows(rows).at(np.full(rows.size, month))
            so_far *= 1 - float(np.average(ratio / (1 + ratio), weights=weight[rows]))
        survival[month] = so_far
    return survival


def segment(
    name: str | None, odds: Odds, tenure: np.ndarray, left: np.ndarray, grid: Grid, watched: int | None
) -> Segment:
    """One group (its customers only), up to the longest tenure that the data support."""
    observed = kaplan_meier.curve(tenure, left, name=name, watched=watched)
    points: tuple[Point, ...] = tuple(point for point in observed.points if point.time <= grid.last)
    course = expected(odds, tenure, left, grid.last, watched)
    kept = Curve(observed.name, observed.customers, observed.events, observed.median, points)
    return Segment(kept, [[point.time, float(course[int(point.time)])] for point in points])
