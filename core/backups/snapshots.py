"""What a snapshot tells: when, of what, in which pieces, with how many rows and which digests."""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import PurePosixPath
from typing import Any

from django.utils.translation import gettext as _

from ..errors import Refused
from .sealing import Damaged, Seal

EVERYTHING, CONFIGURATION = "everything", "configuration"
ROOTS = ("files", "raw")  # the folders that files may lie below: see taking.roots
_PIECE = re.compile(r"[0-9a-f]{64}")
_TELL = 65  # bytes before its words
_LONGEST = 1 << 30  # bytes: the names of the pieces of some two terabytes


@dataclass(frozen=True, slots=True)
class Table:
    """``digest``: SHA-256 over the rows in the order of their keys, as this engine writes them."""

    rows: int
    digest: str


@dataclass(frozen=True, slots=True)
class Database:
    """``engine``: sqlite or postgresql; ``schema``: the migrations that were applied (app.name)."""

    engine: str
    version: str
    size: int
    sha256: str
    pieces: tuple[str, ...]
    tables: dict[str, Table]
    schema: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class File:
    """A raw file: where below which root, as it was. ``mtime`` in nanoseconds."""

    root: str
    path: str
    size: int
    mtime: int
    mode: int
    sha256: str
    pieces: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Snapshot:
    """``previous`` and ``previous_tell``: the snapshot before it and its HMAC, so that one that was slipped in shows.
    ``keys``: name -> what tells a key from another, never the key."""

    id: str
    taken_at: str
    kind: str
    origin: str
    app_version: str
    configuration: dict[str, Any]
    keys: dict[str, str]
    database: Database | None = None
    files: tuple[File, ...] = ()
    previous: str = ""
    previous_tell: str = ""
    seconds: float = 0.0
    new_bytes: int = 0
    missed: tuple[str, ...] = field(default=())  # files that vanished or changed while they were read

    @property
    def at(self) -> datetime:
        return datetime.fromisoformat(self.taken_at)

    @property
    def rows(self) -> int:
        return sum(table.rows for table in self.database.tables.values()) if self.database else 0

    @property
    def size(self) -> int:
        return (self.database.size if self.database else 0) + sum(file.size for file in self.files)

    def pieces(self) -> Iterator[str]:
        if self.database is not None:
            yield from self.database.pieces
        for file in self.files:
            yield from file.pieces


def new_id(now: datetime) -> str:
    """20260131T020000123456Z-5f3a9c: sorts by time, to the microsecond, and two of one moment differ."""
    return f"{now.astimezone(UTC):%Y%m%dT%H%M%S%fZ}-{secrets.token_hex(3)}"


def written(snapshot: Snapshot, seal: Seal) -> bytes:
    """As it is kept: its HMAC before its words, then compressed and perhaps encrypted. Raises Refused for one too long to be
    read again."""
    text = json.dumps(asdict(snapshot), separators=(",", ":")).encode()
    if len(text) + _TELL > _LONGEST:
        said = {"files": len(snapshot.files), "size": len(text) // 2**20, "most": _LONGEST // 2**20}
        raise Refused(
            "snapshot_too_long",
            _("A backup lists its %(files)s files in one piece, and this list has %(size)s MB: %(most)s are the most.")
            % said,
        )
    return seal.close(seal.tell(text).encode() + b"\n" + text, about=f"snapshot {snapshot.id}")


def read(kept: bytes, seal: Seal, id_: str) -> Snapshot:
    """Raises Damaged where it was changed, or is another's."""
    text = _text(kept, seal, id_)
    try:
        told = json.loads(text)
        if told["id"] != id_:
            raise Damaged(f"snapshot {id_}: says it is {told['id']}")
        database = told.pop("database")
        files = told.pop("files")
        return Snapshot(
            **{**told, "missed": tuple(told["missed"])},
            database=_database(database) if database else None,
            files=tuple(_file(file) for file in files),
        )
    except (ValueError, KeyError, TypeError) as error:
        raise Damaged(f"snapshot {id_}: {error}") from error


def tell_of(kept: bytes, seal: Seal, id_: str) -> str:
    """The HMAC of a snapshot, for the next one to name."""
    return seal.tell(_text(kept, seal, id_))


def _text(kept: bytes, seal: Seal, id_: str) -> bytes:
    tell, _end, text = seal.open(kept, about=f"snapshot {id_}", most=_LONGEST).partition(b"\n")
    if seal.tell(text) != tell.decode(errors="replace"):
        raise Damaged(f"snapshot {id_}: it was changed")
    return text


def _file(told: dict[str, Any]) -> File:
    """Who can write to a store without a key can write a snapshot: names in it lead nowhere but below their folders, for
    whoever reads it makes, moves and removes files by them."""
    path = PurePosixPath(told["path"])
    if told["root"] not in ROOTS:
        raise ValueError(f"{told['root']!r} is no folder of ours")
    if not path.name or path.is_absolute() or ".." in path.parts or "\x00" in told["path"]:
        raise ValueError(f"{told['path']!r} leads out of its folder")
    return File(**{**told, "pieces": _pieces(told["pieces"])})


def _pieces(told: list[str]) -> tuple[str, ...]:
    if wrong := [name for name in told if not _PIECE.fullmatch(name)]:
        raise ValueError(f"{wrong[0]!r} is no name of a piece")
    return tuple(told)


def _database(told: dict[str, Any]) -> Database:
    return Database(
        **{
            **told,
            "pieces": _pieces(told["pieces"]),
            "schema": tuple(told["schema"]),
            "tables": {name: Table(**table) for name, table in told["tables"].items()},
        }
    )
