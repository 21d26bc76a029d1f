"""Scoring everybody: whole or not at all, by models that had not seen them, with reasons and sums that add up."""

import json
from collections import Counter
from datetime import timedelta

import pytest
from django.conf import settings
from django.db import OperationalError

from core import columnar, jobs, partitions
from core.errors import Refused
from core.models import JobState
from customers import selectors as customers
from customers.models import Customer
from predictions import learning, selectors, services
from predictions.learning.tabulated import Tabulated
from predictions.models import Score, ScoringRun
from predictions.services import scoring
from tenants.models import AuditEntry, Notification
from tests.conftest import CUSTOMERS

pytestmark = pytest.mark.usefixtures("atlas_scope")


def score(**options) -> ScoringRun:
    run = services.require_scoring()
    services.score_customers(run_id=run.pk, follow=False, **options)
    run.refresh_from_db()
    return run


def rows(run: ScoringRun) -> list[Score]:
    return list(Score.objects.filter(run=run).select_related("customer__subscription").order_by("customer_id"))


def test_everybody_is_scored_once_with_a_probability(scored):
    assert (scored.state, scored.is_current, scored.scored) == (JobState.SUCCEEDED, True, CUSTOMERS)
    found = rows(scored)
    assert [s.customer_id for s in found] == list(Customer.objects.order_by("pk").values_list("pk", flat=True))
    assert all(0 < s.risk < 1 for s in found)
    assert selectors.current_run() == scored


def test_those_who_left_were_thought_riskier(scored):
    found = rows(scored)
    left = [s.risk for s in found if s.churn_label]
    stayed = [s.risk for s in found if s.churn_label is False]
    assert sum(left) / len(left) > sum(stayed) / len(stayed) + 0.1


def test_labelled_customers_are_scored_by_a_fold_that_had_not_seen_them(atlas, imported, trained):
    new = Customer.objects.create(external_id="NEW-1")
    run = score()
    by_customer = {s.customer_id: s.is_out_of_fold for s in rows(run)}
    assert by_customer.pop(new.pk) is False
    assert set(by_customer.values()) == {True}


def test_customers_about_whom_nothing_is_known_are_scored_all_the_same(trained):
    new = Customer.objects.create(external_id="NEW-1")
    score_of_new = Score.objects.get(run=score(), customer=new)
    assert 0 < score_of_new.risk < 1
    assert (score_of_new.contract, score_of_new.tenure, score_of_new.monthly_charges) == ("", None, None)


def test_each_customer_has_three_reasons_strongest_first(scored):
    names = {f["name"] for f in scored.version.details["features"]}
    for row in rows(scored):
        assert len(row.drivers) == 3
        assert all(set(d) == {"feature", "value", "effect"} and d["feature"] in names for d in row.drivers)
        sizes = [abs(d["effect"]) for d in row.drivers]
        assert sizes == sorted(sizes, reverse=True)


def test_reasons_hold_the_customers_own_values(scored):
    for row in rows(scored)[:60]:
        for driver in row.drivers:
            if driver["feature"] == "contract":
                assert driver["value"] == row.customer.subscription.contract
            if driver["feature"] == "tenure":
                assert driver["value"] == row.customer.subscription.tenure
            if driver["feature"] == "senior_citizen":
                assert driver["value"] == ("Yes" if row.customer.senior_citizen else "No")


def test_columns_that_lists_filter_by_are_the_customers_own(scored):
    for row in rows(scored):
        subscription = row.customer.subscription
        assert (row.contract, row.internet_service) == (subscription.contract, subscription.internet_service)
        assert (row.tenure, row.monthly_charges) == (subscription.tenure, subscription.monthly_charges)
        assert (row.senior_citizen, row.churn_label) == (row.customer.senior_citizen, row.customer.churn_label)


def test_bands_are_those_that_one_counts_by_hand(scored):
    everybody = Counter(scored.band(s.risk) for s in rows(scored))
    here = Counter(scored.band(s.risk) for s in rows(scored) if s.churn_label is not True)
    empty = dict.fromkeys(("low", "medium", "high"), 0)
    assert scored.bands == empty | dict(everybody)
    assert scored.summary["present"]["bands"] == empty | dict(here)
    assert sum(scored.bands.values()) == CUSTOMERS


def test_sums_are_those_that_one_adds_by_hand(scored):
    here = [s for s in rows(scored) if s.churn_label is not True]
    present = scored.summary["present"]
    assert present["customers"] == len(here) == sum(present["histogram"])
    charges = [(float(s.monthly_charges or 0), s.risk) for s in here]
    assert present["revenue"]["all"] == pytest.approx(sum(c for c, _ in charges))
    assert present["revenue"]["at_risk"] == pytest.approx(sum(c * r for c, r in charges))
    assert present["revenue"]["high"] == pytest.approx(sum(c for c, r in charges if r >= scored.risk_high))


@pytest.mark.parametrize("group", ["contract", "internet_service"])
def test_groups_are_those_that_one_counts_by_hand(scored, group):
    found = rows(scored)
    for value, facts in scored.summary["groups"][group].items():
        members = [s for s in found if getattr(s, group) == value]
        here = [s for s in members if s.churn_label is not True]
        left = [s for s in members if s.churn_label]
        assert (facts["customers"], facts["left"], facts["present"]) == (len(members), len(left), len(here))
        assert facts["churn_rate"] == pytest.approx(len(left) / len(members))
        assert facts["mean_risk"] == pytest.approx(sum(s.risk for s in here) / len(here))
    assert sum(f["customers"] for f in scored.summary["groups"][group].values()) == CUSTOMERS


def test_tenure_groups_hold_everybody_in_the_right_place(scored):
    groups = scored.summary["groups"]["tenure"]
    assert sum(g["customers"] for g in groups.values()) == CUSTOMERS
    assert groups["0–6"]["customers"] == sum(1 for s in rows(scored) if s.tenure <= 6)
    assert groups["61+"]["customers"] == sum(1 for s in rows(scored) if s.tenure >= 61)


def test_top_drivers_are_those_of_customers_worth_worrying_about(scored):
    counted = Counter(
        d["feature"]
        for s in rows(scored)
        if s.churn_label is not True and s.risk >= scored.risk_medium
        for d in s.drivers
        if d["effect"] > 0
    )
    said = {d["feature"]: d["customers"] for d in scored.summary["drivers"]}
    assert all(abs(counted[name] - count) <= 1 for name, count in said.items())  # an effect may round to 0
    assert list(said.values()) == sorted(said.values(), reverse=True)


def test_summary_is_plain_json(scored):
    assert json.loads(json.dumps(scored.summary, allow_nan=False)) == scored.summary


def test_bands_are_the_workspaces_own(atlas, trained):
    atlas.risk_medium, atlas.risk_high = 0.1, 0.2
    atlas.save()
    run = score()
    assert (run.risk_medium, run.risk_high) == (0.1, 0.2)
    assert run.bands["high"] == sum(1 for s in rows(run) if s.risk >= 0.2)


def test_band_begins_at_its_threshold():
    run = ScoringRun(risk_medium=0.3, risk_high=0.6)
    assert [run.band(r) for r in (0.0, 0.2999, 0.3, 0.5999, 0.6, 1.0)] == [
        "low",
        "low",
        "medium",
        "medium",
        "high",
        "high",
    ]


def test_next_run_becomes_current_and_the_last_stays_to_compare_with(scored):
    second = score()
    scored.refresh_from_db()
    assert (scored.is_current, second.is_current) == (False, True)
    assert selectors.previous_run(second) == scored
    assert [round(a.risk, 12) for a in rows(scored)] == [round(b.risk, 12) for b in rows(second)]


def test_second_scoring_is_the_one_already_open(trained):
    first = services.open_scoring()
    assert services.open_scoring() == first
    assert ScoringRun.objects.count() == 1


def test_nobody_is_scored_without_a_model(imported):
    assert services.open_scoring() is None
    with pytest.raises(Refused, match="train one first"):
        services.require_scoring()


def test_scoring_nobody_is_refused(trained):
    Customer.objects.all().delete()
    run = services.require_scoring()
    with pytest.raises(Refused, match="no customer to score"):
        services.score_customers(run_id=run.pk)
    run.refresh_from_db()
    assert (run.state, run.is_current) == (JobState.FAILED, False)
    assert Notification.objects.filter(code="scoring_failed").exists()


def test_blocks_do_not_show_in_the_result(scored, monkeypatch):
    monkeypatch.setattr(scoring, "SCORE_BLOCK", 41)
    second = score()
    assert [(s.risk, s.drivers) for s in rows(second)] == [(s.risk, s.drivers) for s in rows(scored)]
    first_sums, second_sums = scored.summary["present"]["revenue"], second.summary["present"]["revenue"]
    assert second.summary["groups"].keys() == scored.summary["groups"].keys()
    assert second_sums == pytest.approx(first_sums)
    assert second.bands == scored.bands


class Killed(BaseException):
    pass


def test_interrupted_scoring_leaves_the_current_run_and_starts_clean(scored, monkeypatch):
    monkeypatch.setattr(scoring, "SCORE_BLOCK", 50)
    run = services.require_scoring()
    insert, calls = columnar.insert, []

    def die_at_the_third(*args):
        calls.append(1)
        if len(calls) == 3:
            raise Killed
        return insert(*args)

    with monkeypatch.context() as killed:
        killed.setattr(columnar, "insert", die_at_the_third)
        with pytest.raises(Killed):
            services.score_customers(run_id=run.pk)
    # A partition that is not whole is nobody's: it is not attached yet.
    assert Score.objects.filter(run=run).count() == (0 if partitions.is_partitioned(Score) else 100)
    assert selectors.current_run() == scored
    services.score_customers(run_id=run.pk, follow=False)
    assert Score.objects.filter(run=run).count() == CUSTOMERS
    assert selectors.current_run() == run
    run.refresh_from_db()
    assert run.bands == scored.bands


def test_worker_that_died_after_the_last_row_leaves_nothing_to_repeat(trained, monkeypatch):
    run = services.require_scoring()
    with monkeypatch.context() as killed:
        killed.setattr(jobs, "_end", lambda *_: (_ for _ in ()).throw(Killed))
        with pytest.raises(Killed):
            services.score_customers(run_id=run.pk)
    kept = list(Score.objects.filter(run=run).order_by("pk").values_list("pk", flat=True))
    ScoringRun.objects.filter(pk=run.pk).update(state=JobState.QUEUED)
    services.score_customers(run_id=run.pk, follow=False)
    assert list(Score.objects.filter(run=run).order_by("pk").values_list("pk", flat=True)) == kept
    assert selectors.current_run().state == JobState.SUCCEEDED


def test_stale_worker_writes_no_score_beside_its_successor(trained, monkeypatch):
    run = services.require_scoring()
    judge = Tabulated.score

    def slow(*args, **kwargs):
        ScoringRun.objects.filter(pk=run.pk).update(token=99)
        return judge(*args, **kwargs)

    monkeypatch.setattr(Tabulated, "score", slow)
    with pytest.raises(jobs.LeaseLost):
        services.score_customers(run_id=run.pk)
    assert not Score.objects.filter(run=run).exists()
    assert selectors.current_run() is None


def test_months_first_run_keeps_its_scores_for_the_outcomes_to_come(scored, monkeypatch):
    monkeypatch.setattr(scoring, "KEPT_RUNS", 1)
    first = ScoringRun.objects.filter(pk=scored.pk)
    first.update(finished_at=scored.finished_at - timedelta(days=62))
    score()
    score()
    assert first.get().has_scores, "of another month"
    monkeypatch.setattr(scoring, "KEPT_MONTHS", 1)
    score()
    assert not first.get().has_scores


def test_only_the_newest_runs_keep_a_row_for_each_customer(scored, monkeypatch):
    monkeypatch.setattr(scoring, "KEPT_RUNS", 2)
    monkeypatch.setattr(scoring, "KEPT_MONTHS", 0)
    second, third = score(), score()
    scored.refresh_from_db()
    assert not Score.objects.filter(run=scored).exists()
    assert not scored.has_scores
    assert scored.summary["bands"]
    assert {r.pk for r in ScoringRun.objects.filter(scores__isnull=False)} == {second.pk, third.pk}


def test_old_scores_that_somebody_reads_stay_until_the_next_run(scored, monkeypatch, caplog):
    """As beside a backup, which reads every table: the new scores are there, and that is what matters."""
    monkeypatch.setattr(scoring, "KEPT_RUNS", 1)
    monkeypatch.setattr(scoring, "KEPT_MONTHS", 0)

    def in_the_way(_run):
        raise OperationalError("canceling statement due to lock timeout")

    with monkeypatch.context() as patched:
        patched.setattr(scoring, "_forget_scores", in_the_way)
        assert score().is_current
    assert "stay for now" in caplog.text
    assert Score.objects.filter(run=scored).exists()
    score()
    assert not Score.objects.filter(run=scored).exists()


def test_cancelled_scoring_leaves_no_score_behind(scored, monkeypatch):
    monkeypatch.setattr(scoring, "SCORE_BLOCK", 50)
    run = services.require_scoring()
    report = jobs.Claim.report

    def cancel_half_way(self, done, total, *args, **kwargs):
        if done > 100:
            raise jobs.Cancelled
        report(self, done, total, *args, **kwargs)

    monkeypatch.setattr(jobs.Claim, "report", cancel_half_way)
    with pytest.raises(jobs.Cancelled):
        services.score_customers(run_id=run.pk)
    run.refresh_from_db()
    assert (run.state, run.is_current) == (JobState.CANCELLED, False)
    assert not Score.objects.filter(run=run).exists()
    assert selectors.current_run() == scored


def test_scores_are_those_of_the_engine_that_judged_the_model(scored):
    """The fast way says what the engine's own way says, customer by customer."""
    fitted = services.load_model(scored.version)
    (frame,) = customers.feature_frames()
    said = learning.score(fitted, frame, frame["id"].to_numpy(), top=3)
    names = [f.name for f in fitted.features]
    for row, risk, features in zip(rows(scored), said.probability, said.feature, strict=True):
        assert row.risk == pytest.approx(risk, abs=1e-9)
        assert [d["feature"] for d in row.drivers] == [names[i] for i in features]


def test_reasons_can_be_left_out(trained):
    run = score(reasons=False)
    assert all(row.drivers == [] and 0 < row.risk < 1 for row in rows(run))
    assert run.summary["drivers"] == []


def test_dropped_scores_are_asked_for_again(scored):
    assert not services.needs_scoring()
    ScoringRun.objects.update(has_scores=False, is_current=False)
    assert services.needs_scoring()


def test_customer_erased_while_being_scored_does_not_stop_the_others(trained, monkeypatch):
    if not partitions.is_partitioned(Score):
        pytest.skip("SQLite has one writer: nobody is erased between two blocks' rows and their end")
    run = services.require_scoring()
    complete = partitions.complete

    def erase_somebody_first(*args):
        Customer.objects.first().delete()
        yield from complete(*args)

    monkeypatch.setattr(partitions, "complete", erase_somebody_first)
    services.score_customers(run_id=run.pk, follow=False)
    assert Score.objects.filter(run=run).count() == CUSTOMERS - 1
    assert selectors.current_run() == run


# ---------------------------------------------------------------- the artefact


@pytest.mark.parametrize("damage", ["byte", "cut", "gone", "another", "hmac", "libraries"])
def test_touched_artefact_is_refused_audited_and_the_last_run_stays(scored, settings, damage, quick_race):
    version = scored.version
    path = settings.PRIVATE_ROOT / version.artefact_path
    content = path.read_bytes()
    if damage == "byte":
        path.write_bytes(content[:-10] + bytes([content[-10] ^ 1]) + content[-9:])
    elif damage == "cut":
        path.write_bytes(content[:-1])
    elif damage == "gone":
        path.unlink()
    elif damage == "another":
        other = services.train_model(run_id=services.open_training(seed=9).pk, follow=False)
        path.write_bytes((settings.PRIVATE_ROOT / other.artefact_path).read_bytes())
        type(other).objects.filter(pk=other.pk).update(is_champion=False)
        type(version).objects.filter(pk=version.pk).update(is_champion=True)
    elif damage == "hmac":
        type(version).objects.filter(pk=version.pk).update(artefact_hmac="0" * 64)
    else:
        type(version).objects.filter(pk=version.pk).update(libraries={"numpy": "1.0"})
    run = services.require_scoring()
    with pytest.raises(Refused) as refused:
        services.score_customers(run_id=run.pk)
    assert refused.value.code == "artefact_refused"
    assert AuditEntry.objects.filter(verb="artefact_refused", object_id=str(version.public_id)).count() == 1
    run.refresh_from_db()
    assert run.state == JobState.FAILED
    assert selectors.current_run() == scored
    assert Score.objects.filter(run=scored).count() == CUSTOMERS


def test_artefact_of_another_company_does_not_open(trained, borealis):
    trained.tenant_id = borealis.pk
    with pytest.raises(learning.ArtefactRefused):
        learning.artefact.load(
            settings.PRIVATE_ROOT / trained.artefact_path,
            {
                "sha256": trained.artefact_sha256,
                "hmac": trained.artefact_hmac,
                "size": trained.artefact_bytes,
                "libraries": trained.libraries,
            },
            secrets=[settings.MODEL_SIGNING_KEY.encode()],
            tenant=str(borealis.pk),
            version=trained.number,
        )


def test_artefact_sealed_with_another_key_does_not_open(trained, settings):
    settings.MODEL_SIGNING_KEY = "another-key-" + "y" * 40
    with pytest.raises(Refused):
        services.load_model(trained)
