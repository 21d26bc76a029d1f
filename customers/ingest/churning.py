"""What leaving means as a rule over months: who could leave at a date, who did within the horizon, and when that is known.

Months are numbered (year x 12 + month - 1) and a date that customers are looked at is the first of one: what is known of
them then are the months before. From the date on the time is parted in two: the gap, in which nobody can be reached any
more, then the horizon, in which a rule must see them leave.

Silence is the usual definition where no contract ends (Kirui and others 2013; Alboukaey and others, Daily churn prediction
in mobile telephony, Expert Systems with Applications 162, 2020): a customer who used something in the last month before the
date, and used nothing for N days that begin within the horizon. An outcome that the data does not reach is unknown: it is
never counted as staying.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from enum import IntEnum
from typing import ClassVar

import numpy as np

MONTH_DAYS = 30  # a month in rules that people give in days
_EPOCH = date(1970, 1, 1)


class Outcome(IntEnum):
    """Of one customer at one date.

    ABSENT    was no customer then, or had left already
    STAYED    was still there at the end of the horizon
    LEFT      left within the horizon
    TOO_SOON  left within the gap: nobody could have reached them in time
    FADING    could not be told apart from who had left: silent in the month before, or the contract had run out
    """

    ABSENT = 0
    STAYED = 1
    LEFT = 2
    TOO_SOON = 3
    FADING = 4


AT_RISK = (Outcome.STAYED, Outcome.LEFT)  # whom a model learns from


def month_of(day: date) -> int:
    """The number of a day's month."""
    return day.year * 12 + day.month - 1


def first_day(month: int) -> date:
    """The first day of a numbered month."""
    return date(month // 12, month % 12 + 1, 1)


def months_of(days: int) -> int:
    """A rule's days in whole months, rounded up."""
    return -(-days // MONTH_DAYS)


def months_of_days(days: np.ndarray) -> np.ndarray:
    """Numbers of the months (float64 [n]) of days counted from 1970-01-01; NaN stays."""
    known = ~np.isnan(days)
    whole = np.where(known, days, 0).astype("int64").astype("datetime64[D]").astype("datetime64[M]").astype("int64")
    return np.where(known, whole + 1970 * 12, np.nan)


@dataclass(frozen=True, slots=True)
class People:
    """What is known of n customers, all arrays aligned.

    used   int64 [n]: bit k is set where something was used in month ``first`` + k (62 months at most)
    ends   float64 [n]: the day the contract ends, counted from 1970-01-01; NaN unknown
    since  float64 [n]: number of the month in which they came; NaN unknown, which counts as always
    """

    first: int
    used: np.ndarray
    ends: np.ndarray
    since: np.ndarray

    def use_in(self, month: int) -> np.ndarray:
        """Whether something was used in a month (bool [n]); False before the first known."""
        place = month - self.first
        return (self.used >> place) & 1 == 1 if place >= 0 else np.zeros(len(self.used), dtype=bool)

    def use_between(self, start: int, stop: int) -> np.ndarray:
        """Whether something was used in any of the months ``start`` to ``stop`` - 1 (bool [n])."""
        low, high = max(start - self.first, 0), max(stop - self.first, 0)
        return self.used & ((1 << high) - (1 << low)) != 0 if high > low else np.zeros(len(self.used), dtype=bool)


@dataclass(frozen=True, slots=True)
class Silence:
    """Leaving is using nothing for ``silent`` whole months that begin within the horizon. All in months, silent >= 1."""

    silent: int
    horizon: int
    gap: int
    sees_use: ClassVar[bool] = True

    def known_from(self, month: int) -> int:
        """The month at whose beginning every outcome of those looked at on ``month`` is known."""
        return month + self.gap + self.horizon + self.silent - 1

    def needs_use_of(self, month: int) -> tuple[int, int]:
        """The months (from, to) whose use must be known to judge ``month``: a month without records is not silence."""
        return month - 1, self.known_from(month)

    def outcomes(self, people: People, month: int) -> np.ndarray:
        """Outcome of each customer looked at on the first of ``month`` (int8 [n]).

        Only who used something in the month before is at risk: who is silent already can no longer be told from who
        left, and learning from those among them who came back would teach that silence is harmless.
        """
        begins = np.full(len(people.used), -1)
        for start in range(month + self.gap + self.horizon - 1, month - 1, -1):
            begins[~people.use_between(start, start + self.silent)] = start
        found = np.where(
            begins < 0, Outcome.STAYED, np.where(begins < month + self.gap, Outcome.TOO_SOON, Outcome.LEFT)
        )
        quiet = np.where(people.use_between(month - self.silent, month), Outcome.FADING, Outcome.ABSENT)
        return np.where(people.use_in(month - 1), found, quiet).astype(np.int8)

    def judges(self, people: People) -> np.ndarray:
        """Of whom the rule can say anything (bool [n]): who ever used something."""
        return people.used != 0

    def gone(self, people: People, now: int) -> np.ndarray:
        """Whether each customer has left by the beginning of month ``now`` (bool [n]). Who never used anything has not."""
        return people.use_between(people.first, now) & ~people.use_between(now - self.silent, now)

    def needs_use_for_gone(self, now: int) -> tuple[int, int]:
        """The months (from, to) whose use must be known to say who has left by ``now``."""
        return now - self.silent, now


@dataclass(frozen=True, slots=True)
class ContractEnd:
    """Leaving is a contract that ends within the horizon, that was not moved to a later day since, and after which nothing
    is used: in the first whole month that begins more than ``grace`` days after its end. All in days.

    ``sees_use``: whether the company has months of use at all; without them the end alone decides.
    """

    grace: int
    horizon: int
    gap: int
    sees_use: bool

    def known_from(self, month: int) -> int:
        last = first_day(month) + timedelta(days=self.gap + self.horizon + self.grace)
        return month_of(last) + (2 if self.sees_use else 1)

    def needs_use_of(self, month: int) -> tuple[int, int]:
        earliest = first_day(month) + timedelta(days=self.grace)
        return (month_of(earliest) + 1, self.known_from(month)) if self.sees_use else (month, month)

    def judges(self, people: People) -> np.ndarray:
        """Of whom the rule can say anything (bool [n]): whose contract's end is known."""
        return ~np.isnan(people.ends)

    def outcomes(self, people: People, month: int) -> np.ndarray:
        """Outcome of each customer looked at on the first of ``month`` (int8 [n]); no day known: ABSENT."""
        begin = (first_day(month) - _EPOCH).days
        reached, over = begin + self.gap, begin + self.gap + self.horizon
        stops = ~self._lives_on(people)
        found = np.full(len(people.ends), Outcome.STAYED, dtype=np.int8)
        found[stops & (people.ends <= over)] = Outcome.LEFT
        found[stops & (people.ends <= reached)] = Outcome.TOO_SOON
        found[people.ends <= begin] = Outcome.FADING
        here = ~np.isnan(people.ends) & ~(people.since >= month)
        return np.where(here, found, Outcome.ABSENT).astype(np.int8)

    def gone(self, people: People, now: int) -> np.ndarray:
        """Whether each customer has left by the beginning of month ``now``, as far as that can be known (bool [n])."""
        over = people.ends + self.grace < (first_day(now) - _EPOCH).days
        seen = months_of_days(people.ends + self.grace) + 1 < now if self.sees_use else over
        return over & seen & ~self._lives_on(people)

    def needs_use_for_gone(self, now: int) -> tuple[int, int]:
        return (now - 1, now) if self.sees_use else (now, now)

    def _lives_on(self, people: People) -> np.ndarray:
        """Whether something was used in the first whole month after the contract's end and the grace (bool [n])."""
        if not self.sees_use:
            return np.zeros(len(people.ends), dtype=bool)
        place = months_of_days(people.ends + self.grace) + 1 - people.first
        seen = (place >= 0) & (place < 62)
        return seen & ((people.used >> np.where(seen, place, 0).astype(np.int64)) & 1 == 1)


Rule = Silence | ContractEnd
