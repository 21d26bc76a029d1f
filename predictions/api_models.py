"""Versions for programs: the list, a version's card, who is put in charge, and going back."""

from __future__ import annotations

from django.http import Http404
from rest_framework.exceptions import ValidationError
from rest_framework.response import Response
from rest_framework.reverse import reverse
from rest_framework.views import APIView

from core.api import problem_response
from core.errors import Refused
from core.operations import operation
from tenants.idempotency import idempotent
from tenants.models import User

from . import api_shapes as shapes
from . import registry, selectors, services
from .models import ModelVersion, Promotion
from .wording import gates

_SHOWN = 50
_CONFLICTS = {"reason_needed", "nobody_answers", "already_in_charge", "nothing_before"}
_DETAILS = (
    "intervals", "base_rate", "counts", "folds", "seconds", "candidates", "choice", "calibration", "calibration_line",
    "ece_by_luck", "lift", "worried", "confusion", "slices", "fairness", "permutation", "dependence", "training", "features",
    "importance", "set_aside", "kept_away", "doubtful", "contacts",
)  # fmt: skip


class ModelsView(APIView):
    capability = "view_models"

    @operation(answers={200: shapes.MODELS})
    def get(self, request):
        """The fifty newest versions, newest first."""
        newest = selectors.version_list().defer("details", "reference")[:_SHOWN]
        return Response({"models": [_as_line(request, version) for version in newest]})


class ModelView(APIView):
    capability = "view_models"

    @operation(answers={200: shapes.MODEL})
    def get(self, request, number):
        """A version's whole card: every figure with its interval, candidates, gates in words, and when it was in charge."""
        version = _find(number)
        lines = registry.promotion_list().filter(version=version)[:_SHOWN]
        return Response(_as_card(request, version) | {"promotions": [_as_promotion(line) for line in lines]})


class PromoteView(APIView):
    capability = "promote_models"

    @operation(
        body=shapes.REASON,
        needs_body=False,
        answers={200: shapes.PROMOTION},
        refuses={
            409: "A gate is not green and no reason was given, or the version is in charge already.",
            422: "The version cannot be put in charge; `code` says why.",
        },
    )
    @idempotent
    def post(self, request, number):
        """Put a version in charge: ``{"reason": text}``. 409 where a gate is not green and no reason is given, and where it
        is in charge already."""
        version, reason = _find(number), _reason(request)
        return _decided(lambda: services.promote(version=version, actor=request.user, reason=reason))


class RollBackView(APIView):
    capability = "promote_models"

    @operation(
        body=shapes.REASON,
        needs_body=False,
        answers={200: shapes.PROMOTION},
        refuses={409: "No model was in charge before.", 422: "That version cannot be put in charge; `code` says why."},
    )
    @idempotent
    def post(self, request):
        """Put the model that was in charge before back there: ``{"reason": text}``. 409 where there was none."""
        reason = _reason(request)
        return _decided(lambda: services.roll_back(actor=request.user, reason=reason))


def _find(number: int) -> ModelVersion:
    version = selectors.version_list().filter(number=number).first()
    if version is None:
        raise Http404
    return version


def _reason(request) -> str:
    reason = request.data.get("reason", "") if isinstance(request.data, dict) else None
    if not isinstance(reason, str):
        raise ValidationError({"reason": ["a text"]})
    return reason


def _decided(decision) -> Response:
    try:
        return Response(_as_promotion(decision()))
    except Refused as refusal:
        if refusal.code not in _CONFLICTS:
            raise
        response = problem_response(409, refusal.code, refusal.message)
        response.data |= {"facts": refusal.facts} if refusal.facts else {}
        return response


def _as_line(request, version: ModelVersion) -> dict[str, object]:
    return {
        "number": version.number,
        "url": reverse("predictions:api_model", args=[version.number], request=request),
        "in_charge": version.is_champion,
        "algorithm": version.algorithm,
        "trained_at": version.trained_at,
        "trained_by": _name(version.trained_by),
        "rows": version.rows,
        "churners": version.churners,
        "metrics": version.metrics,
        "gates": {gate["code"]: gate["state"] for gate in version.gates},
    }


def _as_card(request, version: ModelVersion) -> dict[str, object]:
    said = {gate["code"]: gate for gate in gates.in_words(version.gates)}
    return _as_line(request, version) | {
        "gates": [
            gate | {"title": said[gate["code"]]["title"], "sentence": said[gate["code"]]["sentence"]}
            for gate in version.gates
        ],
        "seed": version.seed,
        "fingerprint": version.fingerprint,
        "libraries": version.libraries,
        "artefact": {"bytes": version.artefact_bytes, "sha256": version.artefact_sha256},
        **{name: version.details.get(name) for name in _DETAILS},
        "forced_in": _forced_in(version),
    }


def _forced_in(version: ModelVersion) -> list[dict[str, object]]:
    """Columns that a person forced in, with that person's name instead of a key."""
    entries = version.details.get("forced_in", [])
    asked = [entry["by"] for entry in entries if entry.get("by")]
    people = User.objects.in_bulk(asked) if asked else {}
    return [entry | {"by": _name(people.get(entry.get("by")))} for entry in entries]


def _as_promotion(line: Promotion) -> dict[str, object]:
    return {
        "in_charge": line.version.number,
        "before": line.before.number if line.before else None,
        "kind": line.kind,
        "reason": line.reason,
        "open_gates": [gate["code"] for gate in line.open_gates],
        "by": _name(line.by),
        "at": line.at,
    }


def _name(person: User | None) -> str | None:
    return str(person) if person else None
