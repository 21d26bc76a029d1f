"""Which months a definition of leaving can be judged at, at which of them a model learns and is tested, and what tenure was then.

The newest month whose outcome is known is for testing; a model learns from an earlier one, all of whose outcomes were known
when the later one began: nothing that the test asks about was seen in learning, not even of the same customer.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from .churning import AT_RISK, Outcome, People, Rule

KEPT_MONTHS = 36  # of use that are looked at; older ones say little of today
SHOWN_MONTHS = 24
HISTORY_MONTHS = 3  # before a date, for the trends of use to be what they are today
_COUNTED = ("at_risk", "left", "too_soon", "fading", "labelled", "agree")
_COVERED = 0.25  # of the median month's customers: with fewer a month was brought in part only
_LEAST_SEEN = 20  # customers who came and left within the known months, to say how a company counts tenure


@dataclass(frozen=True, slots=True)
class Calendar:
    """The months of use that are known: ``covered`` tells of month ``first`` + k whether it was brought whole.

    ``now``: the month after the last that is known; today as far as the data goes.
    """

    first: int
    now: int
    covered: tuple[bool, ...] = ()

    def covers(self, start: int, stop: int) -> bool:
        """Whether every month from ``start`` to ``stop`` - 1 is known."""
        low, high = start - self.first, stop - self.first
        return stop <= start or (low >= 0 and high <= len(self.covered) and all(self.covered[low:high]))

    @property
    def holes(self) -> list[int]:
        """Months between the first and the last that are not known, or in part only."""
        return [self.first + k for k, is_known in enumerate(self.covered) if not is_known]


def read_calendar(users: Mapping[int, int], now: int) -> Calendar:
    """The calendar of a company. ``users``: month -> how many customers used something in it; ``now``: the month that is
    not over yet. A month with less than a quarter of the median month's users was brought in part, and is not known."""
    counts = {month: n for month, n in users.items() if now - KEPT_MONTHS <= month < now and n > 0}
    if not counts:
        return Calendar(first=now, now=now)
    bar = _COVERED * float(np.median(list(counts.values())))
    whole = sorted(month for month, n in counts.items() if n >= bar)
    first, last = whole[0], whole[-1]
    return Calendar(
        first, last + 1, tuple(month in counts and counts[month] >= bar for month in range(first, last + 1))
    )


# ---------------------------------------------------------------- when to learn and when to test


@dataclass(frozen=True, slots=True)
class Dates:
    """When a model learns (``train``) and is tested (``test``), as numbers of months; None where the data is too short.

    ``missing``: how many more months it takes to learn at all; ``missing_to_test``: until there is a later month to test on.
    """

    train: int | None
    test: int | None
    missing: int = 0
    missing_to_test: int = 0

    @property
    def newest(self) -> int | None:
        """The newest month whose outcomes are all known."""
        return self.test if self.test is not None else self.train


def is_known(rule: Rule, calendar: Calendar, month: int) -> bool:
    """Whether every outcome of those looked at on ``month`` is known."""
    return rule.known_from(month) <= calendar.now and calendar.covers(*rule.needs_use_of(month))


def find_dates(rule: Rule, calendar: Calendar) -> Dates:
    """The newest month to test on, and the newest before it that was wholly known by then."""
    earliest = calendar.first + HISTORY_MONTHS if rule.sees_use else calendar.now - KEPT_MONTHS
    usable = [
        month
        for month in range(earliest, calendar.now)
        if is_known(rule, calendar, month) and (not rule.sees_use or calendar.covers(month - HISTORY_MONTHS, month))
    ]
    begin = _first_usable(calendar, earliest)
    learned_by = rule.known_from(begin)
    if not usable:
        return Dates(None, None, max(learned_by - calendar.now, 1), max(rule.known_from(learned_by) - calendar.now, 1))
    test = usable[-1]
    before = [month for month in usable if rule.known_from(month) <= test]
    if before:
        return Dates(before[-1], test)
    return Dates(test, None, 0, max(rule.known_from(rule.known_from(usable[0])) - calendar.now, 1))


def _first_usable(calendar: Calendar, earliest: int) -> int:
    """The month from which on nothing is missing: three months after the last hole, where there is one."""
    return max([earliest, *(hole + 1 + HISTORY_MONTHS for hole in calendar.holes)])


# ---------------------------------------------------------------- how many would have left


def gone_now(rule: Rule, people: People, calendar: Calendar) -> np.ndarray:
    """Who has left by now (bool [n]); nobody, where a month that would tell is not known."""
    if not calendar.covers(*rule.needs_use_for_gone(calendar.now)):
        return np.zeros(len(people.used), dtype=bool)
    return rule.gone(people, calendar.now)


@dataclass(slots=True)
class Tally:
    """Counts outcomes month by month over blocks of customers, and holds them against the label column."""

    rule: Rule
    calendar: Calendar
    customers: int = 0
    unjudged: int = 0  # without what the rule looks at: no contract's end, or no use in any month
    against_label: np.ndarray = field(
        default_factory=lambda: np.zeros((2, 2), dtype=np.int64)
    )  # [rule, label], 1: left
    _months: dict[int, dict[str, int]] = field(default_factory=dict)

    def add(self, people: People, label: np.ndarray) -> None:
        """A block of customers. label float64 [n]: 1 left, 0 stayed, NaN unknown."""
        self.customers += len(label)
        judged = self.rule.judges(people)
        self.unjudged += int((~judged).sum())
        gone, known = gone_now(self.rule, people, self.calendar), ~np.isnan(label) & judged
        np.add.at(self.against_label, (gone[known].astype(int), label[known].astype(int)), 1)
        for month in filter(self._is_known, self._shown()):
            found = self.rule.outcomes(people, month)
            counts = np.bincount(found, minlength=len(Outcome))
            left = found == Outcome.LEFT
            line = self._months.setdefault(month, dict.fromkeys(_COUNTED, 0))
            line["at_risk"] += int(counts[[*AT_RISK]].sum())
            line["left"] += int(counts[Outcome.LEFT])
            line["too_soon"] += int(counts[Outcome.TOO_SOON])
            line["fading"] += int(counts[Outcome.FADING])
            line["labelled"] += int((left & ~np.isnan(label)).sum())
            line["agree"] += int((left & (label == 1)).sum())

    def months(self) -> list[tuple[int, dict[str, int] | None]]:
        """(month, counts), oldest first; None where the outcomes of those looked at then are not known yet.

        at_risk   could leave, and could be reached in time; left: so many of them did within the horizon
        too_soon  left within the gap; fading: silent already, or the contract had run out
        labelled  of those who left: the label column says something; agree: it says that they left
        """
        empty = dict.fromkeys(_COUNTED, 0)
        return [(m, self._months.get(m, empty) if self._is_known(m) else None) for m in self._shown()]

    def _is_known(self, month: int) -> bool:
        return is_known(self.rule, self.calendar, month)

    def _shown(self) -> range:
        first = self.calendar.first + 1 if self.rule.sees_use else self.calendar.now - SHOWN_MONTHS
        return range(max(first, self.calendar.now - SHOWN_MONTHS + 1), self.calendar.now + 1)


# ---------------------------------------------------------------- tenure at a date


def counts_on(tenure: np.ndarray, people: People, calendar: Calendar, gone: np.ndarray) -> bool | None:
    """Whether the company's tenure goes on counting after somebody left; None where too few say so.

    Asked of those who came within the known months and have left (gone: bool [n], see ``gone_now``), whose months are known:
    does their tenure reach to now, or to their last month with use? tenure float64 [n], months.
    """
    first, last = use_span(people, calendar)
    told = (first > calendar.first) & gone & ~np.isnan(tenure)
    if told.sum() < _LEAST_SEEN:
        return None
    on = np.abs(tenure - (calendar.now - first))[told]
    stopped = np.abs(tenure - (last + 1 - first))[told]
    return bool(on.mean() < stopped.mean())


def tenure_then(tenure: np.ndarray, people: People, calendar: Calendar, month: int, stopped: np.ndarray) -> np.ndarray:
    """Months of tenure on the first of ``month`` (float64 [n]) from those of today; negative: had not come yet.

    stopped: whose tenure ended with their last month of use (bool [n]). Never less than since the first month with use. NaN
    stays unknown.
    """
    first, last = use_span(people, calendar)
    until = np.where(stopped & ~np.isnan(last), last + 1, calendar.now)
    then = tenure - (until - month)
    return np.where(first < month, np.maximum(then, month - first), then)


def use_span(people: People, calendar: Calendar) -> tuple[np.ndarray, np.ndarray]:
    """Numbers of the first and the last month in which each customer used something (float64 [n] each); NaN: none."""
    first = np.full(len(people.used), np.nan)
    last = np.full(len(people.used), np.nan)
    for month in range(calendar.first, calendar.now):
        here = people.use_in(month)
        first[here & np.isnan(first)] = month
        last[here] = month
    return first, last
