"""A few numeric columns of everybody, by name, and nothing else: what segments are made of."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal

import numpy as np
import pandas as pd
from django.db.models import Case, F, FilteredRelation, IntegerField, Q, Value, When

from core import bulk

from ..ingest.celltypes import FLAG, NUMBER
from ..ingest.schema import COLUMNS, Kind, Table
from ..models import Customer, UsageRecord
from .attributes import Attribute, column_names, columns, known_attributes
from .blocks import FEATURES, data_day
from .trends import USAGE_FEATURES, known_months, months_before, numbers

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
    latest: date | None = None  # of use: the newest month


def numeric_columns() -> dict[str, NumericColumn]:
    """All numeric columns of the company in scope by name, ours first; use only where there are months of it."""
    found = {
        c.name: NumericColumn(c.name, "subscription" if c.table is Table.SUBSCRIPTION else "customer")
        for c in COLUMNS
        if c.kind in _NUMERIC and c.name in FEATURES
    }
    months = known_months()
    found |= {name: NumericColumn(name, "usage", latest=months.latest) for name in (months.measures if months else ())}
    found[SERVICES] = NumericColumn(SERVICES, "services")
    attributes = known_attributes()
    names = column_names(attributes, [*FEATURES, *USAGE_FEATURES, SERVICES])
    found |= {
        names[a.name]: NumericColumn(names[a.name], "attribute", a) for a in attributes if a.kind in (NUMBER, FLAG)
    }
    return found


def chosen_frames(
    wanted: Sequence[NumericColumn], *, after: int = 0, block: int = 250_000
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Everybody with a key over ``after``, in the order of keys: (key int64 [n], values float64 [n, len(wanted)]), NaN where
    nobody knows. ``wanted``: of ``numeric_columns``, which looks through all months of use, so ask it once.

    The newest month comes with the customers, in one question; the two before it by one each (an average by the database
    took three times as long on PostgreSQL).
    """
    measures = [c.name for c in wanted if c.source == "usage"]
    latest = next((c.latest for c in wanted if c.latest), None)
    months = _months(latest) if latest else []
    while True:
        keys, own, newest = _own_columns(after, block, wanted, measures, months)
        if not len(keys):
            return
        if measures:
            own |= _means(keys, measures, newest, months[1:])
        yield keys, np.column_stack([own[c.name] for c in wanted]) if wanted else np.empty((len(keys), 0))
        after = int(keys[-1])
        if len(keys) < block:
            return


def _own_columns(
    after: int, block: int, wanted: Sequence[NumericColumn], measures: Sequence[str], months: Sequence[date]
) -> tuple[np.ndarray, dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Keys, columns of the customers themselves, and use in the newest month, of the next block."""
    asked: dict[str, object] = {}
    beside: dict[str, object] = {}
    for n, column in enumerate(wanted):
        if column.source == "customer":
            asked[f"c{n}"] = F(column.name)
        elif column.source == "subscription":
            asked[f"c{n}"] = F(f"plan__{column.name}")
        elif column.source == "services":
            asked[f"c{n}"] = _services()
    # Every table is told where to begin: PostgreSQL would read it from the first row for each block.
    if any(c.source in ("subscription", "services") for c in wanted):
        beside["plan"] = FilteredRelation("subscription", condition=Q(subscription__customer_id__gt=after))
    if months:
        at_month = Q(usage__month=months[0], usage__customer_id__gt=after)
        beside["newest"] = FilteredRelation("usage", condition=at_month)
        asked |= {f"u{n}": F(f"newest__{name}") for n, name in enumerate(measures)}
    attributes = [c for c in wanted if c.source == "attribute"]
    texts = ("attributes",) if attributes else ()
    rows = Customer.objects.order_by("pk").filter(pk__gt=after)
    frame = bulk.read_frame(rows.annotate(**beside).annotate(**asked).values_list("id", *texts, *asked)[:block])
    keys = numbers(frame["id"]).astype("int64")
    found = {wanted[int(name[1:])].name: numbers(frame[name]) for name in asked if name.startswith("c")}
    newest = {name: numbers(frame[f"u{n}"]) for n, name in enumerate(measures)} if months else {}
    if attributes and len(frame):
        cells = columns(frame["attributes"].tolist(), [c.attribute for c in attributes], data_day())
        for column in attributes:
            own = cells[column.attribute.name]
            is_flag = column.attribute.kind == FLAG
            found[column.name] = pd.Series(own).map({"Yes": 1.0, "No": 0.0}).to_numpy("float64") if is_flag else own
    return keys, found, newest


def _months(latest: date) -> list[date]:
    """The months that are averaged, newest first: those of the last three in which anything is known."""
    found = [latest]
    for back in range(1, AVERAGED_MONTHS):
        month = months_before(latest, back)
        if UsageRecord.objects.filter(month=month).exists():
            found.append(month)
    return found


def _means(
    keys: np.ndarray, measures: Sequence[str], newest: dict[str, np.ndarray], earlier: Sequence[date]
) -> dict[str, np.ndarray]:
    """Mean of the known ones among the months, of each measure: float64 [n]."""
    total = {name: np.nan_to_num(newest[name]) for name in measures}
    count = {name: (~np.isnan(newest[name])).astype(np.int8) for name in measures}
    rows = UsageRecord.objects.filter(customer_id__gte=int(keys[0]), customer_id__lte=int(keys[-1])).order_by()
    for month in earlier:
        frame = bulk.read_frame(rows.filter(month=month).values_list("customer_id", *measures))
        theirs = numbers(frame["customer_id"]).astype("int64")
        at = np.minimum(np.searchsorted(keys, theirs), len(keys) - 1)
        is_asked = keys[at] == theirs
        for name in measures:
            values = numbers(frame[name])[is_asked]
            total[name][at[is_asked]] += np.nan_to_num(values)
            count[name][at[is_asked]] += ~np.isnan(values)
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
