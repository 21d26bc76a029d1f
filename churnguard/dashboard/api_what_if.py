"""``POST /api/customers/<number>/what-if``: what the model would say of a customer if some columns were otherwise."""

from __future__ import annotations

from math import exp, isfinite
from typing import Any

from rest_framework import serializers
from rest_framework.response import Response
from rest_framework.views import APIView

from core import bodies
from core.errors import Refused
from core.operations import operation
from core.shapes import ANYTHING, COUNT, NUMBER, SHARE, TEXT, YES_NO, body, many, maybe, named, record, says, table_of
from customers import api_customers as writing
from predictions.services import outlooks
from predictions.wording import feature_name

from .what_if import why_not

GROUP = "Customers"
_MOST, _LONGEST, _LARGEST = 50, 200, 1e12
_VALUE = {"type": ["string", "number", "null"], "maxLength": _LONGEST}
ASKED = body(
    {
        "changes": says(
            table_of(_VALUE),
            "Column -> value; null: not known.",
            like={"contract": "Two year", "monthly_charges": 45.5},
        )
        | {"maxProperties": _MOST}
    }
)
WHAT_IF = named(
    "WhatIf",
    record(
        {
            "before": says(SHARE, "The risk as it stands."),
            "after": says(SHARE, "With the changes that the model can speak about."),
            "out_of_fold": says(YES_NO, "Whether a fold's model answered, which had not learned from this customer."),
            "model": COUNT,
            "differences": says(
                many(
                    record(
                        {
                            "field": TEXT,
                            "name": TEXT,
                            "odds": says(NUMBER, "By what the odds of leaving are multiplied."),
                            "is_changed": YES_NO,
                        }
                    )
                ),
                "What moves the risk, the strongest first.",
            ),
            "guesses": says(many(TEXT), "Changed columns whose number lies beyond what was learned from."),
            "refused": says(
                many(record({"field": TEXT, "code": TEXT, "detail": TEXT})),
                "Changes that the model cannot speak about.",
            ),
            "levers": says(
                many(
                    record(
                        {
                            "field": TEXT,
                            "value": says(ANYTHING, "As it stands."),
                            "levels": says(many(TEXT), "What it may be; empty for a number."),
                            "lowest": maybe(NUMBER),
                            "highest": maybe(NUMBER),
                        }
                    )
                ),
                "What may be changed.",
            ),
        }
    ),
)


class _Change(serializers.Field):
    """A number, a text or nothing, as the model reads a column."""

    def to_internal_value(self, data: Any) -> object:
        if isinstance(data, bool) or not isinstance(data, str | int | float):
            raise serializers.ValidationError("a text, a number or null")
        if isinstance(data, str):
            if len(data) > _LONGEST or not bodies.is_storable(data):
                raise serializers.ValidationError(f"a text of up to {_LONGEST} characters")
            return data
        # A whole number may have any number of digits, and more than a float holds.
        if not -_LARGEST < data < _LARGEST or not isfinite(data):
            raise serializers.ValidationError("a number that a column can hold")
        return float(data)


class WhatIfBody(bodies.Body):
    changes = serializers.DictField(child=_Change(allow_null=True))

    def validate_changes(self, value: dict[str, object]) -> dict[str, object]:
        if len(value) > _MOST or any(len(name) > _LONGEST for name in value):
            raise serializers.ValidationError(f"up to {_MOST} columns")
        return value


class WhatIfView(APIView):
    capability = {"POST": "view_customers"}
    api_group = GROUP

    @operation(
        body=ASKED,
        answers={200: WHAT_IF},
        refuses={
            422: "There is no model in charge, or the customer has left (`no_answer`); its file is refused (`artefact_refused`)."
        },
    )
    def post(self, request, number):
        """What the model would say of a customer if some columns were otherwise: a contract, a price, a service.

        Nothing is stored. A change that the model cannot speak about is named in ``refused``, and the others are answered.
        """
        customer = writing.find_customer(number)
        asked = outlooks.ask_what_if(customer, bodies.read(request, WhatIfBody)["changes"])
        if asked is None:
            raise Refused("no_answer", "No model speaks about this customer: none is in charge, or they have left.")
        found, version = asked.answer, outlooks.version_shown()
        return Response(
            {
                "before": found.before,
                "after": found.after,
                "out_of_fold": found.unseen,
                "model": version.number if version else 0,
                "differences": [
                    {
                        "field": one.feature,
                        "name": feature_name(one.feature),
                        "odds": exp(one.change),
                        "is_changed": one.feature in asked.changes,
                    }
                    for one in found.differences
                ],
                "guesses": list(found.extrapolates),
                "refused": [
                    {"field": name, "code": why.code, "detail": why_not(name, why)}
                    for name, why in sorted(asked.refused.items())
                ],
                "levers": [
                    {
                        "field": lever.name,
                        "value": lever.value,
                        "levels": list(lever.levels),
                        "lowest": lever.lowest,
                        "highest": lever.highest,
                    }
                    for lever in asked.levers
                ],
            }
        )
