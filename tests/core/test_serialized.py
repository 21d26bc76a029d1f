"""Serializers as JSON Schema: what a body may hold, what an answer always holds."""

from __future__ import annotations

import pytest
from rest_framework import serializers
from rest_framework.views import APIView

from core import bodies
from core.serialized import operation_of, shape_of
from tests.house.test_doors import DOORS, is_api


class Line(serializers.Serializer):
    at = serializers.DateTimeField(allow_null=True)
    cost = serializers.DecimalField(max_digits=5, decimal_places=2)


class Told(serializers.Serializer):
    """What is told."""

    id = serializers.UUIDField()
    lines = Line(many=True)
    newest = Line(allow_null=True)
    anything = serializers.JSONField()


class Asked(bodies.Body):
    name = bodies.Text(max_length=5)
    cost = serializers.DecimalField(max_digits=5, decimal_places=2, required=False)
    kind = serializers.ChoiceField(choices=("a", "b"), required=False)


class ThingsView(APIView):
    query_serializers = {"GET": bodies.PageQuery}
    body_serializers = {"POST": Asked}
    answer_serializers = {"GET": Told, "POST": (201, Told), "DELETE": (204, None)}
    refusals = {"POST": {422: "It cannot be."}}


def test_answer_names_every_field_as_always_there():
    line = {
        "type": "object",
        "properties": {
            "at": {"type": ["string", "null"], "format": "date-time"},
            "cost": {"type": "string", "pattern": r"^-?\d+(\.\d+)?$"},
        },
        "required": ["at", "cost"],
    }
    assert shape_of(Told()) == {
        "type": "object",
        "properties": {
            "id": {"type": "string", "format": "uuid"},
            "lines": {"type": "array", "items": line},
            "newest": line | {"type": ["object", "null"]},
            "anything": {},
        },
        "required": ["id", "lines", "newest", "anything"],
        "description": "What is told.",
    }


def test_body_is_closed_and_requires_what_it_needs():
    shape = shape_of(Asked())
    assert (shape["required"], shape["additionalProperties"]) == (["name"], False)
    assert shape["properties"]["name"] == {"type": "string", "maxLength": 5, "minLength": 1}
    assert shape["properties"]["kind"] == {"type": "string", "enum": ["a", "b"]}
    assert shape["properties"]["cost"]["anyOf"][0] == {"type": "number"}


def test_operation_is_what_the_view_names():
    got, made = operation_of(ThingsView, "get"), operation_of(ThingsView, "post")
    assert list(got["answers"]) == [200]
    assert got["query"]["limit"] == {"type": "integer", "minimum": 1, "maximum": 200}
    assert (list(made["answers"]), made["needs_body"], made["refuses"]) == ([201], True, {422: "It cannot be."})
    assert operation_of(ThingsView, "delete")["answers"] == {204: None}
    assert operation_of(ThingsView, "put") is None
    assert operation_of(APIView, "get") is None


@pytest.mark.parametrize(
    ("name", "view"), [(d[0], d[2].cls) for d in DOORS if is_api(d[2])], ids=lambda one: str(one)[:60]
)
def test_every_view_that_names_serializers_names_them_for_methods_that_it_has(name, view):
    for attribute in ("query_serializers", "body_serializers", "answer_serializers", "refusals"):
        for method in getattr(view, attribute, {}):
            assert hasattr(view, method.lower()), f"{name} {attribute}"
            assert operation_of(view, method)
