"""Audiences by rules: saved, changed and deleted by page and by program, with what is wrong at its place, and a live count."""

import json
import re

import pytest

from segmentation import services
from segmentation.models import RuleSegment
from segmentation.services import rules
from tenants.models import AuditEntry
from tenants.scoping import tenant_scope
from tests.dashboard.conftest import cost

from .company_of_use import bring_in

PAGE, NEW, COUNT, API = "/segments/rules", "/segments/rules/new", "/segments/rules/count", "/api/rule-segments"
OLD = {"all": [{"field": "age", "is": "at_least", "value": 65}]}
QUIET = {"any": [{"field": "segment", "is": "one_of", "value": ["S5"]}]}
WRONG = {
    "all": [{"field": "age", "is": "at_least", "value": "many"}, {"field": "shoe_size", "is": "equals", "value": 1}]
}


def text_of(answer) -> str:
    return re.sub(r"\s+", " ", answer.content.decode())


@pytest.fixture
def old(cast) -> RuleSegment:
    with tenant_scope(cast.atlas):
        return services.save_rule(actor=cast.anna, name="The old", rule=OLD)


@pytest.mark.parametrize("page", [PAGE, NEW])
def test_anonymous_is_led_to_sign_in(client, cast, page):
    answer = client.get(page)
    assert (answer.status_code, answer["Location"]) == (302, f"/sign-in?next={page}")


def test_analyst_saves_changes_and_deletes_an_audience(client_for, cast):
    client = client_for(cast.anna)
    assert client.get(NEW).status_code == 200
    answer = client.post(NEW, {"name": "  The \x00  old ", "conditions": json.dumps(OLD)})
    assert (answer.status_code, answer["Location"]) == (302, PAGE)
    with tenant_scope(cast.atlas):
        found = RuleSegment.objects.get()
        assert (found.name, found.rule, found.created_by) == ("The old", OLD, cast.anna)
        assert AuditEntry.objects.get(verb="rule_segment_created").actor == cast.anna
    text = text_of(client.get(PAGE))
    assert "The old" in text and "Age is at least 65." in text
    address = f"{PAGE}/{found.public_id}"
    assert "Age is at least 65." in text_of(client.get(address))
    assert client.post(address, {"name": "The older", "conditions": json.dumps(QUIET)}).status_code == 302
    with tenant_scope(cast.atlas):
        found.refresh_from_db()
        assert (found.name, found.rule) == ("The older", QUIET)
    assert client.post(f"{address}/delete")["Location"] == PAGE
    with tenant_scope(cast.atlas):
        assert not RuleSegment.objects.exists()
        assert AuditEntry.objects.filter(verb="rule_segment_deleted").exists()


def test_viewer_cannot_save_a_rule_segment(client_for, cast, old):
    client = client_for(cast.bob)
    text = text_of(client.get(PAGE))
    assert "The old" in text and NEW not in text and "/delete" not in text
    assert client.get(NEW).status_code == 403
    for address in (NEW, f"{PAGE}/{old.public_id}", f"{PAGE}/{old.public_id}/delete"):
        assert client.post(address, {"name": "x", "conditions": json.dumps(OLD)}).status_code == 403
    with tenant_scope(cast.atlas):
        assert RuleSegment.objects.get().name == "The old"


def test_other_company_reaches_no_rule(client_for, cast, old):
    client = client_for(cast.charlie)
    assert "The old" not in text_of(client.get(PAGE))
    assert client.get(f"{PAGE}/{old.public_id}").status_code == 404
    assert client.post(f"{PAGE}/{old.public_id}", {"name": "x", "conditions": json.dumps(OLD)}).status_code == 404
    assert client.post(f"{PAGE}/{old.public_id}/delete").status_code == 404
    assert client.get(f"{API}/{old.public_id}").status_code == 404
    assert client.delete(f"{API}/{old.public_id}").status_code == 404
    assert client.get(API).json()["rule_segments"] == []


def test_what_is_wrong_is_told_at_its_place_and_what_was_written_stays(client_for, cast):
    answer = client_for(cast.anna).post(NEW, {"name": "Kept", "conditions": json.dumps(WRONG)})
    assert answer.status_code == 422
    text = text_of(answer)
    assert 'data-path="all.0.value" data-code="not_a_number"' in text
    assert 'data-path="all.1.field" data-code="field_unknown"' in text
    assert 'value="Kept"' in text and "shoe_size" in text
    with tenant_scope(cast.atlas):
        assert not RuleSegment.objects.exists()


@pytest.mark.parametrize(
    "conditions", ["", "{", "[]", "null", '{"all": []}', '{"all": {}}', "9" * 5_000, "[" * 100_000]
)
def test_what_is_no_rule_is_a_sentence(client_for, cast, conditions):
    answer = client_for(cast.anna).post(NEW, {"name": "Kept", "conditions": conditions})
    assert answer.status_code == 422
    assert "The rule cannot be used like this yet:" in text_of(answer)


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("", "Give it a name"),
        (" \t ", "Give it a name"),
        ("x" * 121, "Give it a name"),
        ("The old", "of this name already"),
    ],
)
def test_name_that_cannot_be_is_said_at_its_field(client_for, cast, old, name, sentence):
    answer = client_for(cast.anna).post(NEW, {"name": name, "conditions": json.dumps(QUIET)})
    assert answer.status_code == 422
    assert sentence in re.search(r'id="id_name_error">([^<]*)<', text_of(answer))[1]


def test_audiences_are_no_more_than_a_company_may_have(client_for, cast, old, monkeypatch):
    monkeypatch.setattr(rules, "MOST", 1)
    answer = client_for(cast.anna).post(NEW, {"name": "One more", "conditions": json.dumps(OLD)})
    assert answer.status_code == 422 and "delete one first" in text_of(answer)
    assert (
        client_for(cast.anna)
        .post(f"{PAGE}/{old.public_id}", {"name": "New", "conditions": json.dumps(OLD)})
        .status_code
        == 302
    )


def test_count_is_a_fragment_with_a_few_names(client_for, cast, divided):
    client = client_for(cast.bob)
    answer = client.post(COUNT, {"conditions": json.dumps(OLD)})
    text = text_of(answer)
    assert answer.status_code == 200 and "<html" not in text and "<form" not in text
    assert "20 customers" in text and "Person 0004" in text
    assert "20 customers" in text_of(client.post(COUNT, {"conditions": json.dumps(QUIET)}))
    assert client.get(COUNT).status_code == 405


def test_count_of_a_rule_that_is_not_whole_names_the_places(client_for, cast):
    text = text_of(client_for(cast.bob).post(COUNT, {"conditions": json.dumps(WRONG)}))
    assert 'data-path="all.0.value"' in text and "once every condition is complete" in text
    assert "customers</p>" not in text


def test_count_is_of_ones_own_company(client_for, cast, divided):
    text = text_of(client_for(cast.charlie).post(COUNT, {"conditions": json.dumps(OLD)}))
    assert "Person 0" not in text and "0 client" in text and "20 client" not in text


def test_rule_whose_field_has_gone_says_so(client_for, cast):
    with tenant_scope(cast.atlas):
        gone = RuleSegment.objects.create(name="Gone", rule={"all": [{"field": "attribute:Gone", "is": "known"}]})
    assert "your data no longer has" in text_of(client_for(cast.bob).get(PAGE))
    assert client_for(cast.anna).get(f"{PAGE}/{gone.public_id}").status_code == 200
    told = client_for(cast.bob).get(f"{API}/{gone.public_id}").json()
    assert told["count"] is None and told["problems"][0]["path"] == "all.0.field"


def test_list_costs_no_more_for_more_audiences(client_for, cast, old):
    client = client_for(cast.anna)
    few = cost(client, PAGE)
    with tenant_scope(cast.atlas):
        for n in range(8):
            services.save_rule(actor=cast.anna, name=f"Another {n}", rule=OLD)
    assert cost(client, PAGE) == few <= 16


# ---------------------------------------------------------------- for programs


def send(client, body, method="post", address=API, **headers):
    return getattr(client, method)(address, body, content_type="application/json", headers=headers)


def test_program_saves_reads_changes_counts_and_deletes(client_for, cast):
    with tenant_scope(cast.atlas):
        bring_in(20)
    client = client_for(cast.anna)
    made = send(client, {"name": "The old", "rule": OLD})
    assert made.status_code == 201
    address = made.json()["url"]
    told = client_for(cast.bob).get(address).json()
    assert (told["name"], told["rule"], told["count"], told["is_exact"]) == ("The old", OLD, 4, True)
    assert told["low"] == told["high"] == 4 and told["created_by"] == "Anna"
    assert send(client, {"name": "The older", "rule": QUIET}, "put", address).json()["name"] == "The older"
    assert [one["name"] for one in client.get(API).json()["rule_segments"]] == ["The older"]
    assert client.delete(address).status_code == 204
    assert client.get(address).status_code == 404


def test_program_is_offered_the_fields_with_their_operators(client_for, cast):
    fields = {one["field"]: one for one in client_for(cast.bob).get(API).json()["fields"]}
    assert fields["age"]["kind"] == "number" and "between" in fields["age"]["operators"]
    assert fields["risk_band"]["values"] == ["high", "medium", "low"]


def test_program_is_told_every_problem_with_its_path(client_for, cast):
    for answer in (
        send(client_for(cast.anna), {"name": "x", "rule": WRONG}),
        send(client_for(cast.bob), {"rule": WRONG}, address=f"{API}/count"),
    ):
        assert (answer.status_code, answer["Content-Type"]) == (422, "application/problem+json")
        told = answer.json()
        assert told["code"] == "invalid_rule"
        assert [(p["path"], p["code"]) for p in told["facts"]["problems"]] == [
            ("all.0.value", "not_a_number"),
            ("all.1.field", "field_unknown"),
        ]


def test_program_counts_without_keeping(client_for, cast):
    with tenant_scope(cast.atlas):
        bring_in(20)
    told = send(client_for(cast.bob), {"rule": OLD}, address=f"{API}/count").json()
    assert told == {"count": 4, "is_exact": True, "low": 4, "high": 4}
    with tenant_scope(cast.atlas):
        assert not RuleSegment.objects.exists()


@pytest.mark.parametrize(
    "body", [{}, {"name": "x"}, {"rule": OLD}, {"name": 3, "rule": OLD}, {"name": "x", "rule": OLD, "y": 1}, [1]]
)
def test_program_that_sends_something_else_is_told_so(client_for, cast, body):
    answer = send(client_for(cast.anna), body)
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid")


def test_same_key_saves_once(client_for, cast):
    client = client_for(cast.anna)
    first = send(client, {"name": "The old", "rule": OLD}, idempotency_key="again")
    second = send(client, {"name": "The old", "rule": OLD}, idempotency_key="again")
    assert (second.status_code, second.json()) == (201, first.json())
    assert send(client, {"name": "The old", "rule": OLD}).json()["code"] == "name_taken"


def test_program_of_a_viewer_only_reads(client_for, cast, old):
    client, address = client_for(cast.bob), f"{API}/{old.public_id}"
    assert send(client, {"name": "x", "rule": OLD}).status_code == 403
    assert send(client, {"name": "x", "rule": OLD}, "put", address).status_code == 403
    assert client.delete(address).status_code == 403
    assert client.get(address).status_code == 200
    assert client_for(None).get(API).status_code in (401, 403)
