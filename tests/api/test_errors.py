"""Whatever goes wrong under /api, and wherever, is told in one shape: problem+json with a status and a code."""

from __future__ import annotations

import json

import pytest
from django.core.cache import cache
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from core import openapi
from tests.api import conformance
from tests.house.test_doors import DOORS, is_api

UNKNOWN = "00000000-0000-4000-8000-000000000000"
METHODS = ("get", "post", "put", "patch", "delete")


def told(answer) -> tuple[int, str]:
    """Status and code of a problem."""
    assert answer.headers["Content-Type"] == conformance.PROBLEM
    body = answer.json()
    assert body["status"] == answer.status_code
    assert body["detail"]
    return answer.status_code, body["code"]


@pytest.fixture
def olfa(client_for, cast):
    return client_for(cast.olfa)


@pytest.mark.parametrize("address", ["/api/nowhere", "/api/jobs/no-identifier", "/api/train/", f"/api/jobs/{UNKNOWN}"])
def test_address_of_nothing_is_a_problem_for_everybody(client_for, olfa, address):
    assert told(olfa.get(address)) == (404, "not_found")
    if address != f"/api/jobs/{UNKNOWN}":  # a stranger is not told what there is
        assert told(client_for(None).get(address)) == (404, "not_found")


def test_method_that_an_address_does_not_have_is_405_for_members_and_401_for_strangers(client_for, olfa):
    seen = 0
    for _name, path, view in DOORS:
        if not is_api(view):
            continue
        address = "/" + path.replace("<uuid:public_id>", UNKNOWN).replace("<int:number>", "1").replace(
            "<str:label>", "S1"
        )
        for method in METHODS:
            if not hasattr(view.cls, method):
                seen += 1
                answer = getattr(olfa, method)(address)
                assert told(answer) == (405, "method_not_allowed"), (method, address)
                allowed = {one.strip() for one in answer.headers["Allow"].split(",")}
                assert allowed - {"HEAD", "OPTIONS"} == {m.upper() for m in METHODS if hasattr(view.cls, m)}
                assert told(getattr(client_for(None), method)(address))[0] == 401
    assert seen > 100


def test_head_is_for_whom_get_is_for(client_for, cast):
    bob = client_for(cast.bob)
    for address in ("/api/notifications", "/api/campaigns", "/api/imports", "/api/offers"):
        assert bob.head(address).status_code == bob.get(address).status_code == 200


def test_stranger_is_told_how_to_show_who_they_are(client_for, db):
    answer = client_for(None).get("/api/notifications")
    assert told(answer) == (401, "not_authenticated")
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")


def test_viewer_is_told_that_the_role_lacks_it(client_for, cast):
    assert told(client_for(cast.bob).post("/api/train")) == (403, "permission_denied")


def test_session_without_its_token_is_told_so(cast):
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(cast.olfa)
    assert told(browser.post("/api/train")) == (403, "csrf_failed")


@pytest.mark.parametrize(
    "kind", ["text/plain", "application/xml", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"]
)
def test_body_of_another_kind_is_415(olfa, kind):
    answer = olfa.generic("POST", "/api/score", "customer=C-1", content_type=kind)
    assert told(answer) == (415, "unsupported_media_type")


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ("{", "parse_error"),
        ('{"a": NaN}', "parse_error"),
        (b"\xff\xfe", "parse_error"),
        ('{"a": "x\\u0000y"}', "unstorable_text"),
        ('{"a": ["b", {"c": "\\ud800"}]}', "unstorable_text"),
        ('{"a\\u0000": 1}', "unstorable_text"),
        ('{"a": 1e999}', "number_out_of_range"),
        ('{"a": 1' + "0" * 400 + "}", "number_out_of_range"),
        ("[" * 100 + "]" * 100, "too_deep"),
        ("[" * 100_000 + "]" * 100_000, "too_deep"),
        ('{"a": 1' + "0" * 5_000 + "}", "parse_error"),
    ],
)  # fmt: skip
def test_body_that_cannot_be_kept_is_refused_at_the_door(olfa, body, code):
    for address in ("/api/score", "/api/findings", "/api/template", "/api/consents", "/api/rule-segments"):
        assert told(olfa.post(address, body, content_type="application/json")) == (400, code), address


@pytest.mark.parametrize("body", ["[]", '"text"', "1", "true", "null", "[{}]"])
def test_body_that_is_no_object_is_400_wherever_one_is_wanted(olfa, body):
    paths = [
        (method, path)
        for path, methods in openapi.document()["paths"].items()
        for method, said in methods.items()
        if "application/json" in said.get("requestBody", {}).get("content", {})
    ]
    assert len(paths) > 15
    for method, path in paths:
        address = path.replace("{public_id}", UNKNOWN).replace("{number}", "1").replace("{label}", "S1")
        answer = olfa.generic(method.upper(), address, body, content_type="application/json")
        wanted = {(400, "invalid")} | ({(404, "not_found")} if "{" in path else set())
        assert told(answer) in wanted, (method, path)


def test_nul_in_an_address_is_refused_to_programs_and_passed_over_by_pages(olfa):
    addresses = (
        "/api/consents?customer=C%00",
        "/api/campaigns?after=%00",
        "/api/segments/S%001",
        "/api/customers/%00/usage",
    )
    for address in (*addresses, "/api/customers?q=%00"):
        assert told(olfa.get(address)) == (400, "unstorable_text"), address
    assert olfa.get("/clients?q=%00").status_code == 200
    assert olfa.get("/clients?q=%2500").status_code == 200  # a per cent sign and two noughts


def test_nul_in_a_form_with_a_file_is_refused(olfa):
    file = SimpleUploadedFile("customers.csv", b"customer_id,churn\nC-1,Yes\n")
    assert told(olfa.post("/api/imports", {"file": file, "sheet": "a\x00b"})) == (400, "unstorable_text")


def test_body_larger_than_is_read_into_memory_is_413(olfa, settings):
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 100
    body = json.dumps({"customer": "C" * 200})
    assert told(olfa.post("/api/score", body, content_type="application/json")) == (413, "too_large")
    settings.UPLOAD_MAX_BYTES = -(1 << 20)
    assert told(olfa.post("/api/score", body, content_type="application/json")) == (413, "too_large")


def test_body_without_its_length_is_411(olfa):
    answer = olfa.generic("POST", "/api/score", headers={"Transfer-Encoding": "chunked"})
    assert told(answer) == (411, "length_required")


def test_what_django_itself_refuses_is_a_problem_too(olfa):
    assert told(olfa.get("/api/notifications", headers={"Host": "elsewhere.example.com"})) == (400, "bad_request")


def test_too_many_requests_are_429_with_the_seconds(olfa, settings):
    cache.clear()
    settings.REST_FRAMEWORK = {**settings.REST_FRAMEWORK, "DEFAULT_THROTTLE_RATES": {"person": "2/min"}}
    answers = [olfa.get("/api/notifications") for _i in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert told(answers[2]) == (429, "throttled")
    assert int(answers[2].headers["Retry-After"]) > 0
    cache.clear()


def test_form_of_answer_does_not_hang_on_what_is_accepted(olfa):
    for accepted in ("text/html", "text/csv", "application/xml"):
        assert olfa.get("/api/notifications", headers={"Accept": accepted}).status_code == 200
    assert olfa.get("/api/notifications?format=xml").status_code == 200


def test_refusal_that_is_given_again_is_the_same_problem(olfa):
    body = {"addresses": ["a@example.com"], "campaign": "none"}
    first, again = (
        olfa.post("/api/suppressions", body, content_type="application/json", headers={"Idempotency-Key": "once"})
        for _i in range(2)
    )
    assert told(first) == told(again)
    assert first.status_code == 422
    assert again.headers["Idempotency-Replayed"] == "true"
    assert again.json() == first.json()


@pytest.mark.parametrize("key", ["é", "a\tb", "x" * 201, " "])
def test_key_that_is_no_plain_text_is_refused(olfa, key):
    answer = olfa.post("/api/train", headers={"Idempotency-Key": key})
    assert told(answer) == (400, "bad_idempotency_key")
