"""How many wrong passwords are listened to, without shutting the owner out of the place that they usually come from.

Three counters: for the account, for the address that asks, and for a browser that has signed in to this account before
(OWASP's device cookies). Who tries from anywhere fills the first two, whatever addresses they pretend to; a browser that is known to
the account is counted by itself alone, so nobody else's attempts keep it out. Counted before the password is looked at: a
thousand at once are a thousand.
"""

from __future__ import annotations

import hashlib
import logging
import secrets
from dataclasses import dataclass

from django.conf import settings
from django.core import signing
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.crypto import constant_time_compare

from core import rates
from core.throttles import address_of

from .models import User

logger = logging.getLogger(__name__)

COOKIE = "known_browser"
_SALT = "tenants.known_browser"
_KEPT_SECONDS = 180 * 86_400
_PEOPLE = 5  # of one browser: the newest ones


@dataclass(frozen=True, slots=True)
class Attempt:
    """An attempt that was counted, or that must wait ``wait`` seconds and was not."""

    counted: tuple[tuple[str, str], ...] = ()  # (which rate, whose)
    wait: int = 0

    def give_back(self) -> None:
        """The password was right: it does not count."""
        for scope, whose in self.counted:
            rates.give_back(f"sign-in/{scope}/{whose}", _rate(scope))


def begin(request: HttpRequest, email: str) -> Attempt:
    """Count an attempt to sign in with this address, from here.

    The account is found as signing in finds it, so that no other spelling of an address has a counter of its own; an
    address that nobody has is counted the same way, so that the answer tells nothing.
    """
    user = User.objects.of_address(email)
    if user is not None and (browser := _browser_of(request, user)):
        attempt = _count((("browser", f"{browser}/{user.pk}"),))
        if not attempt.wait:
            return attempt
        # A known browser that guesses is a stranger from now on.
    whose = f"person/{user.pk}" if user is not None else f"nobody/{email.casefold()}"
    return _count((("account", whose), ("address", address_of(request))))


def begin_code(request: HttpRequest, user: User) -> Attempt:
    """Count a code of the second factor. A stranger has the password already: they fill their own counter, and who comes from
    a browser that the account knows has another."""
    browser = _browser_of(request, user)
    return _count((("code", f"{browser or 'stranger'}/{user.pk}"),))


def begin_proof(request: HttpRequest) -> Attempt:
    """Count a password or a code that a signed-in person is asked for once more: by their session, so that nobody at the door
    keeps them from it."""
    return _count((("code", f"session/{request.session.session_key}/{request.user.pk}"),))


def begin_reset(request: HttpRequest, email: str) -> int:
    """Count a request for a new password. 0: it may be mailed; else the seconds until this address may ask again.

    An account that was mailed often enough is not told apart from one that was not: see ``may_mail``.
    """
    return _count((("reset_address", address_of(request)),)).wait


def may_mail(email: str) -> bool:
    """Whether a mailbox gets another link yet: nobody's is filled by who knows the address."""
    return not _count((("reset_mailbox", email.casefold()),)).wait


def remember(request: HttpRequest, response: HttpResponse, user: User) -> None:
    """From now on this browser is one that the person signs in from. A new password makes the others unknown again."""
    seen = _read(request)
    people = {pk: stamp for pk, stamp in seen.get("people", {}).items() if pk != str(user.pk)}
    people = dict(list(people.items())[1 - _PEOPLE :]) | {str(user.pk): _stamp(user.get_session_auth_hash())}
    value = signing.dumps({"browser": seen.get("browser") or secrets.token_urlsafe(12), "people": people}, salt=_SALT)
    response.set_cookie(
        COOKIE,
        value,
        max_age=_KEPT_SECONDS,
        path=reverse(settings.LOGIN_URL),
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )


def _count(wanted: tuple[tuple[str, str], ...]) -> Attempt:
    counted: list[tuple[str, str]] = []
    for scope, whose in wanted:
        wait = rates.take(f"sign-in/{scope}/{whose}", _rate(scope))
        if wait:
            Attempt(tuple(counted)).give_back()
            logger.warning("Sign-in is throttled by %s for %s s.", scope, wait)
            return Attempt(wait=wait)
        counted.append((scope, whose))
    return Attempt(tuple(counted))


def _browser_of(request: HttpRequest, user: User) -> str:
    """What this browser is called, where it has signed in to this account with the password of now; else nothing."""
    seen = _read(request)
    stamp = seen.get("people", {}).get(str(user.pk), "")
    valid = (user.get_session_auth_hash(), *user.get_session_auth_fallback_hash())
    return seen["browser"] if any(constant_time_compare(stamp, _stamp(one)) for one in valid) else ""


def _read(request: HttpRequest) -> dict:
    """What the cookie says; nothing where it is not ours, or is too old."""
    try:
        return signing.loads(request.COOKIES.get(COOKIE, ""), salt=_SALT, max_age=_KEPT_SECONDS)
    except signing.BadSignature:
        return {}


def _stamp(hashed: str) -> str:
    """What stands for a password in the cookie: made of the hash that sessions hold, and no part of it."""
    return hashlib.sha256(f"{_SALT} {hashed}".encode()).hexdigest()[:32]


def _rate(scope: str) -> rates.Rate | None:
    return rates.rate_of(settings.SIGN_IN_RATES.get(scope))
