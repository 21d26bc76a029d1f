"""The button that lets mail go out again after a restore."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from core.errors import Refused
from tenants import mail_hold
from tenants.permissions import requires

from . import selectors


@require_POST
@requires("release_mail")
def release_mail(request: HttpRequest) -> HttpResponse:
    """For the company that the person is in, and for no other one of this installation."""
    try:
        mail_hold.release_mail(actor=request.user, reason=request.POST.get("reason", ""))
    except Refused as refusal:
        messages.warning(request, refusal.message)
    else:
        messages.success(
            request,
            _("Mail may go out from here again. Campaigns that ran wait on their pages until somebody resumes them."),
        )
    selectors.look_again()
    return redirect("system:system")
