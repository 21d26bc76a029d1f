"""Two companies with segments of the same names: neither sees, moves nor names anything of the other's."""

import copy
import json

import pytest
from django.db import IntegrityError

from customers.models import Customer
from segmentation import selectors, services
from segmentation.models import AllocatedOffer, Allocation, Assignment, Offer, RuleSegment, Segment, SegmentMembership
from tenants.scoping import tenant_scope
from tests.dashboard.conftest import shown
from tests.house.test_tables import written_at_once

from .company_of_use import bring_in
from .conftest import MANY, divide, made_once, places

THEIRS = 40


@pytest.fixture
def cast(divided_world, db):
    return copy.deepcopy(divided_world.cast)


@pytest.fixture
def divided(divided_world, db, quick_advice):
    return copy.deepcopy(divided_world.run)


@pytest.fixture(scope="module")
def both_world(divided_world, django_db_blocker):
    """Borealis is divided too, into three, by customers of the same numbers."""
    with django_db_blocker.unblock(), made_once():
        with tenant_scope(divided_world.cast.borealis):
            bring_in(THEIRS, kinds=("talker", "texter", "quiet"))
            run = divide(k=3)
        with django_db_blocker.block():
            yield run


@pytest.fixture
def both(both_world, divided):
    return divided, copy.deepcopy(both_world)


ADDRESSES = [
    "/api/cluster_distribution", "/api/feature_importance", "/api/cluster_profiles", "/api/segment_details", "/api/segmentation",
]  # fmt: skip


@pytest.mark.parametrize("address", ADDRESSES)
def test_each_company_is_told_of_its_own(client_for, cast, both, address):
    ours, theirs = (client_for(person).get(address).json() for person in (cast.bob, cast.charlie))
    assert ours != theirs
    told = json.dumps(theirs)
    assert "S3" in told and "S4" not in told and "S5" not in told
    assert "S5" in json.dumps(ours)


def test_sizes_are_those_of_ones_own_customers(client_for, cast, both):
    sizes = [
        sum(client_for(person).get("/api/cluster_distribution").json()["data"]["values"])
        for person in (cast.bob, cast.charlie)
    ]
    assert sizes == [MANY, THEIRS]


def test_one_companys_run_leaves_the_others_in_force(cast, both):
    ours, theirs = both
    with tenant_scope(cast.borealis):
        divide(k=2)
        theirs.refresh_from_db()
        assert not theirs.is_current
    with tenant_scope(cast.atlas):
        ours.refresh_from_db()
        assert ours.is_current and selectors.current_run() == ours
        assert len(places(ours)) == MANY
        assert not Segment.objects.filter(is_retired=True).exists()


def test_personas_are_written_on_ones_own_customers_only(cast, both):
    with tenant_scope(cast.borealis):
        before = dict(Customer.objects.values_list("external_id", "persona"))
    with tenant_scope(cast.atlas):
        services.rename_segment(segment=Segment.objects.get(number=1), persona="Our best", actor=None)
        services.assign_newcomers(assignment_id=services.open_assignment().pk)
    with tenant_scope(cast.borealis):
        assert dict(Customer.objects.values_list("external_id", "persona")) == before
        assert not Assignment.objects.exists()


def test_job_of_another_company_is_not_run(cast, both):
    from core import jobs

    with tenant_scope(cast.atlas):
        run = services.open_run(k=2)
    with tenant_scope(cast.borealis), pytest.raises(jobs.NotClaimable):
        services.refresh_segments(run_id=run.pk)


def test_nothing_of_another_company_is_reached_by_its_address(client_for, cast, both):
    with tenant_scope(cast.atlas):
        run = services.open_run(k=2)
        rule = services.save_rule(
            actor=None, name="Old", rule={"all": [{"field": "age", "is": "at_least", "value": 65}]}
        )
        offer, found = Offer.objects.first(), Allocation.objects.create(state="succeeded")
    client = client_for(cast.charlie)
    for address in (
        f"/segments/runs/{run.public_id}/cancel",
        f"/segments/rules/{rule.public_id}",
        f"/segments/rules/{rule.public_id}/delete",
        f"/segments/offers/{offer.public_id}",
        f"/segments/offers/{offer.public_id}/delete",
        f"/segments/offers/allocations/{found.public_id}/cancel",
    ):
        assert client.post(address, {"name": "x", "conditions": "{}"}).status_code == 404, address
    for address in (
        f"/segments/offers/allocations/{found.public_id}.csv",
        f"/api/rule-segments/{rule.public_id}",
        f"/api/jobs/{run.public_id}",
    ):
        assert client.get(address).status_code == 404, address
    with tenant_scope(cast.atlas):
        run.refresh_from_db()
        assert run.is_open and RuleSegment.objects.exists() and Offer.objects.count() == 5


def test_segment_of_the_same_name_is_ones_own(client_for, cast, both):
    assert (
        client_for(cast.charlie)
        .patch("/api/segments/S5", {"persona": "x"}, content_type="application/json")
        .status_code
        == 404
    )
    assert client_for(cast.charlie).post("/segments/1/persona", {"persona": "Le meilleur"}).status_code == 302
    with tenant_scope(cast.atlas):
        assert Segment.objects.get(number=1).persona == ""


def test_list_by_segment_is_of_ones_own_customers(client_for, cast, both):
    with tenant_scope(cast.borealis):
        ids = {str(one.public_id) for one in Customer.objects.all()}
    found = set(shown(client_for(cast.charlie).get("/clients?segment=S1&churned=all")))
    assert found and found < ids


def test_rule_about_a_segment_finds_ones_own_members(client_for, cast, both):
    rule = {"all": [{"field": "segment", "is": "one_of", "value": ["S1"]}]}
    told = (
        client_for(cast.charlie)
        .post("/api/rule-segments/count", {"rule": rule}, content_type="application/json")
        .json()
    )
    with tenant_scope(cast.borealis):
        assert told["count"] == list(places(both[1]).values()).count("S1") < 20


def test_no_row_points_at_another_companys_row(cast, both):
    with tenant_scope(cast.borealis):
        theirs, segment = Customer.objects.first(), Segment.objects.first()
    with tenant_scope(cast.atlas):
        ours, offer, own = Customer.objects.first(), Offer.objects.first(), Segment.objects.first()
        found = Allocation.objects.create(state="succeeded")
        figures = {"expected_profit": 1, "expected_cost": 1, "kept_chance": 0.1}
    crossings = [
        lambda: SegmentMembership.objects.create(segmentation=both[0], customer=theirs, segment=own),
        lambda: SegmentMembership.objects.create(segmentation=both[1], customer=ours, segment=own),
        lambda: offer.segments.through.objects.create(offer=offer, segment=segment),
        lambda: AllocatedOffer.objects.create(allocation=found, customer=theirs, offer=offer, **figures),
    ]
    for cross in crossings:
        with tenant_scope(cast.atlas), pytest.raises(IntegrityError), written_at_once():
            cross()
