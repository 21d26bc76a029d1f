"""At most so many mails to one customer in so many days, whichever campaign they came from."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from .refusal import PacingRefused


@dataclass(frozen=True, slots=True)
class Pressure:
    """At most ``most`` mails within any ``days`` times 24 hours."""

    most: int
    days: int

    def __post_init__(self) -> None:
        if self.most < 0 or self.days < 1:
            raise PacingRefused("bad_setting", "at most 0 or more, in 1 day or more", name="pressure", value=self.most)

    def since(self, at: dt.datetime) -> dt.datetime:
        """Mails sent after this instant count at ``at``."""
        return at - dt.timedelta(days=self.days)


def is_pressed(sent_at: Iterable[dt.datetime], at: dt.datetime, rules: Sequence[Pressure]) -> bool:
    """Whether one more mail at ``at`` would be one too many, by any of the rules.

    ``sent_at``: when the customer was sent mails, or may have been (the uncertain count), in any order.
    """
    sent = list(sent_at)
    return any(_count(sent, at, rule) >= rule.most for rule in rules)


def free_at(sent_at: Iterable[dt.datetime], at: dt.datetime, rules: Sequence[Pressure]) -> dt.datetime | None:
    """The first instant from ``at`` on at which one more mail is allowed by every rule; None: never (at most 0)."""
    sent = sorted(sent_at)
    instant = at
    for rule in rules:
        if rule.most == 0:
            return None
        within = [s for s in sent if rule.since(at) < s <= at]
        if len(within) >= rule.most:  # free again when all but most - 1 of them are old enough
            instant = max(instant, within[-rule.most] + dt.timedelta(days=rule.days))
    return instant


def may_be_written(counts: np.ndarray, rules: Sequence[Pressure]) -> np.ndarray:
    """For each customer whether one more is allowed. ``counts``: shape (customers, rules), mails within each rule's days."""
    counts = np.asarray(counts)
    if counts.ndim != 2 or counts.shape[1] != len(rules):
        raise ValueError("one column of counts for each rule")
    return (counts < np.array([rule.most for rule in rules], dtype=np.int64)).all(axis=1)


def _count(sent: Sequence[dt.datetime], at: dt.datetime, rule: Pressure) -> int:
    return sum(rule.since(at) < instant <= at for instant in sent)
