"""Questions asked of PostgreSQL by a thread with a connection of its own, while the caller works or asks for something else.

A server's process, the caller and the thread share the processors; handing over costs little, since ``core.packed`` reads a
block as one row. Inside a transaction, whose rows another connection would not see, and on SQLite, which works in our own
process (see ``bulk.ahead``), the caller asks for itself. What is handed over must begin its work at the first ``next``, as a
generator does; it runs in the caller's scope and sees what was committed when it asks. What it raises, the caller gets.
"""

from __future__ import annotations

import contextvars
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, TypeVar

from django.db import connection

Item = TypeVar("Item")


def one_ahead(items: Iterator[Item]) -> Iterator[Item]:
    """The same items; while the caller works on one, the next is asked for."""
    if _must_ask_here():
        yield from items
        return
    with _elsewhere() as ask:
        coming = ask(next, items, None)
        while (item := coming.result()) is not None:
            coming = ask(next, items, None)
            yield item


def both(first: Iterator[Item], second: Iterator[Item]) -> Iterator[Item]:
    """All of the first, then all of the second, which is gathered meanwhile."""
    if _must_ask_here():
        yield from first
        yield from second
        return
    with _elsewhere() as ask:
        gathered = ask(list, second)
        yield from first
        yield from gathered.result()


def _must_ask_here() -> bool:
    return connection.vendor == "sqlite" or connection.in_atomic_block


@contextmanager
def _elsewhere() -> Iterator[Callable[..., Future[Any]]]:
    scope = contextvars.copy_context()  # the company
    with ThreadPoolExecutor(1, thread_name_prefix="alongside") as worker:
        try:
            yield lambda work, *given: worker.submit(scope.run, work, *given)
        finally:
            worker.submit(_let_go).result()  # after what is still being asked


def _let_go() -> None:
    connection.close()  # the thread's own
