"""A rule that was checked: groups and conditions, as JSON, in its canonical form, and by its digest."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from .fields import LISTS, Field


@dataclass(frozen=True, slots=True)
class Condition:
    """``value``: None, an int or float, a Decimal of money, a bool, a text, an ISO date; a tuple of two or of several."""

    field: Field
    operator: str
    value: object = None


@dataclass(frozen=True, slots=True)
class All:
    children: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Any:
    children: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Not:
    child: Node


Node = Condition | All | Any | Not


@dataclass(frozen=True, slots=True)
class Tree:
    """A whole rule, in the order in which a person put it."""

    root: Node

    def as_json(self) -> dict[str, object]:
        """As it was put, with values as the language writes them: what a form shows again."""
        return _json(self.root)

    def canonical(self) -> dict[str, object]:
        """The same for rules that differ only in order, repetition, brackets without need and the spelling of values."""
        return _json(_plain(self.root))

    def digest(self) -> str:
        """SHA-256 of the canonical form, hexadecimal."""
        return hashlib.sha256(_text(self.canonical()).encode()).hexdigest()

    def conditions(self) -> Iterator[tuple[Condition, bool]]:
        """Each condition, and whether it stands under an odd number of ``not``."""
        yield from _conditions(self.root, False)

    def fields(self) -> list[Field]:
        """The fields it asks, each once, in their order."""
        return list(dict.fromkeys(condition.field for condition, _negated in self.conditions()))


def _conditions(node: Node, negated: bool) -> Iterator[tuple[Condition, bool]]:
    if isinstance(node, Condition):
        yield node, negated
    elif isinstance(node, Not):
        yield from _conditions(node.child, not negated)
    else:
        for child in node.children:
            yield from _conditions(child, negated)


def _json(node: Node) -> dict[str, object]:
    if isinstance(node, All):
        return {"all": [_json(child) for child in node.children]}
    if isinstance(node, Any):
        return {"any": [_json(child) for child in node.children]}
    if isinstance(node, Not):
        return {"not": _json(node.child)}
    found: dict[str, object] = {"field": node.field.code, "is": node.operator}
    if node.value is not None:
        found["value"] = _value(node.value)
    return found


def _value(value: object) -> object:
    if isinstance(value, tuple):
        return [_value(one) for one in value]
    return format(value, "f") if isinstance(value, Decimal) else value


def _text(found: object) -> str:
    return json.dumps(found, sort_keys=True, ensure_ascii=True, separators=(",", ":"))


def _plain(node: Node) -> Node:
    """Without doubled ``not``, groups of one, groups within groups of their sort and repetitions; children in one order."""
    if isinstance(node, Condition):
        return _plain_condition(node)
    if isinstance(node, Not):
        child = _plain(node.child)
        return child.child if isinstance(child, Not) else Not(child)
    sort = type(node)
    children: dict[str, Node] = {}
    for child in map(_plain, node.children):
        for one in child.children if isinstance(child, sort) else (child,):
            children[_text(_json(one))] = one
    if len(children) == 1:
        return next(iter(children.values()))
    return sort(tuple(children[text] for text in sorted(children)))


def _plain_condition(node: Condition) -> Condition:
    if node.operator not in LISTS:
        return node
    values = tuple(sorted(set(node.value)))
    single = {"one_of": "equals", "none_of": "not_equals"}[node.operator]
    if len(values) == 1 and single in node.field.offered:
        return Condition(node.field, single, values[0])
    return Condition(node.field, node.operator, values)
