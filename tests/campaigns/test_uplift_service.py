"""Learning whom to write to: from one's own measured campaigns, used only once proved, and nobody scored before."""

from __future__ import annotations

import copy
import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest
from django.db import transaction
from django.test import override_settings
from django.utils import timezone

from campaigns.models import Campaign, Recipient, UpliftRun, UpliftScore
from campaigns.outreach.uplift import UpliftRefused
from campaigns.services import audience, snapshots, uplift
from campaigns.services.eligibility import Eligibility
from campaigns.services.senders import sender
from core.errors import Refused
from customers import services as customers
from customers.models import Customer
from tenants.models import Notification
from tenants.scoping import tenant_scope
from tests.conftest import Cast, make_cast

from .conftest import compose
from .measured import bring_file, bring_in, launched, measured, planted, takes_it_well

MANY = 1_000


def parts_ways(customer, treated: bool) -> float:
    """Half are kept by a mail, half are driven away by it; left alone, they are alike, so that risk says nothing of it."""
    if not treated:
        return 0.25
    return 0.03 if takes_it_well(customer) else 0.5


def same_for_all(_customer, treated: bool) -> float:
    return 0.10 if treated else 0.20


@dataclass(frozen=True)
class Trials:
    """Two campaigns to the same customers, sent and over; nothing is known yet of who left."""

    cast: Cast
    first: Campaign
    second: Campaign
    private: Path


@pytest.fixture(scope="module")
def trials_world(django_db_setup, django_db_blocker, tmp_path_factory):
    private = tmp_path_factory.mktemp("private")
    with (
        django_db_blocker.unblock(),
        override_settings(PRIVATE_ROOT=private, PUBLIC_URL="https://retention.atlas.example.com", MAIL_SENDERS=1),
        transaction.atomic(),
    ):
        cast = make_cast()
        with tenant_scope(cast.atlas):
            bring_in(MANY)
            first = launched(cast.omar, name="First", days_ago=150, is_sent=False)
            second = launched(cast.omar, name="Second", days_ago=65, is_sent=False)
        with django_db_blocker.block():
            yield Trials(cast, first, second, private)
        transaction.set_rollback(True)


@pytest.fixture
def shared_trials(trials_world, db, settings, tmp_path):
    settings.PRIVATE_ROOT = shutil.copytree(trials_world.private, tmp_path / "own")
    return copy.deepcopy(trials_world)


@pytest.fixture
def trials(shared_trials):
    with tenant_scope(shared_trials.cast.atlas), timezone.override("Africa/Tunis"):
        yield shared_trials


def learn(actor=None) -> UpliftRun:
    return uplift.learn_uplift(run_id=uplift.open_learning(requested_by=actor).pk)


def measure_both(trials, tmp_path, chance) -> None:
    """The first one by an earlier file than the second: outcomes of either are its own."""
    for n, campaign in enumerate((trials.first, trials.second)):
        bring_file(tmp_path, planted(campaign, chance, seed=n), name=f"file{n}.csv")
        measured(campaign)


@pytest.fixture
def proved(trials, tmp_path) -> UpliftRun:
    measure_both(trials, tmp_path, parts_ways)
    Customer.objects.update(churn_label=None)  # won back, for the test: everybody is here to be scored
    return learn()


def test_planted_groups_are_found_and_proved(trials, proved):
    assert proved.state == "succeeded" and proved.is_ready and proved.is_current and proved.customers == MANY
    result = proved.result
    assert result["why_not"] == [] and result["qini_floor"] > 0 and len(result["experiments"]) == 2
    for kind, well in (("persuadable", True), ("do_not_disturb", False)):
        assert result["lists"][kind]["proven"]
        found = list(UpliftScore.objects.filter(run=proved, group=kind).select_related("customer"))
        assert len(found) == result["groups"][kind]["customers"] > MANY / 5
        right = sum(takes_it_well(one.customer) == well for one in found)
        assert right / len(found) > 0.9  # half by chance; folds follow the keys, which differ from run to run
    assert Notification.objects.filter(code="uplift_learned").get().facts == {"is_ready": True}


def test_effect_is_above_nought_for_who_is_kept_and_below_for_who_is_driven_away(trials, proved):
    assert min(UpliftScore.objects.filter(group="persuadable").values_list("effect", flat=True)) > 0
    assert max(UpliftScore.objects.filter(group="do_not_disturb").values_list("effect", flat=True)) < 0


def test_audience_and_launch_follow_what_is_proved(trials, proved):
    asked = audience.read({"kind": "persuadable"})
    people = list(audience.customers_of(asked))
    assert audience.look({"kind": "persuadable"}).customers == len(people) > 0
    driven = UpliftScore.objects.filter(run=proved, group="do_not_disturb").first()
    (person,) = Eligibility(sender(), None).people([driven.customer_id])
    assert person.reason == "do_not_disturb"


def test_same_effect_for_all_is_no_reason_to_choose(trials, tmp_path):
    measure_both(trials, tmp_path, same_for_all)
    run = learn()
    assert run.is_current and not run.is_ready and run.result["why_not"]
    assert run.result["choice"] == "risk" and not UpliftScore.objects.exists()
    with pytest.raises(Refused) as refused:
        audience.read({"kind": "persuadable"})
    assert refused.value.code == "not_proved"


def test_one_campaign_is_not_enough_however_clear(trials, tmp_path):
    bring_file(tmp_path, planted(trials.second, parts_ways))
    measured(trials.second)
    run = learn()
    assert not run.is_ready and "too_few_experiments" in run.result["why_not"]
    assert not UpliftScore.objects.exists()


def test_too_few_leavers_are_named_with_how_many_it_takes(trials, tmp_path):
    bring_file(tmp_path, planted(trials.second, lambda _c, _t: 0.01))
    measured(trials.second)
    run = learn()
    assert run.state == "succeeded" and not run.is_ready
    assert run.result["refused"]["code"] == "too_few_leavers"
    assert run.result["refused"]["facts"]["rows"] < run.result["refused"]["facts"]["needed"]


def test_nothing_measured_is_nothing_to_learn_from(trials):
    assert uplift.open_learning() is None
    with pytest.raises(Refused) as refused:
        uplift.require_learning(requested_by=trials.cast.omar)
    assert refused.value.code == "no_experiments"


def test_it_learns_again_only_where_there_is_something_new(trials, tmp_path):
    bring_file(tmp_path, planted(trials.second, lambda _c, _t: 0.01))
    measured(trials.second)
    first = uplift.open_learning()
    assert uplift.open_learning() == first  # it waits
    uplift.learn_uplift(run_id=first.pk)
    assert uplift.open_learning() is None
    again = uplift.open_learning(requested_by=trials.cast.omar)
    assert again is not None and again != first


def test_outcomes_are_those_that_were_read_and_not_of_today(trials, tmp_path):
    left = planted(trials.second, parts_ways)
    bring_file(tmp_path, left)
    measured(trials.second)
    Customer.objects.update(churn_label=True)
    frame = snapshots.read(trials.second)
    numbers = dict(Customer.objects.values_list("pk", "external_id"))
    assert {numbers[key] for key in frame.loc[frame["left"] == 1, "customer"]} == left


def test_newer_run_takes_over_and_old_scores_are_forgotten(trials, proved):
    newer = learn(trials.cast.omar)
    proved.refresh_from_db()
    assert newer.is_current and not proved.is_current
    assert set(UpliftScore.objects.values_list("run", flat=True)) == {newer.pk}
    assert proved.result["qini_floor"] == newer.result["qini_floor"]  # same rows, same seed, same answer


def test_interrupted_learning_leaves_nothing_shown_and_begins_anew(trials, proved, monkeypatch):
    run = uplift.open_learning(requested_by=trials.cast.omar)
    real = uplift._write

    def die(held, *arguments):
        real(held, *arguments)
        raise ConnectionError("gone")

    monkeypatch.setattr(uplift, "_write", die)
    with pytest.raises(ConnectionError):
        uplift.learn_uplift(run_id=run.pk)
    proved.refresh_from_db()
    assert proved.is_current and UpliftScore.objects.filter(run=run).count() == MANY
    monkeypatch.setattr(uplift, "_write", real)
    UpliftRun.objects.filter(pk=run.pk).update(not_before=None)
    run = uplift.learn_uplift(run_id=run.pk)
    assert run.is_current and UpliftScore.objects.filter(run=run).count() == MANY


def test_campaign_whose_lots_went_wrong_teaches_nothing(trials, tmp_path):
    bring_file(tmp_path, planted(trials.second, parts_ways))
    measured(trials.second)
    assert uplift.experiments() == [trials.second]
    result = trials.second.result | {"verdict": "broken_randomisation"}
    Campaign.objects.filter(pk=trials.second.pk).update(result=result)
    assert uplift.experiments() == []


def test_erased_customers_are_not_learned_from_nor_scored(trials, proved):
    gone = Recipient.objects.first().customer
    key = gone.pk
    customers.erase_customer(customer=gone, actor=trials.cast.alice, reason="asked to be forgotten")
    assert not UpliftScore.objects.filter(customer_id=key).exists()
    newer = learn(trials.cast.omar)
    assert newer.customers == MANY - 1
    assert newer.result["rows"] < proved.result["rows"]


def test_other_company_learns_from_its_own_only(shared_trials, tmp_path):
    with tenant_scope(shared_trials.cast.atlas):
        bring_file(tmp_path, planted(shared_trials.second, parts_ways))
        measured(shared_trials.second)
    with tenant_scope(shared_trials.cast.borealis):
        assert uplift.experiments() == [] and uplift.open_learning() is None and uplift.current_run() is None


def test_engine_refuses_an_empty_pool():
    import pandas as pd

    with pytest.raises(UpliftRefused):
        uplift._fit(pd.DataFrame(), [])


def test_draft_is_no_experiment(trials):
    compose(name="Draft")
    assert not uplift.measured_campaigns().exists()
