"""Whether this process can do its work: the database, the broker and the migrations, asked so that none can keep us waiting.

A server that hangs is worse than one that is gone: each question runs in a thread of its own and is given two seconds.
The answer is kept for a moment, so that a hundred probes cost as much as one.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

import redis
from django.db import Error, connection
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder

from . import broker, draining

logger = logging.getLogger(__name__)

KEPT_SECONDS = 1.5
PATIENCE_SECONDS = 2.0
_GIVEN_UP_SECONDS = 5.0
_MOST_HANGING = 5


@dataclass(frozen=True, slots=True)
class Health:
    """Each part's state, by a code. ``database`` ok, unreachable, silent · ``migrations`` ok, missing, unknown ·
    ``broker`` ok, none (embedded, without one), unreachable, silent · ``site`` ok, draining."""

    database: str
    migrations: str
    broker: str
    site: str

    @property
    def is_ready(self) -> bool:
        return self.broker in ("ok", "none") and self.database == self.migrations == self.site == "ok"

    @property
    def parts(self) -> dict[str, str]:
        return {
            "database": self.database,
            "migrations": self.migrations,
            "broker": self.broker,
            "site": self.site,
        }


@dataclass
class _Question:
    """Something to ask that may never answer."""

    ask: Callable[[], str]
    thread: threading.Thread | None = None
    begun: float = 0.0
    answers: list[str] = field(default_factory=list)
    hanging: list[threading.Thread] = field(default_factory=list)

    def begin(self) -> None:
        """Ask, unless the last asking still waits. After five seconds that one is given up: a lost connection never ends."""
        now = time.monotonic()
        if self.thread is not None and self.thread.is_alive():
            if now - self.begun < _GIVEN_UP_SECONDS:
                return
            self.hanging.append(self.thread)
            self.thread = None
        self.hanging = [thread for thread in self.hanging if thread.is_alive()]
        if len(self.hanging) >= _MOST_HANGING:
            return
        answers = self.answers = []
        self.thread = threading.Thread(target=lambda: answers.append(self.ask()), name="health", daemon=True)
        self.begun = now
        self.thread.start()

    def answer(self, until: float) -> str:
        if self.thread is not None:
            self.thread.join(max(until - time.monotonic(), 0.0))
        return self.answers[0] if self.answers else "silent"


class Checkup:
    """The health of this process, asked anew once it is older than ``kept`` seconds."""

    def __init__(self, *, kept: float = KEPT_SECONDS, patience: float = PATIENCE_SECONDS) -> None:
        self.kept, self.patience = kept, patience
        self._lock = threading.Lock()
        self._asked_at = -1e9
        self._found: Health | None = None
        self._database, self._broker = _Question(lambda: _ask_database()), _Question(lambda: _ask_broker())

    def health(self) -> Health:
        with self._lock:
            if self._found is None or time.monotonic() - self._asked_at >= self.kept:
                self._found = self._note(self._ask())
                self._asked_at = time.monotonic()
            found = self._found
        if draining.is_draining():  # never from memory: it is what a stopping site says first
            return Health(found.database, found.migrations, found.broker, "draining")
        return found

    def _ask(self) -> Health:
        self._database.begin()
        self._broker.begin()
        until = time.monotonic() + self.patience
        database, _, migrations = self._database.answer(until).partition("/")
        return Health(database, migrations or "unknown", self._broker.answer(until), "ok")

    def _note(self, found: Health) -> Health:
        """One line for each change, not one for each probe."""
        if not found.is_ready and (self._found is None or self._found.is_ready):
            wrong = {name: state for name, state in found.parts.items() if state not in ("ok", "none")}
            logger.error("not ready: %s", ", ".join(f"{name} {state}" for name, state in wrong.items()))
        elif found.is_ready and self._found is not None and not self._found.is_ready:
            logger.info("ready again")
        return found


def _ask_database() -> str:
    """On a connection of this thread's own, so that it is a new one each time: what a request would meet."""
    if _lost_its_file():
        return "unreachable"
    try:
        applied = set(MigrationRecorder(connection).applied_migrations())
    except Error:
        return "unreachable"
    finally:
        connection.close()
    return "ok/ok" if _written() <= applied else "ok/missing"


def _lost_its_file() -> bool:
    """Whether SQLite would make an empty database where ours was: a probe must not leave one behind."""
    name = str(connection.settings_dict["NAME"])
    is_file = connection.vendor == "sqlite" and not name.startswith((":", "file:"))
    return is_file and not Path(name).exists()


@lru_cache(maxsize=1)
def _written() -> frozenset[tuple[str, str]]:
    """The migrations of this code: read from its files once, since they change with the code only."""
    return frozenset(MigrationLoader(None, ignore_no_migrations=True).disk_migrations)


def _ask_broker() -> str:
    if not broker.has_broker():
        return "none"
    try:
        broker.ping()
    except (redis.RedisError, OSError):
        return "unreachable"
    return "ok"


_checkup = Checkup()


def health() -> Health:
    """How this process is now, or was a moment ago."""
    return _checkup.health()
