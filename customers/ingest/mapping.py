"""What every column of a company's file is: the mapping a person agrees to, kept, recognised again, and checked.

``proposal.propose`` makes the first guess; a ``Mapping`` is what was agreed. It names columns by header, not by position,
so that next month's file may have its columns in another order.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from .aliases import compact, flag_of, label_key
from .celltypes import ATTRIBUTE_TYPES, CATEGORY, attribute_type, sample_columns
from .cleaning import Wrong
from .schema import COLUMNS, UNKNOWN_VALUES, USAGE_COLUMNS

VERSION = 1
ATTRIBUTE, IGNORE = "attribute", "ignore"
ID, LABEL, MONTH = "external_id", "churn_label", "month"
BY_COLUMN, ROW_HASH, ROW_NUMBER = "column", "row_hash", "row_number"
OURS = "ChurnGuard: "  # begins the headers that we add to a file of refused rows; they are no columns of the company's
ANY_VALUE = "*"  # as label_yes: whoever has a value left (a leaving date), whoever has none stayed
TARGETS: tuple[str, ...] = tuple(dict.fromkeys(c.name for c in (*COLUMNS, *USAGE_COLUMNS)))


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a mapping cannot be used. ``code`` for programs, ``facts`` to build the sentence from."""

    code: str
    facts: dict[str, object] = field(default_factory=dict)


class MappingRefused(ValueError):
    """A mapping that is none: ``code`` and ``facts`` say why."""

    def __init__(self, code: str, **facts: object) -> None:
        super().__init__(code)
        self.code = code
        self.facts = facts


def unique_headers(headers: Sequence[str]) -> tuple[str, ...]:
    """Headers with a name for each column: a blank one is ``column 3``, a repeated one ``Name (2)``."""
    taken: set[str] = set()
    names = []
    for position, header in enumerate(headers):
        base = (header or "").strip().lstrip("\ufeff") or f"column {position + 1}"
        name, number = base, 1
        while name in taken:
            number += 1
            name = f"{base} ({number})"
        taken.add(name)
        names.append(name)
    return tuple(names)


def shape_key(headers: Sequence[str]) -> str:
    """A key of 32 hexadecimal digits, equal for files with the same headers in any order, case and punctuation.

    A file of refused rows has the shape of the file that they come from.
    """
    names = sorted(compact(name) or name for name in unique_headers(headers) if not name.startswith(OURS))
    return hashlib.sha256("\x1f".join(names).encode()).hexdigest()[:32]


def row_hash(cells: Iterable[object], occurrence: int = 1) -> str:
    """A customer number made from a whole row (20 characters); ``occurrence`` tells exact copies apart, 1 for the first."""
    text = "\x1f".join("" if cell is None else str(cell).strip() for cell in cells)
    number = "r" + hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:19]
    return number if occurrence == 1 else f"{number}-{occurrence}"


class _Places:
    """Where a header stands in a file: as it is written or, where nobody writes it so, without case and punctuation."""

    def __init__(self, headers: Sequence[str]) -> None:
        self._exact: dict[str, int] = {}
        self._loose: dict[str, int] = {}
        for position, name in enumerate(unique_headers(headers)):
            self._exact[name] = position
            self._loose.setdefault(compact(name) or name, position)

    def __contains__(self, header: str) -> bool:
        return header in self._exact or (compact(header) or header) in self._loose

    def __getitem__(self, header: str) -> int:
        return self._exact[header] if header in self._exact else self._loose[compact(header) or header]


class RowNumbers:
    """Customer numbers for a file that has none, row after row; exact copies get numbers of their own.

    Kept in memory: eight bytes and a dictionary's slot for each row, 81 MB a million, measured.
    """

    def __init__(self, rule: str, *, without: Iterable[int] = ()) -> None:
        """``without``: positions of cells that are none of the row's own."""
        if rule not in (ROW_HASH, ROW_NUMBER):
            raise ValueError(f"rule is {ROW_HASH} or {ROW_NUMBER}, not {rule!r}")
        self._by_hash = rule == ROW_HASH
        self._without = frozenset(without)
        self._seen: Counter[int] = Counter()
        self._rows = 0

    def number(self, cells: Sequence[object]) -> str:
        self._rows += 1
        if not self._by_hash:
            return str(self._rows)
        if self._without:
            cells = [cell for position, cell in enumerate(cells) if position not in self._without]
        key = row_hash(cells)
        short = int(key[1:16], 16)
        self._seen[short] += 1
        copies = self._seen[short]
        return key if copies == 1 else f"{key}-{copies}"


@dataclass(frozen=True, slots=True)
class Mapping:
    """What was agreed about the columns of a file.

    targets        header -> a name of TARGETS, ATTRIBUTE or IGNORE; in the order of the file
    types          header -> "number", "category", "flag" or "date", for attributes
    id_rule        BY_COLUMN: the column with target external_id; ROW_HASH or ROW_NUMBER: made by ``RowNumbers``
    label_yes      values of the label column that mean the customer left; (ANY_VALUE,): whoever has a value
    label_no       values that mean stayed; empty: every other value does
    label_unknown  values that mean nobody knows yet
    """

    targets: dict[str, str]
    types: dict[str, str] = field(default_factory=dict)
    id_rule: str = BY_COLUMN
    label_yes: tuple[str, ...] = ()
    label_no: tuple[str, ...] = ()
    label_unknown: tuple[str, ...] = ()

    # ------------------------------------------------------------ questions

    def header_of(self, target: str) -> str | None:
        """The header that holds a standard field, or None."""
        return next((header for header, t in self.targets.items() if t == target), None)

    def positions(self, headers: Sequence[str]) -> dict[str, int]:
        """Position of each standard field in a file with these headers; fields whose header is absent are left out."""
        place = _Places(headers)
        named = (header for header, target in self.targets.items() if target not in (ATTRIBUTE, IGNORE))
        return {self.targets[header]: place[header] for header in named if header in place}

    def attributes(self, headers: Sequence[str]) -> list[tuple[int, str, str]]:
        """(position, name, type) of each column kept as an attribute, in the order of the file."""
        place = _Places(headers)
        kept = [
            (place[header], header, self.types.get(header, CATEGORY))
            for header, target in self.targets.items()
            if target == ATTRIBUTE and header in place
        ]
        return sorted(kept)

    def label_of(self, text: str) -> bool | None:
        """True: left, False: stayed, None: unknown. Raises Wrong("not_yes_or_no") for a value nobody spoke of."""
        blank = text.strip().casefold() in UNKNOWN_VALUES
        if self.label_yes == (ANY_VALUE,):
            return not blank
        key = label_key(text)
        yes, no, unknown = (
            {label_key(v) for v in values} for values in (self.label_yes, self.label_no, self.label_unknown)
        )
        if key in yes:
            return True
        if key in no:
            return False
        if blank or key in unknown:
            return None
        meaning = flag_of(text)
        if meaning is not None and {flag_of(v) for v in yes} in ({True}, {False}):
            return meaning is flag_of(next(iter(yes)))  # another spelling of the yes or no that was agreed
        if no:
            raise Wrong("not_yes_or_no")
        return False

    def problems(self, headers: Sequence[str], sample_rows: Iterable[Sequence[object]] | None = None) -> list[Problem]:
        """What stands in the way of importing a file with this mapping; an empty list where nothing does.

        With ``sample_rows`` the label's values are looked at as well (a warning is a problem whose code ends in
        ``_in_sample``: the sample may only have missed them).
        """
        found: list[Problem] = []
        place = _Places(headers)
        for target, count in Counter(self.targets.values()).items():
            if target in (ATTRIBUTE, IGNORE):
                continue
            if target not in TARGETS:
                found.append(Problem("unknown_target", {"target": target, "header": self.header_of(target)}))
            elif count > 1:
                rivals = [header for header, t in self.targets.items() if t == target]
                found.append(Problem("two_on_one_target", {"target": target, "headers": rivals}))
        for header, kind in self.types.items():
            if kind not in ATTRIBUTE_TYPES:
                found.append(Problem("unknown_type", {"header": header, "type": kind}))
        missing = [header for header in self.targets if header not in place]
        essential = [h for h in missing if self.targets[h] in (ID, LABEL, MONTH)]
        if essential:
            found.append(Problem("missing_column", {"headers": essential}))
        said = set(self.targets.values()) - {IGNORE}
        if not said or (MONTH in said and said <= {ID, MONTH}):
            found.append(Problem("no_columns"))
        if self.id_rule not in (BY_COLUMN, ROW_HASH, ROW_NUMBER):
            found.append(Problem("unknown_id_rule", {"rule": self.id_rule}))
        elif self.id_rule == BY_COLUMN and self.header_of(ID) is None:
            found.append(Problem("no_id"))
        elif self.id_rule != BY_COLUMN and self.header_of(ID) is not None:
            found.append(Problem("two_ids", {"header": self.header_of(ID), "rule": self.id_rule}))
        if self.header_of(MONTH) is not None and self.id_rule != BY_COLUMN:
            found.append(Problem("months_without_id", {"header": self.header_of(MONTH)}))
        return found + self._label_problems(headers, sample_rows)

    def _label_problems(self, headers: Sequence[str], rows: Iterable[Sequence[object]] | None) -> list[Problem]:
        label = self.header_of(LABEL)
        if label is None:
            return [Problem("label_yes_without_column", {"values": list(self.label_yes)})] if self.label_yes else []
        if not self.label_yes:
            return [Problem("label_yes_missing", {"header": label})]
        both = {label_key(v) for v in self.label_yes} & {label_key(v) for v in (*self.label_no, *self.label_unknown)}
        if both:
            return [Problem("label_value_twice", {"header": label, "values": sorted(both)})]
        place = _Places(headers)
        if rows is None or label not in place:
            return []
        column = sample_columns(headers, rows)[place[label]]
        if not column.known:
            return [] if self.label_yes == (ANY_VALUE,) else [Problem("label_empty_in_sample", {"header": label})]
        meanings = set()
        for value in column.counts:
            try:
                meanings.add(self.label_of(value))
            except Wrong:
                meanings.add("unclear")
        facts = {"header": label, "values": list(column.examples)}
        if True not in meanings:
            return [Problem("label_yes_absent_in_sample", {**facts, "yes": list(self.label_yes)})]
        if False not in meanings and self.label_yes != (ANY_VALUE,):
            return [Problem("label_one_class_in_sample", facts)]
        return [Problem("label_value_unclear_in_sample", facts)] if "unclear" in meanings else []

    # ------------------------------------------------------------ changes: each gives a new mapping

    def with_target(self, header: str, target: str, kind: str = "") -> Mapping:
        """Another target for a column; the column that held it becomes an attribute. Raises MappingRefused."""
        header = self._known(header)
        if target not in (*TARGETS, ATTRIBUTE, IGNORE):
            raise MappingRefused("unknown_target", target=target, header=header)
        if kind and kind not in ATTRIBUTE_TYPES:
            raise MappingRefused("unknown_type", header=header, type=kind)
        targets, types = dict(self.targets), dict(self.types)
        if target not in (ATTRIBUTE, IGNORE):
            for other in [h for h, t in targets.items() if t == target]:
                targets[other] = ATTRIBUTE
                types.setdefault(other, CATEGORY)
        targets[header] = target
        types.pop(header, None)
        if target == ATTRIBUTE:
            types[header] = kind or self.types.get(header, CATEGORY)
        by_column = ID in targets.values()
        rule = BY_COLUMN if by_column else self.id_rule if self.id_rule != BY_COLUMN else ROW_HASH
        changed = replace(self, targets=targets, types=types, id_rule=rule)
        return changed if LABEL in targets.values() else replace(changed, label_yes=(), label_no=(), label_unknown=())

    def with_id(self, column: str) -> Mapping:
        """Customer numbers from a column, or ROW_HASH or ROW_NUMBER. Raises MappingRefused("unknown_column")."""
        if column not in (ROW_HASH, ROW_NUMBER):
            return self.with_target(column, ID)
        held = self.header_of(ID)
        changed = self.with_target(held, ATTRIBUTE) if held else self
        return replace(changed, id_rule=column)

    def with_label(
        self, column: str, yes: Sequence[str] = (), no: Sequence[str] = (), unknown: Sequence[str] = ()
    ) -> Mapping:
        """The column that says who left, and its values; without ``yes`` nothing is said yet, and ``problems`` tells so."""
        changed = self.with_target(column, LABEL)
        same = self.header_of(LABEL) == changed.header_of(LABEL)
        if not yes and same and self.label_yes:
            return changed
        return replace(changed, label_yes=tuple(yes), label_no=tuple(no), label_unknown=tuple(unknown))

    def without_label(self) -> Mapping:
        """Nobody is said to have left or stayed; the label's column is left out."""
        held = self.header_of(LABEL)
        return self.with_target(held, IGNORE) if held else self

    def _known(self, header: str) -> str:
        if header in self.targets:
            return header
        for name in self.targets:
            if compact(name) and compact(name) == compact(header):
                return name
        raise MappingRefused("unknown_column", header=header, headers=list(self.targets))

    # ------------------------------------------------------------ JSON

    def to_json(self) -> dict[str, object]:
        """A dictionary of JSON values that ``from_json`` reads back to an equal mapping."""
        columns: dict[str, object] = {}
        for header, target in self.targets.items():
            columns[header] = {"target": target}
            if header in self.types:
                columns[header] = {"target": target, "type": self.types[header]}
        label = {"yes": list(self.label_yes), "no": list(self.label_no), "unknown": list(self.label_unknown)}
        return {"version": VERSION, "columns": columns, "id": self.id_rule, "label": label}

    @classmethod
    def from_json(cls, data: object) -> Mapping:
        """Read what ``to_json`` wrote, or by hand ``{"columns": {"Nr": "external_id", "Zone": "attribute"}, ...}``.

        Only shapes are checked here; ``problems`` says whether it can be used. Raises MappingRefused: not_a_mapping,
        unknown_version, bad_column, bad_label.
        """
        if not isinstance(data, dict) or not isinstance(data.get("columns"), dict) or not data["columns"]:
            raise MappingRefused("not_a_mapping")
        if data.get("version", VERSION) != VERSION:
            raise MappingRefused("unknown_version", version=str(data["version"])[:20])
        targets: dict[str, str] = {}
        types: dict[str, str] = {}
        for header, entry in data["columns"].items():
            entry = {"target": entry} if isinstance(entry, str) else entry
            target = entry.get("target") if isinstance(entry, dict) else None
            kind = entry.get("type", "") if isinstance(entry, dict) else None
            if not isinstance(target, str) or not isinstance(kind, str):
                raise MappingRefused("bad_column", header=str(header)[:120])
            targets[str(header)] = target
            if kind:
                types[str(header)] = kind
        rule = data.get("id", BY_COLUMN if ID in targets.values() else ROW_HASH)
        label = data.get("label") or {}
        if not isinstance(rule, str) or not isinstance(label, dict):
            raise MappingRefused("bad_label")
        values = {}
        for key in ("yes", "no", "unknown"):
            given = label.get(key, [])
            given = [given] if isinstance(given, str | int | bool | float) else given
            if not isinstance(given, list) or not all(isinstance(v, str | int | bool | float) for v in given):
                raise MappingRefused("bad_label", key=key)
            values[f"label_{key}"] = tuple(str(v) for v in given)
        return cls(targets=targets, types=types, id_rule=rule, **values)


def typed(mapping: Mapping, headers: Sequence[str], rows: Iterable[Sequence[object]]) -> Mapping:
    """The mapping with the type of every attribute that has none, judged on a sample."""
    places = _Places(headers)
    columns = sample_columns(headers, rows)
    types = dict(mapping.types)
    for header, target in mapping.targets.items():
        if target == ATTRIBUTE and header not in types and header in places:
            types[header] = attribute_type(columns[places[header]])
    return replace(mapping, types=types)
