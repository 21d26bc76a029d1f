"""Messages and drafts for programs."""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

from django.http import Http404
from rest_framework.exceptions import ValidationError
from rest_framework.response import Response
from rest_framework.reverse import reverse
from rest_framework.views import APIView

from core import keyset
from core.api import problem_response
from core.errors import Refused
from core.operations import operation
from core.shapes import COUNT, TEXT, one_of
from customers import selectors as customers
from customers.models import Customer
from segmentation import selectors as segmentation
from segmentation.models import Offer
from tenants.idempotency import idempotent

from . import api_shapes as shapes
from . import wording_messages as words
from .models import Draft, MessageTemplate, TemplateVersion
from .services import drafting, messages

PAGE_SIZE = 100
_BY_NAME = keyset.Order("name", descending=False)
_WRITTEN = {"name", "parts"}
_ASKED = {"segment", "customer", "offer", "language", "tone", "seed", "with_server"}
_REFUSES = {422: "It cannot be saved so: every problem stands in `facts` with its place."}


class TemplatesView(APIView):
    capability = "view_campaigns"

    @operation(
        query={
            "archived": one_of("0", "1") | {"description": "1: those put away."},
            "after": TEXT | {"description": "Where the page before ended: follow `next` instead."},
        },
        answers={200: shapes.TEMPLATES},
    )
    def get(self, request):
        """The messages by name, a hundred at a time; ``next`` is the address of those that follow. ``archived=1``: put away."""
        rows = MessageTemplate.objects.filter(is_archived=request.query_params.get("archived") == "1")
        page = keyset.paginate(rows, _BY_NAME, after=request.query_params.get("after", ""), size=PAGE_SIZE)
        following = request.query_params.copy()
        following["after"] = page.after
        return Response(
            {
                "templates": [_template(request, one) for one in page.rows],
                "next": f"{reverse('campaigns:api_templates', request=request)}?{following.urlencode()}"
                if page.after
                else None,
            }
        )


class NewTemplateView(APIView):
    capability = "write_messages"

    @operation(
        body=shapes.NEW_TEMPLATE,
        answers={201: shapes.TEMPLATE},
        headers={201: {"Location": "The address of the message."}},
        refuses=_REFUSES,
    )
    @idempotent
    def post(self, request):
        """Save a message: ``{"name", "parts": {"fr": {"subject", "text", "html"}}}``: 201; 422 with every problem and its place."""
        return _saved(request, None, 201)


class TemplateView(APIView):
    capability = {"GET": "view_campaigns", "POST": "write_messages", "DELETE": "write_messages"}

    @operation(
        query={"version": COUNT | {"description": "The number of a wording; else the newest."}},
        answers={200: shapes.TEMPLATE},
    )
    def get(self, request, public_id):
        """One message with its newest wording, or that of ``version``."""
        template = _find(public_id)
        wanted = request.query_params.get("version", "")
        rows = template.versions.order_by("-number")
        if wanted:
            if not (wanted.isascii() and wanted.isdigit() and len(wanted) < 9):
                raise ValidationError({"version": ["a whole number"]})
            rows = rows.filter(number=int(wanted))
        version = rows.first()
        if version is None and wanted:
            raise Http404
        return Response(_template(request, template) | {"version": _version(version) if version else None})

    @operation(
        body=shapes.NEXT_VERSION,
        answers={200: shapes.TEMPLATE},
        headers={200: {"Location": "The address of the message."}},
        refuses=_REFUSES,
    )
    @idempotent
    def post(self, request, public_id):
        """Write the message’s next version; the same wording again makes none."""
        return _saved(request, _find(public_id), 200)

    @operation(answers={204: None}, refuses={422: "It cannot be put away."})
    def delete(self, request, public_id):
        """Put the message away: campaigns that have it keep it."""
        messages.archive_template(template=_find(public_id), actor=request.user)
        return Response(status=204)


class DraftView(APIView):
    capability = "write_messages"

    @operation(
        body=shapes.DRAFT_BODY,
        answers={201: shapes.DRAFT},
        refuses={422: "No draft can be written for this; `code` says why."},
    )
    @idempotent
    def post(self, request):
        """Have a draft written: for ``{"segment": "S1"}`` or ``{"customer": <identifier or number>}``: 201.

        Optional: "offer" (identifier; for a customer the one that they would get), "language", "tone", "seed",
        "with_server" (false: the built-in writer only).
        """
        body = _body(request, _ASKED)
        if ("segment" in body) == ("customer" in body):
            raise ValidationError({"segment": ["either a segment or a customer"]})
        options = {
            "actor": request.user,
            "offer": _offer(body.get("offer")),
            "language": _text(body, "language") or None,
            "tone": _text(body, "tone") or "warm",
            "seed": _seed(body.get("seed", 0)),
            "with_server": _flag(body, "with_server", True),
        }
        if "segment" in body:
            segment = next((one for one in segmentation.segments() if one.label == body["segment"]), None)
            if segment is None:
                raise ValidationError({"segment": ["there is no such segment"]})
            return _answer(lambda: _drafted(drafting.draft_for_segment(segment=segment, **options)))
        customer = _customer(body["customer"])
        return _answer(lambda: _drafted(drafting.draft_for_customer(customer=customer, **options)))


def _saved(request, template: MessageTemplate | None, status: int) -> Response:
    body = _body(request, _WRITTEN, {"parts"} if template else _WRITTEN)
    name = _text(body, "name") if "name" in body else template.name

    def save() -> Response:
        version = messages.save_template(actor=request.user, name=name, parts=body["parts"], template=template)
        answer = _template(request, version.template) | {
            "version": _version(version),
            "warnings": messages.problems_of(version.parts),
        }
        return Response(answer, status=status, headers={"Location": answer["url"]})

    return _answer(save)


def _answer(work: Callable[[], Response]) -> Response:
    """The work's answer; 422 with the code and the facts of a refusal."""
    try:
        return work()
    except Refused as refusal:
        response = problem_response(422, refusal.code, refusal.message)
        response.data |= {"facts": refusal.facts} if refusal.facts else {}
        return response


def _body(request, allowed: set[str], required: set[str] = frozenset()) -> dict:
    body = request.data
    if not isinstance(body, dict):
        raise ValidationError(["a JSON object"])
    if unknown := sorted(set(body) - allowed):
        raise ValidationError({name: ["no such field"] for name in unknown})
    if missing := sorted(required - set(body)):
        raise ValidationError({name: ["is missing"] for name in missing})
    return body


def _text(body: dict, name: str) -> str:
    value = body.get(name, "")
    if not isinstance(value, str):
        raise ValidationError({name: ["a text"]})
    return value


def _flag(body: dict, name: str, usual: bool) -> bool:
    value = body.get(name, usual)
    if not isinstance(value, bool):
        raise ValidationError({name: ["true or false"]})
    return value


def _seed(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < drafting.SEEDS:
        raise ValidationError({"seed": ["a whole number from 0"]})
    return value


def _identifier(value: object) -> UUID | None:
    try:
        return UUID(value) if isinstance(value, str) else None
    except ValueError:
        return None


def _offer(value: object) -> Offer | None:
    if value is None:
        return None
    wanted = _identifier(value)
    found = Offer.objects.filter(public_id=wanted).first() if wanted else None
    if found is None:
        raise ValidationError({"offer": ["there is no such offer"]})
    return found


def _customer(value: object) -> Customer:
    wanted = _identifier(value)
    if wanted is not None:
        try:
            return customers.get_customer(wanted)
        except Customer.DoesNotExist:
            pass
    found = (
        Customer.objects.select_related("subscription").filter(external_id=value).first()
        if isinstance(value, str)
        else None
    )
    if found is None:
        raise ValidationError({"customer": ["there is no such customer"]})
    return found


def _find(public_id: UUID) -> MessageTemplate:
    template = MessageTemplate.objects.filter(public_id=public_id).first()
    if template is None:
        raise Http404
    return template


def _template(request, template: MessageTemplate) -> dict[str, object]:
    return {
        "id": str(template.public_id),
        "url": reverse("campaigns:api_template", args=[template.public_id], request=request),
        "name": template.name,
        "is_archived": template.is_archived,
        "updated_at": template.updated_at,
    }


def _version(version: TemplateVersion) -> dict[str, object]:
    return {
        "number": version.number,
        "parts": version.parts,
        "source": version.source,
        "created_at": version.created_at,
    }


def _drafted(draft: Draft) -> Response:
    body = {
        "id": str(draft.public_id),
        "language": draft.language,
        "tone": draft.tone,
        "seed": draft.seed,
        "offer": str(draft.offer.public_id) if draft.offer else None,
        "subject": draft.subject,
        "text": draft.text,
        "source": draft.source,
        "why_not": {"code": draft.why_not, "words": words.why_not(draft.why_not)} if draft.why_not else None,
        "failures": [{**one, "words": words.failure(one)} for one in draft.failures],
        "tokens": {"prompt": draft.prompt_tokens, "answer": draft.answer_tokens},
        "cost": draft.cost,
    }
    return Response(body, status=201)
