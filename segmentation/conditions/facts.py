"""What there is to say about a rule besides its words: whom a ``not`` lets in, and what no offer may hang on."""

from __future__ import annotations

from dataclasses import dataclass

from .fields import WITHOUT_VALUE, Field, Kind
from .nodes import Tree


@dataclass(frozen=True, slots=True)
class Facts:
    """Of a rule: ``lets_in_unknown``: fields whose comparison is negated, so that who has no known value may be in;
    ``decides_no_offer`` and ``needs_approval``: the fields it asks that are marked so."""

    conditions: int
    lets_in_unknown: tuple[Field, ...]
    decides_no_offer: tuple[Field, ...]
    needs_approval: tuple[Field, ...]


def describe(tree: Tree) -> Facts:
    found = list(tree.conditions())
    unknown = [
        condition.field
        for condition, negated in found
        if negated and condition.operator not in WITHOUT_VALUE and condition.field.kind is not Kind.SEGMENT
    ]
    fields = tree.fields()
    return Facts(
        len(found),
        tuple(dict.fromkeys(unknown)),
        tuple(f for f in fields if not f.decides_offer),
        tuple(f for f in fields if f.needs_approval),
    )
