"""Setting up a second factor, and being asked for it at the door."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import login
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render, resolve_url
from django.utils import timezone
from django.utils.crypto import constant_time_compare
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from core.errors import Refused
from core.htmx import render_page

from . import account_changes, second_factor, sessions, sign_in_limits
from .account_mails import Change
from .forms import too_many
from .forms_people import CodeForm, PasswordForm
from .models import User

_WAITING = "sign_in_waits"  # in the session: who gave their password and still owes the code
_WAITS = timedelta(minutes=10)
_BACKEND = "django.contrib.auth.backends.ModelBackend"


def ask_for_code(request: HttpRequest, user: User, target: str) -> HttpResponse:
    """The password was right: the code is asked for next, and until then nobody is signed in."""
    request.session.cycle_key()
    request.session[_WAITING] = {
        "person": user.pk,
        "password": user.get_session_auth_hash(),  # a password that changes meanwhile ends the waiting
        "at": timezone.now().isoformat(),
        "target": target,
    }
    return redirect("tenants:sign_in_code")


@require_http_methods(["GET", "HEAD", "POST"])
@login_not_required
def sign_in_code(request: HttpRequest) -> HttpResponse:
    waiting = request.session.get(_WAITING) or {}
    user = _who_waits(waiting)
    if user is None:
        request.session.pop(_WAITING, None)
        return redirect(settings.LOGIN_URL)
    form, status, wait = CodeForm(request.POST or None), 200, 0
    if request.method == "POST" and form.is_valid():
        attempt = sign_in_limits.begin_code(request, user)
        if attempt.wait:
            form.add_error("code", too_many(attempt.wait))
            status, wait = 429, attempt.wait
        elif second_factor.check(user, form.cleaned_data["code"]):
            attempt.give_back()
            del request.session[_WAITING]
            login(request, user, backend=_BACKEND)
            request.session[sessions.SECOND_FACTOR] = True
            response = redirect(waiting["target"] or resolve_url(settings.LOGIN_REDIRECT_URL))
            sign_in_limits.remember(request, response, user)
            return response
        else:
            form.add_error("code", second_factor.wrong_code())
    response = render(request, "tenants/sign_in_code.html", {"form": form}, status=status)
    if wait:
        response["Retry-After"] = str(wait)
    return response


def _who_waits(waiting: dict) -> User | None:
    user = User.objects.filter(pk=waiting.get("person"), is_active=True).first() if waiting else None
    if user is None or timezone.now() - datetime.fromisoformat(waiting["at"]) > _WAITS:
        return None
    return user if constant_time_compare(waiting["password"], user.get_session_auth_hash()) else None


@require_http_methods(["GET", "HEAD", "POST"])
def second_factor_page(request: HttpRequest) -> HttpResponse:
    """How it stands; where it is off, the secret with its picture, and a POST with the first code switches it on."""
    if second_factor.is_on(request.user):
        return _page(request)
    form = CodeForm(request.POST or None)
    form.fields["code"].widget.attrs.pop("autofocus")
    status = 200
    if request.method == "POST":
        status = 422
        attempt = sign_in_limits.begin_proof(request)
        if attempt.wait:
            form.add_error(None, too_many(attempt.wait))
            status = 429
        elif form.is_valid():
            try:
                codes = second_factor.confirm(request.user, form.cleaned_data["code"])
            except Refused as refusal:
                form.add_error("code", refusal.message)
            else:
                attempt.give_back()
                sessions.end_all(request.user, but=request.session.session_key)
                request.session[sessions.SECOND_FACTOR] = True
                account_changes.tell(request, request.user, Change.FACTOR_ON)
                return _page(request, codes=codes)
    setup = second_factor.begin(request.user)
    return render_page(request, "tenants/second_factor.html", {"setup": setup, "form": form}, status=status)


@require_POST
def renew_recovery_codes(request: HttpRequest) -> HttpResponse:
    def renew() -> HttpResponse:
        codes = second_factor.renew_codes(request.user)
        account_changes.tell(request, request.user, Change.CODES)
        return _page(request, codes=codes)

    return _after_password(request, renew)


@require_POST
def end_second_factor(request: HttpRequest) -> HttpResponse:
    def end() -> HttpResponse:
        if second_factor.end(request.user):
            account_changes.tell(request, request.user, Change.FACTOR_OFF)
        request.session.pop(sessions.SECOND_FACTOR, None)
        messages.success(request, _("Your second factor is switched off."))
        return redirect("tenants:profile")

    return _after_password(request, end)


def _after_password(request: HttpRequest, work: Callable[[], HttpResponse]) -> HttpResponse:
    """Do it once the password is given anew. Guesses at an open browser are counted, and beyond the limit not looked at."""
    attempt = sign_in_limits.begin_proof(request)
    if attempt.wait:
        messages.error(request, too_many(attempt.wait))
        return redirect("tenants:second_factor")
    form = PasswordForm(request.POST, user=request.user)
    if not form.is_valid():
        return _page(request, form=form, status=422)
    attempt.give_back()
    try:
        return work()
    except Refused as refusal:
        messages.error(request, refusal.message)
        return redirect("tenants:second_factor")


def _page(request: HttpRequest, *, codes=None, form: PasswordForm | None = None, status: int = 200) -> HttpResponse:
    context = {
        "codes": codes,
        "codes_left": second_factor.codes_left(request.user),
        "password_form": form or PasswordForm(user=request.user),
        "is_required": request.user.memberships.filter(tenant__requires_second_factor=True).exists(),
    }
    return render_page(request, "tenants/second_factor.html", context, status=status)
