"""Doors that are open to anybody: the links of a mail, and the reports of mail providers. Each names its company by a token.

No cookie, no session, no forged-request check: who comes here has no account, and mail programs press the button by
themselves (RFC 8058). GET and HEAD write to nobody's consent: scanners follow every link of a mail (RULES 20).
"""

from __future__ import annotations

import base64
from binascii import Error as NotBase64

from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from tenants.scoping import public_scope

from . import wording_public as words
from .services import readers, reports, senders

_PAGE = "campaigns/unsubscribe.html"
_PIXEL = base64.b64decode("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7")
MOST_REPORT_BYTES = 4 << 20


def _quiet(response: HttpResponse) -> HttpResponse:
    """What every answer here says: keep no copy, tell nobody the address, index nothing."""
    response["Cache-Control"] = "no-store, private"
    response["Referrer-Policy"] = "no-referrer"
    response["X-Robots-Tag"] = "noindex, nofollow"
    return response


@csrf_exempt
@login_not_required
@require_http_methods(["GET", "HEAD", "POST"])
def unsubscribe(request: HttpRequest, token: str) -> HttpResponse:
    """GET asks; POST, from the button or from a mail program, unsubscribes at once and says so on the same page."""
    found = readers.read_unsubscribe(token)
    accepts = request.headers.get("Accept-Language", "")
    if found is None:
        return _quiet(render(request, _PAGE, {"sections": words.wrong(accepts), "is_wrong": True}, status=404))
    tenant, said = found
    with public_scope(tenant), timezone.override(tenant.time_zone):
        if request.method != "POST":
            sections = words.asking(tenant.name, accepts, tenant.locale)
            return _quiet(render(request, _PAGE, {"sections": sections, "company": tenant.name}))
        readers.unsubscribe(said)
        sender = senders.identity(senders.sender())
        contact = sender["support_contact"] or sender["reply_to"]
        sections = words.done(tenant.name, contact, accepts, tenant.locale)
        return _quiet(render(request, _PAGE, {"sections": sections, "company": tenant.name, "is_done": True}))


@login_not_required
@require_safe
def click(request: HttpRequest, token: str) -> HttpResponse:
    """To where the frozen wording says, and nowhere else."""
    found = readers.read_signal("click", token)
    target = None
    if found is not None:
        tenant, said = found
        with public_scope(tenant), timezone.override(tenant.time_zone):
            target = readers.follow(said, readers.Visit(request.method, request.headers))
    if target is None:
        accepts = request.headers.get("Accept-Language", "")
        return _quiet(render(request, _PAGE, {"sections": words.wrong(accepts), "is_wrong": True}, status=404))
    return _quiet(HttpResponseRedirect(target))


@login_not_required
@require_safe
def open_pixel(request: HttpRequest, token: str) -> HttpResponse:
    """One transparent point, whatever the token says: a broken picture in a mail helps nobody."""
    found = readers.read_signal("open", token)
    if found is not None:
        tenant, said = found
        with public_scope(tenant), timezone.override(tenant.time_zone):
            readers.note_open(said, readers.Visit(request.method, request.headers))
    return _quiet(HttpResponse(_PIXEL, content_type="image/gif"))


@csrf_exempt
@login_not_required
@require_POST
def mail_report(request: HttpRequest, slug: str, provider: str) -> HttpResponse:
    """A provider's reports, with the company's key as the password: 401 whoever is not known, and says no more."""
    if int(request.headers.get("Content-Length") or 0) > MOST_REPORT_BYTES:
        return _quiet(HttpResponse(status=413))
    tenant = reports.reporting_company(slug)
    key = _basic_password(request)
    if tenant is None:
        reports.is_webhook_key(None, key)
        return _refused()
    with public_scope(tenant), timezone.override(tenant.time_zone):
        if not reports.is_webhook_key(reports.profile(), key):
            return _refused()
        if not reports.is_provider(provider):
            raise Http404
        taken = reports.take_post(provider, request)
    if taken is None:
        return _quiet(HttpResponse("unreadable", status=400, content_type="text/plain"))
    return _quiet(HttpResponse("ok", content_type="text/plain"))


def _basic_password(request: HttpRequest) -> str:
    scheme, _space, coded = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "basic" or len(coded) > 1_000:
        return ""
    try:
        return base64.b64decode(coded, validate=True).decode().partition(":")[2]
    except (NotBase64, ValueError):
        return ""


def _refused() -> HttpResponse:
    response = _quiet(HttpResponse(status=401))
    response["WWW-Authenticate"] = 'Basic realm="mail reports"'
    return response
