"""What lies beyond our machines: the site's certificate, and whether senders' domains are in order."""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Iterator
from datetime import timedelta
from urllib.parse import urlsplit

from django.conf import settings
from django.utils import timezone

from campaigns.models import SenderProfile
from campaigns.services import senders
from core.secrets import SealBroken
from tenants.models import Tenant
from tenants.scoping import tenant_scope

from .findings import ERROR, OK, WARNING, Finding

_PATIENCE = 5.0
_SOON_DAYS = 14
_OLD = timedelta(days=30)


def certificate_holds() -> Iterator[Finding]:
    """Where PUBLIC_URL is https: it is believed, and does not end soon. Asked from this machine."""
    place = urlsplit(settings.PUBLIC_URL)
    if place.scheme != "https" or not place.hostname:
        return
    try:
        with (
            socket.create_connection((place.hostname, place.port or 443), timeout=_PATIENCE) as plain,
            ssl.create_default_context().wrap_socket(plain, server_hostname=place.hostname) as sealed,
        ):
            ends = ssl.cert_time_to_seconds(sealed.getpeercert()["notAfter"])
    except ssl.SSLCertVerificationError as error:
        yield Finding(
            "TLS",
            ERROR,
            f"The certificate of {place.hostname} is not believed: {error.verify_message}",
            "Renew it, with its chain.",
        )
        return
    except OSError as error:
        yield Finding(
            "TLS",
            WARNING,
            f"{settings.PUBLIC_URL} cannot be reached from here: {error}",
            "If it can from elsewhere, all is well.",
        )
        return
    days = (ends - time.time()) / 86_400
    level = WARNING if days < _SOON_DAYS else OK
    yield Finding(
        "TLS",
        level,
        f"the certificate of {place.hostname} ends in {days:.0f} days",
        "Renew it." if level == WARNING else "",
    )


def senders_are_in_order() -> Iterator[Finding]:
    """Of each company that sends real mail: its password opens, and what the last look at its domain found."""
    real = 0
    for tenant in Tenant.objects.order_by("slug").iterator(chunk_size=200):
        with tenant_scope(tenant):
            profile = SenderProfile.objects.first()
            if profile is None or not profile.is_real:
                continue
            real += 1
            yield from _sender(tenant.slug, profile)
    if real:
        yield Finding("mail", OK, f"{real} companies send real mail")


def _sender(slug: str, profile: SenderProfile) -> Iterator[Finding]:
    try:
        if profile.sealed_password:
            senders.server(profile)
        if profile.sealed_provider_settings:
            senders.provider_settings(profile)
    except SealBroken:
        yield Finding(
            "mail",
            ERROR,
            f"{slug}: the mail server's password does not open with this CREDENTIALS_KEY.",
            "Bring the old key back (CREDENTIALS_KEY_FALLBACKS), or say the password again.",
        )
    if not profile.domain_checked_at:
        yield Finding(
            "mail",
            WARNING,
            f"{slug}: nobody looked at the sender's domain (SPF, DKIM, DMARC).",
            "Have it checked on the company's page “Sender”.",
        )
        return
    errors = [
        one.get("code", "?") for one in profile.domain_report.get("findings", []) if one.get("severity") == "error"
    ]
    if errors:
        yield Finding(
            "mail",
            WARNING,
            f"{slug}: the sender's domain is not in order: {', '.join(errors)}.",
            "Mend its DNS, and check again on the page “Sender”.",
        )
    elif profile.domain_checked_at < timezone.now() - _OLD:
        yield Finding(
            "mail",
            WARNING,
            f"{slug}: the sender's domain was last looked at on {profile.domain_checked_at:%Y-%m-%d}.",
            "Check it again on the page “Sender”.",
        )
