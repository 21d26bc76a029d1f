"""The list of customers as CSV, streamed. Headers of known columns are those that an import understands."""

from __future__ import annotations

from collections.abc import Iterator

from core import tabular
from customers.models import Customer
from predictions import selectors as predictions
from predictions.models import Score, ScoringRun
from predictions.selectors import ClientFilter
from predictions.wording import driver as driver_words
from segmentation.models import Segment
from tenants.models import Tenant
from tenants.scoping import tenant_scope

from .other_fields import FieldFilter
from .selectors import SHOWN_DRIVERS, walk

HEADER = (
    "customerID", "FirstName", "LastName", "Email", "SeniorCitizen", "tenure", "InternetService", "Contract",
    "MonthlyCharges", "Churn", "Risk", "Risk band", *(f"Driver {i + 1}" for i in range(SHOWN_DRIVERS)),
)  # fmt: skip
_FLAG = {True: "Yes", False: "No", None: ""}


def lines(
    tenant: Tenant,
    wanted: ClientFilter,
    driver: str = "",
    asked: FieldFilter | None = None,
    segment: Segment | None = None,
) -> Iterator[str]:
    """Lines of the file. A streamed answer is written after the request's scope closed: it opens its own.

    For each block anew and never across a ``yield``: a browser that goes away must not leave a scope behind in a
    process that answers another company next.
    """
    with tenant_scope(tenant):
        run = predictions.current_run()
        written = tabular.stream_csv(
            HEADER, (_cells(row, run, tenant.currency) for row in walk(wanted, driver, asked, segment))
        )
    while True:
        with tenant_scope(tenant):
            block = next(written, None)
        if block is None:
            return
        yield block


def _cells(row: Score | Customer, run: ScoringRun | None, currency: str) -> list[object]:
    scored = isinstance(row, Score)
    customer = row.customer if scored else row
    plan = row if scored else getattr(row, "subscription", None)
    words = [driver_words(d, currency)["sentence"] for d in row.drivers[:SHOWN_DRIVERS]] if scored else []
    return [
        customer.external_id,
        customer.first_name,
        customer.last_name,
        customer.email,
        _FLAG[customer.senior_citizen],
        plan.tenure if plan else None,
        plan.internet_service if plan else "",
        plan.contract if plan else "",
        plan.monthly_charges if plan else None,
        _FLAG[customer.churn_label],
        round(row.risk, 4) if scored else None,
        run.band(row.risk) if scored and run else "",
        *words,
        *[""] * (SHOWN_DRIVERS - len(words)),
    ]
