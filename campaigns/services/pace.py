"""How fast and when a shift may send: quiet hours and holidays, the daily cap and the ramp-up, and so many mails a second."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db.models import F
from django.utils import timezone

from tenants.scoping import current_tenant

from ..models import Campaign, SenderProfile, SendingDay, Shift
from ..outreach import pacing

_LONGEST_SHIFT = 0.8  # of what a task may take: the next one goes on
_TELL_EVERY = 0.4  # seconds
_LOOKED_EVERY = 1.0
_REMEMBERED_DAYS = 60  # of sending, for the ramp


@dataclass(frozen=True, slots=True)
class Rest:
    """Why a shift waits, and until when. ``code``: quiet_hours, weekday, holiday, iftar, ramadan_hours, daily_cap, ramp,
    put_off, unreachable, too_fast, shift_change."""

    code: str
    until: datetime
    facts: dict[str, Any] = field(default_factory=dict)


def policy(sender: SenderProfile) -> pacing.Policy:
    """When the company keeps quiet, by its own clock."""
    return pacing.Policy(
        time_zone=current_tenant().time_zone,
        quiet_from=sender.quiet_from,
        quiet_until=sender.quiet_until,
        weekdays=pacing.quiet.EVERY_DAY - frozenset(sender.quiet_weekdays),
        holidays=pacing.Holidays() if sender.keeps_holidays else None,
        ramadan=pacing.RamadanHours() if sender.keeps_ramadan else None,
    )


def allowance(sender: SenderProfile, now: datetime) -> pacing.Allowance:
    """What may still go out today, of all campaigns together."""
    zone = current_tenant().time_zone
    today = now.astimezone(ZoneInfo(zone)).date()
    days = dict(SendingDay.objects.filter(mails__gt=0).order_by("-day").values_list("day", "mails")[:_REMEMBERED_DAYS])
    return pacing.allowance(
        now,
        time_zone=zone,
        sent_today=days.get(today, 0),
        day_of_sender=pacing.day_of_sender(days, today),
        daily_cap=sender.daily_cap,
        ramp=pacing.Ramp() if sender.ramps_up else None,
    )


class Rhythm:
    """One shift's pace. ``rest`` before each batch, ``reserve`` when claiming, ``wait`` before each mail."""

    def __init__(self, sender: SenderProfile, campaign: Campaign, shift: Shift) -> None:
        self._sender = sender
        self._policy = policy(sender)
        self._zone = ZoneInfo(current_tenant().time_zone)
        rate = sender.per_second if sender.is_real else 0.0
        if campaign.per_hour:
            hourly = campaign.per_hour / 3600
            rate = min(rate, hourly) if rate else hourly
        shifts = max(1, settings.MAIL_SENDERS)
        self._bucket = pacing.TokenBucket(pacing.share_of_rate(rate, shifts)) if rate else None
        self._until = time.monotonic() + _LONGEST_SHIFT * settings.CELERY_TASK_SOFT_TIME_LIMIT
        self._day: int | None = None
        self._unnoted = 0
        self._asked_until = 0.0

    def rest(self, *, at_once: bool = False) -> Rest | None:
        """Why nothing may go out now; None where it may. Looked up at most once a second, or ``at_once``."""
        clock = time.monotonic()
        if clock > self._until:
            return Rest("shift_change", timezone.now())
        if not self._sender.is_real or (clock < self._asked_until and not at_once):
            return None
        self._asked_until = clock + _LOOKED_EVERY
        now = timezone.now()
        if why := pacing.why_not(now, self._policy):
            return Rest(why, pacing.next_allowed(now, self._policy))
        today = allowance(self._sender, now)
        if today.left == 0:
            return Rest(today.because, pacing.next_allowed(today.renewed_at, self._policy), {"limit": today.limit})
        return None

    def reserve(self, most: int) -> int:
        """Of so many mails, how many may be taken now: noted as sent today, so that two senders do not take the same.
        Inside the claim's transaction. Where no limit holds they are noted now and then, by ``note``."""
        if not self._sender.is_real:
            return most
        if self._sender.daily_cap is None and not self._sender.ramps_up:
            self._unnoted += most
            return most
        now = timezone.now()
        row = self._today(now, locked=True)
        left = allowance(self._sender, now).left
        most = most if left is None else min(most, left)
        if most:
            SendingDay.objects.filter(pk=row.pk).update(mails=F("mails") + most)
            self._day = row.pk
        return most

    def give_back(self, count: int) -> None:
        """Of those reserved, so many are not sent after all."""
        if self._day is not None and count:
            SendingDay.objects.filter(pk=self._day, mails__gte=count).update(mails=F("mails") - count)
        elif self._unnoted:
            self._unnoted -= count

    def note(self) -> None:
        """Write down how many mails went out since the last time, where no limit asked for it at once."""
        if self._unnoted > 0:
            row = self._today(timezone.now(), locked=False)
            SendingDay.objects.filter(pk=row.pk).update(mails=F("mails") + self._unnoted)
            self._unnoted = 0

    def _today(self, now: datetime, *, locked: bool) -> SendingDay:
        today = now.astimezone(self._zone).date()
        row, _made = SendingDay.objects.get_or_create(tenant=current_tenant(), day=today)
        return SendingDay.objects.select_for_update().get(pk=row.pk) if locked else row

    @property
    def is_free(self) -> bool:
        """Whether the next mail need not wait."""
        return self._bucket is None or self._bucket.has_one

    def wait(self, before: Callable[[], None], tell: Callable[[], None]) -> None:
        """Until the next mail's turn. ``before`` is called where it must wait at all, ``tell`` while it does, so that a slow
        sender hears that it is to stop."""
        if self._bucket is None or (seconds := self._bucket.take()) <= 0:
            return
        before()
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            time.sleep(min(left, _TELL_EVERY))
            tell()
