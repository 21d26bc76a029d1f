"""The door of an invitation: open to whoever holds its link, and to nobody twice."""

from __future__ import annotations

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import login
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import translation
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from core.errors import Refused

from . import invitations, sessions, sign_in_limits
from .forms_people import NewAccountForm
from .models import Invitation, User
from .scoping import public_scope

_BACKEND = "django.contrib.auth.backends.ModelBackend"


@require_http_methods(["GET", "HEAD", "POST"])
@login_not_required
def invitation(request: HttpRequest, token: str) -> HttpResponse:
    """Says who invites where, and as what; a POST takes the seat. Looking changes nothing: mail scanners follow links."""
    tenant = invitations.company_of(token)
    if tenant is None:
        return _gone(request)
    with public_scope(tenant):
        found = invitations.find(token)
        if found is None:
            return _gone(request)
        if not request.user.is_authenticated:
            with translation.override(_language_of(request, found)):
                return _as_stranger(request, found, token)
        return _as_person(request, found, token)


def _as_person(request: HttpRequest, found: Invitation, token: str) -> HttpResponse:
    is_theirs = request.user.email.casefold() == found.email.casefold()
    context = {"invitation": found, "token": token, "step": "join" if is_theirs else "other"}
    if request.method != "POST" or not is_theirs:
        return render(request, "tenants/invitation.html", context, status=200 if request.method != "POST" else 403)
    try:
        seat = invitations.accept(invitation=found, user=request.user)
    except Refused as refusal:
        return render(request, "tenants/invitation.html", context | {"refusal": refusal.message}, status=422)
    sessions.enter(request, seat.tenant_id)
    messages.success(request, _("Welcome to %(company)s.") % {"company": found.tenant.name})
    return redirect("dashboard:dashboard")


def _as_stranger(request: HttpRequest, found: Invitation, token: str) -> HttpResponse:
    context = {"invitation": found, "token": token}
    if invitations.account_of(found) is not None:
        # Who has an account proves it by signing in, and comes back to this address.
        status = 403 if request.method == "POST" else 200
        return render(request, "tenants/invitation.html", context | {"step": "sign_in"}, status=status)
    form = NewAccountForm(User(email=found.email), request.POST or None)
    context |= {"step": "new", "form": form}
    if request.method != "POST":
        return render(request, "tenants/invitation.html", context)
    if form.is_valid():
        said = form.cleaned_data
        try:
            seat = invitations.accept_as_new(invitation=found, name=said["name"], password=said["new_password1"])
        except Refused as refusal:
            form.add_error(None, refusal.message)
        else:
            login(request, seat.user, backend=_BACKEND)
            sessions.enter(request, seat.tenant_id)
            messages.success(request, _("Welcome to %(company)s.") % {"company": found.tenant.name})
            response = redirect("dashboard:dashboard")
            sign_in_limits.remember(request, response, seat.user)
            return response
    return render(request, "tenants/invitation.html", context, status=422)


def _language_of(request: HttpRequest, found: Invitation) -> str:
    """What was chosen on this browser, else the inviter's, as in the mail. A cookie may hold anything."""
    chosen = request.COOKIES.get(settings.LANGUAGE_COOKIE_NAME, "")
    return chosen if chosen in dict(settings.LANGUAGES) else found.locale


def _gone(request: HttpRequest) -> HttpResponse:
    return render(request, "tenants/invitation.html", {"step": "gone"}, status=404)
