"""Mails about notifications: their rows, and what is sent of them. Each row is written before its mail, and sent once or never.

At once: a row for each person who chose so, in the notification's own transaction. Digests: a row on the morning of the
person's own clock, else the company's; a morning with nothing new ends as ``empty``.
"""

from __future__ import annotations

import logging
import smtplib
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from django.conf import settings
from django.core.mail import get_connection
from django.db.models import Count, F, Max, Q
from django.utils import timezone

from . import notice_letters
from .mail_hold import mail_hold
from .models import Membership, NoticeMail, Notification, NotificationSettings, Tenant, User
from .notice_kinds import KIND_OF, Way, kinds_for
from .notice_settings import way_of
from .permissions import allows
from .scoping import current_tenant

logger = logging.getLogger(__name__)

MOST_AN_HOUR = 20  # mails at once to one person; what comes beyond is behind the bell
KEPT = timedelta(days=60)  # longer than a week: the newest row says what the next digest begins with
_MORNING_HOURS = 10  # a digest that beat missed is sent until then, not in the evening
_SETTLED = timedelta(minutes=5)  # a transaction that began earlier may commit a smaller number later
_REACH = {NoticeMail.Cadence.DAILY: timedelta(days=1), NoticeMail.Cadence.WEEKLY: timedelta(days=7)}
_MOST_ATTEMPTS = 5
_AT_A_TIME = 200
_CLOSING = 421
_REFUSALS = (smtplib.SMTPRecipientsRefused, smtplib.SMTPSenderRefused, smtplib.SMTPDataError)  # said so: it did not go


def open_at_once(notification: Notification) -> int:
    """Rows for who wants a mail at once about this kind and may see it. Returns how many."""
    kind = KIND_OF.get(notification.code)
    if kind is None:
        return 0
    members = Membership.objects.filter(tenant=current_tenant(), user__is_active=True)
    if notification.recipient_id:
        members = members.filter(user=notification.recipient_id)
    roles = dict(members.values_list("user_id", "role"))
    chosen = {row.user_id: row for row in NotificationSettings.objects.filter(user__in=list(roles))}
    wanted = [
        person
        for person, role in roles.items()
        if (notification.recipient_id or allows(role, kind.capability))
        and way_of(kind, role, chosen.get(person)) == Way.NOW
    ]
    if not wanted:
        return 0
    lately = NoticeMail.objects.filter(
        user__in=wanted, cadence=NoticeMail.Cadence.NOW, created_at__gt=timezone.now() - timedelta(hours=1)
    )
    busy = dict(lately.order_by().values_list("user").annotate(n=Count("pk")))
    rows = [
        NoticeMail(
            user_id=person, cadence=NoticeMail.Cadence.NOW, period=str(notification.pk), notification=notification
        )
        for person in wanted
        if busy.get(person, 0) < MOST_AN_HOUR
    ]
    NoticeMail.objects.bulk_create(rows, ignore_conflicts=True)
    return len(rows)


def open_digests(now: datetime | None = None) -> int:
    """Rows for everybody in the company in scope whose morning it is and who has none for it yet. Returns how many."""
    now = now or timezone.now()
    tenant = current_tenant()
    chosen = {row.user_id: row for row in NotificationSettings.objects.all()}
    members = Membership.objects.filter(tenant=tenant, user__is_active=True).select_related("user")
    due: dict[tuple[int, str, str], None] = {}
    for member in members.iterator(chunk_size=500):
        ways = {way_of(kind, member.role, chosen.get(member.user_id)) for kind in kinds_for(member.role)}
        for cadence, period in _periods(member.user, tenant, now):
            if cadence in ways:
                due[member.user_id, cadence, period] = None
    if not due:
        return 0
    people, periods = {key[0] for key in due}, {key[2] for key in due}
    known = NoticeMail.objects.filter(user__in=people, period__in=periods).values_list("user_id", "cadence", "period")
    missing = [key for key in due if key not in set(known)]
    if not missing:
        return 0
    told = {
        (person, cadence): upto
        for person, cadence, upto in NoticeMail.objects.filter(user__in=people)
        .exclude(cadence=NoticeMail.Cadence.NOW)
        .order_by()
        .values_list("user", "cadence")
        .annotate(upto=Max("upto_id"))
    }
    upto = _newest_before(now - _SETTLED)
    begins = {cadence: _newest_before(now - reach) for cadence, reach in _REACH.items()}
    rows = [
        NoticeMail(
            user_id=person,
            cadence=cadence,
            period=period,
            after_id=told.get((person, cadence), begins[cadence]),
            upto_id=max(upto, told.get((person, cadence), 0)),
            created_at=now,
        )
        for person, cadence, period in missing
    ]
    NoticeMail.objects.bulk_create(rows, ignore_conflicts=True)
    return len(rows)


def _periods(person: User, tenant: Tenant, now: datetime) -> list[tuple[str, str]]:
    """(cadence, period) of the digests whose hour it is by this person's clock."""
    there = now.astimezone(ZoneInfo(getattr(person, "time_zone", "") or tenant.time_zone))
    if not settings.DIGEST_HOUR <= there.hour < settings.DIGEST_HOUR + _MORNING_HOURS:
        return []
    found = [(NoticeMail.Cadence.DAILY.value, there.date().isoformat())]
    if there.isoweekday() == 1:
        year, week, _day = there.isocalendar()
        found.append((NoticeMail.Cadence.WEEKLY.value, f"{year}-W{week:02d}"))
    return found


def _newest_before(moment: datetime) -> int:
    return Notification.objects.filter(created_at__lte=moment).aggregate(newest=Max("pk"))["newest"] or 0


def send_waiting() -> int:
    """Send what waits in the company in scope, outside any transaction. Returns how many mails went.

    A server that cannot be reached leaves everything waiting; one that refuses a mail is asked again a few times; a mail
    that was under way when the connection broke may have arrived, and stays ``sending``. After a restore all waits.
    """
    if mail_hold() is not None:
        return 0
    now = timezone.now()
    due = NoticeMail.objects.filter(state=NoticeMail.State.WAITING).filter(Q(not_before=None) | Q(not_before__lte=now))
    rows = list(due.select_related("user", "notification").order_by("created_at", "pk")[:_AT_A_TIME])
    if not rows:
        return 0
    tenant = current_tenant()
    people = [row.user_id for row in rows]
    roles = {
        m.user_id: m
        for m in Membership.objects.filter(tenant=tenant, user__in=people, user__is_active=True).select_related("user")
    }
    connection = get_connection()
    try:
        connection.open()
    except OSError as error:  # smtplib's own errors are among these
        logger.error("mails about notifications wait, the server cannot be reached: %s", error)
        return 0
    sent = 0
    try:
        for row in rows:
            sent += _send(row, roles.get(row.user_id), tenant, connection)
    except _Over:
        pass  # nothing more goes this way: what follows is untouched, and waits for the next time
    finally:
        connection.close()
    return sent


class _Over(Exception):
    """The server has hung up."""


def _send(row: NoticeMail, member: Membership | None, tenant: Tenant, connection) -> bool:
    """Whether it went. Raises _Over where the conversation ended with it."""
    mine = NoticeMail.objects.filter(pk=row.pk)
    if (
        mine.filter(state=NoticeMail.State.WAITING).update(state=NoticeMail.State.SENDING, attempts=F("attempts") + 1)
        != 1
    ):
        return False  # another worker has it
    if member is None:
        mine.update(state=NoticeMail.State.DROPPED)
        return False
    try:
        letter = notice_letters.letter_for(row, member, tenant, connection)
        if letter is None:
            mine.update(state=NoticeMail.State.EMPTY)
            return False
        letter.send()
    except _REFUSALS as error:
        logger.warning("a mail about notifications was refused: %s", type(error).__name__)
        _put_off(row)
        if _hung_up(error):
            raise _Over from error
        return False
    except OSError as error:
        logger.error("whether a mail about notifications went is not known: %s", type(error).__name__)
        raise _Over from error
    except Exception:  # while it was written: it did not go, and nobody else's has to wait for it
        logger.exception("a mail about notifications cannot be written")
        _put_off(row)
        return False
    mine.update(state=NoticeMail.State.SENT, sent_at=timezone.now())
    return True


def _put_off(row: NoticeMail) -> None:
    """It did not go: again later, a few times."""
    gone = row.attempts + 1 >= _MOST_ATTEMPTS
    NoticeMail.objects.filter(pk=row.pk).update(
        state=NoticeMail.State.DROPPED if gone else NoticeMail.State.WAITING,
        not_before=timezone.now() + timedelta(minutes=5 * 3**row.attempts),
    )


def _hung_up(error: smtplib.SMTPException) -> bool:
    """Whether the refusal was the server's last word (421): smtplib closes the connection at it."""
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return any(code == _CLOSING for code, _text in error.recipients.values())
    return getattr(error, "smtp_code", None) == _CLOSING


def forget_mails() -> int:
    return NoticeMail.objects.filter(created_at__lt=datetime.now(UTC) - KEPT).delete()[0]
