"""Words to say what an answer or a body of the API looks like: JSON Schema (draft 2020-12, as OpenAPI 3.1 takes it), short.

A shape is a plain dictionary. ``named`` gives one a name in the description, so that it stands there once.
"""

from __future__ import annotations

from typing import Any

from .models import JobState

Shape = dict[str, Any]

TEXT: Shape = {"type": "string"}
YES_NO: Shape = {"type": "boolean"}
WHOLE: Shape = {"type": "integer"}
COUNT: Shape = {"type": "integer", "minimum": 0}
NUMBER: Shape = {"type": "number"}
SHARE: Shape = {"type": "number", "minimum": 0, "maximum": 1}
MOMENT: Shape = {"type": "string", "format": "date-time"}
DAY: Shape = {"type": "string", "format": "date"}
IDENTIFIER: Shape = {"type": "string", "format": "uuid"}
ADDRESS: Shape = {"type": "string", "format": "uri"}
DECIMAL: Shape = {"type": "string", "pattern": r"^-?\d+(\.\d+)?$", "description": "An exact decimal number, as text."}
ANYTHING: Shape = {}
FREE: Shape = {"type": "object", "additionalProperties": True}

_NAMED: dict[str, Shape] = {}


def named(name: str, shape: Shape) -> Shape:
    """The shape under a name of its own; what is handed back points to it."""
    if _NAMED.setdefault(name, shape) is not shape:
        raise ValueError(f"There is another shape named {name!r}.")
    return {"$ref": f"#/components/schemas/{name}"}


def all_named() -> dict[str, Shape]:
    return dict(sorted(_NAMED.items()))


def record(
    fields: dict[str, Shape], *, may_have: dict[str, Shape] | None = None, is_closed: bool = False, says: str = ""
) -> Shape:
    """An object: ``fields`` are always there, those of ``may_have`` not. ``is_closed``: others are refused (for bodies)."""
    shape: Shape = {"type": "object", "properties": {**fields, **(may_have or {})}}
    if fields:
        shape["required"] = list(fields)
    if is_closed:
        shape["additionalProperties"] = False
    return shape | ({"description": says} if says else {})


def body(needed: dict[str, Shape] | None = None, **may_have: Shape) -> Shape:
    """What a request sends: an object of these fields and no others."""
    return record(needed or {}, may_have=may_have, is_closed=True)


def many(shape: Shape, *, at_most: int | None = None) -> Shape:
    return {"type": "array", "items": shape} | ({"maxItems": at_most} if at_most else {})


def table_of(shape: Shape, *, says: str = "") -> Shape:
    """An object whose names are data: a column's, a segment's, a state's."""
    return {"type": "object", "additionalProperties": shape} | ({"description": says} if says else {})


def one_of(*values: str) -> Shape:
    return {"type": "string", "enum": [str(value) for value in values]}


def maybe(shape: Shape) -> Shape:
    """The shape, or null."""
    kind = shape.get("type")
    if isinstance(kind, str) and "enum" not in shape:
        return shape | {"type": [kind, "null"]}
    return {"anyOf": [shape, {"type": "null"}]}


def text(most: int | None = None, *, says: str = "", like: str | None = None) -> Shape:
    shape = TEXT | ({"maxLength": most} if most else {}) | ({"description": says} if says else {})
    return shape | ({"examples": [like]} if like is not None else {})


def says(shape: Shape, sentence: str, *, like: object = None) -> Shape:
    """The shape with a sentence about it, and an example."""
    return shape | {"description": sentence} | ({"examples": [like]} if like is not None else {})


# ---------------------------------------------------------------- what many answers hold

PROBLEM = named(
    "Problem",
    record(
        {
            "status": says(WHOLE, "The HTTP status once more."),
            "code": says(TEXT, "What went wrong, for programs: stays the same in every language.", like="not_found"),
            "detail": says(TEXT, "The same for people, in the caller's language."),
        },
        may_have={
            "errors": says(ANYTHING, "What is wrong, by the field (code invalid, or invalid_fields)."),
            "facts": says(FREE, "The values behind a refusal."),
        },
        says="RFC 9457 problem details: the one shape of everything that goes wrong.",
    ),
)
ERROR = named("JobError", record({"code": TEXT, "detail": TEXT}, says="Why a job failed."))
JOB_STATE = one_of(*JobState.values)
ACCEPTED = named(
    "Accepted",
    record(
        {"job": IDENTIFIER, "url": says(ADDRESS, "Where to ask how far it is."), "state": TEXT},
        says="Work that was taken on: it goes on by itself.",
    ),
)
