"""A later stage's names for kinds of customers, written on many rows."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from ..models import Customer

_AT_ONCE = 5_000


def set_persona(*, keys: Sequence[int], persona: str, replaces: Collection[str]) -> int:
    """Give these customers a persona where they have none, or one of ``replaces``: what a file or a person said stays.

    Only rows that change are written; nothing that taking an import back looks at. Returns how many changed.
    """
    written = 0
    replaced = {"", *replaces} - {persona}
    for start in range(0, len(keys), _AT_ONCE):
        some = [int(key) for key in keys[start : start + _AT_ONCE]]
        written += Customer.objects.filter(pk__in=some, persona__in=replaced).update(persona=persona)
    return written
