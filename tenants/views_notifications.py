"""The page of notifications, the choices of who is told what how, and the link in a mail that ends such mails."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import translation
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from core.htmx import render_page

from . import notice_letters, notice_settings, noticeboard, services
from .forms_notifications import ChoicesForm, SiftForm
from .permissions import requires
from .scoping import public_scope


@require_safe
@requires("view_notifications")
def notification_list(request: HttpRequest) -> HttpResponse:
    """What was told, newest first; the address holds what is shown, htmx swaps the fragment ``results``."""
    form = SiftForm(request.GET, role=request.membership.role)
    sift = form.chosen()
    rows = noticeboard.notices_of(request.membership)
    page = noticeboard.page_of(
        noticeboard.sifted(rows, **sift), after=request.GET.get("after", ""), before=request.GET.get("before", "")
    )
    context = {
        "form": form,
        "page": page,
        "notifications": page.rows,
        "unread": noticeboard.unread_of(rows),
        "is_sifted": any(sift.values()),
        "here": request.get_full_path(),
    }
    return render_page(request, "tenants/notifications.html#results", context)


@require_POST
@requires("view_notifications")
def mark_notifications_read(request: HttpRequest) -> HttpResponse:
    """Those named by ``id``, or all; with ``unread`` they are shown as unread again."""
    ids = noticeboard.numbers_of(request.POST.getlist("id"))
    if request.POST.get("unread"):
        services.mark_unread(user=request.user, ids=ids)
    else:
        services.mark_read(user=request.user, ids=ids if "id" in request.POST else None)
    back = request.POST.get("next", "")
    if not url_has_allowed_host_and_scheme(back, allowed_hosts=None):
        back = ""
    return redirect(back or "tenants:notification_list")


@require_safe
@requires("view_notifications")
def open_notification(request: HttpRequest) -> HttpResponse:
    """Where the notification named by ``id`` leads; who follows its link has read it. Twice is once, and a HEAD (a program that looks ahead)
    reads nothing."""
    ids = noticeboard.numbers_of([request.GET.get("id", "")])
    found = noticeboard.notices_of(request.membership).filter(pk__in=ids).first()
    if found is None:
        raise Http404
    if request.method == "GET":
        services.mark_read(user=request.user, ids=[found.pk])
    if not url_has_allowed_host_and_scheme(found.url, allowed_hosts=None):
        return redirect("tenants:notification_list")
    return redirect(found.url)


@require_http_methods(["GET", "HEAD", "POST"])
@requires("view_notifications")
def notification_settings(request: HttpRequest) -> HttpResponse:
    """How this person is told of each kind, in this company."""
    form = ChoicesForm(request.POST or None, membership=request.membership)
    if request.method == "POST" and form.is_valid():
        notice_settings.choose(membership=request.membership, ways=form.cleaned_data)
        messages.success(request, _("Your choices are kept."))
        return redirect("tenants:notification_settings")
    return render_page(
        request,
        "tenants/notification_settings.html",
        {"form": form},
        status=422 if request.method == "POST" else 200,
    )


@csrf_exempt
@login_not_required
@require_http_methods(["GET", "HEAD", "POST"])
def stop_mails(request: HttpRequest, token: str) -> HttpResponse:
    """GET asks, since scanners follow links; POST, from the button or from a mail program (RFC 8058), ends the mails."""
    found = notice_letters.read_stop(token)
    if found is None:
        return _quiet(render(request, "tenants/stop_mails.html", {"is_wrong": True}, status=404))
    with public_scope(found.tenant), translation.override(found.user.locale or found.tenant.locale):
        if request.method == "POST":
            notice_settings.stop_mails(user=found.user, digests=found.digests)
        context = {"company": found.tenant.name, "digests": found.digests, "is_done": request.method == "POST"}
        return _quiet(render(request, "tenants/stop_mails.html", context))


def _quiet(response: HttpResponse) -> HttpResponse:
    """Keep no copy, tell nobody the address, index nothing."""
    response["Cache-Control"] = "no-store, private"
    response["Referrer-Policy"] = "no-referrer"
    response["X-Robots-Tag"] = "noindex, nofollow"
    return response
