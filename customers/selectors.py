"""Questions about customers."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd
from django.db.models import Avg, Case, Count, Max, Q, QuerySet, Sum, When
from django.db.models.functions import Coalesce

from core import bulk, prefix

from .ingest.schema import COLUMNS, Kind, Table
from .models import Customer, CustomerBase, Import, UsageRecord

# What the models may learn from. Not the name, the address, the persona (our own output) or the language.
_NOT_FEATURES = {"external_id", "first_name", "last_name", "email", "phone", "language", "city", "churn_label"}
FEATURES: dict[str, Kind] = {c.name: c.kind for c in COLUMNS if c.name not in _NOT_FEATURES}
USAGE_FEATURES = ("montant_consommation", "nombre_appels", "volume_data", "nombre_sms")
_PATHS = {c.name: f"subscription__{c.name}" if c.table is Table.SUBSCRIPTION else c.name for c in COLUMNS}


def has_both_classes() -> bool:
    """Whether the company in scope has customers who left and customers who stayed."""
    return all(Customer.objects.filter(churn_label=left).exists() for left in (True, False))


def count_customers() -> dict[str, object]:
    """The base in numbers, by two passes over it: written to CustomerBase, never run for a page."""
    totals = Customer.objects.aggregate(
        customers=Count("pk"),
        left=Count("pk", filter=Q(churn_label=True)),
        stayed=Count("pk", filter=Q(churn_label=False)),
        unknown=Count("pk", filter=Q(churn_label=None)),
    )
    revenue = Customer.objects.exclude(churn_label=True).aggregate(
        monthly=Coalesce(Sum("subscription__monthly_charges"), 0, output_field=_money())
    )["monthly"]
    return {**totals, "monthly_revenue": float(revenue)}


def _money():
    from django.db.models import DecimalField

    return DecimalField(max_digits=16, decimal_places=3)


def customer_base() -> dict[str, object]:
    row = CustomerBase.objects.first()
    return row.facts if row else {"customers": 0, "left": 0, "stayed": 0, "unknown": 0, "monthly_revenue": 0.0}


def import_list() -> QuerySet[Import]:
    return Import.objects.select_related("requested_by")


def get_customer(public_id) -> Customer:
    """One customer with the subscription. Raises Customer.DoesNotExist, also for another company's."""
    return Customer.objects.select_related("subscription").get(public_id=public_id)


def usage_by_month(customer: Customer) -> list[UsageRecord]:
    return list(UsageRecord.objects.filter(customer=customer).order_by("-month")[:24])[::-1]


# ---------------------------------------------------------------- frames for the engines


def feature_frames(*, labelled_only: bool = False, block: int = 100_000) -> Iterator[pd.DataFrame]:
    """Customers as frames of at most ``block`` rows, in the order of their keys.

    Columns: ``id`` (int64), ``label`` (1.0 left, 0.0 stayed, NaN unknown), then every feature: numbers as float64,
    yes/no and labels as text with None for unknown. Months of use come as ``<measure>_mean_3m`` and ``_trend_3m``.
    """
    latest = UsageRecord.objects.aggregate(latest=Max("month"))["latest"]
    wanted = Customer.objects.order_by("pk")
    if labelled_only:
        wanted = wanted.exclude(churn_label=None)
    after = 0
    while True:
        rows = wanted.filter(pk__gt=after)[:block]
        frame = bulk.read_frame(rows.values_list("id", "churn_label", *(_PATHS[n] for n in FEATURES)))
        if frame.empty:
            return
        frame.columns = ["id", "label", *FEATURES]
        first, after = int(frame["id"].iloc[0]), int(frame["id"].iloc[-1])
        frame = _typed(frame)
        if latest is not None:
            frame = frame.merge(_usage_frame(first, after, latest), on="id", how="left")
        yield frame
        if len(frame) < block:
            return


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


def _usage_frame(first: int, last: int, latest) -> pd.DataFrame:
    """For customers first..last: mean of the last three months, and its ratio to the three before (1 = steady)."""
    recent = _months_before(latest, 2)
    before = _months_before(latest, 5)
    measures: dict[str, object] = {}
    for name in USAGE_FEATURES:
        measures[f"{name}_mean_3m"] = Avg(Case(When(month__gte=recent, then=name)))
        measures[f"{name}_before"] = Avg(Case(When(month__lt=recent, month__gte=before, then=name)))
    rows = (
        UsageRecord.objects.filter(customer_id__gte=first, customer_id__lte=last, month__gte=before)
        .order_by()
        .values("customer_id")
        .annotate(**measures)
        .values_list("customer_id", *measures)
    )
    frame = bulk.read_frame(rows)
    frame.columns = ["id", *measures]
    frame = frame.apply(pd.to_numeric, errors="coerce").astype({"id": "int64"})
    for name in USAGE_FEATURES:
        past = frame.pop(f"{name}_before").astype("float64")
        now = frame[f"{name}_mean_3m"].astype("float64")
        frame[f"{name}_mean_3m"] = now
        frame[f"{name}_trend_3m"] = now / past.where(past > 0)
    return frame


def _months_before(day, months: int):
    index = day.year * 12 + day.month - 1 - months
    return day.replace(year=index // 12, month=index % 12 + 1, day=1)


def count_all() -> int:
    return Customer.objects.count()


def count_labelled() -> int:
    return Customer.objects.exclude(churn_label=None).count()


_SEARCHED = ("external_id", "last_name", "first_name", "email")


def matching(text: str, *, limit: int = 500) -> list[int] | None:
    """Keys of the customers whose number, name or e-mail begins with ``text``; None where there are ``limit`` or more.

    Each beginning is a range of an index. Two words are a first and a last name, in either order.
    """
    text = text.strip()
    found: set[int] = set()
    questions = [prefix.starting(Customer.objects.all(), column, text) for column in _SEARCHED]
    one, _space, two = text.partition(" ")
    if two.strip():
        for first, last in ((one, two.strip()), (two.strip(), one)):
            questions.append(prefix.starting(Customer.objects.filter(first_name__istartswith=first), "last_name", last))
    for question in questions:
        found.update(question.order_by().values_list("pk", flat=True)[:limit])
        if len(found) >= limit:
            return None
    return sorted(found)
