"""Work of numpy on two processors: it lets go of the interpreter while it reckons."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Found = TypeVar("Found")

WORTH_IT = 200_000  # rows: below, a thread takes as long to begin as it saves


def on_two(work: Callable[[Item], Found], items: Iterable[Item], *, rows: int) -> list[Found]:
    """What ``work`` finds of each item, in their order, whoever is ready first: the same numbers come on any machine."""
    if rows < WORTH_IT:
        return [work(item) for item in items]
    with ThreadPoolExecutor(2, thread_name_prefix="clustering") as workers:
        return list(workers.map(work, items))


def halves(rows: int) -> tuple[slice, ...]:
    """All rows, in as many pieces as ``on_two`` has threads for."""
    middle = rows // 2 if rows >= WORTH_IT else rows
    return (slice(0, rows),) if middle == rows else (slice(0, middle), slice(middle, rows))
