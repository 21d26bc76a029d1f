"""What beat asks for all companies: each has its turn, whatever another one's data hold."""

import logging

import pytest
from celery.exceptions import SoftTimeLimitExceeded

from churnguard import tasks as nightly
from core import jobs
from customers import tasks as feeds
from tenants import notice_mail, tasks
from tenants.company import for_each
from tenants.models import Tenant
from tenants.scoping import current_tenant


@pytest.fixture
def both(atlas, borealis):
    return {atlas.pk, borealis.pk}


def failing_first(had: list):
    """Work that notes whose turn it is, and fails at the first."""

    def work(*_given):
        had.append(current_tenant().pk)
        if len(had) == 1:
            raise ValueError("what nobody thought of")
        return []

    return work


def test_trouble_of_one_company_is_logged_and_keeps_no_other_from_its_turn(both, caplog):
    had = []
    with caplog.at_level(logging.ERROR, logger="tenants.company"):
        for_each(failing_first(had))
    assert set(had) == both
    assert len(caplog.records) == 1 and caplog.records[0].exc_info


def test_time_that_is_up_ends_all_turns(both):
    had = []

    def work(tenant):
        had.append(tenant)
        raise SoftTimeLimitExceeded

    with pytest.raises(SoftTimeLimitExceeded):
        for_each(work)
    assert len(had) == 1


@pytest.mark.parametrize(
    ("task", "module", "name"),
    [
        (tasks.mail_notices, notice_mail, "send_waiting"),
        (tasks.open_digests, notice_mail, "open_digests"),
        (tasks.keep_house, tasks.api_keys, "tell_of_ends"),
        (nightly.follow_routines, nightly.predictions, "take_due"),
        (nightly.catch_up_pipelines, nightly.pipeline, "catch_up"),
        (nightly.start_due_campaigns, nightly.campaigns, "start_due"),
        (nightly.measure_due_campaigns, nightly.campaigns, "open_due_measurements"),
        (feeds.run_due_feeds, feeds.services, "open_due_feeds"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_beats_tasks_go_on_to_the_next_company(both, monkeypatch, task, module, name):
    had = []
    fails = failing_first(had)

    def work(*given):
        fails(*given)
        raise LookupError("nothing else of this turn matters here")

    monkeypatch.setattr(module, name, work)
    monkeypatch.setattr(jobs, "ring", lambda job: None)
    task()
    assert set(had) == both


def test_clock_that_does_not_exist_stops_nobody_elses_campaigns(both, atlas, monkeypatch):
    Tenant.objects.filter(pk=atlas.pk).update(time_zone="Mars/Olympus")
    had = []
    monkeypatch.setattr(nightly.campaigns, "start_due", lambda: had.append(current_tenant().pk) or [])
    nightly.start_due_campaigns()
    assert set(had) == both - {atlas.pk}
