"""How often the API answers: by key, by person, and by address. The rates are settings (``DEFAULT_THROTTLE_RATES``)."""

from __future__ import annotations

import ipaddress
from abc import abstractmethod

from django.http import HttpRequest
from rest_framework.settings import api_settings
from rest_framework.throttling import BaseThrottle

from . import rates


def address_of(request: HttpRequest) -> str:
    """The caller's address as the trusted proxies saw it: the Nth of ``X-Forwarded-For`` from the right (RULES 38).

    Whatever stands left of it the caller may have written. An IPv6 address counts as its /64: that is what one line gets.
    """
    text = BaseThrottle().get_ident(request) or ""
    try:
        address = ipaddress.ip_address(text.strip())
    except ValueError:
        return text[:100]
    if address.version == 4:
        return str(address)
    if address.ipv4_mapped:
        return str(address.ipv4_mapped)
    return str(ipaddress.ip_network((address, 64), strict=False))


def take_failure(request: HttpRequest) -> int:
    """Count a caller whom the API does not know; the seconds to wait where this address has been wrong too often."""
    return rates.take(f"stranger/{address_of(request)}", _rate("stranger"))


class _Throttle(BaseThrottle):
    scope = ""

    def __init__(self) -> None:
        self._wait = 0

    def allow_request(self, request, view) -> bool:
        who = self.who(request)
        self._wait = rates.take(f"{self.scope}/{who}", _rate(self.scope)) if who else 0
        return not self._wait

    def wait(self) -> int:
        return self._wait

    @abstractmethod
    def who(self, request) -> str:
        """Whose requests are counted together; empty: not counted here."""


class KeyThrottle(_Throttle):
    """Requests by one API key."""

    scope = "key"

    def who(self, request) -> str:
        return f"{_company(request)}/{request.auth.pk}" if request.auth is not None else ""


class PersonThrottle(_Throttle):
    """Requests of one person's browsers."""

    scope = "person"

    def who(self, request) -> str:
        return (
            f"{_company(request)}/{request.user.pk}" if request.auth is None and request.user.is_authenticated else ""
        )


class AddressThrottle(_Throttle):
    """Everything from one address, whoever asks: an office behind one address needs room."""

    scope = "address"

    def who(self, request) -> str:
        return address_of(request._request) or "unknown"


def _rate(scope: str) -> rates.Rate | None:
    return rates.rate_of(api_settings.DEFAULT_THROTTLE_RATES.get(scope))


def _company(request) -> str:
    tenant = getattr(request._request, "tenant", None)
    return str(tenant.pk) if tenant else "none"
