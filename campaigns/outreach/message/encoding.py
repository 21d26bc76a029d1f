"""Turns a part's pieces into bytes that every server carries (7 bit), doing once what is the same for everybody.

Quoted-printable: the literals are encoded when the message is prepared, with a soft line break around each slot, so that only
values are encoded for each recipient. Text that this would make longer than base64 (Arabic: six characters for a letter)
goes out as base64, encoded whole.
"""

from __future__ import annotations

import re
from binascii import b2a_base64, b2a_qp
from collections.abc import Callable
from dataclasses import dataclass

from .placeholders import Pieces, Slot

QUOTED_PRINTABLE, BASE64 = "quoted-printable", "base64"

Filler = Callable[[Slot], str]

_SOFT = b"=\r\n"
_PLAIN = re.compile(r"[ -<>-~]*")
_CUT = re.compile(rb"[\s\S]{1,75}(?<!=)(?<!=[0-9A-F])")  # nowhere within "=C3"
_SHORT = 24  # bytes that b2a_qp leaves on one line whatever they are


@dataclass(frozen=True, slots=True)
class EncodedPart:
    """``pieces``: bytes to be sent as they are, and slots. ``encoding``: QUOTED_PRINTABLE | BASE64."""

    encoding: str
    pieces: tuple[bytes | Slot, ...]

    def write(self, out: list[bytes], fill: Filler) -> None:
        """Adds the part's bytes to ``out``; ``fill`` says what stands in a slot, lines ended by LF."""
        if self.encoding == BASE64:
            whole = [piece if type(piece) is bytes else _crlf(fill(piece)) for piece in self.pieces]
            out.append(base64_lines(b"".join(whole)))
            return
        for piece in self.pieces:
            if type(piece) is bytes:
                out.append(piece)
            elif value := fill(piece):
                if len(value) <= 75 and _PLAIN.fullmatch(value):
                    out.append(value.encode("ascii"))
                else:
                    out.append(quoted_lines(value))
                out.append(_SOFT)


def encoded(pieces: Pieces) -> EncodedPart:
    """Whichever encoding makes the literals shorter. Lines end in LF in ``pieces``, in CRLF on the wire."""
    literals = [piece for piece in pieces if isinstance(piece, str)]
    quoted = [quoted_lines(piece) for piece in literals]
    whole = sum(len(_crlf(piece)) for piece in literals)
    if sum(map(len, quoted)) > whole * 4 / 3:
        return EncodedPart(BASE64, tuple(_crlf(p) if isinstance(p, str) else p for p in pieces))
    made: list[bytes | Slot] = []
    waiting = iter(quoted)
    for at, piece in enumerate(pieces):
        if isinstance(piece, Slot):
            made.append(piece)
        else:
            literal = next(waiting)
            is_followed = at + 1 < len(pieces)
            made.append(literal + _SOFT if is_followed and not literal.endswith(b"\r\n") else literal)
    return EncodedPart(QUOTED_PRINTABLE, tuple(made))


def quoted_lines(text: str) -> bytes:
    """RFC 2045 quoted-printable; LF becomes a line end; no line is longer than 75, so that a soft break fits after it."""
    if "\n" not in text:
        return _quoted(text)
    return b"\r\n".join([_quoted(line) for line in text.split("\n")])


def _quoted(line: str) -> bytes:
    data = line.encode("utf-8")
    if len(data) <= _SHORT:
        return b2a_qp(data, istext=False)
    quoted = b2a_qp(data, istext=False).replace(b"=\n", b"")
    return quoted if len(quoted) <= 75 else _SOFT.join(_CUT.findall(quoted))


def base64_lines(data: bytes) -> bytes:
    """RFC 2045 base64 in lines of 76, without a line end after the last."""
    whole = b2a_base64(data, newline=False)
    return b"\r\n".join([whole[at : at + 76] for at in range(0, len(whole), 76)])


def _crlf(text: str) -> bytes:
    return text.replace("\n", "\r\n").encode("utf-8")
