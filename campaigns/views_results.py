"""The pages about what campaigns did, and about whom to write to: results, a measurement asked for, learning, the lists."""

from __future__ import annotations

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from core import jobs, keyset
from core.errors import Refused
from core.htmx import render_page
from tenants.permissions import requires

from . import results_page, selectors
from .models import Campaign, UpliftScore
from .services import measuring, uplift

_RESULTS = "campaigns/results.html"
_WHOM = "campaigns/whom.html"
_SHOWN = 50
_LISTED = {
    UpliftScore.Group.PERSUADABLE: keyset.Order("effect"),
    UpliftScore.Group.DO_NOT_DISTURB: keyset.Order("effect", descending=False),
}


def _find(public_id) -> Campaign:
    found = selectors.campaign(public_id)
    if found is None:
        raise Http404
    return found


@require_safe
@requires("view_campaigns")
def results(request: HttpRequest, public_id) -> HttpResponse:
    """What a campaign did; ``job`` is asked again while it is measured."""
    campaign = _find(public_id)
    context = results_page.page(campaign, request)
    response = render_page(request, f"{_RESULTS}#job", context)
    return _refreshed(request, response, context["job"])


def _refreshed(request: HttpRequest, response: HttpResponse, job) -> HttpResponse:
    """A fragment whose job is over asks for the whole page."""
    if request.htmx and request.htmx.target == "job" and job is None:
        response["HX-Refresh"] = "true"
    return response


@require_POST
@requires("run_campaigns")
def measure(request: HttpRequest, public_id) -> HttpResponse:
    """Look now who stayed."""
    campaign = _find(public_id)
    try:
        jobs.ring(measuring.open_measurement(campaign=campaign, requested_by=request.user))
    except Refused as refusal:
        messages.warning(request, refusal.message)
    return redirect("campaigns:results", public_id=campaign.public_id)


@require_safe
@requires("view_campaigns")
def whom(request: HttpRequest) -> HttpResponse:
    """Which rule decides whom to write to, the evidence for it, and the two lists; ``job`` is asked again while it learns."""
    if request.htmx and request.htmx.target == "job":
        job = uplift.open_run()
        return _refreshed(request, render_page(request, f"{_WHOM}#job", {"job": job}), job)
    context = results_page.whom()
    group = request.GET.get("group", "")
    run = context["run"]
    if run is not None and run.is_ready:
        context["group"] = group if group in _LISTED else UpliftScore.Group.PERSUADABLE.value
        if request.membership.can("view_customers"):
            context["page"] = keyset.paginate(
                UpliftScore.objects.filter(run=run, group=context["group"]).select_related("customer"),
                _LISTED[UpliftScore.Group(context["group"])],
                after=request.GET.get("after", ""),
                before=request.GET.get("before", ""),
                size=_SHOWN,
            )
            context["people"] = results_page.people(context["page"].rows)
    return render_page(request, f"{_WHOM}#people", context)


@require_POST
@requires("run_campaigns")
def learn(request: HttpRequest) -> HttpResponse:
    """Learn now from all measured campaigns."""
    try:
        jobs.ring(uplift.require_learning(requested_by=request.user))
    except Refused as refusal:
        messages.warning(request, refusal.message)
    else:
        messages.info(request, _("It learns from your measured campaigns; the page says when it is done."))
    return redirect("campaigns:uplift")
