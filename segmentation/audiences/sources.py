"""Where the value of each field is found: a column, a cell, the newest row of another table, or rows that exist.

A Value is an expression that is NULL where nobody knows. Rows are asked whether there is one that fits: PostgreSQL then
may begin with them, by their indexes, where few fit.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from django.db.models import (
    BooleanField,
    CharField,
    Count,
    DateField,
    Exists,
    F,
    Func,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    Value,
)
from django.db.models.expressions import Combinable, Expression
from django.db.models.functions import Coalesce, NullIf

from customers.models import Interaction, UsageRecord
from predictions import selectors as predictions
from predictions.models import Score, ScoringRun

from ..conditions import Condition, Field, Kind
from ..models import SegmentMembership
from .cells import Cell
from .fields import ATTRIBUTE, BANDS

_THEIRS = frozenset(
    "contract tenure monthly_charges total_charges payment_method paperless_billing phone_service multiple_lines "
    "internet_service online_security online_backup device_protection tech_support streaming_tv streaming_movies".split()
)
_USAGE = frozenset(
    "montant_consommation nombre_appels volume_data nombre_sms nombre_recharges nombre_reclamations".split()
)
_NOBODY = 0  # no row has this key; an empty answer that the planner sees through, within aggregates too


class Folded(Func):
    """Lower case of A to Z, compared byte by byte: the same on both engines, and as ``conditions.folded``."""

    function = "LOWER"
    arity = 1

    def as_postgresql(self, compiler, connection, **extra):
        return super().as_sql(compiler, connection, template='%(function)s(%(expressions)s COLLATE "C")', **extra)


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows of another table about a customer; ``fitting``: which of them answer a condition."""

    all: QuerySet
    fitting: Callable[[Condition], Q]

    def exist(self, condition: Condition | None = None) -> Exists:
        rows = self.all.filter(customer_id=OuterRef("pk")).order_by()
        return Exists(rows.filter(self.fitting(condition)) if condition else rows)


def source_of(field: Field) -> Combinable | Rows:
    """An expression over Customer, NULL where unknown; or rows."""
    if field.code.startswith(ATTRIBUTE):
        return Cell(field.code.removeprefix(ATTRIBUTE), field.kind)
    if field.code in _USAGE:
        return _newest_use(Q(), field.code)
    made = _MADE.get(field.code)
    if made is not None:
        return made()
    path = F(f"subscription__{field.code}" if field.code in _THEIRS else field.code)
    if field.kind not in (Kind.TEXT, Kind.CATEGORY) or not field.folds:
        return path
    return NullIf(Folded(path), Value(""), output_field=CharField())


# ---------------------------------------------------------------- risk


def _current_scores() -> tuple[ScoringRun | None, QuerySet]:
    run = predictions.current_run()
    return run, Score.objects.filter(run_id=run.pk if run else _NOBODY)


def _risk() -> Rows:
    return Rows(_current_scores()[1], lambda condition: comparison("risk", condition.operator, condition.value))


def _risk_band() -> Rows:
    run, scores = _current_scores()
    medium, high = (run.risk_medium, run.risk_high) if run else (0.0, 0.0)
    reach = {
        "high": Q(risk__gte=high),
        "medium": Q(risk__gte=medium, risk__lt=high),
        "low": Q(risk__lt=medium) & Q(risk__lt=high),
    }

    def fitting(condition: Condition) -> Q:
        named = condition.value if isinstance(condition.value, tuple) else (condition.value,)
        is_positive = condition.operator in ("equals", "one_of")
        found = Q(pk=_NOBODY)
        for band in BANDS:
            if (band in named) is is_positive:
                found |= reach[band]
        return found

    return Rows(scores, fitting)


# ---------------------------------------------------------------- use: of each customer the newest month there is


def _newest_use(which: Q, column: str) -> Subquery:
    months = UsageRecord.objects.filter(which, customer_id=OuterRef("pk")).order_by("-month")
    return Subquery(months.values(column)[:1])


def _last_use() -> Subquery:
    """First day of the newest month in which something was used. A complaint uses nothing."""
    used = Q()
    for measure in sorted(_USAGE - {"nombre_reclamations"}):
        used |= Q(**{f"{measure}__gt": 0})
    return _newest_use(used, "month")


# ---------------------------------------------------------------- belonging


def _segments() -> Rows:
    """Whom the current segmentation put where, and how a rule names a segment."""

    def fitting(condition: Condition) -> Q:
        numbers = [
            int(code[1:]) for code in condition.value if code[:1] == "S" and code[1:].isdecimal() and len(code) < 6
        ]
        return Q(segment__number__in=numbers or [-1])

    return Rows(SegmentMembership.objects.filter(segmentation__is_current=True), fitting)


# ---------------------------------------------------------------- past contacts


def _interactions(kind: str) -> QuerySet:
    return Interaction.objects.filter(kind=kind)


def _campaigns(kind: str) -> Callable[[], Rows]:
    return lambda: Rows(_interactions(kind), lambda condition: Q(campaign_code__in=condition.value))


def _contacted() -> Expression:
    return Exists(_interactions(Interaction.Kind.CONTACTED).filter(customer_id=OuterRef("pk")).order_by())


def _last_contact(column: str, output: object) -> Subquery:
    rows = _interactions(Interaction.Kind.CONTACTED).filter(customer_id=OuterRef("pk"))
    return Subquery(rows.order_by("-happened_on", "-pk").values(column)[:1], output_field=output)


def _contacts() -> Expression:
    rows = _interactions(Interaction.Kind.CONTACTED).filter(customer_id=OuterRef("pk")).order_by()
    return Coalesce(Subquery(rows.values("customer_id").annotate(n=Count("pk")).values("n")), 0)


_MADE: dict[str, Callable[[], Combinable | Rows]] = {
    "risk": _risk,
    "risk_band": _risk_band,
    "last_use": _last_use,
    "segment": _segments,
    "contacted": _contacted,
    "last_contact": lambda: _last_contact("happened_on", DateField()),
    "left_after_contact": lambda: _last_contact("left_within_horizon", BooleanField()),
    "contacts": _contacts,
    "campaign": _campaigns(Interaction.Kind.CONTACTED),
    "held_out": _campaigns(Interaction.Kind.HELD_OUT),
}


def comparison(name: str, operator: str, value: object) -> Q:
    """A comparison of a column or an expression by its name: true or false, and NULL where that is NULL."""
    return _COMPARISONS[operator](name, value)


_COMPARISONS: dict[str, Callable[[str, object], Q]] = {
    "equals": lambda name, value: Q(**{name: value}),
    "not_equals": lambda name, value: ~Q(**{name: value}),
    "one_of": lambda name, value: Q(**{f"{name}__in": value}),
    "none_of": lambda name, value: ~Q(**{f"{name}__in": value}),
    "less": lambda name, value: Q(**{f"{name}__lt": value}),
    "before": lambda name, value: Q(**{f"{name}__lt": value}),
    "at_most": lambda name, value: Q(**{f"{name}__lte": value}),
    "more": lambda name, value: Q(**{f"{name}__gt": value}),
    "after": lambda name, value: Q(**{f"{name}__gt": value}),
    "at_least": lambda name, value: Q(**{f"{name}__gte": value}),
    "between": lambda name, value: Q(**{f"{name}__gte": value[0], f"{name}__lte": value[1]}),
    "known": lambda name, _value: Q(**{f"{name}__isnull": False}),
    "unknown": lambda name, _value: Q(**{f"{name}__isnull": True}),
}
