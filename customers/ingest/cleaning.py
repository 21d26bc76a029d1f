"""Turns cells into typed values, or says which cell of which line is wrong and why.

Files repeat themselves: a column of a million rows holds a few labels, or numbers with few distinct values. Each column
remembers what it has cleaned, so most cells cost one dictionary look-up (about 40 ns) instead of a parse.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation

from .schema import BY_NAME, FLAG_VALUES, UNKNOWN_VALUES, Column, Kind, normalise

_MEMORY = 100_000
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
_MONEY_STEP = Decimal("0.001")
_BY_THOUSANDS = re.compile(r"[-+]?\d{1,3}(,\d{3})+")
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


@dataclass(slots=True)
class Cleaned:
    """A batch after cleaning: rows of values in the order of ``columns``, refusals, unknown cells by column."""

    rows: list[tuple] = field(default_factory=list)
    refusals: list[Refusal] = field(default_factory=list)


def parse_number(text: str) -> Decimal:
    """``1234.5``, ``1 234,5``, ``1.234,50``, ``1,234.50``, ``1,234,567``. Raises Wrong('not_a_number').

    ``1,234`` alone is one and a bit; ColumnCleaner knows the files where it is a thousand and more.
    """
    plain = _GROUPED.sub("", text.strip())
    if plain.count(",") > 1 and _BY_THOUSANDS.fullmatch(plain):
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
    return _CONTROL.sub("", text)


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
        if self._comma_groups and _BY_THOUSANDS.fullmatch(stripped):
            stripped = stripped.replace(",", "")
        try:
            return self._parse(self.column, stripped)
        except Wrong as wrong:
            return wrong


class RowCleaner:
    """Cleans rows of one file. ``columns`` is the order of the values in each cleaned row; the id comes first.

    ``attributes``: positions and headers of columns kept as they are; their values come last, as one dict.
    """

    def __init__(
        self,
        mapping: dict[str, int],
        *,
        width: int,
        headers: Sequence[str] = (),
        attributes: Sequence[int] = (),
        numeric_attributes: frozenset[int] = frozenset(),
        max_cell: int = 10_000,
        comma_groups: bool = False,
    ) -> None:
        self.columns = ["external_id", *(name for name in mapping if name != "external_id")]
        self._positions = [mapping[name] for name in self.columns]
        self._cleaners = [ColumnCleaner(BY_NAME[name], comma_groups=comma_groups) for name in self.columns]
        self._width = width
        self._headers = headers
        self._attributes = list(attributes)
        self._numeric = numeric_attributes
        self._max_cell = max_cell
        self._seen: set[str] = set()
        self.unknown: dict[str, int] = dict.fromkeys(self.columns, 0)

    def clean(self, batch: Sequence[tuple[int, list[str]]]) -> Cleaned:
        """(line, cells) -> clean rows ``(line, *values, attributes)`` and refusals. A refused row is refused whole."""
        result = Cleaned()
        whole = [(line, cells) for line, cells in batch if len(cells) == self._width]
        if len(whole) != len(batch):
            result.refusals += [
                Refusal(line, "", str(len(cells)), "too_few_cells" if len(cells) < self._width else "too_many_cells")
                for line, cells in batch
                if len(cells) != self._width
            ]
        if not whole:
            return result
        by_position = list(zip(*(cells for _, cells in whole), strict=True))
        cleaned = [
            list(map(cleaner.__getitem__, by_position[position]))
            for position, cleaner in zip(self._positions, self._cleaners, strict=True)
        ]
        wrong = self._wrong_rows(cleaned) | self._overlong_rows(by_position)
        lines = [line for line, _ in whole]
        attributes = self._attribute_dicts(by_position, len(whole))
        ids = set(cleaned[0])
        if not wrong and len(ids) == len(whole) and self._seen.isdisjoint(ids):
            self._seen |= ids
            for name, column in zip(self.columns, cleaned, strict=True):
                self.unknown[name] += column.count(None)
            result.rows = list(zip(lines, *cleaned, attributes, strict=True))
        else:
            self._one_by_one(result, whole, cleaned, attributes, wrong)
        return result

    def _one_by_one(
        self, result: Cleaned, whole: list, cleaned: list[list], attributes: list[dict], wrong: set[int]
    ) -> None:
        """A batch that holds something to refuse: each row is looked at by itself."""
        for i, values in enumerate(zip(*cleaned, strict=True)):
            line, cells = whole[i]
            external_id = values[0]
            if i in wrong:
                result.refusals.append(Refusal(line, *self._explain(values, cells)))
            elif external_id in self._seen:
                result.refusals.append(
                    Refusal(line, self._header(self._positions[0]), str(external_id), "duplicate_id")
                )
            else:
                self._seen.add(external_id)
                for name, value in zip(self.columns, values, strict=True):
                    self.unknown[name] += value is None
                result.rows.append((line, *values, attributes[i]))

    def _wrong_rows(self, cleaned: list[list[object]]) -> set[int]:
        wrong = {i for i, value in enumerate(cleaned[0]) if not value or isinstance(value, Wrong)}
        for column in cleaned[1:]:
            # A set of types is quick, and nearly always says that nothing is wrong.
            if Wrong in set(map(type, column)):
                wrong |= {i for i, value in enumerate(column) if type(value) is Wrong}
        return wrong

    def _overlong_rows(self, by_position: list[tuple[str, ...]]) -> set[int]:
        """Rows with another field too long to keep: refused by name, for a cut would lose the rest in silence."""
        overlong: set[int] = set()
        for position in self._attributes:
            column = by_position[position]
            if max(map(len, column)) > self._max_cell:
                overlong |= {i for i, text in enumerate(column) if len(text) > self._max_cell}
        return overlong

    def _explain(self, values: tuple, cells: list[str]) -> tuple[str, str, str]:
        for value, position in zip(values, self._positions, strict=True):
            if isinstance(value, Wrong):
                return self._header(position), cells[position], str(value.args[0])
        overlong = next((p for p in self._attributes if len(cells[p]) > self._max_cell), None)
        if overlong is not None and values[0]:
            return self._header(overlong), cells[overlong], "too_long"
        return self._header(self._positions[0]), cells[self._positions[0]], "no_id"

    def _header(self, position: int) -> str:
        return self._headers[position] if self._headers else str(position)

    def _attribute_dicts(self, by_position: list[tuple[str, ...]], n: int) -> list[dict]:
        if not self._attributes:
            return [{}] * n
        names = [self._headers[p] or f"column {p + 1}" for p in self._attributes]
        columns = [[_attribute(text, p in self._numeric) for text in by_position[p]] for p in self._attributes]
        return [
            {name: value for name, value in zip(names, row, strict=True) if value is not None}
            for row in zip(*columns, strict=True)
        ]


def _attribute(text: str, numeric: bool) -> object:
    stripped = _CONTROL.sub("", text.strip())
    if stripped.casefold() in UNKNOWN_VALUES:
        return None
    if numeric:
        try:
            number = parse_number(stripped)
        except Wrong:
            return stripped
        if number == number.to_integral_value() and abs(number) < 1e15:
            return int(number)
        # Infinity is no JSON: what no float can hold stays as it was written.
        return float(number) if math.isfinite(float(number)) else stripped
    return stripped
