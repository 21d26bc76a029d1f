"""Says what a column's cells look like: numbers, yes or no, dates, months, addresses, or the numbers of customers."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache

from .aliases import flag_of
from .cleaning import ColumnCleaner, Wrong, parse_number
from .schema import BY_NAME, UNKNOWN_VALUES, USAGE_COLUMNS, Column, Kind, normalise

NUMBER, CATEGORY, FLAG, DATE = "number", "category", "flag", "date"
ATTRIBUTE_TYPES = (NUMBER, CATEGORY, FLAG, DATE)
EXAMPLES = 5
_FLAG_SPELLINGS = 12  # different cells that a yes or no is written in, at most
_AGREE = 0.95  # share of known cells that must be of a type: a few typing errors do not change what a column is

_EMAIL = re.compile(r"[^@\s,;]+@[^@\s,;]+\.[A-Za-z]{2,}")
_PHONE = re.compile(r"(\+|00)?[\d ().\-/]{6,22}")
_DATE = re.compile(r"(\d{1,4})[-/.](\d{1,2})[-/.](\d{1,4})(?:[T ]\d{1,2}:\d{2}.*)?")
_MONTH_NAMES = {
    name: number
    for number, names in enumerate(
        (
            "jan january janv janvier", "feb february fev fevr fevrier", "mar march mars", "apr april avr avril",
            "may mai", "jun june juin", "jul july juil juillet", "aug august aout", "sep sept september septembre",
            "oct october octobre", "nov november novembre", "dec december decembre",
        ),
        start=1,
    )
    for name in names.split()
}  # fmt: skip
_CODE_HEADERS = frozenset("zip zipcode postal postcode postale cp code area insee siret commune departement".split())


@dataclass(frozen=True, slots=True)
class ColumnSample:
    """One column of a sample. ``known``: cells with a value, stripped, in their order; ``counts`` of each of them."""

    position: int
    header: str
    rows: int
    known: tuple[str, ...]
    counts: Counter[str] = field(repr=False)

    @property
    def fullness(self) -> float:
        return len(self.known) / self.rows if self.rows else 0.0

    @property
    def distinct(self) -> int:
        return len(self.counts)

    @property
    def examples(self) -> tuple[str, ...]:
        return tuple(value[:120] for value in list(self.counts)[:EXAMPLES])

    @property
    def uniqueness(self) -> float:
        return self.distinct / len(self.known) if self.known else 0.0

    def share(self, test) -> float:
        """Share of the known cells that pass a test of their text."""
        passed = sum(count for value, count in self.counts.items() if test(value))
        return passed / len(self.known) if self.known else 0.0


def sample_columns(headers: Sequence[str], rows: Iterable[Sequence[object]]) -> list[ColumnSample]:
    """Cut rows of cells (text or typed; ragged ones allowed) into one ColumnSample for each header."""
    rows = list(rows)
    columns = []
    for position, header in enumerate(headers):
        cells = (str(row[position]).strip() for row in rows if len(row) > position and row[position] is not None)
        known = tuple(cell for cell in cells if cell.casefold() not in UNKNOWN_VALUES)
        columns.append(ColumnSample(position, header, len(rows), known, Counter(known)))
    return columns


def is_number(text: str) -> bool:
    try:
        parse_number(text)
    except Wrong:
        return False
    return True


def is_email(text: str) -> bool:
    return _EMAIL.fullmatch(text) is not None


def is_phone(text: str) -> bool:
    """Six to fifteen digits (E.164's most) with the marks people put between them."""
    return _PHONE.fullmatch(text) is not None and 6 <= sum(c.isdigit() for c in text) <= 15


def parse_date(text: str, order: str = "dmy") -> date | None:
    """A day as ISO or with ``/ . -``; ``order`` ("dmy" or "mdy") settles 03/04/2026. None where it is no date."""
    found = _DATE.fullmatch(text.strip())
    if found is None:
        return None
    first, second, third = found.groups()
    if len(first) == 4:
        year, month, day = int(first), int(second), int(third) if len(third) <= 2 else 0
    elif len(first) <= 2 and len(third) in (2, 4):
        year = int(third) + (2000 if int(third) < 70 else 1900 if int(third) < 100 else 0)
        day, month = (int(second), int(first)) if order == "mdy" else (int(first), int(second))
    else:
        return None
    try:
        return date(year, month, day)
    except ValueError:
        return None


def date_order(texts: Iterable[str]) -> str | None:
    """The order in which nearly all the texts are dates, "dmy" first; None where neither is."""
    texts = list(texts)
    if not texts:
        return None
    for order in ("dmy", "mdy"):
        if sum(parse_date(text, order) is not None for text in texts) >= _AGREE * len(texts):
            return order
    return None


@lru_cache(maxsize=4096)
def parse_month(text: str) -> date | None:
    """First day of a month: ``2026-03``, ``03/2026``, ``202603``, ``mars 2026``, ``Mar-26``, or any day in it."""
    text = text.strip()
    day = parse_date(text)
    if day is not None:
        return day.replace(day=1)
    parts = normalise(text).split()
    if len(parts) == 1 and re.fullmatch(r"(19|20)\d{4}", parts[0]):
        parts = [parts[0][:4], parts[0][4:]]
    if len(parts) != 2:
        return None
    if parts[0].isdigit() and len(parts[0]) == 4:
        parts.reverse()
    month = _MONTH_NAMES.get(parts[0]) or (int(parts[0]) if re.fullmatch(r"\d{1,2}", parts[0]) else 0)
    if not 1 <= month <= 12 or not re.fullmatch(r"\d{4}" if parts[0].isdigit() else r"\d{2}|\d{4}", parts[1]):
        return None
    year = int(parts[1]) if len(parts[1]) == 4 else 2000 + int(parts[1])
    return date(year, month, 1) if 1970 <= year <= 2100 else None


def attribute_type(column: ColumnSample) -> str:
    """NUMBER, CATEGORY, FLAG or DATE: what a column that is none of ours should be kept as."""
    if not column.known:
        return CATEGORY
    values = list(column.counts)
    flags = {flag_of(value) for value in values} if len(values) <= _FLAG_SPELLINGS else {None}
    if None not in flags and (len(flags) == 2 or not all(is_number(v) for v in values)):
        return FLAG
    if date_order(values) is not None:
        return DATE
    if column.share(is_number) >= _AGREE:
        return CATEGORY if _numbers_are_names(column) else NUMBER
    return CATEGORY


def _numbers_are_names(column: ColumnSample) -> bool:
    """Numbers that count nothing: postcodes, codes with leading zeros, or just two of them (plan 1 or 2)."""
    named = _CODE_HEADERS & set(normalise(column.header).split())
    zeros = any(len(v) > 1 and v[0] == "0" and v.isdigit() for v in column.counts)
    pair = column.distinct == 2 and len(column.known) >= 30 and all(v.lstrip("-").isdigit() for v in column.counts)
    return bool(named) or zeros or pair


def agreement(column: ColumnSample, target: Column) -> float:
    """Share (0 to 1) of the known cells that the target could hold; 1 where nothing is known."""
    if not column.known:
        return 1.0
    if target.name == "month":
        return column.share(lambda text: parse_month(text) is not None)
    if target.name == "email":
        return column.share(is_email)
    if target.name == "phone":
        return column.share(is_phone)
    if target.name in ("first_name", "last_name", "city"):
        # A town or a family name is no number and no yes or no
        return column.share(lambda text: not is_number(text) and flag_of(text) is None)
    cleaner = ColumnCleaner(target)
    return column.share(lambda text: cleaner.parse(text) is not None and not isinstance(cleaner.parse(text), Wrong))


def vocabulary(column: ColumnSample, target: Column) -> float | None:
    """Share of the known cells that are among the target's own levels; None where the target lists none."""
    if target.kind is not Kind.CATEGORY or not target.values or not column.known:
        return None
    return column.share(lambda text: normalise(text) in target.values)


def target_column(name: str) -> Column | None:
    """The schema's column of that name, of a customer or of a month of use."""
    return BY_NAME.get(name) or next((c for c in USAGE_COLUMNS if c.name == name), None)


def id_shape(column: ColumnSample) -> str | None:
    """Why a column's values could number customers, or None: "pattern" (all drawn alike), "whole" (long whole numbers).

    A measure (minutes, amounts) is near unique too: decimals, and numbers of very different lengths, are not taken.
    """
    if len(column.known) < 2 or column.uniqueness < 0.99 or column.fullness < 0.99:
        return None
    if any(len(value) > 64 or " " in value for value in column.counts) or date_order(column.counts) is not None:
        return None
    shapes = Counter(re.sub(r"[^\W\d_]", "A", re.sub(r"\d+", "9", value)) for value in column.counts)
    digits_only = column.share(str.isdigit)
    if digits_only == 1.0:
        lengths = {len(value) for value in column.counts}
        return "whole" if len(lengths) <= 2 and max(lengths) >= 5 else None
    if column.share(is_number) > 0.5 or column.share(is_email) > 0.5:
        return None
    alike = shapes.most_common(1)[0][1] / column.distinct
    has_digits = column.share(lambda text: any(c.isdigit() for c in text))
    hexadecimal = column.share(
        lambda text: re.fullmatch(r"[0-9a-fA-F-]{16,64}|[A-Za-z0-9+/=_-]{20,64}", text) is not None
    )
    return "pattern" if has_digits >= _AGREE and (alike >= 0.9 or hexadecimal >= 0.99) else None
