"""What other processes must do: the database and its tables, the broker, workers on every queue, beat, and the clocks."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import redis
from django.conf import settings
from django.db import Error, connection
from django.db.migrations.executor import MigrationExecutor

from core import broker, bulk
from core.backups import sqlite

from .findings import ERROR, NOTE, OK, WARNING, Finding
from .own import is_production

_LATE_SECONDS = 60.0
_ASTRAY, _FAR_ASTRAY = 2.0, 30.0  # seconds between clocks


def database_answers() -> Iterator[Finding]:
    """Whether it is reached, how it is set, and whether its tables are those of this program."""
    started = time.monotonic()
    try:
        connection.ensure_connection()
        bulk.fetch("SELECT 1")
        number = ".".join(map(str, connection.get_database_version()))
    except Error as error:
        said = " ".join(str(error).split())[:300]
        yield Finding("database", ERROR, f"The database does not answer: {said}", "Start it, or mend DATABASE_URL.")
        return
    took = time.monotonic() - started
    yield Finding("database", OK, f"{connection.display_name} {number}, answers in {1000 * took:.0f} ms")
    yield from _sqlite() if connection.vendor == "sqlite" else _postgresql()
    executor = MigrationExecutor(connection)
    missing = executor.migration_plan(executor.loader.graph.leaf_nodes())
    if missing:
        names = ", ".join(f"{one.app_label}.{one.name}" for one, _back in missing[:5])
        yield Finding("migrations", ERROR, f"{len(missing)} migrations are missing: {names}…", "Run manage.py migrate.")
    else:
        yield Finding("migrations", OK, "tables are those of this program")


def _sqlite() -> Iterator[Finding]:
    [(mode,)] = bulk.fetch("PRAGMA journal_mode")
    if mode not in ("wal", "memory"):
        yield Finding(
            "database",
            WARNING,
            f"SQLite's journal is “{mode}” and not WAL: readers wait for writers.",
            "Use the settings' own DATABASES.",
        )
    path = Path(str(connection.settings_dict["NAME"]))
    if path.exists():
        try:
            sqlite.check(path)
        except Exception as error:
            yield Finding(
                "database", ERROR, f"The file is damaged: {error}", "Stop everything, and restore the last backup."
            )
    if is_production():
        yield Finding(
            "database", NOTE, "SQLite has one writer at a time: for more than one company's daily work use PostgreSQL."
        )


def _postgresql() -> Iterator[Finding]:
    [(is_super, bypasses)] = bulk.fetch("SELECT rolsuper, rolbypassrls FROM pg_roles WHERE rolname = current_user")
    [(most, used)] = bulk.fetch(
        "SELECT current_setting('max_connections')::int, (SELECT count(*) FROM pg_stat_activity)"
    )
    if is_super or bypasses:
        yield Finding(
            "database",
            ERROR if is_production() else WARNING,
            "The site connects as a role that no row-level security binds: companies are kept apart by the program alone.",
            "Let DATABASE_URL name a role that is no superuser and has not BYPASSRLS.",
        )
    if used > 0.8 * most:
        yield Finding(
            "database",
            WARNING,
            f"{used} of {most} connections are in use.",
            "Raise max_connections, or run fewer processes.",
        )


def broker_answers() -> Iterator[Finding]:
    """Whether it is reached, and keeps what it is given."""
    if not broker.has_broker():
        yield Finding("broker", NOTE, "none is named (REDIS_URL): jobs wait for one as rows")
        return
    try:
        broker.ping()
        name = broker.version()
    except (redis.RedisError, OSError) as error:
        yield Finding(
            "broker", ERROR, f"The broker does not answer: {error}", "Start Redis or Valkey, or mend REDIS_URL."
        )
        return
    yield Finding("broker", OK, name)
    try:
        policy = redis.Redis.from_url(settings.REDIS_URL, socket_timeout=2).config_get("maxmemory-policy")
    except redis.RedisError:
        return  # a hosted one does not say
    chosen = policy.get("maxmemory-policy", "noeviction")
    if chosen not in ("noeviction", ""):
        yield Finding(
            "broker",
            WARNING,
            f"It throws messages away when memory is short ({chosen}).",
            "Set maxmemory-policy noeviction.",
        )


def workers_listen() -> Iterator[Finding]:
    """Somebody on each queue; nobody silent; and the sweeper, which needs beat and a worker."""
    if not broker.has_broker():
        return
    try:
        found, waiting, swept = broker.workers(), broker.waiting(), broker.swept_at()
    except (redis.RedisError, OSError):
        return  # said above
    for queue in broker.QUEUES:
        processes = sum(one.processes for one in found if one.is_here and queue in one.queues)
        if not processes:
            yield Finding(
                "workers",
                ERROR,
                f"Nobody listens to the queue “{queue}”, where {waiting[queue]} messages wait.",
                f"Start a worker: celery -A churnguard worker -Q {queue}",
            )
        else:
            yield Finding("workers", OK, f"{queue}: {processes} processes, {waiting[queue]} messages wait")
    for one in found:
        if not one.is_here:
            yield Finding(
                "workers",
                WARNING,
                f"The worker {one.name} fell silent {_ago(one.seen_at)} ago.",
                "Look whether it hangs or was stopped without a farewell.",
            )
    if swept is None:
        yield Finding(
            "beat",
            ERROR,
            "Nothing was asked for by beat yet: campaigns, feeds and backups do not start by themselves.",
            "Start celery -A churnguard beat, one of it.",
        )
    elif time.time() - swept > _LATE_SECONDS:
        yield Finding(
            "beat",
            ERROR,
            f"The last word of beat is {_ago(swept)} old.",
            "Look whether beat runs, and a worker on the queue “default”.",
        )
    else:
        yield Finding("beat", OK, "runs")


def clocks_agree() -> Iterator[Finding]:
    """This machine's against those of the database and the broker: leases, hours of campaigns and one-time codes need it."""
    others = {}
    if connection.vendor == "postgresql":
        [(told,)] = bulk.fetch("SELECT extract(epoch FROM clock_timestamp())")
        others["database"] = float(told) - time.time()
    if broker.has_broker():
        try:
            seconds, micro = redis.Redis.from_url(settings.REDIS_URL, socket_timeout=2).time()
            others["broker"] = seconds + micro / 1e6 - time.time()
        except (redis.RedisError, OSError):
            pass
    for name, apart in others.items():
        if abs(apart) > _ASTRAY:
            level = ERROR if abs(apart) > _FAR_ASTRAY else WARNING
            yield Finding(
                "clock", level, f"The {name}'s clock is {apart:+.1f} s from this machine's.", "Let both follow NTP."
            )
    newest = max((path.stat().st_mtime for path in Path(settings.BASE_DIR).glob("*.py")), default=0.0)
    if newest > time.time() + 86_400:
        yield Finding(
            "clock",
            ERROR,
            f"This machine's clock stands at {datetime.now(UTC):%Y-%m-%d}, before its own files.",
            "Set the clock.",
        )
    elif all(abs(apart) <= _ASTRAY for apart in others.values()):
        yield Finding("clock", OK, f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC")


def _ago(moment: float) -> str:
    seconds = max(time.time() - moment, 0.0)
    return (
        f"{seconds:.0f} s"
        if seconds < 120
        else f"{seconds / 60:.0f} min"
        if seconds < 7200
        else f"{seconds / 3600:.0f} h"
    )
