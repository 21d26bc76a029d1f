"""Bringing a snapshot back: written elsewhere, held against what was noted, and only then moved into place.

Whatever was restored is marked first (``core.instance``), so that nothing is mailed from it until a person says so.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.conf import settings
from django.utils.translation import gettext as _

from ..errors import Refused
from ..instance import forget_restored, mark_restored, sync_folder
from . import configuration, postgres, sqlite, tree
from .sealing import Damaged
from .snapshots import Database, File, Snapshot, Table
from .store import Store
from .taking import Say, roots, trial_server

_WAL = ("", "-wal", "-shm")


@dataclass(frozen=True, slots=True)
class Target:
    """Where a snapshot goes: a VAR_DIR, the folders of raw files by name, and an entry of DATABASES."""

    var: Path
    folders: Mapping[str, Path]
    database: Mapping[str, Any]

    @classmethod
    def here(cls) -> Target:
        """This installation."""
        return cls(Path(settings.VAR_DIR), roots(), settings.DATABASES["default"])

    @classmethod
    def into(cls, folder: Path, engine: str, database: Mapping[str, Any] | None = None) -> Target:
        """A folder that will be another installation's VAR_DIR; ``database``: where it is not SQLite's file in it."""
        if database is None:
            if engine != "sqlite":
                raise Refused(
                    "no_database_named",
                    _("This snapshot is of PostgreSQL: name the empty database that it goes to by --database-url."),
                )
            database = {"ENGINE": "django.db.backends.sqlite3", "NAME": folder / "churnguard.sqlite3"}
        return cls(folder, {"files": folder / "files", "raw": folder / "raw"}, database)

    @property
    def engine(self) -> str:
        return "sqlite" if str(self.database["ENGINE"]).endswith("sqlite3") else "postgresql"


@dataclass(slots=True)
class Outcome:
    """``differences``: where the restored database is not as noted (nothing was moved then); ``keys``: those of this
    installation that are not the ones the data were sealed with; ``aside``: where what was there before lies now."""

    snapshot: str
    taken_at: str
    rows: int = 0
    tables: int = 0
    files: int = 0
    bytes: int = 0
    seconds: float = 0.0
    differences: list[str] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    aside: str = ""
    hold: str = ""


def choose(store: Store, id_: str = "") -> Snapshot:
    """The snapshot of that name (or its unmistakable beginning), else the newest. Raises Refused, Damaged."""
    if not id_:
        if (found := store.latest()) is None:
            raise Refused("no_snapshot", _("There is no backup yet."))
        return found
    names = [name for name in store.ids() if name.startswith(id_)]
    if len(names) != 1:
        raise Refused("no_snapshot", _("There is no snapshot %(id)s.") % {"id": id_})
    found = store.snapshot(names[0])
    if found.database is None:
        raise Refused("settings_only", _("Snapshot %(id)s holds settings alone: choose another.") % {"id": found.id})
    return found


def restore(store: Store, snapshot: Snapshot, target: Target, *, replace: bool, say: Say) -> Outcome:
    """Bring it back. Raises Refused (nothing was changed) or Damaged (nothing was moved into place)."""
    started = time.monotonic()
    database = snapshot.database
    if database.engine != target.engine:
        said = {"of": database.engine, "to": target.engine}
        raise Refused("other_engine", _("This snapshot is of %(of)s and cannot go to %(to)s.") % said)
    _require_free(target, replace)
    _require_room(target.var, snapshot)
    outcome = Outcome(snapshot.id, snapshot.taken_at, snapshot.rows, len(database.tables), len(snapshot.files))
    outcome.bytes = snapshot.size
    outcome.keys = [name for name, id_ in configuration.key_ids().items() if id_ != snapshot.keys.get(name, "")]
    target.var.mkdir(parents=True, exist_ok=True)
    with store.reading(), tempfile.TemporaryDirectory(prefix=".restoring-", dir=target.var) as work:
        staged = Path(work)
        _put_back_files(store, snapshot.files, staged, say)
        dump = staged / "database"
        write_database(store, database, dump)
        say("database written, compared with what was noted")
        if target.engine == "sqlite":
            sqlite.check(dump)
            outcome.differences = differences(database.tables, sqlite.tables(dump))
            if outcome.differences:
                return outcome
            outcome.hold = mark_restored(target.var, snapshot=snapshot.id, origin=snapshot.origin).hold
            outcome.aside = _move_in(staged, dump, target)
        else:
            address = postgres.Address.of(target.database)
            was_empty = postgres.is_empty(address)
            if not was_empty:
                say("tried in a database of its own first")
                with postgres.scratch(trial_server() or address) as other:
                    postgres.restore(other, dump)
                    outcome.differences = differences(database.tables, postgres.tables(other))
                if outcome.differences:
                    return outcome
            outcome.hold = mark_restored(target.var, snapshot=snapshot.id, origin=snapshot.origin).hold
            postgres.empty(address)
            postgres.restore(address, dump)
            outcome.differences = differences(database.tables, postgres.tables(address))
            if outcome.differences and was_empty:  # as it was found: nobody starts a site on it by mistake
                postgres.empty(address)
                forget_restored(target.var)
                outcome.hold = ""
                return outcome
            outcome.aside = _move_in(staged, None, target)
    outcome.seconds = round(time.monotonic() - started, 3)
    return outcome


def differences(noted: Mapping[str, Table], found: Mapping[str, Table]) -> list[str]:
    """Where counts or digests of tables differ, a sentence each."""
    said = []
    for name in sorted(noted.keys() | found.keys()):
        one, other = noted.get(name), found.get(name)
        if one is None or other is None:
            said.append(f"{name}: {'is not in the snapshot' if one is None else 'is missing'}")
        elif one.rows != other.rows:
            said.append(f"{name}: {other.rows} rows instead of {one.rows}")
        elif one.digest != other.digest:
            said.append(f"{name}: {one.rows} rows with other contents")
    return said


def write_database(store: Store, database: Database, path: Path) -> None:
    """The database's file or dump as it was kept. Raises Damaged."""
    digest = hashlib.sha256()
    with path.open("wb") as out:
        path.chmod(0o600)
        for name in database.pieces:
            piece = store.get(name)
            digest.update(piece)
            out.write(piece)
        out.flush()
        os.fsync(out.fileno())
    if digest.hexdigest() != database.sha256:
        raise Damaged("database: another digest")


# ---------------------------------------------------------------- before


def _require_free(target: Target, replace: bool) -> None:
    """Nothing that would be lost without being asked, and nobody at work on it."""
    if target.engine == "sqlite":
        path = Path(target.database["NAME"])
        if users := _who_has_open(path):
            raise Refused(
                "in_use",
                _("The site, a worker or beat still runs on this database (process %(ids)s): stop them first.")
                % {"ids": ", ".join(map(str, users))},
            )
        holds = not sqlite.is_empty(path)
    else:
        address = postgres.Address.of(target.database)
        with address.connect() as connection:
            others = connection.execute(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
                " AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
            ).fetchone()[0]
        if others:
            raise Refused(
                "in_use",
                _("Others are connected to this database (%(n)s connections): stop site, workers and beat first.")
                % {"n": others},
            )
        holds = not postgres.is_empty(address)
    holds = holds or any(_has_files(folder) for name, folder in target.folders.items() if name != "raw")
    if holds and not replace:
        raise Refused(
            "not_empty",
            _("%(folder)s or its database holds data already: name an empty place by --into, or say --replace.")
            % {"folder": target.var},
        )


def _has_files(folder: Path) -> bool:
    return folder.is_dir() and any(names for _here, _folders, names in os.walk(folder))


def _who_has_open(path: Path) -> list[int]:
    """Other processes that have the file open, where the system tells."""
    found, wanted = [], {str(path.absolute()) + end for end in _WAL}
    for process in Path("/proc").glob("[0-9]*"):
        if int(process.name) == os.getpid():
            continue
        try:
            if any(os.readlink(link) in wanted for link in (process / "fd").iterdir()):
                found.append(int(process.name))
        except OSError:  # ended meanwhile, or another user's
            continue
    return sorted(found)


def _require_room(folder: Path, snapshot: Snapshot) -> None:
    there = folder
    while not there.exists():
        there = there.parent
    if shutil.disk_usage(there).free < 1.1 * snapshot.size:
        said = {"folder": there, "size": snapshot.size // 2**20 + 1}
        raise Refused("disk_full", _("Restoring needs %(size)s MB free in %(folder)s.") % said)


# ---------------------------------------------------------------- moving


def _put_back_files(store: Store, files: tuple[File, ...], staged: Path, say: Say) -> None:
    for root in {file.root for file in files}:
        (staged / root).mkdir()
    for file in files:
        tree.put_back(store, file, staged / file.root)
    say(f"{len(files):,} files written, each with its digest")


def _move_in(staged: Path, database: Path | None, target: Target) -> str:
    """Each thing by one rename where it can be; what was there is put aside, never deleted."""
    aside = target.var / f"before-restore-{datetime.now(UTC):%Y%m%dT%H%M%SZ}"
    if database is not None:
        place = Path(target.database["NAME"])
        place.parent.mkdir(parents=True, exist_ok=True)
        for end in _WAL:
            if (old := Path(f"{place}{end}")).exists():
                aside.mkdir(exist_ok=True)
                shutil.move(old, aside / old.name)
        shutil.move(database, place)
        sync_folder(place.parent)
    for root, folder in target.folders.items():
        new = staged / root
        if root == "raw":  # a folder that others put files into: theirs stay
            _lay_over(new, folder)
            continue
        if _has_files(folder):
            aside.mkdir(exist_ok=True)
            shutil.move(folder, aside / root)
        elif folder.exists():
            shutil.rmtree(folder)
        if new.exists():
            folder.parent.mkdir(parents=True, exist_ok=True)
            shutil.move(new, folder)
    return str(aside) if aside.exists() else ""


def _lay_over(new: Path, folder: Path) -> None:
    for path in _files(new):
        place = folder / path.relative_to(new)
        if place.exists() and tree.digest_of(place) == tree.digest_of(path):
            continue
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(path, place)


def _files(folder: Path) -> Iterator[Path]:
    for here, _folders, names in os.walk(folder):
        yield from (Path(here, name) for name in names)


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """For a drill: below VAR_DIR, for it may hold what the database holds. What a killed drill left is removed."""
    base = Path(settings.VAR_DIR) / "drills"
    base.mkdir(parents=True, exist_ok=True)
    base.chmod(0o700)
    with tempfile.TemporaryDirectory(prefix="drill-", dir=base) as folder:
        yield Path(folder)
