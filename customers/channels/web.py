"""An HTTPS address that holds a table: fetched by the guarded client, and not again while it holds the same."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from urllib.parse import unquote

from django.conf import settings
from django.utils.translation import gettext as _

from core import http
from core.errors import Refused

from . import Brought, Unchanged

BEGINNING = 2 << 20  # bytes of a text that a test reads
_PACKED = (b"PK\x03\x04", b"PAR1", b"\x1f\x8b")  # only whole can they be opened
_TOKEN = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}")
_OURS = {"host", "content-length", "transfer-encoding", "connection", "accept-encoding", "te", "upgrade", "expect",
         "trailer", "proxy-authorization", "if-none-match", "if-modified-since"}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Credentials:
    """What opens an address: a header and its value, or a name and a password; ``query``: the part after the ``?``,
    where signed addresses carry their key."""

    header: str = ""
    value: str = field(default="", repr=False)
    user: str = ""
    password: str = field(default="", repr=False)
    query: str = field(default="", repr=False)

    def headers(self) -> dict[str, str]:
        if self.header:
            return {self.header: self.value}
        if self.user or self.password:
            return {"Authorization": "Basic " + base64.b64encode(f"{self.user}:{self.password}".encode()).decode()}
        return {}


def check_header(name: str, value: str) -> None:
    """Raises Refused where this cannot be sent as a header."""
    if not _TOKEN.fullmatch(name) or name.casefold() in _OURS:
        raise Refused("bad_header", _("“%(name)s” cannot be sent as a header.") % {"name": name[:40]})
    if not value or len(value) > 4096 or not value.isascii() or not value.isprintable():
        raise Refused("bad_header_value", _("The value of the header is letters, digits and signs, on one line."))


def check_address(address: str) -> tuple[str, str]:
    """The address without what may be secret, and its query. Raises Refused."""
    url = http.check_address(address)
    query = url.query.decode("ascii")
    return str(url.copy_with(query=None, fragment=None)), query


def same_place(one: str, other: str) -> bool:
    """Whether two addresses ask the same machine, so that credentials given for one may be sent to the other."""
    if not one or not other:
        return False
    first, second = http.check_address(one), http.check_address(other)
    return (first.host, first.port) == (second.host, second.port)


def bring(
    address: str,
    credentials: Credentials,
    target: Path,
    *,
    name: str,
    seconds: float,
    max_bytes: int,
    validators: dict[str, str] | None = None,
    only_beginning: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> Brought:
    """Fetch into ``target``. ``validators``: what the last answer said of itself; Unchanged where it still holds.

    Raises Refused and Unreachable as core.http.download; Refused("packed_answer") for an encoding nobody asked for.
    """
    rules = http.Rules(
        seconds=seconds, max_bytes=max_bytes, private_hosts=settings.FEED_PRIVATE_HOSTS, ca_file=settings.FEED_CA_FILE
    )
    asked = dict(credentials.headers())
    if validators and validators.get("etag"):
        asked["If-None-Match"] = validators["etag"]
    if validators and validators.get("last_modified"):
        asked["If-Modified-Since"] = validators["last_modified"]
    whole = f"{address}?{credentials.query}" if credentials.query else address
    with target.open("w+b") as file:

        def enough(size: int) -> bool:
            return size >= BEGINNING and not _is_packed(file)

        answer = http.download(
            whole, file, rules=rules, headers=asked, enough=enough if only_beginning else None, progress=progress
        )
        if answer.status == 304:
            raise Unchanged
        if answer.is_cut:
            _cut_at_line(file)
    if answer.headers.get("content-encoding", "identity") not in ("identity", "gzip", "x-gzip"):
        raise Refused("packed_answer", _("The answer is packed in a way that was not asked for."))
    facts = {
        "etag": _plain(answer.headers.get("etag", "")),
        "last_modified": _plain(answer.headers.get("last-modified", "")),
    }
    return Brought(_name(address, name), answer.sha256, answer.size_bytes, is_cut=answer.is_cut, facts=facts)


def _is_packed(file) -> bool:
    position = file.tell()
    file.seek(0)
    head = file.read(4)
    file.seek(position)
    return head.startswith(_PACKED)


def _cut_at_line(file) -> None:
    """End a beginning where a line ends: half a line would look like a fault of the file."""
    file.seek(0)
    text = file.read()
    wide = text[:2] in (b"\xff\xfe", b"\xfe\xff")
    newline = {b"\xff\xfe": b"\n\x00", b"\xfe\xff": b"\x00\n"}.get(text[:2], b"\n")
    end = text.rfind(newline)
    while wide and end > 0 and end % 2:
        end = text.rfind(newline, 0, end)
    file.truncate(end + len(newline) if end > 0 else len(text))


def _plain(value: str) -> str:
    """A validator is kept only where it can be sent back."""
    return value if len(value) <= 200 and value.isascii() and value.isprintable() else ""


def _name(address: str, otherwise: str) -> str:
    """What the file is called: the last part of the address, where that is a name."""
    last = unquote(PurePosixPath(http.check_address(address).path).name).strip()
    return last if "." in last.strip(".") and last.isprintable() and "/" not in last else otherwise
