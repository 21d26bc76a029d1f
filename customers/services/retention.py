"""Files are personal data: what is kept of them goes when it has served."""

from __future__ import annotations

from datetime import timedelta

from django.conf import settings
from django.db.models import Q
from django.utils import timezone

from core import jobs
from core.models import JobState

from ..models import Import
from . import files

_BATCH = 500


def forget_files() -> int:
    """Remove the files of imports that ended, or that nobody came back to, IMPORT_FILES_DAYS ago, and what stood in the cells
    that were refused: line, column and reason stay. Returns how many files went."""
    before = timezone.now() - timedelta(days=settings.IMPORT_FILES_DAYS)
    rests = Q(state=JobState.AWAITING, requested_at__lt=before)
    ended = Q(finished_at__lt=before) & ~Q(state__in=(JobState.QUEUED, JobState.RUNNING))
    # What a program sent has no file, and refused cells like any other.
    with_cells = Q(refusals__0__value__isnull=False)
    for run in Import.objects.filter(rests | ended).filter(with_cells, stored_path="").order_by("pk")[:_BATCH]:
        _forget_cells(run)
    old = list(Import.objects.filter(rests | ended).exclude(stored_path="")[:_BATCH])
    for run in old:
        if run.is_awaiting:
            jobs.cancel(run)
        files.forget(run)
        Import.objects.filter(pk=run.pk).update(
            stored_path="", table_path="", lines_path="", refused_path="", proposal={}
        )
        _forget_cells(run)
    return len(old)


def _forget_cells(run: Import) -> None:
    without = [{name: said for name, said in refusal.items() if name != "value"} for refusal in run.refusals]
    preview = {**run.preview, "refusals": []} if run.preview else {}
    Import.objects.filter(pk=run.pk).update(refusals=without, preview=preview)
