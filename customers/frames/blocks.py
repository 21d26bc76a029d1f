"""Customers as frames of bounded size, in the order of their keys."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from datetime import date

import numpy as np
import pandas as pd
from django.db.models import FilteredRelation, Max, Min, Q, QuerySet

from core import alongside, bulk

from ..ingest.celltypes import DATE
from ..ingest.churning import first_day
from ..ingest.schema import COLUMNS, Kind, Table
from ..ingest.timing import gone_now
from ..models import Customer
from . import contacts, trends
from .aftermath import before_labels
from .attributes import Attribute, column_names, columns, known_attributes
from .histories import History, adopted_history, data_day
from .moments import Moment, blank_later_days, people_of

# What the models may learn from. Not the name, the address, the persona (our own output) or the language.
_NOT_FEATURES = {"external_id", "first_name", "last_name", "email", "phone", "language", "city", "churn_label"}
FEATURES: dict[str, Kind] = {c.name: c.kind for c in COLUMNS if c.name not in _NOT_FEATURES}
_PATHS = {c.name: f"subscription__{c.name}" if c.table is Table.SUBSCRIPTION else c.name for c in COLUMNS}
MAX_ATTRIBUTES = 200  # offered to models, the fullest first: two hundred thousand rows of them are 320 MB
_SAMPLE_BLOCKS, _SAMPLE_ROWS = 30, 60_000


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What to read beside the standard fields: other fields with the names of their columns, and months of use.

    ``moment``: customers as they were then. ``history``: what leaving means, where a definition by dates is adopted.
    ``contacts``: in which days they are counted, where they are asked for.
    """

    attributes: tuple[Attribute, ...]
    names: dict[str, str]
    as_of: date
    months: trends.Months | None
    moment: Moment | None = None
    history: History | None = None
    contacts: contacts.Window | None = None
    as_categories: bool = False

    @property
    def reads_texts(self) -> bool:
        told = self.moment.history if self.moment else self.history
        return bool(self.attributes) or (told is not None and told.field is not None)


def feature_frames(
    *,
    labelled_only: bool = False,
    block: int = 100_000,
    only: Collection[str] | None = None,
    as_of: Moment | None = None,
    as_categories: bool = False,
    halves: bool = False,
) -> Iterator[pd.DataFrame]:
    """Customers as frames of at most ``block`` rows, in the order of their keys.

    Columns: ``id`` (int64), ``label`` (1.0 left, 0.0 stayed, NaN unknown), then every standard feature: numbers as
    float64, yes/no and labels as text with None for unknown. Other fields follow by their headers, likewise typed (a date
    as days before the last import), and what is known of use (frames.trends). ``only``: columns that are needed; other
    fields, months of use and contacts that are not cost nothing. Contacts (frames.contacts) come to who asks for them by
    name, and in frames to learn from where it is sure that they lie before what came of the customers. ``as_categories``: yes/no and labels of standard features come as
    categories instead, which a million rows are scored from in half the time.

    Where a definition by dates is adopted, use ends with the last whole month, and who has left by now has left whatever
    the label column says. ``as_of``: those who could leave then, as they were, labelled by what came of them (frames.moments).
    ``halves``: the second half is read beside the first and kept meanwhile, for who has both at once anyhow.
    """
    wanted = replace(_look(only, as_of, remembered=False, to_learn=labelled_only), as_categories=as_categories)
    rows = _customers(labelled_only)
    middle = _middle() if halves else None
    if middle is None:
        yield from _frames(rows, wanted, block)
    else:
        first, second = rows.filter(pk__lte=middle), rows.filter(pk__gt=middle)
        yield from alongside.both(_frames(first, wanted, block), _frames(second, wanted, block, after=middle))


def _middle() -> int | None:
    """The key half-way between the first and the last; None where there is nobody."""
    reach = Customer.objects.aggregate(first=Min("pk"), last=Max("pk"))
    return None if reach["first"] is None else (reach["first"] + reach["last"]) // 2


def _frames(rows: QuerySet[Customer], wanted: _Wanted, block: int, *, after: int = 0) -> Iterator[pd.DataFrame]:
    while True:
        # Both tables are told where to begin: PostgreSQL would read every plan from the first for each block.
        plan = FilteredRelation("subscription", condition=Q(subscription__customer_id__gt=after))
        found = _standard(rows.annotate(plan=plan).filter(pk__gt=after)[:block], wanted, plan="plan")
        if found.empty:
            return
        after, whole = int(found["id"].iloc[-1]), len(found) == block
        frame = _completed(found, wanted)
        del found
        if not frame.empty:
            yield frame
        if not whole:
            return


def spread_sample(*, labelled_only: bool = False, as_of: Moment | None = None) -> pd.DataFrame:
    """Some sixty thousand customers in blocks spread over the base, as ``feature_frames`` gives them; everybody where there
    are fewer. As of a past day fewer remain: those who could leave then. Contacts are in it where they are enough."""
    wanted = _look(None, as_of, remembered=False, to_learn=labelled_only)
    frames = [_completed(found, wanted) for found in _spread_blocks(_customers(labelled_only), wanted)]
    frames = [frame for frame in frames if not frame.empty]
    if not frames:
        return _completed(_standard(Customer.objects.filter(pk__lt=0), wanted), wanted)
    return contacts.without_few_contacts(pd.concat(frames, ignore_index=True))


def spread_people(history: History) -> Iterator[pd.DataFrame]:
    """The same customers as they are today, in blocks: ``id``, standard features and ``attributes`` as JSON."""
    wanted = _Wanted(tuple(known_attributes()), {}, data_day(), None, history=history)
    yield from _spread_blocks(_customers(labelled_only=False), wanted)


def plain_blocks(history: History, *, block: int = 100_000) -> Iterator[pd.DataFrame]:
    """Everybody as they are today: ``id``, ``label`` and ``tenure``, with ``attributes`` as JSON where the rule asks for them."""
    beside = ("attributes",) if history.field is not None else ()
    after = 0
    while True:
        rows = _customers(labelled_only=False).filter(pk__gt=after)[:block]
        frame = bulk.read_frame(rows.values_list("id", "churn_label", _PATHS["tenure"], *beside))
        if frame.empty:
            return
        frame.columns = ["id", "label", "tenure", *beside]
        frame["id"] = frame["id"].astype("int64")
        frame["label"] = _as_label(frame["label"])
        frame["tenure"] = pd.to_numeric(frame["tenure"], errors="coerce").astype("float64")
        after = int(frame["id"].iloc[-1])
        yield frame
        if len(frame) < block:
            return


def _spread_blocks(rows: QuerySet[Customer], wanted: _Wanted) -> Iterator[pd.DataFrame]:
    reach = Customer.objects.aggregate(first=Min("pk"), last=Max("pk"))
    if reach["first"] is None:
        return
    each, after = _SAMPLE_ROWS // _SAMPLE_BLOCKS, 0
    for start in np.linspace(reach["first"], reach["last"], _SAMPLE_BLOCKS, dtype="int64").tolist():
        found = _standard(rows.filter(pk__gte=max(start, after + 1))[:each], wanted)
        if not found.empty:
            after = int(found["id"].iloc[-1])
            yield found
        if len(found) < each:
            return  # that was everybody


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


def _look(
    only: Collection[str] | None, moment: Moment | None = None, *, remembered: bool = True, to_learn: bool = False
) -> _Wanted:
    """What to read. ``remembered``: see histories.adopted_history. ``to_learn``: by the label column."""
    known = known_attributes()
    names = column_names(known, list(FEATURES))
    history = moment.history if moment else adopted_history(remembered=remembered)
    left_out = moment.left_out if moment else {}
    if only is None:
        fullest = {a.name for a in _fullest_first(known)[:MAX_ATTRIBUTES]}
        chosen = tuple(a for a in known if a.name in fullest and names[a.name] not in left_out)
    else:
        chosen = tuple(a for a in known if names[a.name] in only and names[a.name] not in left_out)
    needs_months = only is None or not set(only).isdisjoint(trends.TREND_COLUMNS)
    as_of = moment.day if moment else data_day()
    months = _months(moment, history) if needs_months else None
    return _Wanted(chosen, names, as_of, months, moment, history, _contacts(only, as_of, moment, history, to_learn))


def _contacts(
    only: Collection[str] | None, as_of: date, moment: Moment | None, history: History | None, to_learn: bool
) -> contacts.Window | None:
    """The days in which contacts are counted; None: they are not wanted, nobody was contacted before, or it is not known when
    the label's leavers left."""
    by_label = moment is None and history is None
    if only is not None:
        asked = contacts.RECENT_CONTACTS in only
        return contacts.Window(as_of, before_labels() if by_label else None) if asked else None
    day = moment.day if moment else before_labels() if by_label and to_learn else None
    return contacts.Window(day) if day is not None and contacts.any_before(day) else None


def _months(moment: Moment | None, history: History | None) -> trends.Months | None:
    """The months of use to read. Where models learn from whole months, a month that is not over yet would mislead them."""
    if moment is not None:
        return moment.months()
    if history is not None and history.calendar.covered:
        return trends.known_months(first_day(history.calendar.now - 1))
    return trends.known_months()


def _standard(rows: QuerySet[Customer], wanted: _Wanted, plan: str = "subscription") -> pd.DataFrame:
    """``id``, ``label``, the standard features and, where needed, ``attributes`` as JSON."""
    beside = ("attributes",) if wanted.reads_texts else ()
    paths = [_PATHS[n].replace("subscription", plan, 1) for n in FEATURES]
    asked = rows.values_list("id", "churn_label", *paths, *beside)
    frame = bulk.read_frame(asked, as_categories=wanted.as_categories)
    frame.columns = ["id", "label", *FEATURES, *beside]
    return _typed(frame)


def _completed(frame: pd.DataFrame, wanted: _Wanted) -> pd.DataFrame:
    """The block with other fields and use as columns; as of a past day, who could leave then."""
    if wanted.moment is not None:
        frame = wanted.moment.as_then(frame)
    elif wanted.history is not None:
        gone = gone_now(wanted.history.rule, people_of(wanted.history, frame), wanted.history.calendar)
        frame.loc[gone, "label"] = 1.0
    texts = frame.pop("attributes").tolist() if "attributes" in frame else []
    if wanted.attributes:
        cells = columns(texts, wanted.attributes, wanted.as_of)
        if wanted.moment is not None:
            cells = blank_later_days(cells, frozenset(a.name for a in wanted.attributes if a.kind == DATE))
        others = {wanted.names[name]: column for name, column in cells.items()}
        frame = pd.concat([frame, pd.DataFrame(others, index=frame.index)], axis=1)
    if wanted.months is not None and len(frame):
        first, last = int(frame["id"].iloc[0]), int(frame["id"].iloc[-1])
        frame = frame.merge(trends.trend_frame(first, last, wanted.months), on="id", how="left")
    if wanted.contacts is not None and len(frame):
        keys, label = frame["id"].to_numpy(), frame["label"].to_numpy(dtype="float64")
        frame[contacts.RECENT_CONTACTS] = contacts.recent_contacts(keys, label, wanted.contacts)
    return frame


def _typed(frame: pd.DataFrame) -> pd.DataFrame:
    frame["id"] = frame["id"].astype("int64")
    frame["label"] = _as_label(frame["label"])
    for name, kind in FEATURES.items():
        if kind in (Kind.INTEGER, Kind.MONEY, Kind.NUMBER):
            frame[name] = pd.to_numeric(frame[name], errors="coerce").astype("float64")
        elif isinstance(frame[name].dtype, pd.CategoricalDtype):
            frame[name] = _named(frame[name], kind)
        elif kind is Kind.FLAG:
            frame[name] = _as_flag(frame[name]).map({True: "Yes", False: "No"}).astype(object)
        else:
            frame[name] = frame[name].astype(object).where(frame[name].notna() & (frame[name] != ""), None)
    return frame


def _named(column: pd.Series, kind: Kind) -> pd.Series:
    """Categories as read, by the names that features have; an empty text is unknown."""
    if kind is Kind.FLAG:
        words = _as_flag(column.cat.categories.to_series()).map({True: "Yes", False: "No"})
        return column.cat.rename_categories(words.tolist())
    return column.cat.remove_categories([level for level in column.cat.categories if level == ""])


def _as_label(column: pd.Series) -> pd.Series:
    return _as_flag(column).map({True: 1.0, False: 0.0}).astype("float64")


def _as_flag(column: pd.Series) -> pd.Series:
    """True, False or missing, from what either engine sends: booleans, 0/1, or "t"/"f"."""
    # 1 and True are one key.
    return column.map({True: True, False: False, "t": True, "f": False, "true": True, "false": False})
