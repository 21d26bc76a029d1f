"""``POST /api/customers/<number>/merge``: the back office's merge for programs."""

import pytest

from customers.models import Customer, FormerNumber, Subscription
from tenants.models import AuditEntry
from tenants.scoping import tenant_scope


@pytest.fixture
def two(cast) -> tuple[Customer, Customer]:
    with tenant_scope(cast.atlas):
        kept = Customer.objects.create(
            external_id="A1", first_name="Sami", churn_label=False, attributes={"Region": "South"}
        )
        gone = Customer.objects.create(external_id="A2", first_name="Samy", email="sami@example.com", age=44)
        Subscription.objects.create(customer=gone, contract="Two year", monthly_charges="20.50")
    return kept, gone


def merge(client, number: str = "A1", **body):
    body = {"gone": "A2", "reason": "same passport"} | body
    return client.post(f"/api/customers/{number}/merge", body, content_type="application/json")


def test_dry_run_says_what_would_be_and_writes_nothing(client_for, cast, two):
    answer = merge(client_for(cast.omar), dry_run=True)
    assert answer.status_code == 200
    said = answer.json()
    assert (said["external_id"], said["former_number"], said["dry_run"]) == ("A1", "A2", True)
    differing = {one["field"]: (one["kept"], one["gone"], one["stays"]) for one in said["differing"]}
    assert differing["customer.first_name"] == ("Sami", "Samy", "kept")
    assert differing["customer.email"] == ("", "sami@example.com", "gone")
    assert differing["subscription.monthly_charges"] == (None, "20.500", "gone")
    with tenant_scope(cast.atlas):
        assert Customer.objects.count() == 2 and not FormerNumber.objects.exists()


def test_two_become_one_by_what_the_program_chose(client_for, cast, two):
    client = client_for(cast.omar)
    answer = merge(client, fields={"customer.first_name": "gone", "customer.age": "kept"})
    assert answer.status_code == 200, answer.json()
    with tenant_scope(cast.atlas):
        [merged] = Customer.objects.all()
        assert (merged.external_id, merged.first_name, merged.age, merged.email) == (
            "A1",
            "Samy",
            None,
            "sami@example.com",
        )
        line = AuditEntry.objects.get(verb="customers_merged")
        assert (line.actor, line.facts["reason"]) == (cast.omar, "same passport")
    found = client.get("/api/customers/A2").json()
    assert found["external_id"] == "A1", "the former number finds who stayed"


def test_who_left_and_stayed_must_be_said(client_for, cast, two):
    with tenant_scope(cast.atlas):
        Customer.objects.filter(external_id="A2").update(churn_label=True)
    client = client_for(cast.omar)
    plan = merge(client, dry_run=True).json()
    assert [one["field"] for one in plan["differing"] if one["stays"] is None] == ["customer.churn_label"]
    refused = merge(client)
    assert (refused.status_code, refused.json()["code"]) == (422, "label_conflict")
    assert merge(client, fields={"customer.churn_label": "gone"}).status_code == 200


def test_asked_twice_with_a_key_it_is_done_once(client_for, cast, two):
    client = client_for(cast.omar)
    body = {"gone": "A2", "reason": "same passport"}
    first, again = (
        client.post("/api/customers/A1/merge", body, content_type="application/json", headers={"Idempotency-Key": "m1"})
        for _ in range(2)
    )
    assert first.json() == again.json() and again["Idempotency-Replayed"] == "true"


def test_one_customer_is_not_merged_with_themselves(client_for, cast, two):
    answer = merge(client_for(cast.omar), gone=str(two[0].public_id))
    assert (answer.status_code, answer.json()["code"]) == (422, "same_customer")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"reason": ""}, "reason"), ({"reason": None}, "reason"), ({"gone": 5}, "gone"), ({"fields": {"customer.email": "both"}}, "fields"),
        ({"fields": {"customer.public_id": "gone"}}, "fields"), ({"fields": ["customer.email"]}, "fields"), ({"dry_run": "yes"}, "dry_run"),
        ({"tenant": "x"}, "tenant"),
    ],
)  # fmt: skip
def test_body_is_refused_by_its_field(client_for, cast, two, body, field):
    answer = merge(client_for(cast.omar), **body)
    assert answer.status_code == 400 and field in answer.json()["errors"]
    with tenant_scope(cast.atlas):
        assert Customer.objects.count() == 2


def test_analyst_does_not_merge_and_strangers_are_not_there(client_for, cast, two):
    assert merge(client_for(cast.anna)).status_code == 403
    assert merge(client_for(cast.omar), gone="nobody").status_code == 404
    with tenant_scope(cast.borealis):
        theirs = Customer.objects.create(external_id="B1")
    assert merge(client_for(cast.omar), gone=str(theirs.public_id)).status_code == 404
    assert merge(client_for(cast.charlie), number=str(two[0].public_id), gone="B1").status_code == 404
