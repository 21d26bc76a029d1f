"""How many are in: all of them where there are few, else an honest interval from a sample that costs the same for anybody."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from customers.models import Customer, CustomerBase, Subscription
from segmentation import audiences
from segmentation.audiences import counting
from segmentation.conditions import parse
from tenants.scoping import tenant_scope
from tests.segmentation.conditions.people import catalogue_of_everything

CITY = {"field": "city", "is": "equals", "value": "here"}


@pytest.fixture
def crowd(atlas, borealis):
    """600 customers of Atlas, of whom a quarter are here; their keys lie between those of Borealis."""
    for tenant, n in ((borealis, 50), (atlas, 400), (borealis, 100), (atlas, 200)):
        with tenant_scope(tenant):
            people = [
                Customer(external_id=f"{tenant.slug}-{n}-{i}", city="" if tenant == atlas and i % 4 else "here")
                for i in range(n)
            ]
            people = Customer.objects.bulk_create(people)
            Subscription.objects.bulk_create(Subscription(customer=customer, tenure=5) for customer in people)
    with tenant_scope(atlas):
        CustomerBase.objects.create(facts={"customers": 600, "attributes": []})
        yield catalogue_of_everything()


def draw(monkeypatch, most: int) -> None:
    monkeypatch.setattr(counting, "DRAWN", most)
    monkeypatch.setattr(counting, "_FEWEST", most)


def test_few_customers_are_counted_one_by_one(crowd):
    found = audiences.count(parse(CITY, crowd))
    assert (found.customers, found.low, found.high, found.total, found.is_exact) == (150, 150, 150, 600, True)


def test_many_are_estimated_with_an_interval_that_holds_the_truth(crowd, monkeypatch):
    draw(monkeypatch, 400)
    found = audiences.count(parse(CITY, crowd))
    assert not found.is_exact
    assert found.total == 600
    assert 150 < found.looked < 400  # the rest of the keys are another company's
    assert found.low <= 150 <= found.high < 600
    assert found.low <= found.customers <= found.high


def test_sample_is_the_same_at_every_question_and_for_every_rule(crowd, monkeypatch):
    draw(monkeypatch, 300)
    here, elsewhere = audiences.count(parse(CITY, crowd)), audiences.count(parse({"not": CITY}, crowd))
    assert here == audiences.count(parse(CITY, crowd))
    assert here.looked == elsewhere.looked
    assert here.customers + elsewhere.customers in (599, 600, 601)


def test_estimate_of_nobody_has_an_upper_bound(crowd, monkeypatch):
    draw(monkeypatch, 300)
    found = audiences.count(parse({**CITY, "value": "nowhere"}, crowd))
    assert found.customers == found.low == 0 < found.high < 30


def test_customers_named_by_number_are_counted_exactly(crowd, monkeypatch):
    draw(monkeypatch, 300)
    named = {
        "field": "external_id",
        "is": "one_of",
        "value": ["atlas-telecom-400-1", "atlas-telecom-200-0", "borealis-mobile-50-0"],
    }
    found = audiences.count(parse({"all": [named, {"field": "tenure", "is": "known"}]}, crowd))
    assert (found.customers, found.is_exact) == (2, True)
    assert {c.external_id for c in audiences.sample(parse(named, crowd))} == {
        "atlas-telecom-400-1",
        "atlas-telecom-200-0",
    }
    assert not audiences.count(parse({"any": [named, CITY]}, crowd)).is_exact


def test_rule_that_takes_long_is_held_against_the_first_keys_only(crowd, monkeypatch):
    monkeypatch.setattr(counting, "DRAWN", 400)
    monkeypatch.setattr(counting, "_FEWEST", 200)
    monkeypatch.setattr(counting, "_PATIENCE", 1e9)
    whole = audiences.count(parse(CITY, crowd))
    monkeypatch.setattr(counting, "_PATIENCE", 0)
    part = audiences.count(parse(CITY, crowd))
    assert 0 < part.looked < whole.looked
    assert part.high - part.low > whole.high - whole.low


@pytest.mark.parametrize("most", [100, 20_000])
def test_names_are_of_people_who_are_in(crowd, monkeypatch, most):
    draw(monkeypatch, most)
    found = audiences.sample(parse(CITY, crowd), limit=3)
    assert [customer.city for customer in found] == ["here"] * 3
    assert all(customer.external_id.startswith("atlas") for customer in found)


def test_a_count_costs_a_handful_of_questions_whatever_the_rule(crowd, monkeypatch):
    draw(monkeypatch, 200)
    long = {
        "any": [{"all": [{**CITY, "value": f"{i}"}, {"field": "tenure", "is": "less", "value": i}]} for i in range(25)]
    }
    for rule in (CITY, long):
        with CaptureQueriesContext(connection) as asked:
            audiences.count(parse(rule, crowd))
        assert len(asked) <= 5
        assert sum("20" in query["sql"] and "SUM(" in query["sql"] for query in asked) == 1


def test_long_rule_is_held_against_fewer_customers(crowd):
    assert counting._looked_at(parse(CITY, crowd)) == 20_000
    assert counting._looked_at(parse({"any": [CITY] * 50}, crowd)) == 8_000


@pytest.mark.parametrize(
    ("found", "looked", "low", "high"),
    [(0, 20_000, 0, 0.000192), (20_000, 20_000, 0.999808, 1), (50, 100, 0.4038, 0.5962)],
)
def test_interval_is_wilsons(found, looked, low, high):
    assert counting.wilson(found, looked) == pytest.approx((low, high), abs=1e-4)


def test_company_without_customers_has_nobody(atlas_scope):
    tree = parse(CITY, catalogue_of_everything())
    assert audiences.count(tree).customers == 0
    assert audiences.sample(tree) == []
