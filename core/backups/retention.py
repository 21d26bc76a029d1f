"""Which snapshots are kept: the last ones, and the newest of each day, week and month, as far back as the settings say."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby


@dataclass(frozen=True, slots=True)
class Policy:
    """How many of each. A snapshot is kept for as many reasons as it has, and counts in each."""

    last: int = 24
    daily: int = 7
    weekly: int = 5
    monthly: int = 12


_PERIODS: dict[str, Callable[[datetime], object]] = {
    "daily": lambda at: at.date(),
    "weekly": lambda at: at.isocalendar()[:2],
    "monthly": lambda at: (at.year, at.month),
}


def kept(snapshots: Iterable[tuple[str, datetime]], policy: Policy) -> set[str]:
    """The identifiers to keep. The newest of all is always among them."""
    newest_first: Sequence[tuple[str, datetime]] = sorted(snapshots, key=lambda one: (one[1], one[0]), reverse=True)
    found = {id_ for id_, _at in newest_first[: max(policy.last, 1)]}
    for period, of in _PERIODS.items():
        groups = [next(group)[0] for _key, group in groupby(newest_first, key=lambda one: of(one[1]))]
        found.update(groups[: getattr(policy, period)])
    return found
