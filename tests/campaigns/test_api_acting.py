"""Campaigns for programs, step by step: each step by who may take it, in its state, of the own company only."""

from __future__ import annotations

import pytest

from campaigns.models import Campaign, Preparation, Recipient
from segmentation.models import Offer
from tenants.models import AuditEntry
from tenants.scoping import current_tenant, tenant_scope

from .conftest import agree_all, check, compose, launch, write_message

LIST = "/api/campaigns"
BODY = {"name": "Autumn", "audience": {"kind": "risk", "low": 0.0}, "template": "Thanks", "holdout": 0.2}


@pytest.fixture
def cast(shared):
    return shared.cast


@pytest.fixture
def atlas(cast):
    with tenant_scope(cast.atlas):
        agree_all()
        write_message()
        Offer.objects.create(tenant=current_tenant(), name="Ten percent", channel="email", discount=0.1)
    return cast.atlas


@pytest.fixture
def anna(client_for, cast, atlas):
    return client_for(cast.anna)


@pytest.fixture
def omar(client_for, cast, atlas):
    return client_for(cast.omar)


@pytest.fixture
def draft(anna) -> str:
    """The address of a draft."""
    answer = send(anna, LIST, BODY)
    assert answer.status_code == 201, answer.content
    return answer["Location"]


def send(client, address: str, body: object = None, method: str = "post", **headers: str):
    data = {} if body is None else body
    return getattr(client, method)(address, data, content_type="application/json", headers=headers)


def newest(atlas) -> Campaign:
    with tenant_scope(atlas):
        return Campaign.objects.latest("pk")


def test_draft_is_composed_and_nobody_is_looked_for(anna, draft, atlas):
    told = anna.get(draft).json()
    assert (told["name"], told["state"], told["holdout"], told["template"]) == ("Autumn", "draft", 0.2, "Thanks")
    assert {"check", "cancel"} <= set(told["links"])
    with tenant_scope(atlas):
        assert not Preparation.objects.exists()


def test_draft_is_changed_by_what_is_named_and_null_takes_away(anna, draft):
    told = send(anna, draft, {"name": "Winter", "offer": "Ten percent", "per_hour": 100}, "patch").json()
    assert (told["name"], told["offer"], told["per_hour"], told["holdout"]) == ("Winter", "Ten percent", 100, 0.2)
    told = send(anna, draft, {"offer": None, "per_hour": None}, "patch").json()
    assert (told["name"], told["offer"], told["per_hour"]) == ("Winter", None, None)


def test_draft_is_deleted_and_copied(anna, draft, atlas):
    copied = send(anna, f"{draft}/copy")
    assert (copied.status_code, copied.json()["name"], copied.json()["state"]) == (201, "Autumn (2)", "draft")
    assert anna.delete(draft).status_code == 204
    assert anna.get(draft).status_code == 404
    assert anna.get(copied.json()["url"]).status_code == 200


def test_campaign_goes_from_draft_to_launch_step_by_step(anna, omar, draft, atlas, cast):
    checked = send(anna, f"{draft}/check")
    assert (checked.status_code, checked.json()["job"]["kind"]) == (202, "check")
    with tenant_scope(atlas):
        check(newest(atlas))
    assert send(anna, f"{draft}/approve").status_code == 403
    assert set(omar.get(draft).json()["links"]) >= {"approve", "check"}
    assert send(omar, f"{draft}/approve", {"despite": "a server of the test's own"}).json()["state"] == "approved"
    assert send(omar, f"{draft}/withdraw").json()["state"] == "draft"
    with tenant_scope(atlas):
        check(newest(atlas))
    send(omar, f"{draft}/approve", {"despite": "a server of the test's own"})
    launched = send(omar, f"{draft}/launch", **{"Idempotency-Key": "l1"})
    assert (launched.status_code, launched.json()["state"]) == (202, "launching")
    again = send(omar, f"{draft}/launch", **{"Idempotency-Key": "l1"})
    assert again.json() == launched.json()
    with tenant_scope(atlas):
        assert Preparation.objects.filter(kind=Preparation.Kind.LAUNCH).count() == 1
        verbs = set(AuditEntry.objects.values_list("verb", flat=True))
        assert {"campaign_created", "campaign_approved", "campaign_withdrawn", "campaign_launched"} <= verbs


@pytest.mark.parametrize("verb", ["approve", "withdraw", "launch"])
def test_step_out_of_turn_is_refused(omar, draft, verb):
    answer = send(omar, f"{draft}/{verb}")
    assert (answer.status_code, answer["Content-Type"]) == (422, "application/problem+json")
    assert omar.get(draft).json()["state"] == "draft"


@pytest.mark.parametrize(
    "body",
    [
        {"name": ""},
        {"name": 7},
        {"name": "a\x00"},
        {"audience": None},
        {"audience": "x"},
        {"audience": {"kind": "\x00"}},
        {"template": "Nowhere"},
        {"template": None},
        {"offer": "Nowhere"},
        {"holdout": "0.2"},
        {"holdout": True},
        {"per_hour": 1.5},
        {"schedule": "soon"},
        {"state": "running"},
        {"tenant": "borealis-mobile"},
        {"launch": True},
        {"approved_by": 1},
    ],
)
def test_wrong_field_is_refused_and_changes_nothing(anna, draft, body):
    before = anna.get(draft).json()
    for method, address, said in (("patch", draft, body), ("post", LIST, {**BODY, "name": "Other", **body})):
        answer = send(anna, address, said, method)
        assert (answer.status_code, answer["Content-Type"]) == (400, "application/problem+json"), answer.content
    assert anna.get(draft).json() == before
    assert len(anna.get(LIST).json()["campaigns"]) == 1


@pytest.mark.parametrize("body", [[], "x", {"pk": 1}])
@pytest.mark.parametrize("verb", ["check", "approve", "launch", "copy", "retry", "uncertain"])
def test_wrong_body_of_a_step_is_refused(omar, draft, verb, body):
    assert send(omar, f"{draft}/{verb}", body).status_code == 400


def test_who_may_not_is_refused(client_for, cast, draft):
    bob, anna = client_for(cast.bob), client_for(cast.anna)
    assert send(bob, LIST, BODY).status_code == 403
    assert send(bob, draft, {"name": "x"}, "patch").status_code == 403
    assert bob.delete(draft).status_code == 403
    for verb in ("check", "approve", "withdraw", "launch", "copy", "retry", "uncertain"):
        assert send(bob, f"{draft}/{verb}").status_code == 403
    for verb in ("approve", "withdraw", "launch", "retry", "uncertain"):
        assert send(anna, f"{draft}/{verb}").status_code == 403


def test_another_companys_campaign_is_absent(client_for, cast, draft):
    charlie = client_for(cast.charlie)
    address = draft.rsplit("/", 1)[0]
    absent = charlie.get(f"{address}/00000000-0000-4000-8000-000000000000").content
    assert charlie.get(draft).content == absent
    assert send(charlie, draft, {"name": "x"}, "patch").content == absent
    assert charlie.delete(draft).content == absent
    assert charlie.get(f"{draft}/recipients").content == absent
    for verb in ("check", "approve", "withdraw", "launch", "copy", "retry"):
        assert send(charlie, f"{draft}/{verb}").content == absent


# ---------------------------------------------------------------- mails


@pytest.fixture
def running(atlas, cast) -> Campaign:
    with tenant_scope(atlas):
        return launch(compose(holdout=0.2), cast.omar)


def test_recipients_are_walked_once_each_and_narrowed(client_for, cast, running):
    bob, found = client_for(cast.bob), []
    address = f"/api/campaign/{running.public_id}/recipients?limit=90"
    while address:
        told = bob.get(address).json()
        found += told["recipients"]
        address = told["next"]
    with tenant_scope(cast.atlas):
        kept = Recipient.objects.filter(campaign=running)
        assert {one["number"] for one in found} == set(kept.values_list("customer__external_id", flat=True))
        held_out = kept.filter(arm="holdout").count()
    assert len(found) == len({one["customer"] for one in found})
    told = bob.get(f"/api/campaign/{running.public_id}/recipients?arm=holdout&state=held_out&limit=200").json()
    assert len(told["recipients"]) == min(held_out, 200) > 0
    for query in ("arm=c", "state=lost", "after=x", "limit=0", "customer=1"):
        assert bob.get(f"/api/campaign/{running.public_id}/recipients?{query}").status_code == 400


def test_failed_mails_are_tried_again_and_uncertain_ones_decided(omar, running, cast):
    with tenant_scope(cast.atlas):
        mails = list(Recipient.objects.filter(campaign=running, state="queued").select_related("customer")[:4])
        for mail, (state, reason) in zip(
            mails, (("failed", "gave_up"), ("failed", "hard_bounce"), ("uncertain", ""), ("uncertain", "")), strict=True
        ):
            Recipient.objects.filter(pk=mail.pk).update(state=state, reason=reason)
    address = f"/api/campaign/{running.public_id}"
    assert send(omar, f"{address}/retry").json()["mails"] == 1
    again, taken = str(mails[2].customer.public_id), str(mails[3].customer.public_id)
    assert send(omar, f"{address}/uncertain", {"customers": [again], "decision": "again"}).json()["mails"] == 1
    assert send(omar, f"{address}/uncertain", {"customers": [taken, again], "decision": "sent"}).json()["mails"] == 1
    for body in (
        {},
        {"customers": []},
        {"customers": ["x"], "decision": "again"},
        {"customers": [again], "decision": "x"},
    ):
        assert send(omar, f"{address}/uncertain", body).status_code == 400
    with tenant_scope(cast.atlas):
        states = [Recipient.objects.get(pk=mail.pk).state for mail in mails]
    assert states == ["queued", "failed", "queued", "sent"]


def test_key_that_may_not_see_customers_sees_no_address(cast, running):
    from django.test import Client

    from tenants import api_keys
    from tenants.models import Membership

    with tenant_scope(cast.atlas):
        seat = Membership.objects.get(user=cast.omar)
        _key, text = api_keys.make_key(membership=seat, name="results", scopes=["view_campaigns"])
    answer = Client().get(
        f"/api/campaign/{running.public_id}/recipients?limit=5", headers={"Authorization": f"Bearer {text}"}
    )
    assert [(one["number"], one["address"]) for one in answer.json()["recipients"]] == [(None, None)] * 5
