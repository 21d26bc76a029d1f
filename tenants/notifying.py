"""Ringing the bell, and what becomes of a notification: read, unread, forgotten."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from . import notice_mail, notice_settings
from .models import Level, Notification, NotificationRead, User
from .scoping import current_tenant
from .selectors import notifications_for

_AT_ONCE = 500
_MOST = 10_000  # marked read by one request; nobody reads more than this away


def notify(
    code: str, *, recipient: User | None = None, level: str = Level.INFO, url: str = "", **facts: object
) -> Notification:
    """Ring the bell in the company in scope: for one person, or for all when nobody is named.

    Who asked for a mail at once about this kind gets the row of one, which beat sends.
    """
    with transaction.atomic():
        notification = Notification.objects.create(
            tenant=current_tenant(),
            recipient=recipient,
            code=code,
            level=level,
            url=url,
            facts=json.loads(json.dumps(facts, default=str)),
        )
        notice_mail.open_at_once(notification)
    return notification


def mark_read(*, user: User, ids: Iterable[int] | None = None) -> int:
    """Mark this person's notifications read: the given ones, or all. Returns how many were unread."""
    unread = notifications_for(user).filter(is_read=False).order_by("-pk")
    if ids is not None:
        unread = unread.filter(pk__in=list(ids))
    marked = 0
    while marked < _MOST and (found := list(unread.values_list("pk", flat=True)[:_AT_ONCE])):
        rows = [NotificationRead(notification_id=pk, user=user) for pk in found]
        NotificationRead.objects.bulk_create(rows, ignore_conflicts=True)
        marked += len(rows)
        if len(found) < _AT_ONCE:
            break
    return marked


def mark_unread(*, user: User, ids: Iterable[int]) -> int:
    """Have these shown as unread again. Returns how many had been read."""
    with transaction.atomic():
        gone, _each = NotificationRead.objects.filter(user=user, notification__in=list(ids)).delete()
        if gone:
            notice_settings.changed(user)
    return gone


def forget_notifications() -> int:
    """Drop what is older than is kept, in the company in scope, a piece at a time. Returns how many."""
    before = timezone.now() - timedelta(days=settings.NOTIFICATION_DAYS)
    old = Notification.objects.filter(created_at__lt=before).order_by("created_at", "pk")
    gone = 0
    while keys := list(old.values_list("pk", flat=True)[:1_000]):
        Notification.objects.filter(pk__in=keys).delete()
        gone += len(keys)
    return gone + notice_mail.forget_mails()
