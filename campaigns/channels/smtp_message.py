"""What may be said to a mail server at all: addresses that fit a command, and messages that hold only themselves."""

from __future__ import annotations

import re

from django.utils.translation import gettext as _

from core.errors import Refused

# Dot-atoms and domains of visible ASCII: no quotes, no blanks, nothing that could end the command's line or its bracket.
_ADDRESS = re.compile(
    r"[^\x00-\x20\x7f-\U0010ffff<>()\[\]\\,;:\"@]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?"
)
_LONGEST_LINE = 998  # bytes, without its end (RFC 5321, 4.5.3.1.6)


def is_address(text: str) -> bool:
    """Whether a plain server can be given this address: ASCII, without quotes; a domain in its ASCII form."""
    return len(text) <= 254 and _ADDRESS.fullmatch(text) is not None


def payload_of(data: bytes) -> bytes:
    """The message as it goes over the wire: dots doubled, its end marked. Raises Refused("unfit_message").

    A CR or LF by itself is a line's end for one server and none for the next: between them a message can be made to
    hold another (SMTP smuggling). Such a message is refused, never mended: it did not come from our own builder.
    """
    ends = data.count(b"\r\n")
    problem = ""
    if not data:
        problem = "empty"
    elif data.count(b"\r") != ends or data.count(b"\n") != ends:
        problem = "bare_line_end"
    elif b"\0" in data:
        problem = "nul"
    elif max(map(len, data.split(b"\r\n"))) > _LONGEST_LINE:
        problem = "long_line"
    if problem:
        raise Refused("unfit_message", _("This message is not written as mail must be."), problem=problem)
    stuffed = data.replace(b"\r\n.", b"\r\n..")
    if stuffed.startswith(b"."):
        stuffed = b"." + stuffed
    return stuffed + (b".\r\n" if stuffed.endswith(b"\r\n") else b"\r\n.\r\n")
