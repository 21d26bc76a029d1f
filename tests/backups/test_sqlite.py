"""A SQLite installation backed up, brought back elsewhere, tried and reported."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
import threading
import time
import tracemalloc
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from core import instance
from core.backups import configuration, cutting, drilling, reports, restoring, schedule, sqlite, taking, tree
from core.backups.restoring import Target
from core.backups.sealing import Damaged
from core.backups.snapshots import File
from core.backups.store import Store
from core.backups.verifying import verify
from core.errors import Refused

from .conftest import KEY, fill, run, upload


def back_up(**options) -> taking.Taken:
    return taking.back_up(version="test", say=lambda _: None, **options)


def bring_back(folder, *, id_: str = "", replace: bool = False, store: Store | None = None) -> restoring.Outcome:
    store = store or taking.open_store()
    target = Target.into(folder, "sqlite")
    return restoring.restore(store, restoring.choose(store, id_), target, replace=replace, say=lambda _: None)


def rows_of(path) -> list[tuple]:
    return run(path, "SELECT id, name, charge, note FROM customer ORDER BY id")


# ---------------------------------------------------------------- there and back


def test_what_comes_back_is_what_was_there(database, place, tmp_path):
    upload(place, "atlas/imports/1/upload", b"id;name\n1;Elodie\n" * 20_000)
    upload(place, "atlas/models/1.skops", b"")
    upload(place, "atlas/outbox/shift-1", b"a journal of this machine")
    (tmp_path / "raw" / "atlas").mkdir(parents=True)
    (tmp_path / "raw" / "atlas" / "inbox.csv").write_bytes(b"id\n1\n")
    taken = back_up()
    assert taken.snapshot.database.tables["customer"].rows == 4_000
    assert taken.snapshot.database.schema == ("tenants.0001_initial",)
    there = tmp_path / "there"
    outcome = bring_back(there)
    assert (outcome.differences, outcome.rows, outcome.files) == ([], 8_001, 3)
    assert rows_of(there / "churnguard.sqlite3") == rows_of(database)
    for name in ("atlas/imports/1/upload", "atlas/models/1.skops"):
        assert (there / "files" / name).read_bytes() == (place / "files" / name).read_bytes()
        assert (there / "files" / name).stat().st_mtime_ns == (place / "files" / name).stat().st_mtime_ns
    assert (there / "raw" / "atlas" / "inbox.csv").read_bytes() == b"id\n1\n"
    assert not (there / "files" / "atlas" / "outbox").exists()
    mark = json.loads((there / "restored.json").read_text())
    assert (mark["snapshot"], mark["origin"], mark["hold"]) == (
        taken.snapshot.id,
        instance.instance_id(),
        outcome.hold,
    )


def test_second_backup_keeps_only_what_changed(database, place):
    upload(place, "atlas/a", b"a" * 400_000)
    first = back_up()
    assert back_up().new_pieces == 0
    run(database, "UPDATE customer SET name = 'Zoé' WHERE id = 2000")
    third = back_up()
    assert 0 < third.new_pieces <= 2 and third.new_bytes < 2 * cutting.PAGED
    assert third.snapshot.database.tables["customer"].digest != first.snapshot.database.tables["customer"].digest
    assert third.snapshot.database.tables["mail"] == first.snapshot.database.tables["mail"]


def test_each_snapshot_is_restored_as_of_its_own_moment(database, tmp_path):
    first = back_up().snapshot
    run(database, "DELETE FROM mail WHERE id < 100")
    back_up()
    bring_back(tmp_path / "now")
    bring_back(tmp_path / "then", id_=first.id[:20])
    counts = [
        run(tmp_path / name / "churnguard.sqlite3", "SELECT count(*) FROM mail")[0][0] for name in ("then", "now")
    ]
    assert counts == [4_000, 3_900]


def test_backup_while_others_write_is_of_one_moment(database, tmp_path):
    """A sum that every transaction leaves at zero; a copy of two moments would not."""
    run(database, "CREATE TABLE account (id INTEGER PRIMARY KEY, money INTEGER)")
    with closing(sqlite3.connect(database)) as db, db:
        db.executemany("INSERT INTO account VALUES (?, 0)", [(n,) for n in range(5_000)])
    ended, moves = threading.Event(), []

    def move() -> None:
        with closing(sqlite3.connect(database, timeout=20, isolation_level=None)) as db:
            while not ended.is_set():
                db.execute("BEGIN IMMEDIATE")
                db.execute("UPDATE account SET money = money - 1 WHERE id = ?", (len(moves) % 5_000,))
                db.execute("UPDATE account SET money = money + 1 WHERE id = ?", (4_999 - len(moves) % 5_000,))
                db.execute("COMMIT")
                moves.append(1)

    writer = threading.Thread(target=move)
    writer.start()
    try:
        for n in range(3):
            while len(moves) < 50 * (n + 1):
                time.sleep(0.01)
            before = len(moves)
            back_up()
            outcome = bring_back(tmp_path / f"there-{n}")
            assert outcome.differences == []
            there = tmp_path / f"there-{n}" / "churnguard.sqlite3"
            assert run(there, "SELECT sum(money), max(abs(money)) > 0 FROM account") == [(0, 1)]
            assert len(moves) > before, "the writer was kept waiting all the time"
    finally:
        ended.set()
        writer.join()


def test_sealed_backup_comes_back_with_its_key_only(database, place, settings, tmp_path):
    upload(place, "atlas/upload", b"elodie@example.com" * 1000)
    settings.BACKUP_KEY = KEY
    back_up()
    assert all(
        b"elodie" not in path.read_bytes() and b"\xc3\x89lodie" not in path.read_bytes()
        for path in settings.BACKUP_DIR.rglob("*")
        if path.is_file()
    )
    assert bring_back(tmp_path / "there").differences == []
    assert rows_of(tmp_path / "there" / "churnguard.sqlite3") == rows_of(database)
    settings.BACKUP_KEY = ""
    with pytest.raises(Refused, match="encrypted"):
        bring_back(tmp_path / "elsewhere")


# ---------------------------------------------------------------- raw files


def test_nightly_backup_reads_files_again_whose_time_did_not_change(database, place):
    path = upload(place, "atlas/upload", b"one" * 100)
    before = path.stat()
    back_up()
    path.write_bytes(b"two" * 100)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert back_up().new_pieces == 0
    assert back_up(thorough=True).new_pieces == 1


def test_unchanged_file_whose_piece_is_lost_is_kept_again(database, place):
    upload(place, "atlas/upload", b"one" * 100)
    taken = back_up()
    store = taking.open_store()
    store.path_of(taken.snapshot.files[0].pieces[0]).unlink()
    back_up()
    assert verify(store).is_sound


def test_link_is_not_followed_and_a_path_leads_nowhere_else(database, place, tmp_path):
    (tmp_path / "secret").write_text("of the machine")
    (place / "files").mkdir()
    (place / "files" / "link").symlink_to(tmp_path / "secret")
    taken = back_up()
    assert taken.snapshot.files == ()
    store = taking.open_store()
    name = store.put(b"x")
    file = File("files", "a", 1, 0, 0o600, "", (name,))
    for path in ("../outside", "/etc/outside", "a/../../outside"):
        with pytest.raises(Damaged, match="leads out"):
            tree.put_back(store, replace(file, path=path), tmp_path / "there")


# ---------------------------------------------------------------- refusals


def test_place_that_holds_data_is_refused_unless_asked_and_then_put_aside(database, place, tmp_path):
    upload(place, "atlas/upload", b"one")
    back_up()
    there = tmp_path / "there"
    bring_back(there)
    run(there / "churnguard.sqlite3", "DELETE FROM mail")
    with pytest.raises(Refused) as refusal:
        bring_back(there)
    assert refusal.value.code == "not_empty"
    assert run(there / "churnguard.sqlite3", "SELECT count(*) FROM mail") == [(0,)]
    outcome = bring_back(there, replace=True)
    assert run(there / "churnguard.sqlite3", "SELECT count(*) FROM mail") == [(4_000,)]
    aside = Path(outcome.aside)
    assert run(aside / "churnguard.sqlite3", "SELECT count(*) FROM mail") == [(0,)]
    assert (aside / "files" / "atlas" / "upload").read_bytes() == b"one"
    assert [path.name for path in there.iterdir() if path.name.startswith(".restoring")] == []


def test_database_that_somebody_works_on_is_not_replaced(database, tmp_path):
    back_up()
    there = tmp_path / "there"
    bring_back(there)
    code = "import sqlite3, sys; db = sqlite3.connect(sys.argv[1]); db.execute('SELECT * FROM mail'); print(1, flush=True); input()"
    other = subprocess.Popen(
        [sys.executable, "-c", code, str(there / "churnguard.sqlite3")],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip
    try:
        other.stdout.readline()
        with pytest.raises(Refused, match=str(other.pid)):
            bring_back(there, replace=True)
    finally:
        other.communicate(b"\n")


def test_damaged_snapshot_moves_nothing_into_place(database, place, tmp_path):
    taken = back_up()
    store = taking.open_store()
    store.path_of(taken.snapshot.database.pieces[3]).write_bytes(b"CGB1p")
    there = tmp_path / "there"
    with pytest.raises(Damaged):
        bring_back(there)
    assert list(there.iterdir()) == []


def test_database_with_another_row_than_noted_is_told(database, tmp_path):
    noted = sqlite.tables(database)
    run(database, "UPDATE customer SET charge = 0 WHERE id = 7")
    run(database, "DELETE FROM mail WHERE id = 3")
    run(database, "CREATE TABLE stranger (id INTEGER)")
    said = restoring.differences(noted, sqlite.tables(database))
    assert said == [
        "customer: 4000 rows with other contents",
        "mail: 3999 rows instead of 4000",
        "stranger: is not in the snapshot",
    ]


def test_snapshot_of_postgresql_needs_a_database_named(tmp_path):
    with pytest.raises(Refused, match="--database-url"):
        Target.into(tmp_path, "postgresql")


# ---------------------------------------------------------------- settings


def test_settings_are_kept_without_secrets_once_for_each_change(place, settings):
    settings.SECRET_KEY = "the-session-key-" + "s" * 40
    settings.LLM_API_KEY = "sk-very-secret"
    settings.REDIS_URL = "redis://:hunter2@cache.example.com:6379/0"
    settings.BACKUP_KEY = KEY
    first = taking.keep_configuration(version="test")
    text = json.dumps(first.configuration)
    for secret in ("the-session-key", "sk-very-secret", "hunter2", KEY, settings.ADDRESS_KEY):
        assert secret not in text
    assert "cache.example.com:6379" in text
    assert first.configuration["IMPORT_MAX_COLUMNS"] == 500
    assert set(first.keys) == set(configuration.KEYS) and first.keys["SECRET_KEY"] not in settings.SECRET_KEY
    assert taking.keep_configuration(version="test") is None
    settings.IMPORT_MAX_COLUMNS = 501
    assert taking.keep_configuration(version="test").configuration["IMPORT_MAX_COLUMNS"] == 501
    settings.IMPORT_MAX_COLUMNS = 500
    assert taking.keep_configuration(version="test") is None  # two workers that differ do not fill the store
    with pytest.raises(Refused, match="no backup yet"):
        restoring.choose(taking.open_store())


def test_restore_says_which_keys_are_not_those_of_the_data(database, settings, tmp_path):
    back_up()
    settings.ADDRESS_KEY = "another-address-key-" + "y" * 40
    assert bring_back(tmp_path / "there").keys == ["ADDRESS_KEY"]


# ---------------------------------------------------------------- drills, reports, schedule


def test_drill_brings_back_compares_and_leaves_nothing(database, place):
    upload(place, "atlas/upload", b"rows" * 100_000)
    back_up()
    done = drilling.drill(say=lambda _: None)
    assert (done.wrong, done.rows, done.files) == ([], 8_001, 1)
    assert [path.name for path in (place / "drills").iterdir()] == ["lock"]
    assert reports.reports()["drill"].succeeded


def test_drill_removes_nothing_outside_its_own_folder(database, place, tmp_path):
    victim = tmp_path / "victim"
    victim.write_text("of somebody else")
    taken = back_up()
    for path in (str(victim), "../../../../victim"):
        file = File("files", path, 1, 0, 0o600, "", ())
        hostile = replace(taken.snapshot, files=(file,))
        done = drilling._drill(taking.open_store(), hostile, lambda _: None)
        assert "leads out" in done.wrong[0]
        assert victim.exists()


def test_drill_finds_what_a_restore_would_not_bring_back(database, place):
    upload(place, "atlas/upload", b"rows" * 100_000)
    taken = back_up()
    store = taking.open_store()
    store.path_of(taken.snapshot.files[0].pieces[0]).unlink()
    done = drilling.drill(say=lambda _: None)
    assert len(done.wrong) == 1 and "missing" in done.wrong[0]
    report = reports.reports()["drill"]
    assert (report.succeeded, report.code) == (False, "differs")


def test_failure_is_told_once_until_it_succeeds_again(place):
    assert reports.claim_telling("backup") is None
    reports.note("backup", facts={"rows": 1})
    good = reports.reports()["backup"].succeeded_at
    reports.note("backup", code="disk_full", message="full")
    assert reports.claim_telling("backup").code == "disk_full"
    since = reports.note("backup", code="disk_full", message="full").failing_since
    assert reports.claim_telling("backup") is None
    found = reports.reports()["backup"]
    assert (found.failing_since, found.succeeded_at, found.facts) == (since, good, {"rows": 1})
    reports.note("backup", facts={"rows": 2})
    reports.note("backup", code="busy-disk", message="again")
    assert reports.claim_telling("backup").code == "busy-disk"


def test_torn_report_counts_as_none(place):
    (place / "backup-reports.json").write_text('{"backup": {"ended_at"')
    assert reports.reports() == {}
    reports.note("backup", facts={})
    assert reports.reports()["backup"].succeeded


def test_schedule_follows_from_what_was_done(place, settings, monkeypatch):
    settings.BACKUP_MINUTES, settings.BACKUP_NIGHTLY, settings.BACKUP_HOUR, settings.BACKUP_DRILL_DAYS = 60, True, 2, 7
    now = datetime.now(UTC).replace(hour=1, minute=0)
    begun = now - timedelta(minutes=5)
    monkeypatch.setattr(schedule, "_beginning", lambda: begun)

    def told(**ages: float | None) -> None:
        made = {
            name: reports.Report((now - timedelta(minutes=age)).isoformat(), True, succeeded_at=(now - timedelta(minutes=age)).isoformat())
            for name, age in ages.items()
        }  # fmt: skip
        monkeypatch.setattr(reports, "reports", lambda: made)

    told()
    assert schedule.due(now) == schedule.Due()  # nothing to save yet
    assert schedule.due(now + timedelta(minutes=56)) == schedule.Due(backup=True, thorough=False)
    assert schedule.due(now + timedelta(hours=1, minutes=1)).thorough  # two o'clock has passed
    told(backup=30)
    assert schedule.due(now) == schedule.Due(drill=True)
    told(backup=30, drill=60)
    assert schedule.due(now) == schedule.Due()
    told(backup=61, drill=60)
    assert schedule.due(now).backup
    told(backup=10, drill=8 * 1440)
    assert schedule.due(now).drill
    settings.BACKUP_MINUTES = 0
    told(backup=61, drill=60)
    assert not schedule.due(now).backup
    assert schedule.due(now + timedelta(hours=1, minutes=1)) == schedule.Due(backup=True, thorough=True)
    failed = {"backup": reports.Report((now - timedelta(minutes=3)).isoformat(), False, code="x")}
    monkeypatch.setattr(reports, "reports", lambda: failed)
    settings.BACKUP_MINUTES = 1
    assert not schedule.due(now).backup
    assert schedule.due(now + timedelta(minutes=10)).backup


def test_failed_backup_is_noted_and_a_busy_store_is_no_failure(database, settings):
    settings.BACKUP_DIR.mkdir()
    (settings.BACKUP_DIR / "stranger").write_text("x")
    with pytest.raises(Refused):
        back_up()
    assert reports.reports()["backup"].code == "not_a_store"
    (settings.BACKUP_DIR / "stranger").unlink()
    with taking.open_store(make=True).writing(), pytest.raises(Refused, match="at work"):
        back_up()
    assert reports.reports()["backup"].code == "not_a_store"


def test_two_processes_agree_on_the_installations_name(place):
    code = "from core import instance; print(instance.instance_id())"
    env = {**os.environ, "DJANGO_SETTINGS_MODULE": "churnguard.settings.dev", "VAR_DIR": str(place)}
    several = [
        subprocess.Popen([sys.executable, "-c", code], env=env, stdout=subprocess.PIPE, text=True) for _ in range(3)
    ]
    assert len({one.communicate()[0] for one in several}) == 1


# ---------------------------------------------------------------- commands


def told(*arguments: str, **options) -> str:
    out = StringIO()
    call_command(*arguments, stdout=out, stderr=StringIO(), **options)
    return out.getvalue()


def test_commands_back_up_list_verify_drill_and_restore(database, place, tmp_path):
    made = json.loads(told("backup", "--json"))
    assert made["tables"]["mail"]["rows"] == 4_000
    assert made["id"] in told("backup", "--list")
    assert "1 snapshots" in told("backup", "--verify")
    assert "Everything is as it was noted." in told("drill")
    said = told("restore", "--into", str(tmp_path / "there"))
    assert "Counts and digests are those that were noted." in said and "release_mail" in said
    with pytest.raises(CommandError, match="holds data already"):
        told("restore", "--into", str(tmp_path / "there"))
    store = taking.open_store()
    store.path_of(store.snapshot(made["id"]).database.pieces[0]).unlink()
    with pytest.raises(CommandError, match="damaged in 1"):
        told("backup", "--verify")
    with pytest.raises(CommandError, match="missing"):
        told("restore", "--into", str(tmp_path / "elsewhere"))


def test_command_says_what_is_wrong_as_json(place, settings):
    with pytest.raises(CommandError):
        told("restore", "--json")
    out = StringIO()
    with pytest.raises(CommandError):
        call_command("drill", "--json", stdout=out)
    assert json.loads(out.getvalue())["error"]["code"] == "no_store"


def test_large_database_takes_no_more_memory_than_a_piece(place, monkeypatch):
    path = place / "churnguard.sqlite3"
    fill(path, customers=50_000)
    monkeypatch.setattr(taking, "source", lambda: {"ENGINE": "django.db.backends.sqlite3", "NAME": path})
    tracemalloc.start()
    back_up()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert path.stat().st_size > 16_000_000
    assert peak < 12_000_000
