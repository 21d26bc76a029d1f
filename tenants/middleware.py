"""Puts the company in scope for the length of a request: from the signed-in person's membership row, nothing else."""

from __future__ import annotations

from contextlib import nullcontext

from django.conf import settings
from django.utils import timezone, translation

from . import selectors
from .scoping import tenant_scope


class TenantMiddleware:
    def __init__(self, get_response) -> None:
        self.get_response = get_response

    def __call__(self, request):
        request.membership = None
        request.tenant = None
        if request.user.is_authenticated:
            membership = selectors.get_membership(request.user, wanted=request.session.get("workspace"))
            if membership is not None:
                request.membership, request.tenant = membership, membership.tenant
            self._speak(request)
        scope = tenant_scope(request.tenant) if request.tenant else nullcontext()
        with scope, timezone.override(request.tenant.time_zone if request.tenant else None):
            return self.get_response(request)

    @staticmethod
    def _speak(request) -> None:
        """The person's language; where they chose none, the one they picked on this browser, then the company's."""
        chosen = (
            request.user.locale or request.COOKIES.get("django_language") or (request.tenant and request.tenant.locale)
        )
        if chosen in dict(settings.LANGUAGES):  # a cookie may hold anything
            translation.activate(chosen)
            request.LANGUAGE_CODE = translation.get_language()
