"""What a count from a sample adds up is what the reference says, whatever the rule."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from customers.models import Customer
from segmentation.audiences import counting
from segmentation.conditions import evaluate, parse
from tenants.scoping import tenant_scope
from tests.segmentation.conditions.people import TODAY, catalogue_of_everything, records, rules, scatter


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck), database=None, derandomize=True)
@given(data=st.data())
def test_tally_of_drawn_customers_is_the_references(everything_seen, data):
    everything, seen = everything_seen
    tree = parse(data.draw(rules(everything, seen)), everything)
    drawn = Customer.objects.filter(pk__in=list(seen)[::3]).order_by()
    found = sum(evaluate(tree, seen[key], TODAY) for key in list(seen)[::3])
    assert counting._tally(drawn, tree, TODAY) == (len(list(seen)[::3]), found)


@pytest.fixture
def everything_seen(shared):
    with tenant_scope(shared.cast.atlas):
        scatter()
        everything = catalogue_of_everything()
        yield everything, records(everything, shared.scored)
