"""Which e-mail addresses can be written to, how they are written, and the key under which one is remembered."""

from __future__ import annotations

import hmac
import re
import unicodedata

import idna

from .refusal import MessageRefused

_LOCAL = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
_PLAIN_DOMAIN = re.compile(
    r"(?:[a-z0-9](?:[a-z0-9_-]{0,61}[a-z0-9])?\.)+(?!xn--)[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?", re.ASCII
)
_PUNYCODE = re.compile(r"(?:^|\.)xn--")
_SECRET_AT_LEAST = 16  # bytes


def checked_address(address: str) -> str:
    """An address as an envelope and a header may carry it: the local part as it was given, the domain in lower-case ASCII
    (IDNA 2008). Stricter than RFC 5322: no quoted local parts, comments or literal hosts, a domain of two labels or more.

    MessageRefused address_empty · address_too_long · address_malformed · address_not_ascii (a local part that only
    SMTPUTF8 could carry, RFC 6531) · address_domain.
    """
    address = address.strip()
    if not address:
        raise MessageRefused("address_empty", "no address", address=address)
    local, at, domain = address.rpartition("@")
    if not at or not local or not domain:
        raise _refused("address_malformed", address)
    if not local.isascii():
        raise _refused("address_not_ascii", address)
    if not _LOCAL.fullmatch(local):
        raise _refused("address_malformed", address)
    try:
        domain = checked_domain(domain)
    except MessageRefused:
        raise _refused("address_domain", address) from None
    if len(local) > 64 or len(local) + 1 + len(domain) > 254:  # RFC 5321, 4.5.3.1
        raise _refused("address_too_long", address)
    return f"{local}@{domain}"


def checked_domain(domain: str) -> str:
    """A host's name in lower-case ASCII, of two labels or more. MessageRefused domain_malformed."""
    plain = domain.lower()
    if len(plain) <= 253 and _PLAIN_DOMAIN.fullmatch(plain) and not _PUNYCODE.search(plain):
        return plain
    try:
        plain = idna.encode(domain, uts46=True).decode("ascii").lower()
    except (idna.IDNAError, UnicodeError):
        raise MessageRefused("domain_malformed", f"no domain: {domain!r}", domain=domain) from None
    if "." not in plain.strip(".") or plain.endswith(".") or plain.rpartition(".")[2].isdigit():
        raise MessageRefused("domain_malformed", f"no domain: {domain!r}", domain=domain)
    return plain


def normalised_address(address: str) -> str:
    """How an address is compared: trimmed, letters folded, the domain in ASCII where it can be. Never refuses but what is
    empty: a list of people who opted out may hold anything, and all of it is to be remembered. MessageRefused address_empty.
    """
    folded = unicodedata.normalize("NFC", unicodedata.normalize("NFC", address).strip().casefold())
    if not folded:
        raise MessageRefused("address_empty", "no address", address=address)
    local, at, domain = folded.rpartition("@")
    try:
        return f"{local}{at}{checked_domain(domain)}" if at else folded
    except MessageRefused:
        return folded


def address_key(secret: bytes, address: str) -> str:
    """32 hex digits that stand for an address where the address itself must not be kept: HMAC-SHA-256, the first half.
    MessageRefused address_empty · secret_too_short.
    """
    sealed = b"churnguard.address.v1\0" + normalised_address(address).encode("utf-8", "surrogatepass")
    return hmac.digest(checked_secret(secret), sealed, "sha256")[:16].hex()


def checked_secret(secret: bytes) -> bytes:
    if len(secret) < _SECRET_AT_LEAST:
        raise MessageRefused("secret_too_short", "the secret is too short", needed=_SECRET_AT_LEAST)
    return secret


def _refused(code: str, address: str) -> MessageRefused:
    return MessageRefused(code, f"{code}: {address[:100]!r}", address=address[:320])
