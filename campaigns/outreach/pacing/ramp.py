"""How many messages a sender may send today: a new one begins with few and earns trust day by day."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from .refusal import PacingRefused

STEPS = (200, 500, 1_000, 2_000, 5_000, 10_000, 20_000, 40_000, 70_000, 100_000)
FORGOTTEN_AFTER_DAYS = 30


@dataclass(frozen=True, slots=True)
class Ramp:
    """``steps[n]``: the most on the (n+1)th day on which the sender sends; after the last step there is no ramp."""

    steps: tuple[int, ...] = STEPS

    def __post_init__(self) -> None:
        if any(step < 1 for step in self.steps):
            raise PacingRefused("bad_setting", "a step is at least one message", name="steps", value=self.steps)

    def most(self, day_of_sender: int) -> int | None:
        """The most on this day of the sender (from 1); None: as many as one likes."""
        if day_of_sender < 1:
            raise PacingRefused("bad_setting", "days are counted from 1", name="day_of_sender", value=day_of_sender)
        return self.steps[day_of_sender - 1] if day_of_sender <= len(self.steps) else None


@dataclass(frozen=True, slots=True)
class Allowance:
    """``left``: messages that may still be sent today, None: as many as one likes; ``limit``: of the whole day.

    ``because``: what sets the limit, "ramp", "daily_cap" or "". ``renewed_at``: when the next day begins, in UTC.
    """

    left: int | None
    limit: int | None
    because: str
    renewed_at: dt.datetime


def allowance(
    now: dt.datetime,
    *,
    time_zone: str,
    sent_today: int,
    day_of_sender: int,
    daily_cap: int | None = None,
    ramp: Ramp | None = None,
) -> Allowance:
    """What is left of today, a day of ``time_zone``. ``sent_today``: messages that went out or may have, of all campaigns."""
    if daily_cap is not None and daily_cap < 0:
        raise PacingRefused("bad_setting", "a cap is not negative", name="daily_cap", value=daily_cap)
    limits = [(daily_cap, "daily_cap"), (ramp.most(day_of_sender) if ramp else None, "ramp")]
    limit, because = min(((most, why) for most, why in limits if most is not None), default=(None, ""))
    zone = ZoneInfo(time_zone)
    tomorrow = now.astimezone(zone).date() + dt.timedelta(days=1)
    renewed_at = dt.datetime.combine(tomorrow, dt.time(0), tzinfo=zone).astimezone(dt.UTC)
    left = None if limit is None else max(0, limit - sent_today)
    return Allowance(left, limit, because, renewed_at)


def day_of_sender(days_sent: Iterable[dt.date], today: dt.date) -> int:
    """Which day of its ramp a sender is on: days on which it sent before today, and one.

    Days, not dates passed: trust comes from mail that arrived well. Receivers forget a sender too: after 30 silent days
    it begins anew.
    """
    count, last = 0, None
    for day in sorted({day for day in days_sent if day < today}):
        if last is not None and (day - last).days > FORGOTTEN_AFTER_DAYS:
            count = 0
        count, last = count + 1, day
    if last is not None and (today - last).days > FORGOTTEN_AFTER_DAYS:
        count = 0
    return count + 1
