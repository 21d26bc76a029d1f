"""The next training knows who was contacted, says so on its card, and learns from no contact that came after the outcome."""

import datetime as dt

import numpy as np
import pytest
from django.utils import timezone
from scipy.special import logit as log_odds

from customers import selectors as customers
from customers import services as customer_services
from customers.models import Customer, Interaction
from predictions import packing, selectors, services, wording
from predictions.models import Score
from predictions.services import outlooks, single
from predictions.wording import card, groups
from predictions.wording.actionable import LEVERS, actionable
from tenants.scoping import tenant_scope
from tests.conftest import score, train
from tests.customers import prepaid_company

pytestmark = pytest.mark.usefixtures("quick_race")
COUNT = customers.RECENT_CONTACTS


def contact(people, day: dt.date, *, code: str, kind: str = Interaction.Kind.CONTACTED) -> None:
    customer_services.record_contacts(campaign_code=code, customers=people, kind=kind, on=day)


@pytest.fixture
def written_to(atlas_scope, alice):
    """A prepaid company that wrote to half of its customers before the day that a model learns on, before the later day, and
    lately; before the first it left every tenth alone."""
    prepaid_company.bring_in(1_500)
    definition = prepaid_company.adopted(alice)
    cut = customers.training_cut()
    keys = list(Customer.objects.order_by("pk").values_list("pk", flat=True))
    contact(keys[::2], cut.train.day - dt.timedelta(days=40), code="first")
    contact(keys[1::10], cut.train.day - dt.timedelta(days=40), code="first", kind=Interaction.Kind.HELD_OUT)
    contact(keys[::4], cut.test.day - dt.timedelta(days=10), code="second")
    contact(keys[::3], timezone.localdate() - dt.timedelta(days=20), code="third")
    return definition


def names(version) -> set[str]:
    return {feature["name"] for feature in version.details["features"]}


def test_model_learns_from_contacts_and_its_card_says_how_many_there_were(cast, written_to, client_for):
    with tenant_scope(cast.atlas):
        version = train()
        cut = customers.training_cut()
        keys = np.concatenate([frame["id"].to_numpy() for frame in customers.training_frames(cut)])
    assert COUNT in names(version)
    told = version.details["contacts"]
    assert (
        told["written_to"]
        == Interaction.objects.filter(campaign_code="first", kind="contacted", customer__in=keys.tolist()).count()
    )
    assert told["left_alone"] == Interaction.objects.filter(kind="held_out", customer__in=keys.tolist()).count()
    assert (told["customers"], told["before"], told["why"]) == (version.rows, cut.train.day.isoformat(), "learned")
    with tenant_scope(cast.atlas):
        text = client_for(cast.bob).get(f"/mlops/versions/{version.number}").content.decode()
    assert "had been contacted in a campaign within 180 days before" in text
    assert "The model looks at how often each customer had been contacted." in text
    assert "Campaigns before" in text and "left alone by lot" in text
    answer = client_for(cast.bob).get(f"/api/models/{version.number}").json()
    assert answer["contacts"] == told


def test_those_written_to_are_a_part_of_the_base_and_no_feature(written_to):
    version = train()
    [found] = [one for one in version.details["slices"] if one["column"] == customers.CAMPAIGN_STANDING]
    told = version.details["contacts"]
    sizes = {group["name"]: group["n"] for group in found["groups"]}
    assert sizes["written_to"] == told["written_to"] and sizes["left_alone"] == told["left_alone"]
    assert sum(sizes.values()) == version.rows
    assert customers.CAMPAIGN_STANDING not in names(version)
    assert [group["name"] for group in groups.slices([found])[0]["groups"]] == [
        "written to",
        "in no campaign",
        "left alone by lot",
    ]


def test_planted_effect_of_contacts_is_found_and_told(atlas_scope, alice):
    """Customers who were written to leave less often than others: the model must see it, on the day and today."""
    drawn = prepaid_company.bring_in(1_500)
    prepaid_company.adopted(alice)
    cut = customers.training_cut()
    told = prepaid_company.drawn_to_leave(drawn, cut.train.day)
    dice = np.random.default_rng(3)
    share = {"left": 0.1, "stayed": 0.6}
    reached = [number for number, what in told.items() if dice.random() < share.get(what, 0.3)]
    keys = list(Customer.objects.filter(external_id__in=reached).values_list("pk", flat=True))
    contact(keys, cut.train.day - dt.timedelta(days=30), code="planted")
    train()
    never, once = (single.score_stranger({COUNT: times}).risk for times in (0, 1))
    assert log_odds(once) - log_odds(never) < -1.0, "it was planted as -2.6"
    contact(Customer.objects.values_list("pk", flat=True), timezone.localdate() - dt.timedelta(days=9), code="now")
    run = score()
    rows = Score.objects.filter(run=run).values_list("driver_1", "driver_2", "driver_3", "driver_facts")
    drivers = [one for *three, facts in rows for one in packing.unpack(three, bytes(facts), run.legend)]
    entries = [one for one in drivers if one["feature"] == COUNT]
    assert entries and {one["value"] for one in entries} <= {1.0, 2.0} and all(one["effect"] < 0 for one in entries)
    assert wording.driver(entries[0])["sentence"].startswith("Contacts: contacted ")


def test_customer_scored_alone_has_the_risk_that_everybody_has(written_to):
    train()
    score()
    for customer in Customer.objects.order_by("pk")[:6]:
        kept = Score.objects.get(run=selectors.current_run(), customer=customer)
        assert single.score_customer(customer.external_id).risk == pytest.approx(kept.risk, abs=1e-6)


def test_stranger_may_have_been_contacted(written_to):
    train()
    never, often = (single.score_stranger({COUNT: times}).risk for times in (0, 2))
    assert 0 < never < 1 and 0 < often < 1 and never != often


def test_drift_counts_contacts_like_any_column(written_to):
    train()
    score()
    report = services.check_drift(report_id=services.require_check().pk)
    found = {one["name"]: one for one in report.findings["features"]}
    assert found[COUNT]["unknown_cur"] == 0 and found[COUNT]["n_cur"] == report.customers


def test_contact_is_nothing_that_the_what_if_varies(written_to):
    train()
    score()
    assert actionable(COUNT) is False and COUNT not in LEVERS
    here = Score.objects.filter(churn_label=None).order_by("customer_id").first().customer
    question = outlooks.ask_what_if(here, {COUNT: 3})
    assert question.refused[COUNT].code == "given" and question.answer.before == question.answer.after
    assert COUNT not in {lever.name for lever in question.levers}


def test_contacts_do_not_tell_when_somebody_leaves(written_to):
    """Who was written to had been here for as long: a hazard model would read the time from it."""
    version = train()
    assert version.survival.refusal == {}
    assert COUNT not in {feature.name for feature in services.load_survival(version).features}


def test_few_contacts_are_counted_and_not_learned_from(atlas_scope, alice):
    prepaid_company.bring_in(1_500)
    prepaid_company.adopted(alice)
    cut = customers.training_cut()
    contact(Customer.objects.values_list("pk", flat=True)[:60], cut.train.day - dt.timedelta(days=30), code="small")
    version = train()
    told = version.details["contacts"]
    assert COUNT not in names(version) and told["why"] == "too_few" and 0 < told["written_to"] <= 60
    assert "That is too few to learn from: 100 who were contacted are needed" in card.contacts(told)[1]
    assert version.survival.refusal == {}


def test_contact_after_the_outcome_is_never_learned_from(imported, atlas_scope):
    """A label without dates: everybody who is still here was written to since, which would tell the answer."""
    stayed = Customer.objects.filter(churn_label=False).values_list("pk", flat=True)
    contact(stayed, timezone.localdate() - dt.timedelta(days=30), code="afterwards")
    version = train()
    told = version.details["contacts"]
    assert COUNT not in names(version)
    assert (told["written_to"], told["before"], told["why"]) == (len(stayed), None, "undated")
    assert customers.CAMPAIGN_STANDING not in {one["column"] for one in version.details["slices"]}
    assert "a contact may have come afterwards" in card.contacts(told)[1]
    assert version.metrics["roc_auc"] < 0.95


def test_label_with_a_horizon_lets_older_contacts_be_learned_from(imported, atlas_scope, alice):
    prepaid_company.adopted(alice, kind="label", horizon_days=60, gap_days=0, silent_days=0)
    day = customers.before_labels()
    everybody = list(Customer.objects.order_by("pk").values_list("pk", flat=True))
    stayed = Customer.objects.filter(churn_label=False).values_list("pk", flat=True)
    contact(stayed, day + dt.timedelta(days=1), code="afterwards")
    contact(everybody[::2], day - dt.timedelta(days=5), code="before")
    version = train()
    told = version.details["contacts"]
    assert COUNT in names(version) and (told["before"], told["why"]) == (day.isoformat(), "learned")
    assert told["written_to"] == len(everybody[::2])
    assert version.metrics["roc_auc"] < 0.95, "what came afterwards would tell everything"
    run = score()
    known = Score.objects.filter(run=run).exclude(churn_label=None)
    assert known.count() == len(everybody)


def test_company_without_campaigns_hears_nothing_of_them(trained, atlas_scope):
    assert "contacts" not in trained.details
    assert card.contacts({}) == []
    assert COUNT not in names(trained)


@pytest.mark.parametrize(
    ("times", "said"),
    [
        (0.0, "not contacted in the last six months"),
        (1.0, "contacted once in the last six months"),
        (2.0, "contacted twice in the last six months"),
        (5.0, "contacted 5 times in the last six months"),
    ],
)
def test_drivers_say_how_often_somebody_was_contacted(times, said):
    assert (
        wording.driver({"feature": COUNT, "value": times, "effect": 0.4})["sentence"]
        == f"Contacts: {said}. This raises the risk."
    )


def test_contacts_have_whole_ranges_in_the_words_of_drift():
    from predictions.wording import drift

    finding = {"name": COUNT, "kind": "numeric", "edges": [0.5, 1.5], "levels": []}
    assert drift.bins(finding)[:3] == ["up to 0", "1", "2 or more"]
