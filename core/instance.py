"""Which installation this is, and whether its data were brought back from a backup.

Both stand in files beside the data and in no table, because a table travels with every copy: the identifier is made where
the installation first runs, and a restore leaves its mark. What must not happen twice (mail) asks for both.
"""

from __future__ import annotations

import json
import os
import uuid
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from django.conf import settings

_MARK = "restored.json"
_ID = "instance-id"


@dataclass(frozen=True, slots=True)
class Restored:
    """``hold`` names this one restore, ``snapshot`` what was restored, ``origin`` the installation that it came from."""

    hold: str
    snapshot: str
    origin: str
    restored_at: str

    @property
    def at(self) -> datetime:
        return datetime.fromisoformat(self.restored_at)


def instance_id() -> str:
    """The same for every process of one installation: INSTANCE_ID, or a random one in a file of VAR_DIR."""
    if settings.INSTANCE_ID:
        return settings.INSTANCE_ID
    path = Path(settings.VAR_DIR) / _ID
    try:
        if found := path.read_text(encoding="ascii").strip():
            return found
    except FileNotFoundError:
        pass
    path.parent.mkdir(parents=True, exist_ok=True)
    # Linked into place whole: two processes of a first start agree on one, and none reads half of it.
    draft = path.with_name(f"{_ID}.{os.getpid()}.{uuid.uuid4().hex[:8]}")
    draft.write_text(str(uuid.uuid4()), encoding="ascii")
    try:
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        draft.unlink()
    return path.read_text(encoding="ascii").strip()


def restored() -> Restored | None:
    """The last restore onto this installation; None where there was none. One that cannot be read is one that happened."""
    path = Path(settings.VAR_DIR) / _MARK
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    try:
        found = json.loads(text)
        mark = Restored(**{name: str(found[name]) for name in ("hold", "snapshot", "origin", "restored_at")})
        if mark.at.tzinfo is None:
            raise ValueError("no time zone")
    except (ValueError, KeyError, TypeError):
        return Restored("unreadable", "", "", datetime.now(UTC).isoformat())
    return mark


def mark_restored(folder: Path, *, snapshot: str, origin: str) -> Restored:
    """Say in ``folder`` (a VAR_DIR) that its data come from a backup. Before they are moved there, so that no sender is
    quicker."""
    mark = Restored(str(uuid.uuid4()), snapshot, origin, datetime.now(UTC).isoformat())
    folder.mkdir(parents=True, exist_ok=True)
    write_whole(folder / _MARK, json.dumps(asdict(mark)).encode())
    return mark


def forget_restored(folder: Path) -> None:
    """Nothing was brought there after all."""
    (folder / _MARK).unlink(missing_ok=True)


def write_whole(path: Path, content: bytes) -> None:
    """Replace a file: whoever reads it, or finds it after a power cut, has the old one or the new one."""
    draft = path.with_name(f".{path.name}.{os.getpid()}.{uuid.uuid4().hex[:8]}")
    try:
        with draft.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
        sync_folder(path.parent)
    finally:
        draft.unlink(missing_ok=True)


def sync_folder(folder: Path) -> None:
    """Have the names in a folder on the disk."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
