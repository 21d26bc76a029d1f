"""Questions about customers."""

from __future__ import annotations

from datetime import date

from django.db.models import Case, Count, Max, Q, QuerySet, Sum, When
from django.db.models.functions import Coalesce

from core import prefix
from core.models import OPEN_STATES

from .frames import (
    AVERAGED_MONTHS,
    CAMPAIGN_STANDING,
    CONTACT_COLUMNS,
    CONTACT_DAYS,
    ENOUGH_CONTACTED,
    FEATURES,
    RECENT_CONTACTS,
    SERVICES,
    TREND_COLUMNS,
    USAGE_FEATURES,
    Aftermath,
    Attribute,
    Cut,
    History,
    Moment,
    NumericColumn,
    Spans,
    adopted_definition,
    aftermath,
    as_json,
    attribute_cells,
    before_labels,
    chosen_frames,
    count_outcomes,
    date_columns,
    evaluation_frames,
    feature_frames,
    known_attributes,
    known_calendar,
    labelled_sample,
    numeric_columns,
    passed_over_columns,
    people_of,
    picked_frames,
    plain_blocks,
    read_history,
    spans_around,
    spent,
    standings,
    survey_attributes,
    training_cut,
    training_frames,
    without_few_contacts,
)
from .ingest.celltypes import DATE
from .ingest.schema import COLUMNS, USAGE_COLUMNS
from .models import (
    ChurnDefinition,
    ColumnFinding,
    ColumnMapping,
    Customer,
    CustomerBase,
    DuplicateGroup,
    DuplicateSearch,
    Feed,
    FeedRun,
    Import,
    ImportStep,
    QualityProfile,
    UsageRecord,
)

__all__ = [  # what frames offers, for other stages to ask here
    "AVERAGED_MONTHS",
    "CAMPAIGN_STANDING",
    "CONTACT_COLUMNS",
    "CONTACT_DAYS",
    "ENOUGH_CONTACTED",
    "FEATURES",
    "RECENT_CONTACTS",
    "SERVICES",
    "TREND_COLUMNS",
    "USAGE_FEATURES",
    "Aftermath",
    "Attribute",
    "Cut",
    "History",
    "Moment",
    "NumericColumn",
    "Spans",
    "adopted_definition",
    "aftermath",
    "as_json",
    "attribute_cells",
    "before_labels",
    "chosen_frames",
    "count_outcomes",
    "date_columns",
    "evaluation_frames",
    "feature_frames",
    "known_attributes",
    "known_calendar",
    "labelled_sample",
    "numeric_columns",
    "passed_over_columns",
    "people_of",
    "picked_frames",
    "plain_blocks",
    "read_history",
    "spans_around",
    "spent",
    "standings",
    "survey_attributes",
    "training_cut",
    "training_frames",
    "without_few_contacts",
]


def has_both_classes() -> bool:
    """Whether the company in scope knows of customers who left and who stayed: by their labels, or by the dates that say
    what leaving means, so that a file need not say it."""
    if all(Customer.objects.filter(churn_label=left).exists() for left in (True, False)):
        return True
    definition = adopted_definition()
    return definition is not None and definition.is_dated


def count_customers() -> dict[str, object]:
    """The base in numbers, by a pass over each of its tables: written to CustomerBase, never run for a page."""
    totals = Customer.objects.aggregate(
        customers=Count("pk"),
        left=Count("pk", filter=Q(churn_label=True)),
        stayed=Count("pk", filter=Q(churn_label=False)),
        unknown=Count("pk", filter=Q(churn_label=None)),
    )
    revenue = Customer.objects.exclude(churn_label=True).aggregate(
        monthly=Coalesce(Sum("subscription__monthly_charges"), 0, output_field=_money())
    )["monthly"]
    months = UsageRecord.objects.order_by().values("month").distinct().count()
    return {**totals, "months": months, "monthly_revenue": float(revenue)}


def _money():
    from django.db.models import DecimalField

    return DecimalField(max_digits=16, decimal_places=3)


def customer_base() -> dict[str, object]:
    row = CustomerBase.objects.first()
    return row.facts if row else {"customers": 0, "left": 0, "stayed": 0, "unknown": 0, "monthly_revenue": 0.0}


def import_list() -> QuerySet[Import]:
    return Import.objects.select_related("requested_by")


def remembered_mapping(shape_key: str) -> ColumnMapping | None:
    """What was agreed for files of this shape."""
    return ColumnMapping.objects.select_related("agreed_by").filter(shape_key=shape_key).first()


def get_customer(public_id) -> Customer:
    """One customer with the subscription. Raises Customer.DoesNotExist, also for another company's."""
    return Customer.objects.select_related("subscription").get(public_id=public_id)


def customer_of_number(number: str) -> Customer | None:
    """Who has this number, or had it before a merge."""
    rows = Customer.objects.select_related("subscription")
    found = rows.filter(external_id=number).first()
    return found or rows.filter(former_numbers__external_id=number).first()


def months_of_use(customer: Customer, *, first: date | None = None, last: date | None = None) -> QuerySet[UsageRecord]:
    """A customer's months between two, both included; the newest first."""
    rows = UsageRecord.objects.filter(customer=customer).order_by("-month")
    if first is not None:
        rows = rows.filter(month__gte=first)
    return rows.filter(month__lte=last) if last is not None else rows


def usage_by_month(customer: Customer) -> list[UsageRecord]:
    return list(UsageRecord.objects.filter(customer=customer).order_by("-month")[:24])[::-1]


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


# ---------------------------------------------------------------- what files brought, and what can be learned from it


def written_imports() -> QuerySet[Import]:
    """Imports whose rows are in the base, newest first."""
    return Import.objects.filter(state="succeeded", step=ImportStep.WRITE).order_by("-pk")


def profile_list() -> QuerySet[QualityProfile]:
    """Profiles of imports that were not taken back, the newest import first; without the profiles themselves."""
    wanted = QualityProfile.objects.filter(brought_by__undone_at=None).order_by("-brought_by_id")
    return wanted.select_related("brought_by", "compared_with").defer("profile", *_LARGE_COLUMNS_OF_IMPORTS)


_LARGE_COLUMNS_OF_IMPORTS = tuple(
    f"{key}__{name}" for key in ("brought_by", "compared_with") for name in ("proposal", "preview", "refusals")
)


def profile_of(run: Import) -> QualityProfile | None:
    """What was found in one import's file."""
    return QualityProfile.objects.select_related("compared_with").filter(brought_by=run).first()


def profile_before(run: Import, grain: str) -> QualityProfile | None:
    """The newest finished profile of an earlier import with the same kind of lines and half of this one's columns at
    least, unless that was taken back: a file of bills is not held against one of calls."""
    earlier = QualityProfile.objects.filter(grain=grain, state="succeeded", brought_by_id__lt=run.pk)
    earlier = earlier.filter(brought_by__undone_at=None).select_related("brought_by").order_by("-brought_by_id")
    ours = run.kept_fields
    for profile in earlier.defer("profile", *_LARGE_COLUMNS_OF_IMPORTS[:3])[:_COMPARED_WITH]:
        if 2 * len(ours & profile.brought_by.kept_fields) >= len(ours):
            return profile
    return None


def finding_list() -> QuerySet[ColumnFinding]:
    """What the leak watch says about columns, the gravest first."""
    grave = Case(When(severity="quarantine", then=0), When(severity="warn", then=1), default=2)
    return ColumnFinding.objects.filter(holds=True).select_related("overruled_by").order_by(grave, "column")


_STANDARD = {column.name for column in (*COLUMNS, *USAGE_COLUMNS)}
_LEARNED_FROM_IMPORTS = _COMPARED_WITH = 20
PUSHED = "api"  # the kind of an import that a program sent row by row


def may_be_feature(name: str) -> bool:
    """Whether models may be offered a column: our own features, measures of use, and every other field of a customer."""
    return name in FEATURES or name in USAGE_FEATURES or name not in _STANDARD


def learnable_columns() -> set[str]:
    """Columns of the newest imports that models may learn from: brought, not empty, constant or set aside.

    Of an import whose file was not looked at yet, every column that was kept counts.
    """
    # A program may send rows every minute, a few fields each: they count beside the newest files, not in their place.
    by_program, light = Q(kind=PUSHED), written_imports().only("mapping", "headers")
    imports = [*light.exclude(by_program)[:_LEARNED_FROM_IMPORTS], *light.filter(by_program)[:_LEARNED_FROM_IMPORTS]]
    looked_at = QualityProfile.objects.filter(brought_by__in=imports, state="succeeded")
    found = {run: summary["learnable"] for run, summary in looked_at.values_list("brought_by_id", "summary")}
    columns: set[str] = set()
    for run in imports:
        columns.update(found[run.pk] if run.pk in found else filter(may_be_feature, run.kept_fields))
    kept_away = ColumnFinding.objects.filter(severity__in=("quarantine", "set_aside"), overruled_at=None, holds=True)
    return columns - set(kept_away.values_list("column", flat=True))


# ---------------------------------------------------------------- what leaving means


def definition_list() -> QuerySet[ChurnDefinition]:
    """Everything that was proposed, newest first."""
    return ChurnDefinition.objects.select_related("requested_by", "adopted_by").order_by("-pk")


def outcome_counts() -> dict[str, int]:
    """``left`` and ``stayed``: customers whose outcome a model can learn from, as the roll-ups have it.

    By the label column, or of those who could leave on the day that the adopted definition was previewed to learn on.
    """
    base, definition = customer_base(), adopted_definition()
    if definition is None or not definition.is_dated:
        return {"left": base["left"], "stayed": base["stayed"]}
    day = definition.preview.get("learns", {}).get("train")
    line = next((m for m in definition.preview.get("months", []) if m["month"] == day), None)
    if line is None or line["left"] is None:
        return {"left": 0, "stayed": 0}
    return {"left": line["left"], "stayed": line["at_risk"] - line["left"]}


def label_months() -> int | None:
    """Within how many months before the file the label's leavers left; None where they left at any time, or nobody said."""
    definition = adopted_definition()
    if definition is None or definition.is_dated or not definition.horizon_days:
        return None
    return max(1, round(definition.horizon_days / 30))


def date_fields() -> list[str]:
    """Other fields that hold dates: where a contract's end may stand."""
    return [attribute.name for attribute in known_attributes() if attribute.kind == DATE]


# ---------------------------------------------------------------- feeds


def duplicate_groups(*, dismissed: bool = False) -> QuerySet[DuplicateGroup]:
    """What wait for a person; with ``dismissed`` those that were kept apart as well."""
    return DuplicateGroup.objects.all() if dismissed else DuplicateGroup.objects.filter(dismissed_at=None)


def newest_duplicate_search() -> DuplicateSearch | None:
    return DuplicateSearch.objects.order_by("-pk").first()


def members_of(groups: list[DuplicateGroup]) -> dict[int, list[Customer]]:
    """Of each group, by its key: those of its customers who are still there."""
    there = {c.pk: c for c in Customer.objects.filter(pk__in={key for group in groups for key in group.members})}
    return {group.pk: [there[key] for key in group.members if key in there] for group in groups}


def feed_list() -> QuerySet[Feed]:
    return Feed.objects.select_related("created_by")


def feed_runs(feed: Feed) -> QuerySet[FeedRun]:
    """Looks and tests of one feed, newest first."""
    return FeedRun.objects.filter(feed=feed).select_related("import_run", "requested_by")


def newest_feed_test(feed: Feed) -> FeedRun | None:
    return feed_runs(feed).filter(is_test=True).first()


def open_feed_runs(feed: Feed) -> list[FeedRun]:
    return list(feed_runs(feed).filter(state__in=OPEN_STATES))


def last_feed_runs(feeds: list[Feed]) -> dict[int, FeedRun]:
    """The newest look of each feed, by the feed's key."""
    newest = FeedRun.objects.filter(feed__in=feeds, is_test=False).order_by().values("feed").annotate(last=Max("pk"))
    keys = [row["last"] for row in newest]
    return {run.feed_id: run for run in FeedRun.objects.filter(pk__in=keys).select_related("import_run")}
