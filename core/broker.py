"""The broker as a server that can be asked: is it there, how much waits in its queues, which workers were seen."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

import redis
from django.conf import settings

QUEUES = ("default", "ml", "mail")
SEEN_EVERY_SECONDS = 10.0
_GONE_SECONDS = 35.0
_FORGOTTEN_SECONDS = 86_400.0
_WORKERS = "churnguard:workers"
_SWEPT = "churnguard:swept"


@dataclass(frozen=True, slots=True)
class Worker:
    """A worker that said it was there. ``seen_at`` and ``started_at`` are seconds since 1970."""

    name: str
    queues: tuple[str, ...]
    processes: int
    started_at: float
    seen_at: float

    @property
    def is_here(self) -> bool:
        """Whether it was seen lately. Its loop says so, not its tasks: one that works for an hour is seen all the time."""
        return time.time() - self.seen_at < _GONE_SECONDS


def has_broker() -> bool:
    return bool(settings.REDIS_URL)


def ping() -> None:
    """Raises redis.RedisError where it does not answer within a second or two."""
    _client(settings.REDIS_URL).ping()


def waiting() -> dict[str, int]:
    """How many messages wait in each queue: those that no worker has taken."""
    pipe = _client(settings.REDIS_URL).pipeline(transaction=False)
    for queue in QUEUES:
        pipe.llen(queue)
    return dict(zip(QUEUES, pipe.execute(), strict=True))


def say_worker(name: str, *, queues: tuple[str, ...], processes: int, started_at: float) -> None:
    """A worker is there."""
    seen = {"queues": queues, "processes": processes, "started_at": started_at, "seen_at": time.time()}
    _client(settings.REDIS_URL).hset(_WORKERS, name, json.dumps(seen))


def say_worker_gone(name: str) -> None:
    _client(settings.REDIS_URL).hdel(_WORKERS, name)


def workers() -> list[Worker]:
    """Those seen within the last day, by name: also who is silent now, for that is what one looks for."""
    client = _client(settings.REDIS_URL)
    found: list[Worker] = []
    for name, text in sorted(client.hgetall(_WORKERS).items()):
        worker = _read(name.decode(errors="replace"), text)
        if worker is None or time.time() - worker.seen_at > _FORGOTTEN_SECONDS:
            client.hdel(_WORKERS, name)
        else:
            found.append(worker)
    return found


def say_swept() -> None:
    """The sweeper has run: beat, the broker and a worker on the default queue are all at work."""
    _client(settings.REDIS_URL).set(_SWEPT, time.time())


def swept_at() -> float | None:
    """When the sweeper ran last, in seconds since 1970; None: never that the broker knows."""
    text = _client(settings.REDIS_URL).get(_SWEPT)
    return float(text) if text else None


def version() -> str:
    about: Mapping[str, object] = _client(settings.REDIS_URL).info("server")
    if valkey := about.get("valkey_version"):
        return f"Valkey {valkey}"
    return f"Redis {about.get('redis_version', '')}".strip()


def _read(name: str, text: bytes) -> Worker | None:
    try:
        facts = json.loads(text)
        return Worker(
            name=name,
            queues=tuple(facts["queues"]),
            processes=int(facts["processes"]),
            started_at=float(facts["started_at"]),
            seen_at=float(facts["seen_at"]),
        )
    except (ValueError, KeyError, TypeError):
        return None


@lru_cache(maxsize=4)
def _client(url: str) -> redis.Redis:
    """One for a process: its pool opens connections as threads need them, and anew after a fork."""
    return redis.Redis.from_url(url, socket_connect_timeout=1, socket_timeout=1, health_check_interval=15)
