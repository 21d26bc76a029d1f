"""Where people reach this site, for links in mails."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest


def site_of(request: HttpRequest) -> str:
    """Such as ``https://churnguard.example.com``: the operator's own word where there is one, else the host asked for, which
    ``ALLOWED_HOSTS`` has checked."""
    return settings.PUBLIC_URL or f"{request.scheme}://{request.get_host()}"
