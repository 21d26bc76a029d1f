"""What runs the site looks after every company: here they come, one scope after another.

PostgreSQL shows nobody more than one company's rows (``core.row_security``), so who asks about all asks about each. SQLite
has no such wall: one question answers for all. Who the companies are says the app that keeps them (``provide``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext

from django.db import connection

Scopes = Callable[[], Iterator[AbstractContextManager[None]]]
_provider: Scopes | None = None


def provide(scopes: Scopes) -> None:
    """Say who yields the scope of each company."""
    global _provider
    _provider = scopes


def each() -> Iterator[AbstractContextManager[None]]:
    """Contexts to enter one after another, in which ``_base_manager`` sees every row there is, between them all: each
    company's on PostgreSQL, one for all on SQLite."""
    if connection.vendor != "postgresql":
        yield nullcontext()
    elif _provider is not None:
        yield from _provider()
