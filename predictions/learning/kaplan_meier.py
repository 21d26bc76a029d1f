"""How long customers stay, as it was observed: Kaplan-Meier curves with their intervals, for all and by group.

Kaplan and Meier 1958, "Nonparametric estimation from incomplete observations". Intervals: Greenwood's (1926)
variance on the scale of log(-log S), which keeps them inside 0..1 (Kalbfleisch and Prentice 2002, 1.4).

A duration is the tenure of somebody who left, or the tenure so far of somebody who is still here. Who is still
here with tenure t is known to have survived t: at equal times, leaving comes before being lost from sight.

Two kinds of file look the same and mean different things. ``watched=None``: the file holds everybody who ever
joined, so a tenure of 30 months was watched from its first month on. ``watched=w``: it holds those who were here
w months ago and says which of them have left since; then somebody is at risk only in the last w months of their
tenure (left truncation), and the curve is a period life table (Preston, Heuveline and Guillot 2001, ch. 3). When
in the window somebody left is not known: all its months are equally likely. Taking one kind for the other puts
the monthly risk wrong several times over, and nothing in the two columns can tell: the caller must know.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from predictions.learning import columns

MOST_POINTS = 120
LEAST_IN_GROUP = 20  # customers; a curve of fewer is mostly interval
_Z = 1.959964


@dataclass(frozen=True, slots=True)
class Point:
    """time in months; survival with its 95 % interval; at_risk at that time; events since the point before."""

    time: float
    survival: float
    low: float
    high: float
    at_risk: float
    events: int


@dataclass(frozen=True, slots=True)
class Curve:
    """Plain values, fit for JSON. name: the group, None for everybody; median in months, None if never reached."""

    name: str | None
    customers: int
    events: int
    median: float | None
    points: tuple[Point, ...]


@dataclass(frozen=True, slots=True)
class Steps:
    """A survival curve as it falls: every array float64 [m], times ascending."""

    times: np.ndarray
    at_risk: np.ndarray
    events: np.ndarray

    @property
    def survival(self) -> np.ndarray:
        return np.cumprod(1 - self.events / np.maximum(self.at_risk, 1e-12))

    def at(self, time: np.ndarray | float) -> np.ndarray:
        """Survival just after these times."""
        return np.r_[1.0, self.survival][np.searchsorted(self.times, time, side="right")]

    def before(self, time: np.ndarray | float) -> np.ndarray:
        """Survival just before these times."""
        return np.r_[1.0, self.survival][np.searchsorted(self.times, time, side="left")]

    def band(self) -> tuple[np.ndarray, np.ndarray]:
        """The lower and upper ends of the 95 % interval of survival, float64 [m] each.

        Before the first event both are 1. Where nobody is left, Greenwood has nothing to say: 0 and the bound before.
        """
        survival = self.survival
        # Over: a width without end, from nought to one.
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            terms = self.events / (self.at_risk * (self.at_risk - self.events))
            spread = _Z * np.sqrt(np.cumsum(terms)) / np.abs(np.log(survival))
            low, high = survival ** np.exp(spread), survival ** np.exp(-spread)
        whole, gone = survival >= 1, survival <= 1e-12
        low, high = np.where(whole, 1.0, np.where(gone, 0.0, low)), np.where(whole, 1.0, high)
        last = int(np.argmax(gone)) if gone.any() else len(gone)
        return low, np.where(gone, high[last - 1] if last else 1.0, high)


def steps(duration: np.ndarray, left: np.ndarray, *, watched: int | None = None) -> Steps:
    """The Kaplan-Meier curve of durations (float [n], months, known and not negative) and left (bool [n])."""
    duration, left = np.asarray(duration, dtype=np.float64), np.asarray(left, dtype=bool)
    times, place = np.unique(duration, return_inverse=True)
    events = np.bincount(place, left, minlength=len(times))
    if watched is None:
        ended = np.bincount(place, minlength=len(times))
        at_risk = np.cumsum(ended[::-1])[::-1].astype(np.float64)
    else:
        at_risk = _between(np.sort(duration[~left]), times, watched)[0]
        count, total = _between(np.sort(duration[left]), times, watched)
        at_risk = at_risk + count * (1 + times / watched) - total / watched  # who left j months on: 1 - j/w
    return Steps(times, at_risk, events)


def _between(duration: np.ndarray, times: np.ndarray, watched: int) -> tuple[np.ndarray, np.ndarray]:
    """How many of the sorted durations lie in [time, time + watched), and their sum."""
    first, after = (np.searchsorted(duration, edge, side="left") for edge in (times, times + watched))
    sums = np.r_[0.0, np.cumsum(duration)]
    return (after - first).astype(np.float64), sums[after] - sums[first]


def censoring(duration: np.ndarray, left: np.ndarray) -> Steps:
    """The curve of being lost from sight, for weights by the inverse chance of being still watched.

    At equal times those who left have left first, so they are no longer at risk of being lost.
    """
    duration, left = np.asarray(duration, dtype=np.float64), np.asarray(left, dtype=bool)
    whole = steps(duration, left)
    lost = np.bincount(np.searchsorted(whole.times, duration), ~left, minlength=len(whole.times))
    return Steps(whole.times, whole.at_risk - whole.events, lost)


def curve(duration: np.ndarray, left: np.ndarray, *, name: str | None = None, watched: int | None = None) -> Curve:
    """One curve on at most MOST_POINTS points. duration float [n], months; left float [n]: 1 left, 0 still here.

    Rows of which either is unknown (NaN), or whose duration is negative, are passed over.
    """
    duration, left = np.asarray(duration, dtype=np.float64), np.asarray(left, dtype=np.float64)
    good = is_known(duration, left)
    if not good.any():
        return Curve(name, 0, 0, None, ())
    duration, left = duration[good], left[good] == 1
    found = steps(duration, left, watched=watched)
    survival, (low, high) = found.survival, found.band()
    kept = np.arange(len(found.times))
    room = MOST_POINTS - 1  # one for time 0
    if len(kept) > room:
        kept = np.unique(np.linspace(0, len(kept) - 1, room).round().astype(np.int64))
    so_far = np.cumsum(found.events)[kept]
    points = [] if found.times[0] <= 0 else [Point(0.0, 1.0, 1.0, 1.0, float(found.at_risk[0]), 0)]
    points += [
        Point(
            float(found.times[i]),
            float(survival[i]),
            float(low[i]),
            float(high[i]),
            float(found.at_risk[i]),
            int(fresh),
        )
        for i, fresh in zip(kept, np.diff(so_far, prepend=0), strict=True)
    ]
    half = np.flatnonzero(survival <= 0.5)
    median = float(found.times[half[0]]) if half.size else None
    return Curve(name, len(duration), int(left.sum()), median, tuple(points))


def curves(
    duration: np.ndarray, left: np.ndarray, group: pd.Series, *, watched: int | None = None, at_most: int = 8
) -> list[Curve]:
    """A curve for each of the largest groups (a category column, n cells), the largest first.

    Left out: cells that are unknown, groups of fewer than LEAST_IN_GROUP customers, and those beyond ``at_most``.
    """
    duration, left = np.asarray(duration, dtype=np.float64), np.asarray(left, dtype=np.float64)
    return [
        curve(duration[rows], left[rows], name=name, watched=watched)
        for name, rows in members(group, among=is_known(duration, left), at_most=at_most)
    ]


def members(group: pd.Series, *, among: np.ndarray, at_most: int = 8) -> list[tuple[str, np.ndarray]]:
    """Name and rows (int64) of each of the largest groups among these rows (bool [n]), the largest first."""
    codes, levels = columns.as_levels(group)
    codes = np.where(among, codes, -1)
    counts = np.bincount(codes[codes >= 0], minlength=len(levels))
    order = sorted(range(len(levels)), key=lambda code: (-counts[code], levels[code]))
    return [(levels[code], np.flatnonzero(codes == code)) for code in order[:at_most] if counts[code] >= LEAST_IN_GROUP]


def is_known(duration: np.ndarray, left: np.ndarray) -> np.ndarray:
    """Rows (bool [n]) whose duration is a number and not negative, and of whom it is known whether they left."""
    if len(duration) != len(left):
        raise ValueError(f"{len(duration)} durations and {len(left)} outcomes do not go together")
    return np.isfinite(duration) & (duration >= 0) & ~np.isnan(left)
