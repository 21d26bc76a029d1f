"""Customers for programs: the list with the page's filters, one with score, segment and offer, corrections, erasure."""

from __future__ import annotations

import json

import pytest

from customers import api_customers as writing
from customers.models import Customer, CustomerChange
from customers.services import curation
from predictions.models import Score
from segmentation.models import AllocatedOffer, Allocation, Offer
from tenants.models import AuditEntry
from tenants.scoping import tenant_scope

from .conftest import cost

LIST = "/api/customers"


def send(client, address: str, body: object, method: str = "patch"):
    return getattr(client, method)(address, json.dumps(body), content_type="application/json")


def walk(client, query: str) -> list[dict]:
    """Everybody on the list, page after page."""
    found, address = [], f"{LIST}?{query}"
    for _ in range(100):
        answer = client.get(address)
        assert answer.status_code == 200, answer.content
        found += answer.json()["customers"]
        address = answer.json()["next"]
        if address is None:
            return found
    pytest.fail("paging does not end")


@pytest.fixture
def bob(client_for, shared):
    return client_for(shared.cast.bob)


@pytest.fixture
def omar(client_for, shared):
    return client_for(shared.cast.omar)


@pytest.fixture
def one(shared) -> Customer:
    """A customer whose risk some fact raises."""
    with tenant_scope(shared.cast.atlas):
        score = (
            Score.objects.filter(run=shared.scored).select_related("customer__subscription").order_by("-risk").first()
        )
        return score.customer


# ---------------------------------------------------------------- the list


def test_list_walks_everybody_once_the_riskiest_first(bob, shared):
    rows = walk(bob, "limit=37")
    with tenant_scope(shared.cast.atlas):
        numbers = set(Customer.objects.values_list("external_id", flat=True))
    assert len(rows) == len(numbers)
    assert {row["external_id"] for row in rows} == numbers
    risks = [row["risk"] for row in rows]
    assert risks == sorted(risks, reverse=True)
    assert {row["band"] for row in rows} <= {"high", "medium", "low"}
    assert rows[0]["reason"]["sentence"]


@pytest.mark.parametrize(
    ("query", "fits"),
    [
        ("band=high", lambda row: row["band"] == "high"),
        ("churned=yes", lambda row: row["churn_label"] is True),
        ("contract=Two%20year&sort=-tenure", lambda row: row["contract"] == "Two year"),
        ("tenure_from=10&tenure_to=20", lambda row: 10 <= row["tenure"] <= 20),
        ("charges_from=50", lambda row: float(row["monthly_charges"]) >= 50),
    ],
)
def test_filters_are_the_pages(bob, query, fits):
    narrowed, everybody = walk(bob, f"{query}&limit=100"), walk(bob, "limit=200")
    assert {row["id"] for row in narrowed} == {row["id"] for row in everybody if fits(row)}
    assert 0 < len(narrowed) < len(everybody)


def test_search_finds_by_the_beginning_of_a_number(bob, one):
    assert [row["external_id"] for row in walk(bob, f"q={one.external_id}")] == [one.external_id]


@pytest.mark.parametrize(
    "query",
    [
        "band=purple",
        "sort=email",
        "limit=0",
        "limit=201",
        "limit=many",
        "after=nonsense",
        "tenure_from=20&tenure_to=10",
        "charges_from=1e999",
        "tenant=borealis-mobile",
        "is_staff=1",
        "segment=S99",
        "order_by=risk",
    ],
)
def test_filter_that_cannot_be_used_is_refused_rather_than_passed_over(bob, query):
    answer = bob.get(f"{LIST}?{query}")
    assert (answer.status_code, answer["Content-Type"]) == (400, "application/problem+json")
    assert answer.json()["errors"]


def test_cursor_of_another_order_is_refused(bob):
    after = bob.get(f"{LIST}?limit=5").json()["next"].split("after=")[1]
    assert bob.get(f"{LIST}?limit=5&sort=-charges&after={after}").status_code == 400


def test_longer_page_costs_no_more_questions(bob):
    assert cost(bob, f"{LIST}?limit=200") == cost(bob, f"{LIST}?limit=5")


def test_list_before_any_score_has_customers_without_risk(client_for, shared):
    with tenant_scope(shared.cast.borealis):
        for number in range(3):
            Customer.objects.create(external_id=f"B{number}")
    charlie = client_for(shared.cast.charlie)
    rows = walk(charlie, "limit=2")
    assert [row["external_id"] for row in rows] == ["B0", "B1", "B2"]
    assert {(row["risk"], row["band"], row["reason"], row["monthly_charges"]) for row in rows} == {(None,) * 4}


# ---------------------------------------------------------------- one


def test_one_customer_is_told_with_score_reasons_and_subscription(bob, one, shared):
    for key in (one.external_id, one.public_id):
        said = bob.get(f"{LIST}/{key}").json()
        assert (said["id"], said["external_id"]) == (str(one.public_id), one.external_id)
        assert said["subscription"]["contract"] == one.subscription.contract
        assert said["score"]["model"] == shared.trained.number
        assert said["score"]["band"] in ("high", "medium", "low")
        assert len(said["score"]["reasons"]) == 3
        assert (said["segment"], said["offer"]) == (None, None)


def test_offer_is_what_the_newest_allocation_proposes(bob, one, shared):
    with tenant_scope(shared.cast.atlas):
        offer = Offer.objects.create(name="Ten percent")
        run = Allocation.objects.create(state="succeeded")
        AllocatedOffer.objects.create(
            allocation=run, customer=one, offer=offer, expected_profit=7.5, expected_cost=2.0, kept_chance=0.2
        )
    said = bob.get(f"{LIST}/{one.public_id}").json()["offer"]
    assert (said["id"], said["name"], said["expected_profit"]) == (str(offer.public_id), "Ten percent", 7.5)


def test_absent_and_another_companys_customer_look_the_same(client_for, one, shared):
    charlie = client_for(shared.cast.charlie)
    absent = charlie.get(f"{LIST}/00000000-0000-4000-8000-000000000000")
    assert absent.status_code == 404
    for key in (one.public_id, one.external_id, "x" * 500):
        for address in (f"{LIST}/{key}", f"{LIST}/{key}/history"):
            answer = charlie.get(address)
            assert (answer.status_code, answer.content) == (404, absent.content)
        assert send(charlie, f"{LIST}/{key}", {"reason": "mine", "city": "Québec"}).content == absent.content


# ---------------------------------------------------------------- corrections


def test_correction_is_written_with_its_reason_and_shows_in_the_history(omar, one, shared):
    body = {
        "reason": "told on the phone", "city": "Gafsa", "tenure": 33, "partner": True, "monthly_charges": "12,5",
        "attributes": {"Zone": "Nord", "Points": 3},
    }  # fmt: skip
    answer = send(omar, f"{LIST}/{one.public_id}", body)
    assert answer.status_code == 200
    said = answer.json()
    assert (said["city"], said["partner"], said["attributes"]["Zone"]) == ("Gafsa", True, "Nord")
    assert (said["subscription"]["tenure"], said["subscription"]["monthly_charges"]) == (33, "12.500")
    with tenant_scope(shared.cast.atlas):
        change = CustomerChange.objects.filter(customer=one).latest("pk")
        assert (change.reason, change.actor, change.kind) == ("told on the phone", shared.cast.omar, "correction")
        assert AuditEntry.objects.latest("sequence").verb == "customer_corrected"
    history = omar.get(f"{LIST}/{one.public_id}/history").json()
    assert history["history"][0]["reason"] == "told on the phone"
    assert {"before", "after", "field"} == set(history["history"][0]["changes"][0])


def test_null_empties_a_field_and_takes_an_other_field_away(omar, one):
    send(omar, f"{LIST}/{one.public_id}", {"reason": "x", "city": "Gafsa", "attributes": {"Zone": "Nord", "Points": 3}})
    said = send(
        omar, f"{LIST}/{one.public_id}", {"reason": "x", "city": None, "age": None, "attributes": {"Zone": None}}
    )
    assert (said.json()["city"], said.json()["age"], said.json()["attributes"]) == ("", None, {"Points": 3})


@pytest.mark.parametrize(
    "body",
    [
        {},
        [],
        None,
        {"city": "Gafsa"},
        {"reason": "", "city": "Gafsa"},
        {"reason": 7, "city": "Gafsa"},
        {"reason": "x"},
        {"reason": "x", "tenant": "borealis-mobile"},
        {"reason": "x", "score": 0.1},
        {"reason": "x", "state": "x", "role": "owner", "is_staff": True},
        {"reason": "x", "id": "00000000-0000-4000-8000-000000000000"},
        {"reason": "x", "persona": "Mine"},
        {"reason": "x", "age": 900},
        {"reason": "x", "age": [1]},
        {"reason": "x", "tenure": {"a": 1}},
        {"reason": "x", "city": "a\x00b"},
        {"reason": "x", "city": "\ud800"},
        {"reason": "x\x00", "city": "a"},
        {"reason": "x", "city": "x" * 200},
        {"reason": "x", "external_id": ""},
        {"reason": "x", "attributes": [1]},
        {"reason": "x", "attributes": {"a": {"b": 1}}},
        {"reason": "x", "attributes": {"": 1}},
        {"reason": "x", "attributes": {"a\x00": 1}},
    ],
)
def test_correction_that_cannot_be_is_refused_and_changes_nothing(omar, one, shared, body):
    answer = send(omar, f"{LIST}/{one.public_id}", body)
    assert (answer.status_code, answer["Content-Type"]) == (400, "application/problem+json")
    with tenant_scope(shared.cast.atlas):
        assert not CustomerChange.objects.filter(customer=one).exists()
        again = Customer.objects.get(pk=one.pk)
        assert (again.city, again.attributes, again.external_id) == (one.city, one.attributes, one.external_id)


def test_number_of_another_customer_is_refused(omar, one, shared):
    with tenant_scope(shared.cast.atlas):
        other = Customer.objects.exclude(pk=one.pk).first().external_id
    answer = send(omar, f"{LIST}/{one.public_id}", {"reason": "x", "external_id": other})
    assert (answer.status_code, list(answer.json()["errors"])) == (400, ["external_id"])


def test_who_may_not_correct_or_erase_is_refused(client_for, shared, one):
    for person in (shared.cast.bob, shared.cast.anna):
        assert send(client_for(person), f"{LIST}/{one.public_id}", {"reason": "x", "city": "a"}).status_code == 403
    for person in (shared.cast.bob, shared.cast.anna, shared.cast.omar):
        answer = send(client_for(person), f"{LIST}/{one.public_id}", {"reason": "x"}, "delete")
        assert answer.status_code == 403


def test_admin_erases_a_customer_with_a_reason(client_for, shared, one):
    alice = client_for(shared.cast.alice)
    assert send(alice, f"{LIST}/{one.public_id}", {}, "delete").status_code == 400
    assert send(alice, f"{LIST}/{one.public_id}", {"reason": "asked for it"}, "delete").status_code == 204
    assert alice.get(f"{LIST}/{one.public_id}").status_code == 404
    with tenant_scope(shared.cast.atlas):
        entry = AuditEntry.objects.latest("sequence")
        assert (entry.verb, entry.facts["reason"]) == ("customer_erased", "asked for it")


def test_corrections_of_two_programs_at_once_do_not_undo_each_other(omar, one, shared, monkeypatch):
    address, real = f"{LIST}/{one.public_id}", writing.find_customer

    def find(number):
        """Read by one request, and then corrected by the other."""
        found = real(number)
        monkeypatch.setattr(writing, "find_customer", real)
        assert send(omar, address, {"reason": "x", "attributes": {"Zone": "Nord", "Old": None}}).status_code == 200
        return found

    assert send(omar, address, {"reason": "x", "attributes": {"Old": 1}}).status_code == 200
    monkeypatch.setattr(writing, "find_customer", find)
    said = send(omar, address, {"reason": "x", "attributes": {"Points": 3}}).json()["attributes"]
    assert (said["Zone"], said["Points"]) == ("Nord", 3)
    assert "Old" not in said


def test_number_that_another_program_has_just_given_away_is_taken(omar, one, shared, monkeypatch):
    with tenant_scope(shared.cast.atlas):
        other = Customer.objects.exclude(pk=one.pk).first()
    monkeypatch.setattr(curation, "require_free_number", lambda customer: None)  # it was free when it was looked at
    answer = send(omar, f"{LIST}/{one.public_id}", {"reason": "x", "external_id": other.external_id})
    assert answer.status_code == 400
    assert list(answer.json()["errors"]) == ["external_id"]


def test_customer_is_erased_once_by_two_who_ask_at_once(client_for, shared, one, monkeypatch):
    alice, address, real = client_for(shared.cast.alice), f"{LIST}/{one.public_id}", writing.find_customer

    def find(number):
        """Found by one request, and then erased by the other."""
        found = real(number)
        monkeypatch.setattr(writing, "find_customer", real)
        assert send(alice, address, {"reason": "asked for it"}, "delete").status_code == 204
        return found

    monkeypatch.setattr(writing, "find_customer", find)
    answer = send(alice, address, {"reason": "asked for it"}, "delete")
    assert (answer.status_code, answer.json()["code"]) == (422, "gone")
    with tenant_scope(shared.cast.atlas):
        assert AuditEntry.objects.filter(verb="customer_erased").count() == 1
