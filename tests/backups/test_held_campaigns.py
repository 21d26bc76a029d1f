"""Campaigns, test mails and alarms in data that were brought back: they wait, the pages say so, and a person releases them."""

from __future__ import annotations

import datetime as dt

import pytest
from django.core import mail
from django.utils import timezone

from campaigns import services
from campaigns.models import Campaign, MailboxMessage
from churnguard.system import selectors
from core import health
from core.errors import Refused
from predictions import alarms
from predictions.models import AlarmReader
from tenants import mail_hold
from tenants.scoping import tenant_scope
from tests.campaigns.conftest import check, compose, launch, public_address, reachable, same_lots, send  # noqa: F401

from .test_mail_hold import REASON, held, restore_here


@pytest.fixture(autouse=True)
def now(monkeypatch):
    """Each look at the page System is a new one."""
    monkeypatch.setattr(selectors, "KEPT_SECONDS", 0)
    monkeypatch.setattr(health, "health", lambda: health.Health("ok", "ok", "ok", "ok"))


@pytest.fixture
def alice(shared):
    return shared.cast.alice


@pytest.fixture
def due(reachable, alice):  # noqa: F811
    """An approved campaign whose hour has just come."""
    campaign = check(compose(scheduled_at=timezone.now() + dt.timedelta(hours=2)))
    services.approve_campaign(campaign=campaign, actor=alice)
    Campaign.objects.update(scheduled_at=timezone.now() - dt.timedelta(minutes=1))
    campaign.refresh_from_db()
    return campaign


# ---------------------------------------------------------------- what is held


def test_due_campaign_waits_as_it_is_and_starts_once_released(due, alice, settings):
    restore_here(settings)
    assert services.start_due() == []
    with pytest.raises(Refused) as refusal:
        services.open_launch(campaign=due, requested_by=alice)
    assert refusal.value.code == "mail_held"
    due.refresh_from_db()
    assert (due.state, due.why_paused) == ("approved", {})
    mail_hold.release_mail(actor=alice, reason=REASON)
    assert [job.campaign_id for job in services.start_due()] == [due.pk]


def test_campaign_that_ran_is_paused_and_nobody_is_written_to(reachable, alice, settings):  # noqa: F811
    campaign = launch(compose(), alice)
    restore_here(settings)
    campaign = send(campaign)
    assert (campaign.state, campaign.why_paused["code"]) == ("paused", "restored")
    assert MailboxMessage.objects.count() == 0
    with pytest.raises(Refused) as refusal:
        services.resume_campaign(campaign=campaign, actor=alice)
    assert refusal.value.code == "mail_held"
    mail_hold.release_mail(actor=alice, reason=REASON)
    campaign.refresh_from_db()
    assert campaign.state == "paused", "each is resumed by a person who knows what went out"
    services.resume_campaign(campaign=campaign, actor=alice)
    assert send(campaign).state == "finished"
    assert MailboxMessage.objects.count() > 0


def test_test_mail_and_alarm_are_held(reachable, alice, settings):  # noqa: F811
    AlarmReader.objects.create(user=alice)
    campaign = check(compose())
    assert alarms.mail("drift_found", {"version": 1, "count": 1}) == 1
    restore_here(settings)
    with pytest.raises(Refused) as refusal:
        services.send_test(campaign=campaign, user=alice, language="fr")
    assert refusal.value.code == "mail_held"
    assert alarms.mail("drift_found", {"version": 1, "count": 1}) == 0
    assert len(mail.outbox) == 1


# ---------------------------------------------------------------- who sees and ends it


def test_pages_say_that_mail_is_held_and_why(due, alice, shared, client_for, settings):
    page = client_for(alice).get(f"/campaigns/{due.public_id}").content.decode()
    assert "Mail is held back" not in page
    restore_here(settings)
    for address in (f"/campaigns/{due.public_id}", "/campaigns"):
        page = client_for(alice).get(address).content.decode()
        assert "Mail is held back" in page and "brought back from a backup" in page
        assert "/system#mail" in page
        assert "/system#mail" not in client_for(shared.cast.bob).get(address).content.decode()


def test_operator_releases_on_the_page_and_an_analyst_does_not(shared, client_for, settings):
    restore_here(settings)
    assert "Release mail" in client_for(shared.cast.omar).get("/system").content.decode()
    assert client_for(shared.cast.anna).post("/system/mail/release", {"reason": REASON}).status_code == 403
    answer = client_for(shared.cast.omar).post("/system/mail/release", {"reason": "no"}, follow=True)
    assert "Say in a few words" in answer.content.decode()
    answer = client_for(shared.cast.omar).post("/system/mail/release", {"reason": REASON}, follow=True)
    assert "Release mail" not in answer.content.decode()
    with tenant_scope(shared.cast.atlas):
        assert held() is None
    with tenant_scope(shared.cast.borealis):
        assert held() == "restored"
