"""Serializers as JSON Schema: what a body may hold, what an answer always holds."""

from __future__ import annotations

from rest_framework import serializers

from core import bodies
from core.operations import described, refusals
from core.serialized import body_of, query_of, shape_of


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


class Nothing(bodies.Body):
    """Nothing is asked for."""


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


def test_operation_reads_what_its_serializers_do():
    said = described(**body_of(Asked), query=query_of(bodies.PageQuery), answers={201: shape_of(Told())})
    assert said.needs_body
    assert said.body == shape_of(Asked())
    assert said.query["limit"] == {
        "type": "integer", "minimum": 1, "maximum": 200, "default": 50, "description": "Rows of a page.",
    }  # fmt: skip
    assert not body_of(Nothing)["needs_body"]


def test_body_of_a_method_that_seldom_has_one_may_be_refused_like_any():
    said = described(**body_of(Asked), answers={204: None})
    assert {411, 413, 415} <= set(refusals(said, method="DELETE", has_path=True, takes_key=False))
    assert 415 not in refusals(described(answers={204: None}), method="DELETE", has_path=True, takes_key=False)
