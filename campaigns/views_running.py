"""What is done with a campaign from its approval on: start, pause, go on, cancel, decide of single mails; its recipients."""

from __future__ import annotations

from collections.abc import Callable

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from core import jobs, keyset
from core.errors import Refused
from core.htmx import render_page
from tenants.permissions import requires

from . import selectors, services, wording_campaigns, wording_running
from .forms import RecipientFilter, UncertainForm
from .models import Campaign, Recipient
from .views import find

_RECIPIENTS = "campaigns/recipients.html"
_BY_KEY = keyset.Order("pk", descending=False)
_SHOWN = 50


def _do(request: HttpRequest, public_id, verb: Callable[[Campaign], str]) -> HttpResponse:
    """Carry out what a person decided, say what came of it, and show the campaign; too late or refused, it says so."""
    campaign = find(public_id)
    try:
        said = verb(campaign)
    except Refused as refusal:
        messages.warning(request, refusal.message)
    else:
        messages.success(request, said)
    return redirect("campaigns:campaign", public_id=campaign.public_id)


# ---------------------------------------------------------------- to the start


@require_POST
@requires("approve_campaigns")
def approve_campaign(request: HttpRequest, public_id) -> HttpResponse:
    """Let it go; ``despite``: why, where the sender's domain is not in order."""

    def approve(campaign: Campaign) -> str:
        despite = request.POST.get("despite", "")
        services.approve_campaign(campaign=campaign, actor=request.user, despite=despite)
        if campaign.scheduled_at:
            when = wording_running.moment(campaign.scheduled_at)
            return (_("Approved: it starts by itself at %(when)s.") % {"when": when}).replace("..", ".")
        return _("Approved: it starts when somebody starts it.")

    return _do(request, public_id, approve)


@require_POST
@requires("approve_campaigns")
def withdraw_approval(request: HttpRequest, public_id) -> HttpResponse:
    def withdraw(campaign: Campaign) -> str:
        services.withdraw_approval(campaign=campaign, actor=request.user)
        return _("The approval is withdrawn: it is a draft again.")

    return _do(request, public_id, withdraw)


@require_POST
@requires("run_campaigns")
def launch_campaign(request: HttpRequest, public_id) -> HttpResponse:
    def launch(campaign: Campaign) -> str:
        jobs.ring(services.open_launch(campaign=campaign, requested_by=request.user))
        return _("It starts: the audience is frozen first.")

    return _do(request, public_id, launch)


# ---------------------------------------------------------------- while it runs


@require_POST
@requires("run_campaigns")
def pause_campaign(request: HttpRequest, public_id) -> HttpResponse:
    def pause(campaign: Campaign) -> str:
        services.pause_campaign(campaign=campaign, actor=request.user)
        return _("Paused: the mail that is at the server now is the last one.")

    return _do(request, public_id, pause)


@require_POST
@requires("run_campaigns")
def resume_campaign(request: HttpRequest, public_id) -> HttpResponse:
    def resume(campaign: Campaign) -> str:
        _ring(services.resume_campaign(campaign=campaign, actor=request.user))
        return _("It goes on where it stopped, with the wording that it was started with.")

    return _do(request, public_id, resume)


@require_POST
@requires("run_campaigns")
def cancel_campaign(request: HttpRequest, public_id) -> HttpResponse:
    def cancel(campaign: Campaign) -> str:
        services.cancel_campaign(campaign=campaign, actor=request.user)
        services.refresh_counts(campaign, at_once=True)
        return _("Cancelled: nobody more is written to.")

    return _do(request, public_id, cancel)


@require_POST
@requires("run_campaigns")
def retry_failed(request: HttpRequest, public_id) -> HttpResponse:
    def retry(campaign: Campaign) -> str:
        count = services.retry_failed(campaign=campaign, actor=request.user)
        _go_on(campaign, count)
        return wording_running.retried(count)

    return _do(request, public_id, retry)


@require_POST
@requires("run_campaigns")
def decide_uncertain(request: HttpRequest, public_id) -> HttpResponse:
    """Of the mails that were ticked: sent again under the same Message-ID, or taken as sent."""

    def decide(campaign: Campaign) -> str:
        waiting = selectors.recipients(campaign, states=(Recipient.State.UNCERTAIN,))
        form = UncertainForm(request.POST, keys=list(waiting.values_list("pk", flat=True)[:10_000]))
        if not form.is_valid():
            raise Refused("nothing_chosen", _("Tick at least one mail, and say what becomes of it."))
        again = form.cleaned_data["decision"] == "again"
        count = services.decide_uncertain(
            campaign=campaign, actor=request.user, recipients=form.cleaned_data["recipient"], send_again=again
        )
        _go_on(campaign, count if again else 0)
        return wording_running.decided(count, send_again=again)

    return _do(request, public_id, decide)


def _go_on(campaign: Campaign, count: int) -> None:
    """Call the senders for mails that wait again."""
    campaign.refresh_from_db()
    if count and campaign.state == Campaign.State.RUNNING:
        _ring(services.open_shifts(campaign))
    services.refresh_counts(campaign, at_once=True)


def _ring(shifts) -> None:
    for shift in shifts:
        jobs.ring(shift)


# ---------------------------------------------------------------- who gets it


@require_safe
@requires("view_campaigns")
def recipients(request: HttpRequest, public_id) -> HttpResponse:
    """Everybody in a campaign, by state and arm: what became of the mail, and why not."""
    campaign = find(public_id)
    has_rival = campaign.rival_id is not None
    form = RecipientFilter(request.GET, has_rival=has_rival)
    group = form.chosen("state")
    page = keyset.paginate(
        selectors.recipients(campaign, states=wording_running.GROUPS.get(group, ()), arm=form.chosen("arm")),
        _BY_KEY,
        after=request.GET.get("after", ""),
        before=request.GET.get("before", ""),
        size=_SHOWN,
    )
    sees_people = request.membership.can("view_customers")
    rows = [_row(one, has_rival=has_rival, sees_people=sees_people) for one in page.rows]
    context = {"campaign": campaign, "form": form, "page": page, "rows": rows, "is_narrowed": bool(request.GET)}
    return render_page(request, f"{_RECIPIENTS}#results", context)


def _row(one: Recipient, *, has_rival: bool, sees_people: bool) -> dict[str, object]:
    group = wording_running.group_of(one.state)
    return {
        "recipient": one,
        "address": one.address if sees_people else _masked(one.address),
        "tone": wording_running.TONES[group],
        "arm": wording_campaigns.arm(one.arm, has_rival=has_rival),
        "reason": wording_running.reason(one.reason),
        "when": wording_running.moment(one.sent_at or one.not_before),
    }


def _masked(address: str) -> str:
    name, _at, domain = address.partition("@")
    return f"{name[:1]}…@{domain}" if domain else ""
