"""What happens by itself is due once, by the company's own clock, and late rather than never."""

from datetime import UTC, date, datetime

import pytest

from churnguard import tasks
from core.errors import Refused
from predictions import registry, services
from predictions.models import DriftReport, Routine, ScoringRun, TrainingRun
from predictions.services.routine import Due
from tenants.models import AuditEntry
from tenants.scoping import tenant_scope

NIGHT = datetime(2026, 6, 8, 2, 30, tzinfo=UTC)  # a Monday; 03:30 in Tunis, where Atlas is


@pytest.fixture
def begun(atlas_scope):
    """A company that has been here for months."""
    services.set_routine(actor=None, scores_nightly=True)
    Routine.objects.update(last_retrained_on=date(2026, 5, 1))


def at(day: int, hour: int, *, month: int = 6) -> datetime:
    """An hour in Tunis, which is an hour ahead of UTC."""
    return datetime(2026, month, day, hour - 1, 30, tzinfo=UTC)


def test_nothing_is_due_before_the_hour(begun):
    services.take_due(at(9, 3))
    assert services.take_due(at(10, 2)) == Due()


def test_night_is_scored_once_however_often_one_asks(begun):
    assert services.take_due(at(9, 3)).scoring
    assert not services.take_due(at(9, 3)).scoring
    assert not services.take_due(at(9, 23)).scoring
    assert services.take_due(at(10, 3)).scoring


def test_missed_night_is_done_late(begun):
    services.take_due(at(9, 3))
    assert services.take_due(at(10, 17)).scoring


def test_check_is_due_on_its_weekday_only(begun):
    assert services.take_due(NIGHT).check  # Monday
    assert not services.take_due(NIGHT).check
    assert not any(services.take_due(at(day, 4)).check for day in range(9, 15))
    assert services.take_due(at(15, 4)).check


def test_challenger_is_due_once_a_month_from_its_day_on(begun):
    services.set_routine(actor=None, retrain_day=10)
    assert not services.take_due(at(9, 4)).training
    assert services.take_due(at(12, 4)).training  # the tenth was a standstill
    assert not services.take_due(at(13, 4)).training
    assert not services.take_due(at(9, 4, month=7)).training
    assert services.take_due(at(10, 4, month=7)).training


def test_new_company_is_not_trained_for_on_its_first_night(atlas_scope):
    assert not services.take_due(NIGHT).training
    assert services.take_due(at(1, 4, month=7)).training


def test_what_is_switched_off_is_never_due(begun):
    services.set_routine(actor=None, scores_nightly=False, checks_weekly=False, retrains_monthly=False)
    assert services.take_due(NIGHT) == Due()


def test_clock_is_the_companys_own(cast):
    with tenant_scope(cast.borealis):  # UTC
        assert not services.take_due(NIGHT).scoring
        assert services.take_due(datetime(2026, 6, 8, 3, 0, tzinfo=UTC)).scoring


@pytest.mark.parametrize("wrong", [{"scoring_hour": 24}, {"check_weekday": 7}, {"retrain_day": 0}, {"retrain_day": 29}])
def test_what_is_no_time_is_refused_and_changes_nothing(atlas_scope, alice, wrong):
    with pytest.raises(Refused):
        services.set_routine(actor=alice, **wrong)
    assert not Routine.objects.exists()


def test_change_is_in_the_trail(atlas_scope, alice):
    services.set_routine(actor=alice, scoring_hour=5)
    assert AuditEntry.objects.get(verb="routine_set").facts == {"scoring_hour": 5}
    assert registry.routine().scoring_hour == 5


def test_beat_opens_what_is_due_in_each_company(cast, scored, monkeypatch):
    rung = []
    monkeypatch.setattr("core.jobs.ring", rung.append)
    monkeypatch.setattr(tasks.predictions, "take_due", lambda: Due(scoring=True, check=True, training=True))
    tasks.follow_routines()
    assert {type(job) for job in rung} == {ScoringRun, DriftReport, TrainingRun}
    assert {job.tenant_id for job in rung} == {cast.atlas.pk}, "Borealis has neither a model nor customers"
