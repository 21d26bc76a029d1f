"""What one person sees behind the bell and on the page of notifications."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from django.db.models import Count, Max, Q, QuerySet, Subquery, Sum
from django.utils.translation import get_language

from core.keyset import Order, Page, paginate

from .models import Membership, Notification, NotificationSettings
from .notice_kinds import BY_NAME, KIND_OF
from .notice_settings import out_of_sight
from .selectors import notifications_for

COUNTED = 100
PAGE_SIZE = 30
_NEWEST_FIRST = Order("pk")
OTHER = "other"  # events of a newer release, which no kind names


def notices_of(membership: Membership) -> QuerySet[Notification]:
    """What this person is told in the company in scope, newest first, each with ``is_read``; what they switched off is not there."""
    return notifications_for(membership.user).exclude(out_of_sight(membership))


def unread_of(rows: QuerySet[Notification]) -> int:
    """At most 100 are counted: the bell says "99+" beyond."""
    return rows.filter(is_read=False).order_by()[:COUNTED].count()


def sifted(
    rows: QuerySet[Notification], *, unread: bool = False, kind: str = "", level: str = ""
) -> QuerySet[Notification]:
    """Of these notifications the unread ones, those of one kind, of one level."""
    if unread:
        rows = rows.filter(is_read=False)
    if kind == OTHER:
        rows = rows.exclude(code__in=list(KIND_OF))
    elif kind:
        rows = rows.filter(code__in=BY_NAME[kind].codes)
    return rows.filter(level=level) if level else rows


def page_of(rows: QuerySet[Notification], *, after: str = "", before: str = "", size: int = PAGE_SIZE) -> Page:
    return paginate(rows, _NEWEST_FIRST, after=after, before=before, size=size)


def kind_of(code: str) -> str:
    return KIND_OF[code].name if code in KIND_OF else OTHER


def version_of(membership: Membership, *, form: str) -> str:
    """Changes whenever the bell would show something else; one question over the newest hundred by their index.

    Sums rather than the newest number alone: a transaction that began earlier may commit a smaller number later. ``form``:
    html or json, which are two answers at one address.
    """
    mine = NotificationSettings.objects.filter(user=membership.user_id)
    newest = (
        notifications_for(membership.user)
        .annotate(settings_version=Subquery(mine.values("version")[:1]))
        .order_by("-pk")[:COUNTED]
    )
    seen = newest.aggregate(
        n=Count("pk"), all=Sum("pk"), unread=Sum("pk", filter=Q(is_read=False)), settings=Max("settings_version")
    )
    parts = [membership.tenant_id, membership.user_id, membership.role, get_language(), form, *seen.values()]
    return hashlib.sha256("|".join(map(str, parts)).encode()).hexdigest()[:24]


def numbers_of(said: Iterable[object]) -> list[int]:
    """Numbers of notifications as a form or a body names them; whatever is none is left out. At most 200."""
    found = []
    for text in list(said)[:200]:
        if isinstance(text, bool) or not isinstance(text, int | str):
            continue
        if str(text).isascii() and str(text).isdigit() and len(str(text)) < 19:
            found.append(int(text))
    return found
