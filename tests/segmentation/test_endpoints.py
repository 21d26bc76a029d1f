"""The four endpoints of the charts, held against their very shapes, and a run for programs."""

import copy

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from segmentation import selectors, services
from segmentation.models import Assignment, Offer, Segment, Segmentation
from tenants.scoping import tenant_scope

from .company_of_use import FEATURES, bring_in
from .conftest import MANY, divide
from .shapes import DETAILS, DISTRIBUTION, FOUR, IMPORTANCE, MOST_POINTS, PROFILES, SCHEMAS, ask, check


@pytest.fixture
def cast(divided_world, db):
    return copy.deepcopy(divided_world.cast)


@pytest.fixture
def divided(divided_world, db, quick_advice):
    return copy.deepcopy(divided_world.run)


@pytest.fixture
def bob_asks(client_for, cast, divided):
    return client_for(cast.bob)


@pytest.mark.parametrize("address", FOUR)
def test_shape_is_the_promised_one(bob_asks, address):
    check(ask(bob_asks, address), SCHEMAS[address])


def test_sizes_stand_beside_their_labels(bob_asks):
    assert ask(bob_asks, DISTRIBUTION)["data"] == {
        "values": [20] * 5, "labels": ["S1", "S2", "S3", "S4", "S5"], "type": "pie",
    }  # fmt: skip


def test_points_are_aligned_of_every_segment_and_of_the_sources_names(bob_asks):
    told = ask(bob_asks, IMPORTANCE)["data"]
    assert [one["feature"] for one in told] == FEATURES
    for feature in told:
        assert len(feature["values"]) == len(feature["segments"]) == MANY
        assert set(feature["segments"]) == {"S1", "S2", "S3", "S4", "S5"}
    spend = told[1]
    paid = {
        name: [v for v, s in zip(spend["values"], spend["segments"], strict=True) if s == name] for name in ("S1", "S5")
    }
    assert min(paid["S1"]) > max(paid["S5"])


def test_points_are_at_most_two_thousand_and_even_over_segments(client_for, cast, quick_advice):
    with tenant_scope(cast.borealis):
        bring_in(2_100)
        divide()
    told = ask(client_for(cast.charlie), IMPORTANCE)["data"]
    for feature in told:
        counts = {label: feature["segments"].count(label) for label in set(feature["segments"])}
        assert 1_800 <= len(feature["values"]) <= MOST_POINTS
        assert max(counts.values()) - min(counts.values()) <= 2, "five kinds of one size are drawn alike"


def test_profiles_are_a_row_of_means_for_each_segment(bob_asks, cast, divided):
    told = ask(bob_asks, PROFILES)["data"]
    assert told["features"] == FEATURES
    assert told["segments"] == ["S1", "S2", "S3", "S4", "S5"]
    assert len(told["profiles"]) == len(told["scaled"]) == 5
    assert all(len(row) == len(FEATURES) for row in told["profiles"] + told["scaled"])
    details = ask(bob_asks, DETAILS)
    for label, row in zip(told["segments"], told["profiles"], strict=True):
        assert details[label]["mean_values"] == dict(zip(FEATURES, row, strict=True))


def test_percentages_sum_to_a_hundred_whatever_the_sizes(client_for, cast, quick_advice):
    with tenant_scope(cast.borealis):
        bring_in(37)
        divide(k=3)
        sizes = [p.size for p in selectors.profiles(selectors.current_run())]
    told = ask(client_for(cast.charlie), DETAILS)
    assert round(sum(one["percentage"] for one in told.values()), 6) == 100
    assert [one["size"] for one in told.values()] == sizes and sum(sizes) == 37


def test_offer_is_the_segments_first_in_use_in_the_readers_language(bob_asks, cast, divided):
    assert ask(bob_asks, DETAILS)["S2"]["offer"] == "One month free after six, for staying with the plan you have."
    cast.bob.locale = "fr"
    cast.bob.save()
    assert ask(bob_asks, DETAILS)["S2"]["offer"].startswith("Un mois offert")
    with tenant_scope(cast.atlas):
        Offer.objects.filter(segments__number=2).update(is_active=False)
    assert ask(bob_asks, DETAILS)["S2"]["offer"] == ""


@pytest.mark.parametrize("address", FOUR)
def test_customers_are_not_scanned(bob_asks, cast, address):
    bob_asks.get(address)
    with CaptureQueriesContext(connection) as asked:
        assert bob_asks.get(address).status_code == 200
    said = [query["sql"] for query in asked]
    assert not [sql for sql in said if "customers_customer" in sql or "segmentmembership" in sql]
    assert len(said) <= 8
    with tenant_scope(cast.atlas):
        bring_in(60, first=MANY)
        divide(k=8)
    with CaptureQueriesContext(connection) as more:
        bob_asks.get(address)
    assert len(more) == len(said), "neither customers nor segments make it dearer"


@pytest.mark.parametrize("address", FOUR)
def test_who_is_nobody_gets_nothing(client, cast, divided, address):
    answer = client.get(address)
    assert answer.status_code in (401, 403)
    assert answer["Content-Type"] == "application/problem+json"
    assert client.post(address).status_code in (401, 403)


@pytest.mark.parametrize("address", FOUR)
def test_endpoints_are_read_only(bob_asks, address):
    assert bob_asks.post(address, {}).status_code in (403, 405)


# ---------------------------------------------------------------- a run, for programs

RUN = "/api/segmentation"


def test_program_reads_the_run(bob_asks):
    told = ask(bob_asks, RUN)["segmentation"]
    assert set(told) == {
        "finished_at", "customers", "k", "features", "importance", "imputed", "set_aside", "segments", "moves", "advice",
        "has_clusters",
    }  # fmt: skip
    assert (told["customers"], told["k"], told["moves"], told["has_clusters"]) == (MANY, 5, None, None)
    assert told["segments"][0]["label"] == "S1" and told["segments"][0]["portrait"].startswith("Customers with ")


def post(client, body, **headers):
    return client.post(RUN, body, content_type="application/json", headers=headers)


def test_program_divides_anew(client_for, cast, divided):
    client = client_for(cast.anna)
    answer = post(client, {"k": 3, "features": ["age", "volume_data"]})
    assert answer.status_code == 202
    assert answer["Location"] == answer.json()["url"]
    with tenant_scope(cast.atlas):
        run = selectors.open_run()
        assert (run.k, run.features, run.requested_by) == (3, ["age", "volume_data"], cast.anna)
    job = client.get(answer.json()["url"])
    assert (job.status_code, job.json()["state"]) == (200, "queued")
    assert post(client, {}).json()["job"] == answer.json()["job"], "one is open at a time"
    with tenant_scope(cast.atlas):
        services.refresh_segments(run_id=run.pk, follow=False)
    assert client.get(answer.json()["url"]).json()["state"] == "succeeded"
    assert ask(client, RUN)["segmentation"]["features"] == ["age", "volume_data"]


def test_same_key_divides_once(client_for, cast, divided):
    client = client_for(cast.anna)
    first = post(client, {"k": 3}, idempotency_key="again")
    with tenant_scope(cast.atlas):
        services.refresh_segments(run_id=selectors.open_run().pk, follow=False)
    second = post(client, {"k": 3}, idempotency_key="again")
    assert second.json() == first.json() and second["Idempotency-Replayed"] == "true"
    with tenant_scope(cast.atlas):
        assert Segmentation.objects.count() == 2


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"features": ["shoe_size"]}, 422, "unknown_feature"),
        ({"k": 1}, 422, "bad_k"),
        ({"k": 11}, 422, "bad_k"),
        ({"k": "four"}, 400, "invalid"),
        ({"k": True}, 400, "invalid"),
        ({"k": 2.5}, 400, "invalid"),
        ({"features": "age"}, 400, "invalid"),
        ({"features": [1]}, 400, "invalid"),
        ({"tenant": 3}, 400, "invalid"),
        ([1], 400, "invalid"),
    ],
)
def test_what_cannot_be_asked_is_a_problem_with_a_code(client_for, cast, divided, body, status, code):
    answer = post(client_for(cast.anna), body)
    assert (answer.status_code, answer["Content-Type"]) == (status, "application/problem+json")
    assert answer.json()["code"] == code
    with tenant_scope(cast.atlas):
        assert selectors.open_run() is None


def test_viewer_cannot_divide_anew(client_for, cast, divided):
    assert post(client_for(cast.bob), {}).status_code == 403


def test_program_names_a_segment_and_its_customers_get_the_name(client_for, cast, divided):
    address, name = "/api/segments/S1", {"persona": "Our best"}
    client = client_for(cast.omar)
    answer = client.patch(address, name, content_type="application/json")
    assert (answer.status_code, answer.json()) == (200, {"segment": "S1", "persona": "Our best"})
    with tenant_scope(cast.atlas):
        assert Segment.objects.get(number=1).persona == "Our best"
        assert Assignment.objects.get().requested_by == cast.omar
    taken = client.patch("/api/segments/S2", name, content_type="application/json")
    assert (taken.status_code, taken.json()["code"]) == (422, "persona_taken")
    assert client.patch("/api/segments/S9", name, content_type="application/json").status_code == 404
    for wrong in ({}, {"persona": 3}, {"persona": "x", "number": 4}, ["x"]):
        assert client.patch(address, wrong, content_type="application/json").status_code == 400, wrong
    for person in (cast.bob, cast.anna):
        assert client_for(person).patch(address, name, content_type="application/json").status_code == 403
