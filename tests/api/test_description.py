"""The description is whole: every route, every method, its statuses, its scope; and it is read by who works here."""

from __future__ import annotations

import json
import re

import pytest
from django.core.management import call_command
from drf_spectacular.drainage import GENERATOR_STATS
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.validation import validate_schema

from core import openapi
from tenants import api_keys, permissions
from tenants.models import Membership
from tenants.scoping import tenant_scope
from tests.api import conformance
from tests.house.test_doors import DOORS, is_api

PAGES = {"api/docs"}  # for people
ROUTES = [(path, view) for _name, path, view in DOORS if path.startswith("api/") and path not in PAGES]
METHODS = ("get", "post", "put", "patch", "delete")


def operations() -> dict[tuple[str, str], dict]:
    return {
        (method.upper(), path): operation
        for path, methods in openapi.document()["paths"].items()
        for method, operation in methods.items()
    }


def test_every_route_and_method_of_the_api_is_described():
    there = {(m.upper(), openapi.path_of(path)) for path, view in ROUTES for m in METHODS if hasattr(view.cls, m)}
    assert set(operations()) == there
    assert all(is_api(view) for _path, view in ROUTES), "a route under /api that is no API view"


def test_description_is_valid_and_nothing_was_left_unsaid():
    document = SchemaGenerator().get_schema(request=None, public=True)
    assert not GENERATOR_STATS, "run manage.py spectacular --validate --fail-on-warn"
    validate_schema(document)
    assert document["openapi"] == "3.1.0"


def test_route_that_says_nothing_is_a_warning(monkeypatch):
    from predictions.api import TrainView

    monkeypatch.delattr(TrainView.post, "operation")
    document = SchemaGenerator().get_schema(request=None, public=True)
    assert GENERATOR_STATS
    assert "/api/train" in document["paths"]
    GENERATOR_STATS.reset()


@pytest.mark.parametrize("operation", operations().values(), ids=[f"{m} {p}" for m, p in operations()])
def test_operation_says_what_programs_need(operation):
    assert operation["summary"] and operation["description"]
    assert {"400", "401", "403", "429"} <= set(operation["responses"])
    assert any(int(status) < 400 for status in operation["responses"])
    for status, answer in operation["responses"].items():
        if int(status) >= 400 and "$ref" not in answer:
            assert list(answer["content"]) == ["application/problem+json"]
    [by_key, by_session] = operation["security"]
    assert set(by_key[openapi.KEY]) <= set(permissions.FOR_KEYS) | {"read_api"}
    assert by_session == {openapi.SESSION: []}
    has_key = any(one["name"] == "Idempotency-Key" for one in operation.get("parameters", []))
    assert not has_key or {"409", "422"} <= set(operation["responses"])


def test_identifiers_of_operations_are_each_its_own():
    names = [operation["operationId"] for operation in operations().values()]
    assert len(set(names)) == len(names)
    assert all(re.fullmatch(r"[a-z_]+", name) for name in names)


def test_costly_posts_take_an_idempotency_key():
    taken = {
        key
        for key, said in operations().items()
        if any(p["name"] == "Idempotency-Key" for p in said.get("parameters", []))
    }
    costly = {key for key, said in operations().items() if key[0] == "POST" and "202" in said["responses"]}
    assert costly - taken <= {("POST", "/api/imports/{public_id}/discard")}


def test_command_writes_it_without_a_warning(tmp_path):
    target = tmp_path / "openapi.json"
    call_command("spectacular", "--validate", "--fail-on-warn", "--format", "openapi-json", "--file", str(target))
    assert json.loads(target.read_text())["paths"].keys() == openapi.document()["paths"].keys()


def test_whoever_works_here_reads_it_and_no_stranger(client_for, cast):
    for person in (cast.bob, cast.olfa):
        assert client_for(person).get("/api/schema").json()["info"]["title"] == "ChurnGuard"
        page = client_for(person).get("/api/docs")
        assert page.status_code == 200
        assert b"swagger-ui-bundle.js" in page.content
        assert "no-store" in page.headers["Cache-Control"]
    stranger = client_for(None)
    assert stranger.get("/api/schema").status_code == 401
    assert stranger.get("/api/docs")["Location"].startswith("/sign-in")


def test_any_key_reads_it_whatever_its_scopes(client, cast):
    with tenant_scope(cast.atlas):
        place = Membership.objects.get(user=cast.olfa, tenant=cast.atlas)
        _key, text = api_keys.make_key(membership=place, name="trainer", scopes=["train_models"])
    headers = {"Authorization": f"Bearer {text}"}
    assert client.get("/api/schema", headers=headers).status_code == 200
    assert client.get("/api/models", headers=headers).status_code == 403


def test_page_of_keys_leads_to_it(client_for, cast):
    assert b'href="/api/docs"' in client_for(cast.olfa).get("/workspace/keys").content


def test_answer_that_nobody_documented_is_seen(client_for, cast, monkeypatch):
    """The guard itself: with a status, a field or a kind left out of the description, an honest answer is a fault."""
    from tests.api.conformance import faults

    client = client_for(cast.bob)
    answer = client.get("/api/notifications")
    assert faults("GET", "/api/notifications", answer) == []
    answer.status_code = 203
    assert "not among the documented" in faults("GET", "/api/notifications", answer)[0]
    answer.status_code = 200
    answer.content = b'{"unread": "many", "notifications": []}'
    assert "unread" in faults("GET", "/api/notifications", answer)[0]
    answer.status_code = 404
    assert "instead of application/problem+json" in faults("GET", "/api/notifications", answer)[0]
    monkeypatch.setattr(conformance.openapi, "statuses", lambda route, method: set())
    answer.status_code = 200
    assert "does not know it" in faults("GET", "/api/notifications", answer)[0]
