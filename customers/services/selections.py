"""One correction for many customers at once, by set statements in one transaction."""

from __future__ import annotations

from collections.abc import Sequence

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from core.errors import Refused
from core.templatetags.ui import thousands
from tenants import services as tenants
from tenants.models import User

from ..models import Customer, CustomerChange
from .curation import keep_changes, require_reason
from .tallies import COUNTED_FIELDS, base_follows

MOST_AT_ONCE = 10_000

# What may be done to a selection: the field, and what it holds afterwards.
BULK_CORRECTIONS: dict[str, tuple[str, object]] = {
    "mark_left": ("churn_label", True),
    "mark_stayed": ("churn_label", False),
    "forget_label": ("churn_label", None),
    "clear_persona": ("persona", ""),
}


def require_few(count: int) -> None:
    """Refuse a selection that one request should not write."""
    if count > MOST_AT_ONCE:
        raise Refused(
            "too_many_selected",
            _("More than %(most)s customers are selected: narrow the list, or bring in a file with the new values.")
            % {"most": thousands(MOST_AT_ONCE)},
            maximum=MOST_AT_ONCE,
        )


def correct_selection(*, customers: Sequence[int], correction: str, actor: User, reason: str) -> int:
    """Write one value into the same field of many customers (keys). Returns how many it changed.

    ``correction``: a key of BULK_CORRECTIONS. Raises Refused without a reason, and for more than MOST_AT_ONCE.
    """
    reason = require_reason(reason)
    require_few(len(customers))
    field, value = BULK_CORRECTIONS[correction]
    with transaction.atomic():
        rows = Customer.objects.select_for_update().filter(pk__in=customers).order_by("pk")
        found = {pk: old for pk, old in rows.values_list("pk", field) if old != value}
        if not found:
            return 0
        changed = list(found)
        if field in COUNTED_FIELDS:
            with base_follows(changed):
                _write(changed, field, value)
        else:
            _write(changed, field, value)
        images = {(pk, None): {"customer": {field: old}} for pk, old in found.items()}
        keep_changes(images, kind=CustomerChange.Kind.CORRECTION, actor=actor, reason=reason)
        tenants.record(
            "customers_corrected",
            actor=actor,
            correction=correction,
            fields=[field],
            customers=len(changed),
            reason=reason,
        )
    return len(changed)


def _write(customers: Sequence[int], field: str, value: object) -> None:
    # A person changed them: taking an earlier import back leaves them alone.
    Customer.objects.filter(pk__in=customers).update(
        **{field: value, "changed_by_import": None, "updated_at": timezone.now()}
    )
