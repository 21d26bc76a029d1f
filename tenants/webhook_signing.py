"""Signatures of the Standard Webhooks scheme (standardwebhooks.com), version 1: HMAC-SHA256 over identifier, time and body.

webhook-id: msg_…           the same at every attempt, so that a receiver can tell what it has had
webhook-timestamp: seconds  of this attempt; a receiver refuses old ones
webhook-signature: v1,… v1,…   one for each secret that is valid now: two while a secret is being changed
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from collections.abc import Iterable

PREFIX = "whsec_"
_BYTES = 32


def new_secret() -> str:
    """256 bits of chance, in the scheme's own writing."""
    return PREFIX + base64.b64encode(secrets.token_bytes(_BYTES)).decode("ascii")


def signature(secret: str, *, message_id: str, timestamp: int, body: bytes) -> str:
    """``v1,<base64>`` of one secret. ``timestamp``: seconds since 1970."""
    key = base64.b64decode(secret.removeprefix(PREFIX))
    signed = hmac.new(key, f"{message_id}.{timestamp}.".encode() + body, hashlib.sha256)
    return "v1," + base64.b64encode(signed.digest()).decode("ascii")


def headers(valid: Iterable[str], *, message_id: str, timestamp: int, body: bytes) -> dict[str, str]:
    """The three headers of one attempt."""
    signed = [signature(secret, message_id=message_id, timestamp=timestamp, body=body) for secret in valid]
    return {"webhook-id": message_id, "webhook-timestamp": str(timestamp), "webhook-signature": " ".join(signed)}
