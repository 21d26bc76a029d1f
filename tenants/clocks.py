"""Whose clock a page goes by. Schedules and data go by the company's; what is about a person may go by their own."""

from __future__ import annotations

from functools import cache
from zoneinfo import ZoneInfo, available_timezones

from django.http import HttpRequest
from django.utils import timezone


def clock_of(request: HttpRequest) -> ZoneInfo:
    """The signed-in person's time zone, else the company's, else the site's. For pages about people only: "today" of a
    model or a campaign is the company's day, whoever looks."""
    named = getattr(request.user, "time_zone", "") or (request.tenant.time_zone if request.tenant else "")
    return ZoneInfo(named) if named else timezone.get_default_timezone()


@cache
def time_zones() -> frozenset[str]:
    """The time zones that there are by name, looked for once: each look walks through the system's folder of them."""
    return frozenset(available_timezones())
