"""The two probes: one asks nobody, the other asks everybody and is never kept waiting."""

import threading
import time

import pytest
import redis
from django.db import OperationalError, connection
from django.db.migrations.recorder import MigrationRecorder

from core import broker, draining, health


@pytest.fixture(autouse=True)
def fresh(monkeypatch):
    """Nothing is remembered from the test before."""
    monkeypatch.setattr(health, "_checkup", health.Checkup(kept=0, patience=5))
    yield
    draining.end()


@pytest.fixture
def asked_of(monkeypatch):
    """``asked_of(database="ok/ok", broker="ok")``: what the two servers would answer, and how often they were asked."""

    def answering(**answers):
        counts = dict.fromkeys(answers, 0)
        for name, answer in answers.items():

            def ask(name=name, answer=answer):
                counts[name] += 1
                return answer() if callable(answer) else answer

            monkeypatch.setattr(health, f"_ask_{name}", ask)
        return counts

    return answering


def test_ready_where_everything_answers(client, db):
    answer = client.get("/readyz")
    body = answer.json()
    assert answer.status_code == 200
    assert body["ready"] is True
    assert (body["database"], body["migrations"], body["site"]) == ("ok", "ok", "ok")
    assert body["broker"] == ("ok" if broker.has_broker() else "none")


def test_probe_leaves_no_empty_file_where_a_database_was(tmp_path, monkeypatch):
    lost = tmp_path / "churnguard.sqlite3"
    monkeypatch.setitem(connection.settings_dict, "NAME", lost)
    monkeypatch.setattr(type(connection), "vendor", "sqlite", raising=False)
    assert health._ask_database() == "unreachable"
    assert not lost.exists()


@pytest.mark.parametrize("path", ["/livez", "/readyz"])
def test_probe_is_kept_by_no_cache_and_asks_for_no_host_of_ours(client, db, path, settings):
    settings.SECURE_SSL_REDIRECT = True
    answer = client.get(path, headers={"host": "10.0.0.7:8000"})
    assert answer.status_code == 200
    assert "no-store" in answer["Cache-Control"]
    assert answer["X-Content-Type-Options"] == "nosniff"


def test_alive_whatever_is_broken(client, asked_of):
    counts = asked_of(database="unreachable", broker="unreachable")
    draining.begin()
    assert client.get("/livez").content == b"ok"
    assert counts == {"database": 0, "broker": 0}


@pytest.mark.parametrize(
    ("database", "said_broker", "wrong"),
    [
        ("unreachable", "ok", {"database": "unreachable", "migrations": "unknown"}),
        ("ok/missing", "ok", {"migrations": "missing"}),
        ("ok/ok", "unreachable", {"broker": "unreachable"}),
    ],
)
def test_not_ready_names_what_is_wrong_and_no_machine(client, asked_of, database, said_broker, wrong):
    asked_of(database=database, broker=said_broker)
    answer = client.get("/readyz")
    assert answer.status_code == 503
    whole = {"ready": False, "database": "ok", "migrations": "ok", "broker": "ok", "site": "ok"}
    assert answer.json() == whole | wrong


def test_ready_again_by_itself(client, asked_of, caplog):
    answers = iter(["unreachable", "unreachable", "ok"])
    asked_of(database="ok/ok", broker=lambda: next(answers))
    with caplog.at_level("INFO", "core.health"):
        assert [client.get("/readyz").status_code for _ in range(3)] == [503, 503, 200]
    assert [entry.message for entry in caplog.records] == [  # and no line for each probe
        "not ready: broker unreachable",
        "ready again",
    ]


def test_server_that_hangs_keeps_nobody_waiting(monkeypatch, asked_of):
    never = threading.Event()
    counts = asked_of(database=lambda: never.wait(60) and "ok/ok", broker="ok")
    checkup = health.Checkup(kept=0, patience=0.05)
    started = time.monotonic()
    found = [checkup.health() for _ in range(3)]
    assert time.monotonic() - started < 30  # not the sixty that each would take
    assert [(state.database, state.is_ready) for state in found] == [("silent", False)] * 3
    assert counts["database"] == 1  # one asking hangs, not one a probe
    never.set()
    checkup.patience = 30
    assert checkup.health().is_ready


def test_asking_that_never_ends_is_given_up_for_a_new_one(monkeypatch, asked_of):
    """A connection that was cut without a word may hang for a quarter of an hour: the server is back long before."""
    never = threading.Event()
    answers = iter([lambda: never.wait(60) and "", lambda: "ok/ok"])
    asked_of(database=lambda: next(answers)(), broker="ok")
    checkup = health.Checkup(kept=0, patience=0.05)
    assert not checkup.health().is_ready
    monkeypatch.setattr(health, "_GIVEN_UP_SECONDS", 0)
    checkup.patience = 30
    assert checkup.health().is_ready
    never.set()


def test_answer_is_kept_for_a_moment(asked_of):
    counts = asked_of(database="ok/ok", broker="ok")
    checkup = health.Checkup(kept=60)
    assert all(checkup.health().is_ready for _ in range(100))
    assert counts == {"database": 1, "broker": 1}


def test_site_that_stops_says_so_at_once_though_an_answer_is_kept(asked_of):
    asked_of(database="ok/ok", broker="ok")
    checkup = health.Checkup(kept=60)
    assert checkup.health().is_ready
    draining.begin()
    assert (checkup.health().site, checkup.health().is_ready) == ("draining", False)


def test_missing_migration_is_found(db, monkeypatch):
    name = max(health._written())
    recorder = MigrationRecorder(connection)
    applied = {key: True for key in health._written() if key != name}
    monkeypatch.setattr(MigrationRecorder, "applied_migrations", lambda self: applied)
    assert recorder.applied_migrations() == applied
    assert health._ask_database() == "ok/missing"
    applied[name] = True
    assert health._ask_database() == "ok/ok"


def test_database_that_refuses_is_unreachable(db, monkeypatch):
    def refuse(self):
        raise OperationalError("connection refused")

    monkeypatch.setattr(MigrationRecorder, "applied_migrations", refuse)
    monkeypatch.setattr(connection, "close", lambda: None)
    assert health._ask_database() == "unreachable"


def test_broker_that_is_not_there_is_unreachable(settings):
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    assert health._ask_broker() == "unreachable"
    settings.REDIS_URL = ""
    assert health._ask_broker() == "none"


def test_broker_lists_workers_and_forgets_who_is_long_gone(settings, monkeypatch):
    if not settings.REDIS_URL:
        pytest.skip("no broker")
    client = redis.Redis.from_url(settings.REDIS_URL)
    client.delete("churnguard:workers")
    now = time.time()
    broker.say_worker("a@here", queues=("default", "ml"), processes=4, started_at=now)
    monkeypatch.setattr(broker.time, "time", lambda: now - 60)
    broker.say_worker("b@silent", queues=("mail",), processes=1, started_at=now - 99)
    monkeypatch.setattr(broker.time, "time", lambda: now - 90_000)
    broker.say_worker("c@gone", queues=("mail",), processes=1, started_at=now - 99_000)
    monkeypatch.setattr(broker.time, "time", lambda: now)
    client.hset("churnguard:workers", "d@nonsense", b"\xff{")
    assert [(worker.name, worker.is_here) for worker in broker.workers()] == [("a@here", True), ("b@silent", False)]
    assert client.hlen("churnguard:workers") == 2
    broker.say_worker_gone("a@here")
    assert [worker.name for worker in broker.workers()] == ["b@silent"]
    client.delete("churnguard:workers")
