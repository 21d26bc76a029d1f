"""Customers as frames of bounded size, in the order of their keys."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd
from django.db.models import Max, Min, QuerySet
from django.utils import timezone

from core import bulk

from ..ingest.celltypes import DATE
from ..ingest.schema import COLUMNS, Kind, Table
from ..models import Customer, CustomerBase
from . import trends
from .attributes import Attribute, column_names, columns, known_attributes

# What the models may learn from. Not the name, the address, the persona (our own output) or the language.
_NOT_FEATURES = {"external_id", "first_name", "last_name", "email", "phone", "language", "city", "churn_label"}
FEATURES: dict[str, Kind] = {c.name: c.kind for c in COLUMNS if c.name not in _NOT_FEATURES}
_PATHS = {c.name: f"subscription__{c.name}" if c.table is Table.SUBSCRIPTION else c.name for c in COLUMNS}
MAX_ATTRIBUTES = 200  # offered to models, the fullest first: two hundred thousand rows of them are 320 MB
_SAMPLE_BLOCKS, _SAMPLE_ROWS = 30, 60_000


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What to read beside the standard fields: other fields with the names of their columns, and months of use."""

    attributes: tuple[Attribute, ...]
    names: dict[str, str]
    as_of: date
    months: trends.Months | None


def feature_frames(
    *, labelled_only: bool = False, block: int = 100_000, only: Collection[str] | None = None
) -> Iterator[pd.DataFrame]:
    """Customers as frames of at most ``block`` rows, in the order of their keys.

    Columns: ``id`` (int64), ``label`` (1.0 left, 0.0 stayed, NaN unknown), then every standard feature: numbers as
    float64, yes/no and labels as text with None for unknown. Other fields follow by their headers, likewise typed (a date
    as days before the last import), and what is known of use (frames.trends). ``only``: columns that are needed; other
    fields and months of use that are not cost nothing.
    """
    wanted = _look(only)
    rows = _customers(labelled_only)
    after = 0
    while True:
        frame = _read(rows.filter(pk__gt=after)[:block], wanted)
        if frame.empty:
            return
        after = int(frame["id"].iloc[-1])
        yield frame
        if len(frame) < block:
            return


def labelled_sample() -> pd.DataFrame:
    """Some sixty thousand customers whose label is known, in blocks spread over the base; everybody where there are fewer."""
    rows = _customers(labelled_only=True)
    reach = Customer.objects.aggregate(first=Min("pk"), last=Max("pk"))
    if reach["first"] is None:
        return _read(rows.filter(pk__lt=0), _look(None))
    each, after, frames, wanted = _SAMPLE_ROWS // _SAMPLE_BLOCKS, 0, [], _look(None)
    for start in np.linspace(reach["first"], reach["last"], _SAMPLE_BLOCKS, dtype="int64").tolist():
        frame = _read(rows.filter(pk__gte=max(start, after + 1))[:each], wanted)
        if not frame.empty:
            after = int(frame["id"].iloc[-1])
            frames.append(frame)
        if len(frame) < each:
            break  # that was everybody
    return pd.concat(frames, ignore_index=True) if frames else _read(rows.filter(pk__lt=0), wanted)


def passed_over_columns() -> list[str]:
    """Other fields beyond the MAX_ATTRIBUTES fullest: kept and filtered by, and not offered to models."""
    known = known_attributes()
    names = column_names(known, list(FEATURES))
    return [names[a.name] for a in _fullest_first(known)[MAX_ATTRIBUTES:]]


def _fullest_first(known: Collection[Attribute]) -> list[Attribute]:
    return sorted(known, key=lambda a: (-a.filled, a.name))


def date_columns() -> frozenset[str]:
    """Columns that count days before the last import."""
    known = known_attributes()
    names = column_names(known, list(FEATURES))
    return frozenset(names[a.name] for a in known if a.kind == DATE)


def _customers(labelled_only: bool) -> QuerySet[Customer]:
    rows = Customer.objects.order_by("pk")
    return rows.exclude(churn_label=None) if labelled_only else rows


def _look(only: Collection[str] | None) -> _Wanted:
    known = known_attributes()
    names = column_names(known, list(FEATURES))
    if only is None:
        fullest = {a.name for a in _fullest_first(known)[:MAX_ATTRIBUTES]}
        chosen = tuple(a for a in known if a.name in fullest)
    else:
        chosen = tuple(a for a in known if names[a.name] in only)
    needs_months = only is None or not set(only).isdisjoint(trends.TREND_COLUMNS)
    return _Wanted(chosen, names, _as_of(), trends.known_months() if needs_months else None)


def _as_of() -> date:
    """The day of which the data speaks: dates are counted from it, so that the same data gives the same frame."""
    row = CustomerBase.objects.first()
    return timezone.localdate(row.computed_at) if row else timezone.localdate()


def _read(rows: QuerySet[Customer], wanted: _Wanted) -> pd.DataFrame:
    beside = ("attributes",) if wanted.attributes else ()
    frame = bulk.read_frame(rows.values_list("id", "churn_label", *(_PATHS[n] for n in FEATURES), *beside))
    frame.columns = ["id", "label", *FEATURES, *beside]
    texts = frame.pop("attributes").tolist() if beside else []
    frame = _typed(frame)
    if wanted.attributes:
        cells = columns(texts, wanted.attributes, wanted.as_of)
        others = {wanted.names[name]: column for name, column in cells.items()}
        frame = pd.concat([frame, pd.DataFrame(others, index=frame.index)], axis=1)
    if wanted.months is not None and len(frame):
        first, last = int(frame["id"].iloc[0]), int(frame["id"].iloc[-1])
        frame = frame.merge(trends.trend_frame(first, last, wanted.months), on="id", how="left")
    return frame


def _typed(frame: pd.DataFrame) -> pd.DataFrame:
    frame["id"] = frame["id"].astype("int64")
    frame["label"] = _as_flag(frame["label"]).map({True: 1.0, False: 0.0}).astype("float64")
    for name, kind in FEATURES.items():
        if kind in (Kind.INTEGER, Kind.MONEY, Kind.NUMBER):
            frame[name] = pd.to_numeric(frame[name], errors="coerce").astype("float64")
        elif kind is Kind.FLAG:
            frame[name] = _as_flag(frame[name]).map({True: "Yes", False: "No"}).astype(object)
        else:
            frame[name] = frame[name].astype(object).where(frame[name].notna() & (frame[name] != ""), None)
    return frame


def _as_flag(column: pd.Series) -> pd.Series:
    """True, False or missing, from what either engine sends: booleans, 0/1, or "t"/"f"."""
    # 1 and True are one key.
    return column.map({True: True, False: False, "t": True, "f": False, "true": True, "false": False})
