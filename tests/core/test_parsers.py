"""A body with a text that no database can hold is refused by its place, before any view reads it."""

import json

import pytest

ADDRESS = "/api/rule-segments/count"


def post(client, text: str):
    return client.post(ADDRESS, text, content_type="application/json")


@pytest.mark.parametrize(
    ("text", "place"),
    [
        (r'{"rule": {"all": [{"field": "city", "is": "equals", "value": "a\u0000b"}]}}', "rule.all.0.value"),
        (r'{"rule": "\ud800"}', "rule"),
        (r'"\udfff"', "the top"),
        (r'["x", ["\ud83d"]]', "1.0"),
        (r'{"rule": {"a\u0000": 1}}', "a name within rule"),
        (r'{"\ud800": 1}', "a name within the top"),
    ],
)
def test_text_that_cannot_be_stored_is_refused_by_its_place(client_for, cast, text, place):
    answer = post(client_for(cast.alice), text)
    assert answer.status_code == 400
    assert answer["Content-Type"] == "application/problem+json"
    assert answer.json() == {
        "status": 400,
        "code": "parse_error",
        "detail": f"The text at {place} has a character that cannot be stored.",
    }


def test_whole_pair_is_one_character_and_is_taken(client_for, cast):
    rule = {"all": [{"field": "city", "is": "equals", "value": "😀"}]}
    assert r"\ud83d\ude00" in json.dumps({"rule": rule})
    assert post(client_for(cast.alice), json.dumps({"rule": rule})).status_code == 200


def test_body_as_deep_as_python_reads_it_is_walked(client_for, cast):
    deep = '{"rule": ' + "[" * 900 + r'"\ud800"' + "]" * 900 + "}"
    answer = post(client_for(cast.alice), deep)
    assert answer.status_code == 400
    assert len(answer.json()["detail"]) < 200
