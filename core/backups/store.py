"""The store: a folder of pieces named by their content, and of snapshots that name pieces.

Nothing is ever changed in place. A piece is written beside and renamed; a snapshot is published last, when all its pieces
are on the disk. So a process killed at any moment, or a power cut, leaves snapshots that are whole, and at worst pieces that
nobody names yet: the next backup uses them, or collects them. One writer at a time (``writing``); who reads keeps the
collector out (``reading``).
"""

from __future__ import annotations

import base64
import contextlib
import fcntl
import json
import os
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from django.utils.translation import gettext as _

from ..errors import Refused
from ..instance import sync_folder, write_whole
from . import cutting
from .sealing import MIN_KEY, Damaged, Seal
from .snapshots import Snapshot, read, written

_FORMAT = 1


class Store:
    """A store that is there. ``Store.open`` finds or makes it."""

    def __init__(self, folder: Path, seal: Seal) -> None:
        self.folder, self.seal = folder, seal
        self._trusted: set[str] = set()  # pieces that a published snapshot names: on the disk, whole
        self.new_pieces = self.new_bytes = 0

    @classmethod
    def open(cls, folder: Path, key: str, *, make: bool = False) -> Store:
        """Raises Refused where there is none (unless ``make``), where the key is not its own, or where it is not ours."""
        about = folder / "store.json"
        if key and len(key) < MIN_KEY:
            raise Refused("short_key", _("BACKUP_KEY is shorter than %(n)s characters.") % {"n": MIN_KEY})
        if not about.exists():
            if not make:
                raise Refused("no_store", _("There is no backup store in %(folder)s.") % {"folder": folder})
            _make(folder, key)
        try:
            told = json.loads(about.read_text(encoding="utf-8"))
            form, salt, check = told["format"], base64.b64decode(told["salt"]), told["key_check"]
        except (ValueError, KeyError, TypeError, OSError) as error:
            raise Refused(
                "bad_store", _("%(folder)s cannot be read as a backup store.") % {"folder": folder}
            ) from error
        if form != _FORMAT:
            raise Refused("newer_store", _("The store in %(folder)s is of another release.") % {"folder": folder})
        seal = Seal(key, salt)
        if seal.check != check:
            raise Refused("wrong_key", _wrong_key(is_encrypted=bool(check), has_key=bool(key)))
        return cls(folder, seal)

    # ------------------------------------------------------------ who is at it

    @contextmanager
    def writing(self, *, patiently: bool = False) -> Iterator[None]:
        """Alone among those who write. Refused("busy") where somebody is at it, unless ``patiently``."""
        with _locked(self.folder / "writing.lock", fcntl.LOCK_EX, wait=patiently):
            tidy_drafts(self.folder)
            yield

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Nothing is collected meanwhile. From a place that cannot be written to nothing can be collected anyway."""
        if not os.access(self.folder, os.W_OK):
            yield
            return
        with _locked(self.folder / "reading.lock", fcntl.LOCK_SH, wait=True):
            yield

    @contextmanager
    def collecting(self) -> Iterator[None]:
        """Within ``writing``: nobody reads. Refused("busy") where somebody does."""
        with _locked(self.folder / "reading.lock", fcntl.LOCK_EX, wait=False):
            yield

    # ------------------------------------------------------------ pieces

    def path_of(self, name: str) -> Path:
        return self.folder / "pieces" / name[:2] / name

    def trust(self, names: Iterable[str]) -> None:
        """Pieces of published snapshots need not be read again to be relied on."""
        self._trusted.update(names)

    def put(self, content: bytes) -> str:
        """Keep a piece; its name. One that is there already is written once only."""
        name = self.seal.name_of(content)
        path = self.path_of(name)
        # A piece that a killed backup left may be half on the disk after a power cut: it is read once.
        if path.exists() and (name in self._trusted or self._is_whole(name)):
            self._trusted.add(name)
            return name
        kept = self.seal.close(content, about=name)
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = self.folder / "drafts" / f"{name}.{uuid.uuid4().hex[:8]}"
        draft.write_bytes(kept)
        draft.replace(path)
        self._trusted.add(name)
        self.new_pieces += 1
        self.new_bytes += len(kept)
        return name

    def get(self, name: str) -> bytes:
        """A piece, proved to be what was put. Raises Damaged."""
        try:
            content = self.seal.open(self.path_of(name).read_bytes(), about=name, most=cutting.LARGEST)
        except FileNotFoundError:
            raise Damaged(f"{name}: missing") from None
        except OSError as error:
            raise Damaged(f"{name}: {error}") from error
        if self.seal.name_of(content) != name:
            raise Damaged(f"{name}: holds something else")
        return content

    def _is_whole(self, name: str) -> bool:
        try:
            self.get(name)
        except Damaged:
            return False
        return True

    def set_aside(self, name: str) -> None:
        """A damaged piece makes way: the next backup writes it again, where what it held is still there."""
        path = self.path_of(name)
        with contextlib.suppress(OSError):  # it may be gone, or the store be a copy that cannot be written to
            path.replace(self.folder / "damaged" / name)

    def pieces(self) -> Iterator[Path]:
        for folder in sorted((self.folder / "pieces").iterdir()):
            yield from folder.iterdir()

    # ------------------------------------------------------------ snapshots

    def publish(self, snapshot: Snapshot) -> Snapshot:
        """Make a snapshot count, once everything it names is on the disk."""
        os.sync()
        write_whole(self.place_of(snapshot.id), written(snapshot, self.seal))
        return snapshot

    def ids(self) -> list[str]:
        """Newest first: identifiers begin with their moment."""
        return sorted((path.stem for path in (self.folder / "snapshots").glob("*.snapshot")), reverse=True)

    def snapshot(self, id_: str) -> Snapshot:
        """Raises Refused("no_snapshot") or Damaged."""
        try:
            kept = self.place_of(id_).read_bytes()
        except (FileNotFoundError, ValueError):
            raise Refused("no_snapshot", _("There is no snapshot %(id)s.") % {"id": id_}) from None
        return read(kept, self.seal, id_)

    def snapshots(self) -> Iterator[Snapshot]:
        """Newest first. Raises Damaged at one that cannot be read."""
        for id_ in self.ids():
            yield self.snapshot(id_)

    def latest(self, *, whole: bool = True) -> Snapshot | None:
        """The newest that can be read; ``whole``: one that holds a database."""
        for id_ in self.ids():
            try:
                found = self.snapshot(id_)
            except Damaged:
                continue
            if found.database is not None or not whole:
                return found
        return None

    def forget(self, ids: Iterable[str]) -> None:
        for id_ in ids:
            self.place_of(id_).unlink(missing_ok=True)
        sync_folder(self.folder / "snapshots")

    def place_of(self, id_: str) -> Path:
        if not id_ or any(c not in "0123456789abcdefTZ-" for c in id_):
            raise Refused("no_snapshot", _("There is no snapshot %(id)s.") % {"id": id_})
        return self.folder / "snapshots" / f"{id_}.snapshot"


def tidy_drafts(folder: Path) -> None:
    """What a killed writer left half written. Only while writing alone."""
    for path in (*(folder / "drafts").iterdir(), *(folder / "snapshots").glob(".*")):
        path.unlink(missing_ok=True)


def _make(folder: Path, key: str) -> None:
    if folder.exists() and any(folder.iterdir()):
        strangers = {path.name for path in folder.iterdir()} - {"pieces", "snapshots", "drafts", "damaged"}
        if strangers:
            raise Refused(
                "not_a_store",
                _("%(folder)s holds other files and is no backup store: name an empty folder.") % {"folder": folder},
            )
    try:
        for name in ("pieces", "snapshots", "drafts", "damaged"):
            (folder / name).mkdir(parents=True, exist_ok=True)
        folder.chmod(0o700)
        salt = os.urandom(16)
        told = {
            "format": _FORMAT,
            "salt": base64.b64encode(salt).decode(),
            "key_check": Seal(key, salt).check,
            "about": "ChurnGuard backups. See docs/operating.md; restore with manage.py restore.",
        }
        write_whole(folder / "store.json", json.dumps(told, indent=1).encode())
    except OSError as error:
        said = {"folder": folder, "why": error.strerror or str(error)}
        raise Refused("store_unwritable", _("No backup can be written to %(folder)s: %(why)s.") % said) from error


def _wrong_key(*, is_encrypted: bool, has_key: bool) -> str:
    if not is_encrypted:
        return _("This store was made without a key: unset BACKUP_KEY, or name another folder for an encrypted one.")
    if not has_key:
        return _("This store is encrypted: set BACKUP_KEY to the key that it was made with.")
    return _("BACKUP_KEY is not the key that this store was made with.")


@contextmanager
def _locked(path: Path, kind: int, *, wait: bool) -> Iterator[None]:
    try:
        file = path.open("a")
    except OSError as error:
        said = {"folder": path.parent, "why": error.strerror or str(error)}
        raise Refused("store_unwritable", _("No backup can be written to %(folder)s: %(why)s.") % said) from error
    with file:
        try:
            fcntl.flock(file, kind if wait else kind | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Refused("busy", _("Another backup is at work in this store: wait until it has ended.")) from None
        yield
