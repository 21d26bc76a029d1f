"""Dividing the customers: what a run leaves, by which columns and into how many, and what becomes of one that is interrupted."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import OperationalError
from django.utils import timezone

from churnguard import pipeline, tasks
from core import columnar, jobs, partitions
from core.errors import Refused
from core.models import JobState
from customers import services as customers
from customers.models import Customer, Import
from predictions import services as predictions
from segmentation import selectors, services
from segmentation.clustering import choose
from segmentation.models import Assignment, Segment, Segmentation, SegmentMembership, SegmentProfile
from segmentation.services import members, portraits, runs
from tenants.models import AuditEntry, Notification
from tenants.scoping import tenant_scope
from tests.conftest import import_file, write_csv

from .company_of_use import FEATURES, KINDS, MEASURES, bring_in, kind_of
from .conftest import MANY, divide, places

KINDS_OF_SEGMENTS = {f"S{n}": kind for n, kind in enumerate(KINDS, 1)}


class Killed(BaseException):
    pass


def members_of(run: Segmentation) -> int:
    return SegmentMembership.objects.filter(segmentation=run).count()


# ---------------------------------------------------------------- what a run leaves


def test_everybody_has_a_place_with_those_of_their_kind(atlas_scope, divided):
    assert divided.state == JobState.SUCCEEDED and divided.is_current
    belongs = places(divided)
    assert len(belongs) == MANY == divided.customers
    for customer in Customer.objects.all():
        assert KINDS_OF_SEGMENTS[belongs[customer.external_id]] == kind_of(customer)


def test_first_names_are_ordered_by_what_customers_bring(atlas_scope, divided):
    found = selectors.profiles(divided)
    assert [p.segment.label for p in found] == ["S1", "S2", "S3", "S4", "S5"]
    spent = [p.mean_values["montant_consommation"] for p in found]
    assert spent == sorted(spent, reverse=True)


def test_portraits_hold_sizes_means_and_shares_that_sum_to_a_hundred(atlas_scope, divided):
    found = selectors.profiles(divided)
    assert [p.size for p in found] == [20] * 5
    assert sum(round(10 * p.percentage) for p in found) == 1000
    for p in found:
        assert set(p.mean_values) == set(p.scaled) == set(FEATURES)
        assert all(0 <= value <= 1 for value in p.scaled.values())
        assert p.portrait["traits"], "kinds far apart have something that sets them apart"
    assert divided.figures["features"] == FEATURES
    assert set(divided.figures["importance"]) == set(FEATURES)
    assert all(0.5 < weight <= 1 for weight in divided.figures["importance"].values())


def test_use_is_the_mean_of_the_last_months(atlas_scope, divided):
    customer = Customer.objects.get(external_id="U0000")
    spent = float(customer.usage.first().montant_consommation)
    heavy = selectors.profiles(divided)[0]
    assert heavy.mean_values["montant_consommation"] == pytest.approx(spent, rel=0.1)


def test_gaps_are_filled_counted_and_told_as_unknown_in_means(atlas_scope, used):
    Customer.objects.filter(external_id__in=["U0000", "U0001", "U0002"]).update(age=None)
    run = divide()
    assert run.figures["imputed"] == {"age": 3}
    assert len(places(run)) == MANY


def test_column_that_is_the_same_for_all_is_set_aside(atlas_scope, used):
    Customer.objects.update(age=40)
    run = divide()
    assert run.figures["set_aside"] == [{"feature": "age", "code": "constant"}]
    assert run.figures["features"] == list(MEASURES)


def test_same_seed_finds_the_same_segments(atlas_scope, divided):
    again = divide()
    assert again.pk != divided.pk
    assert places(again) == places(divided)
    assert again.figures["points"] == divided.figures["points"]


def test_without_scores_nothing_is_said_to_be_at_stake(atlas_scope, divided):
    assert [p.stakes for p in selectors.profiles(divided)] == [{}] * 5


def test_run_is_in_the_trail_and_told(atlas_scope, alice, used):
    run = divide(requested_by=alice, k=4)
    assert AuditEntry.objects.get(verb="segmentation_opened").actor == alice
    assert AuditEntry.objects.get(verb="segments_refreshed").facts == {"customers": MANY, "segments": 4}
    told = Notification.objects.get(code="segments_refreshed")
    assert "100" in told.text and "4" in told.text if hasattr(told, "text") else told.facts["segments"] == 4
    assert run.requested_by == alice


def test_other_numbers_of_segments_are_looked_at(atlas_scope):
    bring_in(60)
    run = divide()
    assert run.advice["verdict"] == choose.CLUSTERS
    assert {one["k"] for one in run.advice["candidates"]} == set(choose.KS)
    said = services.segmentation_json(run)
    assert said["has_clusters"] is True and said["advice"]["k"] == run.advice["k"]


# ---------------------------------------------------------------- into how many, by which columns


@pytest.mark.parametrize("k", [2, 3, 7])
def test_number_of_segments_is_as_asked(atlas_scope, used, k):
    run = divide(k=k)
    assert run.profiles.count() == k == len(set(places(run).values()))


def test_number_of_segments_stays_until_another_is_asked_for(atlas_scope, used):
    divide(k=3)
    assert divide().profiles.count() == 3


@pytest.mark.parametrize("k", [0, 1, 11, -3])
def test_number_out_of_bounds_is_refused(atlas_scope, used, k):
    with pytest.raises(Refused) as refused:
        services.open_run(k=k)
    assert refused.value.code == "bad_k"
    assert not Segmentation.objects.exists()


def test_other_columns_may_be_chosen(atlas_scope, used):
    run = divide(features=["tenure", "volume_data"], k=3)
    assert run.figures["features"] == ["tenure", "volume_data"]


def test_chosen_columns_stay_chosen_in_every_run_after(atlas_scope, used):
    chosen = ["tenure", "volume_data"]
    divide(features=chosen, k=3)
    for _again in range(3):
        assert divide().figures["features"] == chosen
        assert not services.has_new_columns(), "columns that somebody chose are not put right by themselves"


def test_chosen_column_that_went_is_left_out(atlas_scope, used):
    from customers.models import UsageRecord

    divide(features=["tenure", "volume_data"], k=3)
    UsageRecord.objects.update(volume_data=None)
    assert divide().figures["features"] == ["tenure"]


def test_other_field_of_the_companys_own_may_be_chosen(atlas_scope, used):
    people = list(Customer.objects.order_by("pk"))
    for i, customer in enumerate(people):
        customer.attributes = {"Visits": float(i % 4)}
    Customer.objects.bulk_update(people, ["attributes"])
    customers.refresh_customer_base()
    run = divide(features=["Visits", "tenure"], k=2)
    assert run.figures["features"] == ["Visits", "tenure"]


@pytest.mark.parametrize("name", ["shoe_size", "external_id", "churn_label", "gender", "risk", ""])
def test_column_that_is_none_is_refused_by_name(atlas_scope, used, name):
    with pytest.raises(Refused) as refused:
        services.open_run(features=["age", name])
    assert (refused.value.code, refused.value.facts) == ("unknown_feature", {"feature": name})
    assert not Segmentation.objects.exists()


def test_one_run_is_open_at_a_time(atlas_scope, used):
    first = services.open_run(k=3)
    assert services.open_run(k=4) == first
    assert Segmentation.objects.get().k == 3


def test_nobody_to_divide_is_a_sentence(atlas_scope):
    run = services.open_run()
    with pytest.raises(Refused) as refused:
        services.refresh_segments(run_id=run.pk)
    assert refused.value.code == "no_customers"
    run.refresh_from_db()
    assert (run.state, run.error_code, run.is_current) == (JobState.FAILED, "no_customers", False)
    assert Notification.objects.get(code="segmentation_failed").level == "error"
    assert services.why_none()[0] == "no_customers"


def test_too_few_customers_are_a_sentence_in_our_words(atlas_scope, quick_advice):
    bring_in(4)
    with pytest.raises(Refused, match="too few customers") as refused:
        divide()
    assert refused.value.code == "too_few_rows"
    assert services.why_none() == ("too_few_rows", refused.value.message)
    assert not Segment.objects.exists() and not SegmentMembership.objects.exists()


def test_refused_run_leaves_the_segments_in_force(atlas_scope, divided):
    Customer.objects.update(age=40)
    with pytest.raises(Refused) as refused:
        divide(features=["age"])
    assert refused.value.code == "no_features"
    assert selectors.current_run() == divided
    assert len(places(divided)) == MANY


# ---------------------------------------------------------------- interrupted


def test_run_that_died_half_way_begins_anew_and_leaves_nothing_of_it(atlas_scope, divided, monkeypatch):
    monkeypatch.setattr(members, "_BLOCK", 30)
    monkeypatch.setattr(members, "_SMALL_BLOCK", 30)
    run = services.open_run(k=3)
    insert, calls = columnar.insert, []

    def die_at_the_third(*given):
        calls.append(1)
        if len(calls) == 3:
            raise Killed
        return insert(*given)

    with monkeypatch.context() as killed:
        killed.setattr(columnar, "insert", die_at_the_third)
        with pytest.raises(Killed):
            services.refresh_segments(run_id=run.pk)
    assert members_of(run) == (0 if partitions.is_partitioned(SegmentMembership) else 60)
    assert selectors.current_run() == divided
    Customer.objects.filter(external_id="U0099").delete()
    services.refresh_segments(run_id=run.pk, follow=False)
    run.refresh_from_db()
    assert run.is_current and members_of(run) == MANY - 1 == run.customers
    assert run.profiles.count() == 3


def test_run_that_died_after_everybody_had_a_place_goes_on(atlas_scope, used, monkeypatch):
    run = services.open_run()
    with monkeypatch.context() as killed:
        killed.setattr(runs, "_name_customers", lambda *_: (_ for _ in ()).throw(Killed))
        with pytest.raises(Killed):
            services.refresh_segments(run_id=run.pk)
    run.refresh_from_db()
    assert (run.state, run.is_current) == (JobState.QUEUED, True)
    kept = list(SegmentMembership.objects.order_by("pk").values_list("pk", flat=True))
    drawn = list(SegmentProfile.objects.order_by("pk").values_list("pk", flat=True))
    with monkeypatch.context() as again:
        again.setattr(runs, "_divide", lambda *_: pytest.fail("divided twice"))
        services.refresh_segments(run_id=run.pk, follow=False)
    run.refresh_from_db()
    assert run.state == JobState.SUCCEEDED and run.advice
    assert list(SegmentMembership.objects.order_by("pk").values_list("pk", flat=True)) == kept
    assert list(SegmentProfile.objects.order_by("pk").values_list("pk", flat=True)) == drawn
    assert not Customer.objects.filter(persona="").exists()


def test_cancelled_run_leaves_the_current_one_and_no_rows(atlas_scope, divided, monkeypatch):
    run = services.open_run(k=3)
    report = jobs.Claim.report

    def cancel_while_writing(self, done, total, *given, **options):
        if done > 60:
            raise jobs.Cancelled
        report(self, done, total, *given, **options)

    monkeypatch.setattr(jobs.Claim, "report", cancel_while_writing)
    with pytest.raises(jobs.Cancelled):
        services.refresh_segments(run_id=run.pk)
    run.refresh_from_db()
    assert (run.state, run.is_current, run.has_members) == (JobState.CANCELLED, False, False)
    assert members_of(run) == 0
    assert selectors.current_run() == divided
    assert members_of(divided) == MANY
    assert not Segment.objects.filter(is_retired=True).exists()


def test_stale_worker_moves_no_pointer(atlas_scope, used, monkeypatch):
    run = services.open_run()
    drawn = portraits.draw

    def slow(*given):
        Segmentation.objects.filter(pk=run.pk).update(token=99)
        return drawn(*given)

    monkeypatch.setattr(portraits, "draw", slow)
    with pytest.raises(jobs.LeaseLost):
        services.refresh_segments(run_id=run.pk)
    assert selectors.current_run() is None
    assert not SegmentProfile.objects.exists()


def test_only_the_newest_runs_remember_who_was_where(atlas_scope, divided, monkeypatch):
    monkeypatch.setattr(members, "KEPT_RUNS", 2)
    second, third = divide(), divide()
    divided.refresh_from_db()
    assert not divided.has_members and members_of(divided) == 0
    assert members_of(second) == members_of(third) == MANY
    assert divided.profiles.count() == 5, "what it found stays"


def test_old_memberships_that_somebody_reads_stay_until_the_next_run(atlas_scope, divided, monkeypatch, caplog):
    monkeypatch.setattr(members, "KEPT_RUNS", 1)

    def in_the_way(_run):
        raise OperationalError("canceling statement due to lock timeout")

    with monkeypatch.context() as patched:
        patched.setattr(members, "_forget", in_the_way)
        assert divide().is_current
    assert "stay for now" in caplog.text
    assert members_of(divided) == MANY
    divide()
    assert members_of(divided) == 0


def test_run_whose_workers_died_for_good_leaves_no_rows(atlas_scope, divided, settings, monkeypatch):
    settings.JOB_MAX_ATTEMPTS = 1
    run = services.open_run()
    with monkeypatch.context() as broken:
        broken.setattr(runs, "_make_current", lambda *_: (_ for _ in ()).throw(RuntimeError("broke")))
        with pytest.raises(RuntimeError):
            services.refresh_segments(run_id=run.pk)
    run.refresh_from_db()
    assert run.state == JobState.DEAD
    settings.JOB_MAX_ATTEMPTS = 3
    divide()
    assert members_of(run) == 0
    assert selectors.current_run().customers == MANY


# ---------------------------------------------------------------- when it happens by itself


@pytest.fixture
def rung(monkeypatch):
    heard = []
    monkeypatch.setattr("core.jobs.ring", heard.append)
    return heard


def due_at(day: int, hour: int) -> datetime:
    """An hour in Tunis, an hour ahead of UTC."""
    return datetime(2026, 6, day, hour - 1, 30, tzinfo=UTC)


def test_week_is_told_by_the_companys_own_clock(atlas_scope, divided):
    # Requested on Monday the first, half past midnight in Tunis; in UTC it is Sunday still.
    Segmentation.objects.update(requested_at=datetime(2026, 5, 31, 23, 30, tzinfo=UTC))
    assert not services.is_due(due_at(7, 23))
    assert not services.is_due(due_at(8, 2)), "at the hour of its scoring"
    assert services.is_due(due_at(8, 3))
    assert services.is_due(due_at(9, 1)), "late rather than never"
    predictions.set_routine(actor=None, scoring_hour=5)
    assert not services.is_due(due_at(8, 4))
    assert services.is_due(due_at(8, 5))


def test_nothing_is_due_where_nobody_was_divided_or_a_run_is_open(atlas_scope, used):
    assert not services.is_due()
    divide()
    Segmentation.objects.update(requested_at=datetime(2026, 1, 1, tzinfo=UTC))
    assert services.is_due()
    services.open_run()
    assert not services.is_due()


def test_failed_attempt_is_tried_again_after_a_week_not_before(atlas_scope):
    with pytest.raises(Refused):
        services.refresh_segments(run_id=services.open_run().pk)
    newest = Segmentation.objects.get().requested_at
    assert not services.is_due(newest + timedelta(days=5))
    assert services.is_due(newest + timedelta(days=9))


def test_beat_divides_again_in_the_company_whose_week_is_over(cast, divided, rung, monkeypatch):
    with tenant_scope(cast.atlas):
        Segmentation.objects.update(requested_at=datetime(2026, 1, 1, tzinfo=UTC))
    monkeypatch.setattr(tasks.predictions, "take_due", predictions_due_never)
    tasks.follow_routines()
    assert [(type(job), job.tenant_id) for job in rung] == [(Segmentation, cast.atlas.pk)]
    tasks.follow_routines()
    assert len(rung) == 1


def predictions_due_never():
    from predictions.services.routine import Due

    return Due()


def test_first_customers_are_divided_by_themselves_once(atlas_scope, used, rung):
    pipeline.catch_up()
    assert [job for job in rung if isinstance(job, Segmentation)] == [Segmentation.objects.get()]
    pipeline.catch_up()
    assert Segmentation.objects.count() == 1


def test_empty_company_is_left_alone(atlas_scope, rung):
    pipeline.catch_up()
    pipeline.place()
    assert rung == []


def test_use_that_arrives_later_divides_anew(atlas_scope, quick_advice):
    from customers.models import UsageRecord

    bring_in(50)
    months = list(UsageRecord.objects.all())
    UsageRecord.objects.all().delete()
    run = divide()
    assert run.figures["features"] == ["tenure", "monthly_charges"]
    assert run.figures["set_aside"] == [{"feature": "services", "code": "constant"}], "nobody takes any"
    assert not services.has_new_columns()
    UsageRecord.objects.bulk_create(months)
    assert services.has_new_columns()
    assert divide().figures["features"] == FEATURES
    assert not services.has_new_columns()


def test_new_columns_are_grouped_by_after_the_next_import(atlas_scope, divided, rung, monkeypatch):
    pipeline.place_after_import(sender=None)
    assert [type(job) for job in rung] == [Assignment]
    monkeypatch.setattr(runs.features, "usual", lambda: (*FEATURES, "tenure"))
    pipeline.place_after_import(sender=None)
    assert [type(job) for job in rung] == [Assignment, Segmentation]


def test_first_division_waits_for_what_is_under_way(atlas_scope, tmp_path):
    import_file(write_csv(tmp_path / "new.csv", "customerID,tenure,Churn", "N1,3,No", "N2,4,Yes"))
    assert not services.needs_first_run(), "use may be in the next file"
    Import.objects.update(finished_at=timezone.now() - timedelta(minutes=2))
    assert services.needs_first_run()
    training = predictions.open_training()
    assert not services.needs_first_run()
    jobs.cancel(training)
    assert services.needs_first_run()
