"""Whether customers may be written to at an instant, and the next instant at which they may.

Everything is asked of the clock on the wall of the company's time zone, so that "not before 8" means 8 on the day on
which clocks change too. Instants are aware datetimes; what comes back is in UTC.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass, field
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from .holidays import Holidays, ramadan_of
from .refusal import PacingRefused
from .sunset import TUNIS, sunset

HORIZON_DAYS = 60
EVERY_DAY = frozenset(range(7))


@dataclass(frozen=True, slots=True)
class RamadanHours:
    """What changes during Ramadan: its own quiet hours, as evenings are long, and silence around the breaking of the fast.

    ``place``: latitude and longitude east, for the time of sunset. ``shift_days``: how much later than the computed
    calendar the month began here (-1, 0 or 1).
    """

    quiet_from: dt.time | None = dt.time(1, 0)
    quiet_until: dt.time | None = dt.time(10, 0)
    before_iftar: dt.timedelta = dt.timedelta(hours=1)
    after_iftar: dt.timedelta = dt.timedelta(hours=2)
    place: tuple[float, float] = TUNIS
    shift_days: int = 0


@dataclass(frozen=True, slots=True)
class Policy:
    """When a company writes to its customers.

    Quiet from ``quiet_from`` until ``quiet_until`` (that minute is allowed again), over midnight where the first is the
    later; both None: no quiet hours; both the same: always quiet. ``weekdays``: 0 is Monday. ``holidays`` and
    ``ramadan``: None where they are not kept.
    """

    time_zone: str = "Africa/Tunis"
    quiet_from: dt.time | None = dt.time(20, 0)
    quiet_until: dt.time | None = dt.time(8, 0)
    weekdays: frozenset[int] = EVERY_DAY
    holidays: Holidays | None = field(default_factory=Holidays)
    ramadan: RamadanHours | None = field(default_factory=RamadanHours)

    def __post_init__(self) -> None:
        try:
            ZoneInfo(self.time_zone)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise PacingRefused("unknown_time_zone", "there is no such time zone", time_zone=self.time_zone) from None
        for hours in (self, self.ramadan):
            if hours is not None and (hours.quiet_from is None) != (hours.quiet_until is None):
                raise PacingRefused(
                    "bad_setting", "quiet hours have a beginning and an end", name="quiet_hours", value=""
                )
        if not self.weekdays <= EVERY_DAY:
            raise PacingRefused("bad_setting", "days of the week go from 0 to 6", name="weekdays", value="")

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.time_zone)


def why_not(at: dt.datetime, policy: Policy) -> str:
    """Why nobody may be written to at this instant: weekday, holiday, iftar, ramadan_hours or quiet_hours; "" if one may."""
    local = _aware(at).astimezone(policy.zone)
    day, clock = local.date(), local.time()
    if day.weekday() not in policy.weekdays:
        return "weekday"
    if policy.holidays is not None and policy.holidays.on(day) is not None:
        return "holiday"
    ramadan = policy.ramadan
    if ramadan is not None and ramadan_of(day, shift_days=ramadan.shift_days):
        window = _around_iftar(day, ramadan)
        if window is not None and window[0] <= at < window[1]:
            return "iftar"
        return "ramadan_hours" if _is_quiet(clock, ramadan.quiet_from, ramadan.quiet_until) else ""
    return "quiet_hours" if _is_quiet(clock, policy.quiet_from, policy.quiet_until) else ""


def is_allowed(at: dt.datetime, policy: Policy) -> bool:
    return not why_not(at, policy)


def next_allowed(at: dt.datetime, policy: Policy) -> dt.datetime:
    """The first instant from ``at`` on, itself included, at which customers may be written to, in UTC and exact.

    Raises PacingRefused("no_time_left") where the next 60 days have none.
    """
    found = at.astimezone(dt.UTC) if is_allowed(at, policy) else _first(at, policy, wanted=True)
    if found is None:
        raise PacingRefused("no_time_left", "these rules leave no time for sending", days=HORIZON_DAYS)
    return found


def allowed_until(at: dt.datetime, policy: Policy) -> dt.datetime | None:
    """When the time that ``at`` lies in ends, in UTC; ``at`` itself where it is not allowed; None: not within 60 days."""
    return _first(at, policy, wanted=False) if is_allowed(at, policy) else at.astimezone(dt.UTC)


def _first(at: dt.datetime, policy: Policy, *, wanted: bool) -> dt.datetime | None:
    """The answer changes only where the clock on the wall passes a boundary or jumps: those instants are all looked at."""
    at = at.astimezone(dt.UTC)
    first_day = at.astimezone(policy.zone).date()
    for ahead in range(-1, HORIZON_DAYS + 1):
        for instant in sorted(_boundaries(first_day + dt.timedelta(days=ahead), policy)):
            if instant > at and is_allowed(instant, policy) is wanted:
                return instant
    return None


def _boundaries(day: dt.date, policy: Policy) -> Iterator[dt.datetime]:
    zone = policy.zone
    times = {dt.time(0), policy.quiet_from, policy.quiet_until}
    if policy.ramadan is not None:
        times |= {policy.ramadan.quiet_from, policy.ramadan.quiet_until}
        yield from _around_iftar(day, policy.ramadan) or ()
    for clock in times - {None}:
        for fold in (0, 1):  # an hour that comes twice has two instants for each time on the wall
            yield dt.datetime.combine(day, clock, tzinfo=zone).replace(fold=fold).astimezone(dt.UTC)
    begin, end = (
        dt.datetime.combine(d, dt.time(0), tzinfo=zone).astimezone(dt.UTC) for d in (day, day + dt.timedelta(days=1))
    )
    if begin.astimezone(zone).utcoffset() != end.astimezone(zone).utcoffset():
        yield _jump(begin, end, zone)


def _jump(begin: dt.datetime, end: dt.datetime, zone: ZoneInfo) -> dt.datetime:
    """The second at which the clocks of ``zone`` change between two instants with different offsets."""
    before = begin.astimezone(zone).utcoffset()
    low, high = 0, int((end - begin).total_seconds())
    while high - low > 1:
        middle = (low + high) // 2
        is_before = (begin + dt.timedelta(seconds=middle)).astimezone(zone).utcoffset() == before
        low, high = (middle, high) if is_before else (low, middle)
    return begin + dt.timedelta(seconds=high)


def _around_iftar(day: dt.date, ramadan: RamadanHours) -> tuple[dt.datetime, dt.datetime] | None:
    iftar = sunset(day, *ramadan.place)
    return None if iftar is None else (iftar - ramadan.before_iftar, iftar + ramadan.after_iftar)


def _is_quiet(clock: dt.time, begins: dt.time | None, ends: dt.time | None) -> bool:
    if begins is None or ends is None:
        return False
    if begins < ends:
        return begins <= clock < ends
    return clock >= begins or clock < ends


def _aware(at: dt.datetime) -> dt.datetime:
    if at.tzinfo is None:
        raise ValueError("an instant has a time zone")
    return at
