"""Months of use as one row a customer: the last month, mean and slope of three months, their ratio to the three before, silence."""

from __future__ import annotations

import calendar
from datetime import date

import numpy as np
import pandas as pd
from django.db.models import Avg, Case, Max, Min, Q, When
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


def latest_month() -> date | None:
    """The newest month of use that is no future, of the company in scope. None: there is none."""
    return UsageRecord.objects.filter(month__lte=timezone.localdate()).aggregate(latest=Max("month"))["latest"]


def trend_frame(first: int, last: int, latest: date) -> pd.DataFrame:
    """For the customers with keys first..last who have months up to ``latest``: ``id`` (int64) and TREND_COLUMNS (float64).

    last      the measure in ``latest``
    mean_3m   mean of ``latest`` and the two months before
    slope_3m  least squares over these three, change a month; two known months at least
    trend_3m  the mean divided by that of the three months before (1 = steady)
    silence_days  days from the end of the last month with any use to the end of ``latest``; for somebody who never used
                  anything, from the beginning of the first month known
    Unknown (NaN) where the months it needs are not known.
    """
    months = [_months_before(latest, back) for back in (0, 1, 2)]
    long_ago = _months_before(latest, 5)
    asked: dict[str, object] = {}
    for name in USAGE_FEATURES:
        for back, month in enumerate(months):
            asked[f"{name}_{back}"] = Max(Case(When(month=month, then=name)))
        asked[f"{name}_before"] = Avg(Case(When(month__lt=months[-1], month__gte=long_ago, then=name)))
    any_use = Q()
    for name in _USES:
        any_use |= Q(**{f"{name}__gt": 0})
    asked |= {"used_month": Max(Case(When(any_use, then="month"))), "first_month": Min("month")}
    rows = (
        UsageRecord.objects.filter(customer_id__gte=first, customer_id__lte=last, month__lte=latest)
        .order_by()
        .values("customer_id")
        .annotate(**asked)
        .values_list("customer_id", *asked)
    )
    found = bulk.read_frame(rows)
    found.columns = ["id", *asked]
    frame: dict[str, object] = {"id": pd.to_numeric(found["id"]).astype("int64")}
    for name in USAGE_FEATURES:
        three = np.column_stack([_numbers(found[f"{name}_{back}"]) for back in (2, 1, 0)])
        mean = _mean(three)
        past = _numbers(found[f"{name}_before"])
        frame[f"{name}_last"] = three[:, 2]
        frame[f"{name}_mean_3m"] = mean
        frame[f"{name}_slope_3m"] = _slope(three)
        frame[f"{name}_trend_3m"] = np.divide(mean, past, out=np.full(len(mean), np.nan), where=past > 0)
    frame[SILENCE] = _silence(found["used_month"], found["first_month"], latest)
    return pd.DataFrame(frame)


def _numbers(column: pd.Series) -> np.ndarray:
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


def _months_before(day: date, months: int) -> date:
    index = day.year * 12 + day.month - 1 - months
    return day.replace(year=index // 12, month=index % 12 + 1, day=1)
