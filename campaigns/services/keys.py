"""The engine's keyed names under this installation's keys: addresses by hash, links by token, mails by identifier."""

from __future__ import annotations

from functools import lru_cache
from uuid import UUID

from django.conf import settings

from ..outreach import message
from ..outreach.message import MessageRefused, Token


def _mail_keys() -> tuple[bytes, ...]:
    return _encoded(settings.MAIL_KEY, tuple(settings.MAIL_KEY_FALLBACKS))


@lru_cache(maxsize=8)
def _encoded(key: str, fallbacks: tuple[str, ...]) -> tuple[bytes, ...]:
    return tuple(one.encode() for one in (key, *fallbacks))


def address_key(address: str) -> str:
    """32 hex digits that stand for an address; they outlive the customer, and say nothing to who lacks ADDRESS_KEY.
    Raises MessageRefused where it is no address."""
    return message.address_key(_encoded(settings.ADDRESS_KEY, ())[0], address)


def is_address(address: str) -> bool:
    """Whether mail can be sent there at all."""
    try:
        message.checked_address(address.strip())
    except MessageRefused:
        return False
    return True


def address_key_or_none(address: str) -> str:
    """The key of an address; "" where it is none."""
    try:
        return address_key(address)
    except MessageRefused:
        return ""


def message_id(campaign: UUID | str, recipient: int, domain: str) -> str:
    """The same for the same recipient of the same campaign, however often it is asked."""
    return message.message_id(_mail_keys()[0], str(campaign), str(recipient), domain)


def unsubscribe_token(tenant: UUID | str, campaign: UUID | str, key: str) -> str:
    """What an unsubscribe link carries: it never expires and asks no table."""
    return message.unsubscribe_token(_mail_keys()[0], str(tenant), str(campaign), key)


def read_unsubscribe_token(token: str) -> Token | None:
    """Whose link it is: tenant, campaign, address_key; None where it is not ours."""
    return _read(token, message.UNSUBSCRIBE)


def signal_token(purpose: str, tenant: UUID | str, recipient: int, link: int = 0) -> str:
    """What a tracked link carries. The engine's first name is the company here: a recipient knows its campaign."""
    return message.token(_mail_keys()[0], purpose, str(tenant), str(recipient), link)


def read_signal_token(purpose: str, token: str) -> Token | None:
    """``campaign``: the company's identifier; ``recipient``: the row's key; ``link_number``. None where it is not ours."""
    return _read(token, purpose)


def _read(token: str, purpose: str) -> Token | None:
    try:
        return message.read_token(_mail_keys(), token, purpose)
    except MessageRefused:
        return None
