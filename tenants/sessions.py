"""Where a person is signed in: noted when they come, listed for them, and ended.

A session is a row of the database (``session_store``); once the row is gone, its cookie opens nothing, whoever kept a copy.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from django.contrib.auth.models import AnonymousUser
from django.contrib.sessions.backends.base import SessionBase
from django.http import HttpRequest
from django.middleware.csrf import rotate_token
from django.utils import timezone

from core.throttles import address_of

from . import browsers, selectors
from .models import BrowserSession, User
from .session_store import ADDRESS, BROWSER, SIGNED_IN

WORKSPACE = "workspace"  # in the session: the company that its pages are of
SECOND_FACTOR = "second_factor"  # in the session: a code was given when it began

_SEEN_EVERY = timedelta(minutes=5)  # "last seen" is a hint for people: not worth a write at each request
_LISTED = 100


@dataclass(frozen=True, slots=True)
class Place:
    """A browser where the person is signed in."""

    public_id: UUID
    browser: str
    address: str
    signed_in_at: datetime | None
    seen_at: datetime | None
    is_this: bool


def begin(sender, *, request: HttpRequest, user: User, **_: object) -> None:
    """Note in a new session where it is, and which company its pages begin with (listens to Django's ``user_logged_in``)."""
    session = getattr(request, "session", None)
    if session is None:
        return
    session[SIGNED_IN] = timezone.now().isoformat()
    session[BROWSER] = browsers.code_of(request.META.get("HTTP_USER_AGENT", ""))
    session[ADDRESS] = browsers.network_of(address_of(request))
    if membership := selectors.get_membership(user):
        session[WORKSPACE] = str(membership.tenant_id)


def seen(session: SessionBase) -> None:
    """Keep "last seen" true to some minutes.

    The column alone is written: a session that is saved whole by a request under way would undo a switch to another company
    that was made meanwhile, and forms of the one would be written into the other.
    """
    last, now = getattr(session, "seen_at", None), timezone.now()
    if last and now - last >= _SEEN_EVERY:
        BrowserSession.objects.filter(session_key=session.session_key).update(seen_at=now)


def enter(request: HttpRequest, tenant_id: UUID) -> None:
    """From now on the pages of this session are of this company.

    Forms that other tabs still show are of the company before: the token that they carry is changed, so what they send is
    refused and never written into another company than the one that stood above them.
    """
    if request.session.get(WORKSPACE) != str(tenant_id):
        request.session[WORKSPACE] = str(tenant_id)
        rotate_token(request)


def places(user: User, *, this: str | None) -> list[Place]:
    """Where the person is signed in, the last seen first, at most a hundred. ``this``: the key of the asking session."""
    rows = BrowserSession.objects.filter(user=user, expire_date__gt=timezone.now()).order_by("-seen_at")
    return [
        Place(
            public_id=row.public_id,
            browser=browsers.words(row.browser),
            address=row.address,
            signed_in_at=row.signed_in_at,
            seen_at=row.seen_at,
            is_this=row.session_key == this,
        )
        for row in rows.only("session_key", "browser", "address", "signed_in_at", "seen_at")[:_LISTED]
    ]


def public_id_of(session: SessionBase) -> UUID:
    """What pages call this session."""
    return BrowserSession(session_key=session.session_key).public_id


def end(user: User, public_id: UUID) -> bool:
    """End one of the person's own sessions. False: it is none of theirs, or is over already."""
    keys = BrowserSession.objects.filter(user=user).only("session_key").order_by("-seen_at")[:_LISTED]
    for row in keys:
        if row.public_id == public_id:
            return bool(BrowserSession.objects.filter(user=user, session_key=row.session_key).delete()[0])
    return False


def end_all(user: User, *, but: str | None = None) -> int:
    """End every session of the person, except the one with the key ``but``. Returns how many."""
    if user is None or isinstance(user, AnonymousUser):
        return 0
    return BrowserSession.objects.filter(user=user).exclude(session_key=but or "").delete()[0]


def forget_expired() -> int:
    """Drop the rows that no cookie reaches any more."""
    return BrowserSession.objects.filter(expire_date__lt=datetime.now(UTC)).delete()[0]
