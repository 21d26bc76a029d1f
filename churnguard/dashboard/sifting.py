"""A page of a list by a question that no index answers: rows are looked through in the list's order, up to a bound.

The bound keeps the page quick however many customers there are and however few of them fit; where it was reached the
page says so, and its link goes on from there (docs/adr/0008-filters-on-other-fields.md, with the measurement).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from django.db.models import QuerySet

from core import bulk, keyset

MOST = 20_000  # rows looked through for one page
_STEPS = (500, 2_500, 7_000, 10_000)


@dataclass(slots=True)
class Sifted:
    """A page of rows that fit; ``looked``: through how many; ``is_cut``: the bound was reached before the page was full."""

    page: keyset.Page
    looked: int
    is_cut: bool
    is_backwards: bool = False

    @property
    def further(self) -> dict[str, str]:
        """The parameter of the address that goes on looking where the bound was reached."""
        return {"before": self.page.before} if self.is_backwards else {"after": self.page.after}


@dataclass(slots=True)
class _Found:
    """Keys of rows that fit, of the first and the last row looked at, and whether rows are left."""

    fit: list[int] = field(default_factory=list)
    looked: int = 0
    first: int | None = None
    last: int | None = None
    has_more: bool = True


def sift(
    rows: QuerySet,
    order: keyset.Order,
    fits: Callable[[list[Any]], np.ndarray],
    column: str,
    *,
    after: str = "",
    before: str = "",
    size: int = 50,
    most: int | None = MOST,
) -> Sifted:
    """One page of the ``rows`` whose cells in ``column`` fit: ``fits`` takes cells and answers a mask (bool [n]).

    ``most``: rows looked through at most; None: to the end of the list.
    """
    start = keyset.position_of(after or before, rows, order)
    backwards = bool(before and not after) and start is not None
    found = _look_through(rows, order, fits, column, start, backwards=backwards, size=size, most=most)
    is_full = len(found.fit) > size
    keys = found.fit[:size]
    whole = rows.in_bulk([*keys, *{found.first, found.last} - {None}])
    shown = [whole[key] for key in keys if key in whole]

    def cursor(key: int | None) -> str:
        return keyset.cursor_of(whole[key], order) if key in whole else ""

    # The list goes on after the last one shown or, where the bound was reached, after the last one looked at.
    ahead = cursor(keys[-1]) if is_full else cursor(found.last) if found.has_more else ""
    behind = cursor(keys[0] if keys else found.first) if start else ""
    if backwards:
        shown.reverse()
    page = keyset.Page(shown, *((behind, ahead) if backwards else (ahead, behind)))
    return Sifted(page, found.looked, is_cut=not is_full and found.has_more, is_backwards=backwards)


def _look_through(
    rows: QuerySet,
    order: keyset.Order,
    fits: Callable[[list[Any]], np.ndarray],
    column: str,
    position: tuple[Any, int] | None,
    *,
    backwards: bool,
    size: int,
    most: int | None,
) -> _Found:
    """Look at blocks of keys and cells, each larger than the one before, until one more than a page fits."""
    found = _Found()
    ordered = order.apply(rows, backwards=backwards)
    for turn in range(10**9):
        step = _STEPS[min(turn, len(_STEPS) - 1)]
        step = step if most is None else min(step, most - found.looked)
        wanted = order.beyond(ordered, *position, backwards=backwards) if position else ordered
        block = bulk.read_frame(wanted.values_list("pk", column)[:step])
        block.columns = ["key", "cell"]
        keys = block["key"].tolist()
        found.first = keys[0] if found.first is None and keys else found.first
        found.last = keys[-1] if keys else found.last
        places = np.flatnonzero(fits(block["cell"].tolist())) if keys else np.empty(0, dtype=int)
        room = size + 1 - len(found.fit)
        found.fit += [keys[place] for place in places[:room]]
        if len(found.fit) > size:
            found.looked += int(places[room - 1]) + 1
            break
        found.looked += len(keys)
        found.has_more = len(keys) == step
        if not found.has_more or found.looked == most:
            break
        position = keyset.position_at(rows.get(pk=found.last), order)
    return found
