"""Raw files: uploads, models, what lies below the folders that the settings name; kept and put back by digest."""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from .cutting import fixed
from .sealing import Damaged
from .snapshots import File
from .store import Store

# Journals of senders: notes of this machine about mails of this hour, of no use to another one.
_LEFT_OUT = ("outbox",)


def keep(
    store: Store, roots: Mapping[str, Path], before: Mapping[tuple[str, str], File], *, thorough: bool
) -> tuple[list[File], list[str]]:
    """The files now, and those that vanished or changed while they were read (they are in the next backup).

    ``before``: (root, path) -> as of the last snapshot; a file of the same size and time is not read again unless
    ``thorough``, where its pieces are still in the store.
    """
    found, missed = [], []
    for root, folder in sorted(roots.items()):
        for path in _walk(folder):
            relative = path.relative_to(folder).as_posix()
            try:
                known = before.get((root, relative))
                status = path.stat()
                same = known and (known.size, known.mtime) == (status.st_size, status.st_mtime_ns)
                if same and not thorough and all(store.path_of(name).exists() for name in known.pieces):
                    found.append(known)
                    continue
                kept = _keep_one(store, root, relative, path)
            except OSError:
                missed.append(f"{root}/{relative}")
                continue
            if kept is None:
                missed.append(f"{root}/{relative}")
            else:
                found.append(kept)
    return found, missed


def put_back(store: Store, file: File, folder: Path) -> None:
    """Write one file below ``folder``. Raises Damaged where it is not what was kept."""
    target = _below(folder, file)
    target.parent.mkdir(parents=True, exist_ok=True)
    digest = hashlib.sha256()
    with target.open("wb") as out:
        for name in file.pieces:
            piece = store.get(name)
            digest.update(piece)
            out.write(piece)
    if digest.hexdigest() != file.sha256:
        raise Damaged(f"{file.root}/{file.path}: another digest")
    target.chmod(file.mode & 0o777)
    os.utime(target, ns=(file.mtime, file.mtime))


def take_away(file: File, folder: Path) -> None:
    """Remove what ``put_back`` wrote, and nothing outside the folder."""
    with contextlib.suppress(Damaged):
        _below(folder, file).unlink(missing_ok=True)


def digest_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _below(folder: Path, file: File) -> Path:
    """Where a file belongs; a path that would leave the folder is none of ours."""
    target = folder / file.path
    if not target.resolve().is_relative_to(folder.resolve()) or ".." in Path(file.path).parts:
        raise Damaged(f"{file.root}/{file.path}: leads out of its folder")
    return target


def _keep_one(store: Store, root: str, relative: str, path: Path) -> File | None:
    digest, pieces = hashlib.sha256(), []
    with path.open("rb") as file:
        first = os.fstat(file.fileno())
        for piece in fixed(file):
            digest.update(piece)
            pieces.append(store.put(piece))
        last = os.fstat(file.fileno())
    if (first.st_size, first.st_mtime_ns) != (last.st_size, last.st_mtime_ns):
        return None
    return File(root, relative, last.st_size, last.st_mtime_ns, last.st_mode & 0o777, digest.hexdigest(), tuple(pieces))


def _walk(folder: Path) -> Iterator[Path]:
    """Plain files, in the order of their names; no link is followed out of the folder."""
    for here, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if name not in _LEFT_OUT)
        for name in sorted(names):
            path = Path(here, name)
            if path.is_file() and not path.is_symlink():
                yield path
