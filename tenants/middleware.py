"""Puts the company in scope for the length of a request: from the membership row of the person, or of the key's maker."""

from __future__ import annotations

from contextlib import nullcontext

from django.conf import settings
from django.shortcuts import redirect
from django.utils import timezone, translation

from core import logs

from . import acting, api_keys, selectors, sessions
from .models import User
from .scoping import tenant_scope

_API = "/api/"  # keys are for programs: pages and the back office do not look at the header
_SAFE = ("GET", "HEAD", "OPTIONS")


class TenantMiddleware:
    """A signed-in person works in the company they chose; an API request with a key in the company of the key's row.

    The scope is entered here, around the whole view and the writing of its answer. Who the caller of the API is says
    ``tenants.authentication``, which reads ``api_key`` and ``key_refusal``.
    """

    def __init__(self, get_response) -> None:
        self.get_response = get_response

    def __call__(self, request):
        request.membership = None
        request.tenant = None
        request.api_key = None
        request.key_refusal = ""
        request.second_factor_wanted = request.company_lost = False
        text = _bearer(request)
        if text is not None:
            self._open(request, text)
        elif request.user.is_authenticated:
            self._enter(request)
            self._speak(request, request.user)
        scope = tenant_scope(request.tenant) if request.tenant else nullcontext()
        zone = timezone.override(request.tenant.time_zone if request.tenant else None)
        person = (
            request.api_key.made_by_id
            if request.api_key
            else (request.user.pk if request.user.is_authenticated else None)
        )
        whose = logs.about(company_id=request.tenant.pk if request.tenant else None, user_id=person)
        with scope, zone, acting.by_key(request.api_key), whose:
            return self.get_response(request)

    def process_view(self, request, view, args, kwargs):
        """A company's pages lead to the set-up of a second factor where it asks for one that this session lacks."""
        if not request.second_factor_wanted:
            return None
        of_a_company = hasattr(view, "capability") or "admin" in request.resolver_match.namespaces
        return redirect("tenants:second_factor") if of_a_company else None

    def _enter(self, request) -> None:
        """The company of this session, if the person is still in it; else their first one, for looking only.

        A form belongs to the company whose page showed it. Where that one is lost, the form goes nowhere (403) instead of
        into another company that the person happens to be in.
        """
        wanted = request.session.get(sessions.WORKSPACE)
        membership = selectors.get_membership(request.user, wanted=wanted)
        if membership is None:
            return
        if str(membership.tenant_id) != wanted:
            if wanted and request.method not in _SAFE:
                request.company_lost = True
                return
            sessions.enter(request, membership.tenant_id)
        sessions.seen(request.session)
        if membership.tenant.requires_second_factor and not request.session.get(sessions.SECOND_FACTOR):
            request.second_factor_wanted = True
            return
        request.membership, request.tenant = membership, membership.tenant

    def _open(self, request, text: str) -> None:
        try:
            opened = api_keys.open_key(text)
        except api_keys.KeyRefused as refusal:
            request.key_refusal = refusal.code
            return
        request.api_key, request.membership = opened.key, opened.membership
        request.tenant = opened.membership.tenant
        self._speak(request, opened.key.made_by)

    @staticmethod
    def _speak(request, person: User) -> None:
        """The person's language; where they chose none, the one they picked on this browser, then the company's."""
        chosen = person.locale or request.COOKIES.get("django_language") or (request.tenant and request.tenant.locale)
        if chosen in dict(settings.LANGUAGES):  # a cookie may hold anything
            translation.activate(chosen)
            request.LANGUAGE_CODE = translation.get_language()


def _bearer(request) -> str | None:
    """What an API request sends as its key; None where it sends none."""
    if not request.path_info.startswith(_API):
        return None
    scheme, _space, text = request.META.get("HTTP_AUTHORIZATION", "").partition(" ")
    return text.strip() if scheme.lower() == "bearer" else None
