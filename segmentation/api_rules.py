"""Rule segments for programs, and the newest allocation."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation

from django.http import Http404
from django.utils.translation import gettext as _
from rest_framework.exceptions import ValidationError
from rest_framework.response import Response
from rest_framework.reverse import reverse
from rest_framework.views import APIView

from core import bodies, jobs
from core.api import problem_response
from core.errors import Refused
from core.operations import operation
from core.shapes import ACCEPTED
from tenants.idempotency import idempotent

from . import api_shapes as shapes
from . import audiences, conditions, selectors, services, wording_offers
from .models import RuleSegment

_SHOWN = 500
_REFUSES = {422: "The rule cannot be used: every problem stands in `facts` with its path."}


def _answer(work) -> Response:
    """The work's answer; 422 with all problems of a rule, each with its path, where it cannot be used."""
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


class RulesView(APIView):
    capability = {"GET": "view_customers", "POST": "save_rule_segments"}

    @operation(answers={200: shapes.RULE_SEGMENTS})
    def get(self, request):
        """The rule segments by name, and the fields that a rule may ask with their operators."""
        catalogue = audiences.catalogue()
        return Response(
            {
                "rule_segments": [_rule(request, one) for one in selectors.rule_segments()[:_SHOWN]],
                "fields": [
                    {"field": f.code, "kind": f.kind, "operators": list(f.offered), "values": [v for v, _w in f.values]}
                    for f in catalogue
                ],
            }
        )

    @operation(body=shapes.RULE_BODY, answers={201: shapes.RULE_SEGMENT}, refuses=_REFUSES)
    @idempotent
    def post(self, request):
        """Save a rule segment, ``{"name", "rule"}``: 201; 422 with every problem and its path where the rule cannot be used."""
        body = _body(request, {"name", "rule"}, {"name", "rule"})
        if not isinstance(body["name"], str):
            raise ValidationError({"name": [_("a text")]})
        return _answer(
            lambda: Response(
                _rule(request, services.save_rule(actor=request.user, name=body["name"], rule=body["rule"])), status=201
            )
        )


class RuleView(APIView):
    capability = {"GET": "view_customers", "PUT": "save_rule_segments", "DELETE": "save_rule_segments"}

    @operation(answers={200: shapes.RULE_SEGMENT})
    def get(self, request, public_id):
        """One rule segment, with how many are in it: exact where it is cheap, else estimated with its interval."""
        segment = _find(public_id)
        found = {}
        try:
            found = _count(conditions.parse(segment.rule, audiences.catalogue()))
        except conditions.Invalid as error:
            found = {"count": None, "problems": [one.as_json() for one in error.problems]}
        return Response(_rule(request, segment) | found)

    @operation(
        body=shapes.RULE_BODY, answers={200: shapes.RULE_SEGMENT}, refuses=_REFUSES, says="Save its name and rule anew."
    )
    def put(self, request, public_id):
        body = _body(request, {"name", "rule"}, {"name", "rule"})
        segment = _find(public_id)
        if not isinstance(body["name"], str):
            raise ValidationError({"name": [_("a text")]})
        return _answer(
            lambda: Response(
                _rule(
                    request,
                    services.save_rule(actor=request.user, name=body["name"], rule=body["rule"], segment=segment),
                )
            )
        )

    @operation(answers={204: None}, refuses={422: "Something still needs it."}, says="Delete it.")
    def delete(self, request, public_id):
        services.delete_rule(segment=_find(public_id), actor=request.user)
        return Response(status=204)


class CountView(APIView):
    capability = "view_customers"

    @operation(body=shapes.COUNT_BODY, answers={200: shapes.HOW_MANY}, refuses=_REFUSES)
    def post(self, request):
        """Count whom a rule lets in: ``{"rule"}``. Nothing is kept."""
        rule = _body(request, {"rule"}, {"rule"})["rule"]
        return _answer(lambda: Response(_count(services.read_rule(rule))))


class AllocationsView(APIView):
    capability = {"GET": "view_customers", "POST": "allocate_offers"}

    @operation(answers={200: shapes.ALLOCATION}, refuses={404: "No offers were allocated yet (`no_allocation`)."})
    def get(self, request):
        """The newest allocation: what it earns, its proven gap, and the shadow price of its budget, in words too."""
        found = selectors.newest_allocation()
        if found is None:
            return problem_response(404, "no_allocation", "No offers were allocated yet.")
        return Response(
            {
                "id": str(found.public_id),
                "budget": found.budget,
                "most_customers": found.most_customers,
                "finished_at": found.finished_at,
                "offers": [
                    then | {"customers": count, "bound_by": bound or None}
                    for then, count, bound in zip(
                        found.offers_then, found.result["counts"], found.result["bound_by"], strict=True
                    )
                ],
                "result": found.result,
                "in_words": wording_offers.marginal(found.result, request.tenant.currency),
            }
        )

    @operation(
        body=shapes.ALLOCATE,
        needs_body=False,
        answers={202: ACCEPTED},
        headers={202: {"Location": "The address of the job."}},
        refuses={422: "There is nothing to allocate; `code` says why."},
    )
    @idempotent
    def post(self, request):
        """Allocate the offers: for ``{"budget", "most_customers"}``, both optional: 202 with the job's address."""
        body = _body(request, {"budget", "most_customers"})
        most = body.get("most_customers")
        if most is not None and (isinstance(most, bool) or not isinstance(most, int) or not 0 < most < 2**31):
            raise ValidationError({"most_customers": ["a whole number above 0"]})
        budget = _money(body.get("budget"))

        def ask() -> Response:
            job = services.open_allocation(requested_by=request.user, budget=budget, most_customers=most)
            jobs.ring(job)
            address = reverse("predictions:api_job", args=[job.public_id], request=request)
            return bodies.accepted(job, address)

        return _answer(ask)


def _money(given: object) -> Decimal | None:
    if given is None:
        return None
    try:
        if isinstance(given, bool) or not isinstance(given, int | float | str):
            raise ValueError(given)
        amount = Decimal(str(given))
        if not amount.is_finite() or not 0 <= amount < Decimal(10) ** 10:
            raise ValueError(given)
    except (ValueError, InvalidOperation) as error:
        raise ValidationError({"budget": ["a number from 0"]}) from error
    return round(amount, 3)


def _count(tree: conditions.Tree) -> dict[str, object]:
    found = audiences.count(tree)
    return {
        "count": found.customers,
        "is_exact": found.is_exact,
        "low": found.low,
        "high": found.high,
    }


def _find(public_id) -> RuleSegment:
    segment = selectors.rule_segments().filter(public_id=public_id).first()
    if segment is None:
        raise Http404
    return segment


def _rule(request, segment: RuleSegment) -> dict[str, object]:
    return {
        "id": str(segment.public_id),
        "url": reverse("segmentation:api_rule", args=[segment.public_id], request=request),
        "name": segment.name,
        "rule": segment.rule,
        "updated_at": segment.updated_at,
        "created_by": str(segment.created_by) if segment.created_by else None,
    }
