"""What programs send and are answered, field by field: strict bodies, strict queries, and pages of a list by cursor.

``core.serialized`` says the same of them as JSON Schema, for the description of the API.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import time
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

from django.db.models import QuerySet
from rest_framework import exceptions, serializers, status
from rest_framework.response import Response

from . import keyset
from .models import Job

PAGE_SIZE, LARGEST_PAGE = 50, 200
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")  # no database takes these
_DEEPEST = 40


class TooLarge(exceptions.APIException):
    status_code = status.HTTP_413_REQUEST_ENTITY_TOO_LARGE
    default_code = "too_large"
    default_detail = "The body is too large: send it in several requests."


class Body(serializers.Serializer):
    """A JSON object of named fields; one that it does not name is refused rather than passed over (RULES 9)."""

    def to_internal_value(self, data: Any) -> Any:
        if not isinstance(data, Mapping):
            raise serializers.ValidationError({"body": ["a JSON object"]})
        if unknown := sorted(str(name) for name in data if name not in self.fields):
            raise serializers.ValidationError({name[:100]: ["no such field"] for name in unknown[:100]})
        return super().to_internal_value(data)


class Query(Body):
    """The parameters of an address; one that is not named is refused, since a filter that is passed over shows too much."""


class PageQuery(Query):
    """A page of a list by its cursor."""

    after = serializers.CharField(
        required=False,
        max_length=2_000,
        allow_blank=True,
        help_text="Where the page before ended: follow `next` instead.",
    )
    limit = serializers.IntegerField(
        required=False, min_value=1, max_value=LARGEST_PAGE, default=PAGE_SIZE, help_text="Rows of a page."
    )


class Text(serializers.CharField):
    """Text as it was sent. A number or a yes is none: who means "12" writes it so."""

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            raise serializers.ValidationError("a text")
        return super().to_internal_value(data)


_CLOCK = re.compile(r"(?:[01][0-9]|2[0-3]):[0-5][0-9]")


class Clock(Text):
    """A time of the day, to the minute, such as "21:00"."""

    def to_internal_value(self, data: Any) -> time:
        said = super().to_internal_value(data)
        if not _CLOCK.fullmatch(said):
            raise serializers.ValidationError("a time of the day, such as 21:00")
        return time.fromisoformat(said)

    def to_representation(self, value: time) -> str:
        return f"{value:%H:%M}"


class Whole(serializers.IntegerField):
    """A whole number, and no text or yes that could be read as one."""

    def to_internal_value(self, data: Any) -> int:
        if isinstance(data, bool) or not isinstance(data, int):
            raise serializers.ValidationError("a whole number")
        return super().to_internal_value(data)


class Number(serializers.FloatField):
    """A number, and no text or yes that could be read as one."""

    def to_internal_value(self, data: Any) -> float:
        if isinstance(data, bool) or not isinstance(data, int | float):
            raise serializers.ValidationError("a number")
        if not abs(data) < 1e300:  # also NaN, which a program's JSON may hold
            raise serializers.ValidationError("a number")
        return float(data)


class Yes(serializers.BooleanField):
    """true or false, and nothing that could be read as one."""

    def to_internal_value(self, data: Any) -> bool:
        if not isinstance(data, bool):
            raise serializers.ValidationError("true or false")
        return data


class Reason(Text):
    """Why: kept with the change, for whoever comes later."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"max_length": 300, **options})


class Plain(serializers.JSONField):
    """Any JSON that a database can hold: no zero bytes, no halves of characters, not nested without end."""

    def to_internal_value(self, data: Any) -> Any:
        if not is_storable(data):
            raise serializers.ValidationError("holds what cannot be stored")
        return super().to_internal_value(data)


def is_storable(value: Any, depth: int = 0) -> bool:
    """Whether both databases can keep this JSON value."""
    if depth > _DEEPEST:
        return False
    if isinstance(value, str):
        return not _UNSTORABLE.search(value)
    if isinstance(value, float):
        return abs(value) < 1e300
    if isinstance(value, dict):
        return all(is_storable(part, depth + 1) for pair in value.items() for part in pair)
    return not isinstance(value, list) or all(is_storable(part, depth + 1) for part in value)


class Problem(serializers.Serializer):
    """Why a job ended as it did."""

    code = serializers.CharField()
    detail = serializers.CharField()


class BoundedBody:
    """An API view whose body may be large, up to ``most_bytes``: refused before it is read."""

    most_bytes = 5 * 1024 * 1024

    def initial(self, request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        length = request.META.get("CONTENT_LENGTH") or "0"
        if not length.isdigit() or int(length) > self.most_bytes:
            raise TooLarge


def read(request, body: type[Body]) -> dict[str, Any]:
    """The request's body as its serializer reads it. Raises ValidationError by the field."""
    reader = body(data=request.data)
    reader.is_valid(raise_exception=True)
    return reader.validated_data


def ask(request, query: type[Query]) -> dict[str, Any]:
    """The address's parameters. Raises ValidationError by the parameter; one that stands twice is the last."""
    reader = query(data=request.query_params.dict())
    reader.is_valid(raise_exception=True)
    return reader.validated_data


def require_cursor(cursor: str, rows: QuerySet, order: keyset.Order) -> str:
    """The cursor, where it belongs to this list. A program that pages with a wrong one would begin anew without end."""
    if cursor and keyset.position_of(cursor, rows, order) is None:
        raise serializers.ValidationError({"after": ["not a place in this list"]})
    return cursor


def page(
    request, rows: QuerySet, order: keyset.Order, asked: Mapping[str, Any], render: Callable[[Any], Any], name: str
) -> dict[str, Any]:
    """``{name: [...], "next": the address of the following page or null}``."""
    cursor = require_cursor(asked.get("after", ""), rows, order)
    found = keyset.paginate(rows, order, after=cursor, size=asked["limit"])
    return {name: [render(row) for row in found.rows], "next": next_address(request, found.after)}


def accepted(job: Job, address: str) -> Response:
    """202: work that goes on by itself, and the address where to ask how far it is (``core.shapes.ACCEPTED``)."""
    said = {"job": str(job.public_id), "url": address, "state": job.state}
    return Response(said, status=status.HTTP_202_ACCEPTED, headers={"Location": address})


def exact(amount: Decimal | None) -> str | None:
    """A decimal as text: as a number of JSON it would be read as a float, and an amount would lose its last digits."""
    return None if amount is None else f"{amount:f}"


def next_address(request, cursor: str) -> str | None:
    """This very address with the cursor of the following page; None on the last."""
    if not cursor:
        return None
    kept = {name: value for name, value in request.query_params.dict().items() if name != "after"}
    return request.build_absolute_uri(f"{request.path}?{urlencode({**kept, 'after': cursor})}")
