"""Senders killed twenty times in the middle of ten thousand mails, a broker that forgets and goes: nobody is written to twice."""

from __future__ import annotations

import time
from collections import Counter

import pytest

from tests.campaigns.sink import Sink, running_sink

from .installation import Installation, eventually, installed

pytestmark = pytest.mark.faults

MAILS = 10_000
SENDERS = 4
KILLS = 20
MOST_UNCERTAIN = 35  # as many as twenty kills of four senders left when this was first tried by hand
SET_UP = """
from campaigns import services
from campaigns.models import Campaign, ConsentEntry, MessageTemplate, SenderProfile, TemplateVersion
from customers.models import Customer, Subscription
from segmentation import services as segments
from tenants.models import User
from tenants.scoping import current_tenant
with company("atlas-telecom"):
    tenant, who = current_tenant(), User.objects.get(email="alice@atlas.example.com")
    Customer.objects.bulk_create([
        Customer(tenant=tenant, external_id=f"M{{n:06d}}", first_name=f"Prénom{{n}}", email=f"m{{n}}@example.com", language="fr")
        for n in range({mails})])
    keys = list(Customer.objects.filter(external_id__startswith="M").values_list("pk", flat=True))
    Subscription.objects.bulk_create([Subscription(tenant=tenant, customer_id=key) for key in keys])
    ConsentEntry.objects.bulk_create([ConsentEntry(tenant=tenant, customer_id=key, is_granted=True, source="contract") for key in keys])
    template = MessageTemplate.objects.create(tenant=tenant, name="Thanks")
    TemplateVersion.objects.create(tenant=tenant, template=template, number=1, parts={{
        "fr": {{"subject": "Merci {{first_name}}", "text": "Bonjour {{first_name}},\\n\\nMerci de votre fidélité.", "html": ""}}}})
    sender = services.sender()
    SenderProfile.objects.filter(pk=sender.pk).update(transport="smtp", host="127.0.0.1", port={port}, security="none",
        from_name="Atlas", from_address="bonjour@atlas.example.com", postal_address="Tunis", per_second={rate}, ramps_up=False,
        keeps_holidays=False, keeps_ramadan=False)
    rule = segments.save_rule(actor=who, name="With an address", rule={{"field": "email", "is": "known"}})
    campaign = services.save_campaign(actor=who, name="Storm", audience={{"kind": "rule", "rule_segment": str(rule.public_id)}},
        message=template, holdout=0.0)
    services.prepare_campaign(preparation_id=services.open_check(campaign=campaign).pk)
    campaign.refresh_from_db()
    services.approve_campaign(campaign=campaign, actor=who, despite="a sink of the test's own")
    jobs.ring(services.open_launch(campaign=campaign, requested_by=who))
    tell(campaign.pk)
"""
CHANGE_WORDING = """
from campaigns.models import Campaign, TemplateVersion
from tenants.scoping import current_tenant
with company("atlas-telecom"):
    campaign = Campaign.objects.get()
    TemplateVersion.objects.create(tenant=current_tenant(), template=campaign.message, number=2,
        parts={"fr": {"subject": "Autre chose", "text": "Un tout autre texte, écrit depuis.", "html": ""}})
"""
PAUSE = """
from campaigns import services
from campaigns.models import Campaign
with company("atlas-telecom"):
    services.pause_campaign(campaign=Campaign.objects.get(), actor=None)
"""
RESUME = """
from campaigns import services
from campaigns.models import Campaign
from tenants.models import User
with company("atlas-telecom"):
    who = User.objects.get(email="alice@atlas.example.com")
    for shift in services.resume_campaign(campaign=Campaign.objects.get(), actor=who):
        jobs.ring(shift)
"""


@pytest.fixture(params=["sqlite", "postgresql"])
def posting(request, tmp_path):
    """An installation, and a mail server beside it that counts."""
    (tmp_path / "sink").mkdir()
    with running_sink(tmp_path / "sink") as sink, installed(tmp_path, request.param) as site:
        site.env |= {
            "MAIL_PRIVATE_HOSTS": "127.0.0.1",
            "MAIL_SENDERS": str(SENDERS),
            "PUBLIC_URL": "https://retention.atlas.example.com",
            "JOB_LEASE_SECONDS": "2",
            "JOB_HEARTBEAT_SECONDS": "0.5",
        }
        site.django("from churnguard import seeding\nseeding.seed_companies()")
        site.start("beat")
        site.start("senders")
        yield site, sink


def begin(site: Installation, sink: Sink, mails: int = MAILS, rate: int = 10_000) -> int:
    return int(site.django(SET_UP.format(mails=mails, port=sink.port, rate=rate)))


def settled(sink: Sink) -> int:
    """How many mails the server has taken, by the length of its own list."""
    return sink.log.read_bytes().count(b"\n") if sink.log.exists() else 0


def states(site: Installation) -> dict[str, int]:
    return {
        one["state"]: one["n"]
        for one in site.rows("SELECT state, COUNT(*) AS n FROM campaigns_recipient GROUP BY state")
    }


def ended(site: Installation, seconds: float = 240) -> None:
    eventually(
        lambda: site.rows("SELECT state FROM campaigns_campaign")[0]["state"] == "finished",
        seconds=seconds,
        every=0.25,
        what=f"the campaign's end: {states(site)}",
    )


def nobody_twice(site: Installation, sink: Sink, mails: int = MAILS) -> int:
    """Holds the rows against the server's own list; returns how many are uncertain."""
    times = Counter(address for _name, address in sink.accepted())
    assert not [address for address, n in times.items() if n > 1], "written to twice"
    found = states(site)
    assert set(found) <= {"sent", "uncertain"}, found
    assert found.get("sent", 0) + found.get("uncertain", 0) == mails
    sent = {one["address"] for one in site.rows("SELECT address FROM campaigns_recipient WHERE state = 'sent'")}
    assert sent <= set(times), "said to be sent, and the server has never seen it"
    uncertain = {
        one["address"] for one in site.rows("SELECT address FROM campaigns_recipient WHERE state = 'uncertain'")
    }
    assert set(times) - sent <= uncertain, "delivered, and nobody knows"
    return len(uncertain)


def test_senders_killed_twenty_times_write_to_nobody_twice(posting):
    site, sink = posting
    begin(site, sink)
    share = MAILS // (KILLS + 2)
    for kill in range(1, KILLS + 1):
        eventually(
            lambda past=kill * share: settled(sink) >= past, seconds=90, every=0.01, what=f"{kill}: {states(site)}"
        )
        assert settled(sink) < MAILS, "it was over before it could be killed"
        site.kill("senders")
        site.start("senders")
    ended(site)
    assert nobody_twice(site, sink) <= MOST_UNCERTAIN


# The broker keeps nothing that a database is asked for: one engine shows it at every run, the other at the long one.
@pytest.mark.parametrize("posting", ["postgresql", pytest.param("sqlite", marks=pytest.mark.slow)], indirect=True)
def test_a_broker_that_forgets_everything_and_is_gone_for_a_minute_changes_nothing(posting):
    site, sink = posting
    begin(site, sink)
    eventually(lambda: settled(sink) >= 0.3 * MAILS, seconds=120, every=0.01)
    site.flush_broker()
    site.kill("senders")
    site.start("senders")
    eventually(lambda: settled(sink) >= 0.6 * MAILS, seconds=120, every=0.01)
    site.broker.stop()
    site.kill("senders")
    time.sleep(60)
    site.broker.start()
    site.start("senders")
    ended(site)
    assert nobody_twice(site, sink) <= 2 * SENDERS


@pytest.mark.parametrize("posting", ["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)], indirect=True)
def test_a_campaign_paused_at_forty_percent_goes_on_after_a_restart_with_its_own_wording(posting):
    site, sink = posting
    mails = 3_000
    begin(site, sink, mails, rate=100)  # slow enough for somebody to come and pause it
    eventually(lambda: settled(sink) >= 0.4 * mails, seconds=120, every=0.01)
    site.django(PAUSE)
    at_pause = settled(sink)
    assert at_pause < mails
    for name in ("senders", "beat"):
        site.kill(name)
    site.django(CHANGE_WORDING)
    for name in ("beat", "senders"):
        site.start(name)
    time.sleep(3)
    assert settled(sink) <= at_pause + SENDERS, "it went on while it was paused"
    site.django(RESUME)
    ended(site)
    assert nobody_twice(site, sink, mails) <= SENDERS
    [campaign] = site.rows("SELECT version_id FROM campaigns_campaign")
    [version] = site.rows(f"SELECT number FROM campaigns_templateversion WHERE id = {campaign['version_id']}")
    assert version["number"] == 1
