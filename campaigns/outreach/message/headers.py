"""Writes headers: names and subjects of any script (RFC 2047), folded, and never a line more than was meant."""

from __future__ import annotations

import re
from base64 import b64encode
from datetime import datetime
from email.utils import format_datetime
from functools import lru_cache

from .refusal import MessageRefused

_BREAKS = re.compile("[\r\n\x00]")
_PRINTABLE = re.compile(r"[ -~]*")
_ATOMS = re.compile(r"[A-Za-z0-9!#$%&'*+/?^_`{|}~ -]*")
_LINE = 76
_WORD = 45  # bytes of an encoded word: 60 characters and 12 around them make 72 of the 75 allowed


def checked_header(header: str, value: str) -> str:
    """MessageRefused header_line_break: whatever could begin another header."""
    if _BREAKS.search(value):
        raise MessageRefused("header_line_break", f"a line break in {header}", header=header)
    return value


def text_header(header: str, value: str) -> bytes:
    """An unstructured header with its line end. MessageRefused header_line_break."""
    checked_header(header, value)
    start = len(header) + 2
    if _is_plain(value) and start + len(value) <= _LINE and value == value.strip():
        return f"{header}: {value}\r\n".encode("ascii")
    return b"%s: %s\r\n" % (header.encode("ascii"), _encoded_words(value, start))


def address_header(header: str, name: str, address: str) -> bytes:
    """A header of one mailbox with its line end. ``address``: checked. MessageRefused header_line_break."""
    checked_header(header, name)
    checked_header(header, address)
    name = name.strip()
    start = len(header) + 2
    if not name:
        return f"{header}: {address}\r\n".encode("ascii")
    if _is_plain(name) and start + len(name) + 4 <= _LINE:
        if not _ATOMS.fullmatch(name):
            escaped = name.replace("\\", "\\\\").replace('"', '\\"')
            name = f'"{escaped}"'
        folded = " " if start + len(name) + len(address) + 3 <= _LINE else "\r\n "
        return f"{header}: {name}{folded}<{address}>\r\n".encode("ascii")
    return b"%s: %s\r\n <%s>\r\n" % (header.encode("ascii"), _encoded_words(name, start), address.encode("ascii"))


def date_header(date: datetime) -> bytes:
    """MessageRefused date_without_zone."""
    if date.utcoffset() is None:
        raise MessageRefused("date_without_zone", "the date has no zone")
    return _dated(date.replace(microsecond=0))


@lru_cache(maxsize=64)
def _dated(date: datetime) -> bytes:
    return f"Date: {format_datetime(date)}\r\n".encode("ascii")


def _is_plain(value: str) -> bool:
    return value.isascii() and _PRINTABLE.fullmatch(value) is not None and "=?" not in value


def _encoded_words(value: str, start: int) -> bytes:
    """``start``: characters of the line that are taken already. No character is cut in two."""
    data = value.encode("utf-8")
    words = []
    at, room = 0, min(_WORD, (_LINE - start - 12) // 4 * 3)
    while at < len(data):
        end = min(at + room, len(data))
        while end < len(data) and data[end] & 0xC0 == 0x80:
            end -= 1
        words.append(b"=?utf-8?b?%s?=" % b64encode(data[at:end]))
        at, room = end, _WORD
    return b"\r\n ".join(words)
