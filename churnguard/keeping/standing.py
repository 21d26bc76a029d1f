"""How backups stand, for the page System: facts that change when something happened, not with the clock."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.utils import timezone

from core.backups import reports
from tenants.mail_hold import Hold, mail_hold

from .nightly import is_on

_GRACE = timedelta(hours=2)


@dataclass(frozen=True, slots=True)
class Tried:
    """``at``: the last success; ``code``: why the newest try failed, "" where it did not; ``is_old``: overdue."""

    at: datetime | None
    code: str
    is_old: bool
    rows: int = 0
    files: int = 0
    bytes: int = 0
    is_encrypted: bool = False


@dataclass(frozen=True, slots=True)
class Keeping:
    """``is_on``: backups are made by themselves."""

    is_on: bool
    backup: Tried | None
    drill: Tried | None
    hold: Hold | None


def keeping() -> Keeping:
    """For the company in scope, whose mail may be held back."""
    told = reports.reports()
    on = is_on()
    return Keeping(
        on,
        _tried(told.get(reports.BACKUP), longest_age() if on else None),
        _tried(told.get(reports.DRILL), _longest_drill() if on else None),
        mail_hold(),
    )


def longest_age() -> timedelta:
    """How old the last backup may be by the settings."""
    if settings.BACKUP_MINUTES > 0:
        return max(timedelta(minutes=3 * settings.BACKUP_MINUTES), timedelta(minutes=30))
    return timedelta(days=1) + _GRACE


def _longest_drill() -> timedelta | None:
    return timedelta(days=settings.BACKUP_DRILL_DAYS) + _GRACE if settings.BACKUP_DRILL_DAYS > 0 else None


def _tried(found: reports.Report | None, longest: timedelta | None) -> Tried | None:
    if found is None:
        return None
    at = datetime.fromisoformat(found.succeeded_at) if found.succeeded_at else None
    facts = found.facts or {}
    return Tried(
        at=at,
        code=found.code,
        is_old=longest is not None and (at is None or timezone.now() - at > longest),
        rows=int(facts.get("rows", 0)),
        files=int(facts.get("files", 0)),
        bytes=int(facts.get("bytes", 0)),
        is_encrypted=bool(facts.get("is_encrypted", False)),
    )
