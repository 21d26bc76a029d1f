"""The database and the broker made ready, and who is served: what the start asks of Django once it is open."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import redis
from django.conf import settings
from django.core.management import call_command
from django.db import Error, connection
from django.db.migrations.executor import MigrationExecutor

from churnguard import seeding

from . import companies
from .companies import Guest
from .welcome import Place, block
from .wishes import Unwilling, Wish


def require_broker() -> None:
    client = redis.Redis.from_url(settings.REDIS_URL, socket_connect_timeout=3, socket_timeout=3)
    try:
        client.ping()
    except redis.RedisError as error:
        raise Unwilling(f"The broker does not answer ({_first_line(error)}): check REDIS_URL.") from error
    finally:
        client.close()


def migrate() -> None:
    """Bring the tables to the code's state; asking whether that is needed costs a tenth of doing it."""
    try:
        executor = MigrationExecutor(connection)
        if executor.migration_plan(executor.loader.graph.leaf_nodes()):
            call_command("migrate", verbosity=0, interactive=False)
    except Error as error:
        raise Unwilling(f"The database cannot be used ({_first_line(error)}): check DATABASE_URL.") from error


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


def guests(wish: Wish) -> list[Guest]:
    """The companies to fill. Raises Refused where the person's own file is no table of customers."""
    if wish.data:
        return [companies.own_company(wish.data)]
    seeding.seed_companies()
    return companies.sample_companies(wish.customers)


def welcome(wish: Wish, served: Sequence[Guest], logs: Path) -> str:
    places = [Place(guest.name, companies.described(guest), guest.people()) for guest in served]
    return block(wish.address, places, seeding.DEMO_PASSWORD, str(logs))
