"""The check itself: it runs the units' own commands, and a step that fails makes it red."""

from __future__ import annotations

import json
import subprocess
from datetime import UTC, datetime

import pytest

from deploy.check import keeping, starting
from deploy.check.__main__ import Table, logs
from deploy.check.place import ROOT, Failed, Place, eventually, hold
from deploy.check.visitor import Crowd, Visitor, multipart, static_files


@pytest.fixture
def place(tmp_path) -> Place:
    made = Place(tmp_path / "place")
    (made.etc / "env").write_text(f"WEB_THREADS=7\nVAR_DIR={made.var}\nDATABASE_URL=the-site's\n")
    return made


def test_commands_are_the_units_own_with_the_folders_and_ports_of_here(place):
    [site] = place.commands("churnguard-web@8001")
    assert site[0] == str(ROOT / ".venv" / "bin" / "python")
    assert f"127.0.0.1:{place.ports['8001']}" in site
    assert site[site.index("--threads") + 1] == "7"  # the file of settings wins over the unit
    [clock] = place.commands("churnguard-beat")
    assert str(place.var / "beat-schedule") in clock
    every = [word for name in (*starting.WEB, *starting.WORKERS, starting.BEAT) for word in place.commands(name)[0]]
    assert [word for word in every if word.startswith(("/srv/", "/var/lib/", "/etc/"))] == []


def test_files_of_a_unit_count_in_their_order_and_one_that_is_needed_must_be_there(place):
    release, _ = place._unit("churnguard-release")
    with pytest.raises(Failed, match=r"churnguard-release\.service needs /etc/churnguard/release\.env"):
        place.environment(release)
    (place.etc / "release.env").write_text("DATABASE_URL=the-owner's\n")
    assert place.environment(release)["DATABASE_URL"] == "the-owner's"
    for name in (*starting.WEB, *starting.WORKERS, starting.BEAT):
        assert place.environment(*place._unit(name))["DATABASE_URL"] == "the-site's"
    (place.etc / "worker-ml.env").write_text("WORKER_PROCESSES=9\n")
    [worker] = place.commands("churnguard-worker@ml")
    assert worker[worker.index("--concurrency") + 1] == "9"


def test_process_gets_what_systemd_would_give_it_and_nothing_of_ours(place, monkeypatch):
    monkeypatch.setenv("DATABASE_URL", "postgres://somebody/else")
    monkeypatch.setenv("DJANGO_SETTINGS_MODULE", "churnguard.settings.test")
    unit, instance = place._unit("churnguard-worker@ml")
    env = place.environment(unit, instance)
    assert (env["DJANGO_ENV"], env["WORKER_PROCESSES"]) == ("production", "2")
    assert env["DATABASE_URL"] == "the-site's"
    assert "DJANGO_SETTINGS_MODULE" not in env


def test_failed_step_is_red_and_ends_what_builds_on_it(capsys):
    table = Table()
    table.step("first", lambda: "fine")
    assert not table.failed
    table.step("second", lambda: hold(False, "the reason"), needed=True)
    table.step("third", lambda: pytest.fail("was tried"))
    assert [(name, result) for name, result, *_ in table.lines] == [
        ("first", "passed"), ("second", "FAILED"), ("third", "left out"),
    ]  # fmt: skip
    assert table.failed
    assert "the reason" in capsys.readouterr().out


def test_skipped_step_is_not_red():
    table = Table()
    table.skip("TLS", "nginx is not installed")
    assert not table.failed


def test_what_never_happens_is_said():
    with pytest.raises(Failed, match="not within 0 s: the moon rises"):
        eventually(lambda: False, seconds=0, what="the moon rises")


def test_one_failed_request_of_a_crowd_is_enough():
    people = Crowd()
    people.asked = 100
    assert "none failed" in people.judged()
    people.wrong.append("/dashboard 502")
    with pytest.raises(Failed, match="1 of 100 requests failed: /dashboard 502"):
        people.judged()


def test_crowd_that_asked_nothing_proves_nothing():
    with pytest.raises(Failed, match="only 0 requests"):
        Crowd().judged()


def test_page_and_form_are_read_and_written_as_a_browser_does():
    page = '<link href="/static/app.0123456789ab.css"><script src="/static/js/app.js"></script><a href="/clients">'
    assert static_files(page) == ["/static/app.0123456789ab.css", "/static/js/app.js"]
    body, kind = multipart({"attended": "true"}, "x.csv", b"a,b\n")
    boundary = kind.partition("boundary=")[2].encode()
    assert body.count(b"--" + boundary) == 3 and b'name="file"; filename="x.csv"' in body


@pytest.mark.parametrize(
    ("logger", "during", "passes"),
    [
        ("core.health", True, True),
        ("celery.worker.request", True, True),
        ("core.health", False, False),  # nobody had taken anything away
        ("django.request", True, False),  # a page that fails is no server's fault
    ],
)
def test_only_errors_of_servers_that_were_taken_away_are_foreseen(place, logger, during, passes):
    now = datetime.now(UTC)
    line = {"time": now.isoformat(), "level": "ERROR", "logger": logger, "message": "unreachable"}
    (place.var / "log").mkdir()
    for stem in ("churnguard", "errors"):
        (place.var / "log" / f"{stem}-{now.date()}.log").write_text(json.dumps(line) + "\n")
    if during:
        place.disturbances.append((now.timestamp() - 1, now.timestamp() + 1))
    if passes:
        assert "1 errors" in logs(place)
    else:
        with pytest.raises(Failed, match=logger):
            logs(place)


def ended(code: int, out: str) -> subprocess.CompletedProcess[str]:
    return subprocess.CompletedProcess(["manage.py"], code, out, "")


FINE = [{"about": name, "level": "ok", "text": "well", "advice": ""} for name in keeping.LOOKED_AT]


@pytest.mark.parametrize(
    ("findings", "said"),
    [
        ([], None),
        ([{"about": "disk", "level": "warning", "text": "Filling up"}], None),
        ([{"about": "database", "level": "error", "text": "No answer"}], "database: No answer"),
        ([{"about": "backups", "level": "warning", "text": "Backups are not encrypted."}], "not encrypted"),
    ],
)
def test_doctor_may_complain_of_this_machine_only(place, monkeypatch, findings, said):
    place.backups.mkdir()
    told = json.dumps({"findings": [*FINE, *findings]})
    monkeypatch.setattr(place, "manage", lambda *_words, **_more: ended(0, told))
    if said is None:
        assert "none of them wrong" in keeping.doctor(place, Visitor(place, None))
    else:
        with pytest.raises(Failed, match=said):
            keeping.doctor(place, Visitor(place, None))


def test_doctor_that_did_not_look_is_not_believed(place, monkeypatch):
    told = json.dumps({"findings": FINE[1:]})
    monkeypatch.setattr(place, "manage", lambda *_words, **_more: ended(0, told))
    with pytest.raises(Failed, match=f"says nothing of {FINE[0]['about']}"):
        keeping.doctor(place, Visitor(place, None))


def test_backup_waits_for_a_worker_that_makes_one_and_for_nothing_else(place, monkeypatch):
    answers = [ended(1, '{"error": {"code": "busy", "detail": ""}}'), ended(0, '{"id": "20261127"}')]
    monkeypatch.setattr(place, "manage", lambda *_words, **_more: answers.pop(0))
    assert keeping._backed_up(place) == {"id": "20261127"}
    answers = [ended(1, '{"error": {"code": "no_rights", "detail": ""}}')]
    with pytest.raises(Failed, match="no_rights"):
        keeping._backed_up(place)
