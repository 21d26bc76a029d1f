"""What the stages announce reaches a company's own programs: each fact once, also when its worker died before telling."""

import json
from datetime import timedelta

import pytest
from django.utils import timezone

from campaigns.models import Campaign
from campaigns.services import progress
from churnguard import announcing
from core.models import JobState
from customers.models import Customer, Import
from predictions.models import DriftReport, ModelVersion, ScoringRun
from predictions.services import watch
from predictions.signals import alarm_raised, customers_scored
from tenants import webhooks
from tenants.models import WebhookDelivery, WebhookEndpoint, WebhookEvent
from tenants.scoping import tenant_scope
from tests.conftest import import_file, score, train
from tests.everywhere import every


@pytest.fixture(autouse=True)
def unrung(monkeypatch):
    """Deliveries wait as rows: what carries them is tested elsewhere."""
    rung = []
    monkeypatch.setattr("core.jobs.ring", rung.append)
    return rung


@pytest.fixture
def listening(cast, atlas_scope, settings):
    settings.PUBLIC_URL = "https://churn.example.com"
    endpoint, _secret = webhooks.make_endpoint(
        actor=cast.alice, url="https://hooks.example.com/", events=webhooks.EVENTS
    )
    return endpoint


def told(kind: str) -> list[dict]:
    return [event.payload["data"] for event in WebhookEvent.objects.filter(kind=kind).order_by("pk")]


def a_campaign() -> Campaign:
    return Campaign.objects.create(name="Winter", code="winter", state=Campaign.State.RUNNING, salt="x")


def a_check(version: ModelVersion) -> DriftReport:
    features = [{"name": "monthly_charges", "verdict": "moved"}, {"name": "tenure", "verdict": "stable"}]
    return DriftReport.objects.create(
        version=version, state=JobState.SUCCEEDED, verdict="moved", customers=300, findings={"features": features}
    )


def test_import_training_and_scoring_are_told_with_their_counts(listening, sample_csv, quick_race, unrung):
    run = import_file(sample_csv)
    version = train()
    scoring = score()
    [imported] = told("import.finished")
    assert imported["import"] == str(run.public_id)
    assert imported["rows"] == {"read": 300, "created": 300, "updated": 0, "unchanged": 0, "refused": 0}
    assert imported["url"] == f"https://churn.example.com/imports/{run.public_id}"
    [trained] = told("training.finished")
    assert (trained["version"], trained["in_charge"]) == (version.number, True)
    [scored] = told("scoring.finished")
    assert scored["scoring"] == str(scoring.public_id)
    assert scored["scored"] == 300
    assert set(scored["bands"]) == {"low", "medium", "high"}
    assert sum(isinstance(job, WebhookDelivery) for job in unrung) == 3
    said = json.dumps([event.payload for event in WebhookEvent.objects.all()])
    for customer in Customer.objects.all()[:50]:
        assert f'"{customer.external_id}"' not in said


def test_drift_and_the_end_of_a_campaign_are_told(listening):
    version = ModelVersion.objects.create(number=3, algorithm="x", artefact_path="x")
    report = a_check(version)
    alarm_raised.send(sender=DriftReport, code="drift_found", facts={}, report_id=report.pk)
    alarm_raised.send(sender=DriftReport, code="estimate_missed", facts={})
    [drift] = told("drift.alarm")
    assert (drift["check"], drift["version"], drift["columns"]) == (str(report.public_id), 3, ["monthly_charges"])
    campaign = a_campaign()
    progress.finish(campaign)
    [finished] = told("campaign.finished")
    assert finished["campaign"] == str(campaign.public_id)
    assert "Winter" not in json.dumps(finished)


def test_alarm_of_a_check_names_its_report(listening, monkeypatch):
    from types import SimpleNamespace

    report = a_check(ModelVersion.objects.create(number=3, algorithm="x", artefact_path="x"))
    moved = SimpleNamespace(name="monthly_charges")
    found = SimpleNamespace(moved=[moved], score=SimpleNamespace(verdict="stable"), verdict="moved")
    watch._raise_alarm(report, found)
    assert len(told("drift.alarm")) == 1
    WebhookEvent.objects.all().delete()
    announcing.catch_up()
    assert told("drift.alarm") == [], "it may still be on its way"
    monkeypatch.setattr(announcing, "_LATER", timedelta(0))
    WebhookEndpoint.objects.update(created_at=timezone.now() - timedelta(days=1))
    announcing.catch_up()
    assert len(told("drift.alarm")) == 1


def test_nobody_listening_costs_one_question(cast, atlas_scope, django_assert_num_queries):
    with django_assert_num_queries(1):
        announcing.catch_up()


def test_what_was_not_announced_is_told_by_beat_once(listening, unrung):
    """As after a worker that died between the end of its job and its announcement."""
    WebhookEndpoint.objects.update(created_at=timezone.now() - timedelta(days=1))
    ended = timezone.now() - timedelta(minutes=5)
    version = ModelVersion.objects.create(number=1, algorithm="x", artefact_path="x", trained_at=ended)
    done = {"state": JobState.SUCCEEDED, "finished_at": ended}
    Import.objects.create(filename="a.csv", **done)
    Import.objects.create(filename="b.csv", is_dry=True, **done)
    Import.objects.create(filename="c.csv", undone_at=ended, **done)
    Import.objects.create(filename="d.csv", state=JobState.FAILED, finished_at=ended)
    Import.objects.create(filename="e.csv", state=JobState.SUCCEEDED, finished_at=ended - timedelta(days=2))
    ScoringRun.objects.create(version=version, **done)
    Campaign.objects.filter(pk=a_campaign().pk).update(state=Campaign.State.FINISHED, finished_at=ended)
    for _n in range(2):
        announcing.catch_up()
    kinds = sorted(WebhookEvent.objects.values_list("kind", flat=True))
    assert kinds == ["campaign.finished", "import.finished", "scoring.finished"]
    assert len(unrung) == 3


def test_those_that_were_told_keep_none_from_being_caught_up(listening, unrung, monkeypatch):
    monkeypatch.setattr(announcing, "_MOST", 3)
    WebhookEndpoint.objects.update(created_at=timezone.now() - timedelta(days=1))
    ended = timezone.now() - timedelta(minutes=5)
    runs = [Import.objects.create(filename=f"{n}.csv", state=JobState.SUCCEEDED, finished_at=ended) for n in range(8)]
    for known in (3, 6, 8, 8):
        announcing.catch_up()
        assert {event["import"] for event in told("import.finished")} == {str(run.public_id) for run in runs[:known]}


def test_endpoint_is_not_told_of_what_ended_before_it_was_there(listening):
    Import.objects.create(filename="a.csv", state=JobState.SUCCEEDED, finished_at=timezone.now() - timedelta(minutes=5))
    announcing.catch_up()
    assert told("import.finished") == []


def test_announcement_that_fails_stops_nothing_and_is_caught_up(listening, monkeypatch, caplog):
    from django.db import OperationalError

    version = ModelVersion.objects.create(number=1, algorithm="x", artefact_path="x")
    ended = timezone.now() - timedelta(minutes=5)
    run = ScoringRun.objects.create(version=version, state=JobState.SUCCEEDED, finished_at=ended)

    def fail(*_args, **_kwargs):
        raise OperationalError("the database is locked")

    with monkeypatch.context() as patched:
        patched.setattr(webhooks, "announce", fail)
        customers_scored.send(sender=ScoringRun, run_id=run.pk, follow=False)
    assert "could not be announced" in caplog.text
    WebhookEndpoint.objects.update(created_at=timezone.now() - timedelta(days=1))
    announcing.catch_up()
    assert len(told("scoring.finished")) == 1


def test_another_companys_fact_is_not_told_here(cast, settings):
    with tenant_scope(cast.atlas):
        webhooks.make_endpoint(actor=cast.alice, url="https://hooks.example.com/", events=webhooks.EVENTS)
    with tenant_scope(cast.borealis):
        version = ModelVersion.objects.create(number=1, algorithm="x", artefact_path="x")
        run = ScoringRun.objects.create(version=version, state=JobState.SUCCEEDED)
        customers_scored.send(sender=ScoringRun, run_id=run.pk, follow=False)
    assert not every(WebhookEvent).exists()
