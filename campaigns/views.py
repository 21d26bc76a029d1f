"""The pages about campaigns before they begin: the list, composing with a live count, the campaign itself, its check."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from core import jobs, keyset
from core.errors import Refused
from core.htmx import render_page
from tenants.permissions import requires

from . import campaign_page, selectors, services, wording_campaigns
from .forms import AudienceForm, CampaignForm
from .models import Audience, Campaign, Preparation
from .services import audience as audiences

_LIST = "campaigns/campaigns.html"
_COMPOSE = "campaigns/compose.html"
PAGE = "campaigns/campaign.html"
_BY_NEWEST = keyset.Order("pk")
_SHOWN = 25


@require_safe
@requires("view_campaigns")
def campaigns(request: HttpRequest) -> HttpResponse:
    """The campaigns, newest first; ``show`` narrows them to those prepared, under way or over."""
    show = request.GET.get("show", "")
    show = show if show in selectors.GROUPS else ""
    page = keyset.paginate(
        selectors.campaigns(show),
        _BY_NEWEST,
        after=request.GET.get("after", ""),
        before=request.GET.get("before", ""),
        size=_SHOWN,
    )
    context = {"page": page, "show": show, "rows": campaign_page.rows(page.rows)}
    context["mail_held"] = campaign_page.held_words()
    if not page.rows and not show:
        context["has_messages"] = selectors.messages().exists()
    return render_page(request, f"{_LIST}#results", context)


def find(public_id) -> Campaign:
    """A campaign of the company in scope; another company's is not there."""
    found = selectors.campaign(public_id)
    if found is None:
        raise Http404
    return found


# ---------------------------------------------------------------- composing


@require_http_methods(["GET", "HEAD", "POST"])
@requires("compose_campaigns")
def new_campaign(request: HttpRequest) -> HttpResponse:
    """A new draft. The address may say for whom: ``segment=S1`` or ``rule_segment=<identifier>``."""
    return _compose(request, None)


@require_http_methods(["GET", "HEAD", "POST"])
@requires("compose_campaigns")
def edit_campaign(request: HttpRequest, public_id) -> HttpResponse:
    campaign = find(public_id)
    if not campaign.is_editable:
        messages.warning(request, _("What was approved is not changed any more: copy it into a new draft."))
        return redirect("campaigns:campaign", public_id=campaign.public_id)
    return _compose(request, campaign)


def _compose(request: HttpRequest, campaign: Campaign | None) -> HttpResponse:
    sender, locale = services.sender(), request.tenant.locale
    options = {"campaign": campaign, "holdout": sender.holdout_share, "language": locale}
    if request.method != "POST":
        return _compose_page(request, CampaignForm(initial=_asked_for(request), **options), campaign)
    form = CampaignForm(request.POST, **options)
    if form.is_valid() and (saved := form.save(actor=request.user)):
        messages.success(request, _("“%(name)s” is saved. Check it next.") % {"name": saved.name})
        return redirect("campaigns:campaign", public_id=saved.public_id)
    return _compose_page(request, form, campaign, status=422)


def _asked_for(request: HttpRequest) -> dict[str, Any]:
    """For whom the address asks, from a page that leads here."""
    if segment := request.GET.get("segment", "")[:40]:
        return AudienceForm.as_initial({"kind": Audience.SEGMENT, "segments": [segment]})
    if rule := request.GET.get("rule_segment", "")[:40]:
        return AudienceForm.as_initial({"kind": Audience.RULE, "rule_segment": rule})
    return {}


def _compose_page(request, form: CampaignForm, campaign: Campaign | None, *, status: int = 200) -> HttpResponse:
    uplift = audiences.current_uplift()
    context = {
        "form": form,
        "campaign": campaign,
        "is_proved": uplift is not None and uplift.is_ready,
        "default_holdout": services.sender().holdout_share,
    }
    return render_page(request, _COMPOSE, context, status=status)


@require_POST
@requires("compose_campaigns")
def count_audience(request: HttpRequest) -> HttpResponse:
    """How many are in, with a few names, and how many of them would be left alone: asked again at each change of the form."""
    form = AudienceForm(request.POST)
    context: dict[str, Any] = {}
    problem = _("Choose whom the campaign is for.")
    if form.is_valid():
        try:
            context = {"look": audiences.look(form.chosen())}
        except Refused as refusal:
            problem = refusal.message
    else:
        problem = next(iter(next(iter(form.errors.values()))), problem)
    holdout = campaign_page.holdout_of(request.POST.get("holdout", ""))
    context |= (
        campaign_page.audience_figures(context.get("look"), holdout) if "look" in context else {"problem": problem}
    )
    return render(request, f"{_COMPOSE}#audience", context)  # never the page, which this form is a part of


# ---------------------------------------------------------------- one campaign


@require_safe
@requires("view_campaigns")
def campaign(request: HttpRequest, public_id) -> HttpResponse:
    """One campaign: where it stands, what to do next, and what is known of it. ``job`` is asked again while something moves."""
    found = find(public_id)
    if request.htmx and request.htmx.target == "job":
        return _job(request, found)
    return show(request, found)


def show(request: HttpRequest, found: Campaign, *, status: int = 200, **more: Any) -> HttpResponse:
    """The whole page of a campaign, with what a form had to say."""
    return render_page(request, PAGE, campaign_page.page(found, request) | more, status=status)


def _job(request: HttpRequest, found: Campaign) -> HttpResponse:
    """What moves; where the campaign has come to another state, or its job is over, the whole page is asked anew."""
    live = campaign_page.live(found)
    response = render_page(request, f"{PAGE}#job", {"campaign": found} | live)
    if request.GET.get("seen", "") != live["seen"]:
        response["HX-Refresh"] = "true"
    return response


@require_POST
@requires("compose_campaigns")
def check_campaign(request: HttpRequest, public_id) -> HttpResponse:
    """Look who would get it."""
    found = find(public_id)
    try:
        jobs.ring(services.open_check(campaign=found, requested_by=request.user))
    except Refused as refusal:
        messages.warning(request, refusal.message)
    return redirect("campaigns:campaign", public_id=found.public_id)


@require_POST
@requires("compose_campaigns")
def stop_check(request: HttpRequest, public_id) -> HttpResponse:
    found = find(public_id)
    job = services.open_preparation(found)
    if job is not None and job.kind == Preparation.Kind.CHECK:
        jobs.cancel(job)
        messages.info(request, _("It stops at its next step."))
    return redirect("campaigns:campaign", public_id=found.public_id)


@require_POST
@requires("compose_campaigns")
def copy_campaign(request: HttpRequest, public_id) -> HttpResponse:
    found = find(public_id)
    try:
        copy = services.copy_campaign(campaign=found, actor=request.user)
    except Refused as refusal:
        messages.warning(request, refusal.message)
        return redirect("campaigns:campaign", public_id=found.public_id)
    messages.success(request, _("A new draft like “%(name)s”, with lots of its own.") % {"name": found.name})
    return redirect("campaigns:edit_campaign", public_id=copy.public_id)


@require_POST
@requires("compose_campaigns")
def delete_campaign(request: HttpRequest, public_id) -> HttpResponse:
    found = find(public_id)
    try:
        services.delete_draft(campaign=found, actor=request.user)
    except Refused as refusal:
        messages.warning(request, refusal.message)
        return redirect("campaigns:campaign", public_id=found.public_id)
    messages.info(request, _("“%(name)s” is deleted.") % {"name": found.name})
    return redirect("campaigns:campaigns")


@require_POST
@requires("write_messages")
def send_test(request: HttpRequest, public_id) -> HttpResponse:
    """The mail as one customer would get it, to the colleague who asks."""
    found = find(public_id)
    language = request.POST.get("language", found.default_language)
    if language not in wording_campaigns.LANGUAGE_NAMES:
        language = found.default_language
    arm = "b" if request.POST.get("arm") == "b" and found.rival_id else "a"
    try:
        services.send_test(campaign=found, user=request.user, language=language, arm=arm)
    except Refused as refusal:
        messages.warning(request, refusal.message)
    else:
        where = _("to the mailbox inside ChurnGuard") if not services.sender().is_real else request.user.email
        messages.success(request, _("A test mail went %(where)s.") % {"where": where})
    return redirect("campaigns:campaign", public_id=found.public_id)
