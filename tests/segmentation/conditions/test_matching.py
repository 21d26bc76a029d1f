"""The database's answer to a rule is the reference's, for every rule; and of one company only."""

import datetime as dt

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from customers.models import Customer, Subscription
from predictions.models import ScoringRun
from segmentation import audiences
from segmentation.conditions import evaluate, parse
from tenants.scoping import tenant_scope
from tests.segmentation.conditions.people import ODD, TODAY, catalogue_of_everything, records, rules, scatter

quietly = settings(
    max_examples=250, deadline=None, suppress_health_check=list(HealthCheck), database=None, derandomize=True
)


@pytest.fixture
def cast(shared):
    return shared.cast


@pytest.fixture
def scattered(atlas, shared):
    with tenant_scope(atlas):
        scatter()
        everything = catalogue_of_everything()
        yield everything, records(everything, shared.scored)


def found_by(tree) -> set[int]:
    return set(audiences.matching(tree, today=TODAY).values_list("pk", flat=True))


def said_by(tree, seen) -> set[int]:
    return {key for key, record in seen.items() if evaluate(tree, record, TODAY)}


@quietly
@given(data=st.data())
def test_database_answers_as_the_reference_does(scattered, data):
    everything, seen = scattered
    tree = parse(data.draw(rules(everything, seen)), everything)
    assert found_by(tree) == said_by(tree, seen)


def test_every_field_and_operator_is_answered_alike_negated_or_not(scattered):
    everything, seen = scattered
    values = {
        "number": 3, "money": "12.125", "category": "gold", "yes_no": True, "date": "2026-05-15", "text": "TUNIS",
        "segment": "S1",
    }  # fmt: skip
    for field in everything:
        for operator in field.offered:
            value = field.values[0][0] if field.is_closed else values[field.kind]
            value = min(value, field.high) if field.kind == "number" else value
            rule = {"field": field.code, "is": operator}
            if operator in ("one_of", "none_of"):
                rule["value"] = [value]
            elif operator == "between":
                rule["value"] = [value, value]
            elif operator in ("last_days", "next_days"):
                rule["value"] = 45
            elif operator not in ("known", "unknown", "some", "nothing"):
                rule["value"] = value
            for put in (rule, {"not": rule}):
                tree = parse(put, everything)
                found = found_by(tree)
                assert found == said_by(tree, seen), put
        assert len(seen) > 0


def test_whoever_is_not_known_is_in_by_not_and_out_by_the_opposite(scattered):
    everything, seen = scattered
    unknown = {key for key, record in seen.items() if record["age"] is None}
    young = {"field": "age", "is": "less", "value": 30}
    assert unknown
    assert unknown <= found_by(parse({"not": young}, everything))
    assert not unknown & found_by(parse({"field": "age", "is": "at_least", "value": 30}, everything))
    assert not unknown & found_by(parse({"field": "age", "is": "not_equals", "value": 30}, everything))


def test_customers_of_another_company_are_in_no_audience(cast, scattered, borealis):
    everything, seen = scattered
    tree = parse({"not": {"field": ODD and "age", "is": "equals", "value": 149}}, everything)
    assert found_by(tree) == set(seen)


def test_each_company_sees_its_own(cast, shared, atlas, borealis):
    with tenant_scope(borealis):
        theirs = Customer.objects.create(external_id="B-1", city="Tunis", attributes={"Tier": "Gold"})
        Subscription.objects.create(customer=theirs, tenure=5)
        everything = catalogue_of_everything()
        tree = parse(
            {"any": [{"field": "city", "is": "equals", "value": "tunis"}, {"field": "risk", "is": "known"}]}, everything
        )
        assert found_by(tree) == {theirs.pk}
        assert audiences.count(tree).customers == 1
        assert audiences.sample(tree) == [theirs]
    with tenant_scope(atlas):
        assert theirs.pk not in found_by(tree)


def test_without_scope_nothing_is_answered(scattered):
    from django_scopes.exceptions import ScopeError

    from tenants.scoping import current_tenant

    assert current_tenant()
    tree = parse({"field": "age", "is": "known"}, scattered[0])
    import contextvars

    def ask():
        return list(audiences.matching(tree, today=TODAY))

    with pytest.raises(ScopeError):
        contextvars.Context().run(ask)


def test_nobody_is_scored_yet(shared, atlas):
    with tenant_scope(atlas):
        ScoringRun.objects.filter(is_current=True).update(is_current=False)
        everything = catalogue_of_everything()
        high = {"field": "risk_band", "is": "equals", "value": "high"}
        assert found_by(parse(high, everything)) == set()
        assert len(found_by(parse({"not": high}, everything))) == Customer.objects.count()
        assert (
            audiences.count(parse({"any": [high, {"field": "risk", "is": "unknown"}]}, everything)).customers
            == Customer.objects.count()
        )


def test_audience_is_one_question(scattered):
    everything, _seen = scattered
    tree = parse(
        {
            "all": [
                {"field": "tenure", "is": "less", "value": 24},
                {"field": "contract", "is": "known"},
                {"any": [{"field": f"attribute:{ODD}", "is": "more", "value": 1}, {"field": "contacts", "is": "at_least", "value": 1}]},
                {"not": {"field": "last_contact", "is": "last_days", "value": 30}},
            ]
        },
        everything,
    )  # fmt: skip
    with CaptureQueriesContext(
        connection,
    ) as asked:
        list(audiences.matching(tree, today=dt.date(2026, 7, 1)))
    assert len(asked) == 1


def test_catalogue_knows_what_the_company_brought(scattered):
    found = audiences.catalogue()
    assert found["attribute:Tier"].kind == "category"
    assert [value for value, _words in found["segment"].values] == ["S1", "S2", "S3"]
    assert "Month-to-month" in dict(found["contract"].values)
    assert not found["gender"].decides_offer
    assert found["age"].needs_approval and found["senior_citizen"].needs_approval
