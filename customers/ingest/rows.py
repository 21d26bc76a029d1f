"""Turns rows of a file into rows of customers and months of use, by an agreed mapping; or says which cell is wrong, and why."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

from .aliases import flag_of
from .celltypes import DATE, FLAG, NUMBER, parse_date, parse_month
from .cleaning import BY_THOUSANDS, CONTROL, ColumnCleaner, Refusal, Wrong, parse_number
from .mapping import ID, LABEL, MONTH, RowNumbers
from .schema import BY_NAME, UNKNOWN_VALUES, USAGE_COLUMNS

_MEMORY = 100_000
_USAGE = {column.name: column for column in USAGE_COLUMNS}
MEASURES: tuple[str, ...] = tuple(name for name in _USAGE if name != MONTH)


@dataclass(slots=True)
class Cleaned:
    """A batch after cleaning.

    customers  (line, external_id, *values in the order of RowCleaner.columns[1:], attributes)
    months     (line, external_id, month, *values in the order of RowCleaner.measures)
    refused    (refusal, the row's cells, the number that was made for it or ""), by line
    unknown    standard field -> how many cells of the file were empty so far, this batch included
    """

    customers: list[tuple] = field(default_factory=list)
    months: list[tuple] = field(default_factory=list)
    refused: list[tuple[Refusal, Sequence[str], str]] = field(default_factory=list)
    unknown: dict[str, int] = field(default_factory=dict)

    @property
    def refusals(self) -> list[Refusal]:
        return [refusal for refusal, _cells, _made in self.refused]


class _Remembering(dict[str, object]):
    """Applies a function to a cell once for each spelling; a Wrong is remembered as a value."""

    def __init__(self, parse: Callable[[str], object]) -> None:
        super().__init__()
        self._parse = parse

    def __missing__(self, text: str) -> object:
        try:
            value = self._parse(text)
        except Wrong as wrong:
            value = wrong
        if len(self) < _MEMORY:
            self[text] = value
        return value


class RowCleaner:
    """Cleans the rows of one file, batch by batch, from its first row on (also after a resume: ids and copies are counted).

    positions   standard field -> position; without ``external_id`` where ``numbers`` makes the numbers
    attributes  (position, name, type) of the columns kept beside, see mapping.Mapping.attributes
    label_of    what a cell of the label says, see mapping.Mapping.label_of; without it, yes or no
    former      numbers of customers who were merged -> the number of the one who stays
    usage_month  the month that usage columns speak of, where the file has no column of months
    """

    def __init__(
        self,
        positions: Mapping[str, int],
        *,
        headers: Sequence[str],
        attributes: Sequence[tuple[int, str, str]] = (),
        label_of: Callable[[str], bool | None] | None = None,
        numbers: RowNumbers | None = None,
        former: Mapping[str, str] | None = None,
        usage_month: date | None = None,
        max_cell: int = 10_000,
        comma_groups: bool = False,
        date_orders: Mapping[int, str] | None = None,
    ) -> None:
        self.columns = [ID, *(n for n in positions if n in BY_NAME and n != ID)]
        self.measures = [n for n in positions if n in MEASURES]
        self.has_months = MONTH in positions
        self._headers, self._width = headers, len(headers)
        self._id_position = positions.get(ID)
        self._names = [*self.columns[1:], *([MONTH] if self.has_months else []), *self.measures]
        self._positions = [positions[name] for name in self._names]
        self._cleaners: list[dict[str, object]] = [self._cleaner(name, label_of, comma_groups) for name in self._names]
        self._ids = ColumnCleaner(BY_NAME[ID])
        self._attributes = list(attributes)
        orders = date_orders or {}
        self._keepers = [
            _Remembering(_attribute_parser(kind, comma_groups, orders.get(position, "dmy")))
            for position, _name, kind in self._attributes
        ]
        self._numbers, self._former, self._usage_month = numbers, former or {}, usage_month
        self._max_cell = max_cell
        self._seen: set[str] = set()
        # The newest month of each customer, of a file of months that also describes customers; see _newest.
        self.latest: Mapping[str, date] = {}
        self.unknown: dict[str, int] = dict.fromkeys([ID, *self._names], 0)

    @property
    def brings_customers(self) -> bool:
        """Whether a row says something of the customer beside months of use."""
        return not self.has_months or len(self.columns) > 1 or bool(self._attributes)

    @staticmethod
    def _cleaner(name: str, label_of: Callable | None, comma_groups: bool) -> dict[str, object]:
        if name == LABEL and label_of is not None:
            return _Remembering(label_of)
        if name == MONTH:
            return _Remembering(_month)
        return ColumnCleaner(BY_NAME.get(name) or _USAGE[name], comma_groups=comma_groups)

    def clean(self, batch: Sequence[tuple[int, list[str]]]) -> Cleaned:
        """(line, cells) -> clean rows and refusals. A refused row is refused whole."""
        result = Cleaned()
        made = [self._numbers.number(cells) for _, cells in batch] if self._numbers else None
        if {len(cells) for _, cells in batch} - {self._width}:
            whole = [i for i, (_, cells) in enumerate(batch) if len(cells) == self._width]
            for i, (line, cells) in enumerate(batch):
                if len(cells) != self._width:
                    code = "too_few_cells" if len(cells) < self._width else "too_many_cells"
                    refusal = Refusal(line, "", str(len(cells)), code)
                    result.refused.append((refusal, cells, made[i] if made else ""))
            made = [made[i] for i in whole] if made else None
            batch = [batch[i] for i in whole]
        if batch:
            self._clean_whole(result, batch, made)
        result.refused.sort(key=lambda pair: pair[0].line)
        result.unknown = dict(self.unknown)
        return result

    def _clean_whole(self, result: Cleaned, batch: Sequence[tuple[int, list[str]]], made: list[str] | None) -> None:
        lines = [line for line, _ in batch]
        by_position = list(zip(*(cells for _, cells in batch), strict=True))
        ids: list = made if made is not None else list(map(self._ids.__getitem__, by_position[self._id_position]))
        if self._former:
            ids = [self._former.get(i, i) if isinstance(i, str) else i for i in ids]
        values = [
            list(map(cleaner.__getitem__, by_position[position]))
            for position, cleaner in zip(self._positions, self._cleaners, strict=True)
        ]
        kinds = [list(map(type, column)) for column in values]
        wrong = self._wrong_rows(ids, values, kinds) | self._overlong_rows(by_position)
        keys = self._keys(ids, values)
        distinct = set(keys)
        if not wrong and len(distinct) == len(batch) and self._seen.isdisjoint(distinct):
            self._seen |= distinct
            kept = None
        else:
            kept = self._refuse(result, batch, ids, values, wrong, keys)
            lines = [lines[i] for i in kept]
            ids = [ids[i] for i in kept]
            values = [[column[i] for i in kept] for column in values]
            kinds = [[column[i] for i in kept] for column in kinds]
            by_position = [tuple(column[i] for i in kept) for column in by_position]
        for name, kind in zip(self._names, kinds, strict=True):
            # By their types: asking each amount whether it equals None takes ten times as long.
            self.unknown[name] += kind.count(type(None))
        if lines:
            self._lay_out(result, lines, ids, values, by_position)

    def _keys(self, ids: list, values: list[list]) -> list[str]:
        """What may stand in a file once: a customer or, where rows are months, a customer's month."""
        if not self.has_months:
            return ids
        months = values[len(self.columns) - 1]
        return [f"{i}\x1f{month}" for i, month in zip(ids, months, strict=True)]

    def _lay_out(self, result: Cleaned, lines: list[int], ids: list, values: list[list], by_position: list) -> None:
        k = len(self.columns) - 1
        if self.brings_customers:
            result.customers = list(
                zip(lines, ids, *values[:k], self._attribute_dicts(by_position, len(lines)), strict=True)
            )
        if self.has_months:
            result.months = list(zip(lines, ids, *values[k:], strict=True))
            if result.customers:
                result.customers = self._newest(result.customers, values[k])
        elif self.measures:
            month = [self._usage_month] * len(lines)
            result.months = list(zip(lines, ids, month, *values[k:], strict=True))

    def _newest(self, rows: list[tuple], months: list[date]) -> list[tuple]:
        """Of the months of one customer the latest speaks for the customer, wherever it stands in the file."""
        return [row for row, month in zip(rows, months, strict=True) if month == self.latest.get(row[1])]

    def _refuse(
        self, result: Cleaned, batch: Sequence, ids: list, values: list[list], wrong: set[int], keys: list[str]
    ) -> list[int]:
        """A batch that holds something to refuse: each row is looked at by itself. Positions of those that stay."""
        kept = []
        for i, (line, cells) in enumerate(batch):
            if i in wrong:
                refusal = Refusal(line, *self._explain(ids[i], [column[i] for column in values], cells))
            elif keys[i] in self._seen:
                code = "duplicate_month" if self.has_months else "duplicate_id"
                refusal = Refusal(line, self.id_header, str(ids[i]), code)
            else:
                self._seen.add(keys[i])
                kept.append(i)
                continue
            result.refused.append((refusal, cells, ids[i] if self._numbers else ""))
        return kept

    def _wrong_rows(self, ids: list, values: list[list], kinds: list[list[type]]) -> set[int]:
        wrong: set[int] = set()
        # Looking at types is quick, and nearly always says that nothing is wrong.
        if set(map(type, ids)) != {str} or not all(ids):
            wrong = {i for i, value in enumerate(ids) if not value or isinstance(value, Wrong)}
        for column, kind in zip(values, kinds, strict=True):
            if Wrong in kind:
                wrong |= {i for i, value in enumerate(column) if type(value) is Wrong}
        if self.has_months:
            wrong |= {i for i, value in enumerate(values[len(self.columns) - 1]) if value is None}
        return wrong

    def _overlong_rows(self, by_position: list[tuple[str, ...]]) -> set[int]:
        """Rows with another field too long to keep: refused by name, for a cut would lose the rest in silence."""
        overlong: set[int] = set()
        for position, _name, _kind in self._attributes:
            column = by_position[position]
            if max(map(len, column)) > self._max_cell:
                overlong |= {i for i, text in enumerate(column) if len(text) > self._max_cell}
        return overlong

    def _explain(self, external_id: object, values: list, cells: list[str]) -> tuple[str, str, str]:
        if isinstance(external_id, Wrong):
            return self.id_header, cells[self._id_position], str(external_id.args[0])
        for name, value, position in zip(self._names, values, self._positions, strict=True):
            if isinstance(value, Wrong):
                return self._headers[position], cells[position], str(value.args[0])
            if name == MONTH and value is None:
                return self._headers[position], cells[position], "no_month"
        for position, name, _kind in self._attributes:
            if len(cells[position]) > self._max_cell and external_id:
                return name, cells[position], "too_long"
        return self.id_header, "" if self._id_position is None else cells[self._id_position], "no_id"

    @property
    def id_header(self) -> str:
        """Header of the column with the customer numbers; empty where they are made."""
        return "" if self._id_position is None else self._headers[self._id_position]

    def _attribute_dicts(self, by_position: list[tuple[str, ...]], n: int) -> list[dict]:
        if not self._attributes:
            return [{}] * n
        names = [name for _position, name, _kind in self._attributes]
        columns = [
            list(map(keeper.__getitem__, by_position[position]))
            for (position, _name, _kind), keeper in zip(self._attributes, self._keepers, strict=True)
        ]
        return [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]


def _month(text: str) -> date | None:
    if text.strip().casefold() in UNKNOWN_VALUES:
        return None
    month = parse_month(text)
    if month is None:
        raise Wrong("not_a_month")
    return month


def _attribute_parser(kind: str, comma_groups: bool, order: str) -> Callable[[str], object]:
    """Text -> a JSON value of the attribute's type; what is none of that type stays as it was written, so nothing is lost."""

    def parse(text: str) -> object:
        stripped = CONTROL.sub("", text.strip())
        if stripped.casefold() in UNKNOWN_VALUES:
            return None
        if kind == NUMBER:
            return _number(stripped, comma_groups)
        if kind == FLAG:
            flag = flag_of(stripped)
            return stripped if flag is None else flag
        if kind == DATE:
            day = parse_date(stripped, order)
            return stripped if day is None else day.isoformat()
        return stripped

    return parse


def _number(text: str, comma_groups: bool) -> object:
    try:
        number = parse_number(text.replace(",", "") if comma_groups and BY_THOUSANDS.fullmatch(text) else text)
    except Wrong:
        return text
    if number == number.to_integral_value() and abs(number) < 1e15:
        return int(number)
    # Infinity is no JSON: what no float can hold stays as it was written.
    return float(number) if math.isfinite(float(number)) else text
