"""Holds a sender process to its share of so many messages a second."""

from __future__ import annotations

import time
from collections.abc import Callable

from .refusal import PacingRefused


def share_of_rate(rate_per_s: float, processes: int) -> float:
    """The share of one of ``processes`` senders: each keeps to its own, so that none has to ask the others."""
    if rate_per_s <= 0 or processes < 1:
        raise PacingRefused(
            "bad_setting", "a rate and a number of processes are positive", name="rate", value=rate_per_s
        )
    return rate_per_s / processes


class TokenBucket:
    """Over any time t at most ``burst + rate_per_s * t`` messages. Starts full; ``clock`` in seconds, never backwards."""

    def __init__(
        self, rate_per_s: float, *, burst: float | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        if rate_per_s <= 0 or (burst is not None and burst < 1):
            raise PacingRefused("bad_setting", "a rate is positive, a burst at least 1", name="rate", value=rate_per_s)
        self.rate_per_s = rate_per_s
        self.burst = burst if burst is not None else max(1.0, rate_per_s)
        self._clock = clock
        self._tokens = self.burst
        self._seen = clock()

    def take(self) -> float:
        """Takes the right to send one message: the seconds to wait before it is used, 0 at once.

        The right is taken even where it must be waited for: whoever asks next waits longer.
        """
        self._fill()
        self._tokens -= 1
        return max(0.0, -self._tokens / self.rate_per_s)

    @property
    def has_one(self) -> bool:
        """Whether ``take`` would say 0 now."""
        self._fill()
        return self._tokens >= 1

    def _fill(self) -> None:
        now = self._clock()
        self._tokens = min(self.burst, self._tokens + max(0.0, now - self._seen) * self.rate_per_s)
        self._seen = max(now, self._seen)

    def give_back(self) -> None:
        """For a message that was not sent after all."""
        self._tokens = min(self.burst, self._tokens + 1)
