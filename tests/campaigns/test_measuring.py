"""Measuring campaigns: a planted effect is found, none is not claimed, and nothing is said before it is known."""

from __future__ import annotations

import copy
import datetime as dt
import shutil
from dataclasses import dataclass

import pytest
from django.db import transaction
from django.test import override_settings
from django.utils import timezone

from campaigns.models import Campaign, DeliverySignal, Measurement, Recipient
from campaigns.services import measuring, snapshots
from campaigns.signals import campaign_measured
from core.errors import Refused
from customers import services as customers
from customers.models import Customer, Interaction, UsageRecord
from predictions import services as predictions
from tenants.models import Notification
from tenants.scoping import tenant_scope
from tests.conftest import Cast, import_file, make_cast

from .conftest import compose, write_message
from .measured import HORIZON, bring_file, bring_in, launched, measured, moved, planted

MANY = 800


@dataclass(frozen=True)
class Field:
    cast: Cast
    campaign: Campaign


@pytest.fixture(scope="module")
def field_world(django_db_setup, django_db_blocker, tmp_path_factory):
    """Atlas with a campaign to everybody, half of whom were left alone; its horizon ended five days ago."""
    private = tmp_path_factory.mktemp("private")
    with (
        django_db_blocker.unblock(),
        override_settings(PRIVATE_ROOT=private, PUBLIC_URL="https://retention.atlas.example.com", MAIL_SENDERS=1),
        transaction.atomic(),
    ):
        cast = make_cast()
        with tenant_scope(cast.atlas):
            bring_in(MANY)
            campaign = launched(cast.omar)
        with django_db_blocker.block():
            yield Field(cast, campaign), private
        transaction.set_rollback(True)


@pytest.fixture
def shared_field(field_world, db, settings, tmp_path):
    """The module's world within a test, with files of its own; nobody's company in scope."""
    found, private = field_world
    settings.PRIVATE_ROOT = shutil.copytree(private, tmp_path / "own")
    return copy.deepcopy(found)


@pytest.fixture
def field(shared_field):
    with tenant_scope(shared_field.cast.atlas), timezone.override("Africa/Tunis"):
        yield shared_field


@pytest.fixture
def campaign(field) -> Campaign:
    return field.campaign


def helpful(_customer, treated: bool) -> float:
    return 0.06 if treated else 0.20


def nothing(_customer, _treated: bool) -> float:
    return 0.12


def set_costs(actor, **figures) -> None:
    wanted = {
        "contact_cost": 0.1, "offer_cost": 5, "acceptance": 0.3, "stayer_acceptance": 0.1, "margin": 0.5,
        "horizon_months": 12, "discount_rate": 0.1,
    }  # fmt: skip
    predictions.set_economics(actor=actor, **wanted | figures)


# ---------------------------------------------------------------- what it finds


def test_planted_effect_is_found_with_its_interval(field, campaign, tmp_path):
    left = planted(campaign, helpful)
    bring_file(tmp_path, left)
    found = measured(campaign).result
    assert (found["verdict"], found["is_final"], found["days_left"], found["source"]) == ("kept", True, 0, "label")
    (one,) = found["against_holdout"]
    assert one["difference"]["low"] < -0.14 < one["difference"]["high"] < 0
    by_arm = {arm["arm"]: arm for arm in found["arms"]}
    for arm, is_treated in (("a", True), ("holdout", False)):
        rows = Recipient.objects.filter(campaign=campaign).exclude(arm="holdout" if is_treated else "a")
        numbers = set(rows.values_list("customer__external_id", flat=True))
        assert (by_arm[arm]["assigned"], by_arm[arm]["left"]) == (len(numbers), len(numbers & left))
        assert by_arm[arm]["missing"] == 0
    treated = by_arm["a"]["assigned"]
    assert one["kept"]["estimate"] == pytest.approx(-one["difference"]["estimate"] * treated)
    assert by_arm["a"]["written"] == treated and by_arm["holdout"]["written"] == 0


def test_no_effect_is_not_claimed(field, campaign, tmp_path):
    bring_file(tmp_path, planted(campaign, nothing, seed=3))
    found = measured(campaign).result
    assert found["is_final"] and found["verdict"] in ("not_enough_evidence", "no_difference_detectable")
    (one,) = found["against_holdout"]
    assert one["difference"]["low"] < 0 < one["difference"]["high"]


def test_campaign_that_drives_away_is_called_so(field, campaign, tmp_path):
    bring_file(tmp_path, planted(campaign, lambda _c, treated: 0.25 if treated else 0.08))
    assert measured(campaign).result["verdict"] == "lost"
    assert Notification.objects.filter(code="campaign_measured").get().level == "error"


def test_outcomes_are_known_to_the_next_training(field, campaign, tmp_path):
    left = planted(campaign, helpful)
    bring_file(tmp_path, left)
    measured(campaign)
    rows = Interaction.objects.filter(campaign_code=campaign.code)
    assert rows.count() == MANY and not rows.filter(left_within_horizon=None).exists()
    gone = set(rows.filter(left_within_horizon=True).values_list("customer__external_id", flat=True))
    assert gone == left


def test_money_is_kept_less_cost_by_the_companys_own_words(field, campaign, tmp_path):
    left = planted(campaign, helpful)
    bring_file(tmp_path, left)
    set_costs(field.cast.anna)
    found = measured(campaign).result
    (one,) = found["against_holdout"]
    treated = next(arm["assigned"] for arm in found["arms"] if arm["arm"] == "a")
    assert found["money"]["offer_cost"] == 0  # there is no offer in it
    assert one["money"]["cost"] == pytest.approx(0.1 * treated)
    assert one["money"]["net"]["estimate"] == pytest.approx(one["money"]["saved"]["estimate"] - 0.1 * treated)
    assert one["money"]["net"]["low"] < one["money"]["net"]["estimate"] < one["money"]["net"]["high"]


def test_without_costs_there_is_no_money_and_it_says_why(field, campaign, tmp_path):
    bring_file(tmp_path, planted(campaign, helpful))
    found = measured(campaign).result
    assert found["money"] == {"why_not": "no_economics"} and found["against_holdout"][0]["money"] is None
    assert found["revenue_by"] == "charges" and found["against_holdout"][0]["revenue"]["estimate"] > 0


def test_revenue_is_read_from_months_of_use_where_they_are_whole(field, campaign, tmp_path):
    moved(campaign, 130)  # two whole months before and after
    day = timezone.localdate(campaign.launched_at).replace(day=1)
    months, after = [_add(day, -2), _add(day, -1)], [_add(day, 1), _add(day, 2)]
    left = planted(campaign, helpful)
    bring_file(tmp_path, left)
    people = list(Customer.objects.all())
    UsageRecord.objects.bulk_create(
        UsageRecord(customer=who, month=month, montant_consommation=30, nombre_appels=5)
        for who in people
        for month in [*months, day, *after]
        if month <= day or who.external_id not in left
    )
    customers.refresh_customer_base()
    found = measured(campaign).result
    (one,) = found["against_holdout"]
    assert found["revenue_by"] == "use"
    rates = {arm["arm"]: arm["rate"] for arm in found["arms"]}
    assert one["revenue"]["estimate"] == pytest.approx(60 * (rates["holdout"] - rates["a"]), rel=0.02)


def _add(month: dt.date, n: int) -> dt.date:
    number = month.year * 12 + month.month - 1 + n
    return dt.date(number // 12, number % 12 + 1, 1)


def test_two_messages_are_compared_with_each_other(field, tmp_path):
    other = launched(
        field.cast.omar,
        name="Two",
        holdout=0.3,
        message=write_message("One"),
        rival=write_message("Other"),
        days_ago=70,
    )
    worse = set(Recipient.objects.filter(campaign=other, arm="b").values_list("customer_id", flat=True))
    left = planted(other, lambda c, treated: 0.25 if c.pk in worse or not treated else 0.05)
    bring_file(tmp_path, left)
    found = measured(other).result
    assert [one["arm"] for one in found["arms"]] == ["holdout", "a", "b"]
    assert found["winner"] == "a"
    (pair,) = found["pairs"]
    assert (pair["arm"], pair["against"], pair["verdict"]) == ("b", "a", "lost")


# ---------------------------------------------------------------- not before it is known


def test_before_the_horizon_is_over_there_is_an_interval_and_no_result(field, campaign, tmp_path):
    moved(campaign, 30)
    bring_file(tmp_path, planted(campaign, helpful))
    found = measured(campaign).result
    assert (found["verdict"], found["is_final"], found["days_left"]) == ("too_early", False, HORIZON - 30)
    (one,) = found["against_holdout"]
    assert one["difference"] is None and one["provisional"]["low"] < one["provisional"]["high"]
    assert not Interaction.objects.exclude(left_within_horizon=None).exists()
    assert not Notification.objects.filter(code="campaign_measured").exists()


def test_nothing_is_measured_before_a_file_says_who_left(field, campaign):
    with pytest.raises(Refused) as refused:
        measuring.open_measurement(campaign=campaign)
    assert refused.value.code == "no_data_yet"
    end = timezone.localdate(campaign.launched_at) + dt.timedelta(days=HORIZON)
    assert refused.value.facts["wanted"] == end.isoformat()
    standing = measuring.standing(campaign)
    assert (standing.code, standing.aftermath.wanted) == ("waits", end)
    assert measuring.open_due_measurements() == []


def test_file_without_that_column_is_not_taken_for_news(field, campaign, tmp_path):
    path = tmp_path / "plans.csv"
    path.write_text("customerID,MonthlyCharges\nM00001,99\n")
    import_file(path, without_label=True)
    assert measuring.standing(campaign).code == "waits"


def test_file_of_before_the_end_gives_a_provisional_look_only(field, campaign, tmp_path):
    run = bring_file(tmp_path, planted(campaign, helpful))
    early = campaign.launched_at + dt.timedelta(days=20)
    type(run).objects.filter(pk=run.pk).update(finished_at=early)
    assert measuring.standing(campaign).code == "waits"
    found = measured(campaign).result
    assert (found["verdict"], found["is_final"], found["days_left"]) == ("too_early", False, HORIZON - 20)


def test_due_ones_are_opened_once_and_provisional_ones_daily(field, campaign, tmp_path):
    moved(campaign, 30)
    left = planted(campaign, helpful)
    bring_file(tmp_path, left)
    (job,) = measuring.open_due_measurements()
    assert measuring.open_due_measurements() == []  # it is open
    measuring.measure_campaign(measurement_id=job.pk, follow=False)
    assert measuring.open_due_measurements() == []  # looked at today
    yesterday = timezone.now() - dt.timedelta(days=2)
    Measurement.objects.update(requested_at=yesterday)
    assert measuring.open_due_measurements() == []  # nothing new was brought
    moved(campaign, HORIZON)
    (job,) = measuring.open_due_measurements()
    measuring.measure_campaign(measurement_id=job.pk, follow=False)
    campaign.refresh_from_db()
    assert campaign.result["is_final"] and measuring.open_due_measurements() == []


def test_final_result_is_read_once(field, campaign, tmp_path):
    bring_file(tmp_path, planted(campaign, helpful))
    heard = []
    campaign_measured.connect(lambda **facts: heard.append(facts["campaign_id"]), weak=False, dispatch_uid="heard")
    try:
        before = measured(campaign).result
    finally:
        campaign_measured.disconnect(dispatch_uid="heard")
    assert heard == [campaign.pk]
    Customer.objects.update(churn_label=True)
    with pytest.raises(Refused) as refused:
        measuring.open_measurement(campaign=campaign)
    assert refused.value.code == "already_measured"
    campaign.refresh_from_db()
    assert campaign.result == before


def test_result_whose_file_was_taken_back_may_be_measured_again(field, campaign, tmp_path):
    run = bring_file(tmp_path, planted(campaign, helpful))
    measured(campaign)
    type(run).objects.filter(pk=run.pk).update(undone_at=timezone.now())
    assert measuring.standing(campaign).code == "waits"
    bring_file(tmp_path, planted(campaign, nothing), name="better.csv")
    assert measured(campaign).result["file"] == "better.csv"


# ---------------------------------------------------------------- who is missing, and who is not compared


def test_erased_customers_are_missing_and_the_interval_says_what_they_could_do(field, campaign, tmp_path):
    left = planted(campaign, helpful)
    bring_file(tmp_path, left)
    gone = Recipient.objects.filter(campaign=campaign, arm="a").order_by("pk")[:10]
    for customer in Customer.objects.filter(pk__in=[one.customer_id for one in gone]):
        customers.erase_customer(customer=customer, actor=field.cast.alice, reason="asked to be forgotten")
    found = measured(campaign).result
    arm = next(arm for arm in found["arms"] if arm["arm"] == "a")
    assert arm["erased"] == arm["missing"] == 10
    (one,) = found["against_holdout"]
    assert one["missing"]["lowest"] < one["difference"]["estimate"] < one["missing"]["highest"]


def test_customers_that_nobody_knows_of_are_missing(field, campaign, tmp_path):
    bring_file(tmp_path, planted(campaign, helpful))
    unknown = list(Customer.objects.values_list("pk", flat=True)[:7])
    Customer.objects.filter(pk__in=unknown).update(churn_label=None)
    found = measured(campaign).result
    assert sum(arm["missing"] for arm in found["arms"]) == 7


def test_cancelled_campaign_is_not_measured(field, campaign, tmp_path):
    Campaign.objects.filter(pk=campaign.pk).update(state="cancelled")
    campaign.refresh_from_db()
    bring_file(tmp_path, planted(campaign, helpful))
    assert measuring.standing(campaign).code == "cancelled" and measuring.open_due_measurements() == []
    with pytest.raises(Refused) as refused:
        measuring.open_measurement(campaign=campaign)
    assert refused.value.code == "is_cancelled"


def test_campaign_without_holdout_proves_nothing(field, tmp_path):
    other = launched(field.cast.omar, name="All", holdout=0.0)
    bring_file(tmp_path, planted(other, helpful))
    found = measured(other).result
    assert found["verdict"] == "no_holdout" and not snapshots.is_kept(other)


def test_draft_has_nothing_to_measure(field):
    draft = compose(name="Draft")
    assert measuring.standing(draft).code == "not_begun"
    with pytest.raises(Refused):
        measuring.open_measurement(campaign=draft)


def test_other_company_measures_nothing_of_it(shared_field, tmp_path):
    with tenant_scope(shared_field.cast.atlas):
        bring_file(tmp_path, planted(shared_field.campaign, helpful))
    with tenant_scope(shared_field.cast.borealis):
        assert measuring.open_due_measurements() == []


# ---------------------------------------------------------------- signals


def test_scanners_are_counted_apart_from_people(field, campaign, tmp_path):
    some = list(Recipient.objects.filter(campaign=campaign, arm="a")[:5])
    for one in some:
        DeliverySignal.objects.create(campaign=campaign, recipient=one, kind="opened", is_machine=True)
        DeliverySignal.objects.create(campaign=campaign, recipient=one, kind="opened", is_machine=True)
    DeliverySignal.objects.create(campaign=campaign, recipient=some[0], kind="clicked")
    bring_file(tmp_path, planted(campaign, helpful))
    assert measured(campaign).result["signals"]["kinds"] == {"opened": {"machines": 5}, "clicked": {"people": 1}}


# ---------------------------------------------------------------- what was known at the launch


def test_features_are_those_of_the_launch_and_name_nobody(field, campaign):
    Customer.objects.update(age=99)
    frame = snapshots.read(campaign)
    assert len(frame) == MANY and frame["age"].max() < 80
    assert {"contract", "monthly_charges", "treated", "propensity", "left"} <= set(frame.columns)
    assert not {"first_name", "last_name", "email", "external_id", "label"} & set(frame.columns)
    treated = set(Recipient.objects.filter(campaign=campaign, arm="a").values_list("customer_id", flat=True))
    assert set(frame.loc[frame["treated"], "customer"]) == treated
    assert (frame["propensity"] == 0.5).all() and frame["left"].isna().all()


def test_sample_keeps_those_left_alone_and_says_the_chance(field, campaign):
    frame = snapshots.read(campaign, most=500)
    alone = int((~frame["treated"]).sum())
    assert len(frame) == 500 and alone == 250
    other = launched(field.cast.omar, name="Few", holdout=0.1)
    few = snapshots.read(other, most=400)
    held = Recipient.objects.filter(campaign=other, arm="holdout").count()
    assert int((~few["treated"]).sum()) == held
    share = (400 - held) / (Recipient.objects.filter(campaign=other).count() - held)
    assert few["propensity"].iloc[0] == pytest.approx(0.9 * share / (0.9 * share + 0.1))


def test_erased_customers_are_in_no_answer_and_leave_the_file(field, campaign, tmp_path):
    bring_file(tmp_path, planted(campaign, helpful))
    measured(campaign)
    customer = Customer.objects.first()
    key = customer.pk
    customers.erase_customer(customer=customer, actor=field.cast.alice, reason="asked to be forgotten")
    assert key not in set(snapshots.read(campaign)["customer"])
    assert snapshots.tidy_snapshots() == (0, 1) and snapshots.tidy_snapshots() == (0, 0)
    frame = snapshots.read(campaign)
    assert len(frame) == MANY - 1 and frame["left"].notna().all()


def test_old_features_are_forgotten(field, campaign, tmp_path):
    bring_file(tmp_path, planted(campaign, helpful))
    measured(campaign)
    assert snapshots.tidy_snapshots() == (0, 0)
    Measurement.objects.update(finished_at=timezone.now() - dt.timedelta(days=800))
    assert snapshots.tidy_snapshots() == (1, 0)
    assert snapshots.read(campaign) is None and not snapshots.is_kept(campaign)
