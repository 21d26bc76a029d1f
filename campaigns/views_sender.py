"""The page of how the company sends: who it says it is, its server, its domain, whom it may write to, what came back."""

from __future__ import annotations

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters, sensitive_variables
from django.views.decorators.http import require_http_methods, require_POST

from core.errors import Refused, Unreachable
from core.htmx import render_page
from tenants.permissions import requires
from tenants.scoping import current_tenant

from . import wording_sender as words
from .forms_sender import BasisForm, ReportsForm, SenderForm
from .models import SenderProfile
from .services import domains, providers, reports, senders

_PAGE = "campaigns/sender/sender.html"


@sensitive_post_parameters()
@require_http_methods(["GET", "HEAD", "POST"])
@requires("set_sender")
def sender(request: HttpRequest) -> HttpResponse:
    """Everything about sending; POST keeps the form's part of it."""
    profile = senders.sender()
    if request.method != "POST":
        return _page(request, profile)
    form = SenderForm(request.POST, sender=profile)
    if form.is_valid() and form.save(actor=request.user) is not None:
        messages.success(request, _("How you send is kept."))
        return redirect("campaigns:sender")
    return _page(request, SenderProfile.objects.get(pk=profile.pk), form=form, status=422)


def _page(request: HttpRequest, profile: SenderProfile, *, status: int = 200, **more: object) -> HttpResponse:
    context: dict[str, object] = {
        "sender": profile,
        "form": more.pop("form", None) or SenderForm(sender=profile),
        "basis_form": more.pop("basis_form", None)
        or BasisForm(initial={"basis": profile.basis, "basis_reason": profile.basis_reason}),
        "reports_form": more.pop("reports_form", None) or ReportsForm(),
        "findings": words.findings(profile.domain_report),
        "is_ready": profile.domain_report.get("is_ready"),
        "domain": senders.domain(profile) if profile.from_address else "",
        "has_writer": bool(settings.LLM_BASE_URL),
        "has_public_url": bool(settings.PUBLIC_URL),
        "hooks": [{"name": one.name, "path": report_address(request, one.code)} for one in providers.providers()],
        "hook": report_address(request, profile.provider) if profile.provider else "",
        **more,
    }
    return render_page(request, _PAGE, context, status=status)


def report_address(request: HttpRequest, provider: str) -> str:
    """Where a provider sends its reports."""
    site = settings.PUBLIC_URL or f"{request.scheme}://{request.get_host()}"
    return site + reverse("campaigns:mail_report", args=[current_tenant().slug, provider])


@require_POST
@requires("set_sender")
def set_basis(request: HttpRequest) -> HttpResponse:
    """Whom the company may write to: by itself, for it is a decision that somebody answers for."""
    form = BasisForm(request.POST)
    if form.is_valid():
        try:
            senders.set_basis(
                actor=request.user, basis=form.cleaned_data["basis"], reason=form.cleaned_data["basis_reason"]
            )
        except Refused as refusal:
            form.add_error("basis_reason" if refusal.facts.get("field") == "reason" else "basis", refusal.message)
        else:
            messages.success(request, _("Whom you may write to is kept, with your name."))
            return redirect("campaigns:sender")
    return _page(request, senders.sender(), status=422, basis_form=form)


@require_POST
@requires("set_sender")
def try_server(request: HttpRequest) -> HttpResponse:
    """Speak with the server as it was kept, and take leave: nothing is sent."""
    profile = senders.sender()
    try:
        senders.require_server(profile)
    except Refused as refusal:
        messages.warning(request, refusal.message)
        return redirect("campaigns:sender")
    try:
        offers = senders.try_server(profile)
    except (Refused, Unreachable) as error:
        return _page(request, profile, tried_error=error.message)
    return _page(request, profile, tried=offers or ["–"])


@require_POST
@requires("set_sender")
def check_domain(request: HttpRequest) -> HttpResponse:
    try:
        domains.check_domain(actor=request.user)
    except Refused as refusal:
        messages.warning(request, refusal.message)
    return redirect(reverse("campaigns:sender") + "#domain")


@sensitive_variables("key")
@require_POST
@requires("set_sender")
def new_webhook_key(request: HttpRequest) -> HttpResponse:
    """A fresh key, in the answer to this very request and nowhere else."""
    key = reports.new_webhook_key(actor=request.user)
    return _page(request, senders.sender(), fresh_key=key)


@require_POST
@requires("set_sender")
def take_reports(request: HttpRequest) -> HttpResponse:
    """A mailbox file with bounces and complaints, read while the person waits."""
    form = ReportsForm(request.POST, request.FILES)
    if not form.is_valid():
        return _page(request, senders.sender(), status=422, reports_form=form)
    try:
        taken = reports.take_upload(form.cleaned_data["file"], actor=request.user)
    except Refused as refusal:
        form.add_error("file", refusal.message)
        return _page(request, senders.sender(), status=422, reports_form=form)
    messages.success(request, words.reports_taken(taken.as_json()))
    return redirect("campaigns:sender")
