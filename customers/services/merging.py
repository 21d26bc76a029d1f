"""Two rows for one person become one: what each knew is chosen field by field, and nothing of their history is lost."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from django.db import models, transaction
from django.utils.translation import gettext as _

from core.errors import Refused
from tenants import services as tenants
from tenants.models import User

from ..models import Customer, CustomerChange, FormerNumber, Interaction, Subscription, UsageRecord
from ..signals import customer_merged
from . import duplicates
from .curation import keep_changes, measures, require_reason, storable, touch
from .tallies import base_follows

KEPT, GONE = "kept", "gone"
_NOT_CHOSEN = {"id", "tenant", "public_id", "external_id", "attributes", "created_at", "updated_at", "customer"}
_NOT_CHOSEN |= {"created_by_import", "changed_by_import"}
_BATCH = 500


@dataclass(frozen=True, slots=True)
class FieldChoice:
    """One field of the two rows. ``default``: whose value stays where the person says nothing; empty: they must say."""

    table: str  # customer, subscription or attributes
    name: str
    kept: object
    gone: object
    default: str

    @property
    def key(self) -> str:
        return f"{self.table}.{self.name}"

    @property
    def differs(self) -> bool:
        return self.kept != self.gone

    def value(self, side: str) -> object:
        return self.gone if side == GONE else self.kept


@dataclass(frozen=True, slots=True)
class MergePlan:
    """What merging ``gone`` into ``kept`` would do. Nothing is written by making it."""

    kept: Customer
    gone: Customer
    fields: tuple[FieldChoice, ...]
    months_moved: int
    months_dropped: int  # both have the month: that of the one who stays wins
    contacts_moved: int
    contacts_dropped: int

    @property
    def differing(self) -> list[FieldChoice]:
        return [field for field in self.fields if field.differs]


def plan_merge(*, kept: Customer, gone: Customer) -> MergePlan:
    """Compare two customers of the company in scope. Raises Refused where they are one row."""
    if kept.pk == gone.pk:
        raise Refused("same_customer", _("This is one customer: choose two."))
    months, months_of_both = _split(UsageRecord, "month", kept, gone)
    contacts, contacts_of_both = _split(Interaction, "campaign_code", kept, gone)
    return MergePlan(
        kept=kept,
        gone=gone,
        fields=tuple(_choices(kept, gone)),
        months_moved=months.count(),
        months_dropped=months_of_both.count(),
        contacts_moved=contacts.count(),
        contacts_dropped=contacts_of_both.count(),
    )


def _choices(kept: Customer, gone: Customer) -> Iterable[FieldChoice]:
    for field in _fields(Customer):
        ours, theirs = getattr(kept, field.name), getattr(gone, field.name)
        must_say = field.name == "churn_label" and None not in (ours, theirs) and ours != theirs
        yield FieldChoice("customer", field.name, ours, theirs, "" if must_say else _fuller(ours, theirs))
    plan, other = _subscription(kept), _subscription(gone)
    for field in _fields(Subscription):
        ours, theirs = (getattr(row, field.name) if row else field.get_default() for row in (plan, other))
        yield FieldChoice("subscription", field.name, ours, theirs, _fuller(ours, theirs))
    for name in sorted(kept.attributes.keys() | gone.attributes.keys()):
        ours, theirs = kept.attributes.get(name), gone.attributes.get(name)
        yield FieldChoice("attributes", name, ours, theirs, _fuller(ours, theirs))


def _fuller(ours: object, theirs: object) -> str:
    return GONE if ours in (None, "") and theirs not in (None, "") else KEPT


def _fields(model: type[models.Model]) -> list[models.Field]:
    return [field for field in model._meta.concrete_fields if field.name not in _NOT_CHOSEN]


def _subscription(customer: Customer) -> Subscription | None:
    return Subscription.objects.filter(customer=customer).first()


def _split(model: type[models.Model], unique: str, kept: Customer, gone: Customer):
    """(rows of the one who goes that move, rows that the one who stays has too)."""
    theirs = model.objects.filter(customer=gone)
    ours = model.objects.filter(customer=kept).values(unique)
    return theirs.exclude(**{f"{unique}__in": ours}), theirs.filter(**{f"{unique}__in": ours})


def merge_customers(
    *, kept: Customer, gone: Customer, choices: Mapping[str, str], actor: User, reason: str
) -> Customer:
    """Make one customer of two; returns the one who stays. All or nothing.

    ``choices``: FieldChoice.key -> "kept" or "gone"; what is not named takes its default. Raises Refused without a reason,
    and where one left and the other stayed but nobody says which is true.
    """
    reason = require_reason(reason)
    with transaction.atomic():
        both = Customer.objects.select_for_update().filter(pk__in=(kept.pk, gone.pk)).order_by("pk")
        present = {customer.pk: customer for customer in both}
        if {kept.pk, gone.pk} - present.keys():
            raise Refused("gone", _("One of the two is no longer there: open the list again."))
        kept, gone = present[kept.pk], present[gone.pk]
        plan = plan_merge(kept=kept, gone=gone)
        sides = _decide(plan, choices)
        with base_follows((kept.pk, gone.pk)):
            before = _image(plan)
            _write(plan, sides)
            _move(kept, gone)
            keep_changes({(kept.pk, None): before}, kind=CustomerChange.Kind.MERGE, actor=actor, reason=reason)
            touch([kept.pk])
            FormerNumber.objects.create(external_id=gone.external_id, customer=kept)
            tenants.record(
                "customers_merged",
                kept,
                actor=actor,
                gone=str(gone.public_id),
                taken=sorted(c.key for c in plan.differing if sides[c.key] == GONE),
                reason=reason,
            )
            # Later stages take over what they know of the one who goes; the delete below removes the rest.
            customer_merged.send(sender=Customer, kept_id=kept.pk, gone_id=gone.pk)
            duplicates.leave_out(gone.pk)
            gone.delete()
    return Customer.objects.get(pk=kept.pk)


def _decide(plan: MergePlan, choices: Mapping[str, str]) -> dict[str, str]:
    sides = {}
    for field in plan.fields:
        side = choices.get(field.key) or field.default
        if not side:
            raise Refused("label_conflict", _("One of the two left and the other stayed: say which is true."))
        if side not in (KEPT, GONE):
            raise Refused("unknown_choice", _("Choose one of the two values for each field."))
        sides[field.key] = side
    return sides


def _image(plan: MergePlan) -> dict[str, object]:
    """Both customers as they were, and the rows that the one who stays had already."""
    _moved, months = _split(UsageRecord, "month", plan.kept, plan.gone)
    _moved, contacts = _split(Interaction, "campaign_code", plan.kept, plan.gone)
    return {
        **_picture(plan.kept),
        "gone": {
            **_picture(plan.gone),
            "external_id": plan.gone.external_id,
            "public_id": str(plan.gone.public_id),
            "usage": {
                f"{m.month:%Y-%m-%d}": {f.name: storable(getattr(m, f.name)) for f in measures()} for m in months
            },
            "interactions": [
                [c.campaign_code, c.kind, f"{c.happened_on:%Y-%m-%d}", c.left_within_horizon] for c in contacts
            ],
        },
    }


def _picture(customer: Customer) -> dict[str, object]:
    plan = _subscription(customer)
    ours = {f.name: storable(getattr(customer, f.name)) for f in _fields(Customer)}
    return {
        "customer": {**ours, "attributes": customer.attributes},
        "subscription": {f.name: storable(getattr(plan, f.name)) for f in _fields(Subscription)} if plan else None,
    }


def _write(plan: MergePlan, sides: Mapping[str, str]) -> None:
    kept = plan.kept
    values: dict[str, dict[str, object]] = {"customer": {}, "subscription": {}, "attributes": {}}
    for field in plan.fields:
        values[field.table][field.name] = field.value(sides[field.key])
    for name, value in values["customer"].items():
        setattr(kept, name, value)
    kept.attributes = {name: value for name, value in values["attributes"].items() if value is not None}
    kept.save()
    row = _subscription(kept)
    if row is None and _subscription(plan.gone) is not None:
        row = Subscription(customer=kept)
    if row is not None:
        for name, value in values["subscription"].items():
            setattr(row, name, value)
        row.save()


def _move(kept: Customer, gone: Customer) -> None:
    """What hangs on the one who goes, and is not there twice, hangs on the one who stays."""
    months, months_of_both = _split(UsageRecord, "month", kept, gone)
    # An import taken back later could not tell the two apart any more: it leaves these months alone.
    twice = list(months_of_both.values_list("month", flat=True))
    UsageRecord.objects.filter(customer=kept, month__in=twice).update(created_by_import=None, changed_by_import=None)
    moving = list(months.values_list("pk", flat=True))
    UsageRecord.objects.filter(pk__in=moving).update(customer=kept, created_by_import=None, changed_by_import=None)
    contacts, _of_both = _split(Interaction, "campaign_code", kept, gone)
    Interaction.objects.filter(pk__in=list(contacts.values_list("pk", flat=True))).update(customer=kept)
    FormerNumber.objects.filter(customer=gone).update(customer=kept)
    _move_history(kept, gone)


def _move_history(kept: Customer, gone: Customer) -> None:
    """Changes of the one who goes stay readable: each says under which number it happened."""
    changes = CustomerChange.objects.filter(customer=gone).order_by("pk")
    while batch := list(changes[:_BATCH]):
        for change in batch:
            change.before = {"former_number": gone.external_id, **change.before}
            change.customer = kept
        CustomerChange.objects.bulk_update(batch, ["before", "customer"])
