"""Takes an import back: what it changed becomes what it was, what it brought goes, as long as nothing touched it since."""

from __future__ import annotations

from django.db import transaction
from django.db.models import Exists, F, OuterRef, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from core import jobs

from .. import merge, taking_back
from ..ingest.rows import MEASURES
from ..ingest.schema import BY_NAME
from ..models import Customer, CustomerChange, Import, Interaction, UsageRecord

_BATCH = 5_000


def undo(held: jobs.Claim, run: Import) -> None:
    """Restore, then remove, batch by batch; each batch is a transaction and may be done twice without harm.

    The images stay for the customers' history, which then shows nothing of this import: before and after are one.
    """
    result = {"restored": 0, "removed": 0, "months_restored": 0, "months_removed": 0, **run.undo_result}
    total = max(1, run.rows_updated + run.rows_created + run.months_written)

    def report(note: str) -> None:
        held.save(undo_result=result)
        done = sum(result[name] for name in ("restored", "removed", "months_restored", "months_removed"))
        held.report(min(done, total), total, note)

    _restore(run, result, report)
    _remove(
        UsageRecord.objects.filter(created_by_import=run.pk, changed_by_import=run.pk),
        lambda n: _add(result, "months_removed", n, report),
    )
    _remove(_removable(run), lambda n: _add(result, "removed", n, report))
    held.save(undo_result={**result, "kept": _kept(run, result)}, undone_at=timezone.now())


def _add(result: dict, name: str, n: int, report) -> None:
    result[name] += n
    report(_("Removing"))


def _restore(run: Import, result: dict, report) -> None:
    # From the mapping alone: the file may be forgotten by now.
    ours, theirs = merge.split_columns([name for name in run.columns.values() if name in BY_NAME])
    images = CustomerChange.objects.filter(brought_by=run).order_by("pk")
    after = 0
    while keys := list(images.filter(pk__gt=after).values_list("pk", flat=True)[:_BATCH]):
        span = (keys[0], keys[-1])
        with transaction.atomic():
            result["restored"] += taking_back.restore_customers(run.pk, span, ours=ours, theirs=theirs)
            result["months_restored"] += taking_back.restore_months(run.pk, span, measures=list(MEASURES))
            report(_("Restoring"))
        after = keys[-1]


def _removable(run: Import) -> QuerySet[Customer]:
    """Customers whom this import brought, whom nothing changed since, who were never contacted and have no other months."""
    brought = Customer.objects.filter(created_by_import=run.pk, changed_by_import=run.pk)
    contacts = Interaction.objects.filter(customer=OuterRef("pk"))
    months = UsageRecord.objects.filter(customer=OuterRef("pk"))
    return brought.exclude(Exists(contacts)).exclude(Exists(months))


def _remove(rows: QuerySet, told) -> None:
    after = 0
    while True:
        with transaction.atomic():
            # Locked while they are still untouched: who is corrected in this moment stays.
            untouched = rows.select_for_update(of=("self",)).filter(pk__gt=after).order_by("pk")
            keys = list(untouched.values_list("pk", flat=True)[:_BATCH])
            if not keys:
                return
            rows.model.objects.filter(pk__in=keys).delete()
            told(len(keys))
        after = keys[-1]


def _kept(run: Import, result: dict) -> list[dict[str, object]]:
    """What could not be taken back, by reason."""
    brought = Customer.objects.filter(created_by_import=run.pk)
    changed = CustomerChange.objects.filter(brought_by=run, month=None).exclude(customer__created_by_import=run.pk)
    changed = changed.order_by().values("customer_id").distinct()
    by_hand = CustomerChange.objects.filter(customer=OuterRef("customer"), pk__gt=OuterRef("pk"))
    by_hand = by_hand.exclude(kind=CustomerChange.Kind.IMPORT)
    corrected = changed.filter(Exists(by_hand), customer__changed_by_import=None).count()
    later = changed.count() - result["restored"] - corrected
    untouched = brought.filter(changed_by_import=run.pk)
    contacts = Interaction.objects.filter(customer=OuterRef("pk"))
    months = UsageRecord.objects.filter(created_by_import=run.pk).exclude(changed_by_import=F("created_by_import"))
    changed_months = CustomerChange.objects.filter(brought_by=run, month__isnull=False).count()
    counts = {
        "corrected": corrected + brought.filter(changed_by_import=None).count(),
        "changed_later": later + brought.exclude(changed_by_import=None).exclude(changed_by_import=run.pk).count(),
        "contacted": untouched.filter(Exists(contacts)).count(),
        "has_months": untouched.exclude(Exists(contacts)).count(),
        "months_changed_later": months.count() + changed_months - result["months_restored"],
    }
    return [{"reason": reason, "count": n} for reason, n in counts.items() if n > 0]
