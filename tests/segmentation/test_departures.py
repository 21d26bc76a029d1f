"""Customers who are erased, merged or taken back leave no row of theirs in any segment or allocation."""

import pytest

from customers import services as customers
from customers.models import Customer
from segmentation import selectors, services
from segmentation.models import AllocatedOffer, Allocation, Offer, SegmentMembership
from tenants.scoping import tenant_scope
from tests.conftest import import_file, write_csv

from .company_of_use import bring_in
from .conftest import MANY, divide, places


@pytest.fixture
def allocated(atlas_scope, divided) -> Allocation:
    """An allocation that gave the first two an offer."""
    found = Allocation.objects.create(state="succeeded")
    offer = Offer.objects.create(name="A month free")
    for customer in Customer.objects.order_by("pk")[:2]:
        AllocatedOffer.objects.create(
            allocation=found, customer=customer, offer=offer, expected_profit=1, expected_cost=1, kept_chance=0.1
        )
    return found


def test_erased_customer_leaves_no_place_and_no_offer(allocated, divided, alice):
    customers.erase_customer(customer=Customer.objects.get(external_id="U0000"), actor=alice, reason="asked")
    assert "U0000" not in places(divided) and len(places(divided)) == MANY - 1
    assert [line.customer.external_id for line in allocated.lines.all()] == ["U0001"]
    again = divide()
    assert (again.customers, again.flow["common"]) == (MANY - 1, MANY - 1)


def test_merge_keeps_the_place_of_the_one_who_stays(allocated, divided, alice):
    kept, gone = (Customer.objects.get(external_id=number) for number in ("U0001", "U0002"))
    customers.merge_customers(kept=kept, gone=gone, choices={}, actor=alice, reason="same person")
    belongs = places(divided)
    assert belongs["U0001"] == "S2" and "U0002" not in belongs
    assert SegmentMembership.objects.filter(segmentation=divided).count() == MANY - 1
    assert allocated.lines.count() == 2


def test_merge_into_a_newcomer_gives_them_a_place_with_the_next_newcomers(allocated, divided, alice):
    (kept,) = bring_in(1, first=MANY)
    gone = Customer.objects.get(external_id="U0001")
    customers.merge_customers(kept=kept, gone=gone, choices={}, actor=alice, reason="same person")
    assert allocated.lines.count() == 1
    services.assign_newcomers(assignment_id=services.open_assignment().pk)
    assert selectors.segment_of(Customer.objects.get(pk=kept.pk)).segment.label == "S1"


def test_import_that_is_taken_back_takes_its_customers_places_along(cast, divided, alice, tmp_path):
    with tenant_scope(cast.atlas):
        run = import_file(write_csv(tmp_path / "new.csv", "customerID,age,tenure", "N1,44,3", "N2,71,8"))
        services.assign_newcomers(assignment_id=services.open_assignment().pk)
        assert {"N1", "N2"} <= places(divided).keys()
        customers.undo_import(run=run, actor=alice)
        customers.run_import(import_id=run.pk, follow=False)
        assert not Customer.objects.filter(external_id="N1").exists()
        assert len(places(divided)) == MANY


def test_company_takes_its_segments_with_it(cast, divided):
    from tests.conftest import count_rows

    cast.atlas.delete()
    left = count_rows()
    assert {label: n for label, n in left.items() if label.startswith("segmentation.") and n} == {}
