"""Composing and audiences as services: what is let in, who is counted, and how states move by compare-and-set."""

from __future__ import annotations

import datetime as dt

import pytest
from django.utils import timezone

from campaigns import services
from campaigns.models import Campaign, Preparation, Recipient
from campaigns.services import audience
from core.errors import Refused
from customers.models import Customer
from segmentation import services as segments
from segmentation.models import Offer
from tenants.models import AuditEntry, Notification
from tenants.scoping import current_tenant, tenant_scope

from .conftest import check, compose, launch, send, write_message


@pytest.fixture
def omar(reachable):
    return reachable.cast.omar


def refused(code: str, verb, *arguments, **options) -> Refused:
    with pytest.raises(Refused) as raised:
        verb(*arguments, **options)
    assert raised.value.code == code
    return raised.value


def people_of(chosen: dict) -> set[str]:
    return set(audience.customers_of(audience.read(chosen)).values_list("external_id", flat=True))


# ---------------------------------------------------------------- audiences


def test_who_has_left_is_in_no_audience(reachable):
    left = set(Customer.objects.filter(churn_label=True).values_list("external_id", flat=True))
    assert left
    for chosen in ({"kind": "risk", "low": 0.0}, {"kind": "list", "numbers": list(left)}):
        assert not people_of(chosen) & left
    assert audience.look({"kind": "list", "numbers": list(left)[:100]}).customers == 0


def test_bands_are_disjoint_and_together_everybody_with_a_score(reachable):
    bands = [people_of({"kind": "risk", "bands": [band]}) for band in ("high", "medium", "low")]
    everybody = people_of({"kind": "risk", "low": 0.0})
    assert set.union(*bands) == everybody and sum(map(len, bands)) == len(everybody)


def test_range_of_risk_narrows(reachable):
    middle = people_of({"kind": "risk", "low": 0.2, "high": 0.6})
    assert middle == people_of({"kind": "risk", "low": 0.2}) & people_of({"kind": "risk", "high": 0.6})
    assert 0 < len(middle) < len(people_of({"kind": "risk", "low": 0.0}))


def test_rule_segment_is_an_audience(reachable, omar):
    rule = {"all": [{"field": "tenure", "is": "at_least", "value": 24}]}
    saved = segments.save_rule(actor=omar, name="Long with us", rule=rule)
    chosen = {"kind": "rule", "rule_segment": str(saved.public_id)}
    loyal = set(Customer.objects.filter(subscription__tenure__gte=24).exclude(churn_label=True).values_list("external_id", flat=True))  # fmt: skip
    assert people_of(chosen) == loyal


def test_list_takes_known_numbers_once_and_no_other(reachable):
    some = list(Customer.objects.exclude(churn_label=True).values_list("external_id", flat=True)[:3])
    chosen = {"kind": "list", "numbers": [*some, some[0], "  ", "nobody"]}
    assert people_of(chosen) == set(some)
    assert audience.look(chosen).customers == 3


def test_long_list_is_whole_and_a_longer_one_refused(reachable):
    numbers = [f"N-{n}" for n in range(4_990)]
    some = list(Customer.objects.exclude(churn_label=True).values_list("external_id", flat=True)[:10])
    assert people_of({"kind": "list", "numbers": [*numbers, *some]}) == set(some)
    refused("too_long_a_list", audience.read, {"kind": "list", "numbers": [f"N-{n}" for n in range(5_001)]})


def test_look_agrees_with_the_job_and_shows_some_of_them(reachable):
    chosen = {"kind": "risk", "bands": ["high", "medium"]}
    look = audience.look(chosen)
    assert look.is_exact and look.customers == len(people_of(chosen))
    assert {one.external_id for one in look.some} <= people_of(chosen) and len(look.some) == 5


@pytest.mark.parametrize(
    ("chosen", "code"),
    [
        (None, "bad_audience"),
        ([], "bad_audience"),
        ({}, "bad_audience"),
        ({"kind": "everybody"}, "bad_audience"),
        ({"kind": ["risk"]}, "bad_audience"),
        ({"kind": "risk"}, "bad_audience"),
        ({"kind": "risk", "bands": ["extreme"]}, "bad_audience"),
        ({"kind": "risk", "bands": "high"}, "bad_audience"),
        ({"kind": "risk", "low": "0.1"}, "bad_audience"),
        ({"kind": "risk", "low": True}, "bad_audience"),
        ({"kind": "risk", "low": float("nan")}, "bad_audience"),
        ({"kind": "risk", "low": -0.1}, "bad_audience"),
        ({"kind": "risk", "low": 0.5, "high": 0.5}, "bad_audience"),
        ({"kind": "segment", "segments": []}, "bad_audience"),
        ({"kind": "segment", "segments": ["S99"]}, "unknown_segment"),
        ({"kind": "rule", "rule_segment": None}, "unknown_rule_segment"),
        ({"kind": "rule", "rule_segment": "00000000-0000-4000-8000-000000000000"}, "unknown_rule_segment"),
        ({"kind": "list", "numbers": "A-1"}, "bad_audience"),
        ({"kind": "list", "numbers": []}, "bad_audience"),
        ({"kind": "persuadable"}, "not_proved"),
    ],
)
def test_audience_that_is_none_is_refused_by_a_code(reachable, chosen, code):
    refused(code, audience.read, chosen)


def test_another_companys_rule_segment_is_not_there(shared):
    cast = shared.cast
    with tenant_scope(cast.borealis):
        rule = {"all": [{"field": "tenure", "is": "at_least", "value": 1}]}
        theirs = segments.save_rule(actor=None, name="Theirs", rule=rule)
    with tenant_scope(cast.atlas):
        refused("unknown_rule_segment", audience.read, {"kind": "rule", "rule_segment": str(theirs.public_id)})


# ---------------------------------------------------------------- drafts


def test_new_draft_takes_the_senders_holdout_and_lots_of_its_own(reachable):
    one, two = compose(name="One"), compose(name="Two")
    assert one.holdout == services.sender().holdout_share
    assert one.salt != two.salt and one.code != two.code
    assert not Recipient.objects.exists()


def test_unknown_field_is_a_mistake_of_the_caller(reachable):
    with pytest.raises(TypeError):
        services.save_campaign(actor=None, name="x", state="running")


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"name": "  "}, "name_missing"),
        ({"name": "n" * 121}, "name_missing"),
        ({"holdout": 0.51}, "bad_holdout"),
        ({"holdout": float("nan")}, "bad_holdout"),
        ({"rival_share": 0.01}, "bad_share"),
        ({"horizon_days": 6}, "bad_horizon"),
        ({"horizon_days": True}, "bad_horizon"),
        ({"per_hour": 0}, "bad_pace"),
        ({"default_language": "de"}, "bad_language"),
        ({"scheduled_at": dt.datetime(2031, 1, 1)}, "bad_schedule"),
    ],
)
def test_bad_field_is_refused_and_named(reachable, fields, code):
    known = {"name": "Fine", **fields}
    assert refused(code, services.save_campaign, actor=None, **known).facts["field"] == next(iter(fields))


def test_offer_of_another_channel_is_refused(reachable):
    call = Offer.objects.create(tenant=current_tenant(), name="A call", channel="phone")
    assert refused("not_by_mail", compose, offer=call).facts["field"] == "offer"


def test_name_is_one_companys_own(shared):
    for company in (shared.cast.atlas, shared.cast.borealis):
        with tenant_scope(company):
            compose(name="Same", audience={"kind": "list", "numbers": ["A"]})
    with tenant_scope(shared.cast.atlas):
        refused("name_taken", compose, name="  Same ", audience={"kind": "list", "numbers": ["A"]})


def test_change_after_the_check_takes_the_check_back(reachable):
    campaign = check(compose())
    assert campaign.state == "checked" and campaign.checked["treated"]
    services.save_campaign(actor=None, campaign=campaign, holdout=0.2)
    campaign.refresh_from_db()
    assert (campaign.state, campaign.checked, campaign.checked_at) == ("draft", {}, None)


def test_change_cancels_a_check_that_waits(reachable):
    campaign = compose()
    job = services.open_check(campaign=campaign)
    services.save_campaign(actor=None, campaign=campaign, holdout=0.2)
    job.refresh_from_db()
    assert job.state == "cancelled"
    assert services.open_check(campaign=campaign).pk != job.pk


def test_two_checks_at_once_are_one(reachable):
    campaign = compose()
    assert services.open_check(campaign=campaign).pk == services.open_check(campaign=campaign).pk
    assert Preparation.objects.count() == 1


def test_draft_without_audience_or_message_is_not_checked(reachable):
    draft = services.save_campaign(actor=None, name="Bare")
    assert refused("no_audience", services.open_check, campaign=draft).facts["field"] == "audience"
    services.save_campaign(actor=None, campaign=draft, audience={"kind": "risk", "low": 0.0})
    assert refused("no_message", services.open_check, campaign=draft).facts["field"] == "message"


def test_copy_is_like_it_with_another_name_and_other_lots(reachable, omar):
    first = compose(holdout=0.2, rival=write_message("Second"), rival_share=0.3)
    copies = [services.copy_campaign(campaign=first, actor=omar) for _n in range(2)]
    assert [one.name for one in copies] == ["Spring (2)", "Spring (3)"]
    for one in copies:
        assert (one.holdout, one.rival_share, one.audience, one.state) == (0.2, 0.3, first.audience, "draft")
        assert one.salt != first.salt and one.scheduled_at is None


# ---------------------------------------------------------------- approval and start


def test_only_a_fresh_check_of_somebody_is_approved(reachable, omar):
    campaign = compose()
    refused("not_checked", services.approve_campaign, campaign=campaign, actor=omar)
    check(campaign)
    Campaign.objects.filter(pk=campaign.pk).update(checked_at=timezone.now() - dt.timedelta(days=8))
    campaign.refresh_from_db()
    refused("stale_check", services.approve_campaign, campaign=campaign, actor=omar)
    check(campaign)
    campaign.checked["treated"] = 0
    refused("nobody", services.approve_campaign, campaign=campaign, actor=omar)


def test_approval_and_its_withdrawal_stand_in_the_trail(reachable, omar):
    campaign = check(compose())
    services.approve_campaign(campaign=campaign, actor=omar)
    assert (campaign.state, campaign.approved_by) == ("approved", omar)
    services.withdraw_approval(campaign=campaign, actor=omar)
    assert (campaign.state, campaign.approved_by, campaign.checked) == ("draft", None, {})
    verbs = list(AuditEntry.objects.filter(actor=omar).order_by("sequence").values_list("verb", flat=True))
    assert verbs[-2:] == ["campaign_approved", "campaign_withdrawn"]


def test_two_who_approve_at_once_are_one(reachable, omar):
    campaign = check(compose())
    stale = Campaign.objects.get(pk=campaign.pk)
    services.approve_campaign(campaign=campaign, actor=omar)
    refused("moved_meanwhile", services.approve_campaign, campaign=stale, actor=omar)


def test_nothing_starts_that_was_not_approved_nor_twice(reachable, omar):
    campaign = check(compose())
    refused("moved_meanwhile", services.open_launch, campaign=campaign, requested_by=omar)
    services.approve_campaign(campaign=campaign, actor=omar)
    stale = Campaign.objects.get(pk=campaign.pk)
    services.open_launch(campaign=campaign, requested_by=omar)
    refused("moved_meanwhile", services.open_launch, campaign=stale, requested_by=omar)
    assert Preparation.objects.filter(kind="launch").count() == 1


def test_scheduled_one_starts_at_its_hour_and_not_before(reachable, omar):
    campaign = compose(scheduled_at=timezone.now() + dt.timedelta(hours=2))
    check(campaign)
    services.approve_campaign(campaign=campaign, actor=omar)
    assert services.start_due() == []
    refused("not_yet", services.open_launch, campaign=campaign, requested_by=omar)
    Campaign.objects.update(scheduled_at=timezone.now() - dt.timedelta(minutes=1))
    assert [job.campaign_id for job in services.start_due()] == [campaign.pk]
    assert services.start_due() == []


def test_missed_hour_asks_a_person_and_sends_nothing(reachable, omar):
    campaign = compose(scheduled_at=timezone.now() + dt.timedelta(hours=2))
    check(campaign)
    services.approve_campaign(campaign=campaign, actor=omar)
    Campaign.objects.update(scheduled_at=timezone.now() - dt.timedelta(hours=3))
    assert services.start_due() == []
    campaign.refresh_from_db()
    assert (campaign.state, campaign.why_paused["code"]) == ("draft", "late")
    note = Notification.objects.filter(code="campaign_late").get()
    assert "missed its hour" in note.sentence and "Spring" in note.sentence


# ---------------------------------------------------------------- once it has begun


def test_begun_campaign_is_neither_changed_nor_deleted(reachable, omar):
    campaign = launch(compose(), omar)
    refused("not_a_draft", services.save_campaign, actor=omar, campaign=campaign, holdout=0.3)
    refused("is_begun", services.delete_draft, campaign=campaign, actor=omar)
    refused("not_a_draft", services.open_check, campaign=campaign)


def test_finished_campaign_cannot_be_cancelled_nor_resumed(reachable, omar):
    campaign = send(launch(compose(), omar))
    assert campaign.state == "finished"
    refused("moved_meanwhile", services.cancel_campaign, campaign=campaign, actor=omar)
    refused("moved_meanwhile", services.resume_campaign, campaign=campaign, actor=omar)
    note = Notification.objects.filter(code="campaign_finished").get()
    assert f"{campaign.checked['treated']} mails sent" in note.sentence


def test_cancelled_campaign_keeps_who_was_left_alone(reachable, omar):
    campaign = launch(compose(), omar)
    held = Recipient.objects.filter(state="held_out").count()
    services.cancel_campaign(campaign=campaign, actor=omar)
    assert set(Recipient.objects.values_list("state", flat=True)) == {"held_out", "cancelled"}
    assert Recipient.objects.filter(state="held_out").count() == held > 0
    assert campaign.shifts.get().state == "cancelled"


def test_decision_on_uncertain_ones_touches_no_other(reachable, omar):
    campaign = launch(compose(), omar)
    keys = list(Recipient.objects.filter(state="queued").order_by("pk").values_list("pk", flat=True)[:3])
    Recipient.objects.filter(pk__in=keys[:2]).update(state="uncertain")
    decided = services.decide_uncertain(campaign=campaign, actor=omar, recipients=keys, send_again=False)
    assert decided == 2
    assert list(Recipient.objects.filter(pk__in=keys).order_by("pk").values_list("state", flat=True)) == ["sent", "sent", "queued"]  # fmt: skip
