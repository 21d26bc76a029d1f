"""What operators mend by hand: each correction is validated, kept as it was before, and written in the trail with its reason."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import date

from django.core.exceptions import ValidationError
from django.db import IntegrityError, models, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from core import reasons
from core.errors import Refused
from tenants import services as tenants
from tenants.models import User

from ..models import Customer, CustomerChange, FormerNumber, Subscription, UsageRecord
from . import duplicates
from .tallies import COUNTED_FIELDS, base_follows, count_in

LONGEST_REASON = 300
_TABLE = {Customer: "customer", Subscription: "subscription", UsageRecord: "usage"}
_BATCH = 1_000


@dataclass(frozen=True, slots=True)
class Correction:
    """A row that is not as it should be, and what its fields should hold."""

    row: Customer | Subscription | UsageRecord
    changes: Mapping[str, object]

    @property
    def customer_id(self) -> int:
        return self.row.pk if isinstance(self.row, Customer) else self.row.customer_id

    @property
    def month(self) -> date | None:
        return self.row.month if isinstance(self.row, UsageRecord) else None


def correct_customer(
    *,
    customer: Customer,
    changes: Mapping[str, object],
    actor: User,
    reason: str,
    subscription: Mapping[str, object] | None = None,
    attributes: Mapping[str, object] | None = None,
) -> Customer:
    """Correct a customer and, in the same breath, the subscription: one change, one reason. ``attributes`` are laid over those
    that the customer has by then, None takes one away.

    Raises ValidationError for a value that the field cannot hold, Refused without a reason.
    """
    with transaction.atomic():
        if attributes is not None:
            # Locked before they are read: two programs that each correct one of them must not undo each other.
            present = Customer.objects.select_for_update().filter(pk=customer.pk).first()
            if present is None:
                raise _gone()
            merged = {**present.attributes, **attributes}
            changes = {**changes, "attributes": {name: value for name, value in merged.items() if value is not None}}
        corrections = [Correction(customer, changes)]
        if subscription:
            plan = Subscription.objects.filter(customer=customer).first() or Subscription(customer=customer)
            corrections.append(Correction(plan, subscription))
        correct_rows(corrections=corrections, actor=actor, reason=reason)
    return Customer.objects.get(pk=customer.pk)


def correct_subscription(
    *, subscription: Subscription, changes: Mapping[str, object], actor: User, reason: str
) -> Subscription:
    correct_rows(corrections=[Correction(subscription, changes)], actor=actor, reason=reason)
    return Subscription.objects.get(pk=subscription.pk)


def correct_usage(*, usage: UsageRecord, changes: Mapping[str, object], actor: User, reason: str) -> UsageRecord:
    """Correct one month of use. Which customer's and which month it is are no matter of correction."""
    correct_rows(corrections=[Correction(usage, changes)], actor=actor, reason=reason)
    return UsageRecord.objects.get(pk=usage.pk)


def correct_rows(*, corrections: Sequence[Correction], actor: User, reason: str, source: str = "") -> int:
    """Correct many rows, all or none, with one reason. Returns how many customers changed; 0 writes nothing.

    A value that stands there already is no correction. ``source``: where they came from, for the trail.
    """
    reason = require_reason(reason)
    touched = sorted({c.customer_id for c in corrections})
    counts = any(COUNTED_FIELDS & set(c.changes) for c in corrections)
    with transaction.atomic():
        # Locked in one order and read anew: what is kept as "before" is what stood there at this moment.
        present = {c.pk: c for c in Customer.objects.select_for_update().filter(pk__in=touched).order_by("pk")}
        if len(present) != len(touched):
            raise _gone()
        with base_follows(touched) if counts else nullcontext():
            images, fields = _write(corrections, present)
        if not images:
            return 0
        keep_changes(images, kind=CustomerChange.Kind.CORRECTION, actor=actor, reason=reason)
        changed = sorted({customer_id for customer_id, _month in images})
        touch(changed)
        if source or len(changed) > 1:
            tenants.record(
                "customers_corrected",
                actor=actor,
                fields=sorted(fields),
                customers=len(changed),
                reason=reason,
                **({"source": source} if source else {}),
            )
        else:
            tenants.record("customer_corrected", present[changed[0]], actor=actor, fields=sorted(fields), reason=reason)
    return len(changed)


def require_reason(reason: str) -> str:
    """The reason, trimmed. Raises Refused where there is none, or too much of it: the history answers "why" for whoever comes later."""
    reason = reasons.reason(reason, most=LONGEST_REASON)
    if not reason:
        raise Refused("no_reason", _("Say why: the reason is kept with the change."))
    return reason


def _gone() -> Refused:
    return Refused("gone", _("A customer of this correction is no longer there: open the list again."))


def _write(
    corrections: Sequence[Correction], present: Mapping[int, Customer]
) -> tuple[dict[tuple[int, date | None], dict], set[str]]:
    """Save what differs. Returns the images of before, by customer and month, and the names of the fields."""
    images: dict[tuple[int, date | None], dict] = {}
    fields: set[str] = set()
    fresh = _fresh([c.row for c in corrections], present)
    for correction, row in zip(corrections, fresh, strict=True):
        changes = {name: value for name, value in correction.changes.items() if getattr(row, name) != value}
        if not changes:
            continue
        is_new = row._state.adding
        image = None if is_new else {name: storable(getattr(row, name)) for name in changes}
        for name, value in changes.items():
            setattr(row, name, value)
        _validate(row, changes)
        if isinstance(row, UsageRecord):
            row.changed_by_import = None
            row.save(update_fields=[*changes, "changed_by_import"])
        else:
            try:
                with transaction.atomic():
                    row.save(**({} if is_new else {"update_fields": [*changes, "updated_at"]}))
            except IntegrityError:
                if "external_id" not in changes:
                    raise
                raise _number_taken() from None  # by somebody who was a moment ahead
        images.setdefault((correction.customer_id, correction.month), {})[_TABLE[type(row)]] = image
        fields.update(changes)
    return images, fields


def _fresh(rows: Sequence[models.Model], present: Mapping[int, Customer]) -> list[models.Model]:
    """The rows as they stand now, in the company in scope; a subscription that is not there yet begins."""
    found: dict[type[models.Model], dict[int, models.Model]] = {Customer: dict(present)}
    for model in (Subscription, UsageRecord):
        keys = [row.pk for row in rows if isinstance(row, model) and row.pk is not None]
        found[model] = model.objects.in_bulk(keys) if keys else {}
    fresh = []
    for row in rows:
        now = found[type(row)].get(row.pk)
        if now is None and isinstance(row, Subscription):
            now = Subscription(customer=present[row.customer_id])
        if now is None:
            raise _gone()
        fresh.append(now)
    return fresh


def _validate(row: models.Model, changes: Mapping[str, object]) -> None:
    row.clean_fields(exclude={f.name for f in row._meta.concrete_fields} - set(changes))
    if isinstance(row, Customer) and "external_id" in changes:
        require_free_number(row)


def _number_taken() -> ValidationError:
    return ValidationError({"external_id": _("Another customer has this number: merge the two instead.")})


def require_free_number(customer: Customer) -> None:
    """Raises ValidationError where another customer has, or had before a merge, this number."""
    number = customer.external_id
    if Customer.objects.filter(external_id=number).exclude(pk=customer.pk).exists():
        raise _number_taken()
    former = FormerNumber.objects.filter(external_id=number).select_related("customer").first()
    if former is not None:
        raise ValidationError(
            {
                "external_id": _("This number belonged to a customer who was merged into %(who)s.")
                % {"who": former.customer}
            }
        )


# ---------------------------------------------------------------- what stays of a change


def storable(value: object) -> object:
    """A field's value as JSON keeps it; numbers with decimals as text, so that none is lost."""
    return value if value is None or isinstance(value, bool | int | float | str | dict | list) else str(value)


def keep_changes(images: Mapping[tuple[int, date | None], dict], *, kind: str, actor: User | None, reason: str) -> None:
    """One CustomerChange for each (customer, month), holding what stood there before."""
    now = timezone.now()
    rows = [
        CustomerChange(
            customer_id=customer_id, month=month, kind=kind, at=now, actor=actor, reason=reason, before=before
        )
        for (customer_id, month), before in images.items()
    ]
    CustomerChange.objects.bulk_create(rows, batch_size=_BATCH)


def touch(customers: Sequence[int]) -> None:
    """Say that a person changed these: taking an earlier import back leaves them alone."""
    Customer.objects.filter(pk__in=customers).update(changed_by_import=None, updated_at=timezone.now())


# ---------------------------------------------------------------- rows that come and go by hand


def add_customer(*, customer: Customer, actor: User, subscription: Subscription | None = None) -> Customer:
    """A customer typed in by hand, with the subscription where there is one.

    Raises ValidationError where the number is taken, or was before a merge.
    """
    with transaction.atomic():
        require_free_number(customer)
        customer.save()
        if subscription is not None:
            subscription.customer = customer
            subscription.save()
        count_in([customer.pk])
        tenants.record("created_by_hand", customer, actor=actor)
    return customer


def add_usage(*, usage: UsageRecord, actor: User) -> UsageRecord:
    """A month of use typed in by hand."""
    with transaction.atomic():
        usage.save()
        keep_changes(
            {(usage.customer_id, usage.month): {"usage": None}},
            kind=CustomerChange.Kind.CORRECTION,
            actor=actor,
            reason="",
        )
        touch([usage.customer_id])
        tenants.record("created_by_hand", usage, actor=actor, month=f"{usage.month:%Y-%m}")
    return usage


def remove_usage(*, usage: UsageRecord, actor: User, reason: str) -> None:
    """Take a month of use away; what it held stays in the customer's history."""
    reason = require_reason(reason)
    held = {f.name: storable(getattr(usage, f.name)) for f in measures()}
    with transaction.atomic():
        keep_changes(
            {(usage.customer_id, usage.month): {"usage": held, "removed": True}},
            kind=CustomerChange.Kind.CORRECTION,
            actor=actor,
            reason=reason,
        )
        touch([usage.customer_id])
        tenants.record("deleted_by_hand", usage, actor=actor, month=f"{usage.month:%Y-%m}", reason=reason)
        usage.delete()


def measures() -> list[models.Field]:
    """What a month of use holds beside its customer and its month."""
    kept = {"id", "tenant", "customer", "month", "created_by_import", "changed_by_import"}
    return [f for f in UsageRecord._meta.concrete_fields if f.name not in kept]


def erase_customer(*, customer: Customer, actor: User, reason: str) -> None:
    """Delete a customer with all that hangs on them, history included. The trail keeps the identifier and the reason. Refused
    ("gone") where somebody else has done so."""
    reason = require_reason(reason)
    with transaction.atomic():
        # Locked before they are counted: erased twice at once, they would be taken off the roll-up twice.
        if Customer.objects.select_for_update().filter(pk=customer.pk).first() is None:
            raise _gone()
        with base_follows([customer.pk]):
            tenants.record("customer_erased", customer, actor=actor, reason=reason)
            duplicates.leave_out(customer.pk)
            customer.delete()
