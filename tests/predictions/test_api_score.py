"""``POST /api/score``: one risk now, for those who may see customers, of their own company only."""

import pytest

from customers.models import Customer
from predictions.models import Score
from tenants.scoping import tenant_scope
from tests.everywhere import every

SCORE = "/api/score"
FIELDS = {"contract": "Month-to-month", "tenure": 2, "monthly_charges": 95.5, "senior_citizen": True}


def ask(client, body):
    return client.post(SCORE, body, content_type="application/json")


@pytest.fixture
def bob_asks(client_for, shared):
    client = client_for(shared.cast.bob)
    return lambda body: ask(client, body)


def test_customer_of_the_base_gets_the_risk_and_reasons_that_were_kept(bob_asks, shared):
    with tenant_scope(shared.cast.atlas):
        kept = Score.objects.filter(run=shared.scored).select_related("customer", "run").order_by("customer_id")[5]
        number, drivers = kept.customer.external_id, kept.drivers
        band = shared.scored.band(kept.risk)
    answer = bob_asks({"customer": number})
    assert answer.status_code == 200
    said = answer.json()
    assert said["risk"] == pytest.approx(kept.risk, abs=1e-9)
    assert (said["band"], said["model"], said["out_of_fold"]) == (band, shared.trained.number, kept.is_out_of_fold)
    assert [(r["field"], r["value"]) for r in said["reasons"]] == [(d["feature"], d["value"]) for d in drivers]


def test_reasons_come_in_the_callers_language(client_for, shared):
    client = client_for(shared.cast.bob)
    english = ask(client, {"fields": FIELDS}).json()["reasons"][0]
    client.post("/language", {"language": "fr"})
    french = ask(client, {"fields": FIELDS}).json()["reasons"][0]
    assert english["field"] == french["field"]
    assert english["sentence"] != french["sentence"]
    assert "risque" in french["sentence"]


def test_stranger_is_scored_by_what_is_told(bob_asks):
    risky = bob_asks({"fields": FIELDS}).json()
    loyal = bob_asks({"fields": {**FIELDS, "contract": "Two year", "tenure": 70}}).json()
    assert 0 < loyal["risk"] < risky["risk"] < 1
    assert risky["out_of_fold"] is False
    assert len(risky["reasons"]) == 3
    assert {r["raises"] for r in risky["reasons"]} <= {True, False}


def test_nothing_need_be_known_of_a_stranger(bob_asks):
    assert 0 < bob_asks({"fields": {}}).json()["risk"] < 1
    assert bob_asks({"fields": {"contract": None, "tenure": None}}).json() == bob_asks({"fields": {}}).json()


def test_nothing_is_stored(bob_asks, shared):
    before = every(Score).count(), every(Customer).count()
    bob_asks({"fields": FIELDS})
    assert (every(Score).count(), every(Customer).count()) == before


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("tenure", "long"),
        ("tenure", True),
        ("tenure", 1e200),
        ("contract", ["x"]),
        ("contract", "x" * 500),
        ("shoe", 1),
    ],
)
def test_fields_that_cannot_be_read_are_named(bob_asks, field, value):
    answer = bob_asks({"fields": {**FIELDS, field: value}})
    assert (answer.status_code, answer["Content-Type"]) == (422, "application/problem+json")
    assert answer.json()["code"] == "invalid_fields"
    assert list(answer.json()["errors"]) == [field]


@pytest.mark.parametrize(
    "body",
    [{}, [], "x", {"customer": 7}, {"customer": "1", "fields": {}}, {"fields": []}, {"fields": {}, "beside": 1}],
)
def test_body_of_another_shape_is_refused(bob_asks, body):
    answer = bob_asks(body)
    assert (answer.status_code, answer["Content-Type"]) == (400, "application/problem+json")


def test_absent_customer_and_another_companys_are_the_same_404(bob_asks, shared):
    with tenant_scope(shared.cast.borealis):
        Customer.objects.create(external_id="THEIRS-1")
    theirs, absent = bob_asks({"customer": "THEIRS-1"}), bob_asks({"customer": "NOBODY-1"})
    assert (theirs.status_code, absent.status_code) == (404, 404)
    assert theirs.json() == absent.json()
    assert [bob_asks({"customer": n}).status_code for n in ("", "x" * 65)] == [404] * 2
    assert bob_asks({"customer": "a\x00b"}).json()["code"] == "unstorable_text"


def test_company_without_a_model_is_told_so(client_for, shared):
    answer = ask(client_for(shared.cast.charlie), {"fields": FIELDS})
    assert (answer.status_code, answer.json()["code"]) == (422, "no_model")


def test_anonymous_is_not_answered(client, shared):
    answer = ask(client, {"fields": FIELDS})
    assert answer.status_code in (401, 403)
    assert answer.json()["code"] == "not_authenticated"


def test_score_is_a_post(client_for, shared):
    assert client_for(shared.cast.bob).get(SCORE).status_code == 405
