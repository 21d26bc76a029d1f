"""The watch over the model in charge: no false alarm, a true one to those who asked, and estimates held against the truth."""

import io
import json
from decimal import Decimal

import pytest
from django.core.management import CommandError, call_command
from django.db.models import F
from django.utils.translation import get_language

from core import jobs
from core.errors import Refused
from core.models import JobState
from customers.models import Customer, Subscription
from predictions import alarms, registry, services
from predictions.models import DriftReport, ModelVersion, Score
from predictions.services import watch
from predictions.signals import alarm_raised
from tenants.models import AuditEntry, Notification
from tenants.scoping import tenant_scope
from tests.conftest import CUSTOMERS, train


@pytest.fixture
def cast(shared):
    return shared.cast


@pytest.fixture
def scored(shared):
    return shared.scored


@pytest.fixture
def heard():
    """Alarms that were raised, as (code, facts)."""
    found = []

    def listen(sender, *, code, facts, **_):
        found.append((code, facts))

    alarm_raised.connect(listen)
    yield found
    alarm_raised.disconnect(listen)


def check() -> DriftReport:
    return services.check_drift(report_id=services.require_check().pk)


def raise_charges(by: str = "60") -> None:
    Subscription.objects.update(monthly_charges=F("monthly_charges") + Decimal(by))


def verdicts(report: DriftReport) -> dict[str, str]:
    return {one["name"]: one["verdict"] for one in report.findings["features"]}


# ---------------------------------------------------------------- what a check finds


@pytest.mark.usefixtures("atlas_scope", "scored")
def test_no_false_alarm_right_after_training_on_the_same_customers(heard, mailoutbox):
    report = check()
    assert (report.state, report.verdict, report.customers) == (JobState.SUCCEEDED, "stable", CUSTOMERS)
    assert set(verdicts(report).values()) == {"stable"}
    assert all(one["psi"] == pytest.approx(0, abs=1e-9) for one in report.findings["features"])
    assert not heard
    assert not mailoutbox
    assert not Notification.objects.filter(code="drift_found").exists()
    assert not AuditEntry.objects.filter(verb="drift_found").exists()


@pytest.mark.usefixtures("atlas_scope", "scored")
def test_estimate_is_of_as_many_leavers_as_the_risks_add_up_to():
    report = check()
    risks = sum(Score.objects.filter(run__is_current=True).values_list("risk", flat=True))
    assert report.estimate["customers"] == CUSTOMERS
    assert report.estimate["figures"]["leavers"] == pytest.approx(risks, rel=1e-3)
    low, high = report.estimate["intervals"]["leavers"]
    assert low < report.estimate["figures"]["leavers"] < high


@pytest.mark.usefixtures("atlas_scope", "scored")
def test_planted_shift_is_found_told_written_in_the_trail_and_announced(heard):
    raise_charges()
    report = check()
    assert report.verdict == "moved_much"
    assert verdicts(report)["monthly_charges"] == "moved_much"
    assert verdicts(report)["gender"] == "stable"
    told = Notification.objects.get(code="drift_found")
    assert (told.level, told.url) == ("warning", "/mlops/drift")
    entry = AuditEntry.objects.get(verb="drift_found")
    assert entry.object_id == str(report.public_id)
    assert "monthly_charges" in entry.facts["columns"]
    assert [code for code, _facts in heard] == ["drift_found"]


@pytest.mark.usefixtures("scored")
def test_alarm_is_mailed_to_who_asked_in_their_language_and_to_nobody_else(cast, mailoutbox, monkeypatch):
    monkeypatch.setattr(alarms, "sentence", lambda code, facts: f"{code} in {get_language()}: {facts['count']}")
    cast.bob.locale = "fr"
    cast.bob.save()
    with tenant_scope(cast.borealis):
        services.read_alarms(user=cast.charlie, by_mail=True)
    with tenant_scope(cast.atlas):
        for person in (cast.bob, cast.omar, cast.anna):
            services.read_alarms(user=person, by_mail=True)
        services.read_alarms(user=cast.anna, by_mail=False)
        raise_charges()
        check()
    told = {mail.to[0]: mail.body for mail in mailoutbox}
    assert set(told) == {cast.bob.email, cast.omar.email}
    assert len(mailoutbox) == 2
    assert "drift_found in fr: 1" in told[cast.bob.email]
    assert "drift_found in en: 1" in told[cast.omar.email]


@pytest.mark.usefixtures("atlas_scope", "scored")
def test_change_that_lasts_is_told_once_and_a_further_one_again(heard):
    raise_charges()
    check()
    check()
    assert len(heard) == 1
    Subscription.objects.update(contract="Prepaid")
    report = check()
    assert verdicts(report)["contract"] == "moved_much"
    assert len(heard) == 2
    assert Notification.objects.filter(code="drift_found").count() == 2


@pytest.mark.usefixtures("atlas_scope", "scored")
def test_new_level_and_vanished_column_are_told_by_name():
    Subscription.objects.update(contract="Flex 2026", monthly_charges=None)
    found = {one["name"]: one for one in check().findings["features"]}
    assert found["contract"]["new_levels"][0] == ["Flex 2026", CUSTOMERS]
    assert found["monthly_charges"]["vanished"]


@pytest.mark.usefixtures("atlas_scope", "scored")
def test_those_who_wait_are_compared_by_themselves_where_they_are_enough(monkeypatch):
    """Nearly all whose outcome is open are on one contract; among everybody they would be too few to notice."""
    open_ones = Customer.objects.order_by("pk").values_list("pk", flat=True)[:120]
    Customer.objects.filter(pk__in=list(open_ones)).update(churn_label=None)
    Subscription.objects.filter(customer_id__in=list(open_ones)).update(contract="Two year")
    monkeypatch.setattr(watch, "ENOUGH_WAITING", 100)
    report = check()
    assert (report.customers, report.findings["basis"]) == (120, "waiting")
    assert verdicts(report)["contract"] == "moved_much"
    monkeypatch.setattr(watch, "ENOUGH_WAITING", 121)
    report = check()
    assert (report.customers, report.findings["basis"]) == (CUSTOMERS, "everybody")


@pytest.mark.usefixtures("atlas_scope", "scored")
def test_hardly_anybody_is_not_enough_to_tell_and_raises_no_alarm(heard):
    few = Customer.objects.order_by("pk").values_list("pk", flat=True)[:20]
    Customer.objects.exclude(pk__in=list(few)).delete()
    raise_charges()
    report = check()
    assert (report.verdict, report.customers) == ("too_few", 20)
    assert "too_few_customers" in report.estimate["warnings"]
    assert not heard


@pytest.mark.usefixtures("atlas_scope", "scored")
def test_nobody_at_all_is_no_crash():
    Customer.objects.all().delete()
    report = check()
    assert (report.verdict, report.customers, report.estimate) == ("too_few", 0, {})


# ---------------------------------------------------------------- opening, dying, beginning anew


@pytest.mark.usefixtures("atlas_scope", "scored")
def test_second_request_is_the_check_already_open():
    first = services.require_check()
    assert services.open_check() == first
    assert DriftReport.objects.count() == 1


@pytest.mark.usefixtures("atlas_scope")
def test_no_model_and_no_histograms_are_refused_in_words(shared):
    ModelVersion.objects.update(reference={})
    assert services.open_check() is None
    with pytest.raises(Refused) as without:
        services.require_check()
    ModelVersion.objects.update(is_champion=False)
    with pytest.raises(Refused) as nobody:
        services.require_check()
    assert (without.value.code, nobody.value.code) == ("no_reference", "no_model")


@pytest.mark.usefixtures("atlas_scope", "scored")
def test_killed_check_begun_anew_leaves_one_report_and_one_alarm(monkeypatch, heard):
    raise_charges()
    report = services.require_check()

    def dies(*_, **__):
        raise KeyboardInterrupt

    with monkeypatch.context() as broken:
        broken.setattr(watch, "settle_estimates", dies)
        with pytest.raises(KeyboardInterrupt):
            services.check_drift(report_id=report.pk)
    report.refresh_from_db()
    assert report.state == JobState.QUEUED
    assert not heard
    services.check_drift(report_id=report.pk)
    with pytest.raises(jobs.NotClaimable):
        services.check_drift(report_id=report.pk)
    assert DriftReport.objects.count() == 1
    assert len(heard) == 1


@pytest.mark.usefixtures("atlas_scope", "scored")
def test_cancelled_check_finds_nothing():
    report = services.require_check()
    jobs.cancel(report)
    with pytest.raises(jobs.NotClaimable):
        services.check_drift(report_id=report.pk)
    assert not registry.drift_reports().exists()


@pytest.mark.usefixtures("atlas_scope")
def test_touched_file_ends_the_check_and_is_told(shared, settings):
    (settings.PRIVATE_ROOT / shared.trained.artefact_path).rename(settings.PRIVATE_ROOT / "kept")
    try:
        with pytest.raises(Refused) as refused:
            check()
    finally:
        (settings.PRIVATE_ROOT / "kept").rename(settings.PRIVATE_ROOT / shared.trained.artefact_path)
    assert refused.value.code == "artefact_refused"
    assert Notification.objects.filter(code="drift_failed").count() == 1
    assert DriftReport.objects.get().state == JobState.FAILED


@pytest.mark.usefixtures("scored")
def test_another_company_is_neither_checked_nor_told(cast, heard):
    with tenant_scope(cast.atlas):
        raise_charges()
        check()
    with tenant_scope(cast.borealis):
        assert not DriftReport.objects.exists()
        assert not Notification.objects.exists()
        assert services.open_check() is None


# ---------------------------------------------------------------- the estimate and the truth


@pytest.fixture
def waiting(atlas_scope, scored):
    """A check of customers of whom nothing was known when they were scored; returns their true outcomes."""
    truth = dict(Customer.objects.values_list("pk", "churn_label"))
    Customer.objects.update(churn_label=None)
    Score.objects.update(churn_label=None)
    check()
    return truth


def reveal(truth: dict[int, bool], share: float) -> None:
    for key in list(truth)[: round(share * len(truth))]:
        Customer.objects.filter(pk=key).update(churn_label=truth[key])


def test_estimate_is_not_judged_before_most_outcomes_are_known(waiting):
    reveal(waiting, 0.79)
    assert watch.settle_estimates() == 0
    assert DriftReport.objects.get().truth == {}


def test_estimate_holds_where_outcomes_follow_the_risks(waiting, heard):
    """The risks are told out of fold by a calibrated model: what came true is what they said."""
    reveal(waiting, 1.0)
    assert watch.settle_estimates() == 1
    report = DriftReport.objects.get()
    assert report.truth["verdict"] == "held"
    assert report.truth["known"] == CUSTOMERS
    assert report.truth["figures"]["leavers"] == sum(waiting.values())
    assert watch.settle_estimates() == 0, "settled once and for all"
    assert not heard


def test_estimate_that_missed_is_told_once(waiting, heard):
    check()
    reveal(dict.fromkeys(waiting, True) | dict.fromkeys(list(waiting)[:60], False), 1.0)
    assert watch.settle_estimates() == 2
    assert {report.truth["verdict"] for report in DriftReport.objects.all()} == {"missed"}
    assert [code for code, _facts in heard] == ["estimate_missed"]
    assert Notification.objects.filter(code="estimate_missed").count() == 1
    assert AuditEntry.objects.filter(verb="estimate_missed").count() == 1


def test_next_check_settles_earlier_estimates_by_itself(waiting):
    reveal(waiting, 1.0)
    check()
    newest, before = registry.drift_reports()
    assert before.truth["verdict"] == "held"
    assert newest.truth == {} or newest.scoring_id == before.scoring_id


def test_estimate_is_not_judged_by_another_models_scores(atlas_scope, scored, quick_race):
    services.promote(version=train(), actor=None, reason="a try")
    report = check()
    assert report.version.number == 2
    assert report.scoring is None


# ---------------------------------------------------------------- the command


@pytest.mark.usefixtures("scored")
def test_command_prints_the_check_as_json(cast):
    out = io.StringIO()
    call_command("check_drift", "--tenant", "atlas-telecom", "--json", stdout=out)
    told = json.loads(out.getvalue())
    assert (told["version"], told["verdict"], told["customers"], told["truth"]) == (1, "stable", CUSTOMERS, None)
    assert {"name", "verdict", "psi", "js", "threshold"} <= set(told["features"][0])
    assert told["score"]["verdict"] == "stable"
    assert 0 < told["estimate"]["figures"]["leavers"] < CUSTOMERS


@pytest.mark.usefixtures("scored")
def test_command_says_why_nothing_can_be_checked(cast):
    out = io.StringIO()
    with pytest.raises(CommandError):
        call_command("check_drift", "--tenant", "borealis-mobile", "--json", stdout=out)
    assert json.loads(out.getvalue())["error"]["code"] == "no_model"
