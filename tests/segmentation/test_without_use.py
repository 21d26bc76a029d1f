"""A workspace without use but with scores: the plan and the risk stand in, and what is at stake follows the scores."""

import csv
import io

import pytest

from churnguard import pipeline
from customers.models import Customer
from segmentation import selectors
from segmentation.models import Assignment, SegmentProfile
from tenants.scoping import tenant_scope
from tests.conftest import CUSTOMERS
from tests.dashboard.conftest import shown

from .conftest import assign, divide, places
from .shapes import DISTRIBUTION, FOUR, IMPORTANCE, PROFILES, SCHEMAS, ask, check
from .test_pages import figure, text_of

WITHOUT_USE = ["tenure", "monthly_charges", "services", "risk"]
SEGMENTS = "/segments"


def test_without_use_the_plan_and_the_risk_stand_in(shared, quick_advice):
    with tenant_scope(shared.cast.atlas):
        run = divide()
        assert run.figures["features"] == ["tenure", "monthly_charges", "services", "risk"]
        assert run.customers == CUSTOMERS
        stakes = [p.stakes for p in selectors.profiles(run)]
        paid = [p.mean_values["monthly_charges"] for p in selectors.profiles(run)]
    assert paid == sorted(paid, reverse=True)
    for found in stakes:
        assert 0 < found["risk"] < 1
        assert sum(found["bands"].values()) == found["customers"]
        assert 0 < found["charges_at_risk"] < found["charges"]


def test_what_is_at_stake_follows_the_scores(shared, quick_advice):
    with tenant_scope(shared.cast.atlas):
        run = divide()
        said = [p.stakes for p in selectors.profiles(run)]
        SegmentProfile.objects.update(stakes={})
        assign()
        assert [p.stakes for p in selectors.profiles(run)] == said and said[0]


def test_scoring_asks_for_the_stakes_anew(shared, quick_advice, monkeypatch):
    rung = []
    monkeypatch.setattr("core.jobs.ring", rung.append)
    with tenant_scope(shared.cast.atlas):
        divide()
        pipeline.place_after_scoring(sender=None)
        assert [type(job) for job in rung] == [Assignment]
        pipeline.place_after_scoring(sender=None, follow=False)
        assert len(rung) == 1


@pytest.mark.parametrize("address", FOUR)
def test_shape_is_the_same_without_use(client_for, shared, quick_advice, address):
    with tenant_scope(shared.cast.atlas):
        divide()
    check(ask(client_for(shared.cast.bob), address), SCHEMAS[address])


def test_workspace_without_use_is_told_by_plan_and_risk(client_for, shared, quick_advice):
    with tenant_scope(shared.cast.atlas):
        divide()
    client = client_for(shared.cast.bob)
    assert ask(client, PROFILES)["data"]["features"] == WITHOUT_USE
    assert [one["feature"] for one in ask(client, IMPORTANCE)["data"]] == WITHOUT_USE
    assert sum(ask(client, DISTRIBUTION)["data"]["values"]) == CUSTOMERS


def test_stakes_are_drawn_where_there_are_scores(client_for, shared, quick_advice):
    with tenant_scope(shared.cast.atlas):
        divide()
    answer = client_for(shared.cast.bob).get(SEGMENTS)
    assert "Charges at risk, a month" in text_of(answer)
    assert len(figure(answer, "stakes-chart")["data"][0]["y"]) == 5


def test_list_is_narrowed_by_segment_and_score_alike(client_for, shared, quick_advice):
    with tenant_scope(shared.cast.atlas):
        run = divide()
        belongs = places(run)
        ids = {c.external_id: str(c.public_id) for c in Customer.objects.all()}
    client = client_for(shared.cast.anna)
    answer = client.get("/clients/export.csv?segment=S3&churned=all")
    rows = list(csv.DictReader(io.StringIO(b"".join(answer.streaming_content).decode("utf-8-sig"))))
    assert {row["customerID"] for row in rows} == {number for number, label in belongs.items() if label == "S3"}
    assert 0 < len(rows) < CUSTOMERS
    page = shown(client.get("/clients?segment=S3&churned=all"))
    assert page and set(page) <= {ids[row["customerID"]] for row in rows}
    both = client.get("/clients/export.csv?segment=S3&band=high&churned=all")
    narrowed = list(csv.DictReader(io.StringIO(b"".join(both.streaming_content).decode("utf-8-sig"))))
    assert {row["customerID"] for row in narrowed} < {row["customerID"] for row in rows}
