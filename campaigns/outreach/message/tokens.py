"""Seals what a link in a mail has to say: who was written to, in which campaign, and what the link is for.

A token is base64url of purpose, ids and the first 16 bytes of an HMAC-SHA-256 over them. It never expires, it is read with
any of the secrets that we know, and it says nothing that a database would have to confirm: the one for unsubscribing carries
the company and the key of the address, and so works when campaign and customer have long been erased.
"""

from __future__ import annotations

import hmac
import re
from base64 import b32encode, urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as NotBase64
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from .addresses import checked_domain, checked_secret
from .refusal import MessageRefused

UNSUBSCRIBE, CLICK, OPEN = "unsubscribe", "click", "open"

_PURPOSES = {UNSUBSCRIBE: 1, CLICK: 2, OPEN: 3}
_BY_NUMBER = {number: purpose for purpose, number in _PURPOSES.items()}
_MAC = 16
_LONGEST_ID = 100  # bytes
_LONGEST_TOKEN = 400
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_NUMBER = re.compile(r"(?:0|[1-9][0-9]{0,17})", re.ASCII)
_KEY = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True, slots=True)
class Token:
    """What a link said. ``purpose``: UNSUBSCRIBE (tenant, campaign, address_key) | CLICK | OPEN (campaign, recipient, and
    of a click the number of the link); what a purpose does not carry is "" or 0."""

    purpose: str
    campaign: str
    recipient: str = ""
    link_number: int = 0
    tenant: str = ""
    address_key: str = ""


def token(secret: bytes, purpose: str, campaign: str, recipient: str, link_number: int = 0) -> str:
    """``purpose``: CLICK | OPEN; ids: any text, shortest where they are UUIDs or numbers. MessageRefused id_too_long ·
    secret_too_short; ValueError for another purpose or a number out of 0 to 65,535."""
    if purpose not in (CLICK, OPEN):
        raise ValueError(f"no token for {purpose!r} by this door")
    said = bytes([_PURPOSES[purpose]]) + _packed(campaign) + _packed(recipient) + link_number.to_bytes(2, "big")
    return _sealed(secret, said)


def unsubscribe_token(secret: bytes, tenant_id: str, campaign_id: str, address_key: str) -> str:
    """``address_key``: 32 hex digits, see addresses.address_key. MessageRefused id_too_long · secret_too_short; ValueError
    for another key."""
    if not _KEY.fullmatch(address_key):
        raise ValueError("an address_key has 32 hex digits")
    said = bytes([_PURPOSES[UNSUBSCRIBE]]) + _packed(tenant_id) + _packed(campaign_id) + bytes.fromhex(address_key)
    return _sealed(secret, said)


def read_token(secrets: Sequence[bytes], text: str, *purposes: str) -> Token:
    """What a token says, sealed with any of ``secrets`` (the present one first, then those before it), for one of
    ``purposes`` (none: any). MessageRefused token_invalid, the same for every fault · secret_too_short."""
    raw = _unpadded(text)
    said, mac = raw[:-_MAC], raw[-_MAC:]
    # every secret is tried, so that the time does not tell which one it was
    if not sum([hmac.compare_digest(_mac(secret, said), mac) for secret in secrets]):
        raise _invalid()
    try:
        found = _said(said)
    except (IndexError, KeyError, UnicodeDecodeError):
        raise _invalid() from None
    if purposes and found.purpose not in purposes:
        raise _invalid()
    return found


def message_id(secret: bytes, campaign: str, recipient: str, domain: str) -> str:
    """ "<…@domain>", the same for the same campaign and recipient whenever it is made, and nobody else can guess it; so a
    bounce finds its row, and a mail that a person sends again is the same mail. MessageRefused domain_malformed ·
    id_too_long · secret_too_short.
    """
    said = b"churnguard.message-id.v1\0" + _packed(campaign) + _packed(recipient)
    digest = hmac.digest(checked_secret(secret), said, "sha256")[:20]
    return f"<{b32encode(digest).decode('ascii').lower()}@{checked_domain(domain)}>"


def _sealed(secret: bytes, said: bytes) -> str:
    return urlsafe_b64encode(said + _mac(secret, said)).rstrip(b"=").decode("ascii")


def _mac(secret: bytes, said: bytes) -> bytes:
    return hmac.digest(checked_secret(secret), b"churnguard.link.v1\0" + said, "sha256")[:_MAC]


def _unpadded(text: str) -> bytes:
    if not text.isascii() or not _MAC < len(text) <= _LONGEST_TOKEN:
        raise _invalid()
    try:
        raw = urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except (NotBase64, ValueError):
        raise _invalid() from None
    # one spelling only: the decoder passes over foreign characters and spare bits
    if urlsafe_b64encode(raw).rstrip(b"=").decode("ascii") != text or len(raw) <= _MAC:
        raise _invalid()
    return raw


def _said(said: bytes) -> Token:
    purpose = _BY_NUMBER[said[0]]
    first, at = _unpacked(said, 1)
    second, at = _unpacked(said, at)
    rest = said[at:]
    if purpose == UNSUBSCRIBE:
        if len(rest) != 16:
            raise _invalid()
        return Token(purpose, campaign=second, tenant=first, address_key=rest.hex())
    if len(rest) != 2:
        raise _invalid()
    return Token(purpose, campaign=first, recipient=second, link_number=int.from_bytes(rest, "big"))


def _packed(text: str) -> bytes:
    """An id with its kind and length before it: 0 a UUID, 1 to 8 the bytes of a number, 128 and more those of a text."""
    if _UUID.fullmatch(text):
        return b"\0" + UUID(text).bytes
    if _NUMBER.fullmatch(text):
        number = int(text)
        length = max((number.bit_length() + 7) // 8, 1)
        return bytes([length]) + number.to_bytes(length, "big")
    data = text.encode("utf-8")
    if len(data) > _LONGEST_ID:
        raise MessageRefused("id_too_long", "the id is too long for a link", most=_LONGEST_ID)
    return bytes([128 + len(data)]) + data


def _unpacked(said: bytes, at: int) -> tuple[str, int]:
    kind = said[at]
    length = 16 if kind == 0 else kind if kind <= 8 else kind - 128
    data = said[at + 1 : at + 1 + length]
    if length < 0 or len(data) != length:
        raise _invalid()
    found = (
        str(UUID(bytes=data)) if kind == 0 else str(int.from_bytes(data, "big")) if kind <= 8 else data.decode("utf-8")
    )
    return found, at + 1 + length


def _invalid() -> MessageRefused:
    return MessageRefused("token_invalid", "the link is not one of ours")
