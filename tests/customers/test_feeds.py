"""When feeds are looked at, who is told, what stops them, and what a test of one says."""

import datetime as dt
import io
from zoneinfo import ZoneInfo

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError, transaction
from django.utils import timezone

from core import jobs, secrets
from core.errors import Refused, Unreachable
from core.models import JobState
from customers import services, tasks
from customers.models import ColumnMapping, Customer, Feed, FeedRun, Import
from customers.services import Given, feed_runs, feed_sources
from customers.services import imports as import_services
from customers.wording import feeds as words
from tenants.models import AuditEntry, Membership, Notification
from tenants.scoping import tenant_scope
from tests.customers.feeding import ROWS, agree_to_shape, go_on, lay, look, make_feed

TUNIS = ZoneInfo("Africa/Tunis")  # an hour before Greenwich, without summer time
PARIS = ZoneInfo("Europe/Paris")
NOW = dt.datetime(2026, 1, 7, 10, 20, 30, tzinfo=dt.UTC)  # a Wednesday


@pytest.fixture
def feed(inbox, atlas_scope, alice) -> Feed:
    return make_feed(actor=alice)


def make_due(feed: Feed) -> None:
    Feed.objects.filter(pk=feed.pk).update(next_run_at=timezone.now() - dt.timedelta(seconds=1))


# ---------------------------------------------------------------- the clock


@pytest.mark.parametrize(
    ("schedule", "zone", "due"),
    [
        ({"rhythm": "minutes", "every_minutes": 15}, TUNIS, "2026-01-07 10:35:30"),
        ({"rhythm": "hourly"}, TUNIS, "2026-01-07 11:00:00"),
        ({"rhythm": "daily", "at": dt.time(12, 0)}, TUNIS, "2026-01-07 11:00:00"),
        ({"rhythm": "daily", "at": dt.time(11, 20)}, TUNIS, "2026-01-08 10:20:00"),
        ({"rhythm": "daily", "at": dt.time(0, 30)}, TUNIS, "2026-01-07 23:30:00"),
        ({"rhythm": "weekly", "weekday": 2, "at": dt.time(12, 0)}, TUNIS, "2026-01-07 11:00:00"),
        ({"rhythm": "weekly", "weekday": 2, "at": dt.time(11, 0)}, TUNIS, "2026-01-14 10:00:00"),
        ({"rhythm": "weekly", "weekday": 0, "at": dt.time(6, 0)}, TUNIS, "2026-01-12 05:00:00"),
        ({"rhythm": "weekly", "weekday": 6, "at": dt.time(6, 0)}, TUNIS, "2026-01-11 05:00:00"),
    ],
)
def test_next_time_is_in_the_companys_own_time(schedule, zone, due):
    wanted = dt.datetime.fromisoformat(due).replace(tzinfo=dt.UTC)
    assert Feed(**schedule).due_after(NOW, zone) == wanted


def test_clock_change_neither_loses_nor_doubles_a_day():
    feed = Feed(rhythm="daily", at=dt.time(2, 30))
    moment = dt.datetime(2026, 3, 27, 12, tzinfo=dt.UTC)
    days = []
    for _ in range(4):
        moment = feed.due_after(moment, PARIS)
        days.append(moment.astimezone(PARIS).strftime("%d %H:%M"))
    assert days == ["28 02:30", "29 03:30", "30 02:30", "31 02:30"]  # 02:30 of the 29th does not exist
    moment = dt.datetime(2026, 10, 24, 12, tzinfo=dt.UTC)
    moment = feed.due_after(moment, PARIS)
    assert feed.due_after(moment, PARIS) - moment == dt.timedelta(hours=25)


def test_missed_times_are_not_made_up_for(feed):
    Feed.objects.filter(pk=feed.pk).update(next_run_at=timezone.now() - dt.timedelta(days=9))
    services.open_due_feeds()
    feed.refresh_from_db()
    assert feed.next_run_at > timezone.now()


def test_more_often_than_every_five_minutes_is_refused(inbox, atlas_scope):
    for minutes in (0, 4):
        with pytest.raises(Refused):
            services.create_feed(kind="folder", given=Given(), actor=None, name="x", every_minutes=minutes)
    with pytest.raises(IntegrityError), transaction.atomic():
        Feed.objects.create(name="y", kind="folder", every_minutes=4)


def test_beat_opens_what_is_due_in_every_company(inbox, cast, settings, django_capture_on_commit_callbacks):
    feeds = {}
    for tenant in (cast.atlas, cast.borealis):
        with tenant_scope(tenant):
            agree_to_shape(inbox.parent.parent)
            Customer.objects.all().delete()
            feeds[tenant.slug] = make_feed(name="Files")
            lay(settings.RAW_DATA_PATH / tenant.slug, "june.csv")
            make_due(feeds[tenant.slug])
    with django_capture_on_commit_callbacks(execute=True):
        tasks.run_due_feeds()
    for tenant in (cast.atlas, cast.borealis):
        with tenant_scope(tenant):
            assert FeedRun.objects.get().outcome == FeedRun.Outcome.IMPORTED
            assert Customer.objects.count() == 3
    with django_capture_on_commit_callbacks(execute=True):
        tasks.run_due_feeds()  # nothing is due any more
    with tenant_scope(cast.atlas):
        assert FeedRun.objects.count() == 1


def test_empty_folder_is_glanced_at_without_a_run(feed):
    make_due(feed)
    assert services.open_due_feeds() == []
    feed.refresh_from_db()
    assert feed.last_run_at is not None and not FeedRun.objects.exists()


def test_two_beats_at_once_open_one_look(feed, inbox, monkeypatch):
    lay(inbox, "june.csv")
    make_due(feed)
    seen = list(Feed.objects.filter(pk=feed.pk))
    assert len(services.open_due_feeds()) == 1
    # The second beat read the row before the first one wrote it.
    updated = Feed.objects.filter(pk=feed.pk, next_run_at=seen[0].next_run_at).update(next_run_at=timezone.now())
    assert updated == 0
    make_due(feed)
    assert services.open_due_feeds() == []
    assert FeedRun.objects.count() == 1


def test_feed_has_one_open_look_and_one_open_test(feed, inbox):
    services.open_feed_run(feed=feed, requested_by=None)
    with pytest.raises(Refused) as refused:
        services.open_feed_run(feed=feed, requested_by=None)
    assert refused.value.code == "running"
    services.open_feed_run(feed=feed, requested_by=None, is_test=True)
    with pytest.raises(IntegrityError), transaction.atomic():
        FeedRun.objects.create(feed=feed)


def test_paused_feed_rests_until_it_is_resumed(feed, inbox, alice):
    lay(inbox, "june.csv")
    services.pause_feed(feed=feed, actor=alice)
    make_due(feed)
    assert services.open_due_feeds() == []
    services.resume_feed(feed=feed, actor=alice)
    feed.refresh_from_db()
    assert feed.is_active and feed.next_run_at > timezone.now()
    make_due(feed)
    assert len(services.open_due_feeds()) == 1


# ---------------------------------------------------------------- who is told


def test_failures_are_told_and_the_fifth_pauses_the_feed(feed, inbox, alice, settings):
    settings.FEED_PAUSE_AFTER = 3
    for number in range(3):
        (inbox / f"{number}.csv").write_text("<html><body>no table</body></html>")
        look(feed)
    feed.refresh_from_db()
    assert (feed.failures, feed.is_active, feed.paused_by_itself) == (3, False, True)
    told = list(Notification.objects.order_by("pk").values_list("code", "recipient"))
    assert told == [("feed_failed", alice.pk)] * 2 + [("feed_paused", alice.pk)]
    assert "3 times in a row and is paused" in Notification.objects.get(code="feed_paused").sentence
    assert AuditEntry.objects.filter(verb="feed_paused").count() == 1
    services.resume_feed(feed=feed, actor=alice)
    feed.refresh_from_db()
    assert (feed.failures, feed.is_active, feed.paused_by_itself) == (0, True, False)


def test_success_forgets_earlier_failures(feed, inbox, tmp_path):
    agree_to_shape(tmp_path)
    (inbox / "a.csv").write_text("<html><body>no table</body></html>")
    look(feed)
    lay(inbox, "b.csv", *ROWS, "C4,4,No")
    look(feed)
    feed.refresh_from_db()
    assert feed.failures == 0


def test_failure_is_told_to_everybody_where_its_owner_left(feed, inbox, alice):
    Membership.objects.filter(user=alice).delete()
    (inbox / "a.csv").write_text("<html><body>no table</body></html>")
    look(feed)
    assert Notification.objects.get(code="feed_failed").recipient is None


def test_failed_import_is_told_once(feed, inbox, tmp_path, monkeypatch, settings):
    agree_to_shape(tmp_path)
    settings.IMPORT_READ_AT_ONCE_BYTES = 0  # so that its refusal comes from its own job

    def refuse(*_args, **_kwargs):
        raise Refused("no_rows", "There is nothing in it.")

    monkeypatch.setattr(import_services.reading, "read_table", refuse)
    lay(inbox, "june.csv")
    run = look(feed)
    assert (run.state, run.error_message) == (JobState.FAILED, "There is nothing in it.")
    assert (inbox / "refused" / "june.csv").exists()
    assert list(Notification.objects.exclude(code="import_finished").values_list("code", flat=True)) == [
        "import_failed"
    ]
    feed.refresh_from_db()
    assert feed.failures == 1


def test_look_whose_workers_died_counts_as_a_failure_once(feed, inbox):
    lay(inbox, "june.csv")
    run = services.open_feed_run(feed=feed, requested_by=None)
    FeedRun.objects.filter(pk=run.pk).update(state=JobState.DEAD, error_message="The worker stopped 5 times.")
    make_due(feed)
    assert len(services.open_due_feeds()) == 1
    feed.refresh_from_db()
    assert feed.failures == 1
    FeedRun.objects.exclude(pk=run.pk).delete()
    make_due(feed)
    services.open_due_feeds()
    feed.refresh_from_db()
    assert feed.failures == 1


# ---------------------------------------------------------------- what it may agree to


def test_known_columns_are_checked_and_wait_where_a_person_agrees_first(inbox, atlas_scope, alice, tmp_path):
    agree_to_shape(tmp_path)
    feed = make_feed(actor=alice, review="agree")
    lay(inbox, "june.csv", *ROWS, "C4,4,No")
    run = look(feed)
    assert (run.state, run.import_run.step) == (JobState.AWAITING, "agree")
    assert run.import_run.preview["created"] == 1
    assert Customer.objects.count() == 3


def test_file_that_is_mostly_refused_waits_for_a_person(feed, inbox, tmp_path):
    agree_to_shape(tmp_path)
    lay(inbox, "june.csv", ROWS[0], "D1,many,No", "D2,few,No", "D3,3,No")
    run = look(feed)
    assert (run.state, run.import_run.step) == (JobState.AWAITING, "agree")
    assert not Customer.objects.filter(external_id="D3").exists()


def test_waiting_feed_brings_nothing_else_meanwhile(feed, inbox):
    lay(inbox, "june.csv")
    look(feed)
    lay(inbox, "july.csv", ROWS[0], "N1,1,Yes", "N2,2,No")
    make_due(feed)
    assert services.open_due_feeds() == []
    with pytest.raises(Refused) as refused:
        services.open_feed_run(feed=feed, requested_by=None)
    assert refused.value.code == "awaiting"
    assert Import.objects.count() == 1


def test_waiting_is_told_once(feed, inbox, monkeypatch):
    lay(inbox, "june.csv")
    run = look(feed)
    FeedRun.objects.filter(pk=run.pk).update(report={**run.report, "waits_for": "import"})
    (resumed,) = services.open_due_feeds()
    assert go_on(resumed).state == JobState.AWAITING
    assert Notification.objects.filter(code="feed_waits").count() == 1


def test_deleted_import_ends_its_look(feed, inbox):
    lay(inbox, "june.csv")
    run = look(feed)
    run.import_run.delete()
    (resumed,) = services.open_due_feeds()
    assert go_on(resumed).outcome == FeedRun.Outcome.DECLINED


def test_import_that_another_worker_runs_is_left_to_it(feed, inbox, tmp_path, monkeypatch):
    agree_to_shape(tmp_path)
    lay(inbox, "june.csv", *ROWS, "C4,4,No")
    real = import_services.run_import

    def busy(**_options):
        raise jobs.NotClaimable

    with monkeypatch.context() as patched:
        patched.setattr(import_services, "run_import", busy)
        run = look(feed)
    assert (run.state, run.report["waits_for"]) == (JobState.AWAITING, "import")
    assert services.open_due_feeds() == []
    real(import_id=run.import_run_id, follow=False)  # the other worker comes as far as the agreement
    (resumed,) = services.open_due_feeds()
    assert go_on(resumed).outcome == FeedRun.Outcome.IMPORTED


def test_stopped_look_stops_its_import(feed, inbox, tmp_path, alice, monkeypatch):
    agree_to_shape(tmp_path)
    lay(inbox, "june.csv", *ROWS, "C4,4,No")
    run = services.open_feed_run(feed=feed, requested_by=None)
    real = feed_runs._decide

    def stop(given, opened):
        services.stop_feed_run(run=FeedRun.objects.get(pk=run.pk), actor=alice)
        return real(given, opened)

    monkeypatch.setattr(feed_runs, "_decide", stop)
    with pytest.raises(jobs.Cancelled):
        services.run_feed(run_id=run.pk)
    run.refresh_from_db()
    assert run.state == JobState.CANCELLED
    assert not Customer.objects.filter(external_id="C4").exists()


# ---------------------------------------------------------------- a test


def test_test_proposes_the_columns_and_writes_nothing(feed, inbox, alice):
    lay(
        inbox, "june.csv", "Numéro client;Ancienneté;Résilié;Couleur", "C1;3;Oui;bleu", "C2;4;Non;vert", "C3;5;Non;vert"
    )
    (inbox / "later.csv.part").write_text("x")
    run = look(feed, by=alice, is_test=True)
    assert (run.state, run.outcome, run.found) == (JobState.SUCCEEDED, FeedRun.Outcome.TESTED, "june.csv")
    targets = {column["header"]: column["target"] for column in run.report["columns"]}
    assert targets == {
        "Numéro client": "external_id", "Ancienneté": "tenure", "Résilié": "churn_label", "Couleur": "attribute",
    }  # fmt: skip
    assert run.report["first_rows"][0] == ["C1", "3", "Oui", "bleu"]
    assert not run.report["is_remembered"] and run.report["problems"] == []
    assert {"code": "left_unfinished", "name": "later.csv.part"} in run.report["remarks"]
    assert not Import.objects.exists() and not Customer.objects.exists() and not ColumnMapping.objects.exists()
    assert (inbox / "june.csv").exists()
    feed.refresh_from_db()
    assert (feed.failures, feed.last_run_at) == (0, None)


def test_columns_agreed_to_after_a_test_are_brought_in_at_once(feed, inbox, alice):
    lay(inbox, "june.csv")
    tested = look(feed, is_test=True)
    services.keep_tested_mapping(run=tested, actor=alice)
    assert ColumnMapping.objects.get().agreed_by == alice
    run = look(feed)
    assert (run.outcome, Customer.objects.count()) == (FeedRun.Outcome.IMPORTED, 3)
    assert AuditEntry.objects.filter(verb="feed_mapping_agreed").exists()


def test_columns_with_a_problem_cannot_be_agreed_to_unseen(feed, inbox, alice):
    lay(inbox, "june.csv", "customerID,Statut", "C1,alpha", "C2,beta", "C3,beta")
    tested = look(feed, is_test=True)
    tested.report["mapping"]["columns"]["Statut"] = {"target": "churn_label"}
    FeedRun.objects.filter(pk=tested.pk).update(report=tested.report)
    tested.refresh_from_db()
    with pytest.raises(Refused) as refused:
        services.keep_tested_mapping(run=tested, actor=alice)
    assert refused.value.code == "label_yes_missing"
    assert not ColumnMapping.objects.exists()


def test_test_that_fails_says_why_and_counts_for_nothing(feed, inbox):
    (inbox / "page.csv").write_text("<html><body>no table</body></html>")
    run = look(feed, is_test=True)
    assert run.state == JobState.FAILED and "web page" in run.error_message
    assert (inbox / "page.csv").exists()
    feed.refresh_from_db()
    assert feed.failures == 0
    assert not Notification.objects.exists()


def test_test_of_an_empty_folder_says_so(feed):
    assert look(feed, is_test=True).outcome == FeedRun.Outcome.NOTHING


def test_tests_are_forgotten_after_a_day(feed, inbox):
    lay(inbox, "june.csv")
    run = look(feed, is_test=True)
    services.open_due_feeds()
    assert FeedRun.objects.filter(pk=run.pk).exists()
    FeedRun.objects.filter(pk=run.pk).update(requested_at=timezone.now() - dt.timedelta(hours=25))
    services.open_due_feeds()
    assert not FeedRun.objects.filter(pk=run.pk).exists()


# ---------------------------------------------------------------- set up, changed, gone


def test_names_are_the_companys_own(feed, borealis):
    with pytest.raises(Refused) as refused:
        make_feed(name=feed.name)
    assert refused.value.code == "name_taken"


def test_trail_names_what_changed_and_no_value(feed, alice):
    services.change_feed(feed=feed, given=Given(pattern="s3cret-*.csv"), actor=alice, name="Other", at=dt.time(5, 0))
    entry = AuditEntry.objects.filter(verb="feed_changed").get()
    assert entry.facts == {"fields": ["at", "name", "options"]}
    assert entry.object_id == str(feed.public_id)


def test_deleted_feed_leaves_what_it_brought(feed, inbox, tmp_path, alice):
    agree_to_shape(tmp_path)
    lay(inbox, "june.csv", *ROWS, "C4,4,No")
    run = look(feed)
    services.delete_feed(feed=feed, actor=alice)
    assert not Feed.objects.exists() and not FeedRun.objects.exists()
    assert Import.objects.filter(pk=run.import_run_id).exists() and Customer.objects.count() == 4


def test_feed_at_work_is_not_deleted(feed, alice):
    services.open_feed_run(feed=feed, requested_by=None)
    with pytest.raises(Refused):
        services.delete_feed(feed=feed, actor=alice)


def test_old_looks_are_forgotten_the_quiet_ones_first(feed, monkeypatch):
    monkeypatch.setattr(feed_runs, "_KEPT_QUIET", 3)
    monkeypatch.setattr(feed_runs, "_KEPT", 2)
    for outcome in ("imported", "imported", "imported", "nothing", "nothing", "nothing"):
        FeedRun.objects.create(feed=feed, state=JobState.SUCCEEDED, outcome=outcome)
    look(feed)  # nothing there
    kept = list(FeedRun.objects.values_list("outcome", flat=True))
    assert (kept.count("nothing"), kept.count("imported")) == (3, 2)


def test_command_seals_under_the_new_key(cast, settings):
    with tenant_scope(cast.atlas):
        feed = make_feed("https", address="https://example.com/x.csv?sig=word")
    old, settings.CREDENTIALS_KEY = settings.CREDENTIALS_KEY, "a-new-key-" + "z" * 40
    settings.CREDENTIALS_KEY_FALLBACKS = [old]
    said = io.StringIO()
    call_command("reseal_credentials", stdout=said)
    assert "1 credentials" in said.getvalue()
    settings.CREDENTIALS_KEY_FALLBACKS = []
    with tenant_scope(cast.atlas):
        feed.refresh_from_db()
        assert "word" in secrets.unseal(feed.secret, scope=feed.secret_scope)
    settings.CREDENTIALS_KEY = "a-lost-key-" + "z" * 40
    with pytest.raises(CommandError, match="1 could not be opened"):
        call_command("reseal_credentials", stdout=said)


def test_task_leaves_what_is_unreachable_to_another_try(feed, inbox, monkeypatch, atlas):
    def down(*_args, **_kwargs):
        raise Unreachable("unreachable", "Nobody answers.")

    monkeypatch.setattr(feed_runs, "_fetch", down)
    run = services.open_feed_run(feed=feed, requested_by=None)
    tasks.run_feed(tenant_id=str(atlas.pk), job_id=run.pk)
    run.refresh_from_db()
    assert (run.state, run.not_before is not None) == (JobState.QUEUED, True)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"rhythm": "minutes", "every_minutes": 15}, "every 15 minutes"),
        ({"rhythm": "hourly"}, "every hour"),
        ({"rhythm": "daily", "at": dt.time(6, 0)}, "every day at 6 a.m."),
        ({"rhythm": "weekly", "at": dt.time(6, 30), "weekday": 4}, "every Friday at 6:30 a.m."),
    ],
)
def test_schedule_in_words(fields, said):
    assert words.schedule(Feed(**fields)) == said


def test_source_of_a_feed_is_opened_by_its_own_kind_only(atlas_scope):
    feed = make_feed("https", address="https://example.com/x.csv")
    assert feed_sources._held_credentials(feed) == feed_sources.web.Credentials()


def test_trouble_of_one_company_is_not_the_others(cast, settings, inbox, django_capture_on_commit_callbacks):
    cast.atlas.time_zone = "Nowhere/Land"
    cast.atlas.save()
    for tenant, zone in ((cast.atlas, "Africa/Tunis"), (cast.borealis, "UTC")):
        with tenant_scope(tenant):
            Feed.objects.create(name="Files", kind="https", options={"address": f"https://{zone}"}, next_run_at=NOW)
    tasks.run_due_feeds()
    with tenant_scope(cast.atlas):
        assert not FeedRun.objects.exists()
    with tenant_scope(cast.borealis):
        assert FeedRun.objects.count() == 1


def test_what_was_given_shows_in_no_trace():
    given = Given(url="s3cret", address="s3cret", value="s3cret", password="s3cret")
    assert "s3cret" not in repr(given)
    credentials = feed_sources.web.Credentials(value="s3cret", password="s3cret", query="s3cret")
    assert "s3cret" not in repr(credentials)
