"""``POST /api/score``: the risk of one customer now, with its reasons in the caller's language."""

from __future__ import annotations

from django.http import Http404
from rest_framework.exceptions import ValidationError
from rest_framework.response import Response
from rest_framework.views import APIView

from core.api import problem_response
from core.operations import operation
from customers.models import Customer

from . import wording
from .api_shapes import ASKED, SCORE
from .services import single

_LONGEST_NUMBER = 64


class ScoreView(APIView):
    capability = "view_customers"

    @operation(
        body=ASKED,
        answers={200: SCORE},
        refuses={
            404: "There is no customer of this number.",
            422: "There is no model in charge, or fields cannot be read (`invalid_fields`): `errors` names each.",
        },
    )
    def post(self, request):
        """The risk of one customer now: ``{"customer": "their number"}`` for one of the base, ``{"fields": {"contract":
        "One year", …}}`` for anybody else.

        Answers risk, band, model, whether the model had learned from them (then a fold's model answers that had not), and
        the strongest reasons. Nothing is stored. 404: no such customer. 422: no model in charge, or fields that it cannot
        read, each by its name.
        """
        body = request.data
        if not isinstance(body, dict) or len({"customer", "fields"} & set(body)) != 1:
            raise ValidationError({"customer": ["Give either “customer” or “fields”."]})
        if beside := set(body) - {"customer", "fields"}:
            raise ValidationError({str(name): ["Unknown."] for name in sorted(map(str, beside))})
        try:
            found = _find(body["customer"]) if "customer" in body else _ask(body["fields"])
        except Customer.DoesNotExist as absent:
            raise Http404 from absent
        except single.WrongFields as wrong:
            answer = problem_response(422, "invalid_fields", "Some fields cannot be read.")
            answer.data["errors"] = wrong.errors
            return answer
        currency = request.tenant.currency
        return Response(
            {
                "risk": found.risk,
                "band": found.band,
                "model": found.version.number,
                "out_of_fold": found.is_out_of_fold,
                "reasons": [_reason(driver, currency) for driver in found.drivers],
            }
        )


def _find(number: object) -> single.SingleScore:
    if not isinstance(number, str):
        raise ValidationError({"customer": ["The customer’s number, as text, is needed."]})
    if not 0 < len(number) <= _LONGEST_NUMBER or "\x00" in number:
        raise Customer.DoesNotExist
    return single.score_customer(number)


def _ask(fields: object) -> single.SingleScore:
    if not isinstance(fields, dict):
        raise ValidationError({"fields": ["An object of fields and values is needed."]})
    return single.score_stranger(fields)


def _reason(driver: dict[str, object], currency: str) -> dict[str, object]:
    words = wording.driver(driver, currency)
    return {
        "field": driver["feature"],
        "name": words["name"],
        "value": driver["value"],
        "shown": words["value"],
        "effect": driver["effect"],
        "raises": words["raises"],
        "sentence": words["sentence"],
    }
