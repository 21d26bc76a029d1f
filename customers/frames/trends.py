"""Months of use as one row a customer: the last month, mean and slope of three months, their ratio to the three before, silence."""

from __future__ import annotations

import calendar
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd
from django.db.models import Avg, Case, Max, Min, Q, QuerySet, When
from django.utils import timezone

from core import bulk

from ..models import UsageRecord

USAGE_FEATURES = (
    "montant_consommation",
    "nombre_appels",
    "volume_data",
    "nombre_sms",
    "nombre_recharges",
    "nombre_reclamations",
)
STATISTICS = ("last", "mean_3m", "slope_3m", "trend_3m")
SILENCE = "silence_days"
TREND_COLUMNS: tuple[str, ...] = (*(f"{name}_{what}" for name in USAGE_FEATURES for what in STATISTICS), SILENCE)
_USES = tuple(name for name in USAGE_FEATURES if name != "nombre_reclamations")  # to complain is not to use


@dataclass(frozen=True, slots=True)
class Months:
    """What is known of use in the company in scope: the newest month that is no future, and the measures it has at all."""

    latest: date
    measures: tuple[str, ...]


def any_use(measures: Collection[str] = USAGE_FEATURES) -> Q:
    """Months in which something was used, by any of the measures that say so."""
    used = Q(pk=None)
    for name in _USES:
        if name in measures:
            used |= Q(**{f"{name}__gt": 0})
    return used


def known_months(latest: date | None = None) -> Months | None:
    """None: there is no month of use. A few look-ups; asked once for all blocks. ``latest``: as if it were that month."""
    past = UsageRecord.objects.filter(month__lte=latest or timezone.localdate())
    latest = latest or past.aggregate(latest=Max("month"))["latest"]
    if latest is None:
        return None
    measures = tuple(name for name in USAGE_FEATURES if past.exclude(**{name: None}).exists())
    return Months(latest, measures)


def trend_frame(first: int, last: int, months: Months) -> pd.DataFrame:
    """For the customers with keys first..last who have months up to the latest: ``id`` (int64), then float64 columns.

    <measure>_last      in the latest month
    <measure>_mean_3m   mean of the latest month and the two before
    <measure>_slope_3m  least squares over these three, change a month; two known months at least
    <measure>_trend_3m  the mean divided by that of the three months before (1 = steady)
    silence_days        days from the end of the last month with any use to the end of the latest month; for somebody who
                        never used anything, from the beginning of the first month known

    Measures that the company does not have are left out; what is not known of a customer is NaN. Measured on SQLite,
    100,000 customers with six months of six measures: 3.1 s, and 5.8 s in one statement with a CASE for each month.
    """
    rows = UsageRecord.objects.filter(customer_id__gte=first, customer_id__lte=last).order_by()
    past = _past(rows, months)
    keys = past["id"].to_numpy(dtype="int64")
    three = {name: np.full((len(keys), 3), np.nan) for name in months.measures}
    for back in range(3):
        month = rows.filter(month=months_before(months.latest, back))
        found = bulk.read_frame(month.values_list("customer_id", *months.measures))
        at = np.searchsorted(keys, numbers(found["customer_id"]).astype("int64"))
        for name in months.measures:
            three[name][at, 2 - back] = numbers(found[name])
    frame: dict[str, object] = {"id": keys}
    for name in months.measures:
        mean, before = _mean(three[name]), numbers(past[f"{name}_before"])
        frame[f"{name}_last"] = three[name][:, 2]
        frame[f"{name}_mean_3m"] = mean
        frame[f"{name}_slope_3m"] = _slope(three[name])
        frame[f"{name}_trend_3m"] = np.divide(mean, before, out=np.full(len(mean), np.nan), where=before > 0)
    frame[SILENCE] = _silence(past["used_month"], past["first_month"], months.latest)
    return pd.DataFrame(frame)


def _past(rows: QuerySet[UsageRecord], months: Months) -> pd.DataFrame:
    """Of each customer (``id``, ascending): the last month with any use, the first month, means of months 4 to 6."""
    recent, long_ago = months_before(months.latest, 2), months_before(months.latest, 5)
    used = When(any_use(months.measures), then="month")
    asked: dict[str, object] = {"used_month": Max(Case(used)), "first_month": Min("month")}
    for name in months.measures:
        asked[f"{name}_before"] = Avg(Case(When(month__lt=recent, month__gte=long_ago, then=name)))
    grouped = rows.filter(month__lte=months.latest).values("customer_id").annotate(**asked).order_by("customer_id")
    found = bulk.read_frame(grouped.values_list("customer_id", *asked))
    found.columns = ["id", *asked]
    return found


def numbers(column: pd.Series) -> np.ndarray:
    return pd.to_numeric(column, errors="coerce").to_numpy(dtype="float64", na_value=np.nan)


def _mean(months: np.ndarray) -> np.ndarray:
    """Mean of the known ones of each row (float64 [n, 3])."""
    known = ~np.isnan(months)
    count = known.sum(axis=1)
    total = np.where(known, months, 0.0).sum(axis=1)
    return np.divide(total, count, out=np.full(len(months), np.nan), where=count > 0)


def _slope(months: np.ndarray) -> np.ndarray:
    """Least squares over the known ones of three months in a row (float64 [n, 3], oldest first)."""
    known = ~np.isnan(months)
    count = known.sum(axis=1, keepdims=True)
    at = np.where(known, np.arange(3.0), 0.0)
    value = np.where(known, months, 0.0)
    at -= np.where(known, at.sum(axis=1, keepdims=True) / np.maximum(count, 1), 0.0)
    spread = (at**2).sum(axis=1)
    return np.divide((at * value).sum(axis=1), spread, out=np.full(len(months), np.nan), where=count[:, 0] >= 2)


def _silence(used: pd.Series, first: pd.Series, latest: date) -> np.ndarray:
    """Days (float64 [n]) between the end of the month last used and the end of ``latest``."""
    end = pd.Timestamp(latest.replace(day=calendar.monthrange(latest.year, latest.month)[1]))
    used_until = pd.to_datetime(used, errors="coerce") + pd.offsets.MonthEnd(0)
    before_all = pd.to_datetime(first, errors="coerce") - pd.Timedelta(days=1)
    return (end - used_until.fillna(before_all)).dt.days.to_numpy(dtype="float64", na_value=np.nan)


def months_before(day: date, months: int) -> date:
    index = day.year * 12 + day.month - 1 - months
    return day.replace(year=index // 12, month=index % 12 + 1, day=1)
