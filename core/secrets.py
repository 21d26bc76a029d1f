"""Credentials that the product must be able to use again: encrypted, and bound to whose and what they are (RULES 37).

Each scope (a company's feed) has a key of its own, derived from ``CREDENTIALS_KEY``: text that is moved to another
company's row does not open there. Fall-back keys open what an earlier key sealed; ``reseal`` brings it to the new one.
"""

from __future__ import annotations

import base64
from functools import lru_cache

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings


class SealBroken(Exception):
    """What was sealed cannot be opened here: another key, another scope, or it was changed."""


def seal(text: str, *, scope: str) -> str:
    """Encrypt ``text`` for ``scope`` (such as ``<tenant>/feed/<id>``). The result is ASCII; the empty text stays empty."""
    return _keys(scope).encrypt(text.encode()).decode("ascii") if text else ""


def unseal(sealed: str, *, scope: str) -> str:
    """What ``seal`` was given. Raises SealBroken."""
    if not sealed:
        return ""
    try:
        return _keys(scope).decrypt(sealed.encode("ascii")).decode()
    except (InvalidToken, UnicodeError) as error:
        raise SealBroken from error


def reseal(sealed: str, *, scope: str) -> str:
    """The same under the newest key, so that an old one can be taken away. Raises SealBroken."""
    return seal(unseal(sealed, scope=scope), scope=scope)


def _keys(scope: str) -> MultiFernet:
    every = (settings.CREDENTIALS_KEY, *settings.CREDENTIALS_KEY_FALLBACKS)
    return MultiFernet([Fernet(_derive(key, scope)) for key in every if key])


@lru_cache(maxsize=64)
def _derive(key: str, scope: str) -> bytes:
    found = HKDF(algorithm=hashes.SHA256(), length=32, salt=None, info=b"churnguard credentials 1 " + scope.encode())
    return base64.urlsafe_b64encode(found.derive(key.encode()))
