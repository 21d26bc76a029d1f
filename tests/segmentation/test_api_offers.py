"""Offers, segments and allocations for programs: one by one, written by who may, of their own company only."""

from __future__ import annotations

import copy
import json

import pytest

from customers.models import Customer
from segmentation.models import AllocatedOffer, Allocation, Offer, Segment
from tenants.models import AuditEntry
from tenants.scoping import tenant_scope

from .conftest import MANY

OFFERS, SEGMENTS, ALLOCATIONS = "/api/offers", "/api/segments", "/api/allocations"
ABSENT = "00000000-0000-4000-8000-000000000000"
WHOLE = {
    "name": "Ten percent",
    "texts": {"fr": "Dix pour cent", "en": "Ten percent off"},
    "channel": "email",
    "cost": "12.5",
    "contact_cost": 1,
    "discount": 0.1,
    "acceptance": 0.2,
    "stock": 50,
    "valid_from": "2026-01-01",
    "valid_until": "2027-01-01",
    "is_active": True,
    "position": 3,
    "segments": ["S1", "S3"],
    "rule": None,
}


def send(client, address: str, body: object = None, method: str = "post", **headers: str):
    return getattr(client, method)(address, json.dumps(body), content_type="application/json", headers=headers)


@pytest.fixture
def cast(divided_world, db):
    return copy.deepcopy(divided_world.cast)


@pytest.fixture
def omar(client_for, cast):
    return client_for(cast.omar)


@pytest.fixture
def offer(omar) -> dict:
    answer = send(omar, OFFERS, WHOLE)
    assert answer.status_code == 201, answer.content
    return answer.json()


# ---------------------------------------------------------------- offers


def test_offer_is_written_read_and_listed(omar, offer):
    assert {name: offer[name] for name in WHOLE if name not in ("cost", "contact_cost")} == {
        name: WHOLE[name] for name in WHOLE if name not in ("cost", "contact_cost")
    }
    assert (offer["cost"], offer["contact_cost"]) == ("12.500", "1.000")
    assert omar.get(offer["url"]).json() == offer
    assert offer in omar.get(OFFERS).json()["offers"]


def test_offer_is_changed_by_what_is_named_and_retired(omar, offer, cast):
    changed = send(omar, offer["url"], {"cost": None, "segments": ["S2"]}, "patch").json()
    assert changed == offer | {"cost": None, "segments": ["S2"]}
    assert send(omar, offer["url"], {"is_active": False}, "patch").json()["is_active"] is False
    with tenant_scope(cast.atlas):
        assert AuditEntry.objects.latest("sequence").verb == "offer_changed"


def test_offer_is_deleted(omar, offer):
    assert send(omar, offer["url"], None, "delete").status_code == 204
    assert omar.get(offer["url"]).status_code == 404


def test_same_key_writes_one_offer(omar, cast):
    answers = [send(omar, OFFERS, {"name": "Once"}, **{"Idempotency-Key": "o1"}) for _ in range(2)]
    assert answers[0].json() == answers[1].json()
    with tenant_scope(cast.atlas):
        assert Offer.objects.filter(name="Once").count() == 1


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"name": ""}, 400),
        ({"name": 7}, 400),
        ({"name": "a\x00"}, 400),
        ({"name": "x" * 121}, 400),
        ({"texts": {"de": "x"}}, 400),
        ({"texts": "x"}, 400),
        ({"channel": "pigeon"}, 400),
        ({"cost": -1}, 400),
        ({"cost": "1e99"}, 400),
        ({"cost": "NaN"}, 400),
        ({"discount": 2}, 400),
        ({"discount": "0.1"}, 400),
        ({"acceptance": True}, 400),
        ({"stock": 1.5}, 400),
        ({"stock": 10**30}, 400),
        ({"valid_from": "soon"}, 400),
        ({"segments": ["S99"]}, 400),
        ({"segments": "S1"}, 400),
        ({"is_active": "yes"}, 400),
        ({"tenant": "borealis-mobile"}, 400),
        ({"age_rule_approved_by": 1}, 400),
        ({"rule": {"field": "\x00"}}, 400),
        ({"rule": "x"}, 422),
        ({"rule": {"field": "nowhere", "is": 1}}, 422),
        ({"valid_from": "2027-01-01", "valid_until": "2026-01-01"}, 422),
        (None, 400),
        ([], 400),
    ],
)
def test_offer_that_cannot_be_is_refused_and_changes_nothing(omar, offer, change, status):
    for method, address in (("patch", offer["url"]), ("post", OFFERS)):
        body = change if not isinstance(change, dict) or method == "patch" else {"name": "Another", **change}
        answer = send(omar, address, body, method)
        assert (answer.status_code, answer["Content-Type"]) == (status, "application/problem+json"), answer.content
    assert omar.get(offer["url"]).json() == offer


def test_name_that_is_taken_is_refused(omar, offer):
    answer = send(omar, OFFERS, {"name": "Ten percent"})
    assert (answer.status_code, answer.json()["code"]) == (422, "name_taken")


def test_who_may_not_edit_offers_is_refused(client_for, cast, offer):
    for person in (cast.bob, cast.anna):
        client = client_for(person)
        assert client.get(offer["url"]).status_code == 200
        assert send(client, OFFERS, {"name": "Mine"}).status_code == 403
        assert send(client, offer["url"], {"name": "Mine"}, "patch").status_code == 403
        assert send(client, offer["url"], None, "delete").status_code == 403


def test_another_companys_offer_is_absent(client_for, cast, omar, offer):
    charlie = client_for(cast.charlie)
    absent = charlie.get(f"{OFFERS}/{ABSENT}")
    answers = [send(charlie, offer["url"], {"name": "Mine"}, method) for method in ("patch", "delete")]
    for answer in (charlie.get(offer["url"]), *answers):
        assert (answer.status_code, answer.content) == (404, absent.content)
    assert omar.get(offer["url"]).json() == offer


# ---------------------------------------------------------------- segments


def test_segments_are_listed_with_their_figures_and_one_is_told_in_words(client_for, cast):
    bob = client_for(cast.bob)
    told = bob.get(SEGMENTS).json()["segments"]
    assert [(one["label"], one["size"], one["percentage"]) for one in told] == [
        (f"S{n}", 20, 20.0) for n in range(1, 6)
    ]
    one = bob.get(told[0]["url"]).json()
    assert {name: one[name] for name in told[0]} == told[0]
    assert one["portrait"].startswith("Customers")
    assert one["mean_values"]


def test_members_are_walked_once_each(client_for, cast):
    bob, found, address = client_for(cast.bob), [], f"{SEGMENTS}/S2/members?limit=7"
    while address:
        told = bob.get(address).json()
        found += [one["external_id"] for one in told["members"]]
        address = told["next"]
    assert len(found) == len(set(found)) == MANY // 5
    assert bob.get(told["members"][0]["url"]).json()["segment"]["label"] == "S2"


@pytest.mark.parametrize("query", ["limit=0", "limit=201", "after=x", "segment=S1"])
def test_wrong_question_about_members_is_refused(client_for, cast, query):
    assert client_for(cast.bob).get(f"{SEGMENTS}/S2/members?{query}").status_code == 400


def test_segment_is_named_by_who_may(client_for, cast, omar):
    answer = send(omar, f"{SEGMENTS}/S2", {"persona": "Night owls"}, "patch")
    assert answer.json() == {"segment": "S2", "persona": "Night owls"}
    assert omar.get(f"{SEGMENTS}/S2").json()["persona"] == "Night owls"
    for body in ({}, [], {"persona": 7}, {"persona": "a\x00"}, {"persona": "x", "number": 9}):
        assert send(omar, f"{SEGMENTS}/S2", body, "patch").status_code == 400
    assert send(client_for(cast.bob), f"{SEGMENTS}/S2", {"persona": "x"}, "patch").status_code == 403


def test_segment_that_is_not_there_or_another_companys_is_absent(client_for, cast):
    with tenant_scope(cast.borealis):
        Segment.objects.create(number=9, label="S9")
    bob = client_for(cast.bob)
    for label in ("S9", "S99"):
        for address in (f"{SEGMENTS}/{label}", f"{SEGMENTS}/{label}/members"):
            assert bob.get(address).status_code == 404
    assert client_for(cast.charlie).get(SEGMENTS).json()["segments"][0]["size"] is None


# ---------------------------------------------------------------- allocations


@pytest.fixture
def allocation(cast, offer) -> Allocation:
    """An allocation of one offer to three customers."""
    with tenant_scope(cast.atlas):
        run = Allocation.objects.create(
            state="succeeded",
            budget="100",
            offers_then=[{"name": "Ten percent"}],
            result={"counts": [3], "bound_by": [""], "marginal": {"code": "no_budget", "enough": 7.0}},
        )
        kept = Offer.objects.get(public_id=offer["id"])
        for profit, customer in enumerate(Customer.objects.order_by("pk")[:3]):
            AllocatedOffer.objects.create(
                allocation=run, customer=customer, offer=kept, expected_profit=profit, expected_cost=1, kept_chance=0.1
            )
        return run


def test_allocations_are_listed_and_one_is_told_with_its_lines(client_for, cast, allocation, offer):
    bob = client_for(cast.bob)
    listed = bob.get(ALLOCATIONS).json()
    assert [(one["id"], one["budget"], one["state"]) for one in listed["allocations"]] == [
        (str(allocation.public_id), "100.000", "succeeded")
    ]
    told = bob.get(listed["allocations"][0]["url"]).json()
    assert told["offers"] == [{"name": "Ten percent", "customers": 3, "bound_by": None}]
    assert told["in_words"]
    first = bob.get(f"{told['lines']}?limit=2").json()
    assert [line["expected_profit"] for line in first["lines"]] == [2.0, 1.0]
    assert first["lines"][0]["offer_id"] == offer["id"]
    last = bob.get(first["next"]).json()
    assert ([line["expected_profit"] for line in last["lines"]], last["next"]) == ([0.0], None)


def test_allocation_that_failed_is_told_with_its_reason(client_for, cast):
    with tenant_scope(cast.atlas):
        run = Allocation.objects.create(state="failed", error_code="no_scores", error_message="Score first.")
    told = client_for(cast.bob).get(f"{ALLOCATIONS}/{run.public_id}").json()
    assert (told["result"], told["lines"], told["error"]["code"]) == (None, None, "no_scores")
    assert client_for(cast.bob).get(f"{ALLOCATIONS}/{run.public_id}/lines").status_code == 404


def test_another_companys_allocation_is_absent(client_for, cast, allocation):
    charlie = client_for(cast.charlie)
    absent = charlie.get(f"{ALLOCATIONS}/{ABSENT}")
    for address in (f"{ALLOCATIONS}/{allocation.public_id}", f"{ALLOCATIONS}/{allocation.public_id}/lines"):
        answer = charlie.get(address)
        assert (answer.status_code, answer.content) == (404, absent.content)
    assert charlie.get(ALLOCATIONS).json() == {"allocations": [], "next": None}
