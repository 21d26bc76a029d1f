"""Two customers become one: what campaigns and the ledger know of the one who goes passes to the one who stays."""

from __future__ import annotations

import pytest

from campaigns.models import Campaign, ConsentEntry, Recipient
from campaigns.services import consent
from customers import services as customers
from customers.models import Customer
from tenants.scoping import current_tenant

from .conftest import compose


@pytest.fixture
def two(atlas_scope):
    tenant = current_tenant()
    return [Customer.objects.create(tenant=tenant, external_id=n, email=f"{n}@example.com") for n in ("stays", "goes")]


def place(campaign: Campaign, customer: Customer, state: str) -> Recipient:
    return Recipient.objects.create(
        tenant=current_tenant(), campaign=campaign, customer=customer, arm="a", state=state, language="fr",
        address=customer.email, address_key=f"{customer.pk:032x}",
    )  # fmt: skip


def merge(stays: Customer, goes: Customer, actor) -> None:
    customers.merge_customers(kept=stays, gone=goes, choices={}, reason="the same person twice", actor=actor)


def test_places_in_campaigns_pass_on_where_there_is_none(two, alice, django_capture_on_commit_callbacks):
    stays, goes = two
    both, only_theirs = compose(name="Both"), compose(name="Theirs")
    place(both, stays, "sent"), place(both, goes, "held_out"), place(only_theirs, goes, "sent")
    merge(stays, goes, alice)
    found = Recipient.objects.filter(customer=stays).values_list("campaign__name", "state").order_by("campaign__name")
    assert list(found) == [("Both", "sent"), ("Theirs", "sent")]
    assert Recipient.objects.count() == 2


def test_a_refusal_of_the_one_who_goes_holds_for_the_one_who_stays(two, alice):
    stays, goes = two
    consent.record_consent(customers=[stays.pk], is_granted=True, source="contract")
    consent.record_consent(customers=[goes.pk], is_granted=False, source="person", actor=alice)
    merge(stays, goes, alice)
    assert consent.consented(stays.pk, stays.pk) == {stays.pk: False}
    assert ConsentEntry.objects.count() == 2
