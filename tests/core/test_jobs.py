"""The job row: one worker at a time, stale workers fenced off, nothing lost when a worker or the broker dies."""

import logging
from datetime import timedelta

import pytest
from django.utils import timezone
from kombu.exceptions import OperationalError

from core import jobs
from core.errors import Refused
from core.models import JobState
from customers.models import Import
from tenants.scoping import public_scope

pytestmark = pytest.mark.usefixtures("atlas_scope")


@pytest.fixture
def job() -> Import:
    return Import.objects.create(filename="customers.csv")


@pytest.fixture
def bell(monkeypatch):
    """Hears what is published instead of a broker: a list of messages."""
    heard = []
    from customers.tasks import run_import

    monkeypatch.setattr(run_import, "apply_async", lambda *, kwargs, **_: heard.append(kwargs))
    return heard


def again(job: Import) -> Import:
    return Import.objects.get(pk=job.pk)


def let_lease_run_out(job: Import) -> None:
    Import.objects.filter(pk=job.pk).update(lease_until=timezone.now() - timedelta(seconds=1))


def test_first_claim_gets_the_job_and_the_second_gets_nothing(job):
    held = jobs.claim(Import, job.pk)
    assert held is not None
    assert jobs.claim(Import, job.pk) is None
    row = again(job)
    assert (row.state, row.attempts, row.token) == (JobState.RUNNING, 1, held.token)
    assert row.started_at is not None


def test_finished_job_cannot_be_claimed_again(job):
    with jobs.claimed(Import, job.pk):
        pass
    assert again(job).state == JobState.SUCCEEDED
    with pytest.raises(jobs.NotClaimable), jobs.claimed(Import, job.pk):
        pytest.fail("the body ran twice")


def test_job_whose_lease_ran_out_goes_to_the_next_worker_with_a_new_token(job):
    first = jobs.claim(Import, job.pk)
    let_lease_run_out(job)
    second = jobs.claim(Import, job.pk)
    assert second.token == first.token + 1
    assert again(job).attempts == 2


def test_job_is_not_claimed_before_its_time(job):
    Import.objects.filter(pk=job.pk).update(not_before=timezone.now() + timedelta(seconds=60))
    assert jobs.claim(Import, job.pk) is None


def test_stale_worker_writes_nothing_and_ends_nothing(job):
    first = jobs.claim(Import, job.pk)
    let_lease_run_out(job)
    jobs.claim(Import, job.pk)
    with pytest.raises(jobs.LeaseLost):
        first.save(rows_read=99)
    with pytest.raises(jobs.LeaseLost):
        first.report(1, 2, "still here")
    with pytest.raises(jobs.LeaseLost):
        jobs._end(first, JobState.SUCCEEDED)
    jobs._retry_or_bury(first, RuntimeError("late"))
    row = again(job)
    assert (row.state, row.rows_read, row.progress_done, row.error_message) == (JobState.RUNNING, 0, 0, "")


def test_renewing_keeps_the_lease_and_a_stale_worker_cannot(job):
    first = jobs.claim(Import, job.pk)
    before = again(job).lease_until
    assert first.renew()
    assert again(job).lease_until > before
    let_lease_run_out(job)
    jobs.claim(Import, job.pk)
    assert not first.renew()
    with pytest.raises(jobs.LeaseLost):
        first.report(1, 1)


def test_progress_is_written_and_becomes_a_fraction(job):
    held = jobs.claim(Import, job.pk)
    held.report(25, 100, "a quarter")
    row = again(job)
    assert (row.fraction, row.percent, row.progress_note) == (0.25, 25, "a quarter")
    assert row.seconds_left is not None


def test_progress_is_not_written_at_every_step(job, django_assert_num_queries):
    held = jobs.claim(Import, job.pk)
    held.report(1, 100, "reading")
    with django_assert_num_queries(0):
        for done in range(2, 50):
            held.report(done, 100, "reading")


def test_watcher_sees_each_written_report_and_the_end(job):
    seen = []
    with jobs.watching(lambda row: seen.append((row.state, row.fraction))), jobs.claimed(Import, job.pk) as held:
        held.report(1, 2, "half")
    assert seen == [(JobState.RUNNING, 0.5), (JobState.SUCCEEDED, 1.0)]


def test_waiting_job_is_cancelled_at_once(job):
    jobs.cancel(job)
    assert job.state == JobState.CANCELLED
    assert job.finished_at is not None
    assert jobs.claim(Import, job.pk) is None


def test_running_job_stops_at_its_next_report(job):
    def work(held):
        jobs.cancel(again(job))
        held.report(1, 2, "next")
        pytest.fail("went on")

    with pytest.raises(jobs.Cancelled), jobs.claimed(Import, job.pk) as held:
        work(held)
    assert again(job).state == JobState.CANCELLED


def test_cancelling_a_finished_job_changes_nothing(job):
    with jobs.claimed(Import, job.pk):
        pass
    jobs.cancel(job)
    assert (job.state, job.cancel_requested) == (JobState.SUCCEEDED, False)


def test_refusal_fails_the_job_with_its_sentence_and_is_not_tried_again(job):
    with pytest.raises(Refused), jobs.claimed(Import, job.pk):
        raise Refused("no_id", "The file has no customer number.")
    row = again(job)
    assert (row.state, row.error_code, row.error_message) == ("failed", "no_id", "The file has no customer number.")
    assert jobs.claim(Import, job.pk) is None


def test_error_puts_the_job_back_with_a_growing_pause(job):
    pauses = []
    for _ in range(3):
        Import.objects.filter(pk=job.pk).update(not_before=None)
        with pytest.raises(ZeroDivisionError), jobs.claimed(Import, job.pk):
            1 / 0  # noqa: B018
        row = again(job)
        assert row.state == JobState.QUEUED
        pauses.append(row.not_before - timezone.now())
    assert pauses[0] < pauses[1] < pauses[2]
    assert "ZeroDivisionError" in again(job).error_message


def test_job_that_fails_at_every_attempt_is_dead_with_its_reason(job, settings):
    for _ in range(settings.JOB_MAX_ATTEMPTS):
        Import.objects.filter(pk=job.pk).update(not_before=None)
        with pytest.raises(OSError), jobs.claimed(Import, job.pk):
            raise OSError("disk full")
    row = again(job)
    assert (row.state, row.error_message) == (JobState.DEAD, "OSError: disk full")
    assert row.finished_at is not None
    assert jobs.claim(Import, job.pk) is None


def test_success_after_an_error_leaves_no_error_behind(job):
    with pytest.raises(ZeroDivisionError), jobs.claimed(Import, job.pk):
        1 / 0  # noqa: B018
    Import.objects.filter(pk=job.pk).update(not_before=None)
    with jobs.claimed(Import, job.pk):
        pass
    row = again(job)
    assert (row.state, row.error_code, row.error_message, row.attempts) == (JobState.SUCCEEDED, "", "", 2)


@pytest.mark.parametrize("interruption", [KeyboardInterrupt, SystemExit])
def test_interrupted_worker_lets_go_without_spending_an_attempt(job, interruption):
    with pytest.raises(interruption), jobs.claimed(Import, job.pk):
        raise interruption
    row = again(job)
    assert (row.state, row.attempts, row.lease_until) == (JobState.QUEUED, 0, None)
    assert jobs.claim(Import, job.pk) is not None


# ---------------------------------------------------------------- the doorbell and the sweeper


def test_bell_rings_after_the_commit_with_identifiers_only(job, bell, atlas, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        jobs.ring(job)
        assert bell == []
    assert bell == [{"tenant_id": str(atlas.pk), "job_id": job.pk}]
    assert again(job).published_at is not None


@pytest.mark.parametrize("error", [OperationalError("no broker"), ConnectionRefusedError("no broker")])
def test_with_the_broker_down_the_row_waits_for_the_sweeper(
    job, monkeypatch, bell, error, caplog, django_capture_on_commit_callbacks
):
    from customers.tasks import run_import

    def refuse(**_):
        raise error

    with monkeypatch.context() as down:
        down.setattr(run_import, "apply_async", refuse)
        with caplog.at_level(logging.ERROR), django_capture_on_commit_callbacks(execute=True):
            jobs.ring(job)
        assert jobs.sweep() == 0
    row = again(job)
    assert (row.state, row.published_at) == (JobState.QUEUED, None)
    assert jobs.sweep() == 1
    assert [message["job_id"] for message in bell] == [job.pk]


def test_sweeper_does_not_ring_twice_for_what_was_just_published(job, bell):
    assert jobs.sweep() == 1
    assert jobs.sweep() == 0
    Import.objects.filter(pk=job.pk).update(published_at=timezone.now() - timedelta(hours=1))
    assert jobs.sweep() == 1


def test_sweeper_rings_for_a_job_whose_worker_vanished(job, bell):
    jobs.claim(Import, job.pk)
    assert jobs.sweep() == 0
    let_lease_run_out(job)
    assert jobs.sweep() == 1


def test_sweeper_waits_for_the_pause_after_an_error(job, bell):
    with pytest.raises(ZeroDivisionError), jobs.claimed(Import, job.pk):
        1 / 0  # noqa: B018
    assert jobs.sweep() == 0
    Import.objects.filter(pk=job.pk).update(not_before=timezone.now())
    assert jobs.sweep() == 1


def test_sweeper_buries_a_job_that_killed_every_worker(job, bell, settings):
    jobs.claim(Import, job.pk)
    Import.objects.filter(pk=job.pk).update(attempts=settings.JOB_MAX_ATTEMPTS)
    let_lease_run_out(job)
    assert jobs.sweep() == 0
    row = again(job)
    assert (row.state, row.error_code) == (JobState.DEAD, "worker_lost")
    assert row.finished_at is not None


def test_sweeper_cancels_a_waiting_job_that_was_asked_to_stop(job, bell):
    Import.objects.filter(pk=job.pk).update(cancel_requested=True)
    assert jobs.sweep() == 0
    assert again(job).state == JobState.CANCELLED


def test_sweeper_serves_every_company(job, bell, borealis):
    other = Import(filename="theirs.csv", tenant=borealis)
    with public_scope(borealis):
        Import._base_manager.bulk_create([other])
    assert jobs.sweep() == 2
    assert {m["tenant_id"] for m in bell} == {str(job.tenant_id), str(borealis.pk)}


def test_heartbeat_renews_the_lease_while_the_work_is_silent(job, settings, monkeypatch):
    renewed = []
    settings.JOB_HEARTBEAT_SECONDS = 0.01
    import threading

    twice = threading.Event()

    def renew(self):
        renewed.append(self.token)
        if len(renewed) == 2:
            twice.set()
        return True

    monkeypatch.setattr(jobs.Claim, "renew", renew)
    monkeypatch.setattr(jobs, "close_old_connections", lambda: None)
    with jobs.claimed(Import, job.pk) as held:
        assert twice.wait(5)
    assert set(renewed) == {held.token}
    assert not [t for t in threading.enumerate() if t.name.startswith("lease-")]


# ---------------------------------------------------------------- the task's door


def test_task_does_not_reach_another_companys_job(job, borealis):
    from django_scopes import scope

    from customers.tasks import run_import

    with scope(tenant=None):  # as in a worker: nobody is in scope yet
        assert run_import(tenant_id=str(borealis.pk), job_id=job.pk) == "NotClaimable"
    assert (again(job).state, again(job).attempts) == (JobState.QUEUED, 0)


def test_task_without_a_company_is_an_error(job):
    from customers.tasks import run_import

    with pytest.raises(TypeError):
        run_import(job_id=job.pk)


def test_duplicate_message_is_normal(job):
    from customers.tasks import run_import

    jobs.claim(Import, job.pk)
    assert run_import(tenant_id=str(job.tenant_id), job_id=job.pk) == "NotClaimable"


def test_yesterdays_message_with_unknown_words_still_runs(job):
    from customers.tasks import run_import

    jobs.claim(Import, job.pk)
    assert run_import(tenant_id=str(job.tenant_id), job_id=job.pk, sent_by="an older release") == "NotClaimable"
