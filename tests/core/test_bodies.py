"""Bodies and queries of programs: what is named is read as it was meant, all else is refused."""

from __future__ import annotations

import json

import pytest
from rest_framework.exceptions import ValidationError
from rest_framework.test import APIRequestFactory
from rest_framework.views import APIView

from core import bodies


class Asked(bodies.Body):
    name = bodies.Text(max_length=10)
    many = bodies.Whole(required=False, min_value=0)
    share = bodies.Number(required=False, allow_null=True)
    sure = bodies.Yes(required=False)
    rule = bodies.Plain(required=False)


def asked(data: object) -> dict:
    reader = Asked(data=data)
    reader.is_valid(raise_exception=True)
    return reader.validated_data


def test_what_is_named_is_read():
    said = {"name": "Zoë", "many": 0, "share": 1, "sure": False, "rule": {"all": [1, "x", None]}}
    assert asked(said) == {**said, "share": 1.0}
    assert asked({"name": "x", "share": None}) == {"name": "x", "share": None}


@pytest.mark.parametrize(
    ("said", "field"),
    [
        ([], "body"),
        ("x", "body"),
        (None, "non_field_errors"),
        ({}, "name"),
        ({"name": "x", "tenant": 1}, "tenant"),
        ({"name": 12}, "name"),
        ({"name": True}, "name"),
        ({"name": "x" * 11}, "name"),
        ({"name": "a\x00"}, "name"),
        ({"name": "\ud800"}, "name"),
        ({"name": "x", "many": "1"}, "many"),
        ({"name": "x", "many": True}, "many"),
        ({"name": "x", "many": 1.0}, "many"),
        ({"name": "x", "many": -1}, "many"),
        ({"name": "x", "share": "0.5"}, "share"),
        ({"name": "x", "share": float("nan")}, "share"),
        ({"name": "x", "share": float("inf")}, "share"),
        ({"name": "x", "sure": "true"}, "sure"),
        ({"name": "x", "sure": 1}, "sure"),
        ({"name": "x", "rule": {"a\x00": 1}}, "rule"),
        ({"name": "x", "rule": ["\udfff"]}, "rule"),
        ({"name": "x", "rule": [float("nan")]}, "rule"),
    ],
)
def test_what_is_not_meant_so_is_refused_by_its_field(said, field):
    with pytest.raises(ValidationError) as refused:
        asked(said)
    assert list(refused.value.detail) == [field]


def test_what_is_nested_without_end_is_not_stored():
    deep: object = 1
    for _ in range(100):
        deep = [deep]
    assert not bodies.is_storable(deep)
    assert bodies.is_storable({"a": [{"b": "ok"}]})


def test_next_address_keeps_the_question_and_replaces_the_cursor():
    request = APIView().initialize_request(APIRequestFactory().get("/api/things?limit=5&band=high&after=old"))
    assert bodies.next_address(request, "new").endswith("/api/things?limit=5&band=high&after=new")
    assert bodies.next_address(request, "") is None


@pytest.mark.parametrize("query", ["limit=0", "limit=201", "limit=x", "page=2"])
def test_query_that_cannot_be_used_is_refused(query):
    request = APIView().initialize_request(APIRequestFactory().get(f"/api/things?{query}"))
    with pytest.raises(ValidationError):
        bodies.ask(request, bodies.PageQuery)
    assert json.dumps(bodies.ask(APIView().initialize_request(APIRequestFactory().get("/")), bodies.PageQuery)) == (
        '{"limit": 50}'
    )
