"""Drafts: who writes, what is kept of it, and what a person makes of it (RULES 31). What a writer is told: briefing.

A segment's draft tells the writer nothing of any person. A customer's draft may, so it goes to a server only where the
company said so; else the built-in writer composes it, and nothing leaves. Nothing is sent by a draft: a person approves.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Sum
from django.utils import timezone
from django.utils.translation import gettext as _

from core.errors import Refused
from customers.models import Customer
from segmentation.models import Offer, Segment
from tenants import services as tenants
from tenants.models import User
from tenants.scoping import current_tenant

from ..channels import writer_server
from ..models import Draft, MessageTemplate, TemplateVersion
from ..outreach import writing
from . import messages
from .briefing import facts_for_customer, facts_for_segment, first_language, language_of, offer_for, what_is_known

SEEDS = 2**31 - 1
_ANSWER_TOKENS = 900
Source = TemplateVersion.Source


# ---------------------------------------------------------------- writing


def built_in(facts: writing.Facts, *, seed: int = 0) -> writing.Draft:
    """What the built-in writer makes of the facts: nothing leaves, nothing is kept, nothing is spent."""
    return writing.compose(facts, seed=seed)


def draft_for_customer(
    *,
    customer: Customer,
    actor: User | None,
    offer: Offer | None = None,
    language: str | None = None,
    tone: str = "warm",
    seed: int = 0,
    with_server: bool = True,
    public_id: UUID | None = None,
) -> Draft:
    """A draft for one customer; ``offer`` None: the one that they would get. Asked again with its ``public_id``, the same draft.

    Raises Refused, as ``facts_for_customer``, and ``draft_taken`` where the identifier stands for something else.
    """
    if earlier := _earlier(public_id, customer=customer):
        return earlier
    known = what_is_known(customer)
    if offer is None:
        offer, _origin = offer_for(known)
    language = language or language_of(customer)
    facts = facts_for_customer(known, offer=offer, language=language, tone=tone)
    row = Draft(customer=customer, offer=offer)
    return _drafted(row, facts, actor=actor, seed=seed, with_server=with_server, public_id=public_id, is_personal=True)


def draft_for_segment(
    *,
    segment: Segment,
    actor: User | None,
    offer: Offer | None = None,
    language: str | None = None,
    tone: str = "warm",
    seed: int = 0,
    with_server: bool = True,
    public_id: UUID | None = None,
) -> Draft:
    """A draft for a segment, with placeholders where something personal goes. ``offer`` None: a message without one."""
    if earlier := _earlier(public_id, segment=segment):
        return earlier
    language = language or first_language()
    facts = facts_for_segment(segment, offer=offer, language=language, tone=tone)
    row = Draft(segment=segment, offer=offer)
    return _drafted(row, facts, actor=actor, seed=seed, with_server=with_server, public_id=public_id, is_personal=False)


def _earlier(public_id: UUID | None, **about: object) -> Draft | None:
    return Draft.objects.filter(public_id=public_id, **about).first() if public_id else None


def _drafted(
    row: Draft,
    facts: writing.Facts,
    *,
    actor: User | None,
    seed: int,
    with_server: bool,
    public_id: UUID | None,
    is_personal: bool,
) -> Draft:
    """The row first, with the built-in draft: whoever asks for the same draft meanwhile finds it, and the server is asked once."""
    seed = seed % SEEDS
    why_not = why_no_server(is_personal=is_personal) if with_server else ""
    asks = with_server and not why_not
    made = built_in(facts, seed=seed)
    row.tenant, row.language, row.tone, row.seed = current_tenant(), str(facts.language), str(facts.tone), seed
    row.subject, row.text, row.source = made.subject, made.text, Source.BUILT_IN
    row.why_not, row.requested_by = ("being_asked" if asks else why_not), actor
    if public_id is not None:
        row.public_id = public_id
    about = {"customer": row.customer} if row.customer_id else {"segment": row.segment}
    try:
        with transaction.atomic():
            row.save(force_insert=True)
            tenants.record("draft_requested", row, actor=actor, asks_server=asks)
    except IntegrityError as error:
        if existing := _earlier(public_id, **about):
            return existing
        raise Refused("draft_taken", _("This draft's identifier stands for something else: take a new one.")) from error
    if asks:
        _ask(row, facts, seed)
    return row


def why_no_server(*, is_personal: bool) -> str:
    """Why the server may not be asked: ``not_set``, ``not_used``, ``no_personal_drafts``, ``budget_spent``; "" where it may."""
    profile = messages.profile()
    if not settings.LLM_BASE_URL:
        return "not_set"
    if not profile.uses_server_writer:
        return "not_used"
    if is_personal and not profile.personal_drafts:
        return "no_personal_drafts"
    return "budget_spent" if spent_tokens() >= profile.monthly_tokens else ""


def spent_tokens() -> int:
    """Tokens of the company's current month, by its own calendar."""
    begin = timezone.localtime().replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    found = Draft.objects.filter(at__gte=begin).aggregate(asked=Sum("prompt_tokens"), answered=Sum("answer_tokens"))
    return (found["asked"] or 0) + (found["answered"] or 0)


class _Asking:
    """The server, as the engine asks it; what it answered is kept for the row."""

    def __init__(self) -> None:
        self.answer: writer_server.Answer | None = None

    def __call__(self, prompt: Sequence[dict[str, str]]) -> writer_server.Answer:
        self.answer = writer_server.ask(
            prompt,
            base_url=settings.LLM_BASE_URL,
            model=settings.LLM_MODEL,
            api_key=settings.LLM_API_KEY,
            deadline_s=0.9 * settings.LLM_SECONDS,  # the rest is for the checks and the built-in writer
            max_tokens=_ANSWER_TOKENS,
            private_hosts=settings.LLM_PRIVATE_HOSTS,
        )
        return self.answer


def _ask(row: Draft, facts: writing.Facts, seed: int) -> None:
    asking = _Asking()
    found = writing.draft(facts, ask=asking, seed=seed)
    row.subject, row.text, row.source = found.draft.subject, found.draft.text, found.source
    row.why_not = found.why_not or ""
    row.failures = [_as_json(one) for one in found.failures]
    row.model = settings.LLM_MODEL[:120]
    if answer := asking.answer:
        row.prompt_hash, row.answer_hash = answer.prompt_hash, answer.answer_hash
        row.prompt_tokens, row.answer_tokens = answer.prompt_tokens, answer.completion_tokens
        row.cost, row.seconds = price(answer.prompt_tokens, answer.completion_tokens), answer.seconds
    row.save()


def _as_json(failure: Any) -> dict[str, Any]:
    return {
        "code": failure.code,
        "part": failure.part,
        "sentence": failure.sentence,
        "facts": {
            key: value if isinstance(value, str | int | float) else str(value)
            for key, value in dict(failure.facts).items()
        },
    }


def price(asked: int, answered: int) -> Decimal | None:
    """What these tokens cost, by LLM_PRICE_PER_MILLION (of prompt tokens, of answer tokens); None where nobody said."""
    prices = settings.LLM_PRICE_PER_MILLION
    if not prices:
        return None
    each = [Decimal(str(one)) for one in prices]
    return (asked * each[0] + answered * each[-1]) / Decimal(1_000_000)


# ---------------------------------------------------------------- from a draft to a message


def failures_of(draft: Draft, *, subject: str, text: str) -> list[dict[str, Any]]:
    """What the checks find in a segment's draft as a person left it: the same checks that every writer's draft passes."""
    if draft.segment is None:
        return []
    facts = facts_for_segment(draft.segment, offer=draft.offer, language=draft.language, tone=draft.tone)
    written = writing.Draft(subject, text, facts.language, draft.source)
    return [_as_json(one) for one in writing.check(written, facts)]


def approve_draft(
    draft: Draft,
    actor: User,
    *,
    name: str = "",
    template: MessageTemplate | None = None,
    subject: str | None = None,
    text: str | None = None,
) -> TemplateVersion:
    """Make a segment's draft a message of its own (``name``), or the wording in its language of one that there is.

    Raises Refused: ``personal_draft`` (what was written from one customer's facts is for nobody else), and as
    ``messages.save_template``.
    """
    if draft.segment_id is None:
        raise Refused(
            "personal_draft", _("This was written for one customer: draft for the segment to make it a message.")
        )
    subject, text = (draft.subject if subject is None else subject), (draft.text if text is None else text)
    is_as_drafted = (subject.strip(), text.replace("\r\n", "\n").strip()) == (draft.subject.strip(), draft.text.strip())
    parts: dict[str, Any] = {}
    if template is not None and (newest := messages.newest_version(template)):
        parts = dict(newest.parts)
    parts[draft.language] = {"subject": subject, "text": text, "html": ""}
    with transaction.atomic():
        version = messages.save_template(
            actor=actor,
            name=template.name if template is not None else name,
            parts=parts,
            template=template,
            source=draft.source if is_as_drafted else Source.PERSON,
        )
        draft.approved_by, draft.approved_at = actor, timezone.now()
        draft.save(update_fields=["approved_by", "approved_at"])
        tenants.record("draft_approved", draft, actor=actor, version=version.number)
    return version
