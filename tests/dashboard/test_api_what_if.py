"""``POST /api/customers/<number>/what-if``: the panel's question for programs, with the same answer."""

import json

import pytest

from customers.models import Customer, Subscription
from predictions.services import outlooks
from tenants.models import AuditEntry
from tenants.scoping import tenant_scope


@pytest.fixture
def cast(shared):
    return shared.cast


@pytest.fixture(autouse=True)
def nothing_kept():
    outlooks._models.clear()


@pytest.fixture
def person(shared, cast) -> Customer:
    with tenant_scope(cast.atlas):
        here = Customer.objects.filter(churn_label=False, subscription__contract="Month-to-month")
        return here.select_related("subscription").order_by("pk")[3]


@pytest.fixture
def bob(client_for, cast):
    return client_for(cast.bob)


def ask(client, customer, changes: object, **more):
    number = customer if isinstance(customer, str) else customer.external_id
    body = json.dumps({"changes": changes, **more})
    return client.post(f"/api/customers/{number}/what-if", body, content_type="application/json")


def test_a_longer_contract_lowers_the_risk_and_nothing_is_stored(bob, cast, person):
    with tenant_scope(cast.atlas):
        lines = AuditEntry.objects.count()
    answer = ask(bob, person, {"contract": "Two year"})
    assert answer.status_code == 200
    said = answer.json()
    assert 0 < said["after"] < said["before"] < 1
    [contract] = [one for one in said["differences"] if one["field"] == "contract"]
    assert contract["is_changed"] and contract["odds"] < 1
    assert said["refused"] == [] and said["model"] == 1
    levers = {one["field"]: one for one in said["levers"]}
    assert levers["contract"]["value"] == "Month-to-month" and "Two year" in levers["contract"]["levels"]
    assert levers["monthly_charges"]["lowest"] < levers["monthly_charges"]["highest"]
    with tenant_scope(cast.atlas):
        assert Subscription.objects.get(customer=person).contract == "Month-to-month"
        assert AuditEntry.objects.count() == lines


def test_it_says_what_the_panel_says(bob, cast, person):
    said = ask(bob, person, {"contract": "Two year", "monthly_charges": 20}).json()
    with tenant_scope(cast.atlas):
        asked = outlooks.ask_what_if(person, {"contract": "Two year", "monthly_charges": 20.0})
    assert (said["before"], said["after"]) == (asked.answer.before, asked.answer.after)


def test_no_change_changes_nothing(bob, person):
    said = ask(bob, person, {}).json()
    assert said["before"] == said["after"] and said["differences"] == []


def test_what_the_model_cannot_speak_about_is_named_and_the_rest_answered(bob, person):
    changes = {
        "contract": "Two year",
        "gender": "Female",
        "nonsense": 1,
        "monthly_charges": "cheap",
        "tech_support": "Maybe",
    }
    said = ask(bob, person, changes).json()
    assert said["after"] < said["before"]
    codes = {one["field"]: one["code"] for one in said["refused"]}
    assert set(codes) == set(changes) - {"contract"}
    assert codes["gender"] == "given" and codes["monthly_charges"] == "not_a_number"
    assert all(one["detail"] for one in said["refused"])


def test_a_number_beyond_what_was_learned_is_called_a_guess(bob, person):
    assert ask(bob, person, {"monthly_charges": 10_000}).json()["guesses"] == ["monthly_charges"]


def test_found_by_our_identifier_too(bob, person):
    assert ask(bob, str(person.public_id), {}).status_code == 200


@pytest.mark.parametrize(
    "changes",
    [None, [], "x", {"contract": True}, {"contract": ["Two year"]}, {"contract": {}}, {"contract": "x" * 201},
     {"monthly_charges": 1e300}, {f"c{n}": 1 for n in range(51)}],
)  # fmt: skip
def test_body_that_is_none_is_refused_by_its_field(bob, person, changes):
    answer = ask(bob, person, changes)
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid")
    assert "changes" in answer.json()["errors"]


@pytest.mark.parametrize("value", ["a\x00", 10**400])
def test_what_nothing_can_hold_is_refused_before_it_is_read(bob, person, value):
    assert ask(bob, person, {"monthly_charges": value}).status_code == 400


def test_not_a_number_is_refused(bob, person):
    body = '{"changes": {"monthly_charges": NaN}}'
    answer = bob.post(f"/api/customers/{person.external_id}/what-if", body, content_type="application/json")
    assert answer.status_code == 400


def test_other_fields_beside_are_refused(bob, person):
    answer = ask(bob, person, {}, store=True)
    assert answer.json()["errors"] == {"store": ["no such field"]}


def test_who_left_is_not_asked_about(bob, cast, shared):
    with tenant_scope(cast.atlas):
        gone = Customer.objects.filter(churn_label=True).first()
    answer = ask(bob, gone, {"contract": "Two year"})
    assert (answer.status_code, answer.json()["code"]) == (422, "no_answer")


def test_another_companys_customer_is_not_there(client_for, cast, person):
    assert ask(client_for(cast.charlie), str(person.public_id), {}).status_code == 404
