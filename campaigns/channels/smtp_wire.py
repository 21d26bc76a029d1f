"""The bytes of an SMTP conversation: replies read to an end of time, and writes that know how far they came."""

from __future__ import annotations

import functools
import re
import socket
import ssl
import time

import certifi

_BLOCK = 1 << 14
_MAX_REPLY = 1 << 16  # bytes of one reply, all its lines
_TLS_RECORD = 1 << 14
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]+")


class Lost(Exception):
    """The conversation is over. ``reason``: lost_connection | timeout | bad_answer.

    ``written``: how many bytes of the write that failed may have left this machine.
    """

    def __init__(self, reason: str, written: int = 0) -> None:
        super().__init__(reason)
        self.reason = reason
        self.written = written


class Wire:
    """A socket that speaks in replies. ``seconds``: the longest wait for one whole reply, or for one write."""

    def __init__(self, raw: socket.socket, seconds: float) -> None:
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        raw.settimeout(seconds)
        self._socket = raw
        self._seconds = seconds
        self._pending = b""
        self.is_secured = False

    def secure(self, host: str, ca_file: str) -> None:
        """TLS from here on, with the certificate checked for ``host``. Raises Lost and ssl.SSLCertVerificationError."""
        try:
            self._socket = certificates(ca_file).wrap_socket(self._socket, server_hostname=host)
        except ssl.SSLCertVerificationError:
            raise
        except TimeoutError:
            raise Lost("timeout") from None
        except OSError:
            raise Lost("lost_connection") from None
        self.is_secured = True

    @property
    def has_more(self) -> bool:
        """Whether the server said more than it was asked: a reply that would be taken for another's."""
        return bool(self._pending)

    def write(self, data: bytes) -> None:
        """All of ``data``. Raises Lost, with how much of it may be on its way."""
        sent, size = 0, len(data)
        try:
            if not self.is_secured:
                sent = self._socket.send(data)
                if sent == size:
                    return
            ends = time.monotonic() + self._seconds
            view = memoryview(data)
            while sent < size:
                if time.monotonic() > ends:
                    raise TimeoutError
                sent += self._socket.send(view[sent : sent + _TLS_RECORD])
        except OSError as error:
            reason = "timeout" if isinstance(error, TimeoutError) else "lost_connection"
            # A plain send that fails took nothing. Of TLS we cannot see how much of the last record had gone.
            may_be_out = min(sent + _TLS_RECORD, size) if self.is_secured else sent
            raise Lost(reason, may_be_out) from None

    def read_reply(self, seconds: float | None = None) -> tuple[int, str]:
        """(code, text) of the next reply, its lines joined by a blank. Raises Lost.

        ``seconds`` counts for the whole reply: a server that sends a byte a second holds nobody for longer.
        """
        limit = seconds or self._seconds
        ends = time.monotonic() + limit
        lines: list[bytes] = []
        size, first_code = 0, b""
        while True:
            end = self._pending.find(b"\n")
            if end < 0:
                if len(self._pending) + size > _MAX_REPLY:
                    raise Lost("bad_answer")
                self._pending += self._receive(ends, limit)
                continue
            line, self._pending = self._pending[:end].rstrip(b"\r"), self._pending[end + 1 :]
            size += len(line)
            code, mark = line[:3], line[3:4]
            if size > _MAX_REPLY or not (code.isdigit() and len(code) == 3 and mark in b" -"):
                raise Lost("bad_answer")
            if first_code and code != first_code:
                raise Lost("bad_answer")
            first_code = code
            lines.append(line[4:])
            if mark != b"-":
                text = b"\n".join(lines).decode("utf-8", "replace")
                return int(code), text

    def close(self) -> None:
        try:
            self._socket.close()
        except OSError:
            pass

    def _receive(self, ends: float, limit: float) -> bytes:
        left = ends - time.monotonic()
        if left <= 0:
            raise Lost("timeout")
        # The socket waits as it is set, but where most of the time is used up or another limit holds.
        changed = limit != self._seconds or left < 0.9 * limit
        try:
            if changed:
                self._socket.settimeout(left)
            block = self._socket.recv(_BLOCK)
        except TimeoutError:
            raise Lost("timeout") from None
        except OSError:
            raise Lost("lost_connection") from None
        finally:
            if changed:
                self._restore()
        if not block:
            raise Lost("lost_connection")
        return block

    def _restore(self) -> None:
        try:
            self._socket.settimeout(self._seconds)
        except OSError:
            pass


def one_line(text: str) -> str:
    """A reply's text as one line that can be kept and shown."""
    return _CONTROL.sub(" ", text).strip()


@functools.lru_cache(maxsize=8)
def certificates(ca_file: str) -> ssl.SSLContext:
    """The system's certificates and certifi's (a container often has none of its own), and the operator's file."""
    context = ssl.create_default_context()
    context.load_verify_locations(cafile=certifi.where())
    if ca_file:
        context.load_verify_locations(cafile=ca_file)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context
