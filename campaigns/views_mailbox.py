"""The mailbox inside the product: what would have gone out, a mail at a time, each as its reader would see it."""

from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from core.htmx import render_page
from core.keyset import Order, paginate
from tenants.permissions import requires

from .mail_frame import holds_mail, is_mail
from .models import MailboxMessage
from .services import mailbox, senders

_NEWEST = Order("pk", descending=True)
_PAGE = 40


@require_safe
@requires("view_campaigns")
def mailbox_list(request: HttpRequest) -> HttpResponse:
    """Newest first; ``results`` is the list for a search by the beginning of an address."""
    address = request.GET.get("q", "").strip()[:254]
    page = paginate(
        mailbox.messages(address),
        _NEWEST,
        after=request.GET.get("after", ""),
        before=request.GET.get("before", ""),
        size=_PAGE,
    )
    context = {"q": address, "page": page, "most": mailbox.MOST, "days": mailbox.KEPT_DAYS}
    if not (request.htmx and request.htmx.target == "results"):
        context["sender"] = senders.sender()
    return render_page(request, "campaigns/mailbox/mailbox.html#results", context)


@require_safe
@requires("view_campaigns")
@holds_mail
def mailbox_message(request: HttpRequest, public_id) -> HttpResponse:
    message = _message(public_id)
    return render_page(request, "campaigns/mailbox/message.html", {"mail": message, "opened": mailbox.opened(message)})


@require_safe
@requires("view_campaigns")
@is_mail
def mailbox_html(request: HttpRequest, public_id) -> HttpResponse:
    """The mail's HTML alone, for the frame; opened by itself it may do no more."""
    opened = mailbox.opened(_message(public_id))
    if not opened.html:
        raise Http404
    return HttpResponse(opened.html, content_type="text/html; charset=utf-8")


@require_safe
@requires("view_campaigns")
def mailbox_source(request: HttpRequest, public_id) -> HttpResponse:
    """The message as bytes, to be opened by a mail program."""
    message = _message(public_id)
    response = HttpResponse(mailbox.source_of(message), content_type="message/rfc822")
    response["Content-Disposition"] = f'attachment; filename="mail-{public_id}.eml"'
    response["X-Content-Type-Options"] = "nosniff"
    return response


def _message(public_id) -> MailboxMessage:
    message = mailbox.find(public_id)
    if message is None:
        raise Http404
    return message
