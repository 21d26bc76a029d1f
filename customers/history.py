"""What happened to one customer, newest first: who changed which field from what to what, and why."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal

from django.core.exceptions import ValidationError
from django.db import models
from django.utils.formats import date_format, number_format
from django.utils.text import capfirst
from django.utils.translation import gettext as _

from .models import Customer, CustomerChange, Import, Subscription, UsageRecord

_MODELS: dict[str, type[models.Model]] = {"customer": Customer, "subscription": Subscription, "usage": UsageRecord}
_UNKNOWN = object()
# Labels that we keep in English, and show in the reader's language where the catalogue has them.
_LABELS = {
    *("Yes", "No", "Male", "Female", "Month-to-month", "One year", "Two year", "Fiber optic", "No internet service"),
    *("No phone service", "Electronic check", "Mailed check", "Bank transfer (automatic)", "Credit card (automatic)"),
}


@dataclass(frozen=True, slots=True)
class FieldChange:
    """One field, before and after, in words."""

    label: str
    before: str
    after: str


@dataclass(slots=True)
class Entry:
    """One change of a customer. ``title`` says who did what; ``number`` is set where it happened before a merge."""

    at: datetime
    kind: str
    title: str
    reason: str = ""
    number: str = ""
    month: str = ""
    changes: list[FieldChange] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class History:
    entries: list[Entry]
    has_more: bool


def customer_history(customer: Customer, limit: int = 50) -> History:
    """The newest ``limit`` changes of a customer of the company in scope, and where the customer came from.

    A change keeps what it found; what it left is what the next one found, or what stands there now.
    """
    rows = list(
        CustomerChange.objects.filter(customer=customer)
        .select_related("actor", "brought_by")
        .defer("brought_by__proposal", "brought_by__preview", "brought_by__refusals", "brought_by__mapping")
        .order_by("-pk")[: limit + 1]
    )
    has_more = len(rows) > limit
    later = _Later(customer, rows)
    entries = [entry for row in rows[:limit] if (entry := _entry(row, later)) is not None]
    if not has_more:
        entries.append(_beginning(customer))
    return History(entries, has_more)


class _Later:
    """What each field held after the change that is looked at, walking from the newest to the oldest."""

    def __init__(self, customer: Customer, rows: list[CustomerChange]) -> None:
        self._held: dict[tuple, object] = {}
        self._customer = customer
        self._plan = Subscription.objects.filter(customer=customer).first()
        months = {row.month for row in rows if row.month}
        found = UsageRecord.objects.filter(customer=customer, month__in=months) if months else ()
        self._months = {record.month: record for record in found}

    def value(self, number: str, table: str, month: date | None, name: str) -> object:
        key = (number, table, month, name)
        if key in self._held:
            return self._held[key]
        if table == "usage":
            return getattr(self._months.get(month), name, None)
        if number:
            return _UNKNOWN  # of a customer who is no more, the merge knows what there was at the end
        return getattr(self._customer if table == "customer" else self._plan, name, None)

    def found(self, number: str, table: str, month: date | None, values: Mapping[str, object]) -> None:
        for name, value in values.items():
            self._held[number, table, month, name] = value

    def end_of(self, gone: Mapping) -> None:
        """Remember what stood with a customer when they were merged away."""
        number = gone["external_id"]
        for table in ("customer", "subscription"):
            self.found(number, table, None, _typed(table, gone.get(table) or {}))
        for month, values in gone.get("usage", {}).items():
            self.found(number, "usage", date.fromisoformat(month), _typed("usage", values))


def _entry(row: CustomerChange, later: _Later) -> Entry | None:
    """The row in words; None for an import's image of a row that ended as it was."""
    number = row.before.get("former_number", "")
    gone = row.before.get("gone")
    entry = Entry(at=row.at, kind=row.kind, title=_title(row, gone), reason=row.reason, number=number)
    if row.month:
        entry.month = date_format(row.month, "YEAR_MONTH_FORMAT")
    for table in _MODELS:
        if table in row.before:
            entry.changes += _compare(row, table, number, later)
    if gone:
        later.end_of(gone)
    return entry if entry.changes or row.kind != CustomerChange.Kind.IMPORT else None


def _compare(row: CustomerChange, table: str, number: str, later: _Later) -> Iterator[FieldChange]:
    held = row.before[table]
    if held is None:  # there was no such row
        names = [f.name for f in _MODELS[table]._meta.concrete_fields if f.editable and f.name not in _FRAME]
        before = dict.fromkeys(names)
    else:
        before = _typed(table, held)
    if row.before.get("removed"):
        later.found(number, table, row.month, dict.fromkeys(before))
    for name, old in before.items():
        new = later.value(number, table, row.month, name)
        if new is not _UNKNOWN and not _same(old, new):
            yield from _words(table, name, old, new)
    later.found(number, table, row.month, before)


_FRAME = {"id", "customer", "tenant", "month"}


def _same(old: object, new: object) -> bool:
    return old == new or (old in (None, "") and new in (None, ""))


def _words(table: str, name: str, old: object, new: object) -> Iterator[FieldChange]:
    if isinstance(old, dict) or isinstance(new, dict):
        ours, theirs = old or {}, new or {}
        for key in sorted(ours.keys() | theirs.keys()):
            if ours.get(key) != theirs.get(key):
                yield FieldChange(key, in_words(ours.get(key)), in_words(theirs.get(key)))
        return
    label = capfirst(str(_MODELS[table]._meta.get_field(name).verbose_name))
    yield FieldChange(label, in_words(old), in_words(new))


def _typed(table: str, values: Mapping[str, object]) -> dict[str, object]:
    """Stored JSON as the fields hold it: the engines write yes and no, and decimals, in ways of their own."""
    fields = {f.name: f for f in _MODELS[table]._meta.concrete_fields}
    typed = {}
    for name, value in values.items():
        if name not in fields:
            continue
        try:
            typed[name] = fields[name].to_python(value)
        except ValidationError:
            typed[name] = value
    return typed


def in_words(value: object) -> str:
    """A field's value for people."""
    if value is None or value == "":
        return "–"
    if isinstance(value, bool):
        value = "Yes" if value else "No"
    if isinstance(value, str):
        return _(value) if value in _LABELS else value
    if isinstance(value, date):
        return date_format(value, "DATE_FORMAT")
    if isinstance(value, Decimal | float):
        plain = Decimal(str(value)).normalize()
        return number_format(plain, max(0, -plain.as_tuple().exponent))
    return str(value)


def _title(row: CustomerChange, gone: Mapping | None) -> str:
    who = str(row.actor) if row.actor else _("Somebody")
    if row.kind == CustomerChange.Kind.IMPORT:
        return _import_title(row.brought_by)
    if row.kind == CustomerChange.Kind.MERGE:
        number = (gone or {}).get("external_id", "")
        return _("%(who)s merged customer %(number)s into this one") % {"who": who, "number": number}
    if row.month is None:
        return _("%(who)s corrected the customer") % {"who": who}
    if row.before.get("removed"):
        return _("%(who)s removed a month of use") % {"who": who}
    if row.before.get("usage") is None:
        return _("%(who)s added a month of use") % {"who": who}
    return _("%(who)s corrected a month of use") % {"who": who}


def _import_title(run: Import | None) -> str:
    return _("Import of %(file)s") % {"file": run.filename} if run else _("An import")


def _beginning(customer: Customer) -> Entry:
    """Where the customer came from."""
    run = None
    if customer.created_by_import is not None:
        run = Import.objects.filter(pk=customer.created_by_import).only("filename").first()
    title = _("Created by the import of %(file)s") % {"file": run.filename} if run else _("Created")
    return Entry(at=customer.created_at, kind="created", title=title)
