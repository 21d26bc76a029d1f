"""Takes ready messages to a mail server, many over one connection, and tells for each what became of it (RULES 16–18).

Not smtplib: it waits for an answer after every command, and it cannot say whether the end of a message had begun to go
out when a connection broke, which is what decides between "try again" and "a person must look". Where the server offers
PIPELINING, a message costs two round trips instead of four (RFC 2920), and one where the server is far away and the caller says
which comes next: its sender and recipient go out right behind the end of the message before it.
"""

from __future__ import annotations

import base64
import ipaddress
import socket
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

from django.utils.translation import gettext as _

from core.errors import Refused

from ..outreach.delivery.replies import Outcome, Reply, Stage, classify, split_enhanced
from .smtp_message import is_address, payload_of
from .smtp_server import Failed, Server, check, failed, put_off, resolve
from .smtp_wire import Lost, Wire, one_line

FAR = 0.002  # seconds of a round trip from which on one is saved; a sender that dies waits for an answer the more often for it
__all__ = ["Connection", "Envelope", "Failed", "Server"]


def _nothing() -> None:
    """What there is to do where the caller has nothing to do, and what comes next where they do not say."""


@dataclass(frozen=True, slots=True)
class Envelope:
    """What a server is told of a message before it is given it."""

    sender: str
    to: str
    size: int
    is_ascii: bool

    @classmethod
    def of(cls, sender: str, to: str, data: bytes) -> Self:
        return cls(sender, to, len(data), data.isascii())


class Connection:
    """One conversation with a mail server. ``Connection.open(server)``, ``send`` while ``is_usable``, ``close``."""

    def __init__(self, server: Server, wire: Wire, *, is_far: bool = False) -> None:
        """``is_far``: a round trip is worth saving."""
        self._server = server
        self._is_far = is_far
        self._wire = wire
        self._features: dict[str, str] = {}
        self._is_open = True
        self._needs_reset = False
        self._size_limit = 0
        self._announced: Envelope | None = None  # the server was told of it already, and waits for it
        self._pipelines = self._takes_8bit = self._wants_size = False
        self.messages = 0
        self.used_at = time.monotonic()

    @classmethod
    def open(cls, server: Server) -> Self:
        """Connects, secures and signs in.

        Raises Refused where a person must change something: bad_server, bad_host, unknown_host, private_address,
        clear_text, certificate, no_starttls, password_in_clear, no_mechanism, credentials, turned_away. Raises Failed
        (an Unreachable) for what may pass.
        """
        check(server)
        address = resolve(server)
        began = time.monotonic()
        try:
            raw = socket.create_connection((address, server.port), timeout=server.timeout_s)
        except OSError as error:
            raise failed(server, "timeout" if isinstance(error, TimeoutError) else "lost_connection") from None
        # The handshake is the system's own: it takes one round trip however busy the server is.
        is_far = time.monotonic() - began > FAR
        connection = cls(server, Wire(raw, server.timeout_s), is_far=is_far)
        try:
            connection._begin(ipaddress.ip_address(address).is_loopback)
        except BaseException as error:
            connection._drop()
            if isinstance(error, Lost):
                raise failed(server, error.reason) from None
            if isinstance(error, ssl.SSLCertVerificationError):
                raise Refused(
                    "certificate",
                    _("The certificate of %(host)s is not one that can be trusted.") % {"host": server.host},
                ) from None
            raise
        return connection

    @property
    def is_usable(self) -> bool:
        """Whether another message may go this way: still open, and not yet at the most for one connection."""
        return self._is_open and self.messages < self._server.max_messages

    @property
    def features(self) -> dict[str, str]:
        """What the server offers: the EHLO keyword in capitals -> its parameters."""
        return dict(self._features)

    @property
    def is_secured(self) -> bool:
        return self._wire.is_secured

    def send(
        self,
        envelope_from: str,
        to: str,
        data: bytes,
        *,
        before_data: Callable[[], bool],
        at_data: Callable[[], None] = _nothing,
        following: Callable[[], Envelope | None] = _nothing,
    ) -> Reply:
        """One message to one recipient. ``data``: the whole message as bytes, lines ended by CRLF.

        ``before_data()`` is asked before any byte of the message is out: while a pipelining server answers to sender and
        recipient, else once it has said "go on". There the caller writes down that it is being sent. If it says no, or
        raises, the connection is dropped, which is the only way back at that point, and nothing has been delivered.
        ``at_data()`` comes right before the first byte, when sender and recipient are agreed to. Between it and the answer
        nothing else is done: that is the time in which a sender that dies leaves its message uncertain.
        ``following()`` is asked right before ``at_data`` which message is sent next, without delay: it is announced in the same
        breath. Where another one is sent after all, this conversation is over.

        Never raises for what the server or the network does: the reply says it. Raises Refused("bad_sender_address",
        "unfit_message") for what no server should be given, before anything is said.
        """
        if not self._is_open:
            return Reply(Outcome.UNREACHABLE, Stage.CONNECT, reason="lost_connection")
        if envelope_from and not is_address(envelope_from):
            raise Refused("bad_sender_address", _("The sender's address is not one that mail can be sent from."))
        payload = payload_of(data)
        envelope = Envelope.of(envelope_from, to, data)
        if self._announced not in (None, envelope):  # it waits for another message: there is no way back
            self._drop()
            return Reply(Outcome.UNREACHABLE, Stage.SENDER, reason="lost_connection")
        if (unfit := self._unfit(envelope)) is not None:
            return unfit
        self.messages += 1
        self.used_at = time.monotonic()
        answer = self._announce(envelope, before_data)
        if answer is not None:
            return answer
        after_it = self._announcement_of(following())
        at_data()
        return self._deliver(payload, after_it)

    def is_alive(self) -> bool:
        """Asks the server whether it is still there (NOOP)."""
        if self._announced:  # it would take the question for a message
            self._drop()
        if not self._is_open:
            return False
        try:
            code, _text = self._ask(b"NOOP\r\n")
        except Lost:
            self._drop()
            return False
        self.used_at = time.monotonic()
        if code // 100 != 2:
            self._drop()
        return self._is_open

    def close(self) -> None:
        """Takes leave (QUIT), without waiting for long."""
        if self._is_open and not self._announced:
            try:
                self._wire.write(b"QUIT\r\n")
                self._wire.read_reply(min(2.0, self._server.timeout_s))
            except Lost:
                pass
        self._drop()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()

    # ------------------------------------------------------------ the beginning

    def _begin(self, is_loopback: bool) -> None:
        server = self._server
        if server.security == "tls":
            self._wire.secure(server.host, server.ca_file)
        self._expect(2, *self._wire.read_reply(), stage=Stage.CONNECT)
        self._greet()
        if server.security == "starttls":
            if "STARTTLS" not in self._features:
                raise Refused(
                    "no_starttls", _("%(host)s does not offer an encrypted connection here.") % {"host": server.host}
                )
            self._expect(2, *self._ask(b"STARTTLS\r\n"), stage=Stage.HELLO)
            if self._wire.has_more:  # said before the encryption, to be believed after it: somebody is in between
                raise Lost("bad_answer")
            self._wire.secure(server.host, server.ca_file)
            self._greet()
        if server.username:
            if not (self._wire.is_secured or is_loopback):
                raise Refused("password_in_clear", _("A password is sent over an encrypted connection only."))
            self._sign_in()

    def _greet(self) -> None:
        name = self._server.helo_name.encode("ascii")
        code, text = self._ask(b"EHLO " + name + b"\r\n")
        if code in (500, 501, 502, 504):
            code, text = self._ask(b"HELO " + name + b"\r\n")
            text = ""
        self._expect(2, code, text, stage=Stage.HELLO)
        self._features = {}
        for line in text.split("\n")[1:]:
            keyword, _blank, rest = line.strip().replace("=", " ", 1).partition(" ")
            if keyword:
                self._features[keyword.upper()] = " ".join((self._features.get(keyword.upper(), ""), rest)).strip()
        limit = self._features.get("SIZE", "")
        self._wants_size = "SIZE" in self._features
        self._size_limit = int(limit) if limit.isascii() and limit.isdigit() and len(limit) < 16 else 0
        self._pipelines = "PIPELINING" in self._features
        self._takes_8bit = "8BITMIME" in self._features

    def _sign_in(self) -> None:
        offered = self._features.get("AUTH", "").upper().split()
        name, word = self._server.username.encode(), self._server.password.encode()
        if "PLAIN" in offered:
            code, text = self._ask(b"AUTH PLAIN " + base64.b64encode(b"\0" + name + b"\0" + word) + b"\r\n")
        elif "LOGIN" in offered:
            code, text = self._ask(b"AUTH LOGIN\r\n")
            for part in (name, word):
                if code == 334:
                    code, text = self._ask(base64.b64encode(part) + b"\r\n")
        else:
            raise Refused(
                "no_mechanism", _("%(host)s offers no way to sign in that we know.") % {"host": self._server.host}
            )
        if code // 100 == 2:
            return
        if code // 100 == 5:
            raise Refused(
                "credentials",
                _("%(host)s does not accept these credentials.") % {"host": self._server.host},
                text=one_line(text),
            )
        raise put_off(self._server, code, text, Stage.HELLO)

    def _expect(self, hundreds: int, code: int, text: str, *, stage: Stage) -> None:
        if code // 100 == hundreds:
            return
        if code // 100 == 5:
            raise Refused(
                "turned_away",
                _("%(host)s does not want to speak with us: %(text)s")
                % {"host": self._server.host, "text": one_line(text)[:200]},
            )
        raise put_off(self._server, code, text, stage)

    def _ask(self, line: bytes) -> tuple[int, str]:
        self._wire.write(line)
        return self._wire.read_reply()

    # ------------------------------------------------------------ one message

    def _unfit(self, envelope: Envelope) -> Reply | None:
        """Why this server cannot be given this message, known without asking it."""
        if not is_address(envelope.to):
            return Reply(Outcome.REFUSED, Stage.MESSAGE, 0, "5.1.3", "", "bad_address", is_hard_bounce=True)
        if self._size_limit and envelope.size > self._size_limit:
            return Reply(Outcome.REFUSED, Stage.MESSAGE, 0, "5.3.4", "", "too_large")
        if not self._takes_8bit and not envelope.is_ascii:
            return Reply(Outcome.REFUSED, Stage.MESSAGE, 0, "5.6.3", "", "content")
        return None

    def _commands(self, envelope: Envelope) -> list[tuple[Stage, bytes]]:
        size = b" SIZE=%d" % envelope.size if self._wants_size else b""
        body = b" BODY=8BITMIME" if self._takes_8bit and not envelope.is_ascii else b""
        return [
            (Stage.SENDER, b"MAIL FROM:<" + envelope.sender.encode("ascii") + b">" + size + body + b"\r\n"),
            (Stage.RECIPIENT, b"RCPT TO:<" + envelope.to.encode("ascii") + b">\r\n"),
            (Stage.DATA, b"DATA\r\n"),
        ]

    def _announcement_of(self, envelope: Envelope | None) -> bytes:
        """What is said of the next message behind the end of this one; nothing where it goes another way, or this server
        is near or asked step by step."""
        if envelope is None or not (self._is_far and self._pipelines and self.is_usable):
            return b""
        if self._unfit(envelope) is not None or not (is_address(envelope.sender) or not envelope.sender):
            return b""
        self._announced = envelope
        return b"".join(line for _stage, line in self._commands(envelope))

    def _announce(self, envelope: Envelope, before_data: Callable[[], bool]) -> Reply | None:
        """Sender, recipient and DATA, where the server was not told of them already; None once it waits for the message and the
        caller wants it sent."""
        commands = self._commands(envelope)
        was_announced, self._announced = self._announced is not None, None
        if self._needs_reset:  # what an earlier refusal left open
            commands.insert(0, (Stage.SENDER, b"RSET\r\n"))
            self._needs_reset = False
        stage, refusal = Stage.SENDER, None
        try:
            if self._wire.has_more and not was_announced:
                raise Lost("bad_answer")
            if self._pipelines:
                if not was_announced:
                    self._wire.write(b"".join(line for _stage, line in commands))
                if not self._is_wanted(before_data):
                    return Reply(Outcome.SKIPPED, Stage.DATA)
            for stage, line in commands:
                code, text = self._wire.read_reply() if self._pipelines else self._ask(line)
                wanted = 3 if stage is Stage.DATA else 2
                if code // 100 == wanted:
                    if refusal is not None and wanted == 3:  # it wants a message for nobody: there is no way back
                        self._drop()
                    continue
                if refusal is None:
                    refusal = self._understood(code, text, stage)
                    if not self._is_open or not self._pipelines:
                        break
                elif code == 421:
                    self._drop()
                    break
            if refusal is None and self._wire.has_more:  # would be taken for the answer to the message
                raise Lost("bad_answer")
        except Lost as lost:
            self._drop()
            # A refusal that was heard stands, though the rest of its answers never came.
            return refusal or Reply(Outcome.UNREACHABLE, stage, reason=lost.reason)
        self._needs_reset = self._is_open and refusal is not None
        if refusal is None and not self._pipelines and not self._is_wanted(before_data):
            return Reply(Outcome.SKIPPED, Stage.DATA)
        return refusal

    def _is_wanted(self, before_data: Callable[[], bool]) -> bool:
        """What the caller says; the connection is dropped where it does not say yes."""
        is_wanted = False
        try:
            is_wanted = before_data()
        finally:
            if not is_wanted:
                self._drop()
        return is_wanted

    def _deliver(self, payload: bytes, after_it: bytes = b"") -> Reply:
        """The message and its final dot, and what the server says to it. ``after_it``: what goes along of the next one."""
        try:
            self._wire.write(payload + after_it if after_it else payload)
        except Lost as lost:
            is_out = lost.written > len(payload) - len(b".\r\n")
            said = self._last_words()
            self._drop()
            if said is not None:
                return said
            return Reply(Outcome.UNCERTAIN if is_out else Outcome.UNREACHABLE, Stage.BODY, reason=lost.reason)
        try:
            code, text = self._wire.read_reply(self._server.body_timeout_s)
        except Lost as lost:
            self._drop()
            return Reply(Outcome.UNCERTAIN, Stage.BODY, reason=lost.reason)
        reply = self._understood(code, text, Stage.BODY)
        if self._wire.has_more and not self._announced:
            self._drop()
        return reply

    def _last_words(self) -> Reply | None:
        """Why the server hung up in the middle of a message, where it said so: only a no is believed."""
        try:
            code, text = self._wire.read_reply(0.5)
        except Lost:
            return None
        return self._understood(code, text, Stage.BODY) if code // 100 in (4, 5) else None

    def _understood(self, code: int, text: str, stage: Stage) -> Reply:
        enhanced, rest = split_enhanced(text)
        reply = classify(code, enhanced, one_line(rest), stage)
        if code == 421 or reply.reason == "bad_answer":
            self._drop()
        return reply

    def _drop(self) -> None:
        self._is_open, self._announced = False, None
        self._wire.close()
