"""Forgets what imports found, once they can no longer be taken back. Corrections and merges stay."""

from __future__ import annotations

from datetime import timedelta

from django.conf import settings
from django.db.models import Exists, OuterRef, Q
from django.utils import timezone

from ..models import CustomerChange, Import

_BATCH = 20_000


def forget_changes() -> int:
    """Delete the before-images of imports that ended more than IMPORT_UNDO_DAYS ago. Returns how many.

    By import, whose images lie together in an index; each batch is a transaction of its own.
    """
    until = timezone.now() - timedelta(days=settings.IMPORT_UNDO_DAYS)
    images = CustomerChange.objects.filter(kind=CustomerChange.Kind.IMPORT)
    mine = Exists(images.filter(brought_by=OuterRef("pk")))
    over = Import.objects.filter(Q(finished_at__lt=until), mine).order_by("pk").values_list("pk", flat=True)
    forgotten = sum(_forget(images.filter(brought_by=run)) for run in list(over))
    # Of imports whose row is gone: their age is their own.
    return forgotten + _forget(images.filter(brought_by=None, at__lt=until))


def _forget(images) -> int:
    count = 0
    while keys := list(images.order_by("pk").values_list("pk", flat=True)[:_BATCH]):
        count += images.filter(pk__gte=keys[0], pk__lte=keys[-1]).delete()[0]
    return count
