"""Turns cells into typed values, or says which cell of which line is wrong and why.

Files repeat themselves: a column of a million rows holds a few labels, or numbers with few distinct values. Each column
remembers what it has cleaned, so most cells cost one dictionary look-up (about 40 ns) instead of a parse.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

from .schema import FLAG_VALUES, UNKNOWN_VALUES, Column, Kind, normalise

_MEMORY = 100_000
CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
_MONEY_STEP = Decimal("0.001")
BY_THOUSANDS = re.compile(r"[-+]?\d{1,3}(,\d{3})+")
_GROUPED = re.compile(r"(?<=\d)[ \u00a0\u202f'](?=\d{3}(\D|$))")


@dataclass(frozen=True, slots=True)
class Refusal:
    """One cell that could not be taken, and so its row. ``reason`` is a code; the words are made at display."""

    line: int
    column: str
    value: str
    reason: str

    def as_dict(self) -> dict[str, object]:
        return {"line": self.line, "column": self.column, "value": self.value[:120], "reason": self.reason}


class Wrong(ValueError):
    """A value that its column cannot hold; ``args[0]`` is the reason's code."""


def parse_number(text: str) -> Decimal:
    """``1234.5``, ``1 234,5``, ``1.234,50``, ``1,234.50``, ``1,234,567``. Raises Wrong('not_a_number').

    ``1,234`` alone is one and a bit; ColumnCleaner knows the files where it is a thousand and more.
    """
    plain = _GROUPED.sub("", text.strip())
    if plain.count(",") > 1 and BY_THOUSANDS.fullmatch(plain):
        plain = plain.replace(",", "")
    if "," in plain and "." in plain:
        group, point = (",", ".") if plain.rfind(".") > plain.rfind(",") else (".", ",")
        plain = plain.replace(group, "").replace(point, ".")
    elif plain.count(",") == 1:
        plain = plain.replace(",", ".")
    if "_" in plain:
        raise Wrong("not_a_number")
    try:
        value = Decimal(plain)
    except InvalidOperation as error:
        raise Wrong("not_a_number") from error
    if not value.is_finite():
        raise Wrong("not_a_number")
    return value


def _bounded(column: Column, value: Decimal) -> Decimal:
    if column.minimum is not None and value < column.minimum:
        raise Wrong("too_small")
    if column.maximum is not None and value > column.maximum:
        raise Wrong("too_large")
    return value


def _text(column: Column, text: str) -> str:
    if len(text) > column.max_length:
        raise Wrong("too_long")
    return CONTROL.sub("", text)


def _category(column: Column, text: str) -> str:
    if not column.values:
        return _text(column, text)
    known = column.values.get(normalise(text))
    return known if known is not None else _text(column, text)


def _flag(column: Column, text: str) -> bool:
    value = FLAG_VALUES.get(text.strip().casefold())
    if value is None:
        raise Wrong("not_yes_or_no")
    return value


def _integer(column: Column, text: str) -> int:
    value = _bounded(column, parse_number(text))
    if value != value.to_integral_value():
        raise Wrong("not_whole")
    return int(value)


def _money(column: Column, text: str) -> Decimal:
    return _bounded(column, parse_number(text)).quantize(_MONEY_STEP)


_PARSERS: dict[Kind, Callable[[Column, str], object]] = {
    Kind.TEXT: _text,
    Kind.CATEGORY: _category,
    Kind.FLAG: _flag,
    Kind.INTEGER: _integer,
    Kind.MONEY: _money,
    Kind.NUMBER: lambda column, text: float(_bounded(column, parse_number(text))),
}


class ColumnCleaner(dict[str, object]):
    """Cleans one column: ``cleaner[text]`` is the value, None for unknown, or a Wrong.

    A dictionary that parses what it does not hold yet, so that a known cell never leaves the interpreter's C code.
    ``comma_groups``: ``1,234`` is a thousand and more. So it is in a file cut by commas, where a program that wrote
    decimal commas would have cut by semicolons.
    """

    def __init__(self, column: Column, *, comma_groups: bool = False) -> None:
        super().__init__()
        self.column = column
        self._parse = _PARSERS[column.kind]
        self._comma_groups = comma_groups and column.kind in (Kind.INTEGER, Kind.MONEY, Kind.NUMBER)
        # A number, a name or an address differs in every row: remembering would only fill memory.
        self._remembers = column.name not in ("external_id", "email", "phone")

    def __missing__(self, text: str) -> object:
        value = self.parse(text)
        if self._remembers and len(self) < _MEMORY:
            self[text] = value
        return value

    def parse(self, text: str) -> object:
        stripped = text.strip()
        if not stripped or (self.column.kind is not Kind.TEXT and stripped.casefold() in UNKNOWN_VALUES):
            return None
        if self._comma_groups and BY_THOUSANDS.fullmatch(stripped):
            stripped = stripped.replace(",", "")
        try:
            return self._parse(self.column, stripped)
        except Wrong as wrong:
            return wrong
