"""The page of one customer: risk and why, segment, offer, and the mail that would go out; a fresh draft where one is asked for."""

from __future__ import annotations

import uuid
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from core.errors import Refused
from core.htmx import render_page
from customers import selectors as customers
from customers.models import Customer
from predictions import wording
from segmentation import wording_offers, wording_personas
from segmentation.models import Offer
from tenants.permissions import requires

from . import wording_messages as words
from .forms_messages import CustomerDraftForm
from .mail_frame import document, holds_mail, is_mail
from .models import Draft
from .models.messages import LANGUAGES
from .services import briefing, drafting, messages
from .services.eligibility import Eligibility

_PAGE = "campaigns/retention.html"


@require_http_methods(["GET", "HEAD", "POST"])
@holds_mail
@requires("view_campaigns")
def preview(request: HttpRequest, public_id: UUID) -> HttpResponse:
    """GET shows the built-in writer's draft: nothing changes, nothing leaves, nothing is spent. POST asks for a fresh one."""
    customer = _find(public_id)
    if request.method != "POST":
        return _page(request, customer, _kept(request, customer))
    return _fresh(request, customer)


@requires("write_messages")
def _fresh(request: HttpRequest, customer: Customer) -> HttpResponse:
    """A draft is asked for once, however often its form is sent: the form says which draft it asks for."""
    form = CustomerDraftForm(request.POST)
    if not form.is_valid():
        return _page(request, customer, None, error=_("Choose a language and a tone."), status=422)
    given = form.cleaned_data
    try:
        draft = drafting.draft_for_customer(
            customer=customer,
            actor=request.user,
            language=given["language"],
            tone=given["tone"],
            seed=given["seed"] or 0,
            public_id=given["draft"],
        )
    except Refused as refusal:
        return _page(request, customer, None, error=refusal.message, status=422)
    address = reverse("campaigns:retention", args=[customer.public_id])
    return redirect(f"{address}?draft={draft.public_id}#mail")


@require_safe
@is_mail
@requires("view_campaigns")
def mail(request: HttpRequest, public_id: UUID) -> HttpResponse:
    """The document in the page's frame."""
    customer = _find(public_id)
    found = _mail(request, briefing.what_is_known(customer), _kept(request, customer))
    return document(found["mail"])


def _find(public_id: UUID) -> Customer:
    try:
        return customers.get_customer(public_id)
    except Customer.DoesNotExist as absent:
        raise Http404 from absent


def _kept(request: HttpRequest, customer: Customer) -> Draft | None:
    """The draft that the address names, where it is this customer's."""
    try:
        wanted = UUID(request.GET["draft"])
    except (KeyError, ValueError):
        return None
    found = Draft.objects.filter(customer=customer, public_id=wanted).select_related("offer", "requested_by").first()
    if found is None:
        raise Http404
    return found


def _page(
    request: HttpRequest, customer: Customer, draft: Draft | None, *, error: str = "", status: int = 200
) -> HttpResponse:
    currency = request.tenant.currency
    known = briefing.what_is_known(customer)
    score, found = known.score, known.place
    reason = _reason(customer)
    shown = _mail(request, known, draft)
    context = {
        "customer": customer,
        "score": score,
        "band": score.run.band(score.risk) if score else "",
        "drivers": [wording.driver(entry, currency) for entry in score.drivers] if score else [],
        "segment": found.segment if found else None,
        "persona": wording_personas.persona(found.segment) if found else "",
        "portrait": wording_personas.portrait(found.portrait, currency) if found else "",
        **_offer(shown["offer"], shown["origin"], currency),
        "reason": reason,
        "may_write": words.may_write(reason),
        **shown,
        "mail_url": _mail_url(customer, draft, shown),
        "languages": [(code, words.LANGUAGES[code]) for code in LANGUAGES],
        "tones": list(words.TONES.items()),
        "next_seed": (draft.seed + 1 if draft else 1) % drafting.SEEDS,
        "next_draft": uuid.uuid4(),
        "draft": draft,
        "error": error,
        "why_not": words.why_not(draft.why_not) if draft else "",
        "why_no_server": words.why_not(drafting.why_no_server(is_personal=True)),
        "failures": [{**one, "words": words.failure(one)} for one in draft.failures] if draft else [],
        "cost": words.cost(draft.cost, draft.prompt_tokens + draft.answer_tokens) if draft else "",
        "campaign_url": _campaign_url(request, found.segment.label if found else ""),
    }
    return render_page(request, _PAGE, context, status=status)


def _reason(customer: Customer) -> str:
    """Why this customer may not be written to; "" where they may."""
    if customer.churn_label:
        return "left"
    people = Eligibility(messages.profile(), None, default_language=briefing.first_language()).people([customer.pk])
    return people[0].reason if people else "no_address"


def _mail(request: HttpRequest, known: briefing.Known, draft: Draft | None) -> dict[str, Any]:
    """The mail as it would go out: the kept draft, else the built-in writer's, in the language and tone that the address says."""
    if draft is not None:
        offer, origin = draft.offer, "draft"
        language, tone, subject, text = draft.language, draft.tone, draft.subject, draft.text
    else:
        offer, origin = briefing.offer_for(known)
        language, tone = request.GET.get("language", ""), request.GET.get("tone", "")
        language = language if language in LANGUAGES else briefing.language_of(known.customer)
        tone = tone if tone in words.TONES else "warm"
        made = drafting.built_in(briefing.facts_for_customer(known, offer=offer, language=language, tone=tone))
        subject, text = made.subject, made.text
    written = {"subject": subject, "text": text}
    part = messages.parts_of(written)
    return {
        "mail": messages.shown(part, language, known.customer, offer=offer, segment_label=None),
        "gaps": [one for one in messages.problems_of({language: written}) if one["code"] == "no_contact"],
        "language": language,
        "tone": tone,
        "offer": offer,
        "origin": origin,
    }


def _offer(offer: Offer | None, origin: str, currency: str) -> dict[str, Any]:
    told = {
        "allocation": _("by the newest allocation of offers"),
        "segment": _("the first offer of this segment"),
        "all": _("an offer that is for everybody"),
    }
    if offer is None:
        return {"offer_text": "", "offer_terms": [], "offer_origin": ""}
    return {
        "offer_text": wording_offers.text(offer),
        "offer_terms": wording_offers.terms(offer, currency),
        "offer_origin": told.get(origin, ""),
    }


def _mail_url(customer: Customer, draft: Draft | None, shown: dict[str, Any]) -> str:
    address = reverse("campaigns:retention_mail", args=[customer.public_id])
    said = {"draft": draft.public_id} if draft else {"language": shown["language"], "tone": shown["tone"]}
    return f"{address}?{urlencode(said)}"


def _campaign_url(request: HttpRequest, label: str) -> str:
    """The page that composes a campaign, with this customer's segment as its audience."""
    if not label or not request.membership.can("compose_campaigns"):
        return ""
    return f"{reverse('campaigns:new_campaign')}?{urlencode({'segment': label})}"
