"""The page System: how the installation stands, for operators, and dead jobs tried again; and what /metrics tells of it."""

import re
import time
from datetime import timedelta

import pytest
import redis
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from prometheus_client.parser import text_string_to_metric_families

from campaigns.models import Campaign
from churnguard.system import selectors, stock
from core import broker, health, jobs, metrics
from core.models import JobState
from customers.models import Import, QualityProfile
from predictions.models import DriftReport, ModelVersion, ScoringRun, TrainingRun
from tenants.models import AuditEntry
from tenants.scoping import tenant_scope
from tests.dashboard.conftest import htmx
from tests.everywhere import every

PAGE = "/system"


@pytest.fixture(autouse=True)
def now(monkeypatch):
    """Each look is a new one."""
    monkeypatch.setattr(selectors, "KEPT_SECONDS", 0)
    monkeypatch.setattr(health, "health", lambda: health.Health("ok", "ok", "ok", "ok"))


@pytest.fixture
def workers(settings, monkeypatch):
    """A worker on two queues, seen just now, and one that fell silent."""
    seen = time.time()
    found = [
        broker.Worker("demo@here", ("default", "ml"), 2, seen - 3600, seen),
        broker.Worker("mail@silent", ("mail",), 4, seen - 7200, seen - 300),
    ]
    monkeypatch.setattr(broker, "has_broker", lambda: True)
    monkeypatch.setattr(broker, "workers", lambda: found)
    monkeypatch.setattr(broker, "waiting", lambda: {"default": 0, "ml": 3, "mail": 1234})
    monkeypatch.setattr(broker, "swept_at", lambda: seen - 5)
    monkeypatch.setattr(broker, "version", lambda: "Valkey 9.1")
    return found


def bury(model, **fields):
    """A job of the company in scope that was given up, with its reason."""
    reason = {"error_code": "error", "error_message": "OSError: the disk is full", "attempts": 5}
    return model.objects.create(state=JobState.DEAD, finished_at=timezone.now(), **reason, **fields)


@pytest.fixture
def dead(atlas):
    with tenant_scope(atlas):
        return bury(Import, filename="customers.csv")


def again(client, job, kind: str = "", **options):
    return client.post(f"/system/jobs/{job.public_id}/again", {"kind": kind or job._meta.label_lower}, **options)


# ---------------------------------------------------------------- who sees it


def test_operators_and_above_see_it_and_nobody_else(client_for, cast):
    for person, status in (
        (cast.olfa, 200), (cast.alice, 200), (cast.omar, 200), (cast.anna, 403), (cast.bob, 403),
    ):  # fmt: skip
        assert client_for(person).get(PAGE).status_code == status, person
        assert ('href="/system"' in client_for(person).get("/dashboard").content.decode()) == (status == 200)


def test_analyst_tries_nothing_again(client_for, cast, dead):
    assert again(client_for(cast.anna), dead).status_code == 403
    dead.refresh_from_db()
    assert dead.state == JobState.DEAD


def test_another_company_sees_and_wakes_none_of_our_jobs(client_for, cast, dead):
    charlie = client_for(cast.charlie)
    text = charlie.get(PAGE).content.decode()
    assert "customers.csv" not in text and "disk is full" not in text
    assert again(charlie, dead).status_code == 404
    dead.refresh_from_db()
    assert dead.state == JobState.DEAD


# ---------------------------------------------------------------- what it shows


def test_page_shows_servers_queues_and_workers(client_for, cast, workers):
    text = client_for(cast.omar).get(PAGE).content.decode()
    for said in ("demo@here", "mail@silent", "silent", "1234", "Valkey 9.1", "nobody listens", "Django", "free of"):
        assert said in text, said
    assert text.count("in order") == 4


def test_page_says_what_does_not_answer(client_for, cast, monkeypatch):
    def gone():
        raise redis.ConnectionError("refused")

    monkeypatch.setattr(broker, "has_broker", lambda: True)
    for name in ("workers", "waiting", "swept_at", "version"):
        monkeypatch.setattr(broker, name, gone)
    monkeypatch.setattr(health, "health", lambda: health.Health("ok", "missing", "unreachable", "draining"))
    text = client_for(cast.omar).get(PAGE).content.decode()
    for said in ("does not answer", "manage.py migrate", "is being stopped", "No worker was seen"):
        assert said in text, said
    assert "refused" not in text


def test_sweeper_that_is_late_is_named(client_for, cast, workers, monkeypatch):
    monkeypatch.setattr(broker, "swept_at", lambda: time.time() - 90)
    assert "is beat running" in client_for(cast.omar).get(PAGE).content.decode()


def test_page_counts_jobs_by_kind_and_shows_dead_ones_with_their_reason(client_for, cast, atlas, dead):
    with tenant_scope(atlas):
        Import.objects.create(filename="next.csv")
        jobs.claim(TrainingRun, TrainingRun.objects.create().pk)
        bury(QualityProfile, brought_by=dead)
    text = client_for(cast.omar).get(PAGE).content.decode()
    assert "OSError: the disk is full" in text and "after 5 attempts" in text
    assert text.count("Try again") == 2
    rows = {
        re.sub(r"<[^>]+>", " ", row).split()[0]: re.sub(r"<[^>]+>", " ", row).split()[1:]
        for row in re.findall(r"<tr><th scope=\"row\">(.*?)</tr>", text, flags=re.S)
    }
    assert rows["Import"] == ["–", "1", "–", "1"]
    assert rows["Training"] == ["1", "–", "–", "–"]


def test_reason_is_text_not_markup(client_for, cast, atlas, dead):
    every(Import).filter(pk=dead.pk).update(error_message="<script>alert(1)</script>")
    assert "<script>alert" not in client_for(cast.omar).get(PAGE).content.decode()


def test_page_shows_age_of_scores_drift_and_mails(client_for, cast, atlas, watched):
    text = client_for(cast.omar).get(PAGE).content.decode()
    assert "moved a lot" in text
    assert re.search(r"Mails: uncertain</dt><dd[^>]*font-semibold[^>]*>2<", text)
    assert re.search(r"Mails: sent</dt><dd[^>]*>1,500<", text)
    assert "left alone" not in text


@pytest.fixture
def watched(atlas):
    """Atlas with scores, a check for drift and a campaign whose counts are rolled up."""
    with tenant_scope(atlas):
        version = ModelVersion.objects.create(number=1, algorithm="x", artefact_path="x")
        before = timezone.now() - timedelta(hours=30)
        ScoringRun.objects.create(version=version, is_current=True, state="succeeded", finished_at=before)
        DriftReport.objects.create(version=version, state="succeeded", verdict="stable", finished_at=before)
        DriftReport.objects.create(version=version, state="succeeded", verdict="moved_much", finished_at=timezone.now())
        counts = {"a": {"sent": 1000, "uncertain": 2}, "b": {"sent": 500}, "holdout": {"held_out": 90}}
        Campaign.objects.create(name="a", code="a", counts=counts, launched_at=timezone.now())
        old = timezone.now() - timedelta(days=60)
        Campaign.objects.create(name="b", code="b", counts={"a": {"failed": 7}}, launched_at=old)


def test_page_is_french_for_the_french(client_for, cast, dead, workers):
    cast.omar.locale = "fr"
    cast.omar.save()
    text = client_for(cast.omar).get(PAGE).content.decode()
    for said in ("Système", "Réessayer", "muet", "Files d’attente"):
        assert said in text, said


# ---------------------------------------------------------------- looked at again


def fragment_address(text: str) -> str:
    return re.search(r'hx-get="(/system\?seen=[0-9a-f]{16})"', text).group(1)


def test_fragment_is_empty_while_nothing_changes_and_comes_when_something_does(client_for, cast, atlas, workers):
    client = client_for(cast.omar)
    address = fragment_address(client.get(PAGE).content.decode())
    for _ in range(2):
        answer = client.get(address, headers=htmx("now"))
        assert (answer.status_code, answer.content) == (204, b"")
    with tenant_scope(atlas):
        Import.objects.create(filename="next.csv")
    answer = client.get(address, headers=htmx("now"))
    text = answer.content.decode()
    assert answer.status_code == 200 and "<html" not in text and 'id="now"' in text
    assert client.get(fragment_address(text), headers=htmx("now")).status_code == 204


def test_clock_alone_changes_nothing_and_a_silent_worker_does(client_for, cast, workers):
    client = client_for(cast.omar)
    address = fragment_address(client.get(PAGE).content.decode())
    workers[0] = broker.Worker("demo@here", ("default", "ml"), 2, workers[0].started_at, workers[0].seen_at + 1)
    assert client.get(address, headers=htmx("now")).status_code == 204
    workers[0] = broker.Worker("demo@here", ("default", "ml"), 2, workers[0].started_at, time.time() - 300)
    assert client.get(address, headers=htmx("now")).status_code == 200


def test_many_who_look_cost_as_much_as_one(client_for, cast, monkeypatch, workers):
    monkeypatch.setattr(selectors, "KEPT_SECONDS", 60)
    client = client_for(cast.omar)
    address = fragment_address(client.get(PAGE).content.decode())
    with CaptureQueriesContext(connection) as asked:
        assert client.get(address, headers=htmx("now")).status_code == 204
    assert len(asked) <= 3  # session, person, membership


def test_page_asks_a_fixed_number_of_small_questions(client_for, cast, atlas, workers):
    client = client_for(cast.omar)
    client.get(PAGE)

    def cost() -> int:
        with CaptureQueriesContext(connection) as asked:
            client.get(PAGE)
        return len(asked)

    before = cost()
    with tenant_scope(atlas):
        Import.objects.bulk_create(Import(filename="x.csv") for _ in range(200))
    assert cost() == before <= len(jobs.job_models()) + 12


# ---------------------------------------------------------------- tried again


def test_dead_job_is_tried_again_and_written_in_the_trail(client_for, cast, atlas, dead, monkeypatch):
    rung = []
    monkeypatch.setattr(jobs, "ring", rung.append)
    answer = again(client_for(cast.omar), dead, follow=True)
    assert "It is tried again." in answer.content.decode()
    dead.refresh_from_db()
    assert (dead.state, dead.attempts, dead.error_message) == (JobState.QUEUED, 0, "")
    assert [job.pk for job in rung] == [dead.pk]
    with tenant_scope(atlas):
        entry = AuditEntry.objects.first()
    assert (entry.verb, entry.object_id, entry.actor) == ("job_tried_again", str(dead.public_id), cast.omar)


def test_pressed_twice_it_is_tried_once(client_for, cast, dead, monkeypatch):
    rung = []
    monkeypatch.setattr(jobs, "ring", rung.append)
    client = client_for(cast.omar)
    again(client, dead)
    text = again(client, dead, follow=True).content.decode()
    assert "This job is not given up" in text
    assert len(rung) == 1


def test_job_that_a_later_one_did_is_not_tried_again(client_for, cast, atlas, monkeypatch):
    monkeypatch.setattr(jobs, "ring", lambda job: pytest.fail("rung"))
    with tenant_scope(atlas):
        job = bury(TrainingRun)
        TrainingRun.objects.create(state="succeeded", finished_at=timezone.now())
    client = client_for(cast.omar)
    text = client.get(PAGE).content.decode()
    assert "done since by a later one" in text and "Try again" not in text
    assert "A later one has done this since" in again(client, job, follow=True).content.decode()
    job.refresh_from_db()
    assert job.state == JobState.DEAD


def test_import_is_not_overtaken_by_the_import_of_another_file(client_for, cast, atlas, dead):
    with tenant_scope(atlas):
        Import.objects.create(filename="other.csv", state="succeeded", finished_at=timezone.now())
    assert "Try again" in client_for(cast.omar).get(PAGE).content.decode()


def test_job_of_a_kind_that_is_under_way_waits_for_it(client_for, cast, atlas, monkeypatch):
    monkeypatch.setattr(jobs, "ring", lambda job: pytest.fail("rung"))
    with tenant_scope(atlas):
        job = bury(TrainingRun)
        TrainingRun.objects.create()
    assert "Another one of this kind is under way" in again(client_for(cast.omar), job, follow=True).content.decode()
    job.refresh_from_db()
    assert job.state == JobState.DEAD


@pytest.mark.parametrize("kind", ["", "predictions.trainingrun", "tenants.user", "auth.group", "../x", "é"])
def test_identifier_with_another_kind_is_nowhere(client_for, cast, dead, kind):
    answer = client_for(cast.omar).post(f"/system/jobs/{dead.public_id}/again", {"kind": kind})
    assert answer.status_code == 404


# ---------------------------------------------------------------- the same for Prometheus


@pytest.fixture
def figures(settings, tmp_path):
    settings.METRICS_DIR = tmp_path
    settings.METRICS_SECONDS = 0

    def read() -> dict[tuple, float]:
        return {
            (sample.name, *(v for _k, v in sorted(sample.labels.items()))): sample.value
            for family in text_string_to_metric_families(metrics.exposition().decode())
            for sample in family.samples
        }

    return read


def test_figures_tell_the_same_as_the_page(cast, atlas, dead, watched, workers, figures):
    found = figures()
    company = str(atlas.pk)
    assert found["churnguard_companies",] == 2
    assert found["churnguard_scores_age_seconds", company] == pytest.approx(30 * 3600, abs=600)
    assert ("churnguard_scores_age_seconds", str(cast.borealis.pk)) not in found
    assert found["churnguard_drift", company, "moved_much"] == 1
    assert found["churnguard_drift", company, "stable"] == 0
    assert (found["churnguard_mails", "sent"], found["churnguard_mails", "uncertain"]) == (1500, 2)
    assert found["churnguard_mails", "failed"] == 0  # that campaign is of long ago
    assert found["churnguard_jobs", "customers.import", "dead"] == 1
    assert (found["churnguard_queue_messages", "mail"], found["churnguard_queue_messages", "ml"]) == (1234, 3)
    assert (found["churnguard_queue_workers", "default"], found["churnguard_queue_workers", "mail"]) == (2, 0)
    assert found["churnguard_sweep_age_seconds",] == pytest.approx(5, abs=30)
    assert 0 < found["churnguard_disk_free_bytes",] < found["churnguard_disk_bytes",]


def test_oldest_waiting_job_is_told_by_queue(cast, atlas, figures):
    with tenant_scope(atlas):
        TrainingRun.objects.create(requested_at=timezone.now() - timedelta(minutes=20))
        later = timezone.now() + timedelta(hours=1)
        Import.objects.create(filename="x.csv", requested_at=timezone.now() - timedelta(days=1), not_before=later)
    found = figures()
    assert found["churnguard_queue_oldest_seconds", "ml"] == pytest.approx(1200, abs=60)
    assert found["churnguard_queue_oldest_seconds", "default"] == 0


def test_figures_name_no_person_and_no_company_by_name(cast, atlas, dead, watched, workers, settings, tmp_path):
    settings.METRICS_DIR = tmp_path
    text = metrics.exposition().decode()
    for word in ("Atlas", "atlas", "@atlas", "customers.csv", "demo@here"):
        assert word not in text, word


def test_figures_cost_a_fixed_number_of_questions_a_company(cast, django_assert_max_num_queries):
    kinds = len(jobs.job_models())
    census = 1 + 2 * kinds if connection.vendor == "postgresql" else kinds  # there each company is asked for itself
    with django_assert_max_num_queries(census + 1 + 3 * 2):
        list(stock.metrics())


def test_broker_that_is_gone_leaves_the_other_figures(cast, figures, monkeypatch):
    def gone():
        raise redis.ConnectionError

    monkeypatch.setattr(broker, "has_broker", lambda: True)
    monkeypatch.setattr(broker, "waiting", gone)
    found = figures()
    assert ("churnguard_queue_messages", "ml") not in found
    assert found["churnguard_companies",] == 2
