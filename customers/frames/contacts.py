"""Whom campaigns wrote to before a day and whom they left alone by lot: a count to learn from, and which of the two."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import pandas as pd
from django.db.models import Count, Q, QuerySet

from core import bulk

from ..models import Interaction

RECENT_CONTACTS = "recent_contacts"
CONTACT_COLUMNS = (RECENT_CONTACTS,)
CONTACT_DAYS = 180
ENOUGH_CONTACTED = 100  # and not contacted: with fewer of either a model would learn a few people's luck
CAMPAIGN_STANDING = "campaign_standing"  # a part of the base, never learned from
WRITTEN_TO, LEFT_ALONE, IN_NO_CAMPAIGN = "written_to", "left_alone", "no_campaign"
_AT_ONCE = 100_000


@dataclass(frozen=True, slots=True)
class Window:
    """The CONTACT_DAYS before ``day``, that day not included.

    ``before_outcome``: the same for customers of whom the label says already whether they left: only who is still here is
    written to, so a contact after they may have left would tell the outcome. None: their outcome comes after ``day`` too.
    """

    day: date
    before_outcome: date | None = None


def recent_contacts(keys: np.ndarray, label: np.ndarray, window: Window) -> np.ndarray:
    """How often each customer was contacted within the window, float64 [n], 0 for nobody's contact.

    keys int64 [n], ascending; label float64 [n]: NaN unknown. One question, two where outcomes have a day of their own.
    """
    counts = _counted(keys, window.day)
    known = ~np.isnan(label)
    if window.before_outcome is not None and known.any():
        counts[known] = _counted(keys, window.before_outcome)[known]
    return counts


def without_few_contacts(frame: pd.DataFrame) -> pd.DataFrame:
    """A frame to learn from, without the count of contacts where too few were contacted, or nearly everybody was."""
    if RECENT_CONTACTS not in frame:
        return frame
    contacted = int((frame[RECENT_CONTACTS] > 0).sum())
    is_enough = min(contacted, len(frame) - contacted) >= ENOUGH_CONTACTED
    return frame if is_enough else frame.drop(columns=RECENT_CONTACTS)


def any_before(day: date) -> bool:
    """Whether anybody was contacted before a day. What holds on one day holds on every later one, so that a model which
    learned from contacts is also tested on them."""
    return Interaction.objects.filter(kind=Interaction.Kind.CONTACTED, happened_on__lt=day).exists()


def standings(keys: np.ndarray, day: date | None) -> np.ndarray | None:
    """WRITTEN_TO, LEFT_ALONE (held out of campaigns, and in none written to) or IN_NO_CAMPAIGN of each customer within
    CONTACT_DAYS before ``day`` (None: ever), object [n]. keys int64 [n], ascending. None: no campaign ever was."""
    if not Interaction.objects.exists():
        return None
    found = np.full(len(keys), IN_NO_CAMPAIGN, dtype=object)
    for start in range(0, len(keys), _AT_ONCE):
        some, told = keys[start : start + _AT_ONCE], found[start : start + _AT_ONCE]
        kinds = {kind: Count("pk", filter=Q(kind=kind)) for kind in Interaction.Kind.values}
        rows = _of(some, day).values("customer_id").annotate(**kinds)
        counts = bulk.read_numbers(rows.values_list("customer_id", *kinds))
        at, is_asked = _places(some, counts["customer_id"])
        contacted = counts[Interaction.Kind.CONTACTED.value][is_asked] > 0
        told[at[is_asked]] = np.where(contacted, WRITTEN_TO, LEFT_ALONE)
    return found


def _counted(keys: np.ndarray, day: date) -> np.ndarray:
    counts = np.zeros(len(keys))
    if not len(keys):
        return counts
    rows = _of(keys, day).filter(kind=Interaction.Kind.CONTACTED).values("customer_id").annotate(contacts=Count("pk"))
    found = bulk.read_numbers(rows.values_list("customer_id", "contacts"))
    at, is_asked = _places(keys, found["customer_id"])
    counts[at[is_asked]] = found["contacts"][is_asked]
    return counts


def _of(keys: np.ndarray, day: date | None) -> QuerySet[Interaction]:
    """What happened to the customers of a range of keys: the index begins with them, so that a block reads its own."""
    rows = Interaction.objects.filter(customer_id__gte=int(keys[0]), customer_id__lte=int(keys[-1])).order_by()
    return rows if day is None else rows.filter(happened_on__lt=day, happened_on__gte=day - timedelta(CONTACT_DAYS))


def _places(keys: np.ndarray, theirs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where each found customer stands among the keys (int64 [m]), and whether they are among them at all (bool [m])."""
    at = np.minimum(np.searchsorted(keys, theirs), len(keys) - 1)
    return at, keys[at] == theirs
