"""Taking a backup: the database of one moment, the raw files, the settings without their secrets; published last."""

from __future__ import annotations

import hashlib
import logging
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.conf import settings

from ..embedded.processes import EmbeddedError
from ..env import env
from ..errors import Refused
from ..instance import instance_id
from . import collecting, configuration, cutting, postgres, reports, sqlite, tree
from .retention import Policy
from .sealing import Damaged
from .snapshots import CONFIGURATION, EVERYTHING, Database, Snapshot, new_id, tell_of
from .store import Store

logger = logging.getLogger(__name__)

_DIGESTS = 50  # of settings, so that workers which differ do not fill the store by turns
Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Taken:
    snapshot: Snapshot
    new_pieces: int
    new_bytes: int
    collected: collecting.Collected | None


def open_store(*, make: bool = False, folder: Path | None = None) -> Store:
    """The store of the settings. Raises Refused."""
    return Store.open(Path(folder or settings.BACKUP_DIR), settings.BACKUP_KEY, make=make)


def policy() -> Policy:
    return Policy(**settings.BACKUP_KEEP)


def source() -> Mapping[str, Any]:
    """The database to read: BACKUP_DATABASE_URL names a role that may read every row, where the site's own may not."""
    if settings.BACKUP_DATABASE_URL:
        return env.db_url_config(settings.BACKUP_DATABASE_URL)
    return settings.DATABASES["default"]


def trial_server() -> postgres.Address | None:
    """Where a restore may be tried in a database made for it, by BACKUP_DRILL_DATABASE_URL; None: where the data are."""
    if not settings.BACKUP_DRILL_DATABASE_URL:
        return None
    return postgres.Address.of(env.db_url_config(settings.BACKUP_DRILL_DATABASE_URL))


def roots() -> dict[str, Path]:
    """The raw files: what people uploaded and models, and the folder that feeds read from."""
    return {"files": Path(settings.PRIVATE_ROOT), "raw": Path(settings.RAW_DATA_PATH)}


def back_up(
    *, version: str, thorough: bool = False, prune: bool = True, say: Say = logger.info, store: Store | None = None
) -> Taken:
    """A whole snapshot; how it went is noted where it goes to the store of the settings. ``thorough``: files are read again even where size and time are the same.

    Raises Refused("busy") where another is at work (that is no failure), other Refused, Damaged or OSError.
    """
    try:
        store = store or open_store(make=True)
        with store.writing():
            taken = _take(store, version=version, thorough=thorough, say=say)
            if prune:
                taken = replace(taken, collected=_collect(store, say))
    except Refused as refusal:
        if refusal.code != "busy" and _is_ours(store):
            reports.note(reports.BACKUP, code=refusal.code, message=refusal.message)
        raise
    except Exception as error:
        if _is_ours(store):
            reports.note(reports.BACKUP, code="error", message=f"{type(error).__name__}: {error}")
        raise
    snapshot = taken.snapshot
    facts = {
        "snapshot": snapshot.id,
        "rows": snapshot.rows,
        "files": len(snapshot.files),
        "bytes": snapshot.size,
        "new_bytes": taken.new_bytes,
        "seconds": snapshot.seconds,
        "is_encrypted": store.seal.is_encrypted,
    }
    if _is_ours(store):
        reports.note(reports.BACKUP, facts=facts)
        _know(configuration.digest_of(snapshot.configuration))
    return taken


def _is_ours(store: Store | None) -> bool:
    """The store of the settings, or the one that could not be opened."""
    return store is None or store.folder == Path(settings.BACKUP_DIR)


def keep_configuration(*, version: str) -> Snapshot | None:
    """A snapshot of the settings alone, where they are none of those that were kept last; else None. Raises Refused."""
    told = configuration.configuration()
    digest = configuration.digest_of(told)
    if digest in _known():
        return None
    store = open_store(make=True)
    with store.writing():
        made = store.publish(_about(store, CONFIGURATION, version, told))
    _know(digest)
    return made


def _known() -> list[str]:
    """Digests of the settings that were kept last: asked every minute, so without opening the store."""
    found = reports.reports().get(reports.SETTINGS)
    return list((found.facts or {}).get("digests", [])) if found else []


def _know(digest: str) -> None:
    known = _known()
    if digest not in known:
        reports.note(reports.SETTINGS, facts={"digests": [digest, *known][:_DIGESTS]})


def _take(store: Store, *, version: str, thorough: bool, say: Say) -> Taken:
    started = time.monotonic()
    before = _trust(store)
    snapshot = _about(store, EVERYTHING, version, configuration.configuration())
    database = _keep_database(store, say)
    say(f"{len(database.tables)} tables, {sum(t.rows for t in database.tables.values()):,} rows")
    # After the database: a file that a row names was there before the row.
    known = {(file.root, file.path): file for file in (before.files if before else ())}
    files, missed = tree.keep(store, roots(), known, thorough=thorough)
    say(
        f"{len(files):,} files" + (f", {len(missed)} changed meanwhile and come with the next backup" if missed else "")
    )
    snapshot = replace(
        snapshot,
        database=database,
        files=tuple(files),
        missed=tuple(missed[:100]),
        seconds=round(time.monotonic() - started, 3),
        new_bytes=store.new_bytes,
    )
    store.publish(snapshot)
    return Taken(snapshot, store.new_pieces, store.new_bytes, None)


def _trust(store: Store) -> Snapshot | None:
    """Rely on the pieces of every snapshot that can be read; the newest whole one."""
    newest = None
    for id_ in store.ids():
        try:
            found = store.snapshot(id_)
        except Damaged as damage:
            logger.error("a snapshot cannot be read: %s", damage)
            continue
        store.trust(found.pieces())
        newest = newest or (found if found.database is not None else None)
    return newest


def _about(store: Store, kind: str, version: str, told: dict[str, Any]) -> Snapshot:
    now = datetime.now(UTC)
    previous, tell = "", ""
    for id_ in store.ids()[:1]:
        try:
            previous, tell = id_, tell_of(store.place_of(id_).read_bytes(), store.seal, id_)
        except Damaged:
            previous = ""
    return Snapshot(
        id=new_id(now),
        taken_at=now.isoformat(),
        kind=kind,
        origin=instance_id(),
        app_version=version,
        configuration=told,
        keys=configuration.key_ids(),
        previous=previous,
        previous_tell=tell,
    )


def _keep_database(store: Store, say: Say) -> Database:
    where = source()
    engine = str(where["ENGINE"])
    if engine.endswith("sqlite3"):
        say("copying the database")
        with sqlite.copied(Path(where["NAME"]), Path(settings.VAR_DIR) / "backup-work") as copy:
            with copy.open("rb") as stream:
                size, sha256, pieces = _put(store, cutting.fixed(stream))
            return Database("sqlite", sqlite.version(), size, sha256, pieces, sqlite.tables(copy), sqlite.schema(copy))
    if not engine.endswith("postgresql"):
        raise Refused("unknown_engine", f"No backup is known for {engine}.")
    say("dumping the database")
    try:
        with postgres.moment(postgres.Address.of(where)) as now:
            with now.dump() as stream:
                size, sha256, pieces = _put(store, cutting.by_content(stream))
            return Database("postgresql", now.version, size, sha256, pieces, now.tables(), now.schema())
    except EmbeddedError as error:
        raise Refused("no_program", str(error)) from error


def _put(store: Store, pieces: Iterator[bytes]) -> tuple[int, str, tuple[str, ...]]:
    """(size, digest of the whole, names)."""
    digest, size, names = hashlib.sha256(), 0, []
    for piece in pieces:
        digest.update(piece)
        size += len(piece)
        names.append(store.put(piece))
    return size, digest.hexdigest(), tuple(names)


def _collect(store: Store, say: Say) -> collecting.Collected | None:
    """What is beyond the policy. Something in the way of it is no failure of the backup, which is there."""
    try:
        found = collecting.collect(store, policy())
    except Refused as refusal:
        logger.warning("nothing was collected: %s", refusal.message)
        return None
    if found.snapshots:
        say(f"{found.snapshots} old snapshots forgotten, {found.bytes:,} bytes freed")
    return found
