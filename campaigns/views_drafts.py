"""The pages about a segment's draft: what is asked of the writer, what it wrote, and what a person makes of it."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from uuid import UUID

from django.contrib import messages as notes
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from core.errors import Refused
from core.htmx import render_page
from tenants.permissions import requires

from . import wording_messages as words
from .forms_messages import ApproveForm, SegmentDraftForm
from .mail_frame import chosen_customer, document, holds_mail, is_mail, some_customers
from .models import Draft
from .services import briefing, drafting, messages


@require_http_methods(["GET", "HEAD", "POST"])
@requires("write_messages")
def draft_segment(request: HttpRequest) -> HttpResponse:
    """Choose segment, offer, tone and language; a POST has it drafted. Sent twice, it is one draft."""
    if request.method == "POST":
        form = SegmentDraftForm(request.POST)
        if form.is_valid():
            try:
                draft = drafting.draft_for_segment(actor=request.user, **form.wanted())
                return redirect("campaigns:draft", public_id=draft.public_id)
            except Refused as refusal:
                field = refusal.facts.get("field")
                form.add_error(field if field in form.fields else None, refusal.message)
        return _ask_page(request, form, status=422)
    first = {name: request.GET.get(name, "") for name in ("segment", "offer", "tone") if request.GET.get(name)}
    language = request.GET.get("language") or briefing.first_language()
    if "offer" not in first and (segment := SegmentDraftForm().segments.get(first.get("segment", ""))):
        offer = briefing.offer_for_segment(segment)
        first["offer"] = str(offer.public_id) if offer else ""
    return _ask_page(request, SegmentDraftForm(initial={**first, "language": language, "draft": uuid.uuid4()}))


def _ask_page(request: HttpRequest, form: SegmentDraftForm, *, status: int = 200) -> HttpResponse:
    rows = Draft.objects.filter(segment__isnull=False).select_related("segment", "offer", "requested_by")
    context = {
        "form": form,
        "has_segments": bool(form.segments),
        "recent": [
            {"draft": one, "language": words.LANGUAGES[one.language], "tone": words.TONES[one.tone]}
            for one in rows.order_by("-pk")[:12]
        ],
        "why_not": words.why_not(drafting.why_no_server(is_personal=False)),
    }
    return render_page(request, "campaigns/messages/draft_segment.html", context, status=status)


@require_http_methods(["GET", "HEAD", "POST"])
@holds_mail
@requires("write_messages")
def draft_detail(request: HttpRequest, public_id: UUID) -> HttpResponse:
    """A segment's draft, to be changed and made a message. What the checks find in it is told before it is kept."""
    draft = (
        Draft.objects.filter(public_id=public_id, segment__isnull=False)
        .select_related("segment", "offer", "approved_by")
        .first()
    )
    if draft is None:
        raise Http404
    if request.method != "POST":
        form = ApproveForm(initial={"subject": draft.subject, "text": draft.text}, language=draft.language)
        return _draft_page(request, draft, form)
    form = ApproveForm(request.POST, language=draft.language)
    found: list[dict] = []
    if form.is_valid():
        given = form.cleaned_data
        found = drafting.failures_of(draft, subject=given["subject"], text=given["text"])
        if not found or given["despite"]:
            try:
                version = drafting.approve_draft(
                    draft,
                    request.user,
                    name=given["name"],
                    template=form.templates.get(given["template"]),
                    subject=given["subject"],
                    text=given["text"],
                )
            except Refused as refusal:
                field = refusal.facts.get("field")
                form.add_error(field if field in form.fields else None, refusal.message)
            else:
                notes.success(
                    request,
                    _("It is kept as version %(n)s of “%(name)s”.")
                    % {"n": version.number, "name": version.template.name},
                )
                address = reverse("campaigns:message", args=[version.template.public_id])
                return redirect(f"{address}?language={draft.language}")
    return _draft_page(request, draft, form, found=found, status=422)


def _draft_page(
    request: HttpRequest, draft: Draft, form: ApproveForm, *, found: Sequence[dict] = (), status: int = 200
) -> HttpResponse:
    offer = {"offer": draft.offer.public_id} if draft.offer else {}
    context = {
        "draft": draft,
        "form": form,
        "found": [{**one, "words": words.failure(one)} for one in found],
        "failures": [{**one, "words": words.failure(one)} for one in draft.failures],
        "why_not": words.why_not(draft.why_not),
        "cost": words.cost(draft.cost, draft.prompt_tokens + draft.answer_tokens),
        "language_name": words.LANGUAGES[draft.language],
        "tone": words.TONES[draft.tone],
        "again": {
            "segment": draft.segment.number,
            "language": draft.language,
            "tone": draft.tone,
            "seed": (draft.seed + 1) % drafting.SEEDS,
            "draft": uuid.uuid4(),
            **offer,
        },
        "some": some_customers(),
    }
    return render_page(request, "campaigns/messages/draft.html", context, status=status)


@require_safe
@is_mail
@requires("write_messages")
def draft_mail(request: HttpRequest, public_id: UUID) -> HttpResponse:
    """The document in a draft's frame."""
    draft = Draft.objects.filter(public_id=public_id, segment__isnull=False).select_related("offer").first()
    if draft is None:
        raise Http404
    part = {"subject": draft.subject, "text": draft.text}
    return document(
        messages.shown(
            messages.parts_of(part), draft.language, chosen_customer(request.GET.get("customer", "")), offer=draft.offer
        )
    )
