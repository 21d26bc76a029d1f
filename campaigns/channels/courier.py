"""Keeps a conversation with a mail server open for a sender process, and begins a new one when it must."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Self

from ..outreach.delivery.replies import Outcome, Reply, Stage
from .smtp import Connection, Failed, Server


class Courier:
    """``send`` as often as there are messages; ``close`` at the end. One for each process or thread.

    A conversation that the server ended while it lay idle is replaced without a word: nothing of the message had gone.
    What happened to a message is told once, and a message is offered again by nobody here after that.
    """

    def __init__(self, server: Server) -> None:
        self.server = server
        self.opened = 0  # conversations, for whoever counts them
        self._connection: Connection | None = None

    def send(
        self,
        envelope_from: str,
        to: str,
        data: bytes,
        *,
        before_data: Callable[[], bool],
        **moments: Callable[[], Any],
    ) -> Reply:
        """As Connection.send; a server that cannot be reached is a reply too. Raises Refused where a person must act.

        ``before_data`` may be asked twice for one message: the first conversation was over before it began.
        """
        for _attempt in range(2):
            was_there = self._is_ready()
            try:
                connection = self._connection or self._open()
            except Failed as failed:
                return failed.reply
            reply = connection.send(envelope_from, to, data, before_data=before_data, **moments)
            if not (was_there and _went_stale(reply)):
                break
        return reply

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()

    def _open(self) -> Connection:
        self._connection = Connection.open(self.server)
        self.opened += 1
        return self._connection

    def _is_ready(self) -> bool:
        """Whether the conversation at hand goes on; asked of the server only where it has been silent for a while."""
        connection = self._connection
        if connection is None:
            return False
        is_fresh = time.monotonic() - connection.used_at < self.server.idle_s
        if not connection.is_usable or not (is_fresh or connection.is_alive()):
            self.close()
        return self._connection is not None


def _went_stale(reply: Reply) -> bool:
    """Whether the conversation was over before this message began: closed, or closed with a 421 about idleness."""
    if reply.stage is not Stage.SENDER:
        return False
    idle = reply.code == 421 and reply.enhanced.startswith("4.4.")
    return idle or (reply.outcome is Outcome.UNREACHABLE and reply.reason == "lost_connection")
