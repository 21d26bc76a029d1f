"""A second factor: codes of an authenticator app (RFC 6238) and, for who lost it, recovery codes on paper.

The secret is sealed at rest. A code is taken once: the half minute that it belongs to is written by compare-and-set, so the
same code opens nothing a second time, not even sent twice at once. Why not a ready-made package: docs/adr/0014.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import logging
import secrets
import time
from dataclasses import dataclass

import segno
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from django_scopes import get_scope

from core import secrets as seals
from core.errors import Refused

from . import services
from .models import RecoveryCode, SecondFactor, User

logger = logging.getLogger(__name__)

ISSUER = "ChurnGuard"
CODES = 10
_STEP, _DIGITS = 30, 6
_DRIFT = 1  # half minutes that a phone's clock may be off, either way
_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"  # no 0 and o, 1, i and l: they are written down and read again


@dataclass(frozen=True, slots=True)
class Setup:
    """What an app needs: the secret to type, and a picture to scan as an SVG path of unit squares, ``size`` wide."""

    secret: str
    path: str
    size: int


def is_on(user: User) -> bool:
    return SecondFactor.objects.filter(user=user, confirmed_at__isnull=False).exists()


def begin(user: User) -> Setup:
    """Show the secret that waits for its first code; a new one where there is none. Refused("already_on")."""
    with transaction.atomic():
        factor, _made = SecondFactor.objects.select_for_update().get_or_create(user=user)
        if factor.confirmed_at:
            raise Refused("already_on", _("Your second factor is set up already."))
        text = _opened(factor)
        if not text:
            text = base64.b32encode(secrets.token_bytes(20)).decode()
            factor.secret = seals.seal(text, scope=factor.secret_scope)
            factor.save(update_fields=["secret"])
    square = segno.make(_totp(text).get_provisioning_uri(user.email, ISSUER), error="m", micro=False)
    rows = [list(row) for row in square.matrix_iter(border=2)]
    return Setup(" ".join(text[i : i + 4] for i in range(0, len(text), 4)), _path(rows), len(rows))


def confirm(user: User, code: str) -> list[str]:
    """Switch it on by a code of the app. Returns the recovery codes, which nobody can show again. Refused("wrong_code" |
    "already_on")."""
    with transaction.atomic():
        factor = SecondFactor.objects.select_for_update().filter(user=user).first()
        if factor is not None and factor.confirmed_at:
            raise Refused("already_on", _("Your second factor is set up already."))
        step = _step_of(factor, code) if factor else None
        if step is None:
            raise Refused("wrong_code", wrong_code())
        factor.confirmed_at, factor.last_step = timezone.now(), step
        factor.save(update_fields=["confirmed_at", "last_step"])
        _record("second_factor_on", user)
        return _write_codes(user)


def check(user: User, code: str) -> bool:
    """Whether the code of the app, or a recovery code, is right; it is used up by this."""
    factor = SecondFactor.objects.filter(user=user, confirmed_at__isnull=False).first()
    if factor is None:
        return False
    step = _step_of(factor, code)
    if step is not None:
        return bool(SecondFactor.objects.filter(pk=factor.pk, last_step__lt=step).update(last_step=step))
    unused = RecoveryCode.objects.filter(user=user, digest=_digest(code), used_at=None)
    if unused.update(used_at=timezone.now()):
        logger.info("A recovery code was used.", extra={"facts": {"user_id": user.pk}})
        return True
    return False


def codes_left(user: User) -> int:
    return RecoveryCode.objects.filter(user=user, used_at=None).count()


def renew_codes(user: User) -> list[str]:
    """Ten new recovery codes; the earlier ones open nothing any more. Refused("not_on")."""
    if not is_on(user):
        raise Refused("not_on", _("Your second factor is not set up."))
    with transaction.atomic():
        _record("recovery_codes_renewed", user)
        return _write_codes(user)


def end(user: User, *, by_operator: bool = False) -> bool:
    """Switch it off. Refused("required") where a company of theirs asks for it, unless the operator of the site does it for
    somebody who lost everything. False: it was off."""
    if not by_operator and user.memberships.filter(tenant__requires_second_factor=True).exists():
        raise Refused("required", _("A company that you are in asks for a second factor: it cannot be switched off."))
    with transaction.atomic():
        RecoveryCode.objects.filter(user=user).delete()
        gone = SecondFactor.objects.filter(user=user).delete()[0]
        if gone:
            _record("second_factor_off", user)
    return bool(gone)


def reseal_all() -> tuple[int, int]:
    """Seal every secret under the newest key: how many are, and how many no key opens."""
    done = lost = 0
    for factor in SecondFactor.objects.exclude(secret="").iterator(chunk_size=500):
        try:
            sealed = seals.reseal(factor.secret, scope=factor.secret_scope)
        except seals.SealBroken:
            lost += 1
            continue
        done += SecondFactor.objects.filter(pk=factor.pk, secret=factor.secret).update(secret=sealed)
    return done, lost


def wrong_code() -> str:
    return _("This code is not right, or was used already. Codes change every half minute: take the newest.")


def _totp(text: str) -> TOTP:
    # SHA-1 is what authenticator apps know (RFC 6238); an HMAC does not suffer from its collisions.
    return TOTP(base64.b32decode(text), _DIGITS, SHA1(), _STEP)  # noqa: S303


def _opened(factor: SecondFactor) -> str:
    """The secret; empty where there is none, or no key opens it."""
    try:
        return seals.unseal(factor.secret, scope=factor.secret_scope)
    except seals.SealBroken:
        logger.error("The secret of a second factor cannot be opened: has CREDENTIALS_KEY changed?")
        return ""


def _step_of(factor: SecondFactor, code: str) -> int | None:
    """The half minute that this code belongs to, among those around now that are not used up."""
    code, text = "".join(code.split()), _opened(factor)
    if not text or len(code) != _DIGITS or not (code.isascii() and code.isdigit()):
        return None
    now, totp = int(time.time()) // _STEP, _totp(text)
    for step in range(now - _DRIFT, now + _DRIFT + 1):
        right = totp.generate(step * _STEP)
        if hmac.compare_digest(right, code.encode()) and step > factor.last_step:
            return step
    return None


def _write_codes(user: User) -> list[str]:
    RecoveryCode.objects.filter(user=user).delete()
    codes = [
        "-".join("".join(secrets.choice(_LETTERS) for _n in range(4)) for _group in range(4)) for _i in range(CODES)
    ]
    RecoveryCode.objects.bulk_create([RecoveryCode(user=user, digest=_digest(code)) for code in codes])
    return codes


def _digest(code: str) -> str:
    letters = "".join(letter for letter in code.lower()[:60] if letter.isalnum())
    return hashlib.sha256(f"recovery {letters}".encode()).hexdigest()


def _path(rows: list[list[int]]) -> str:
    return "".join(f"M{x} {y}h1v1h-1z" for y, row in enumerate(rows) for x, dark in enumerate(row) if dark)


def _record(verb: str, user: User) -> None:
    """In the trail of the company that they work in; a person at the door is in none yet."""
    if get_scope().get("tenant") is not None:
        services.record(verb, user, actor=user)
