"""The leak watch's findings for programs."""

from __future__ import annotations

from uuid import UUID

from django.http import Http404
from rest_framework.exceptions import ValidationError
from rest_framework.response import Response
from rest_framework.views import APIView

from core.operations import operation
from tenants.idempotency import idempotent

from . import api_shapes as shapes
from . import selectors, services
from .models import ColumnFinding
from .wording import findings as words


class FindingsView(APIView):
    capability = {"GET": "view_customers", "POST": "curate_data"}

    @operation(answers={200: shapes.FINDINGS})
    def get(self, request):
        """What the leak watch says about columns, the gravest first, and what people decided."""
        return Response({"findings": [_as_json(finding) for finding in selectors.finding_list()]})

    @operation(
        body=shapes.DECISION,
        answers={200: shapes.FINDING},
        refuses={404: "There is no such finding.", 422: "It cannot be decided so: without a reason, or a second time."},
    )
    @idempotent
    def post(self, request):
        """Decide on a finding: ``{"finding": id, "decision": "overrule" or "reinstate", "reason": text}``. 422 where it cannot be."""
        body = request.data
        if not isinstance(body, dict):
            raise ValidationError(["a JSON object"])
        if not isinstance(body.get("reason") or "", str):
            raise ValidationError({"reason": ["a text"]})
        finding = _find(body.get("finding"))
        said = {"finding": finding, "actor": request.user, "reason": body.get("reason") or ""}
        decision = body.get("decision")
        if decision == "overrule":
            return Response(_as_json(services.overrule_finding(**said)))
        if decision == "reinstate":
            return Response(_as_json(services.reinstate_finding(**said)))
        raise ValidationError({"decision": ["overrule or reinstate"]})


def _find(public_id: object) -> ColumnFinding:
    try:
        key = UUID(str(public_id))
    except ValueError as error:
        raise ValidationError({"finding": ["the id of a finding"]}) from error
    finding = selectors.finding_list().filter(public_id=key).first()
    if finding is None:
        raise Http404
    return finding


def _as_json(finding: ColumnFinding) -> dict[str, object]:
    return {
        "id": str(finding.public_id),
        "column": finding.column,
        "verdict": finding.severity,
        "codes": finding.codes,
        "evidence": finding.evidence,
        "sentences": words.sentences(finding.codes, finding.evidence),
        "found_at": finding.found_at,
        "holds": finding.holds,
        "kept_away": finding.is_kept_away,
        "overruled": {
            "at": finding.overruled_at,
            "by": str(finding.overruled_by) if finding.overruled_by else None,
            "reason": finding.overrule_reason,
        }
        if finding.overruled_at
        else None,
    }
