"""A mail server on the loopback that keeps nothing but a count, and misbehaves as it is told, in a process of its own.

``with running_sink(folder, behaviours) as sink`` starts it; ``sink.port`` is where it listens, ``sink.accepted()`` what
it took, as (message id, recipient) in order. The list is a file that only the sink appends to, one short write for each
message before the 250 goes out: it stays true whoever is killed.

Behaviours are chosen by recipient ("who@example.com"), by domain ("@example.com") or by the how-manieth RCPT it is
("#17"); each is a word, or {"do": word, "times": n} to misbehave n times and then accept:

421-sender 421-rcpt 421-data 421-body  says so and closes   451-sender 451-rcpt 451-data 451-body  comes back later
550-sender 550-rcpt 550-data 550-body  refuses              554-policy   refuses at RCPT for a reason of policy
hang-rcpt   hang-body       silent for ``hang_s`` at that place, then closes; the message is not counted
hang-counted                takes the message, counts it, and is silent
drop-rcpt                   closes instead of an answer to RCPT
drop-in-body                closes when the first bytes of the message come
drop-counted drop-lost      closes after the final dot without an answer, the message counted or not
garbage-body                answers the message with something that is no reply (counted)
slow                        answers the message after ``slow_s``
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import json
import os
import re
import ssl
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
_ADDRESS = re.compile(rb"<([^>]*)>")
_MESSAGE_ID = re.compile(rb"^message-id:\s*(\S+)", re.I | re.M)
_SAID = {
    "421": ("421 4.7.0 too many messages, come back later", True),
    "451": ("451 4.3.0 try again later", False),
    "550": ("550 5.1.1 no such user here", False),
}


@dataclass
class Sink:
    """A running sink, seen from outside."""

    port: int
    pid: int
    log: Path

    def accepted(self) -> list[tuple[str, str]]:
        lines = self.log.read_text(encoding="utf-8").splitlines()
        return [tuple(line.split("\t")) for line in lines]


@contextmanager
def running_sink(
    folder: Path,
    behaviours: Mapping[str, object] | None = None,
    *,
    port: int = 0,
    features: tuple[str, ...] = ("PIPELINING", "8BITMIME", "SIZE 10485760"),
    hang_s: float = 60,
    slow_s: float = 0.3,
    certificate: tuple[Path, Path] | None = None,
    security: str = "none",
    user: str = "",
    password: str = "",
) -> Iterator[Sink]:
    """Starts the sink and ends it by its pid. The same ``folder`` and ``port`` again: it counts on."""
    log, rules = folder / "accepted.tsv", folder / "sink.json"
    rules.write_text(json.dumps({
        "behaviours": dict(behaviours or {}), "features": features, "hang_s": hang_s, "slow_s": slow_s,
        "certificate": [str(p) for p in certificate or ()], "security": security, "user": user, "password": password,
    }), encoding="utf-8")  # fmt: skip
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.campaigns.sink", "--log", str(log), "--rules", str(rules), "--port", str(port)],
        cwd=ROOT, stdout=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip
    try:
        said = process.stdout.readline().split()
        assert len(said) == 2, "the sink did not start"
        yield Sink(port=int(said[1]), pid=process.pid, log=log)
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


class Rules:
    """What the sink was told, and how often it has done it."""

    def __init__(self, told: Mapping[str, object], log: int) -> None:
        self.told = told
        self.log = log
        self.recipients = 0
        self._left = {
            key: value["times"]
            for key, value in told["behaviours"].items()
            if isinstance(value, dict) and "times" in value
        }

    def behaviour(self, recipient: str) -> str:
        self.recipients += 1
        domain = "@" + recipient.rpartition("@")[2]
        for key in (recipient, domain, f"#{self.recipients}"):
            value = self.told["behaviours"].get(key)
            if value is None:
                continue
            if key in self._left:
                if not self._left[key]:
                    continue
                self._left[key] -= 1
            return value["do"] if isinstance(value, dict) else value
        return ""

    def count(self, message: bytes, recipients: list[str]) -> None:
        found = _MESSAGE_ID.search(message)
        name = found[1].decode("ascii", "replace") if found else "-"
        os.write(self.log, "".join(f"{name}\t{recipient}\n" for recipient in recipients).encode())


class Conversation(asyncio.Protocol):
    """One client's conversation. Commands end with CRLF and a message with CRLF.CRLF, and with nothing else."""

    def __init__(self, rules: Rules, context: ssl.SSLContext | None, *, is_secured: bool = False) -> None:
        self.rules = rules
        self.context = context
        self.is_secured = is_secured
        self.buffer = b""
        self.in_data = False
        self.is_silent = False
        self.signing: list[str] = []
        self.reset()

    def reset(self) -> None:
        self.sender: str | None = None
        self.recipients: list[str] = []
        self.behaviour = ""

    def connection_made(self, transport) -> None:
        self.transport = transport
        self.say("220 sink.example.com ESMTP")

    def say(self, *lines: str) -> None:
        self.transport.write("".join(line + "\r\n" for line in lines).encode())

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        while not self.is_silent and not self.transport.is_closing():
            if self.in_data:
                if self.behaviour == "drop-in-body" and self.buffer:
                    self.transport.abort()
                    return
                end = 0 if self.buffer.startswith(b".\r\n") else self.buffer.find(b"\r\n.\r\n")
                if end < 0:
                    return
                message = self.buffer[: end + 2]
                self.buffer = self.buffer[end + (3 if end == 0 else 5) :]
                self.in_data = False
                self.take(message)
            else:
                line, found, rest = self.buffer.partition(b"\r\n")
                if not found:
                    return
                self.buffer = rest
                self.command(line)

    def command(self, line: bytes) -> None:
        if self.signing:
            self.sign_in_step(line)
            return
        verb = line[:4].upper()
        getattr(self, "on_" + verb.decode("ascii", "replace").strip().lower(), self.unknown)(line)

    def unknown(self, _line: bytes) -> None:
        self.say("502 5.5.2 no such command")

    def on_ehlo(self, _line: bytes) -> None:
        offered = ["sink.example.com", *self.rules.told["features"]]
        if self.context is not None and not self.is_secured:
            offered.append("STARTTLS")
        if self.rules.told["user"]:
            offered.append("AUTH PLAIN LOGIN")
        self.say(*("250-" + word for word in offered[:-1]), "250 " + offered[-1])

    def on_helo(self, _line: bytes) -> None:
        self.say("250 sink.example.com")

    def on_noop(self, _line: bytes) -> None:
        self.say("250 2.0.0 ok")

    def on_rset(self, _line: bytes) -> None:
        self.reset()
        self.say("250 2.0.0 ok")

    def on_quit(self, _line: bytes) -> None:
        self.say("221 2.0.0 bye")
        self.transport.close()

    def on_star(self, _line: bytes) -> None:
        self.transport.pause_reading()  # what comes next is the handshake's
        self.say("220 2.0.0 go on")
        asyncio.get_running_loop().create_task(self.secure())

    async def secure(self) -> None:
        self.is_secured = self.is_silent = True  # silent until the way to answer is the encrypted one
        try:
            self.transport = await asyncio.get_running_loop().start_tls(
                self.transport, self, self.context, server_side=True
            )
        except OSError:
            return  # a client that does not believe the certificate goes away
        self.is_silent = False
        self.data_received(b"")

    def on_auth(self, line: bytes) -> None:
        words = line.decode().split()
        if words[1].upper() == "PLAIN":
            _, user, password = base64.b64decode(words[2]).decode().split("\0")
            self.judge(user, password)
        else:
            self.signing = ["login"]
            self.say("334 VXNlcm5hbWU6")

    def sign_in_step(self, line: bytes) -> None:
        self.signing.append(base64.b64decode(line).decode())
        if len(self.signing) == 2:
            self.say("334 UGFzc3dvcmQ6")
        else:
            _, user, password = self.signing
            self.signing = []
            self.judge(user, password)

    def judge(self, user: str, password: str) -> None:
        is_right = (user, password) == (self.rules.told["user"], self.rules.told["password"])
        self.say("235 2.7.0 welcome" if is_right else "535 5.7.8 wrong name or password")

    def on_mail(self, line: bytes) -> None:
        if self.sender is not None:
            self.say("503 5.5.1 nested MAIL")
            return
        found = _ADDRESS.search(line)
        sender = found[1].decode() if found else ""
        # A behaviour "…-sender" is chosen by the sender's address: the recipient is not known yet.
        word = self.rules.told["behaviours"].get(sender, "")
        if isinstance(word, str) and word.endswith("-sender"):
            self.refuse(word[:3])
            return
        self.sender = sender
        self.say("250 2.1.0 ok")

    def on_rcpt(self, line: bytes) -> None:
        if self.sender is None:
            self.say("503 5.5.1 MAIL first")
            return
        recipient = _ADDRESS.search(line)[1].decode()
        word = self.rules.behaviour(recipient)
        if word == "554-policy":
            self.say("554 5.7.1 blocked by our policy")
        elif word in ("421-rcpt", "451-rcpt", "550-rcpt"):
            self.refuse(word[:3])
        elif word == "drop-rcpt":
            self.transport.abort()
        elif word == "hang-rcpt":
            self.hang()
        else:
            self.behaviour = word
            self.recipients.append(recipient)
            self.say("250 2.1.5 ok")

    def on_data(self, _line: bytes) -> None:
        if not self.recipients:
            self.say("554 5.5.1 no valid recipients")
        elif self.behaviour in ("421-data", "451-data", "550-data"):
            self.refuse(self.behaviour[:3])
        else:
            self.in_data = True
            self.say("354 go on")

    def take(self, message: bytes) -> None:
        word, recipients = self.behaviour, self.recipients
        self.reset()
        if word in ("421-body", "451-body", "550-body"):
            self.refuse(word[:3])
            return
        if word == "drop-lost":
            self.transport.abort()
            return
        if word == "hang-body":
            self.hang()
            return
        self.rules.count(message, recipients)
        if word == "drop-counted":
            self.transport.abort()
        elif word == "hang-counted":
            self.hang()
        elif word == "garbage-body":
            self.say("hello there")
        elif word == "slow":
            self.is_silent = True
            asyncio.get_running_loop().call_later(self.rules.told["slow_s"], self.say_late)
        else:
            self.say(f"250 2.0.0 Ok: queued as S{self.rules.recipients:09d}")

    def say_late(self) -> None:
        self.is_silent = False
        self.say(f"250 2.0.0 Ok: queued as S{self.rules.recipients:09d}")
        self.data_received(b"")

    def hang(self) -> None:
        self.is_silent = True
        asyncio.get_running_loop().call_later(self.rules.told["hang_s"], self.transport.abort)

    def refuse(self, code: str) -> None:
        line, closes = _SAID[code]
        self.say(line)
        if closes:
            self.transport.close()


async def serve(log: Path, told: Mapping[str, object], port: int) -> None:
    written = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    rules = Rules(told, written)
    context = None
    if told["certificate"]:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*told["certificate"])
    is_wrapped = told["security"] == "tls"
    server = await asyncio.get_running_loop().create_server(
        lambda: Conversation(rules, context, is_secured=is_wrapped),
        "127.0.0.1", port, ssl=context if is_wrapped else None, backlog=256,
    )  # fmt: skip
    print("listening", server.sockets[0].getsockname()[1], flush=True)
    starter = os.getppid()
    async with server:
        while os.getppid() == starter:  # senders may be killed around it, but it does not outlive the test itself
            await asyncio.sleep(0.5)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--log", type=Path, required=True)
    parser.add_argument("--rules", type=Path, required=True)
    parser.add_argument("--port", type=int, default=0)
    given = parser.parse_args()
    asyncio.run(serve(given.log, json.loads(given.rules.read_text(encoding="utf-8")), given.port))


if __name__ == "__main__":
    main()
