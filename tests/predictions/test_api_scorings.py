"""Scorings and scores for programs: the runs, everybody scored anew, and who has which risk now."""

from __future__ import annotations

import json

import pytest

from predictions.models import Score, ScoringRun
from tenants.scoping import tenant_scope

SCORINGS, SCORES = "/api/scorings", "/api/scores"


def start(client, body: object = None, **headers: str):
    return client.post(
        SCORINGS, json.dumps({} if body is None else body), content_type="application/json", headers=headers
    )


@pytest.fixture
def bob(client_for, shared):
    return client_for(shared.cast.bob)


@pytest.fixture
def anna(client_for, shared):
    return client_for(shared.cast.anna)


def test_scorings_are_listed_and_one_is_told(bob, shared):
    told = bob.get(SCORINGS).json()
    assert told["next"] is None
    (run,) = told["scorings"]
    assert (run["id"], run["state"], run["is_current"]) == (str(shared.scored.public_id), "succeeded", True)
    assert (run["model"], run["scored"], run["bands"]) == (
        shared.trained.number,
        shared.scored.scored,
        shared.scored.bands,
    )
    assert bob.get(run["url"]).json() == run


def test_everybody_is_scored_anew_by_one_job(anna, shared):
    first, again = start(anna), start(anna)
    assert (first.status_code, again.status_code) == (202, 202)
    assert first.json()["job"] == again.json()["job"]
    assert anna.get(first["Location"]).json()["kind"] == "scoring"
    with tenant_scope(shared.cast.atlas):
        assert ScoringRun.objects.latest("pk").requested_by == shared.cast.anna


def test_scoring_without_a_model_is_refused(client_for, shared):
    answer = start(client_for(shared.cast.charlie))
    assert (answer.status_code, answer.json()["code"]) == (422, "no_model")


@pytest.mark.parametrize("body", [[], "x", {"state": "succeeded"}, {"tenant": "x"}])
def test_wrong_body_is_refused_and_opens_nothing(anna, shared, body):
    assert start(anna, body).status_code == 400
    with tenant_scope(shared.cast.atlas):
        assert ScoringRun.objects.count() == 1


def test_viewer_cannot_start_and_another_companys_scoring_is_absent(bob, client_for, shared):
    assert start(bob).status_code == 403
    charlie = client_for(shared.cast.charlie)
    absent = charlie.get(f"{SCORINGS}/00000000-0000-4000-8000-000000000000")
    answer = charlie.get(f"{SCORINGS}/{shared.scored.public_id}")
    assert (answer.status_code, answer.content) == (404, absent.content)
    assert charlie.get(SCORINGS).json() == {"scorings": [], "next": None}
    assert charlie.get(SCORES).json() == {"scoring": None, "scores": [], "next": None}


def test_scores_are_walked_once_each_in_order(bob, shared):
    found, address = [], f"{SCORES}?limit=77&sort=risk"
    while address:
        told = bob.get(address).json()
        found += told["scores"]
        address = told["next"]
    with tenant_scope(shared.cast.atlas):
        kept = dict(Score.objects.filter(run=shared.scored).values_list("customer__external_id", "risk"))
    assert {one["customer"]: one["risk"] for one in found} == kept
    assert len(found) == len(kept)
    assert [one["risk"] for one in found] == sorted(kept.values())
    assert all(len(one["drivers"]) == 3 for one in found)


def test_scores_of_a_band_are_only_those(bob, shared):
    told = bob.get(f"{SCORES}?band=high&limit=200").json()
    assert 0 < len(told["scores"]) == shared.scored.bands["high"]
    assert {one["band"] for one in told["scores"]} == {"high"}


@pytest.mark.parametrize("query", ["band=purple", "sort=email", "limit=0", "after=x", "run=1"])
def test_wrong_question_about_scores_is_refused(bob, query):
    answer = bob.get(f"{SCORES}?{query}")
    assert (answer.status_code, answer["Content-Type"]) == (400, "application/problem+json")
