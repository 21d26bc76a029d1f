"""The pages of webhooks: which there are, a new one, one with its deliveries, and what may be done with it.

A secret stands on the answer to the POST that made it, and on no later page.
"""

from __future__ import annotations

import json

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from core import jobs, keyset
from core.errors import Refused
from core.htmx import render_page

from . import webhooks
from .forms_webhooks import WebhookForm
from .models import WebhookDelivery, WebhookEndpoint
from .permissions import requires
from .wording import WEBHOOK_EVENTS

_SHOWN = 25


@require_http_methods(["GET", "HEAD", "POST"])
@requires("manage_webhooks")
def webhook_list(request: HttpRequest) -> HttpResponse:
    """The webhooks of the company. A POST makes one and answers with its secret."""
    form, made = WebhookForm(request.POST or None), None
    if request.method == "POST" and form.is_valid():
        try:
            endpoint, secret = webhooks.make_endpoint(actor=request.user, **form.cleaned_data)
        except Refused as refusal:
            form.add_error(None, refusal.message)
        else:
            form, made = WebhookForm(), {"endpoint": endpoint, "secret": secret}
    context = {
        "form": form,
        "made": made,
        "lines": [_line(row) for row in webhooks.endpoints()[: webhooks.MOST_ENDPOINTS]],
        "most": webhooks.MOST_ENDPOINTS,
    }
    failed = request.method == "POST" and made is None
    return render_page(request, "tenants/webhooks.html", context, status=422 if failed else 200)


@require_http_methods(["GET", "HEAD", "POST"])
@requires("manage_webhooks")
def webhook(request: HttpRequest, public_id) -> HttpResponse:
    """One webhook: what it is, its form, and its deliveries, newest first (the fragment ``deliveries``)."""
    endpoint = _endpoint(public_id)
    status = 200
    if request.method == "POST":
        form = WebhookForm(request.POST)
        if form.is_valid():
            try:
                webhooks.change_endpoint(endpoint=endpoint, actor=request.user, **form.cleaned_data)
            except Refused as refusal:
                form.add_error(None, refusal.message)
            else:
                messages.success(request, _("The webhook is changed."))
                return redirect("tenants:webhook", endpoint.public_id)
        status = 422
    else:
        form = WebhookForm(
            initial={"url": endpoint.url, "description": endpoint.description, "events": endpoint.events}
        )
    return _page(request, endpoint, form, status=status)


@require_POST
@requires("manage_webhooks")
def change_secret(request: HttpRequest, public_id) -> HttpResponse:
    """Answers with the new secret itself, as the page of a new webhook does."""
    endpoint, secret = webhooks.rotate_secret(endpoint=_endpoint(public_id), actor=request.user)
    form = WebhookForm(initial={"url": endpoint.url, "description": endpoint.description, "events": endpoint.events})
    return _page(request, endpoint, form, secret=secret)


@require_POST
@requires("manage_webhooks")
def send_test(request: HttpRequest, public_id) -> HttpResponse:
    endpoint = _endpoint(public_id)
    try:
        delivery = webhooks.send_test(endpoint=endpoint, actor=request.user)
    except Refused as refusal:
        messages.error(request, refusal.message)
    else:
        jobs.ring(delivery)
        messages.success(request, _("A test event is on its way: see below what was answered."))
    return redirect("tenants:webhook", endpoint.public_id)


@require_POST
@requires("manage_webhooks")
def switch(request: HttpRequest, public_id) -> HttpResponse:
    """On with ``on``, else off."""
    endpoint, is_active = _endpoint(public_id), request.POST.get("on") == "1"
    try:
        webhooks.change_endpoint(endpoint=endpoint, actor=request.user, is_active=is_active)
    except Refused as refusal:  # events may no longer be sent to its address
        messages.error(request, refusal.message)
    else:
        messages.success(request, _("The webhook is switched on.") if is_active else _("The webhook is switched off."))
    return redirect("tenants:webhook", endpoint.public_id)


@require_POST
@requires("manage_webhooks")
def remove(request: HttpRequest, public_id) -> HttpResponse:
    webhooks.remove_endpoint(endpoint=_endpoint(public_id), actor=request.user)
    messages.success(request, _("The webhook is removed: nothing more is sent there."))
    return redirect("tenants:webhook_list")


@require_POST
@requires("manage_webhooks")
def redeliver(request: HttpRequest, public_id) -> HttpResponse:
    delivery = webhooks.find_delivery(public_id)
    if delivery is None:
        raise Http404
    try:
        webhooks.redeliver(delivery=delivery, actor=request.user)
    except Refused as refusal:
        messages.error(request, refusal.message)
    else:
        jobs.ring(delivery)
        messages.success(request, _("It is sent again."))
    return redirect("tenants:webhook", delivery.endpoint.public_id)


def _endpoint(public_id) -> WebhookEndpoint:
    endpoint = webhooks.find_endpoint(public_id)
    if endpoint is None:
        raise Http404
    return endpoint


def _page(
    request: HttpRequest, endpoint: WebhookEndpoint, form: WebhookForm, *, secret: str = "", status: int = 200
) -> HttpResponse:
    page = keyset.paginate(
        webhooks.deliveries(endpoint),
        keyset.Order("pk"),
        after=request.GET.get("after", ""),
        before=request.GET.get("before", ""),
        size=_SHOWN,
    )
    context = {
        "endpoint": endpoint,
        "line": _line(endpoint),
        "form": form,
        "secret": secret,
        "page": page,
        "deliveries": [_delivery(row) for row in page.rows],
        "is_moving": any(row.is_open and row.not_before is None for row in page.rows),
    }
    return render_page(request, "tenants/webhook.html#deliveries", context, status=status)


def _line(endpoint: WebhookEndpoint) -> dict[str, object]:
    """An endpoint as it stands. The whole address is shown to who may change it, and to nobody else."""
    two = endpoint.previous_until is not None and endpoint.previous_until > timezone.now()
    return {
        "endpoint": endpoint,
        "host": webhooks.host_of(endpoint.url),
        "events": [WEBHOOK_EVENTS[name] for name in webhooks.EVENTS if name in endpoint.events],
        "two_until": endpoint.previous_until if two else None,
    }


def _delivery(row: WebhookDelivery) -> dict[str, object]:
    kind = row.event.kind
    return {
        "row": row,
        "event": row.event,
        "name": WEBHOOK_EVENTS.get(kind) or (_("A test") if kind == webhooks.TEST else kind),
        "sent": json.dumps(row.event.payload, indent=2, sort_keys=True, ensure_ascii=False),
        "rests_until": row.not_before if row.is_open and row.tries else None,
    }
