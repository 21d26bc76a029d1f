"""How the last backup and the last drill went, in a file beside the data: for the System page, /metrics, the doctor, and so
that a failure is told once and not every minute.

Not in the store, which may be what fails; not in the database, which a restore takes back to another day.
"""

from __future__ import annotations

import fcntl
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.conf import settings

from ..instance import write_whole

BACKUP, DRILL, VERIFY, SETTINGS = "backup", "drill", "verify", "settings"


@dataclass(frozen=True, slots=True)
class Report:
    """``code`` and ``message`` say why it did not succeed; ``facts`` are its figures. ``failing_since``: the first failure of
    those in a row, ``succeeded_at`` the last success whatever came after."""

    ended_at: str
    succeeded: bool
    code: str = ""
    message: str = ""
    failing_since: str = ""
    succeeded_at: str = ""
    told: bool = False
    facts: dict[str, Any] | None = None

    @property
    def age(self) -> float | None:
        """Seconds since it last succeeded; None: it never did."""
        if not self.succeeded_at:
            return None
        return max((datetime.now(UTC) - datetime.fromisoformat(self.succeeded_at)).total_seconds(), 0.0)


def reports() -> dict[str, Report]:
    """By what was done: backup, drill, verify. What cannot be read counts as never done."""
    try:
        told = json.loads(_path().read_text(encoding="utf-8"))
        return {name: Report(**one) for name, one in told.items()}
    except (OSError, ValueError, TypeError, AttributeError):
        return {}


def note(name: str, *, code: str = "", message: str = "", facts: dict[str, Any] | None = None) -> Report:
    """How it went just now; without a ``code`` it succeeded. A success ends a run of failures."""
    now = datetime.now(UTC).isoformat(timespec="seconds")
    with _alone() as told:
        before = told.get(name)
        if not code:
            made = Report(now, True, succeeded_at=now, facts=facts)
        else:
            goes_on = before is not None and not before.succeeded
            made = Report(
                now,
                False,
                code=code,
                message=message[:1000],
                failing_since=before.failing_since if goes_on else now,
                succeeded_at=before.succeeded_at if before else "",
                told=goes_on and before.told,
                facts=facts or (before.facts if before else None),
            )
        told[name] = made
    return made


def claim_telling(name: str) -> Report | None:
    """The failure that nobody was told of yet, now told; None where there is none."""
    with _alone() as told:
        found = told.get(name)
        if found is None or found.succeeded or found.told:
            return None
        told[name] = Report(**{**asdict(found), "told": True})
    return found


def _path() -> Path:
    return Path(settings.VAR_DIR) / "backup-reports.json"


@contextmanager
def _alone() -> Iterator[dict[str, Report]]:
    path = _path()
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.with_suffix(".lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        told = reports()
        yield told
        write_whole(path, json.dumps({name: asdict(one) for name, one in told.items()}, indent=1).encode())
