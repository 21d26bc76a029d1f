"""Takes messages out of an mbox, a Maildir, a folder or zip of .eml files, or a single file, one after another.

What comes in was written by strangers: nothing is unpacked to disk, of each message only the beginning is kept, all
messages together have a limit, links are not followed, and a mailbox of 100 MB is never in memory at once.
"""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

_LINE = 1 << 16
_MESSAGE_NAMES = (".eml", ".txt", ".msg")


class MailboxRefused(ValueError):
    """What was given holds no mail that can be read. ``code`` and ``facts`` let an interface say it in any language.

    not_found | not_a_mailbox | bad_zip | too_many (most) | too_large (most_bytes)
    """

    def __init__(self, code: str, message: str, **facts: object) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.facts = facts

    def __reduce__(self) -> tuple[object, ...]:
        return _rebuild, (self.code, self.message, self.facts)


def _rebuild(code: str, message: str, facts: dict[str, object]) -> MailboxRefused:
    return MailboxRefused(code, message, **facts)


@dataclass(frozen=True, slots=True)
class Limits:
    """``message_bytes``: kept of one message, the rest is passed over; ``total_bytes``: read (unpacked) in all."""

    message_bytes: int = 256 << 10
    messages: int = 500_000
    total_bytes: int = 2 << 30


@dataclass(slots=True)
class Counts:
    """What was met: ``messages`` read, of them ``cut`` at their limit; ``unreadable`` files and messages; ``total_bytes``."""

    messages: int = 0
    cut: int = 0
    unreadable: int = 0
    total_bytes: int = 0


def messages_in(path: Path, limits: Limits | None = None, counts: Counts | None = None) -> Iterator[bytes]:
    """Every message under ``path``, as bytes, at most ``message_bytes`` of each. Raises MailboxRefused."""
    limits = limits or Limits()
    counts = counts if counts is not None else Counts()
    for message in _from_anywhere(path, limits, counts):
        counts.messages += 1
        if counts.messages > limits.messages:
            raise MailboxRefused("too_many", "more messages than one intake reads", most=limits.messages)
        yield message


def _from_anywhere(path: Path, limits: Limits, counts: Counts) -> Iterator[bytes]:
    if path.is_dir():
        yield from _from_folder(path, limits, counts)
        return
    try:
        with path.open("rb") as file:
            beginning = file.read(4096)
    except OSError:
        raise MailboxRefused("not_found", "there is no such file") from None
    if beginning.startswith(b"PK\x03\x04"):
        yield from _from_zip(path, limits, counts)
    elif beginning.startswith(b"From "):
        with path.open("rb") as file:
            yield from _from_mbox(file, limits, counts)
    elif _looks_like_mail(beginning):
        with path.open("rb") as file:
            yield _one(file, limits, counts)
    else:
        raise MailboxRefused("not_a_mailbox", "neither an mbox, nor a zip, nor a message")


def _from_folder(folder: Path, limits: Limits, counts: Counts) -> Iterator[bytes]:
    """A Maildir (``cur`` and ``new``; ``tmp`` holds what is still being written), or a folder of .eml files."""
    boxes = [folder / name for name in ("cur", "new") if (folder / name).is_dir() and not (folder / name).is_symlink()]
    for box in boxes or [folder]:
        for path in sorted(box.iterdir()):
            if path.is_symlink() or not path.is_file() or (not boxes and path.suffix.lower() not in _MESSAGE_NAMES):
                continue
            try:
                with path.open("rb") as file:
                    message = _one(file, limits, counts)
            except OSError:
                counts.unreadable += 1
                continue
            yield message


def _from_zip(path: Path, limits: Limits, counts: Counts) -> Iterator[bytes]:
    """A zip's own word about sizes is not trusted: of each entry only so much is unpacked, and of all together."""
    try:
        archive = zipfile.ZipFile(path)
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        raise MailboxRefused("bad_zip", "the zip is damaged") from None
    with archive:
        entries = [entry for entry in archive.infolist() if not entry.is_dir()]
        if len(entries) > limits.messages:
            raise MailboxRefused("too_many", "more messages than one intake reads", most=limits.messages)
        for entry in entries:
            name = entry.filename.lower()
            if not name.endswith((*_MESSAGE_NAMES, ".mbox")):
                continue
            try:
                with archive.open(entry) as file:
                    if name.endswith(".mbox"):
                        yield from _from_mbox(file, limits, counts)
                    else:
                        yield _one(file, limits, counts)
            except (zipfile.BadZipFile, zlib.error, OSError, EOFError, RuntimeError, NotImplementedError):
                counts.unreadable += 1  # damaged, encrypted (RuntimeError), or packed in a way that we do not know


def _from_mbox(file: BinaryIO, limits: Limits, counts: Counts) -> Iterator[bytes]:
    """Messages between lines that begin with "From " after an empty line (mboxo, mboxrd)."""
    lines: list[bytes] = []
    size, kept, is_open, after_empty = 0, 0, False, True
    while line := file.readline(_LINE):
        _spend(len(line), limits, counts)
        if after_empty and line.startswith(b"From "):
            if is_open:
                counts.cut += size > kept
                yield b"".join(lines)
            lines, size, kept, is_open = [], 0, 0, True
        elif is_open:
            size += len(line)
            if kept < limits.message_bytes:
                lines.append(line)
                kept += len(line)
        after_empty = line in (b"\n", b"\r\n")
    if is_open:
        counts.cut += size > kept
        yield b"".join(lines)


def _one(file: BinaryIO, limits: Limits, counts: Counts) -> bytes:
    message = file.read(limits.message_bytes)
    _spend(len(message), limits, counts)
    counts.cut += len(message) == limits.message_bytes and bool(file.read(1))
    return message


def _spend(size: int, limits: Limits, counts: Counts) -> None:
    counts.total_bytes += size
    if counts.total_bytes > limits.total_bytes:
        raise MailboxRefused("too_large", "more than one intake reads", most_bytes=limits.total_bytes)


def _looks_like_mail(beginning: bytes) -> bool:
    name, colon, _rest = beginning.partition(b"\n")[0].partition(b":")
    return bool(colon) and 0 < len(name) < 80 and all(33 <= byte < 127 for byte in name)
