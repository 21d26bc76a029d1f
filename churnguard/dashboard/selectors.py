"""Questions of the front pages: small dataclasses for templates, never a scan of the customers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext as _

from core import keyset
from core.models import Job
from customers import selectors as customers
from customers.models import Customer
from predictions import selectors as predictions
from predictions import wording
from predictions.models import ModelVersion, Score, ScoringRun, TrainingRun
from predictions.selectors import ClientFilter
from segmentation import selectors as segmentation
from segmentation.models import Segment

from .other_fields import FieldFilter
from .sifting import Sifted, sift

SHOWN_DRIVERS = 3


@dataclass(frozen=True, slots=True)
class ClientRow:
    """One customer in a list, with or without a score."""

    customer: Customer
    contract: str
    internet: str
    tenure: int | None
    charges: Decimal | None
    risk: float | None
    band: str
    driver: dict[str, Any] | None
    left: bool | None

    @property
    def initials(self) -> str:
        return initials(self.customer)


def initials(customer: Customer) -> str:
    words = customer.full_name.split()
    return "".join(w[0] for w in words[:2]).upper() or customer.external_id[:2].upper()


def as_row(row: Score | Customer, run: ScoringRun | None, currency: str) -> ClientRow:
    if isinstance(row, Score):
        rising = next((d for d in row.drivers if d["effect"] > 0), row.drivers[0] if row.drivers else None)
        return ClientRow(
            customer=row.customer,
            contract=wording.value_name(row.contract) if row.contract else "",
            internet=wording.value_name(row.internet_service) if row.internet_service else "",
            tenure=row.tenure,
            charges=row.monthly_charges,
            risk=row.risk,
            band=run.band(row.risk) if run else "",
            driver=wording.driver(rising, currency) if rising else None,
            left=row.churn_label,
        )
    plan = getattr(row, "subscription", None)
    return ClientRow(
        customer=row,
        contract=wording.value_name(plan.contract) if plan and plan.contract else "",
        internet=wording.value_name(plan.internet_service) if plan and plan.internet_service else "",
        tenure=plan.tenure if plan else None,
        charges=plan.monthly_charges if plan else None,
        risk=None,
        band="",
        driver=None,
        left=row.churn_label,
    )


def client_page(
    wanted: ClientFilter,
    driver: str,
    asked: FieldFilter | None,
    segment: Segment | None = None,
    *,
    after: str,
    before: str,
    size: int,
) -> Sifted:
    """One page of the customers asked for. No index answers questions about other fields, so those look through the list
    in its order, up to a bound."""
    rows, order = client_rows(wanted, driver, segment)
    if asked is None:
        page = keyset.paginate(rows, order, after=after, before=before, size=size)
        return Sifted(page, len(page.rows), is_cut=False)
    return sift(rows, order, asked.fits, _attributes(rows), after=after, before=before, size=size)


def client_rows(wanted: ClientFilter, driver: str, segment: Segment | None) -> tuple[QuerySet, keyset.Order]:
    """Scores, or customers where nobody is scored, and the order to page them by."""
    rows, order = predictions.client_rows(wanted, driver)
    if segment is not None:
        rows = rows.filter(segmentation.belongs_to(segment, "customer_id" if rows.model is Score else "pk"))
    return rows, order


def _attributes(rows: QuerySet) -> str:
    return "customer__attributes" if rows.model is Score else "attributes"


def walk(
    wanted: ClientFilter,
    driver: str = "",
    asked: FieldFilter | None = None,
    segment: Segment | None = None,
    *,
    size: int = 2000,
) -> Iterator[Score | Customer]:
    """Every customer asked for, a keyset page at a time: memory stays flat however many there are."""
    rows, order = client_rows(wanted, driver, segment)
    after = ""
    while True:
        if asked is None:
            page = keyset.paginate(rows, order, after=after, size=size)
        else:
            page = sift(rows, order, asked.fits, _attributes(rows), after=after, size=size, most=None).page
        yield from page.rows
        if not page.after:
            return
        after = page.after


# ---------------------------------------------------------------- the dashboard


@dataclass(frozen=True, slots=True)
class Change:
    """One figure now and in the scoring before. ``worse`` says which way is bad news."""

    key: str
    now: float
    before: float

    @property
    def difference(self) -> float:
        return self.now - self.before

    @property
    def tone(self) -> str:
        if not self.difference:
            return "same"
        good = self.difference < 0 if self.key in ("high", "medium", "revenue") else self.difference > 0
        return "neutral" if self.key == "customers" else "better" if good else "worse"


@dataclass(frozen=True, slots=True)
class Overview:
    """What the dashboard shows, all from roll-ups."""

    customers: int
    known: int
    left: int
    churn_rate: float | None
    run: ScoringRun | None
    version: ModelVersion | None
    quality: dict[str, str] | None
    present: dict[str, Any]
    changes: list[Change]
    previous_at: datetime | None
    job: Job | None
    riskiest: list[ClientRow]

    @property
    def high(self) -> int:
        return self.present.get("bands", {}).get("high", 0)

    @property
    def high_share(self) -> float | None:
        total = self.present.get("customers", 0)
        return self.high / total if total else None

    @property
    def revenue(self) -> dict[str, float]:
        return self.present.get("revenue", {})


def get_overview(currency: str) -> Overview:
    base = customers.customer_base()
    run = predictions.current_run()
    version = run.version if run and run.version.is_champion else predictions.champion()
    before = predictions.previous_run(run) if run else None
    known = base["left"] + base["stayed"]
    riskiest = []
    if run:
        rows, order = predictions.client_rows(ClientFilter(churned="no"))
        riskiest = [as_row(row, run, currency) for row in keyset.paginate(rows, order, size=5).rows]
    return Overview(
        customers=base["customers"],
        known=known,
        left=base["left"],
        churn_rate=base["left"] / known if known else None,
        run=run,
        version=version,
        quality=wording.quality(version.metrics, version.details.get("intervals", {})) if version else None,
        present=run.summary.get("present", {}) if run else {},
        changes=_changes(run, before) if before else [],
        previous_at=before.finished_at if before else None,
        job=get_open_job(),
        riskiest=riskiest,
    )


def _changes(run: ScoringRun, before: ScoringRun) -> list[Change]:
    now, then = run.summary.get("present", {}), before.summary.get("present", {})
    if not now or not then:
        return []
    return [
        *(Change(band, now["bands"][band], then["bands"][band]) for band in ("high", "medium", "low")),
        Change("revenue", now["revenue"]["at_risk"], then["revenue"]["at_risk"]),
        Change("customers", now["customers"], then["customers"]),
    ]


def get_open_job() -> Job | None:
    """The work under way that changes these pages: an import, a training or a scoring."""
    return (
        predictions.open_training()
        or predictions.open_scoring()
        or customers.import_list().filter(state__in=("queued", "running")).first()
    )


def job_words(job: Job | None) -> str:
    """What the open job is doing."""
    if isinstance(job, TrainingRun):
        return _("Training a model")
    if isinstance(job, ScoringRun):
        return _("Scoring the customers")
    return _("Bringing in %(name)s") % {"name": job} if job else ""


# ---------------------------------------------------------------- one customer


@dataclass(frozen=True, slots=True)
class Gauge:
    """A half circle of length 100: how far the hand goes, and where the bands begin."""

    risk: float
    filled: float
    marks: list[tuple[float, float, float, float]]


def gauge(score: Score) -> Gauge:
    from math import cos, pi, sin

    def at(share: float, radius: float) -> tuple[float, float]:
        return round(60 - radius * cos(pi * share), 2), round(60 - radius * sin(pi * share), 2)

    borders = (score.run.risk_medium, score.run.risk_high)
    return Gauge(score.risk, round(100 * score.risk, 1), [(*at(b, 43), *at(b, 57)) for b in borders])


def profile(customer: Customer) -> list[tuple[str, str]]:
    """What is known about the person, label and words; what nobody told is left out."""
    field = Customer._meta.get_field
    rows = [
        (field("email").verbose_name, customer.email),
        (field("phone").verbose_name, customer.phone),
        (field("city").verbose_name, customer.city),
        (field("language").verbose_name, _language(customer.language)),
        (field("gender").verbose_name, wording.value_name(customer.gender) if customer.gender else ""),
        (field("age").verbose_name, "" if customer.age is None else str(customer.age)),
        *(
            (field(name).verbose_name, _flag(getattr(customer, name)))
            for name in ("senior_citizen", "partner", "dependents")
        ),
        (field("persona").verbose_name, customer.persona),
    ]
    return [(str(label), value) for label, value in rows if value]


def plan(customer: Customer, currency: str) -> list[tuple[str, str]]:
    """The subscription, label and words, in the order of the file."""
    from core.templatetags.ui import money

    subscription = getattr(customer, "subscription", None)
    if subscription is None:
        return []
    rows = []
    for field in type(subscription)._meta.concrete_fields:
        if field.name in ("customer", "tenant", "created_at", "updated_at"):
            continue
        value = getattr(subscription, field.name)
        if value in (None, ""):
            continue
        words = (
            money(value, currency)
            if field.name.endswith("_charges")
            else _flag(value)
            if isinstance(value, bool)
            else wording.value_name(value)
        )
        rows.append((str(field.verbose_name), words))
    return rows


def _flag(value: bool | None) -> str:
    return "" if value is None else wording.value_name("Yes" if value else "No")


def _language(code: str) -> str:
    from django.utils.translation import get_language_info

    try:
        return get_language_info(code)["name_translated"].capitalize() if code else ""
    except KeyError:
        return code
