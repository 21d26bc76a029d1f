"""Asks what a domain publishes: TXT, A, AAAA and MX records, within a time, and each question once."""

from __future__ import annotations

import time
from collections.abc import Sequence

import dns.exception
import dns.name
import dns.resolver

KINDS = ("TXT", "A", "AAAA", "MX")
_MOST_ANSWERS = 50


class Resolver:
    """For one check of a domain. ``servers``: IP addresses of resolvers instead of this machine's own.

    ``seconds`` for one question, ``seconds_in_all`` for all of them: after that everything is unknown.
    """

    def __init__(
        self, *, servers: Sequence[str] = (), port: int = 53, seconds: float = 3, seconds_in_all: float = 15
    ) -> None:
        self._servers = tuple(servers)
        self._port = port
        self._seconds = seconds
        self._ends = time.monotonic() + seconds_in_all
        self._known: dict[tuple[str, str], tuple[str, ...] | None] = {}
        self._resolver: dns.resolver.Resolver | None = None

    def ask(self, name: str, kind: str) -> tuple[str, ...] | None:
        """The records as text (MX: "10 mail.example.com", a null MX "0 ."); () where there are none; None: not known now.

        Never raises for what a name or a server is like. A question that was answered is not asked again.
        """
        if kind not in KINDS:
            raise ValueError(f"not a kind of record that is asked for: {kind}")
        key = (name.lower().rstrip("."), kind)
        if key not in self._known:
            self._known[key] = self._look_up(*key)
        return self._known[key]

    def _look_up(self, name: str, kind: str) -> tuple[str, ...] | None:
        left = self._ends - time.monotonic()
        if left <= 0:
            return None
        try:
            asked = dns.name.from_text(name, idna_codec=dns.name.IDNA_2008_Practical if not name.isascii() else None)
        except (dns.exception.DNSException, UnicodeError, ValueError):
            return ()  # nobody can have such a name
        if asked in (dns.name.root, dns.name.empty):
            return ()
        try:
            answer = self._ready().resolve(asked, kind, lifetime=min(self._seconds, left), search=False)
        except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
            return ()
        except (dns.exception.DNSException, OSError, ValueError):
            return None
        return tuple(_as_text(record, kind) for record in answer)[:_MOST_ANSWERS]

    def _ready(self) -> dns.resolver.Resolver:
        if self._resolver is None:
            self._resolver = dns.resolver.Resolver(configure=not self._servers)
            if self._servers:
                self._resolver.nameservers = list(self._servers)
                self._resolver.port = self._port
            self._resolver.timeout = self._seconds / 2
        return self._resolver


def _as_text(record, kind: str) -> str:
    if kind == "TXT":
        return b"".join(record.strings).decode("utf-8", "replace")
    if kind == "MX":
        return f"{record.preference} {record.exchange.to_text(omit_final_dot=record.exchange != dns.name.root)}"
    return record.to_text()
