"""SQLite's database out and in: copied by its own backup API, which sees one moment and keeps no writer waiting."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.utils.translation import gettext as _

from ..errors import Refused
from .sealing import Damaged
from .snapshots import Table

_ROWS = 2_000


@contextmanager
def copied(source: Path, folder: Path) -> Iterator[Path]:
    """A copy of one moment, in ``folder`` as long as the block lasts. Refused where the disk is too small for it."""
    if not source.exists():
        raise Refused("no_database", _("There is no database at %(path)s.") % {"path": source})
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)
    needed = source.stat().st_size
    if shutil.disk_usage(folder).free < 1.1 * needed:
        said = {"folder": folder, "size": needed // 2**20 + 1}
        raise Refused("disk_full", _("A copy of the database needs %(size)s MB free in %(folder)s.") % said)
    target = folder / "database.sqlite3"
    with (folder / "lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Refused("busy", _("Another backup of this database is at work: wait until it has ended.")) from None
        yield from _copied(source, target)


def _copied(source: Path, target: Path) -> Iterator[Path]:
    target.unlink(missing_ok=True)  # a killed one's
    try:
        with _opened(source) as database, contextlib.closing(sqlite3.connect(target)) as copy:
            target.chmod(0o600)
            database.backup(copy, pages=-1)
        yield target
    finally:
        target.unlink(missing_ok=True)


def tables(path: Path) -> dict[str, Table]:
    """Rows and digests of every table of a database that nobody writes to."""
    found = {}
    with _opened(path) as database:
        database.text_factory = bytes  # as it is kept: text that is no UTF-8 is a row as well
        for name in _table_names(database):
            found[name] = _table(database, name)
    return found


def schema(path: Path) -> tuple[str, ...]:
    """The migrations that were applied, in their order."""
    with _opened(path) as database:
        try:
            rows = database.execute("SELECT app, name FROM django_migrations ORDER BY id")
            return tuple(f"{app}.{name}" for app, name in rows)
        except sqlite3.OperationalError:
            return ()


def check(path: Path) -> None:
    """Raises Damaged where SQLite itself finds fault with pages, indexes or keys."""
    try:
        with _opened(path) as database:
            said = database.execute("PRAGMA quick_check(1)").fetchone()[0]
            astray = database.execute("PRAGMA foreign_key_check").fetchone()
    except sqlite3.DatabaseError as error:
        raise Damaged(f"database: {error}") from error
    if said != "ok" or astray is not None:
        raise Damaged(f"database: {said if said != 'ok' else f'a row of {astray[0]} points nowhere'}")


def is_empty(path: Path) -> bool:
    """Whether nothing would be lost: no file, or one without tables."""
    if not path.exists() or path.stat().st_size == 0:
        return True
    try:
        with _opened(path) as database:
            return not _table_names(database)
    except sqlite3.DatabaseError:
        return False


def version() -> str:
    return sqlite3.sqlite_version


@contextmanager
def _opened(path: Path) -> Iterator[sqlite3.Connection]:
    uri = f"{path.absolute().as_uri()}?mode=ro"
    with contextlib.closing(sqlite3.connect(uri, uri=True, timeout=30, isolation_level=None)) as database:
        yield database


def _table_names(database: sqlite3.Connection) -> list[str]:
    """Tables and not their views; those of virtual tables count through these."""
    rows = database.execute(
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY name"
    )
    return [str(name, "utf-8") if isinstance(name, bytes) else name for (name,) in rows]


def _table(database: sqlite3.Connection, name: str) -> Table:
    quoted = '"' + name.replace('"', '""') + '"'
    keys = [row[1] for row in database.execute(f"PRAGMA table_info({quoted})") if row[5]]
    names = [str(key, "utf-8") if isinstance(key, bytes) else key for key in keys]
    order = ", ".join('"' + key.replace('"', '""') + '"' for key in names) or "rowid"
    digest, rows = hashlib.sha256(), 0
    cursor = database.execute(f"SELECT * FROM {quoted} ORDER BY {order}")  # noqa: S608 - names of the schema, quoted
    while block := cursor.fetchmany(_ROWS):
        rows += len(block)
        for row in block:
            digest.update(repr(row).encode())
    return Table(rows, digest.hexdigest())
