"""The API of campaigns: one call composes, checks and, for who may, starts; where each stands; what is refused and how."""

from __future__ import annotations

import pytest
from django.utils import timezone

from campaigns import services
from campaigns.models import Campaign, Preparation, Recipient
from segmentation.models import Offer
from tenants.scoping import current_tenant, tenant_scope

from .conftest import agree_all, check, compose, launch, write_message

BULK, LIST = "/api/campaign/bulk", "/api/campaigns"


@pytest.fixture
def cast(shared):
    return shared.cast


@pytest.fixture
def atlas(cast):
    with tenant_scope(cast.atlas):
        agree_all()
        write_message()
        Offer.objects.create(tenant=current_tenant(), name="Ten percent", channel="email", discount=0.1)
        Offer.objects.create(tenant=current_tenant(), name="A call", channel="phone")
    return cast.atlas


@pytest.fixture
def running(atlas, cast):
    with tenant_scope(atlas):
        return launch(compose(), cast.omar)


def body(**changes) -> dict:
    wanted = {"name": "Autumn", "audience": {"kind": "risk", "low": 0.0}, "template": "Thanks", **changes}
    return {name: value for name, value in wanted.items() if value is not ...}


def post(client, address: str, data: object = None, **headers):
    return client.post(address, data if data is not None else {}, content_type="application/json", headers=headers)


def only(atlas) -> Campaign:
    with tenant_scope(atlas):
        return Campaign.objects.select_related("message", "offer", "version").get()


def test_one_call_composes_and_has_it_checked(client_for, atlas, cast):
    answer = post(client_for(cast.anna), BULK, body(offer="Ten percent", holdout=0.2, horizon_days=90, per_hour=100))
    found = only(atlas)
    assert answer.status_code == 202
    told = answer.json()
    assert told == {"id": str(found.public_id), "url": answer["Location"], "state": "draft"}
    assert told["url"].endswith(f"/api/campaign/{found.public_id}")
    assert (found.holdout, found.horizon_days, found.per_hour, found.offer.name) == (0.2, 90, 100, "Ten percent")
    assert not found.launches_itself
    with tenant_scope(atlas):
        job = Preparation.objects.get()
        assert job.kind == "check" and job.requested_by == cast.anna
        services.prepare_campaign(preparation_id=job.pk)
    told = client_for(cast.bob).get(answer["Location"]).json()
    assert told["state"] == "checked" and told["checked"]["treated"] > told["checked"]["held_out"] > 0
    assert told["recipients"] == {} and told["launched_at"] is None


def test_launch_is_for_who_may_approve_and_run(client_for, atlas, cast):
    refused = post(client_for(cast.anna), BULK, body(launch=True))
    assert refused.status_code == 403 and refused.json()["code"] == "permission_denied"
    with tenant_scope(atlas):
        assert not Campaign.objects.exists()
    assert post(client_for(cast.omar), BULK, body(launch=True)).status_code == 202
    assert only(atlas).launches_itself


def test_person_who_edits_takes_the_wish_to_launch_back(client_for, atlas, cast):
    post(client_for(cast.omar), BULK, body(launch=True))
    found = only(atlas)
    fields = {"name": "Autumn", "kind": "risk", "by": "bands", "bands": ["high"], "default_language": "fr", "start": "now",
              "message": str(found.message.public_id), "holdout": "10", "horizon_days": "60"}  # fmt: skip
    assert client_for(cast.anna).post(f"/campaigns/{found.public_id}/edit", fields).status_code == 302
    assert not only(atlas).launches_itself


def test_same_key_is_one_campaign(client_for, atlas, cast):
    client = client_for(cast.omar)
    first = post(client, BULK, body(), **{"Idempotency-Key": "k1"})
    again = post(client, BULK, body(), **{"Idempotency-Key": "k1"})
    other = post(client, BULK, body(name="Other"), **{"Idempotency-Key": "k1"})
    assert first.json() == again.json() and again["Idempotency-Replayed"] == "true"
    assert again["Location"] == first["Location"]
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
    only(atlas)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"name": ...}, "name"),
        ({"template": "Nothing like it"}, "template"),
        ({"template": ...}, "template"),
        ({"template": 7}, "template"),
        ({"offer": "A call"}, "offer"),
        ({"audience": "everybody"}, "audience"),
        ({"schedule": "2031-01-01T09:00:00"}, "schedule"),
        ({"schedule": "2031-13-01T09:00:00Z"}, "schedule"),
        ({"holdout": "0.1"}, "holdout"),
        ({"horizon_days": 60.5}, "horizon_days"),
        ({"per_hour": True}, "per_hour"),
        ({"launch": "yes"}, "launch"),
        ({"state": "running"}, "state"),
    ],
)
def test_what_cannot_be_read_is_said_by_the_field(client_for, atlas, cast, changes, field):
    answer = post(client_for(cast.omar), BULK, body(**changes))
    assert answer.status_code == 400
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert list(answer.json()["errors"]) == [field]
    with tenant_scope(atlas):
        assert not Campaign.objects.exists()


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"audience": {"kind": "nonsense"}}, "bad_audience"),
        ({"audience": {"kind": "risk", "low": 0.9, "high": 0.1}}, "bad_audience"),
        ({"audience": {"kind": "segment", "segments": ["S77"]}}, "unknown_segment"),
        ({"audience": {"kind": "rule", "rule_segment": "x"}}, "unknown_rule_segment"),
        ({"audience": {"kind": "list", "numbers": [str(n) for n in range(5_001)]}}, "too_long_a_list"),
        ({"audience": {"kind": "persuadable"}}, "not_proved"),
        ({"holdout": 0.7}, "bad_holdout"),
        ({"horizon_days": 2}, "bad_horizon"),
        ({"default_language": "de"}, "bad_language"),
        ({"rival_template": "Thanks"}, "same_message"),
    ],
)
def test_what_cannot_be_done_has_a_code_and_leaves_nothing(client_for, atlas, cast, changes, code):
    answer = post(client_for(cast.omar), BULK, body(**changes))
    assert (answer.status_code, answer.json()["code"]) == (422, code)
    with tenant_scope(atlas):
        assert not Campaign.objects.exists() and not Preparation.objects.exists()


def test_body_that_is_no_object_is_refused(client_for, atlas, cast):
    for data in ([], "text", 7):
        assert post(client_for(cast.omar), BULK, data).status_code == 400


def test_message_is_named_by_its_identifier_too_but_not_another_companys(client_for, atlas, cast):
    with tenant_scope(cast.borealis):
        theirs = write_message("Theirs")
    client = client_for(cast.omar)
    for name in ("Theirs", str(theirs.public_id)):
        assert post(client, BULK, body(template=name)).status_code == 400
    with tenant_scope(atlas):
        ours = services.save_campaign(actor=None, name="x", message=write_message("Second")).message
    assert post(client, BULK, body(template=str(ours.public_id))).status_code == 202


def test_schedule_is_kept_to_the_moment(client_for, atlas, cast):
    post(client_for(cast.omar), BULK, body(schedule="2031-03-01T09:00:00+01:00"))
    assert only(atlas).scheduled_at.isoformat() == "2031-03-01T08:00:00+00:00"


def test_one_campaign_tells_counts_by_arm_and_state_and_who_is_left_out(client_for, atlas, cast, running):
    told = client_for(cast.bob).get(f"/api/campaign/{running.public_id}").json()
    with tenant_scope(atlas):
        counted = Recipient.objects.filter(arm="holdout").count()
    assert told["state"] == "running"
    assert told["recipients"]["holdout"] == {"held_out": counted}
    assert told["recipients"]["a"] == {"queued": running.checked["treated"]}
    assert told["left_out"] == running.checked["left_out"]
    assert set(told["links"]) == {"page", "pause", "cancel"}


def test_pause_resume_and_cancel(client_for, atlas, cast, running):
    client, address = client_for(cast.omar), f"/api/campaign/{running.public_id}"
    told = post(client, f"{address}/pause").json()
    assert (told["state"], told["why_paused"]["code"]) == ("paused", "person")
    twice = post(client, f"{address}/pause")
    assert (twice.status_code, twice.json()["code"]) == (422, "moved_meanwhile")
    assert post(client, f"{address}/resume").json()["state"] == "running"
    told = post(client, f"{address}/cancel").json()
    assert told["state"] == "cancelled" and set(told["links"]) == {"page"}
    assert told["recipients"]["a"] == {"cancelled": running.checked["treated"]}


def test_viewer_and_analyst_change_nothing(client_for, atlas, cast, running):
    address = f"/api/campaign/{running.public_id}"
    for person in (cast.bob, cast.anna):
        for verb in ("pause", "resume", "cancel"):
            assert post(client_for(person), f"{address}/{verb}").status_code == 403
    assert post(client_for(cast.bob), BULK, body()).status_code == 403
    assert only(atlas).state == "running"


def test_other_company_finds_nothing(client_for, atlas, cast, running):
    client, address = client_for(cast.charlie), f"/api/campaign/{running.public_id}"
    assert client.get(address).status_code == 404
    assert client.get(LIST).json() == {"campaigns": [], "next": None}
    for verb in ("pause", "resume", "cancel"):
        assert post(client, f"{address}/{verb}").status_code == 404
    assert only(atlas).state == "running"


def test_anonymous_is_told_to_sign_in(client, atlas):
    for answer in (client.get(LIST), post(client, BULK, body())):
        assert answer.status_code in (401, 403)
        assert answer.headers["Content-Type"] == "application/problem+json"


def test_list_is_paged_newest_first(client_for, atlas, cast):
    with tenant_scope(atlas):
        message = write_message("Paged")
        for n in range(53):
            compose(name=f"Campaign {n}", message=message)
    client = client_for(cast.bob)
    first = client.get(LIST).json()
    second = client.get(first["next"]).json()
    names = [one["name"] for one in first["campaigns"] + second["campaigns"]]
    assert names == [f"Campaign {n}" for n in reversed(range(53))]
    assert second["next"] is None


def test_whole_way_by_api_up_to_the_check_keeps_no_mail(client_for, atlas, cast):
    post(client_for(cast.omar), BULK, body(launch=False))
    with tenant_scope(atlas):
        found = check(Campaign.objects.get())
        assert found.state == "checked" and found.checked_at <= timezone.now()
        assert not Recipient.objects.exists()
