"""What a person decides about models: which takes charge, going back, what happens by itself, alarms by mail."""

from __future__ import annotations

from collections.abc import Callable

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from core.errors import Refused
from core.htmx import render_page
from tenants.permissions import requires

from . import selectors, services
from .forms import ReasonForm, RoutineForm
from .models import Promotion
from .views import overview


@require_POST
@requires("promote_models")
def promote(request: HttpRequest, number: int) -> HttpResponse:
    """Put a version in charge; where a gate is not green, with the reason that was given."""
    version = selectors.version_list().filter(number=number).first()
    if version is None:
        raise Http404
    reason = ReasonForm(request.POST).said
    return _decide(request, lambda: services.promote(version=version, actor=request.user, reason=reason))


@require_POST
@requires("promote_models")
def roll_back(request: HttpRequest) -> HttpResponse:
    """Put the model that was in charge before back there."""
    reason = ReasonForm(request.POST).said
    return _decide(request, lambda: services.roll_back(actor=request.user, reason=reason))


def _decide(request: HttpRequest, decision: Callable[[], Promotion]) -> HttpResponse:
    try:
        done = decision()
    except Refused as refusal:
        messages.warning(request, refusal.message)
    else:
        messages.success(
            request,
            _("Model %(version)s is in charge. Everybody is scored anew by it.") % {"version": done.version.number},
        )
    return redirect("predictions:mlops")


@require_POST
@requires("set_routine")
def set_routine(request: HttpRequest) -> HttpResponse:
    """Change what happens by itself."""
    form = RoutineForm(request.POST)
    if not form.is_valid() or form.save(actor=request.user) is None:
        return render_page(request, "predictions/mlops.html", overview(request, form), status=422)
    messages.success(request, _("What happens by itself is set."))
    return redirect("predictions:mlops")


@require_POST
@requires("view_models")
def read_alarms(request: HttpRequest) -> HttpResponse:
    """Alarms by mail for oneself, or no longer."""
    by_mail = request.POST.get("by_mail") == "yes"
    services.read_alarms(user=request.user, by_mail=by_mail)
    messages.success(request, _("Alarms are mailed to you from now on.") if by_mail else _("No more alarms by mail."))
    return redirect("predictions:mlops")
