"""Which commits a power cut may take back, for rows whose loss would do harm outside the database.

A commit that waits for the disk costs about 2 ms on a small machine, one that does not a twentieth of that. So a sender
waits once for a batch, and ``epoch`` tells whoever takes up its work whether commits may have been lost since: then everything
of the batch is doubtful, not only what the rows say.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.db import connection

_BOOT = Path("/proc/sys/kernel/random/boot_id")


@contextmanager
def relaxed() -> Iterator[None]:
    """Commits inside survive this process, not necessarily a crash of the database or of the machine."""
    if connection.vendor != "postgresql" or connection.in_atomic_block:  # SQLite's WAL is like that by its settings
        yield
        return
    _say("SET synchronous_commit TO off")
    try:
        yield
    finally:
        if connection.connection is not None and not connection.connection.closed:
            _say("RESET synchronous_commit")


@contextmanager
def commits() -> Iterator[None]:
    """Commits inside, and all before them, are on the disk when they return. Around a transaction, within ``relaxed``."""
    if connection.in_atomic_block:  # within a transaction nothing is committed yet
        yield
        return
    is_sqlite = connection.vendor == "sqlite"
    _say("PRAGMA synchronous=FULL" if is_sqlite else "SET synchronous_commit TO on")
    try:
        yield
    finally:
        _say("PRAGMA synchronous=NORMAL" if is_sqlite else "SET synchronous_commit TO off")


def epoch() -> str:
    """Stays the same for as long as no commit can have been lost: the machine's boot for SQLite, which is a file on it; for
    PostgreSQL the start of the server and of its statistics, which a recovery after a crash begins anew."""
    if connection.vendor == "sqlite":
        return _BOOT.read_text(encoding="ascii").strip() if _BOOT.exists() else "unknown"
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_postmaster_start_time(), stats_reset FROM pg_stat_bgwriter")
        started, counted = cursor.fetchone()
    return f"{started:%Y%m%d%H%M%S.%f}/{counted:%Y%m%d%H%M%S.%f}" if counted else f"{started:%Y%m%d%H%M%S.%f}"


def _say(statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)
