"""By which key a request acts, so that the trail tells a person's own deed from their program's."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .models import ApiKey

_key: ContextVar[ApiKey | None] = ContextVar("acting_key", default=None)


@contextmanager
def by_key(key: ApiKey | None) -> Iterator[None]:
    """Everything inside is done through this key; None: by the person themselves."""
    before = _key.set(key)
    try:
        yield
    finally:
        _key.reset(before)


def acting_key() -> ApiKey | None:
    return _key.get()
