"""Backups as beat makes them: failures reach operators once, figures and page tell how they stand."""

from __future__ import annotations

import pytest

from churnguard import tasks
from churnguard.keeping import figures, nightly, standing, words
from churnguard.system import selectors
from core import health
from core.backups import reports, schedule, taking
from core.errors import Refused
from tenants.models import Notification
from tenants.scoping import tenant_scope


@pytest.fixture(autouse=True)
def now(monkeypatch):
    monkeypatch.setattr(selectors, "KEPT_SECONDS", 0)
    monkeypatch.setattr(health, "health", lambda: health.Health("ok", "ok", "ok", "ok"))


def due(monkeypatch, **what) -> None:
    monkeypatch.setattr(schedule, "due", lambda: schedule.Due(**what))


def told_to(tenant) -> dict[str, list[str]]:
    with tenant_scope(tenant):
        found: dict[str, list[str]] = {}
        for note in Notification.objects.select_related("recipient"):
            found.setdefault(note.code, []).append(note.recipient.email.partition("@")[0])
        return {code: sorted(names) for code, names in found.items()}


def test_backup_that_is_due_is_made_and_tried(database, cast, monkeypatch):
    due(monkeypatch, backup=True, drill=True)
    tasks.keep_backups()
    found = reports.reports()
    assert found["backup"].succeeded and found["drill"].succeeded
    assert len(taking.open_store().ids()) == 1
    assert told_to(cast.atlas) == {}


def test_nothing_is_done_where_it_is_switched_off(database, settings, cast, monkeypatch):
    settings.BACKUP_MINUTES, settings.BACKUP_NIGHTLY = 0, False
    due(monkeypatch, backup=True)
    tasks.keep_backups()
    assert not settings.BACKUP_DIR.exists()


def test_settings_that_changed_are_kept_though_no_backup_is_due(database, settings, cast, monkeypatch):
    due(monkeypatch)
    tasks.keep_backups()
    settings.IMPORT_MAX_COLUMNS = 77
    tasks.keep_backups()
    tasks.keep_backups()
    assert [one.configuration["IMPORT_MAX_COLUMNS"] for one in taking.open_store().snapshots()] == [77, 500]


def test_failure_reaches_those_who_see_the_system_once_and_names_no_place(database, settings, cast, monkeypatch):
    settings.BACKUP_DIR.mkdir()
    (settings.BACKUP_DIR / "stranger").write_text("x")
    due(monkeypatch, backup=True)
    tasks.keep_backups()
    tasks.keep_backups()
    assert told_to(cast.atlas) == {"backup_failed": ["alice", "olfa", "omar"]}
    assert told_to(cast.borealis) == {"backup_failed": ["charlie"]}
    with tenant_scope(cast.atlas):
        note = Notification.objects.first()
        assert "backup of this installation failed" in note.sentence
        assert str(settings.BACKUP_DIR) not in str(note.facts)
    (settings.BACKUP_DIR / "stranger").unlink()
    tasks.keep_backups()
    (settings.BACKUP_DIR / "store.json").write_text("{")
    tasks.keep_backups()
    assert told_to(cast.borealis) == {"backup_failed": ["charlie", "charlie"]}


def test_failed_backup_does_not_keep_the_drill_from_its_turn(database, cast, monkeypatch):
    done = []
    monkeypatch.setattr(nightly.taking, "back_up", lambda **_: (_ for _ in ()).throw(OSError("the disk is gone")))
    monkeypatch.setattr(nightly.drilling, "drill", lambda: done.append(1))
    due(monkeypatch, backup=True, drill=True)
    nightly.keep()
    assert done == [1]


def test_figures_tell_age_size_and_failure(place):
    assert list(figures.metrics()) == []
    reports.note("backup", facts={"bytes": 1000, "new_bytes": 10, "seconds": 1.5})
    reports.note("drill", code="differs", message="x")
    found = {family.name: family.samples[0].value for family in figures.metrics()}
    assert 0 <= found.pop("churnguard_backup_age_seconds") < 60
    assert found == {
        "churnguard_backup_failing": 0.0,
        "churnguard_backup_seconds": 1.5,
        "churnguard_backup_bytes": 1000.0,
        "churnguard_backup_new_bytes": 10.0,
        "churnguard_restore_drill_failing": 1.0,
    }


def test_page_tells_how_backups_stand(client_for, cast, settings):
    settings.BACKUP_MINUTES = 60
    page = client_for(cast.omar).get("/system").content.decode()
    assert "Last backup" in page and "none yet" in page
    reports.note("backup", facts={"rows": 12345, "files": 3, "bytes": 2**20, "is_encrypted": False})
    reports.note("drill", code="no_scratch", message="/srv/secret/place")
    page = client_for(cast.omar).get("/system").content.decode()
    assert "12,345 rows and 3 files" in page
    assert "The database&#x27;s role may not make a database to try in" in page
    assert "/srv/secret/place" not in page


def test_old_backup_is_overdue(place, atlas_scope, settings, monkeypatch):
    settings.BACKUP_MINUTES = 60
    reports.note("backup", facts={})
    assert not standing.keeping().backup.is_old
    monkeypatch.setattr(standing, "longest_age", lambda: standing.timedelta(seconds=-1))
    assert standing.keeping().backup.is_old
    assert words.lines(standing.keeping())[0]["tone"] == "warning"


def test_code_without_words_still_says_where_to_look():
    assert "doctor" in words.why("something_new")
    assert Refused("disk_full", "x").code in words._WHY
