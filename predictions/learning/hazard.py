"""A discrete-time hazard model: the log odds of leaving in a month are a level by tenure plus a sum over columns.

    logit P(leaves in month m | still here after m - 1, x) = level(m) + g(x) + clock(m) * drift(x)

Singer and Willett 1993, "It's about time: using discrete-time survival analysis"; Suresh, Severn and Ghosh 2022,
"Survival prediction models: an introduction to discrete-time modeling". g and drift are look-up tables; drift is
there only where it was measured to help. Months are those of tenure, counted from 0 as the company counts them.
The level is constant within the intervals of a Grid, and the chances are monthly ones throughout: an interval of
four months is four months at one level, not one period.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from predictions.learning.tables import Tables

LONGEST = 1_200  # months; a tenure beyond a century is no tenure
LEAST_AT_RISK = 20  # customers; what fewer of them lived through is not taken as known
_SINGLE = 12  # months that have an interval of their own
_WIDER = 17  # intervals for all later months
_SURE = 30.0  # log odds beyond which nothing changes, and the exponential stays finite


@dataclass(frozen=True, slots=True)
class Grid:
    """Intervals of tenure. starts int64 [K]: the first month of each; the last one has no end.

    last: the longest tenure that LEAST_AT_RISK customers reached. Beyond it the level of the last interval
    is held, which is an assumption and is told wherever it is used.
    """

    starts: np.ndarray
    last: int

    @classmethod
    def of(cls, tenure: np.ndarray) -> Grid:
        """From tenures alone (int64 [n]), not from who left."""
        reached = np.bincount(tenure)[::-1].cumsum()[::-1]
        enough = np.flatnonzero(reached >= LEAST_AT_RISK)
        last = int(enough[-1]) if enough.size else 0
        starts = np.arange(min(last, _SINGLE) + 1)
        width = -(-(last - _SINGLE) // _WIDER)
        if width > 0:
            wider = np.arange(_SINGLE + 1, last + 1, width)
            if last + 1 - wider[-1] < width / 2:
                wider = wider[:-1]
            starts = np.r_[starts, wider]
        return cls(starts, last)

    def interval_of(self, months: np.ndarray) -> np.ndarray:
        """Interval (int64) of months (int)."""
        return np.searchsorted(self.starts, months, side="right") - 1

    @property
    def clock(self) -> np.ndarray:
        """-1 at the beginning to 1 in the last interval, by the root of the month: float64 [K].

        Much changes early and little late; of an effect that fades in a straight line the root is not far off.
        """
        if len(self.starts) == 1:
            return np.zeros(1)
        middle = np.sqrt((self.starts + np.r_[self.starts[1:] - 1, self.last]) / 2)
        return 2 * (middle - middle[0]) / (middle[-1] - middle[0]) - 1

    def exposure(self, tenure: np.ndarray, left: np.ndarray, watched: int | None) -> np.ndarray:
        """Months (float64 [n, K]) that each customer was at risk in each interval, the month of leaving included.

        ``watched``: only that many last months of a tenure (kaplan_meier says why); of those who left, the month
        j months before is one that the window holds with probability 1 - j / watched.
        """
        ends = np.r_[self.starts[1:] - 1, LONGEST + 1]
        after = np.clip(tenure[:, None] - self.starts + 1, 0, watched).astype(np.float64)
        before = np.clip(tenure[:, None] - ends, 0, watched).astype(np.float64)
        months = after - before
        if watched is not None:
            months -= left[:, None] * (after * (after - 1) - before * (before - 1)) / (2 * watched)
        return months


@dataclass(frozen=True, slots=True)
class Hazard:
    """One fitted model: level float64 [K] (log odds a month), g and drift as Tables whose base is 0.

    drift is None in a proportional model, where what is known of a customer weighs the same at every tenure.
    """

    level: np.ndarray
    g: Tables
    drift: Tables | None = None


@dataclass(frozen=True, slots=True)
class Odds:
    """The odds of leaving, month by month, of n customers.

    monthly  float64 [models, last + 1]: exp(level), the last column for all later months
    clock    float64 [last + 1]
    which    int64 [n]: the model of each customer; g float64 [n]; drift float64 [n], or None
    """

    monthly: np.ndarray
    clock: np.ndarray
    which: np.ndarray
    g: np.ndarray
    drift: np.ndarray | None

    @classmethod
    def of(
        cls, grid: Grid, hazards: Sequence[Hazard], which: np.ndarray, g: np.ndarray, drift: np.ndarray | None
    ) -> Odds:
        months = grid.interval_of(np.arange(grid.last + 1))
        level = np.stack([hazard.level for hazard in hazards])[:, months]
        g = np.exp(np.clip(g, -_SURE, _SURE)) if drift is None else g
        return cls(np.exp(np.clip(level, -_SURE, _SURE)), grid.clock[months], which, g, drift)

    def rows(self, rows: np.ndarray | slice) -> Odds:
        """The same for some of the customers."""
        drift = None if self.drift is None else self.drift[rows]
        return Odds(self.monthly, self.clock, self.which[rows], self.g[rows], drift)

    def at(self, month: np.ndarray) -> np.ndarray:
        """Odds (float64 [n]) of leaving in a month (int64 [n]; one for each customer) for who is still here."""
        held = np.minimum(month, self.monthly.shape[1] - 1)
        level = self.monthly.ravel()[self.which * self.monthly.shape[1] + held]
        if self.drift is None:
            return level * self.g  # g is kept as its exponential: no exponential a month
        return level * np.exp(np.clip(self.g + self.clock[held] * self.drift, -_SURE, _SURE))

    def courses(self, after: np.ndarray, months: int) -> Iterator[np.ndarray]:
        """Chance (float64 [n]) to be here still 1, 2, ... months after a tenure (int64 [n]) that was survived.

        -1 stands for before the first month. The array is the same one each time: copy what must stay.
        """
        survival = np.ones(len(after))
        for step in range(1, months + 1):
            survival /= 1 + self.at(after + step)
            yield survival
