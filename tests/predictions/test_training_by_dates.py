"""A model of a prepaid company: learned on a past day, tried on a later one, by the definition that was adopted."""

import pytest

from core.errors import Refused
from customers import selectors as customers
from predictions import registry, selectors, services
from predictions.services import survival
from tenants.scoping import tenant_scope
from tests.conftest import score, train
from tests.customers import prepaid_company

pytestmark = pytest.mark.usefixtures("quick_race")


@pytest.fixture
def silent(atlas_scope, alice):
    """A prepaid company of which two silent months mean that somebody left; models may learn from it."""
    prepaid_company.bring_in(1_500)
    return prepaid_company.adopted(alice)


def test_model_says_on_which_day_it_learned_and_was_tried(silent):
    version = train()
    cut, later = version.details["cut"], version.details["later"]
    assert cut["definition"]["kind"] == "silence"
    assert cut["as_of"] < cut["test_as_of"] <= cut["known_until"]
    assert later["rows"] > 500 and 0 < later["churners"] < later["rows"]
    low, high = later["intervals"]["roc_auc"]
    assert low <= later["metrics"]["roc_auc"] <= high


def test_what_happened_after_the_day_is_not_learned_from(silent):
    version = train()
    learned = {feature["name"] for feature in version.details["features"]}
    assert "total_charges" not in learned, "what was paid since would be in it"
    assert version.rows == sum(customers.count_outcomes(customers.training_cut().train))


def test_everybody_who_is_here_today_gets_a_risk(silent):
    train()
    run = score()
    assert run.scored == customers.count_all()
    assert selectors.current_run() == run


def test_when_they_leave_is_learned_within_the_window(silent):
    version = train()
    figures = version.survival.figures
    assert version.survival.refusal == {} and figures["watched"] == 2  # a month to reach them, one to leave in


def test_label_column_may_say_within_how_many_days_they_left(imported, atlas_scope, alice):
    assert customers.label_months() is None
    prepaid_company.adopted(alice, kind="label", horizon_days=90, gap_days=0, silent_days=0)
    assert customers.label_months() == 3
    assert train().survival.figures["watched"] == 3


def test_too_few_months_are_refused_in_words(atlas_scope, alice, monkeypatch):
    prepaid_company.bring_in(300, months=12)
    prepaid_company.adopted(alice)
    monkeypatch.setattr("customers.services.definitions.selectors.training_cut", _no_day(customers.training_cut()))
    with pytest.raises(Refused) as refused:
        train()
    assert refused.value.code == "too_few_months"


def _no_day(cut):
    from dataclasses import replace

    return lambda: replace(cut, train=None, test=None, dates=replace(cut.dates, missing=3))


def test_card_tells_the_days_and_the_later_figures(cast, silent, client_for):
    with tenant_scope(cast.atlas):
        version = train()
    text = client_for(cast.bob).get(f"/mlops/versions/{version.number}").content.decode()
    assert "Then and later" in text and "On the later day" in text


def test_trends_of_use_do_not_tell_when_somebody_leaves(silent):
    """They are unknown for who came lately: a hazard model would read "unknown" as "is new"."""
    version = train()
    model = services.load_survival(version)
    assert not {feature.name for feature in model.features} & set(customers.TREND_COLUMNS)
    assert survival.GROUPS == ("contract", "internet_service")


def test_drift_is_checked_by_the_same_customers(silent):
    train()
    score()
    report = services.check_drift(report_id=services.require_check().pk)
    assert report.customers > 0 and registry.drift_reports().get() == report
