"""What became of customers since a day: who left by a later one, whether that is known yet, what they paid meanwhile; and
since when those may have left whom the label column names.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, timedelta

import numpy as np
import pandas as pd
from django.db.models import Count, Sum
from django.utils import timezone

from core import bulk
from core.models import JobState

from ..ingest.churning import ContractEnd, Outcome, Silence, first_day, month_of
from ..ingest.mapping import LABEL
from ..ingest.timing import Calendar, is_known
from ..models import Customer, Import, ImportStep, UsageRecord
from .histories import History, adopted_definition, adopted_history, known_calendar
from .moments import TENURE, people_of

BY_LABEL, BY_DATES = "label", "definition"
_LOOKED_AT = 50  # imports among which the newest one that says who left is looked for


@dataclass(frozen=True, slots=True)
class Aftermath:
    """How it is known who left after the day ``begin`` and up to ``until``, and how far that is known.

    source       "label": the files' own column; "definition": the adopted one by dates
    known_until  the last day of which the data speaks (None: nothing of after ``begin``)
    is_known     whether every outcome up to ``until`` is known
    wanted       of this day or later is the data that is wanting; a file that says who left, or whole months of use
    import_id, file   of a label: the file that says it (None, "": there is none)
    """

    begin: date
    until: date
    source: str
    known_until: date | None
    is_known: bool
    wanted: date
    import_id: int | None = None
    file: str = ""
    history: History | None = None

    @property
    def can_be_looked_at(self) -> bool:
        """Whether anything is known of who left since: by the label also before all is; by dates only once it is."""
        return self.is_known or (self.source == BY_LABEL and self.known_until is not None)

    def outcomes(self, keys: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(left float64 [n]: 1, 0, or NaN where nobody knows; judged bool [n]) of customers' keys, int64 [n], ascending.

        Not judged is of whom the rule says nothing, by what was known before ``begin``: without use in the month before,
        or without a contract's end. Who was written to has nothing to do with it, so they may be left out of a comparison.
        """
        return self._by_label(keys) if self.source == BY_LABEL else self._by_dates(keys)

    def _by_label(self, keys: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        rows = Customer.objects.filter(pk__in=keys.tolist()).order_by("pk")
        found = bulk.read_numbers(rows.values_list("id", "churn_label"))
        left = np.full(len(keys), np.nan)
        left[np.searchsorted(keys, found["id"])] = found["churn_label"]
        return left, np.ones(len(keys), dtype=bool)

    def _by_dates(self, keys: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        history = self.history
        assert history is not None
        rows = Customer.objects.filter(pk__in=keys.tolist()).order_by("pk")
        beside = ("attributes",) if history.field is not None else ()
        frame = bulk.read_frame(rows.values_list("id", "subscription__tenure", *beside))
        frame.columns = ["id", TENURE, *beside]
        frame["id"] = frame["id"].astype("int64")
        frame[TENURE] = pd.to_numeric(frame[TENURE], errors="coerce").astype("float64")
        people, month = people_of(history, frame), month_of(self.begin)
        found = history.rule.outcomes(people, month)
        # Nobody is too soon: the campaign's own day is where its horizon begins.
        said = np.where(np.isin(found, (Outcome.LEFT, Outcome.TOO_SOON)), 1.0, np.nan)
        said[found == Outcome.STAYED] = 0.0
        if isinstance(history.rule, ContractEnd):
            # A contract that had run out may have been renewed because of the mail: who was not, has left.
            faded = found == Outcome.FADING
            said[faded] = history.rule.gone(people, history.calendar.now)[faded]
        left, judged = np.full(len(keys), np.nan), np.ones(len(keys), dtype=bool)
        at = np.searchsorted(keys, frame["id"].to_numpy())
        left[at], judged[at] = said, ~np.isnan(said)
        return left, judged


def aftermath(begin: date, until: date) -> Aftermath:
    """What is known of who left after ``begin`` and up to ``until``: by the adopted definition by dates where there is one,
    else by the newest written file that said who left. Some questions, of which by dates one looks through months of use."""
    history = adopted_history(remembered=True)
    return _by_label(begin, until) if history is None else _by_dates(history, begin, until)


def _by_label(begin: date, until: date) -> Aftermath:
    written = Import.objects.filter(step=ImportStep.WRITE, state=JobState.SUCCEEDED, undone_at=None)
    newest = (
        written.exclude(finished_at=None)
        .order_by("-finished_at")
        .values_list("pk", "filename", "finished_at", "mapping")
    )
    for key, name, finished, mapping in newest[:_LOOKED_AT]:
        day = timezone.localdate(finished)
        if day <= begin:
            break
        if _says_who_left(mapping):
            return Aftermath(begin, until, BY_LABEL, day, day >= until, until, key, name)
    return Aftermath(begin, until, BY_LABEL, None, False, until)


def before_labels() -> date | None:
    """A day before which nobody had left whom the label column calls a leaver: the horizon of the adopted label before the
    oldest file that said who left. None: the label has no horizon, dates say it instead, or no file did.

    The oldest, since whom an earlier file named is named still. A file speaks of the day it was brought at the latest.
    """
    definition = adopted_definition()
    if definition is None or definition.is_dated or not definition.horizon_days:
        return None
    written = Import.objects.filter(step=ImportStep.WRITE, state=JobState.SUCCEEDED, undone_at=None)
    for key, asked in written.order_by("requested_at").values_list("pk", "requested_at"):
        if _says_who_left(Import.objects.values_list("mapping", flat=True).get(pk=key)):
            return timezone.localdate(asked) - timedelta(days=definition.horizon_days)
    return None


def _says_who_left(mapping: object) -> bool:
    columns = mapping.get("columns", {}) if isinstance(mapping, dict) else {}
    targets = (entry.get("target") if isinstance(entry, dict) else entry for entry in columns.values())
    return LABEL in targets


def _by_dates(history: History, begin: date, until: date) -> Aftermath:
    """The rule with the horizon of the question: who falls silent in a month up to that of ``until``, or whose contract ends
    by then. The month of ``begin`` is looked at from its first day, so that who can be judged was settled beforehand."""
    month, rule = month_of(begin), history.rule
    if isinstance(rule, Silence):
        rule = Silence(rule.silent, horizon=month_of(until) - month + 1, gap=0)
    else:
        rule = replace(rule, horizon=(until - first_day(month)).days, gap=0)
    history = replace(history, rule=rule)
    known_until = history.known_until if history.known_until > begin else None
    wanted = first_day(rule.known_from(month))
    return Aftermath(
        begin, until, BY_DATES, known_until, is_known(rule, history.calendar, month), wanted, history=history
    )


# ---------------------------------------------------------------- what they paid


@dataclass(frozen=True, slots=True)
class Spans:
    """Whole months before a day and after it, as many on either side: first and last day-ones of each."""

    before: tuple[date, date]
    after: tuple[date, date]


def spans_around(begin: date, until: date, *, calendar: Calendar | None = None) -> Spans | None:
    """As many whole months before the month of ``begin`` as after it, up to the length of ``until`` less ``begin``; None
    where a month of them is not known, or no amounts were brought."""
    calendar = calendar or known_calendar()
    month, many = month_of(begin), max(1, (until - begin + timedelta(days=1)).days // 30)
    if not (calendar.covers(month - many, month) and calendar.covers(month + 1, month + 1 + many)):
        return None
    found = Spans((first_day(month - many), first_day(month - 1)), (first_day(month + 1), first_day(month + many)))
    for first, last in (found.before, found.after):
        amounts = UsageRecord.objects.filter(month__gte=first, month__lte=last).exclude(montant_consommation=None)
        if not amounts.exists():
            return None
    return found


def spent(keys: np.ndarray, first: date, last: date) -> np.ndarray:
    """What customers (keys int64 [n], ascending) spent in the months ``first`` to ``last``: float64 [n]. Nothing for a month
    without a record; NaN where there are records and no amount."""
    paid = np.zeros(len(keys))
    if not len(keys):
        return paid
    rows = UsageRecord.objects.filter(month__gte=first, month__lte=last).order_by()
    rows = rows.filter(customer_id__gte=int(keys[0]), customer_id__lte=int(keys[-1])).values("customer_id")
    grouped = rows.annotate(total=Sum("montant_consommation"), known=Count("montant_consommation"))
    found = bulk.read_frame(grouped.order_by("customer_id").values_list("customer_id", "total", "known"))
    theirs = pd.to_numeric(found["customer_id"]).to_numpy(dtype="int64")
    total = np.where(
        pd.to_numeric(found["known"]).to_numpy(dtype="int64") > 0,
        pd.to_numeric(found["total"]).to_numpy(dtype="float64"),
        np.nan,
    )
    at = np.minimum(np.searchsorted(keys, theirs), len(keys) - 1)
    is_asked = keys[at] == theirs
    paid[at[is_asked]] = total[is_asked]
    return paid
