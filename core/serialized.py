"""What serializers say, as JSON Schema (draft 2020-12), for ``core.operations``: what a body or a query may hold is described
by what reads it, and an answer that a serializer writes by what writes it, so that neither can drift from its description.
"""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from . import bodies
from .shapes import Shape


def body_of(body: type[bodies.Body]) -> dict[str, Any]:
    """``body`` and ``needs_body`` of an operation that reads this: ``operation(**body_of(OfferBody), …)``."""
    reader = body()
    return {"body": shape_of(reader), "needs_body": any(field.required for field in reader.fields.values())}


def query_of(query: type[bodies.Query]) -> dict[str, Shape]:
    """The ``query`` of an operation that asks its address by this."""
    return {name: _of(field) | _default(field) for name, field in query().fields.items()}


def _default(field: serializers.Field) -> Shape:
    return {"default": field.default} if isinstance(field.default, str | int) else {}


def shape_of(serializer: serializers.BaseSerializer) -> Shape:
    """A serializer as a shape: what a body may hold and no more, or what an answer always holds."""
    if isinstance(serializer, serializers.ListSerializer):
        return {"type": "array", "items": shape_of(serializer.child)}
    is_body = isinstance(serializer, bodies.Body)
    fields = serializer.fields
    required = [name for name, field in fields.items() if not is_body or field.required]
    shape: Shape = {"type": "object", "properties": {name: _of(field, is_body) for name, field in fields.items()}}
    if required:
        shape["required"] = required
    if is_body:
        shape["additionalProperties"] = False
    words = (
        " ".join((type(serializer).__doc__ or "").split())
        if type(serializer).__module__ != serializers.__name__
        else ""
    )
    return shape | ({"description": words} if words else {})


def _of(field: serializers.Field, is_body: bool = False) -> Shape:
    shape = _kind(field, is_body)
    if field.help_text:
        shape = shape | {"description": str(field.help_text)}
    if not field.allow_null or not shape:
        return shape
    if isinstance(shape.get("type"), str) and "enum" not in shape:
        return shape | {"type": [shape["type"], "null"]}
    return {"anyOf": [shape, {"type": "null"}]}


def _kind(field: serializers.Field, is_body: bool) -> Shape:
    if isinstance(field, serializers.BaseSerializer):
        return shape_of(field)
    if isinstance(field, serializers.DictField):
        return {"type": "object", "additionalProperties": _of(field.child, is_body)}
    if isinstance(field, serializers.ListField):
        sizes = {"minItems": field.min_length, "maxItems": field.max_length}
        return {"type": "array", "items": _of(field.child, is_body)} | _given(sizes)
    if isinstance(field, serializers.ChoiceField):
        return {"type": "string", "enum": list(field.choices)}
    if isinstance(field, serializers.DecimalField):
        text = {"type": "string", "pattern": r"^-?\d+(\.\d+)?$"}
        return {"anyOf": [{"type": "number"}, text]} if is_body else text
    limits = {"minimum": getattr(field, "min_value", None), "maximum": getattr(field, "max_value", None)}
    for kind, shape in _PLAIN:
        if isinstance(field, kind):
            return shape | (_given(limits) if shape.get("type") in ("integer", "number") else _lengths(field, is_body))
    return {}


# The narrower kind first.
_PLAIN: tuple[tuple[type[serializers.Field], Shape], ...] = (
    (serializers.JSONField, {}),
    (serializers.BooleanField, {"type": "boolean"}),
    (serializers.IntegerField, {"type": "integer"}),
    (serializers.FloatField, {"type": "number"}),
    (serializers.UUIDField, {"type": "string", "format": "uuid"}),
    (serializers.DateTimeField, {"type": "string", "format": "date-time"}),
    (serializers.DateField, {"type": "string", "format": "date"}),
    (serializers.URLField, {"type": "string", "format": "uri"}),
    (serializers.CharField, {"type": "string"}),
    (serializers.SerializerMethodField, {"type": "string"}),
)


def _lengths(field: serializers.Field, is_body: bool) -> Shape:
    if not is_body or not isinstance(field, serializers.CharField):
        return {}
    return _given({"maxLength": field.max_length, "minLength": None if field.allow_blank else 1})


def _given(limits: dict[str, Any]) -> Shape:
    return {name: limit for name, limit in limits.items() if limit is not None}
