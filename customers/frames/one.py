"""One customer as a frame, for questions about a single person that a page can wait for."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date, datetime
from functools import lru_cache
from uuid import UUID

import pandas as pd
from django.utils import timezone

from tenants.scoping import current_tenant

from ..models import Customer, CustomerBase
from .blocks import _completed, _customers, _look, _standard, _Wanted
from .histories import adopted_definition


def frame_of(customer: Customer, *, only: Collection[str] | None = None) -> pd.DataFrame:
    """The customer as ``feature_frames`` gives everybody: a frame of one row, of none where they are gone since."""
    wanted = _remembered(None if only is None else frozenset(only))
    found = _standard(_customers(labelled_only=False).filter(pk=customer.pk), wanted)
    return found if found.empty else _completed(found, wanted)


def _remembered(only: frozenset[str] | None) -> _Wanted:
    base, definition = CustomerBase.objects.only("computed_at").first(), adopted_definition()
    adopted = (definition.pk, definition.adopted_at) if definition else None
    return _wanted_of(current_tenant().pk, base.computed_at if base else None, timezone.localdate(), adopted, only)


@lru_cache(maxsize=64)
def _wanted_of(
    _tenant: UUID, _computed_at: datetime | None, _today: date, _adopted: tuple | None, only: frozenset[str] | None
) -> _Wanted:
    """What to read in the company in scope. Which months and measures are known is a look at all months of use: asked
    anew after another import, on another day, and where leaving means something else."""
    return _look(only)
