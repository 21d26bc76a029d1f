"""Customers and months of use that a program sends row by row: the cleaning, the merge and the trace of an import, at once.

A push that changes something is an import of its kind: it stands in the list of imports, in the history of each customer
that it touched, and can be taken back. What was sent is not kept as a file, so it has no profile of quality.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from core.errors import Refused
from core.models import JobState
from tenants import services as tenants
from tenants.models import User

from .. import merge, selectors
from ..ingest import mapping as columns
from ..ingest.celltypes import attribute_type, sample_columns
from ..ingest.cleaning import Refusal
from ..ingest.mapping import ATTRIBUTE, ID, MONTH
from ..ingest.rows import MEASURES, Cleaned, RowCleaner
from ..ingest.schema import BY_NAME, header_index, normalise_header
from ..models import Customer, CustomerBase, FormerNumber, Import, ImportStep
from ..signals import customers_pushed
from .bases import refresh_customer_base
from .tallies import base_follows, count_in

MOST_ROWS = 1_000
OTHER_FIELDS = "attributes"  # the object of a row that holds fields of the company's own
_LONGEST_NAME = 255
_ATTEMPTS = 3
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")  # no database takes these
_NAMES = header_index()
_USAGE_NAMES = {name: name for name in (MONTH, *MEASURES)} | {
    normalise_header(alias).replace(" ", ""): ID for alias in ("external_id", "customerID", "customer")
}
_COUNTS = ("created", "updated", "unchanged")


@dataclass(slots=True)
class Pushed:
    """What became of a push. ``refusals``: by the row's place in what was sent, from 0. ``run``: None where nothing changed."""

    read: int = 0
    created: int = 0
    updated: int = 0
    unchanged: int = 0
    refusals: list[Refusal] = field(default_factory=list)
    run: Import | None = None


@dataclass(slots=True)
class _Sheet:
    """Rows of a push laid out as a table: what a file of them would hold. ``kinds``: of the other fields among the names."""

    names: list[str] = field(default_factory=list)
    kinds: dict[str, str] = field(default_factory=dict)
    lines: list[tuple[int, list[str]]] = field(default_factory=list)
    refused: list[Refusal] = field(default_factory=list)


def push_customers(
    *, rows: Sequence[Mapping[str, object]], actor: User, empty_clears: bool = False, dry: bool = False
) -> Pushed:
    """Bring customers up to date, and create those whom nobody knows: at most MOST_ROWS, each an object of fields by the
    names (or the headers) that an import understands, other fields in an object ``attributes``.

    An empty value says nothing and leaves the old one, unless ``empty_clears``; then all rows name the same fields.
    ``dry`` only counts. Raises Refused: ``too_many_rows``, ``too_many_columns``, ``ragged_rows``.
    """
    sheet = _lay_out(rows, _NAMES, takes_attributes=True, empty_clears=empty_clears)

    def write(cleaner: RowCleaner, cleaned: Cleaned, run: Import | None) -> merge.Merged:
        numbers = [row[1] for row in cleaned.customers]
        with base_follows(_held(numbers)):
            counts = merge.merge_customers(
                cleaner.columns, cleaned.customers, import_id=run.pk, empty_clears=empty_clears
            )
        if counts.created:
            count_in(
                list(
                    Customer.objects.filter(created_by_import=run.pk, external_id__in=numbers).values_list(
                        "pk", flat=True
                    )
                )
            )
        return counts

    def count(cleaner: RowCleaner, cleaned: Cleaned, run: Import | None) -> merge.Merged:
        return merge.merge_customers(cleaner.columns, cleaned.customers, empty_clears=empty_clears, write=False)

    pushed = _push(sheet, len(rows), actor, count if dry else write, dry=dry, empty_clears=empty_clears)
    if pushed.run is not None:
        _follow_base(sheet)
    return pushed


def push_usage(
    *, rows: Sequence[Mapping[str, object]], actor: User, empty_clears: bool = False, dry: bool = False
) -> Pushed:
    """Write months of use of known customers: objects with ``customer``, ``month`` and measures. Otherwise as push_customers;
    the counts are of months."""
    sheet = _lay_out(rows, _USAGE_NAMES, takes_attributes=False, empty_clears=empty_clears)
    measures = [name for name in sheet.names if name in MEASURES]

    def merge_months(cleaner: RowCleaner, cleaned: Cleaned, run: Import | None) -> merge.Merged:
        if run is not None:
            _held([number for _line, number, *_values in cleaned.months])
        counts = merge.merge_months(
            cleaner.measures,
            cleaned.months,
            import_id=run.pk if run else None,
            empty_clears=empty_clears,
            write=run is not None,
        )
        for line, number, *_values in cleaned.months:
            if line in counts.strangers:
                cleaned.refused.append((Refusal(line, ID, number, "unknown_customer"), (), ""))
        return counts

    if not measures and sheet.lines:
        raise Refused("no_measures", _("Name at least one measure of use beside the customer and the month."))
    return _push(sheet, len(rows), actor, merge_months, dry=dry, empty_clears=empty_clears)


def _held(numbers: Sequence[str]) -> list[int]:
    """Keys of the customers that there are, locked in one order: two pushes of the same customers would wait for each other
    row by row, and what the one counts as "before" would change under its hands. Inside a transaction."""
    rows = Customer.objects.select_for_update(no_key=True).filter(external_id__in=numbers).order_by("pk")
    return list(rows.values_list("pk", flat=True))


# ---------------------------------------------------------------- rows as a table


def _lay_out(
    rows: Sequence[Mapping[str, object]], names: Mapping[str, str], *, takes_attributes: bool, empty_clears: bool
) -> _Sheet:
    if len(rows) > MOST_ROWS:
        raise Refused(
            "too_many_rows",
            _("At most %(most)s rows in one request: send several, or bring in a file.") % {"most": MOST_ROWS},
            most=MOST_ROWS,
        )
    sheet = _Sheet()
    read: list[tuple[int, dict[str, str]]] = []
    others: set[str] = set()
    for line, row in enumerate(rows):
        try:
            cells, attributes = _read(row, names, takes_attributes=takes_attributes)
        except _RowRefused as refused:
            sheet.refused.append(Refusal(line, *refused.args))
            continue
        read.append((line, cells | {f"{OTHER_FIELDS}.{name}": text for name, text in attributes.items()}))
        others.update(attributes)
    present = dict.fromkeys(name for _line, cells in read for name in cells)
    if len(present) > settings.IMPORT_MAX_COLUMNS:
        raise Refused(
            "too_many_columns",
            _("The rows name more than %(most)s fields.") % {"most": settings.IMPORT_MAX_COLUMNS},
            most=settings.IMPORT_MAX_COLUMNS,
        )
    if empty_clears and len({frozenset(cells) for _line, cells in read}) > 1:
        raise Refused(
            "ragged_rows",
            _("Where empty means empty, every row names the same fields: one that is left out would be emptied."),
        )
    sheet.names = [ID, *(name for name in present if name != ID)]
    sheet.lines = [(line, [cells.get(name, "") for name in sheet.names]) for line, cells in read]
    sheet.kinds = _kinds(sheet, others)
    return sheet


class _RowRefused(ValueError):
    """(field, value, code of the reason)."""


def _read(
    row: Mapping[str, object], names: Mapping[str, str], *, takes_attributes: bool
) -> tuple[dict[str, str], dict[str, str]]:
    """One row as cells of a file: by our names, and the other fields by theirs."""
    cells: dict[str, str] = {}
    attributes: dict[str, str] = {}
    for key, value in row.items():
        if takes_attributes and key == OTHER_FIELDS:
            attributes = _read_attributes(value)
            continue
        name = names.get(normalise_header(key).replace(" ", "")) or names.get(key)
        if name is None:
            raise _RowRefused(_shown(key), "", "unknown_field")
        if name in cells:
            raise _RowRefused(_shown(key), "", "named_twice")
        cells[name] = _cell(key, value)
    return cells, attributes


def _read_attributes(given: object) -> dict[str, str]:
    if given is None:
        return {}
    if not isinstance(given, dict):
        raise _RowRefused(OTHER_FIELDS, "", "not_an_object")
    for name in given:
        if not name.strip() or len(name) > _LONGEST_NAME or _UNSTORABLE.search(name):
            raise _RowRefused(OTHER_FIELDS, _shown(name), "bad_name")
        if name in BY_NAME or name in _USAGE_NAMES:  # in the trace it would stand for the standard one
            raise _RowRefused(OTHER_FIELDS, name, "standard_field")
    return {name: _cell(f"{OTHER_FIELDS}.{name}", value) for name, value in given.items()}


def _cell(name: str, value: object) -> str:
    """The cell that a file would hold for this value."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "Yes" if value else "No"
    if isinstance(value, int | float):
        if not abs(value) < 1e300:  # also NaN, which a program's JSON may hold
            raise _RowRefused(_shown(name), str(value)[:20], "not_a_number")
        return repr(value)
    if not isinstance(value, str):
        raise _RowRefused(_shown(name), "", "not_a_value")
    if _UNSTORABLE.search(value):
        raise _RowRefused(_shown(name), _shown(value), "not_text")
    return value


def _shown(text: str) -> str:
    """A stranger's text as it can be told back, and kept."""
    return _UNSTORABLE.sub("\N{REPLACEMENT CHARACTER}", text)[:120]


def _kinds(sheet: _Sheet, others: set[str]) -> dict[str, str]:
    """Type of each other field: as the company keeps it, else as these rows look."""
    if not others:
        return {}
    known = {attribute.name: attribute.kind for attribute in selectors.known_attributes()}
    kinds = {}
    for sample in sample_columns(sheet.names, [cells for _line, cells in sheet.lines]):
        name = _own_name(sample.header)
        if name is not None:
            kinds[name] = known.get(name) or attribute_type(sample)
    return kinds


def _own_name(header: str) -> str | None:
    """The name of an other field; None for a standard one."""
    return header.removeprefix(f"{OTHER_FIELDS}.") if header.startswith(f"{OTHER_FIELDS}.") else None


# ---------------------------------------------------------------- written


def _push(sheet: _Sheet, rows: int, actor: User, write, *, dry: bool, empty_clears: bool) -> Pushed:
    """Clean, merge and leave the trace, in one transaction; anew where another writer created the same customer meanwhile."""
    for attempt in range(1, _ATTEMPTS + 1):
        try:
            with transaction.atomic():
                pushed = _attempt(sheet, rows, actor, write, dry=dry, empty_clears=empty_clears)
            break
        except IntegrityError:
            if attempt == _ATTEMPTS:
                raise
    if pushed.run is not None:
        customers_pushed.send(sender=Import, import_id=pushed.run.pk)
    return pushed


def _attempt(sheet: _Sheet, rows: int, actor: User, write, *, dry: bool, empty_clears: bool) -> Pushed:
    pushed = Pushed(read=rows)
    cleaner = _cleaner(sheet)
    cleaned = cleaner.clean(sheet.lines)
    with _recorded(sheet, rows, actor, pushed, dry=dry, empty_clears=empty_clears) as run:
        counts = write(cleaner, cleaned, run) if cleaned.customers or cleaned.months else merge.Merged()
        for name in _COUNTS:
            setattr(pushed, name, getattr(counts, name))
        pushed.refusals = sorted([*sheet.refused, *cleaned.refusals], key=lambda refusal: refusal.line)
    return pushed


def _cleaner(sheet: _Sheet) -> RowCleaner:
    places = {name: at for at, name in enumerate(sheet.names)}
    number_at = places[ID]
    numbers = {cells[number_at].strip() for _line, cells in sheet.lines}
    former = FormerNumber.objects.filter(external_id__in=numbers)
    return RowCleaner(
        {name: at for name, at in places.items() if _own_name(name) is None},
        headers=sheet.names,
        attributes=[(places[f"{OTHER_FIELDS}.{name}"], name, kind) for name, kind in sheet.kinds.items()],
        former=dict(former.values_list("external_id", "customer__external_id")),
        max_cell=settings.IMPORT_MAX_CELL,
    )


@contextmanager
def _recorded(
    sheet: _Sheet, rows: int, actor: User, pushed: Pushed, *, dry: bool, empty_clears: bool
) -> Iterator[Import | None]:
    """The import that a push is; removed again where it changed nothing, so that sending the same twice leaves one trace."""
    if dry:
        yield None
        return
    now = timezone.now()
    run = Import.objects.create(
        filename=_("Rows of a program"),
        kind=selectors.PUSHED,
        state=JobState.SUCCEEDED,
        step=ImportStep.WRITE,
        requested_by=actor,
        without_label=True,
        empty_clears=empty_clears,
        headers=sheet.names,
        mapping=_mapping(sheet),
        shape_key=hashlib.blake2b("\x1f".join(sorted(sheet.kinds)).encode(), digest_size=16).hexdigest(),
        started_at=now,
        published_at=now,
    )
    yield run
    if not (pushed.created or pushed.updated):
        run.delete()
        return
    run.total_rows = run.rows_read = rows
    run.rows_refused = len(pushed.refusals)
    run.refusals = [refusal.as_dict() for refusal in pushed.refusals[:200]]
    run.rows_created, run.rows_updated, run.rows_unchanged = pushed.created, pushed.updated, pushed.unchanged
    if MONTH in sheet.names:
        run.months_written = pushed.created + pushed.updated
    run.finished_at = timezone.now()
    run.save()
    tenants.record(
        "customers_pushed",
        run,
        actor=actor,
        read=rows,
        created=pushed.created,
        updated=pushed.updated,
        refused=len(pushed.refusals),
    )
    pushed.run = run


def _mapping(sheet: _Sheet) -> dict[str, object]:
    """What the fields are, as an import says it: taking back asks it which columns were touched."""
    targets = {name: name for name in sheet.names if _own_name(name) is None}
    targets |= dict.fromkeys(sheet.kinds, ATTRIBUTE)
    return columns.Mapping(targets=targets, types=dict(sheet.kinds), id_rule=columns.BY_COLUMN).to_json()


def _follow_base(sheet: _Sheet) -> None:
    """Count the base where nobody ever did, or where it has other fields that it had not: rare, so done at once."""
    base = CustomerBase.objects.first()
    known = {one["name"] for one in base.facts.get("attributes", [])} if base else set()
    if base is None or set(sheet.kinds) - known:
        refresh_customer_base()
