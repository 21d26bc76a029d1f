"""Figures for Prometheus: added up over processes, cheap, and for nobody but the operator."""

import ipaddress
import multiprocessing
import os
import re
from types import SimpleNamespace

import pytest
from django.db import connection
from django.test import RequestFactory
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.parser import text_string_to_metric_families

from core import census, health, jobs, metrics
from core.models import JobState
from customers.models import FeedRun, Import
from predictions.models import TrainingRun
from tenants.models import Tenant
from tenants.scoping import tenant_scope


@pytest.fixture(autouse=True)
def well(monkeypatch, tmp_path, settings):
    """Servers answer, nothing is kept from the test before."""
    settings.METRICS_DIR = tmp_path
    monkeypatch.setattr(health, "health", lambda: health.Health("ok", "ok", "ok", "ok"))


@pytest.fixture
def provided(monkeypatch):
    """Providers of the test's own, and how often they were asked."""
    given = {}
    monkeypatch.setattr(metrics, "_providers", given)
    return given


def scraped() -> dict[tuple, float]:
    """(name, labels…) -> value."""
    found = {}
    for family in text_string_to_metric_families(metrics.exposition().decode()):
        for sample in family.samples:
            found[sample.name, *(v for _k, v in sorted(sample.labels.items()))] = sample.value
    return found


def gauge(name: str, value: float) -> GaugeMetricFamily:
    made = GaugeMetricFamily(name, "A figure.")
    made.add_metric([], value)
    return made


# ---------------------------------------------------------------- who may read


@pytest.mark.parametrize("address", ["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"])
def test_this_machine_may_read(client, db, address):
    answer = client.get("/metrics", REMOTE_ADDR=address)
    assert answer.status_code == 200
    assert answer["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"


@pytest.mark.parametrize("address", ["10.0.0.7", "203.0.113.9", "2001:db8::1", ""])
def test_nobody_else_may_without_the_token(client, db, settings, address):
    assert client.get("/metrics", REMOTE_ADDR=address).status_code == 403
    settings.METRICS_TOKEN = "figures-1234"
    for offered in ("", "Bearer", "Bearer ", "Bearer wrong", "figures-1234", "Bearer figures-1234x", "Bearer é"):
        assert client.get("/metrics", REMOTE_ADDR=address, headers={"Authorization": offered}).status_code == 403
    right = {"Authorization": "Bearer figures-1234"}
    assert client.get("/metrics", REMOTE_ADDR=address, headers=right).status_code == 200


def test_empty_token_opens_nothing(client, db, settings):
    settings.METRICS_TOKEN = ""
    for offered in ("Bearer ", "Bearer", ""):
        assert client.get("/metrics", REMOTE_ADDR="10.0.0.7", headers={"Authorization": offered}).status_code == 403


def test_networks_of_the_operator_may_read(client, db, settings):
    settings.METRICS_NETWORKS = ["10.0.0.0/8"]
    assert client.get("/metrics", REMOTE_ADDR="10.3.2.1").status_code == 200
    assert client.get("/metrics", REMOTE_ADDR="127.0.0.1").status_code == 403


@pytest.mark.parametrize(
    ("proxies", "headers", "address"),
    [
        (0, {}, "127.0.0.1"),
        (0, {"X-Forwarded-For": "203.0.113.9"}, None),  # a proxy that nobody named: who it is cannot be known
        (0, {"X-Forwarded-For": "127.0.0.1"}, None),
        (0, {"X-Forwarded-Proto": "https"}, None),
        (0, {"Forwarded": "for=203.0.113.9"}, None),
        (1, {}, "127.0.0.1"),
        (1, {"X-Forwarded-Proto": "https"}, None),
        (1, {"X-Forwarded-For": "203.0.113.9"}, "203.0.113.9"),
        (1, {"X-Forwarded-For": "127.0.0.1, 203.0.113.9"}, "203.0.113.9"),  # what the client wrote itself stands left
        (2, {"X-Forwarded-For": "127.0.0.1, 203.0.113.9, 10.0.0.1"}, "203.0.113.9"),
        (2, {"X-Forwarded-For": "127.0.0.1"}, None),
        (1, {"X-Forwarded-For": "127.0.0.1, nonsense"}, None),
    ],
)
def test_address_is_the_one_that_our_own_proxy_saw(settings, proxies, headers, address):
    settings.TRUSTED_PROXIES = proxies
    request = RequestFactory().get("/metrics", headers=headers)
    found = metrics.client_address(request)
    assert found == (ipaddress.ip_address(address) if address else None)


# ---------------------------------------------------------------- answers


def test_answers_are_counted_by_the_name_of_their_route(client_for, cast, provided):
    before = scraped()
    client = client_for(cast.bob)
    for address in ("/clients?q=Salah", "/clients?q=Ben", "/nowhere/C-1042", "/mlops/versions/999"):
        client.get(address)
    after = scraped()

    def grew(*key: str) -> float:
        return after.get(key, 0) - before.get(key, 0)

    assert grew("churnguard_request_seconds_count", "GET", "dashboard:client_list", "2xx") == 2
    assert grew("churnguard_request_seconds_sum", "GET", "dashboard:client_list", "2xx") > 0
    assert grew("churnguard_request_seconds_count", "GET", "none", "4xx") == 1
    assert grew("churnguard_request_seconds_count", "GET", "predictions:version_detail", "4xx") == 1
    said = metrics.exposition().decode()
    assert "Salah" not in said and "C-1042" not in said and str(cast.atlas.pk) not in said


def test_failures_of_ours_are_counted(client_for, cast, provided, monkeypatch):
    def broken(*_, **__):
        raise RuntimeError

    monkeypatch.setattr("customers.selectors.customer_base", broken)
    key = ("churnguard_server_errors_total", "dashboard:dashboard")
    before = scraped().get(key, 0)
    client = client_for(cast.bob)
    client.raise_request_exception = False
    client.get("/dashboard")
    assert scraped()[key] == before + 1


def test_methods_are_few_whatever_is_sent(db, provided):
    metrics.note_request(route="none", method="BREW", status=405, seconds=0.1)
    assert ("churnguard_request_seconds_count", "other", "none", "4xx") in scraped()


def test_memory_and_processor_of_this_process_are_told(provided, monkeypatch):
    monkeypatch.setattr(metrics, "_process_noted_at", -1e9)
    found = scraped()
    pid = str(os.getpid())
    assert found["churnguard_process_resident_bytes", "web", pid] > 10_000_000
    assert found["churnguard_process_cpu_seconds", "web", pid] > 0


def _serve(times: int) -> None:
    for _ in range(times):
        metrics.note_request(route="tests:child", method="GET", status=200, seconds=0.2)


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_counts_of_processes_add_up_and_outlive_them(provided):
    fork = multiprocessing.get_context("fork")
    key = ("churnguard_request_seconds_count", "GET", "tests:child", "2xx")
    before = scraped().get(key, 0)
    _serve(2)
    for times in (3, 4):
        child = fork.Process(target=_serve, args=(times,))
        child.start()
        child.join(60)
    files = len(list(metrics.FOLDER.glob("histogram_*.db")))
    assert files >= 3
    for _ in range(3):  # folding them together loses nothing and doubles nothing, however often it is done
        found = scraped()
        assert found[key] == before + 9
        assert found["churnguard_request_seconds_bucket", "0.25", "GET", "tests:child", "2xx"] == before + 9
    # What is left is the sum of those that ended, and those that live: other processes of this test run count there too.
    left = {int(path.stem.removeprefix("histogram_")) for path in metrics.FOLDER.glob("histogram_*.db")}
    assert 0 in left
    assert all(_lives(pid) for pid in left - {0})


# ---------------------------------------------------------------- from the database


def test_figures_from_the_database_are_kept_for_all_processes(provided, settings):
    settings.METRICS_SECONDS = 600  # longer than a busy machine takes for five questions
    asked = []
    metrics.provide("mine", lambda: asked.append(1) or [gauge("churnguard_mine", len(asked))])
    assert [scraped()["churnguard_mine",] for _ in range(5)] == [1, 1, 1, 1, 1]
    settings.METRICS_SECONDS = 0
    metrics_cost = scraped()["churnguard_stock_seconds",]
    assert metrics_cost < 1


def test_figures_that_cost_much_are_asked_for_seldom(provided, settings, monkeypatch):
    settings.METRICS_SECONDS = 15
    now = SimpleNamespace(at=1_000_000.0)
    monkeypatch.setattr(metrics.time, "time", lambda: now.at)
    asked = []

    def slow():
        asked.append(1)
        return [gauge("churnguard_slow", 1)], 4.0

    monkeypatch.setattr(metrics, "_ask_providers", lambda: (b"", slow()[1]))
    ages = []
    for step in (0, 20, 59, 5, 80):  # 20 × 4 s: asked again after 80 s
        now.at += step
        metrics._provided(may_ask=True)
        ages.append(len(asked))
    assert ages == [1, 1, 1, 2, 3]


def test_scrape_tells_what_is_well_when_the_database_is_not(provided, monkeypatch, settings):
    settings.METRICS_SECONDS = 0
    metrics.provide("mine", lambda: [gauge("churnguard_mine", 7)])
    assert scraped()["churnguard_mine",] == 7

    def gone():
        raise AssertionError("asked of a database that does not answer")

    metrics.provide("mine", gone)
    monkeypatch.setattr(health, "health", lambda: health.Health("silent", "unknown", "ok", "ok"))
    found = scraped()
    assert (found["churnguard_up", "database"], found["churnguard_up", "broker"]) == (0, 1)
    assert found["churnguard_mine",] == 7  # the last that was known, with its age
    assert found["churnguard_stock_age_seconds",] >= 0


def test_provider_that_fails_does_not_silence_the_others(provided, settings, caplog):
    def broken():
        raise RuntimeError("no such table")

    metrics.provide("broken", broken)
    assert scraped()["churnguard_up", "database"] == 1
    assert "could not be read" in caplog.text


def test_clock_that_was_set_back_does_not_freeze_the_figures(provided, monkeypatch):
    asked = []
    metrics.provide("mine", lambda: asked.append(1) or [])
    now = SimpleNamespace(at=2_000_000.0)
    monkeypatch.setattr(metrics.time, "time", lambda: now.at)
    scraped()
    now.at -= 86_400
    scraped()
    assert len(asked) == 2


# ---------------------------------------------------------------- jobs


def test_census_counts_every_kind_over_companies(cast):
    with tenant_scope(cast.atlas):
        Import.objects.create(filename="a.csv")
        Import.objects.create(filename="b.csv", state=JobState.DEAD)
        TrainingRun.objects.create()
    with tenant_scope(cast.borealis):
        Import.objects.create(filename="c.csv")
        jobs.claim(TrainingRun, TrainingRun.objects.create().pk)
    found = {kind.kind: kind for kind in census.census()}
    assert set(found) == {model._meta.label_lower for model in jobs.job_models()}
    assert found["customers.import"].states == {"queued": 2, "dead": 1}
    assert found["predictions.trainingrun"].states == {"queued": 1, "running": 1}
    assert found["predictions.trainingrun"].queue == "ml"
    assert (found["customers.import"].queue, found["campaigns.shift"].queue) == ("default", "mail")
    assert found["customers.import"].waiting_since is not None
    assert found["campaigns.shift"].waiting_since is None


def test_census_looks_at_the_newest_only(atlas_scope, monkeypatch, django_assert_num_queries):
    monkeypatch.setattr(census, "NEWEST", 3)
    Import.objects.bulk_create(Import(filename="x.csv", state=JobState.FAILED) for _ in range(5))
    by_company = (Tenant.objects.count(), 1) if connection.vendor == "postgresql" else (1, 0)
    with django_assert_num_queries(by_company[0] * len(jobs.job_models()) + by_company[1]) as asked:
        found = {kind.kind: kind for kind in census.census()}
    assert found["customers.import"].states == {"failed": 3}
    assert all(re.search(r"LIMIT 3", query["sql"]) for query in asked.captured_queries[by_company[1] :])


def test_job_that_rests_until_later_does_not_wait(atlas_scope):
    from datetime import timedelta

    from django.utils import timezone

    later = timezone.now() + timedelta(hours=1)
    Import.objects.create(filename="x.csv", not_before=later)
    (kind,) = [kind for kind in census.census() if kind.kind == "customers.import"]
    assert kind.states == {"queued": 1} and kind.waiting_since is None
    assert FeedRun in jobs.job_models()
