"""What leaving means, for programs: propose, follow the preview, adopt, give up."""

from __future__ import annotations

from django.http import Http404
from rest_framework.exceptions import ValidationError
from rest_framework.response import Response
from rest_framework.reverse import reverse
from rest_framework.views import APIView

from core import jobs
from core.operations import operation
from tenants.idempotency import idempotent

from . import api_shapes as shapes
from . import selectors, services
from .models import ChurnDefinition
from .wording import definitions as words

_NUMBERS = ("grace_days", "silent_days", "horizon_days", "gap_days")
_SHOWN = 10
_WHERE = {202: {"Location": "The address of the definition."}}


class DefinitionsView(APIView):
    capability = {"GET": "view_customers", "POST": "propose_churn_definition"}

    @operation(answers={200: shapes.DEFINITIONS})
    def get(self, request):
        """What leaving means now, and the ten newest proposals. Null: the label column says who left."""
        adopted = selectors.adopted_definition()
        newest = selectors.definition_list()[:_SHOWN]
        return Response(
            {
                "adopted": _as_json(request, adopted) if adopted else None,
                "definitions": [_as_json(request, definition) for definition in newest],
            }
        )

    @operation(
        body=shapes.PROPOSAL,
        answers={202: shapes.DEFINITION},
        headers=_WHERE,
        refuses={422: "It cannot be proposed so; `code` says why."},
    )
    @idempotent
    def post(self, request):
        """Propose what leaving means: ``{"kind": "silence", "silent_days": 90, "horizon_days": 30, "gap_days": 30}``, or ``contract_end`` with
        ``field`` and ``grace_days``, or ``label`` with ``horizon_days`` (its leavers left within so many days before the
        file; 0: ever, or nobody knows). 202 with the address of its preview; 422 where it cannot be."""
        body = _body(request)
        given = {name: _whole(name, body.get(name, 0)) for name in _NUMBERS}
        definition = services.propose_definition(
            kind=str(body.get("kind") or ""), field=str(body.get("field") or ""), actor=request.user, **given
        )
        return _accepted(request, definition)


class DefinitionView(APIView):
    capability = "view_customers"

    @operation(answers={200: shapes.DEFINITION})
    def get(self, request, public_id):
        """One definition: its standing, its preview's state and progress and, once finished, what it found."""
        return Response(_as_json(request, _find(public_id)))


class PreviewDefinitionView(APIView):
    capability = "propose_churn_definition"

    @operation(answers={202: shapes.DEFINITION}, headers=_WHERE, refuses={422: "It cannot be previewed as it stands."})
    @idempotent
    def post(self, request, public_id):
        """Preview on the data as it is now."""
        return _accepted(request, services.look_again(definition=_find(public_id)))


class AdoptDefinitionView(APIView):
    capability = "adopt_churn_definition"

    @operation(
        body=shapes.REASON,
        answers={200: shapes.DEFINITION},
        refuses={422: "There is no finished preview, or it has too few months."},
    )
    @idempotent
    def post(self, request, public_id):
        """From now on leaving means this: ``{"reason": text}``. 422 without a finished preview, or with too few months."""
        said = {
            "definition": _find(public_id),
            "actor": request.user,
            "reason": str(_body(request).get("reason") or ""),
        }
        return Response(_as_json(request, services.adopt_definition(**said)))


class RetireDefinitionView(APIView):
    capability = "adopt_churn_definition"

    @operation(
        body=shapes.REASON, answers={200: shapes.DEFINITION}, refuses={422: "It cannot be given up as it stands."}
    )
    @idempotent
    def post(self, request, public_id):
        """Give the definition up: ``{"reason": text}``. Of an adopted one the label column takes the place."""
        said = {
            "definition": _find(public_id),
            "actor": request.user,
            "reason": str(_body(request).get("reason") or ""),
        }
        return Response(_as_json(request, services.retire_definition(**said)))


def _body(request) -> dict:
    if not isinstance(request.data, dict):
        raise ValidationError(["a JSON object"])
    return request.data


def _whole(name: str, value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise ValidationError({name: ["a whole number of days"]})
    try:
        return int(value)
    except ValueError as error:
        raise ValidationError({name: ["a whole number of days"]}) from error


def _find(public_id) -> ChurnDefinition:
    definition = selectors.definition_list().filter(public_id=public_id).first()
    if definition is None:
        raise Http404
    return definition


def _address(request, definition: ChurnDefinition) -> str:
    return reverse("customers:api_definition", args=[definition.public_id], request=request)


def _accepted(request, definition: ChurnDefinition) -> Response:
    if definition.is_open:
        jobs.ring(definition)
    return Response(_as_json(request, definition), status=202, headers={"Location": _address(request, definition)})


def _as_json(request, definition: ChurnDefinition) -> dict[str, object]:
    return {
        "id": str(definition.public_id),
        "url": _address(request, definition),
        "kind": definition.kind,
        **definition.numbers,
        "meaning": words.meaning(definition.kind, definition.numbers),
        "standing": definition.standing,
        "proposed": {"at": definition.requested_at, "by": _name(definition.requested_by)},
        "adopted": {
            "at": definition.adopted_at,
            "by": _name(definition.adopted_by),
            "reason": definition.adopt_reason,
        }
        if definition.adopted_at
        else None,
        "state": definition.state,
        "progress": definition.fraction,
        "error": {"code": definition.error_code, "detail": definition.error_message} if definition.error_code else None,
        "preview": definition.preview or None,
    }


def _name(person) -> str | None:
    return str(person) if person else None
