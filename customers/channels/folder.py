"""A folder where somebody lays files: which are ready, one of them copied out, and where it goes afterwards.

Whoever may write into the folder may also plant links in it. So every name is opened below an open folder, without
following links, and nothing is read, moved or written outside.
"""

from __future__ import annotations

import contextlib
import errno
import fnmatch
import hashlib
import os
import stat
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from django.utils.translation import gettext as _

from core.errors import Refused

from . import Brought

PROCESSED, REFUSED = "processed", "refused"
REPORTS = (".report.txt", ".report.json")
_UNFINISHED = (".part", ".partial", ".tmp", ".temp", ".filepart", ".crdownload", ".swp", "~")
_MOST_FILES = 10_000  # looked at in one folder
_BLOCK = 1 << 20


@dataclass(frozen=True, slots=True)
class Lying:
    """A file as it was seen: the same file has the same ``mark`` later."""

    name: str
    size_bytes: int
    changed: float  # seconds since 1970
    is_link: bool = False
    inode: int = 0

    @property
    def mark(self) -> str:
        return f"{self.inode}:{self.size_bytes}:{self.changed:.6f}"


def check_pattern(pattern: str) -> str:
    """A pattern of names, such as ``customers-*.csv``. Raises Refused where it names a place."""
    pattern = pattern.strip() or "*"
    if "/" in pattern or "\\" in pattern or pattern in (".", "..") or len(pattern) > 100:
        raise Refused("bad_pattern", _("Give a pattern of file names, such as “customers-*.csv”, without folders."))
    return pattern


class Inbox:
    """One company's folder: files to bring lie in it, ``processed/`` and ``refused/`` hold those that were taken."""

    def __init__(self, path: Path, *, settle_seconds: float) -> None:
        self.path = path
        self._settle = settle_seconds

    def prepare(self) -> None:
        """Make the folders. Raises Refused where that is not possible."""
        try:
            for folder in (self.path, self.path / PROCESSED, self.path / REFUSED):
                folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise _unusable(error) from error

    def ready(self, pattern: str = "*") -> list[Lying]:
        """Files to bring, the oldest first. Raises Refused where the folder cannot be read."""
        return [lying for lying, why in self.lying(pattern) if not why]

    def lying(self, pattern: str = "*") -> list[tuple[Lying, str]]:
        """Every file, the oldest first, and why it is left: "" for one that is ready, pattern, unfinished, changing, name."""
        with self._open() as folder:
            seen = [lying for name in _names(folder) if (lying := _look(folder, name)) is not None]
        seen.sort(key=lambda lying: (lying.changed, lying.name))
        return [(lying, self._why_left(lying, pattern)) for lying in seen]

    def _why_left(self, lying: Lying, pattern: str) -> str:
        name = lying.name.casefold()
        if not _is_text(name):
            return "name"
        if name.startswith(".") or name.endswith((*_UNFINISHED, *REPORTS)):
            return "unfinished"
        if not fnmatch.fnmatchcase(name, pattern.casefold()):
            return "pattern"
        return "" if lying.is_link or time.time() - lying.changed >= self._settle else "changing"

    def copy(
        self, lying: Lying, target: Path, *, max_bytes: int, progress: Callable[[int, int], None] | None = None
    ) -> Brought | None:
        """Copy a file out; None where it is gone or changed meanwhile. Raises Refused("link" | "too_large")."""
        if lying.is_link:
            raise Refused(
                "link", _("“%(name)s” is a link to another place: lay the file itself down.") % {"name": lying.name}
            )
        digest, size = hashlib.sha256(), 0
        with self._open() as folder:
            try:
                handle = os.open(lying.name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=folder)
            except (FileNotFoundError, NotADirectoryError):
                return None
            except OSError as error:
                if error.errno == errno.ELOOP:
                    return None  # a link took its place: the next look says so
                raise Refused(
                    "unreadable", _("“%(name)s” cannot be read: check its permissions.") % {"name": lying.name}
                ) from error
            with open(handle, "rb") as source, target.open("wb") as copy:
                if not stat.S_ISREG(os.fstat(source.fileno()).st_mode):
                    return None
                while block := source.read(_BLOCK):
                    size += len(block)
                    if size > max_bytes:
                        raise Refused(
                            "too_large", _("The file is larger than %(maximum)s MB.") % {"maximum": max_bytes >> 20}
                        )
                    digest.update(block)
                    copy.write(block)
                    if progress is not None:
                        progress(size, lying.size_bytes)
            after = _look(folder, lying.name)
        if after is None or after.mark != lying.mark:
            return None
        return Brought(lying.name, digest.hexdigest(), size, facts={"mark": lying.mark})

    def put_away(self, name: str, mark: str, place: str, reports: dict[str, bytes]) -> str:
        """Move a file that was seen as ``mark`` into ``processed`` or ``refused``, its reports beside it; its name there.

        Empty where another file has that name by now, or none: then nothing is moved, for it is not the one.
        """
        with self._open() as folder, self._open_below(folder, place) as shelf:
            lying = _look(folder, name)
            if lying is None or lying.mark != mark:
                return ""
            free = _free_name(shelf, name)
            os.rename(name, free, src_dir_fd=folder, dst_dir_fd=shelf)
            for ending, content in reports.items():
                with contextlib.suppress(OSError):  # the report also stands on the feed's page
                    _write_new(shelf, free + ending, content)
        return free

    @contextlib.contextmanager
    def _open(self) -> Iterator[int]:
        try:
            handle = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY)
        except OSError as error:
            raise _unusable(error) from error
        try:
            yield handle
        finally:
            os.close(handle)

    @contextlib.contextmanager
    def _open_below(self, folder: int, place: str) -> Iterator[int]:
        """``processed`` or ``refused``: a folder of its own, never a link to elsewhere."""
        with contextlib.suppress(FileExistsError):
            os.mkdir(place, dir_fd=folder)
        try:
            handle = os.open(place, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=folder)
        except OSError as error:
            raise _unusable(error) from error
        try:
            yield handle
        finally:
            os.close(handle)


def _names(folder: int) -> list[str]:
    with os.scandir(folder) as entries:
        names = [entry.name for _n, entry in zip(range(_MOST_FILES), entries, strict=False)]
    return [name for name in names if name not in (PROCESSED, REFUSED)]


def _is_text(name: str) -> bool:
    """Whether it can be shown and kept: a name may be any bytes."""
    return name.isprintable() and name.encode("utf-8", "ignore").decode() == name


def _look(folder: int, name: str) -> Lying | None:
    """A regular file, or a link, as it lies there; None for anything else."""
    try:
        seen = os.stat(name, dir_fd=folder, follow_symlinks=False)
    except OSError:
        return None
    if not (stat.S_ISREG(seen.st_mode) or stat.S_ISLNK(seen.st_mode)):
        return None
    # A copying program may set the time of writing back; the time of the last change of any kind it cannot. A time in
    # the future (a clock that is wrong) must not hold a file back for ever.
    changed = max(seen.st_ctime, min(seen.st_mtime, time.time()))
    return Lying(name, seen.st_size, changed, stat.S_ISLNK(seen.st_mode), seen.st_ino)


def _free_name(shelf: int, name: str) -> str:
    taken = set(os.listdir(shelf))
    stem, dot, ending = name.partition(".")
    number, free = 1, name
    while free in taken or free + REPORTS[0] in taken:
        number += 1
        free = f"{stem}-{number}{dot}{ending}"
    return free


def _write_new(shelf: int, name: str, content: bytes) -> None:
    handle = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o640, dir_fd=shelf)
    with open(handle, "wb") as file:
        file.write(content)


def _unusable(error: OSError) -> Refused:
    return Refused(
        "folder_unusable",
        _("The folder for files cannot be used (%(reason)s): whoever runs this site must mend that.")
        % {"reason": error.strerror or type(error).__name__},
    )
