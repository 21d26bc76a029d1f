"""The company switcher and the language."""

from __future__ import annotations

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import check_for_language
from django.views.decorators.http import require_POST

from . import sessions
from .models import Membership


@require_POST
@login_not_required
def set_language(request: HttpRequest) -> HttpResponse:
    """Remember the language: with the person when signed in, and on this browser."""
    language = request.POST.get("language", "")
    back = _safe_next(request)
    response = redirect(back)
    if check_for_language(language) and language in dict(settings.LANGUAGES):
        if request.user.is_authenticated:
            request.user.locale = language
            request.user.save(update_fields=["locale"])
        response.set_cookie(settings.LANGUAGE_COOKIE_NAME, language, max_age=365 * 86400, samesite="Lax")
    return response


@require_POST
def switch_workspace(request: HttpRequest) -> HttpResponse:
    """Choose among one's own companies; the choice is checked against membership rows at each request."""
    wanted = request.POST.get("workspace", "")
    seat = Membership.objects.filter(user=request.user, tenant__slug=wanted).first() if wanted.isprintable() else None
    if seat is not None:
        sessions.enter(request, seat.tenant_id)
    return redirect(settings.LOGIN_REDIRECT_URL)


def _safe_next(request: HttpRequest) -> str:
    target = request.POST.get("next", "")
    if url_has_allowed_host_and_scheme(target, allowed_hosts={request.get_host()}, require_https=request.is_secure()):
        return target
    return "/"
