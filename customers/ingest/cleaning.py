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
_PLAIN = re.compile(r"-?\d{1,15}(\.\d{1,6})?", re.ASCII)  # what nearly every number is, and needs no reading of marks
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


def _text(column: Column, text: str) -> str:
    if len(text) > column.max_length:
        raise Wrong("too_long")
    return text if text.isprintable() else CONTROL.sub("", text)


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


def _integer(column: Column, value: Decimal) -> int:
    if value != value.to_integral_value():
        raise Wrong("not_whole")
    return int(value)


def _money(column: Column, value: Decimal) -> Decimal:
    return value.quantize(_MONEY_STEP)


_PARSERS: dict[Kind, Callable[[Column, str], object]] = {
    Kind.TEXT: _text,
    Kind.CATEGORY: _category,
    Kind.FLAG: _flag,
}
# What becomes of a number that is within its column's bounds.
_NUMBERS: dict[Kind, Callable[[Column, Decimal], object]] = {
    Kind.INTEGER: _integer,
    Kind.MONEY: _money,
    Kind.NUMBER: lambda column, value: float(value),
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
        self._finish = _NUMBERS.get(column.kind)
        self._read = _PARSERS.get(column.kind)
        self._comma_groups = comma_groups
        self._least = None if column.minimum is None else Decimal(column.minimum)
        self._most = None if column.maximum is None else Decimal(column.maximum)
        # A number, a name or an address differs in every row: remembering would only fill memory.
        self._remembers = column.name not in ("external_id", "email", "phone")

    def __missing__(self, text: str) -> object:
        value = self.parse(text)
        if self._remembers and len(self) < _MEMORY:
            self[text] = value
        return value

    def parse(self, text: str) -> object:
        try:
            if self._finish and _PLAIN.fullmatch(text):
                return self._finish(self.column, self._bounded(Decimal(text)))
            stripped = text.strip()
            if not stripped or (self.column.kind is not Kind.TEXT and stripped.casefold() in UNKNOWN_VALUES):
                return None
            if self._finish is None:
                return self._read(self.column, stripped)
            if self._comma_groups and BY_THOUSANDS.fullmatch(stripped):
                stripped = stripped.replace(",", "")
            return self._finish(self.column, self._bounded(parse_number(stripped)))
        except Wrong as wrong:
            return wrong

    def _bounded(self, value: Decimal) -> Decimal:
        if self._least is not None and value < self._least:
            raise Wrong("too_small")
        if self._most is not None and value > self._most:
            raise Wrong("too_large")
        return value
