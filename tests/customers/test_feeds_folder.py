"""A folder where files are laid: each is brought in once, moved away, and reported on; nothing leads outside."""

import json
import os

import pytest

from core.errors import Refused
from core.models import JobState
from customers import services, tasks
from customers.channels import folder as folder_channel
from customers.channels.folder import Inbox
from customers.models import Customer, FeedRun, Import
from customers.services import feed_runs
from customers.services import imports as import_services
from tests.customers.feeding import ROWS, agree_to_shape, go_on, imports, lay, look, make_feed


@pytest.fixture
def feed(inbox, atlas_scope, alice, tmp_path):
    """A feed that brings files of a known shape in at once."""
    agree_to_shape(tmp_path)
    Customer.objects.all().delete()
    return make_feed(actor=alice, pattern="*.csv")


def names(folder) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.is_file())


def test_folders_are_made_when_the_feed_is(feed, inbox):
    assert (inbox / "processed").is_dir() and (inbox / "refused").is_dir()


def test_file_is_brought_in_and_moved_with_a_report_in_words(feed, inbox, alice):
    lay(inbox, "june.csv", *ROWS, "C4,many,No")
    run = look(feed)
    assert (run.state, run.outcome, run.found) == (JobState.SUCCEEDED, FeedRun.Outcome.IMPORTED, "june.csv")
    assert set(Customer.objects.values_list("external_id", flat=True)) == {"C1", "C2", "C3"}
    assert run.import_run.requested_by == alice
    assert names(inbox) == []
    assert names(inbox / "processed") == ["june.csv", "june.csv.report.json", "june.csv.report.txt"]
    words = (inbox / "processed" / "june.csv.report.txt").read_text()
    assert "This file was brought in." in words
    assert "New: 3" in words and "Refused: 1" in words
    assert "tenure: Tenure (months)" in words
    assert "line 5, tenure: many. This is not a number." in words
    facts = json.loads((inbox / "processed" / "june.csv.report.json").read_text())
    assert (facts["created"], facts["refused"], facts["refusals"][0]["line"]) == (3, 1, 5)
    # Cells of refused lines are kept beside the file and with the import, not a third time.
    assert "many" not in json.dumps(run.report)
    assert run.report["moved_to"] == "processed/june.csv"


def test_report_is_in_the_companys_language(feed, inbox, atlas):
    atlas.locale = "fr"
    atlas.save()
    lay(inbox, "juin.csv")
    run = services.open_feed_run(feed=feed, requested_by=None)
    tasks.run_feed(tenant_id=str(atlas.pk), job_id=run.pk)
    words = (inbox / "processed" / "juin.csv.report.txt").read_text()
    assert "Inchangés : 3" in words or "Inchangés: 0" in words


def test_file_that_is_no_table_goes_to_refused_with_the_reason(feed, inbox):
    (inbox / "page.csv").write_text("<!doctype html><html><body>Please sign in</body></html>")
    run = look(feed)
    assert (run.state, run.outcome) == (JobState.FAILED, FeedRun.Outcome.REFUSED)
    assert names(inbox) == []
    words = (inbox / "refused" / "page.csv.report.txt").read_text()
    assert "This file was not brought in" in words and "web page" in words
    assert not Customer.objects.exists()


def test_files_are_taken_one_after_another_the_oldest_first(feed, inbox, monkeypatch):
    for name in ("b.csv", "a.csv", "c.csv"):
        lay(inbox, name, ROWS[0], f"{name[0]}1,1,Yes", f"{name[0]}2,2,No")
    ages = {"b.csv": 30, "a.csv": 20, "c.csv": 10}
    real = folder_channel._look

    def aged(handle, name):
        seen = real(handle, name)
        return seen and folder_channel.Lying(
            seen.name, seen.size_bytes, 1_000_000 - ages.get(name, 0), seen.is_link, seen.inode
        )

    monkeypatch.setattr(folder_channel, "_look", aged)
    run = look(feed)
    taken = [run.found]
    while (following := services.open_following_run(run_id=run.pk)) is not None:
        run = go_on(following)
        taken.append(run.found)
    assert taken == ["b.csv", "a.csv", "c.csv"]
    assert Customer.objects.count() == 6


def test_file_that_is_still_being_written_waits(feed, inbox, settings):
    settings.FEED_SETTLE_SECONDS = 60
    lay(inbox, "fresh.csv", age=3600)  # its own time may be set back, the system's may not
    assert look(feed).outcome == FeedRun.Outcome.NOTHING
    assert names(inbox) == ["fresh.csv"]
    settings.FEED_SETTLE_SECONDS = 0
    assert look(feed).outcome == FeedRun.Outcome.IMPORTED


def test_file_that_changes_while_it_is_copied_waits(feed, inbox, monkeypatch):
    path = lay(inbox, "growing.csv")
    real = os.fstat

    def grow(handle):
        with path.open("a") as file:
            file.write("C9,9,No\n")
        return real(handle)

    with monkeypatch.context() as patched:
        patched.setattr(folder_channel.os, "fstat", grow)
        assert look(feed).outcome == FeedRun.Outcome.NOTHING
    assert not Customer.objects.exists()
    assert look(feed).outcome == FeedRun.Outcome.IMPORTED
    assert Customer.objects.filter(external_id="C9").exists()


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("x.csv.part", "unfinished"),
        ("x.csv.tmp", "unfinished"),
        ("x.csv~", "unfinished"),
        (".x.csv.Xy12", "unfinished"),
        ("x.csv.FILEPART", "unfinished"),
        ("june.csv.report.txt", "unfinished"),
        ("notes.txt", "pattern"),
        ("X.CSV", ""),
        ("a file with é and spaces.csv", ""),
    ],
)
def test_names_say_what_is_left(inbox, name, why):
    lay(inbox, name)
    found = Inbox(inbox, settle_seconds=0).lying("*.csv")
    assert [(lying.name, reason) for lying, reason in found] == [(name, why)]


def test_name_that_is_no_text_is_left(inbox):
    inbox.mkdir(parents=True)
    (inbox / os.fsdecode(b"caf\xe9.csv")).write_text("x")
    (inbox / "two\nlines.csv").write_text("x")
    assert {why for _lying, why in Inbox(inbox, settle_seconds=0).lying("*")} == {"name"}


def test_folders_and_pipes_are_no_files(feed, inbox):
    (inbox / "folder.csv").mkdir()
    os.mkfifo(inbox / "pipe.csv")
    assert look(feed).outcome == FeedRun.Outcome.NOTHING


def test_same_content_again_is_passed_over_and_said(feed, inbox):
    lay(inbox, "june.csv")
    look(feed)
    lay(inbox, "june-again.csv")
    run = look(feed)
    assert (run.state, run.outcome, run.import_run) == (JobState.SUCCEEDED, FeedRun.Outcome.REPEATED, None)
    assert "“june.csv”" in (inbox / "processed" / "june-again.csv.report.txt").read_text()
    assert names(inbox) == []


def test_same_content_counts_anew_once_its_import_was_taken_back(feed, inbox):
    lay(inbox, "june.csv")
    first = look(feed)
    services.undo_import(run=first.import_run, actor=None)
    services.run_import(import_id=first.import_run_id, follow=False)
    assert not Customer.objects.exists()
    lay(inbox, "june.csv")
    assert look(feed).outcome == FeedRun.Outcome.IMPORTED
    assert Customer.objects.count() == 3
    assert {"june.csv", "june-2.csv"} <= set(names(inbox / "processed"))


# ---------------------------------------------------------------- nothing leads outside


def test_link_is_refused_and_what_it_names_is_not_read(feed, inbox, tmp_path):
    secret = lay(tmp_path / "elsewhere", "secret.csv")
    (inbox / "link.csv").symlink_to(secret)
    run = look(feed)
    assert (run.outcome, run.error_code) == (FeedRun.Outcome.REFUSED, "link")
    assert secret.exists() and not Customer.objects.exists()
    assert (inbox / "refused" / "link.csv").is_symlink()
    assert "link to another place" in (inbox / "refused" / "link.csv.report.txt").read_text()


def test_link_that_takes_a_files_place_is_not_followed(inbox, tmp_path):
    secret = lay(tmp_path / "elsewhere", "secret.csv")
    path = lay(inbox, "june.csv")
    box = Inbox(inbox, settle_seconds=0)
    lying = box.ready()[0]
    path.unlink()
    path.symlink_to(secret)
    assert box.copy(lying, tmp_path / "copy", max_bytes=1 << 20) is None
    assert not (tmp_path / "copy").exists() or (tmp_path / "copy").read_bytes() == b""


def test_shelf_that_is_a_link_is_not_written_to(feed, inbox, tmp_path):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (inbox / "processed").rmdir()
    (inbox / "processed").symlink_to(elsewhere)
    lay(inbox, "june.csv")
    run = look(feed)
    assert run.outcome == FeedRun.Outcome.IMPORTED and run.report["not_moved"]
    assert list(elsewhere.iterdir()) == []
    # It was brought in all the same, and is not a second time.
    assert services.open_following_run(run_id=run.pk) is None
    assert look(feed).outcome == FeedRun.Outcome.REPEATED
    assert len([i for i in imports() if i.filename == "june.csv"]) == 1


@pytest.mark.parametrize("pattern", ["../*", "/etc/*", "a/b", "a\\b", ".."])
def test_pattern_that_names_a_place_is_refused(inbox, atlas_scope, pattern):
    with pytest.raises(Refused) as refused:
        make_feed(pattern=pattern)
    assert refused.value.code == "bad_pattern"


def test_other_companys_folder_is_not_looked_at(feed, inbox, settings):
    lay(settings.RAW_DATA_PATH / "borealis-mobile", "theirs.csv")
    assert look(feed).outcome == FeedRun.Outcome.NOTHING


def test_larger_file_than_allowed_is_refused(feed, inbox, settings):
    settings.UPLOAD_MAX_BYTES = 1 << 20
    (inbox / "large.csv").write_bytes(b"x" * ((1 << 20) + 1))
    run = look(feed)
    assert (run.error_code, names(inbox)) == ("too_large", [])
    assert not list((settings.PRIVATE_ROOT).rglob("brought"))


# ---------------------------------------------------------------- a worker dies between two steps


class Killed(BaseException):
    """A worker that is no more."""


def die(*_args, **_kwargs):
    raise Killed


@pytest.mark.parametrize("where", ["before the import", "after the import was opened", "before the file is moved"])
def test_worker_that_dies_leaves_one_import_and_one_moved_file(feed, inbox, monkeypatch, where):
    lay(inbox, "june.csv")
    run = services.open_feed_run(feed=feed, requested_by=None)
    before = len(imports())
    step = {
        "before the import": "_left_by_a_dead_worker",
        "after the import was opened": "_carry_through",
        "before the file is moved": "_put_away",
    }[where]
    with monkeypatch.context() as patched:
        patched.setattr(feed_runs, step, die)
        with pytest.raises(Killed):
            services.run_feed(run_id=run.pk, follow=False)
    assert names(inbox) == ["june.csv"]
    run = go_on(run)
    assert run.outcome == FeedRun.Outcome.IMPORTED
    assert len(imports()) == before + 1
    assert Customer.objects.count() == 3
    assert names(inbox) == [] and "june.csv" in names(inbox / "processed")


def test_import_that_was_opened_and_not_noted_is_taken_over(feed, inbox, monkeypatch):
    lay(inbox, "june.csv")
    run = services.open_feed_run(feed=feed, requested_by=None)
    before = len(imports())
    real = import_services.open_import

    def open_and_die(**options):
        real(**options)
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(import_services, "open_import", open_and_die)
        with pytest.raises(Killed):
            services.run_feed(run_id=run.pk, follow=False)
    assert len(imports()) == before + 1
    run = go_on(run)
    assert run.outcome == FeedRun.Outcome.IMPORTED
    assert len(imports()) == before + 1


def test_file_that_was_replaced_meanwhile_is_not_moved_away_unread(feed, inbox, monkeypatch):
    lay(inbox, "june.csv")
    real = feed_runs._put_away

    def replace(*args, **kwargs):
        (inbox / "june.csv").unlink()
        lay(inbox, "june.csv", ROWS[0], "N1,1,Yes", "N2,2,No")
        return real(*args, **kwargs)

    with monkeypatch.context() as patched:
        patched.setattr(feed_runs, "_put_away", replace)
        assert look(feed).report["moved_to"] == ""
    assert names(inbox) == ["june.csv"]
    assert look(feed).outcome == FeedRun.Outcome.IMPORTED
    assert Customer.objects.filter(external_id="N1").exists()


# ---------------------------------------------------------------- waiting for a person


def test_file_waits_in_the_folder_until_a_person_agreed(inbox, atlas_scope, alice):
    feed = make_feed(actor=alice, review="agree")
    lay(inbox, "june.csv")
    run = look(feed)
    assert (run.state, run.outcome, run.report["waits_for"]) == (JobState.AWAITING, "waiting", "person")
    assert names(inbox) == ["june.csv"]
    assert services.open_due_feeds() == []
    opened = run.import_run
    services.map_import(run=opened, mapping=opened.proposal["mapping"], actor=alice)
    services.run_import(import_id=opened.pk, follow=False)
    assert services.open_due_feeds() == []  # now it waits at the dry run, for the same person
    opened.refresh_from_db()
    services.agree_import(run=opened, actor=alice)
    services.run_import(import_id=opened.pk, follow=False)
    (resumed,) = services.open_due_feeds()
    assert resumed.pk == run.pk
    assert go_on(run).outcome == FeedRun.Outcome.IMPORTED
    assert "june.csv" in names(inbox / "processed")
    assert Import.objects.count() == 1


def test_file_that_a_person_declines_goes_to_refused(inbox, atlas_scope, alice):
    feed = make_feed(actor=alice, review="agree")
    lay(inbox, "june.csv")
    run = look(feed)
    services.discard_import(run=run.import_run, actor=alice)
    (resumed,) = services.open_due_feeds()
    run = go_on(resumed)
    assert (run.state, run.outcome) == (JobState.SUCCEEDED, FeedRun.Outcome.DECLINED)
    assert "A person decided against this file" in (inbox / "refused" / "june.csv.report.txt").read_text()
