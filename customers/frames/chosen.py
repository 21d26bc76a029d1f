"""A few numeric columns of everybody, by name, and nothing else: what segments are made of."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal

import numpy as np
import pandas as pd
from django.db.models import Case, F, FilteredRelation, IntegerField, Max, Min, Q, Value, When
from django.utils import timezone

from core import alongside, bulk

from ..ingest.celltypes import FLAG, NUMBER
from ..ingest.schema import COLUMNS, Kind, Table
from ..models import Customer, UsageRecord
from .attributes import Attribute, column_names, columns, known_attributes
from .blocks import FEATURES, data_day
from .trends import USAGE_FEATURES, months_before, numbers

SERVICES = "services"
AVERAGED_MONTHS = 3
_NUMERIC = (Kind.INTEGER, Kind.MONEY, Kind.NUMBER)
_FLAGS = ("phone_service",)
_OPTIONS = (
    "multiple_lines", "internet_service", "online_security", "online_backup", "device_protection", "tech_support",
    "streaming_tv", "streaming_movies",
)  # fmt: skip
_MEANS_NONE = ("", "No", "No internet service", "No phone service")


@dataclass(frozen=True, slots=True)
class NumericColumn:
    """A column that may be asked for. ``source``: use is the mean of the last known months; services are counted; a yes/no
    of the company's own is 1 or 0."""

    name: str
    source: Literal["customer", "subscription", "usage", "services", "attribute"]
    attribute: Attribute | None = None
    months: tuple[date, ...] = ()  # of use: those that are averaged, the newest first


def numeric_columns(among: Collection[str] | None = None) -> dict[str, NumericColumn]:
    """All numeric columns of the company in scope by name, ours first; use only where there are months of it. ``among``:
    only these are looked for, since to find that a measure is nowhere takes a look at every month."""
    found = {
        c.name: NumericColumn(c.name, "subscription" if c.table is Table.SUBSCRIPTION else "customer")
        for c in COLUMNS
        if c.kind in _NUMERIC and c.name in FEATURES
    }
    found |= _use(USAGE_FEATURES if among is None else [name for name in USAGE_FEATURES if name in among])
    found[SERVICES] = NumericColumn(SERVICES, "services")
    attributes = known_attributes()
    names = column_names(attributes, [*FEATURES, *USAGE_FEATURES, SERVICES])
    found |= {
        names[a.name]: NumericColumn(names[a.name], "attribute", a) for a in attributes if a.kind in (NUMBER, FLAG)
    }
    return found if among is None else {name: column for name, column in found.items() if name in among}


def _use(measures: Sequence[str]) -> dict[str, NumericColumn]:
    past = UsageRecord.objects.filter(month__lte=timezone.localdate())
    latest = past.aggregate(latest=Max("month"))["latest"] if measures else None
    if latest is None:
        return {}
    earlier = (months_before(latest, back) for back in range(1, AVERAGED_MONTHS))
    months = (latest, *(month for month in earlier if past.filter(month=month).exists()))
    known = [name for name in measures if past.exclude(**{name: None}).exists()]
    return {name: NumericColumn(name, "usage", months=months) for name in known}


def chosen_frames(
    wanted: Sequence[NumericColumn], *, after: int = 0, block: int = 250_000, halves: bool = False
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Everybody with a key over ``after``, in the order of keys: (key int64 [n], values float64 [n, len(wanted)]), NaN where
    nobody knows. ``wanted``: of ``numeric_columns``, which looks through all months of use, so ask it once.

    The customers are one question, each month of use is another: joined by the database they took a quarter longer, and
    averaged there three times as long. ``halves``: the second half is read beside the first and kept meanwhile, for who
    gathers everybody anyhow.
    """
    everybody = Customer.objects.filter(pk__gt=after)
    first = everybody.aggregate(key=Min("pk"))["key"] if halves else None
    if first is None:
        yield from _frames(wanted, after, None, block)
        return
    middle = (first + everybody.aggregate(key=Max("pk"))["key"]) // 2
    yield from alongside.both(_frames(wanted, after, middle, block), _frames(wanted, middle, None, block))


def _frames(
    wanted: Sequence[NumericColumn], after: int, until: int | None, block: int
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """As ``chosen_frames``, of the keys over ``after``, up to ``until`` where it is given."""
    measures = [c.name for c in wanted if c.source == "usage"]
    months = next((c.months for c in wanted if c.months), ())
    while True:
        keys, own = _own_columns(after, until, block, wanted)
        if not len(keys):
            return
        if measures:
            own |= _means(keys, measures, months)
        yield keys, np.column_stack([own[c.name] for c in wanted]) if wanted else np.empty((len(keys), 0))
        after = int(keys[-1])
        if len(keys) < block:
            return


def _own_columns(
    after: int, until: int | None, block: int, wanted: Sequence[NumericColumn]
) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Keys and columns of the customers themselves, of the next block."""
    asked: dict[str, object] = {}
    beside: dict[str, object] = {}
    for n, column in enumerate(wanted):
        if column.source == "customer":
            asked[f"c{n}"] = F(column.name)
        elif column.source == "subscription":
            asked[f"c{n}"] = F(f"plan__{column.name}")
        elif column.source == "services":
            asked[f"c{n}"] = _services()
    # The other table is told where to begin: PostgreSQL would read it from the first row for each block.
    if any(c.source in ("subscription", "services") for c in wanted):
        beside["plan"] = FilteredRelation("subscription", condition=Q(subscription__customer_id__gt=after))
    attributes = [c for c in wanted if c.source == "attribute"]
    rows = Customer.objects.order_by("pk").filter(pk__gt=after)
    rows = (rows if until is None else rows.filter(pk__lte=until)).annotate(**beside).annotate(**asked)
    if attributes:
        frame = bulk.read_frame(rows.values_list("id", "attributes", *asked)[:block])
        cells_of = {name: numbers(frame[name]) for name in ("id", *asked)}
    else:
        cells_of = bulk.read_numbers(rows.values_list("id", *asked)[:block])
    keys = cells_of["id"].astype("int64")
    found = {wanted[int(name[1:])].name: cells_of[name] for name in asked}
    if attributes and len(keys):
        cells = columns(frame["attributes"].tolist(), [c.attribute for c in attributes], data_day())
        for column in attributes:
            own = cells[column.attribute.name]
            is_flag = column.attribute.kind == FLAG
            found[column.name] = pd.Series(own).map({"Yes": 1.0, "No": 0.0}).to_numpy("float64") if is_flag else own
    return keys, found


def _means(keys: np.ndarray, measures: Sequence[str], months: Sequence[date]) -> dict[str, np.ndarray]:
    """Mean of the known ones among the months, of each measure: float64 [n]. keys int64 [n], ascending."""
    total = {name: np.zeros(len(keys)) for name in measures}
    count = {name: np.zeros(len(keys), dtype=np.int8) for name in measures}
    rows = UsageRecord.objects.filter(customer_id__gte=int(keys[0]), customer_id__lte=int(keys[-1])).order_by()
    for month in months:
        found = bulk.read_numbers(rows.filter(month=month).values_list("customer_id", *measures))
        theirs = found["customer_id"]
        at = np.minimum(np.searchsorted(keys, theirs), len(keys) - 1)
        is_asked = keys[at] == theirs
        at = at[is_asked]
        for name in measures:
            values = found[name][is_asked]
            total[name][at] += np.nan_to_num(values)
            count[name][at] += ~np.isnan(values)
    return {
        name: np.divide(total[name], count[name], out=np.full(len(keys), np.nan), where=count[name] > 0)
        for name in measures
    }


def _services() -> Case:
    """How many services a customer takes; unknown where there is no subscription."""
    count = Value(0)
    for name in _FLAGS:
        count = count + Case(When(**{f"plan__{name}": True}, then=1), default=0)
    for name in _OPTIONS:
        has_none = Q(**{f"plan__{name}__in": _MEANS_NONE})
        count = count + Case(When(has_none, then=0), default=1)
    return Case(When(plan=None, then=None), default=count, output_field=IntegerField())
