"""Two lines on this machine's disk for each mail: that its bytes go out now, and that the server has taken it.

A sender may be killed between a commit of the database and what it was about: after "being sent" and before a byte is out, or
after the server's 250 and before the commit that says so. The row alone would be uncertain though its fate is known. A line
appended to a file survives the process (not a power cut: then all is uncertain, as it must be) and costs some microseconds.
Whoever recovers the shift's rows reads it first. The writer keeps the file locked for as long as it lives: one that was only
slow, and may yet go on, is not read, for what it has not begun by now it may begin. A successor on another machine finds no file.
In both cases the row is called uncertain, which is safe.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TextIO

from django.conf import settings

from tenants.scoping import current_tenant

_BEGUN, _ACCEPTED = "+", "="


class Journal:
    """What one claim of a shift does. It exists before the first mail is marked; ``close`` once all is committed."""

    def __init__(self, shift: int, fence: int) -> None:
        self._file = _folder() / f"{shift}-{fence}.log"
        self._file.parent.mkdir(parents=True, exist_ok=True)
        self._handle = os.open(self._file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        fcntl.flock(self._handle, fcntl.LOCK_EX)

    def begun(self, recipient: int) -> None:
        """The next byte that goes out may be this mail's."""
        self._note(f"{_BEGUN}{recipient}\n")

    def accepted(self, recipient: int) -> None:
        self._note(f"{_ACCEPTED}{recipient} {time.time():.3f}\n")

    def let_go(self) -> None:
        """Nothing more is begun by this claim, and not every line is in the database: whoever recovers the rows reads it."""
        handle, self._handle = self._handle, -1
        if handle >= 0:
            os.close(handle)

    def close(self) -> None:
        """Every line is in the database now."""
        self.let_go()
        with contextlib.suppress(OSError):
            self._file.unlink()

    def _note(self, line: str) -> None:
        written = line.encode("ascii")
        if os.write(self._handle, written) != len(written):  # a full disk: half a line would swallow the next one
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self._file))


@dataclass(slots=True)
class Noted:
    """What earlier claims of a shift noted here. ``begun``: bytes may have gone out; ``accepted``: when the server took it."""

    fences: set[int] = field(default_factory=set)
    begun: set[int] = field(default_factory=set)
    accepted: dict[int, datetime] = field(default_factory=dict)


def read(shift: int, before_fence: int) -> Noted:
    """A claim whose file is not here, ends in the middle of a line, or is still held by a process that lives is not among
    ``fences``: nothing is known of it."""
    found = Noted()
    for fence, path in _files(shift, before_fence):
        with path.open(encoding="ascii", errors="replace") as file:
            if not _is_let_go(file):
                continue
            text = file.read()
        if not text or text.endswith("\n"):
            found.fences.add(fence)
        for line in text.splitlines():
            key, _blank, at = line[1:].partition(" ")
            with contextlib.suppress(ValueError):
                if line.startswith(_BEGUN):
                    found.begun.add(int(key))
                elif line.startswith(_ACCEPTED):
                    found.accepted[int(key)] = datetime.fromtimestamp(float(at), tz=UTC)
    return found


def _is_let_go(file: TextIO) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def forget(shift: int, before_fence: int) -> None:
    """Those claims' rows are recovered."""
    for _fence, path in _files(shift, before_fence):
        with contextlib.suppress(OSError):
            path.unlink()


def _folder() -> Path:
    return settings.PRIVATE_ROOT / str(current_tenant().pk) / "outbox"


def _files(shift: int, before_fence: int) -> Iterator[tuple[int, Path]]:
    for path in _folder().glob(f"{int(shift)}-*.log"):
        fence = path.stem.rpartition("-")[2]
        if fence.isdigit() and int(fence) < before_fence:
            yield int(fence), path
