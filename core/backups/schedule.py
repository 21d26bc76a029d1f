"""What is due by the settings. Asked every minute by beat; the answer depends on what was done, not on who asks or how often,
so that a lost message or a killed worker costs a minute."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from django.conf import settings

from ..instance import instance_id
from . import reports
from .reports import Report

_AGAIN = timedelta(minutes=10)  # after a failure


@dataclass(frozen=True, slots=True)
class Due:
    """``thorough``: the nightly backup, which reads every raw file again."""

    backup: bool = False
    thorough: bool = False
    drill: bool = False


def due(now: datetime | None = None) -> Due:
    """Nothing where BACKUP_MINUTES and BACKUP_NIGHTLY are both off."""
    now = now or datetime.now(UTC)
    told = reports.reports()
    backup, drill = told.get(reports.BACKUP), told.get(reports.DRILL)
    since = _beginning()
    if _failed_lately(backup, now):
        return Due(drill=_drill_due(drill, backup, now))
    night = _last_night(now)
    last = _succeeded(backup)
    nightly = settings.BACKUP_NIGHTLY and night is not None and night > since and (last is None or last < night)
    minutes = settings.BACKUP_MINUTES
    often = minutes > 0 and (last or since) <= now - timedelta(minutes=minutes)
    return Due(nightly or often, nightly, _drill_due(drill, backup, now))


def _drill_due(drill: Report | None, backup: Report | None, now: datetime) -> bool:
    """Where there is something to try, and the last trial is so many days ago."""
    days = settings.BACKUP_DRILL_DAYS
    if days <= 0 or backup is None or not backup.succeeded_at or _failed_lately(drill, now, timedelta(hours=12)):
        return False
    last = _succeeded(drill)
    return last is None or last <= now - timedelta(days=days)


def _failed_lately(report: Report | None, now: datetime, pause: timedelta = _AGAIN) -> bool:
    return report is not None and not report.succeeded and datetime.fromisoformat(report.ended_at) > now - pause


def _succeeded(report: Report | None) -> datetime | None:
    return datetime.fromisoformat(report.succeeded_at) if report is not None and report.succeeded_at else None


def _last_night(now: datetime) -> datetime:
    """The last BACKUP_HOUR (UTC) that has passed."""
    night = now.astimezone(UTC).replace(hour=settings.BACKUP_HOUR, minute=0, second=0, microsecond=0)
    return night if night <= now else night - timedelta(days=1)


def _beginning() -> datetime:
    """Since when this installation is one: a new one has nothing to save in its first minutes."""
    instance_id()
    path = Path(settings.VAR_DIR) / "instance-id"
    return datetime.fromtimestamp(path.stat().st_mtime, UTC) if path.exists() else datetime.min.replace(tzinfo=UTC)
