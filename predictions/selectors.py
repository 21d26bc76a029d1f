"""Questions about models and scores."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from django.db.models import Q, QuerySet

from core import keyset
from customers import selectors as customers
from customers.models import Customer

from .models import ModelVersion, Score, ScoringRun, TrainingRun


def champion() -> ModelVersion | None:
    """The version in charge of the company in scope."""
    return ModelVersion.objects.filter(is_champion=True).first()


def current_run() -> ScoringRun | None:
    """The run whose scores are shown."""
    return ScoringRun.objects.filter(is_current=True).select_related("version").first()


def previous_run(run: ScoringRun) -> ScoringRun | None:
    return (
        ScoringRun.objects.filter(state="succeeded", finished_at__lt=run.finished_at).order_by("-finished_at").first()
    )


def version_list() -> QuerySet[ModelVersion]:
    return ModelVersion.objects.select_related("trained_by")


def open_training() -> TrainingRun | None:
    return TrainingRun.objects.filter(state__in=("queued", "running")).first()


def open_scoring() -> ScoringRun | None:
    return ScoringRun.objects.filter(state__in=("queued", "running")).first()


def scoring_list() -> QuerySet[ScoringRun]:
    """Runs with whom they were asked by and the version that scored; without what their numbers stand for."""
    return ScoringRun.objects.select_related("requested_by", "version").defer("legend")


def scored_since(moment: datetime) -> bool:
    """Whether a scoring was asked for since."""
    return ScoringRun.objects.filter(requested_at__gte=moment).exists()


def training_list() -> QuerySet[TrainingRun]:
    return TrainingRun.objects.select_related("requested_by", "version")


def score_of(customer: Customer) -> Score | None:
    run = current_run()
    return Score.objects.filter(run=run, customer=customer).select_related("run__version").first() if run else None


def score_history(customer: Customer) -> list[Score]:
    """This customer's risk in the kept runs, oldest first."""
    kept = ScoringRun.objects.filter(state="succeeded", has_scores=True).order_by("-finished_at").defer("legend")
    runs = {run.pk: run for run in kept.select_related("version")[:12]}
    # Named run by run, so that PostgreSQL looks into these runs' partitions and waits for no other.
    rows = {row.run_id: row for row in Score.objects.filter(customer=customer, run_id__in=list(runs))}
    history = [rows[key] for key in reversed(runs) if key in rows]
    for row in history:
        row.run = runs[row.run_id]
    return history


# ---------------------------------------------------------------- the list of customers by risk


@dataclass(frozen=True, slots=True)
class ClientFilter:
    """What a person asked of the list. Every field is checked by the form; None means "any"."""

    search: str = ""
    band: str = ""  # low, medium, high, unscored
    contract: str = ""
    internet: str = ""
    tenure_from: int | None = None
    tenure_to: int | None = None
    charges_from: Decimal | None = None
    charges_to: Decimal | None = None
    senior: bool | None = None
    churned: str = ""  # yes, no (still here), unknown, "" = all
    sort: str = "-risk"


# Sort keys that a person may ask for -> (column on Score, column on Customer). A fixed map, never the query string.
SORTS: dict[str, tuple[str | None, str | None]] = {
    "risk": ("risk", None),
    "charges": ("monthly_charges", "subscription__monthly_charges"),
    "tenure": ("tenure", "subscription__tenure"),
}


def client_rows(wanted: ClientFilter, driver: str = "") -> tuple[QuerySet, keyset.Order]:
    """Scores (with ``customer``) of the current run that match, and the order to page them by.

    ``driver`` keeps those whose risk this feature raises, as one of their three strongest.
    Before the first scoring, and for ``band="unscored"``, Customers instead: they have no risk to show.
    """
    run = current_run()
    column, fallback = SORTS.get(wanted.sort.lstrip("-"), SORTS["risk"])
    descending = wanted.sort.startswith("-")
    if run is None or wanted.band == "unscored":
        rows = Customer.objects.select_related("subscription")
        if run is not None:
            # A run walks the customers by key, so who is not in it came after its last one: a range, not a comparison.
            rows = rows.filter(pk__gt=run.last_customer)
        plans = _equal("subscription__contract", wanted.contract) & _equal(
            "subscription__internet_service", wanted.internet
        )
        rows = rows.filter(plans, _conditions(wanted, "subscription__"), _search(wanted.search, ""))
        return rows, keyset.Order(fallback or "pk", descending=descending if fallback else False)
    rows = run.scores.select_related("customer")  # by the run's own manager: each row knows this run without asking
    plans = _coded(run, "contract", wanted.contract) & _coded(run, "internet_service", wanted.internet)
    rows = rows.filter(_band(wanted.band, run), plans, _conditions(wanted, ""), _search(wanted.search, "customer__"))
    if driver:
        rows = rows.filter(_driven_by(run, driver))
    return rows, keyset.Order(column or "risk", descending=descending)


def _band(band: str, run: ScoringRun) -> Q:
    return {
        "high": Q(risk__gte=run.risk_high),
        "medium": Q(risk__gte=run.risk_medium, risk__lt=run.risk_high),
        "low": Q(risk__lt=run.risk_medium),
    }.get(band, Q())


def _driven_by(run: ScoringRun, feature: str) -> Q:
    features = run.legend.get("features", [])
    if feature not in features:
        return _NOBODY
    number = features.index(feature) + 1
    return Q(driver_1=number) | Q(driver_2=number) | Q(driver_3=number)


_NOBODY = Q(pk__in=[])
_CODES = {"contract": "contract_code", "internet_service": "internet_code"}


def _coded(run: ScoringRun, column: str, text: str) -> Q:
    if not text:
        return Q()
    code = run.code(column, text)
    return _NOBODY if code is None else Q(**{_CODES[column]: code})


def _equal(path: str, text: str) -> Q:
    return Q(**{path: text}) if text else Q()


def _conditions(wanted: ClientFilter, subscription: str) -> Q:
    """The filters on numbers and flags, which a score carries by the same names; the prefix says where the plan lives."""
    found = Q()
    exact = {
        f"{subscription}tenure__gte": wanted.tenure_from,
        f"{subscription}tenure__lte": wanted.tenure_to,
        f"{subscription}monthly_charges__gte": wanted.charges_from,
        f"{subscription}monthly_charges__lte": wanted.charges_to,
        "senior_citizen": wanted.senior,
    }
    for path, value in exact.items():
        if value is not None:
            found &= Q(**{path: value})
    label = "churn_label"
    if wanted.churned == "yes":
        found &= Q(**{label: True})
    elif wanted.churned == "no":
        # "Still here": known to have stayed, or nothing known.
        found &= Q(**{label: False}) | Q(**{f"{label}__isnull": True})
    elif wanted.churned == "unknown":
        found &= Q(**{f"{label}__isnull": True})
    return found


def _search(text: str, customer: str) -> Q:
    """By beginning, of the number, a name or the e-mail. Few matches are looked up first, by their indexes; where there
    are many the list meets fifty of them soon enough by itself."""
    text = text.strip()
    if not text:
        return Q()
    keys = customers.matching(text)
    if keys is not None:
        return Q(**{"customer_id__in" if customer else "pk__in": keys})
    found = Q()
    for name in ("external_id", "last_name", "first_name", "email"):
        found |= Q(**{f"{customer}{name}__istartswith": text})
    first, _space, rest = text.partition(" ")
    if rest.strip():
        found |= Q(**{f"{customer}first_name__iexact": first, f"{customer}last_name__istartswith": rest.strip()})
        found |= Q(**{f"{customer}last_name__iexact": first, f"{customer}first_name__istartswith": rest.strip()})
    return found


def version_of(run: TrainingRun) -> ModelVersion:
    """The version that a finished training left."""
    return ModelVersion.objects.get(run=run)
