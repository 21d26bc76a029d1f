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
    """Remove the files of imports that ended, or that nobody came back to, IMPORT_FILES_DAYS ago. Returns how many."""
    before = timezone.now() - timedelta(days=settings.IMPORT_FILES_DAYS)
    rests = Q(state=JobState.AWAITING, requested_at__lt=before)
    ended = Q(finished_at__lt=before) & ~Q(state__in=(JobState.QUEUED, JobState.RUNNING))
    old = list(Import.objects.filter(rests | ended).exclude(stored_path="")[:_BATCH])
    for run in old:
        if run.is_awaiting:
            jobs.cancel(run)
        files.forget(run)
        Import.objects.filter(pk=run.pk).update(
            stored_path="", table_path="", lines_path="", refused_path="", proposal={}
        )
    return len(old)
