"""What needs a person now and then: backups and their trials, jobs that were given up, mail that is held back."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

from django.conf import settings

from core import census, instance
from core.backups import reports, taking
from core.backups.sealing import Damaged
from core.errors import Refused
from core.models import JobState
from tenants.mail_hold import mail_hold
from tenants.models import Tenant
from tenants.scoping import tenant_scope

from ..keeping.nightly import is_on
from ..keeping.standing import longest_age
from .findings import ERROR, NOTE, OK, WARNING, Finding
from .own import is_production


def backups_are_made() -> Iterator[Finding]:
    """That they are made, succeed, are young enough, were tried, are sealed, and lie elsewhere."""
    if not is_on():
        yield Finding(
            "backups",
            ERROR if is_production() else WARNING,
            "No backup is made by itself.",
            "Set BACKUP_NIGHTLY=1 or BACKUP_MINUTES.",
        )
    told = reports.reports()
    yield from _last(told.get(reports.BACKUP))
    yield from _tried(told.get(reports.DRILL))
    verified = told.get(reports.VERIFY)
    if verified is not None and not verified.succeeded:
        yield Finding(
            "backups",
            ERROR,
            f"The store was found damaged: {verified.message[:300]}",
            "Back up again, then manage.py backup --verify.",
        )
    folder = Path(settings.BACKUP_DIR)
    if not folder.exists():
        return
    try:
        store = taking.open_store()
        if (newest := store.latest()) is not None:
            store.snapshot(newest.id)
        if not store.seal.is_encrypted:
            yield Finding(
                "backups",
                WARNING,
                "Backups are not encrypted.",
                "Set BACKUP_KEY and name a new, empty BACKUP_DIR; keep the key elsewhere.",
            )
    except (Refused, Damaged) as wrong:
        yield Finding("backups", ERROR, f"The store cannot be used: {wrong}", "See docs/operating.md, “Back up”.")
    if folder.stat().st_dev == Path(settings.VAR_DIR).stat().st_dev:
        yield Finding(
            "backups",
            WARNING,
            f"Backups lie on the same disk as the data ({folder}).",
            "Name another disk by BACKUP_DIR, or copy the store off this machine each night.",
        )


def _last(found: reports.Report | None) -> Iterator[Finding]:
    if found is None:
        if is_on():
            yield Finding("backups", WARNING, "There is no backup yet.", "Run manage.py backup.")
        return
    if not found.succeeded:
        yield Finding(
            "backups",
            ERROR,
            f"Backups fail since {found.failing_since}: {found.message}",
            "Mend that, then manage.py backup.",
        )
    age = found.age
    if age is None:
        return
    text = f"the last good one is {_span(age)} old"
    if is_on() and age > longest_age().total_seconds():
        yield Finding("backups", ERROR, f"Overdue: {text}.", "Is beat running, and a worker on the queue “default”?")
    elif found.succeeded:
        yield Finding("backups", OK, text)


def _tried(found: reports.Report | None) -> Iterator[Finding]:
    if found is None:
        yield Finding(
            "drill", WARNING, "No restore was ever tried: a backup counts only after one.", "Run manage.py drill."
        )
    elif not found.succeeded:
        yield Finding(
            "drill", ERROR, f"The last trial restore failed: {found.message[:300]}", "Mend that, then manage.py drill."
        )
    else:
        days = settings.BACKUP_DRILL_DAYS
        is_old = days > 0 and (found.age or 0) > timedelta(days=days, hours=12).total_seconds()
        text = f"the last trial restore was {_span(found.age or 0)} ago and found all as it was"
        yield Finding("drill", WARNING if is_old else OK, text, "Run manage.py drill." if is_old else "")


def jobs_are_alive() -> Iterator[Finding]:
    """Jobs that were given up, by kind, among the newest of each."""
    dead = {one.kind: one.states.get(JobState.DEAD, 0) for one in census.census()}
    total = sum(dead.values())
    if total:
        kinds = ", ".join(f"{n} × {kind}" for kind, n in dead.items() if n)
        yield Finding(
            "jobs",
            WARNING,
            f"{total} jobs were given up: {kinds}.",
            "Their reasons stand on the page System, with a button to try again.",
        )
    else:
        yield Finding("jobs", OK, "none was given up")


def mail_may_go() -> Iterator[Finding]:
    """Whether a restore holds mail back."""
    held = []
    for tenant in Tenant.objects.order_by("slug").iterator(chunk_size=200):
        with tenant_scope(tenant):
            if mail_hold() is not None:
                held.append(tenant.slug)
    mark = instance.restored()
    if mark is not None:
        yield Finding(
            "mail", NOTE, f"these data were brought back on {mark.restored_at[:16]} from snapshot {mark.snapshot}"
        )
    if held:
        more = f" and {len(held) - 10} more" if len(held) > 10 else ""
        yield Finding(
            "mail",
            WARNING,
            f"Mail is held back for {', '.join(held[:10])}{more}.",
            "If nothing else sends for them: manage.py release_mail --reason …",
        )


def _span(seconds: float) -> str:
    hours = seconds / 3600
    return f"{seconds / 60:.0f} min" if hours < 2 else f"{hours:.0f} h" if hours < 48 else f"{hours / 24:.0f} days"
