"""The doctor: what is wrong is said in words with what to do, whatever else is wrong, and the exit code says whether."""

from __future__ import annotations

import json
import socket
import time
from io import StringIO
from types import SimpleNamespace

import pytest
import redis
from django.core.management import call_command
from django.db import Error
from django.utils import timezone

from campaigns.models import SenderProfile
from churnguard.doctor import care, examination, outside, own, servers
from churnguard.doctor.findings import ERROR, NOTE, OK, WARNING, examined
from core import broker, instance
from core.backups import reports, taking
from core.models import JobState
from customers.models import Import
from tenants.scoping import tenant_scope


def said(check) -> list[tuple[str, str, str]]:
    return [(one.about, one.level, one.text) for one in check()]


def worst(check) -> list[str]:
    return [one.text for one in check() if one.level in (ERROR, WARNING)]


@pytest.fixture
def has_broker(monkeypatch, settings):
    seen = time.time()
    found = [
        broker.Worker("a@here", ("default", "ml"), 2, seen, seen),
        broker.Worker("b@gone", ("mail",), 1, seen, seen - 300),
    ]
    monkeypatch.setattr(broker, "has_broker", lambda: True)
    monkeypatch.setattr(broker, "workers", lambda: found)
    monkeypatch.setattr(broker, "waiting", lambda: {"default": 0, "ml": 1, "mail": 7})
    monkeypatch.setattr(broker, "swept_at", lambda: seen - 5)
    return found


def test_everything_is_looked_at_and_a_check_that_breaks_stops_no_other(db, monkeypatch):
    def broken():
        raise RuntimeError("a disk went away")
        yield

    monkeypatch.setattr(examination, "_OUTSIDE", (("TLS", broken),))
    found = examination.examine()
    assert {"settings", "keys", "folders", "disk", "pages", "database", "migrations", "jobs", "backups", "TLS"} <= {
        one.about for one in found
    }
    assert [one.text for one in found if one.about == "TLS"] == [
        "could not be looked at: RuntimeError: a disk went away"
    ]
    assert "TLS" not in {one.about for one in examination.examine(offline=True)}


def test_command_says_it_in_words_and_as_json(db, settings):
    out = StringIO()
    settings.SECRET_KEY = "short"
    with pytest.raises(SystemExit) as ended:
        call_command("doctor", "--offline", "--json", stdout=out)
    told = json.loads(out.getvalue())
    assert ended.value.code == 1 and told["errors"] >= 1
    assert {"about", "level", "text", "advice"} == set(told["findings"][0])
    out = StringIO()
    with pytest.raises(SystemExit):
        call_command("doctor", "--offline", stdout=out)
    assert "✗ keys        SECRET_KEY is shorter than 32 characters." in out.getvalue()
    assert "→ Make one:" in out.getvalue()


def test_exit_code_is_that_of_the_worst(db, monkeypatch):
    from churnguard.doctor.findings import Finding

    finding = Finding("backups", WARNING, "a warning")
    monkeypatch.setattr("churnguard.management.commands.doctor.examine", lambda offline: [finding])
    call_command("doctor", stdout=StringIO())
    with pytest.raises(SystemExit):
        call_command("doctor", "--strict", stdout=StringIO())


def test_database_that_is_gone_is_one_finding_and_what_needs_it_is_left_out(db, monkeypatch):
    def gone():
        raise Error("connection refused\nfor user churnguard")

    monkeypatch.setattr(servers, "connection", SimpleNamespace(ensure_connection=gone, vendor="sqlite"))
    found = examination.examine(offline=True)
    assert [one.text for one in found if one.about == "database"] == [
        "The database does not answer: connection refused for user churnguard"
    ]
    assert not {"jobs"} & {one.about for one in found}
    assert "backups" in {one.about for one in found}


def test_missing_migration_is_named(db, monkeypatch):
    class Executor(servers.MigrationExecutor):
        def migration_plan(self, targets, clean_start=False):
            return [(self.loader.graph.nodes[("tenants", "0001_initial")], False)]

    monkeypatch.setattr(servers, "MigrationExecutor", Executor)
    assert "1 migrations are missing: tenants.0001_initial…" in worst(servers.database_answers)


def test_keys_are_set_long_enough_and_different(place, settings):
    assert worst(own.keys_are_there) == []
    settings.MAIL_KEY = settings.ADDRESS_KEY
    settings.CREDENTIALS_KEY = ""
    (place / "secret-key").write_text("x")
    (place / "secret-key").chmod(0o644)
    assert worst(own.keys_are_there) == [
        "CREDENTIALS_KEY is missing.",
        "Two keys are the same.",
        f"{place / 'secret-key'} can be read by others.",
    ]


def test_key_that_is_not_that_of_the_last_backup_is_named(database, settings):
    taking.back_up(version="test", say=lambda _: None)
    assert worst(own.keys_are_there) == []
    settings.ADDRESS_KEY = "another-address-key-" + "y" * 40
    assert worst(own.keys_are_there) == ["Other keys than when the last backup was made: ADDRESS_KEY."]


def test_folder_that_cannot_be_written_and_a_full_disk_are_named(place, settings, monkeypatch):
    settings.METRICS_DIR = place / "metrics"
    assert worst(own.folders_can_be_written) == []
    (place / "log").write_text("a file, no folder")
    settings.LOG_DIR = str(place / "log")
    assert worst(own.folders_can_be_written) == [f"LOG_DIR ({place / 'log'}) cannot be written to: File exists."]
    settings.LOG_DIR = ""
    usage = own.shutil.disk_usage(place)
    monkeypatch.setattr(own.shutil, "disk_usage", lambda _: usage._replace(total=1000 * 1024**3, free=20 * 1024**3))
    assert [(one.level, one.text) for one in own.folders_can_be_written() if one.about == "disk"] == [
        (ERROR, "Almost full: 20.0 GB of 1000.0 GB free where VAR_DIR is.")
    ]
    assert [path.name for path in place.iterdir() if path.name.startswith(".doctor")] == []


def test_queue_without_a_worker_and_a_silent_worker_are_named(has_broker):
    found = worst(servers.workers_listen)
    assert found[0] == "Nobody listens to the queue “mail”, where 7 messages wait."
    assert found[1] == "The worker b@gone fell silent 5 min ago."
    assert len(found) == 2
    assert ("beat", OK, "runs") in said(servers.workers_listen)


@pytest.mark.parametrize(
    ("ago", "words"), [(None, "Nothing was asked for by beat yet"), (600, "The last word of beat is 10 min old.")]
)
def test_beat_that_does_not_run_is_named(has_broker, monkeypatch, ago, words):
    monkeypatch.setattr(broker, "swept_at", lambda: None if ago is None else time.time() - ago)
    assert any(text.startswith(words) for text in worst(servers.workers_listen))


def test_broker_that_does_not_answer_is_named(has_broker, monkeypatch):
    def gone():
        raise redis.ConnectionError("refused")

    monkeypatch.setattr(broker, "ping", gone)
    assert worst(servers.broker_answers) == ["The broker does not answer: refused"]
    monkeypatch.setattr(broker, "has_broker", lambda: False)
    assert [one.level for one in servers.broker_answers()] == [NOTE]


def test_clock_that_differs_from_the_brokers_is_named(db, has_broker, monkeypatch):
    class Ahead:
        def time(self):
            return int(time.time()) + 90, 0

    monkeypatch.setattr(servers.redis.Redis, "from_url", lambda *_, **__: Ahead())
    assert any(text.startswith("The broker's clock is +") for text in worst(servers.clocks_agree))


def test_backups_that_fail_are_old_untried_or_on_the_same_disk_are_named(database, settings):
    settings.BACKUP_MINUTES = 60
    assert "There is no backup yet." in worst(care.backups_are_made)
    taking.back_up(version="test", say=lambda _: None)
    found = worst(care.backups_are_made)
    assert "No restore was ever tried: a backup counts only after one." in found
    assert "Backups are not encrypted." in found
    assert any(text.startswith("Backups lie on the same disk") for text in found)
    reports.note("backup", code="disk_full", message="no room")
    assert any("no room" in text for text in worst(care.backups_are_made))
    settings.BACKUP_KEY = "k" * 40
    assert any(
        text.startswith("The store cannot be used: This store was made without a key")
        for text in worst(care.backups_are_made)
    )
    settings.BACKUP_MINUTES, settings.BACKUP_NIGHTLY = 0, False
    assert "No backup is made by itself." in worst(care.backups_are_made)


def test_jobs_that_were_given_up_are_counted_by_kind(atlas):
    assert worst(care.jobs_are_alive) == []
    with tenant_scope(atlas):
        Import.objects.create(filename="a.csv", state=JobState.DEAD, finished_at=timezone.now())
    assert worst(care.jobs_are_alive) == ["1 jobs were given up: 1 × customers.import."]


def test_mail_that_is_held_back_is_told_with_its_cause(cast, settings):
    assert said(care.mail_may_go) == []
    instance.mark_restored(settings.VAR_DIR, snapshot="20260101T000000Z-abcdef", origin="x")
    assert worst(care.mail_may_go) == ["Mail is held back for atlas-telecom, borealis-mobile."]
    assert "20260101T000000Z-abcdef" in said(care.mail_may_go)[0][2]


def test_sender_whose_password_does_not_open_or_whose_domain_is_not_in_order_is_named(atlas):
    with tenant_scope(atlas):
        SenderProfile.objects.create(salt="x", transport="smtp", host="mail.example.com", sealed_password="nonsense")
    found = worst(outside.senders_are_in_order)
    assert found[0].startswith("atlas-telecom: the mail server's password does not open")
    assert found[1].startswith("atlas-telecom: nobody looked at the sender's domain")
    with tenant_scope(atlas):
        report = {"findings": [{"code": "no_spf", "severity": "error"}]}
        SenderProfile.objects.update(sealed_password="", domain_checked_at=timezone.now(), domain_report=report)
    assert worst(outside.senders_are_in_order) == ["atlas-telecom: the sender's domain is not in order: no_spf."]


def test_site_that_cannot_be_reached_over_tls_is_told(settings):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # not listening: refused
        settings.PUBLIC_URL = f"https://127.0.0.1:{taken.getsockname()[1]}"
        assert "cannot be reached from here" in worst(outside.certificate_holds)[0]
    settings.PUBLIC_URL = ""
    assert said(outside.certificate_holds) == []


def test_answer_that_takes_no_form_is_told_as_such():
    def broken():
        yield from ()
        raise ValueError("two\nlines")

    assert examined("x", broken)[0].text == "could not be looked at: ValueError: two lines"
