"""How fast ready messages go to a mail server, without any of our rows: by smtplib, by our client, and by bytes alone.

The server here is the least that SMTP allows: a process for each conversation, blocking reads, no parsing but for the
shape of the dialogue. It must never be what is measured; its own speed is the last line. Run with
``python -m benchmarks.mail_sink``; ``--serve`` only serves, for other benchmarks, and prints its port.
"""

from __future__ import annotations

import argparse
import contextlib
import mmap
import os
import signal
import smtplib
import socket
import statistics
import struct
import sys
import time
from collections.abc import Callable, Iterator

GREETING = b"220 sink\r\n"
FEATURES = b"250-sink\r\n250-PIPELINING\r\n250-8BITMIME\r\n250 SIZE 10485760\r\n"
_OK, _GO, _TAKEN = b"250 2.0.0 Ok\r\n", b"354 go on\r\n", b"250 2.0.0 Ok: queued as S000000001\r\n"
_AT_ONCE = _OK + _OK + _GO
_END = b"\r\n.\r\n"
_BLOCK = 1 << 16
_SLOTS = 4096


class MailSink:
    """A server for benchmarks: ``port``; ``accepted()`` messages so far, of all conversations."""

    def __init__(self) -> None:
        self._counts = mmap.mmap(-1, 8 * _SLOTS)  # shared with every child: each conversation counts in its own slot
        self._socket = socket.create_server(("127.0.0.1", 0), backlog=512)
        self.port = self._socket.getsockname()[1]
        self._pid = 0

    def accepted(self) -> int:
        return sum(struct.unpack(f"{_SLOTS}q", self._counts[:]))

    def start(self) -> None:
        self._pid = os.fork()
        if not self._pid:
            os.setsid()
            with contextlib.suppress(KeyboardInterrupt):
                self.serve()
            os._exit(0)
        self._socket.close()

    def serve(self) -> None:
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # children that end are buried by the system
        taken = 0
        while True:
            connection, _peer = self._socket.accept()
            if not os.fork():
                self._socket.close()
                try:
                    converse(connection, self._counts, taken % _SLOTS)
                finally:
                    os._exit(0)
            connection.close()
            taken += 1

    def stop(self) -> None:
        if self._pid:
            os.killpg(self._pid, signal.SIGKILL)
            os.waitpid(self._pid, 0)
            self._pid = 0


def converse(connection: socket.socket, counts: mmap.mmap, slot: int) -> None:
    """One conversation until it ends. A block is one or more whole commands, or a part of a message."""
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    receive, send = connection.recv, connection.send
    (number,) = struct.unpack_from("q", counts, 8 * slot)
    send(GREETING)
    kept = b""
    while block := receive(_BLOCK):
        block = kept + block if kept else block
        if block[:5] == b"MAIL " and block[-6:] == b"DATA\r\n":  # all at once
            send(_AT_ONCE)
        else:
            *lines, kept = block.split(b"\r\n")
            answer = b""
            for line in lines:
                verb = line[:4].upper()
                if verb == b"EHLO":
                    answer += FEATURES
                elif verb == b"DATA":
                    answer += _GO
                elif verb == b"QUIT":
                    send(answer + b"221 bye\r\n")
                    return
                else:
                    answer += _OK
            send(answer)
            if not (lines and lines[-1][:4].upper() == b"DATA"):
                continue
        while True:
            message = receive(_BLOCK)
            while (end := message.find(_END)) < 0:
                more = receive(_BLOCK)
                if not more:
                    return
                message = message[-4:] + more
            number += 1
            struct.pack_into("q", counts, 8 * slot, number)
            kept = message[end + len(_END) :]
            if kept[-6:] != b"DATA\r\n":
                break
            send(_TAKEN + _AT_ONCE)  # the next one was announced behind it
        send(_TAKEN)


@contextlib.contextmanager
def mail_sink() -> Iterator[MailSink]:
    sink = MailSink()
    sink.start()
    try:
        yield sink
    finally:
        sink.stop()


# ---------------------------------------------------------------- three ways of sending the same bytes


def ready_message(size: int) -> bytes:
    """A message of about ``size`` bytes in lines of 76, as base64 or quoted-printable makes them."""
    head = (
        b"From: Atlas <post@atlas.example.com>\r\nTo: a@example.com\r\nSubject: An offer\r\n"
        b"Message-ID: <1@atlas.example.com>\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n"
        b"Content-Transfer-Encoding: base64\r\n\r\n"
    )
    line = b"QWJj" * 19 + b"\r\n"
    return head + line * max(1, (size - len(head)) // len(line))


def by_smtplib(port: int, message: bytes, count: int) -> None:
    with smtplib.SMTP("127.0.0.1", port, local_hostname="localhost") as client:
        for number in range(count):
            client.sendmail("post@atlas.example.com", [f"c{number}@example.com"], message)


def by_our_client(port: int, message: bytes, count: int) -> None:
    from campaigns.channels.smtp import Connection, Server

    server = Server(
        "127.0.0.1", port, security="none", private_hosts=(f"127.0.0.1:{port}",), max_messages=count, timeout_s=30
    )
    with Connection.open(server) as connection:
        for number in range(count):
            reply = connection.send(
                "post@atlas.example.com", f"c{number}@example.com", message, before_data=lambda: True
            )
            assert reply.outcome == "accepted", reply


def by_bytes(port: int, message: bytes, count: int) -> None:
    """The floor: two writes and two reads a message, and no look at the answers."""
    client = socket.create_connection(("127.0.0.1", port))
    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    client.recv(_BLOCK)
    client.sendall(b"EHLO localhost\r\n")
    client.recv(_BLOCK)
    commands = b"MAIL FROM:<post@atlas.example.com>\r\nRCPT TO:<c@example.com>\r\nDATA\r\n"
    payload = message + b".\r\n"
    for _number in range(count):
        client.send(commands)
        client.recv(_BLOCK)
        client.send(payload)
        client.recv(_BLOCK)
    client.close()


WAYS: dict[str, Callable[[int, bytes, int], None]] = {
    "smtplib, one connection": by_smtplib,
    "our client, one connection": by_our_client,
    "bytes alone": by_bytes,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--size", type=int, default=2800)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--serve", action="store_true")
    given = parser.parse_args()
    if given.serve:
        sink = MailSink()
        print("listening", sink.port, flush=True)
        sink.serve()
    message = ready_message(given.size)
    with mail_sink() as sink:
        rates: dict[str, list[float]] = {name: [] for name in WAYS}
        for _round in range(given.rounds):  # in turns, so that a busy moment meets all of them
            for name, send in WAYS.items():
                before, started = sink.accepted(), time.perf_counter()
                send(sink.port, message, given.count)
                rates[name].append(given.count / (time.perf_counter() - started))
                assert sink.accepted() - before == given.count, "the sink has not got them all"
        base = statistics.median(rates["smtplib, one connection"])
        print(f"{given.count} messages of {len(message)} bytes, median of {given.rounds}")
        for name, found in rates.items():
            print(
                f"{name:28} {statistics.median(found):8.0f} a second   {statistics.median(found) / base:4.2f} x smtplib"
            )


if __name__ == "__main__":
    sys.exit(main())
