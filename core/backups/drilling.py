"""The restore drill: the newest snapshot brought back elsewhere, held against what was noted, and thrown away.

A backup counts only after a restore has been tried (RULES 34); this is the trial that nobody has to remember.
"""

from __future__ import annotations

import fcntl
import logging
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from django.conf import settings
from django.utils.translation import gettext as _

from ..errors import Refused
from . import postgres, reports, sqlite, tree
from .restoring import choose, differences, scratch_folder, write_database
from .sealing import Damaged
from .snapshots import Snapshot
from .store import Store
from .taking import Say, open_store, source, trial_server

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class Drilled:
    """``age``: of the snapshot, in seconds; ``wrong``: what is not as it was noted, a sentence each."""

    snapshot: str
    taken_at: str
    age: float
    tables: int
    rows: int
    files: int
    bytes: int
    seconds: float = 0.0
    wrong: list[str] = field(default_factory=list)


def drill(*, say: Say = logger.info, id_: str = "", store: Store | None = None) -> Drilled:
    """Try a restore and note how it went. Raises Refused where it could not be tried; what is wrong is in the answer."""
    try:
        with _alone():
            store = store or open_store()
            with store.reading():
                done = _drill(store, choose(store, id_), say)
    except Refused as refusal:
        if refusal.code != "busy":
            reports.note(reports.DRILL, code=refusal.code, message=refusal.message)
        raise
    except Exception as error:
        reports.note(reports.DRILL, code="error", message=f"{type(error).__name__}: {error}")
        raise
    facts = {name: value for name, value in asdict(done).items() if name != "wrong"}
    if done.wrong:
        reports.note(reports.DRILL, code="differs", message="; ".join(done.wrong[:10]), facts=facts)
    else:
        reports.note(reports.DRILL, facts=facts)
    return done


def _drill(store: Store, snapshot: Snapshot, say: Say) -> Drilled:
    started = time.monotonic()
    database = snapshot.database
    done = Drilled(
        snapshot=snapshot.id,
        taken_at=snapshot.taken_at,
        age=round((datetime.now(UTC) - snapshot.at).total_seconds(), 1),
        tables=len(database.tables),
        rows=snapshot.rows,
        files=len(snapshot.files),
        bytes=snapshot.size,
    )
    with scratch_folder() as folder:
        if shutil.disk_usage(folder).free < 1.2 * database.size:
            said = {"folder": folder.parent, "size": database.size // 2**20 + 1}
            raise Refused("disk_full", _("Restoring needs %(size)s MB free in %(folder)s.") % said)
        try:
            written = folder / "database"
            write_database(store, database, written)
            if database.engine == "sqlite":
                sqlite.check(written)
                found = sqlite.tables(written)
            else:
                with postgres.scratch(trial_server() or postgres.Address.of(source())) as other:
                    postgres.restore(other, written)
                    found = postgres.tables(other)
            done.wrong += differences(database.tables, found)
            written.unlink()
            say(f"{done.tables} tables, {done.rows:,} rows restored and compared")
        except Damaged as damage:
            done.wrong.append(str(damage))
        for file in snapshot.files:
            try:
                tree.put_back(store, file, folder / "files")
                if tree.digest_of(folder / "files" / file.path) != file.sha256:
                    done.wrong.append(f"{file.root}/{file.path}: written otherwise than it was kept")
            except Damaged as damage:
                done.wrong.append(str(damage))
            tree.take_away(file, folder / "files")  # one at a time: a drill needs no second disk
        say(f"{done.files:,} files restored and compared")
    done.seconds = round(time.monotonic() - started, 3)
    return done


@contextmanager
def _alone() -> Iterator[None]:
    """One drill at a time; what a killed one left is removed."""
    base = Path(settings.VAR_DIR) / "drills"
    base.mkdir(parents=True, exist_ok=True)
    with (base / "lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Refused("busy", _("A drill is under way: wait until it has ended.")) from None
        for left in base.glob("drill-*"):
            shutil.rmtree(left, ignore_errors=True)
        yield
