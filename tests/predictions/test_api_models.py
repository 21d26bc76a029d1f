"""Versions for programs: listed, read whole, put in charge, taken back."""

import pytest

from predictions import selectors
from tenants.scoping import tenant_scope
from tests.predictions.challengers import PAIRED, add_challenger, green, with_gate


@pytest.fixture
def cast(shared):
    return shared.cast


@pytest.fixture
def second(cast):
    """``second(gates)``: a challenger of Atlas."""

    def add(gates=None):
        with tenant_scope(cast.atlas):
            return add_challenger(gates)

    return add


def post(client, address: str, body: dict | None = None, **headers):
    return client.post(address, body or {}, content_type="application/json", headers=headers)


def test_versions_are_listed_newest_first(client_for, cast, second):
    second()
    answer = client_for(cast.bob).get("/api/models")
    found = answer.json()["models"]
    assert [(one["number"], one["in_charge"]) for one in found] == [(2, False), (1, True)]
    assert found[0]["gates"] == {gate["code"]: "passed" for gate in green()}
    assert set(found[0]) >= {"algorithm", "trained_at", "metrics", "url", "rows"}
    assert client_for(cast.bob).get(found[0]["url"]).status_code == 200


def test_card_holds_every_figure_with_its_interval(client_for, cast, shared):
    card = client_for(cast.bob).get("/api/models/1").json()
    assert card["metrics"].keys() == card["intervals"].keys()
    for part in (
        "lift",
        "worried",
        "confusion",
        "slices",
        "fairness",
        "permutation",
        "dependence",
        "candidates",
        "features",
    ):
        assert card[part] == shared.trained.details[part]
    assert all(gate["sentence"].endswith(".") and gate["title"] for gate in card["gates"])
    assert card["promotions"][0]["kind"] == "first"
    assert card["fingerprint"] == shared.trained.fingerprint


def test_green_version_is_put_in_charge_and_taken_back(client_for, cast, second):
    second()
    client = client_for(cast.omar)
    done = post(client, "/api/models/2/promote")
    assert done.status_code == 200
    assert (done.json()["in_charge"], done.json()["before"], done.json()["by"]) == (2, 1, "Omar")
    back = post(client, "/api/models/roll-back", {"reason": "mistaken"})
    assert (back.status_code, back.json()["in_charge"], back.json()["kind"]) == (200, 1, "rolled_back")
    assert back.json()["reason"] == "mistaken"


def test_open_gate_is_a_conflict_until_a_reason_is_given(client_for, cast, second):
    second(with_gate("champion", "issue", "blocks", "worse", **PAIRED))
    client = client_for(cast.omar)
    refused = post(client, "/api/models/2/promote", {"reason": ""})
    assert (refused.status_code, refused.json()["code"]) == (409, "reason_needed")
    assert refused.headers["Content-Type"] == "application/problem+json"
    assert refused.json()["facts"] == {"gates": ["champion"]}
    done = post(client, "/api/models/2/promote", {"reason": "The old one was trained on a wrong file."})
    assert done.json()["open_gates"] == ["champion"]


def test_model_in_charge_already_is_a_conflict(client_for, cast):
    answer = post(client_for(cast.omar), "/api/models/1/promote", {"reason": "again"})
    assert (answer.status_code, answer.json()["code"]) == (409, "already_in_charge")


def test_nothing_to_go_back_to_is_a_conflict(client_for, cast):
    answer = post(client_for(cast.omar), "/api/models/roll-back")
    assert (answer.status_code, answer.json()["code"]) == (409, "nothing_before")


@pytest.mark.parametrize("body", [{"reason": 7}, {"reason": ["x"]}, {"reason": None}])
def test_reason_that_is_no_text_is_refused(client_for, cast, second, body):
    second()
    assert post(client_for(cast.omar), "/api/models/2/promote", body).status_code == 400


def test_same_key_promotes_once(client_for, cast, second):
    second()
    client = client_for(cast.omar)
    first = post(client, "/api/models/2/promote", **{"Idempotency-Key": "monday"})
    again = post(client, "/api/models/2/promote", **{"Idempotency-Key": "monday"})
    assert (again.status_code, again.json()) == (200, first.json())


@pytest.mark.parametrize("address", ["/api/models/2/promote", "/api/models/roll-back"])
def test_deciding_is_for_operators(client_for, cast, second, address):
    second()
    for person in (cast.bob, cast.anna):
        assert post(client_for(person), address, {"reason": "x"}).status_code == 403
    with tenant_scope(cast.atlas):
        assert selectors.champion().number == 1


def test_other_company_finds_nothing(client_for, cast, second):
    second()
    client = client_for(cast.charlie)
    assert client.get("/api/models").json() == {"models": []}
    hers, absent = client.get("/api/models/2"), client.get("/api/models/77")
    assert (hers.status_code, hers.json()) == (absent.status_code, absent.json())
    assert hers.status_code == 404
    assert post(client, "/api/models/2/promote", {"reason": "mine"}).status_code == 404


def test_anonymous_finds_nothing(client, shared):
    for address in ("/api/models", "/api/models/1"):
        assert client.get(address).json()["code"] == "not_authenticated"
