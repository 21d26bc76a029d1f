"""The pages about messages: the list, one message with its versions and a preview, the editor."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from django.contrib import messages as notes
from django.db.models import OuterRef, Subquery
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from core import keyset
from core.errors import Refused
from core.htmx import render_page
from customers.models import Customer
from segmentation.models import Offer
from tenants.permissions import requires

from . import selectors
from . import wording_messages as words
from .forms_messages import MessageForm
from .mail_frame import (
    chosen_customer,
    chosen_offer,
    document,
    holds_mail,
    is_mail,
    matching_customers,
    some_customers,
)
from .models import MessageTemplate, TemplateVersion
from .models.messages import LANGUAGES
from .services import messages
from .services.starters import starter_templates

PAGE_SIZE = 50
_BY_NAME = keyset.Order("name", descending=False)
_VERSIONS_SHOWN = 30


# ---------------------------------------------------------------- the list


@require_safe
@requires("view_campaigns")
def message_list(request: HttpRequest) -> HttpResponse:
    """The messages by name; ``archived=1``: those that were put away."""
    archived = request.GET.get("archived") == "1"
    rows = MessageTemplate.objects.filter(is_archived=archived)
    position = {name: request.GET.get(name, "") for name in ("after", "before")}
    page = keyset.paginate(rows, _BY_NAME, **position, size=PAGE_SIZE)
    context = {
        "page": page,
        "rows": _rows(page.rows),
        "archived": archived,
        "has_archived": archived or MessageTemplate.objects.filter(is_archived=True).exists(),
        "is_empty": not page.rows and not archived,
    }
    return render_page(request, "campaigns/messages/messages.html#results", context)


def _rows(templates: Sequence[MessageTemplate]) -> list[dict[str, object]]:
    """Each with its newest version: two questions, however many versions there are."""
    newest = TemplateVersion.objects.filter(template=OuterRef("pk")).order_by("-number").values("pk")[:1]
    keys = MessageTemplate.objects.filter(pk__in=[one.pk for one in templates]).annotate(newest=Subquery(newest))
    versions = {
        one.template_id: one
        for one in TemplateVersion.objects.filter(
            pk__in=[key for key in keys.values_list("newest", flat=True) if key]
        ).select_related("created_by")
    }
    return [{"template": one, "version": versions.get(one.pk), **_glimpse(versions.get(one.pk))} for one in templates]


def _glimpse(version: TemplateVersion | None) -> dict[str, object]:
    if version is None:
        return {}
    language = _readable(version)
    part = version.parts[language]
    return {
        "language": language,
        "subject": part["subject"],
        "beginning": " ".join(part["text"].split())[:220],
        "languages": [words.LANGUAGES[code] for code in version.languages],
    }


def _readable(version: TemplateVersion) -> str:
    """The reader's own language where the version has it, else its first."""
    own = (get_language() or "en")[:2]
    return own if own in version.parts else version.languages[0]


@require_POST
@requires("write_messages")
def start_from_ours(request: HttpRequest) -> HttpResponse:
    starter_templates(actor=request.user)
    notes.success(request, _("Three messages to begin from are there: open one and make it yours."))
    return redirect("campaigns:messages")


# ---------------------------------------------------------------- one message


@require_safe
@holds_mail
@requires("view_campaigns")
def message_detail(request: HttpRequest, public_id: UUID) -> HttpResponse:
    """A message as customers read it, in each language and version, and what changed; the fragment ``preview`` is the mail."""
    template = _find(public_id)
    version = _version(template, request.GET.get("version", ""))
    if version is None:
        return redirect("campaigns:edit_message", public_id=public_id)
    language = request.GET.get("language", "")
    language = language if language in version.parts else _readable(version)
    customer = chosen_customer(request.GET.get("customer", ""))
    offer = chosen_offer(request.GET.get("offer", ""))
    context: dict[str, object] = {
        "template": template,
        "version": version,
        "language": language,
        "customer": customer,
        "offer": offer,
        "mail": messages.rendered(version, language, customer, offer=offer),
        "mail_url": _mail_url(template, version, language, customer, offer),
    }
    if request.htmx and request.htmx.target == "preview":
        return render_page(request, "campaigns/messages/message.html#preview", context)
    found = list(template.versions.select_related("created_by").order_by("-number")[:_VERSIONS_SHOWN])
    before = template.versions.filter(number__lt=version.number).order_by("-number").first()
    context |= {
        "languages": [(code, words.LANGUAGES[code]) for code in version.languages],
        "versions": found,
        "before": before,
        "changes": _changes(before, version) if before else [],
        "is_newest": not found or found[0].pk == version.pk,
        "some": some_customers(customer),
        "offers": list(selectors.offers_by_mail()[:200]),
        "problems": messages.problems_of({language: version.parts[language]}),
    }
    return render_page(request, "campaigns/messages/message.html", context)


def _mail_url(template, version, language: str, customer: Customer | None, offer: Offer | None) -> str:
    address = reverse("campaigns:message_mail", args=[template.public_id, version.number])
    told = {"language": language, "customer": customer and customer.public_id, "offer": offer and offer.public_id}
    return f"{address}?" + "&".join(f"{name}={value}" for name, value in told.items() if value)


def _changes(before: TemplateVersion, version: TemplateVersion) -> list[dict[str, object]]:
    return [
        {
            "title": f"{words.LANGUAGES[one.language]} · {words.PARTS[one.part]}",
            "language": one.language,
            "lines": one.lines,
        }
        for one in messages.changes_between(before.parts, version.parts)
    ]


@require_safe
@is_mail
@requires("view_campaigns")
def message_mail(request: HttpRequest, public_id: UUID, number: int) -> HttpResponse:
    """The document in the preview's frame: one version as one customer would read it."""
    version = _find(public_id).versions.filter(number=number).first()
    if version is None:
        raise Http404
    language = request.GET.get("language", "") or next(iter(version.parts), "")
    if language not in version.parts:
        raise Http404
    return document(
        messages.rendered(
            version,
            language,
            chosen_customer(request.GET.get("customer", "")),
            offer=chosen_offer(request.GET.get("offer", "")),
        )
    )


@require_safe
@requires("view_customers")
def customer_choice(request: HttpRequest) -> HttpResponse:
    """Customers whose number or name begins as was typed, to choose one for the preview."""
    text = request.GET.get("customer_search", "").strip()[:120]
    found = matching_customers(text) if text else some_customers()
    context = {"some": found, "customer": found[0] if found and text else None, "searched": text}
    return render_page(request, "campaigns/messages/_customer.html", context)


# ---------------------------------------------------------------- writing one


@require_http_methods(["GET", "HEAD", "POST"])
@holds_mail
@requires("write_messages")
def new_message(request: HttpRequest) -> HttpResponse:
    return _edit(request, None)


@require_http_methods(["GET", "HEAD", "POST"])
@holds_mail
@requires("write_messages")
def edit_message(request: HttpRequest, public_id: UUID) -> HttpResponse:
    return _edit(request, _find(public_id))


def _edit(request: HttpRequest, template: MessageTemplate | None) -> HttpResponse:
    """The editor; a POST writes the next version, or comes back with what is wrong, by part, line and column."""
    version = messages.newest_version(template) if template else None
    if request.method != "POST":
        form = MessageForm(template=template, parts=version.parts if version else None)
        form.problems = messages.problems_of(version.parts) if version else []
        return _editor(request, template, version, form)
    form = MessageForm(request.POST, template=template)
    if form.is_valid():
        try:
            saved = messages.save_template(
                actor=request.user, name=form.cleaned_data["name"], parts=form.parts(), template=template
            )
        except Refused as refusal:
            form.problems = refusal.facts.get("problems", [])
            field = refusal.facts.get("field")
            form.add_error(
                field if field in form.fields else None,
                refusal.message if not form.problems else _("Mend what is marked below, then save again."),
            )
        else:
            notes.success(
                request, _("Version %(n)s of “%(name)s” is saved.") % {"n": saved.number, "name": saved.template.name}
            )
            return redirect("campaigns:message", public_id=saved.template.public_id)
    return _editor(request, template, version, form, status=422)


def _editor(request: HttpRequest, template, version, form: MessageForm, *, status: int = 200) -> HttpResponse:
    context = {
        "template": template,
        "version": version,
        "form": form,
        "tabs": form.tabs(),
        "open_tab": form.open_tab(request.POST.get("language", "") or request.GET.get("language", "")),
        "placeholders": words.placeholders(),
        "some": some_customers(),
        "offers": list(selectors.offers_by_mail()[:200]),
    }
    return render_page(request, "campaigns/messages/edit.html", context, status=status)


@require_POST
@is_mail
@requires("write_messages")
def preview_unsaved(request: HttpRequest) -> HttpResponse:
    """The editor's wording as one customer would read it; nothing is kept."""
    language = request.POST.get("language", "")
    if language not in LANGUAGES:
        raise Http404
    part = {field: request.POST.get(f"{field}_{language}", "") for field in messages.FIELDS}
    try:
        mail = messages.shown(
            messages.parts_of(part),
            language,
            chosen_customer(request.POST.get("customer", "")),
            offer=chosen_offer(request.POST.get("offer", "")),
        )
    except Refused as refusal:
        return HttpResponse(refusal.message, status=422, content_type="text/plain; charset=utf-8")
    return document(mail)


@require_POST
@requires("write_messages")
def archive_message(request: HttpRequest, public_id: UUID) -> HttpResponse:
    """Put away, or taken out again (``restore``)."""
    template, restore = _find(public_id), "restore" in request.POST
    messages.archive_template(template=template, actor=request.user, archived=not restore)
    told = (
        _("“%(name)s” is back in the list.")
        if restore
        else _("“%(name)s” is put away; campaigns that have it keep it.")
    )
    notes.info(request, told % {"name": template.name})
    return redirect("campaigns:messages")


def _find(public_id: UUID) -> MessageTemplate:
    template = MessageTemplate.objects.filter(public_id=public_id).first()
    if template is None:
        raise Http404
    return template


def _version(template: MessageTemplate, wanted: str) -> TemplateVersion | None:
    if wanted.isascii() and wanted.isdigit() and len(wanted) < 9:
        found = template.versions.filter(number=int(wanted)).select_related("created_by").first()
        if found is None:
            raise Http404
        return found
    return template.versions.select_related("created_by").order_by("-number").first()
