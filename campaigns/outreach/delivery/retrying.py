"""When a message that was not taken is tried again, and when sending as a whole should stop and ask a person."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field

from .replies import Outcome, Reply

# Pauses after the 1st, 2nd … try, in minutes: quick for greylists, then as mail servers do, for three days in all.
STEPS_MINUTES = (5, 15, 60, 240, 480, 720, 1320, 1440)
SPREAD = 0.2  # a pause is up to this share longer, so that what failed together does not come back together
_TOO_MANY_MINUTES = 15


def retry_at(
    attempts: int,
    now: dt.datetime,
    reply: Reply,
    *,
    key: str = "",
    steps_minutes: tuple[int, ...] = STEPS_MINUTES,
) -> dt.datetime | None:
    """When to try again after the ``attempts``-th try (from 1) ended with ``reply``; None: never again by a machine.

    None for what is done (accepted, refused), what may have been delivered (uncertain), what was taken back, and after
    the last step: about three days from the first try. ``key`` names the message: its spread is always the same.
    """
    if attempts < 1:
        raise ValueError("attempts are counted from 1")
    if not reply.may_be_tried_again or attempts > len(steps_minutes):
        return None
    minutes = steps_minutes[attempts - 1]
    if reply.outcome is Outcome.TOO_MANY:
        minutes = max(minutes, _TOO_MANY_MINUTES)
    return now + dt.timedelta(seconds=round(60 * minutes * (1 + SPREAD * _share(f"{key}:{attempts}"))))


def _share(key: str) -> float:
    return int.from_bytes(hashlib.blake2b(key.encode(), digest_size=4).digest(), "big") / (1 << 32)


@dataclass(frozen=True, slots=True)
class BreakerRules:
    """How much may go wrong before sending stops. Runs are of the newest tries, one after another."""

    refused_in_a_row: int = 20
    deferred_in_a_row: int = 100
    too_many_in_a_row: int = 10
    uncertain_in_a_row: int = 5
    unreachable_in_a_row: int = 5
    window: int = 200
    hard_bounce_share: float = 0.10  # of the window, full or not: 21 of the first 60 stop as well as 21 of 200


@dataclass(frozen=True, slots=True)
class Stop:
    """Why sending stops. ``facts``: ``count``, ``of`` (tries looked at), ``limit``, ``reason`` and ``text`` of the last.

    refused_run       the server refuses one after another: it may have refused us
    deferred_run      it puts everybody off
    too_many_run      it goes on saying that we send too fast
    uncertain_run     it goes away after every message, and each may have been delivered
    unreachable_run   it cannot be reached
    hard_bounces      too many addresses are dead: an old list, which spoils the sender's name
    """

    code: str
    facts: dict[str, object] = field(default_factory=dict)


def judge(newest_last: Iterable[Reply], rules: BreakerRules | None = None) -> Stop | None:
    """Whether to stop, from the newest tries, newest last: what a service reads from its rows, of all its processes."""
    breaker = Breaker(rules)
    for reply in newest_last:
        breaker.record(reply)
    return breaker.stop


class Breaker:
    """Watches tries as they end; ``stop`` says why to stop, once there is a reason, and stays.

    Holds one process's view. A campaign sent by several is judged over their rows by ``judge``.
    """

    def __init__(self, rules: BreakerRules | None = None) -> None:
        self.rules = rules or BreakerRules()
        self.stop: Stop | None = None
        self._hard: deque[bool] = deque(maxlen=self.rules.window)
        self._hard_count = 0
        self._run: Outcome | None = None
        self._length = 0

    def record(self, reply: Reply) -> Stop | None:
        """Takes one more try into account; the reason to stop, the first that there was."""
        outcome = reply.outcome
        if outcome is Outcome.SKIPPED or self.stop is not None:
            return self.stop
        self._length = self._length + 1 if outcome is self._run else 1
        self._run = outcome
        if outcome in (Outcome.ACCEPTED, Outcome.REFUSED):  # the others say nothing of the address
            if len(self._hard) == self.rules.window:
                self._hard_count -= self._hard[0]
            self._hard.append(reply.is_hard_bounce)
            self._hard_count += reply.is_hard_bounce
        limit = self._limit(outcome)
        if limit and self._length >= limit:
            self.stop = self._because(f"{outcome}_run", self._length, self._length, limit, reply)
        elif self._hard_count > self.rules.hard_bounce_share * self.rules.window:
            limit = int(self.rules.hard_bounce_share * self.rules.window)
            self.stop = self._because("hard_bounces", self._hard_count, len(self._hard), limit, reply)
        return self.stop

    def _limit(self, outcome: Outcome) -> int:
        return {
            Outcome.REFUSED: self.rules.refused_in_a_row,
            Outcome.DEFERRED: self.rules.deferred_in_a_row,
            Outcome.TOO_MANY: self.rules.too_many_in_a_row,
            Outcome.UNCERTAIN: self.rules.uncertain_in_a_row,
            Outcome.UNREACHABLE: self.rules.unreachable_in_a_row,
        }.get(outcome, 0)

    @staticmethod
    def _because(code: str, count: int, of: int, limit: int, last: Reply) -> Stop:
        return Stop(code, {"count": count, "of": of, "limit": limit, "reason": last.reason, "text": last.text})
