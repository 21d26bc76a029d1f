"""What contacting would earn: what is said of costs, when an account is owed, and what the account holds."""

import json
from decimal import Decimal

import numpy as np
import pytest

from core import jobs
from core.errors import Refused
from core.models import JobState
from customers.models import Customer, Subscription
from predictions import accounts, registry, score_frames, services
from predictions.models import Economics, ProfitRun, Score, SurvivalModel
from predictions.services import profit as service
from tenants.models import AuditEntry
from tenants.scoping import tenant_scope

COSTS = {
    "contact_cost": 1.5, "offer_cost": 12, "acceptance": 0.3, "stayer_acceptance": 0.4, "margin": 0.5, "horizon_months": 12,
    "discount_rate": 0.1,
}  # fmt: skip


@pytest.fixture
def cast(shared):
    return shared.cast


@pytest.fixture
def run(shared, cast):
    """Atlas in scope, everybody scored; the ScoringRun. A survival model was learned too."""
    with tenant_scope(cast.atlas):
        yield shared.scored


def say(**changed) -> Economics:
    return services.set_economics(actor=None, **{**COSTS, **changed})


def account() -> ProfitRun:
    found = services.account_profit(run_id=services.open_account().pk)
    found.refresh_from_db()
    return found


@pytest.fixture
def survival(run):
    """``survival()``: from now on how long customers stay is known, as the training learned it beside the model."""
    kept = SurvivalModel.objects.get(version=run.version)
    path, kept.artefact_path = kept.artefact_path, ""
    kept.save()

    def known() -> None:
        SurvivalModel.objects.update(artefact_path=path)

    return known


# ---------------------------------------------------------------- what is said of costs


def test_costs_are_kept_once_for_a_company_and_audited(run, cast):
    say()
    said = services.set_economics(actor=cast.anna, **{**COSTS, "contact_cost": "2.25"})
    assert Economics.objects.get() == said == registry.economics()
    assert (registry.economics().contact_cost, said.set_by, said.horizon_months) == (Decimal("2.250"), cast.anna, 12)
    entry = AuditEntry.objects.filter(verb="economics_set").order_by("-sequence").first()
    assert (entry.actor, entry.facts["contact_cost"], entry.facts["acceptance"]) == (cast.anna, "2.250", "0.3")


@pytest.mark.parametrize(
    ("field", "value", "code"),
    [
        ("contact_cost", -1, "negative"),
        ("contact_cost", "a lot", "not_a_number"),
        ("offer_cost", None, "not_a_number"),
        ("offer_cost", 1e9, "too_large"),
        ("offer_cost", float("nan"), "not_a_number"),
        ("acceptance", 30, "not_a_share"),
        ("acceptance", True, "not_a_number"),
        ("stayer_acceptance", -0.1, "not_a_share"),
        ("margin", 1.2, "not_a_share"),
        ("horizon_months", 0, "no_horizon"),
        ("horizon_months", 2.5, "not_whole"),
        ("horizon_months", 5000, "too_large"),
        ("discount_rate", -2, "negative"),
        ("discount_rate", "inf", "not_a_number"),
        ("discount_rate", 9, "too_large"),
    ],
)
def test_figure_that_cannot_be_reckoned_with_is_refused_by_its_name(run, field, value, code):
    with pytest.raises(Refused) as refusal:
        say(**{field: value})
    assert (refusal.value.code, refusal.value.facts["field"]) == (code, field)
    assert "%(" not in refusal.value.message
    assert not Economics.objects.exists()
    assert not AuditEntry.objects.filter(verb="economics_set").exists()


def test_refused_figure_leaves_what_was_said_before(run):
    say()
    with pytest.raises(Refused):
        say(margin=2)
    assert registry.economics().margin == 0.5


# ---------------------------------------------------------------- when an account is owed


def test_nothing_is_owed_before_costs_are_known(run):
    assert not services.needs_account()
    assert services.open_account() is None


def test_account_is_owed_anew_when_costs_change(run):
    say()
    assert services.needs_account()
    account()
    assert not services.needs_account()
    say()
    assert not services.needs_account(), "the same costs said again change nothing"
    say(offer_cost=13)
    assert services.needs_account()
    assert accounts.standing().is_of_older_costs
    account()
    assert not services.needs_account()
    assert not accounts.standing().is_of_older_costs


def test_account_is_owed_anew_after_a_new_scoring(run):
    say()
    account()
    newer = services.score_customers(run_id=services.require_scoring().pk, follow=False)
    assert services.needs_account()
    assert accounts.standing().is_of_older_scores
    assert account().scoring == newer
    assert not services.needs_account()


def test_one_account_is_open_at_a_time_and_takes_the_newest_costs(run):
    say()
    first = services.open_account()
    say(contact_cost=3)
    assert services.open_account() == first
    services.account_profit(run_id=first.pk)
    first.refresh_from_db()
    assert first.economics["contact_cost"] == 3
    assert not services.needs_account()


def test_failed_account_is_not_opened_for_ever(run, monkeypatch):
    say()
    waiting = services.open_account()
    with monkeypatch.context() as broken:
        broken.setattr(
            score_frames, "scored_blocks", lambda *_, **__: (_ for _ in ()).throw(Refused("broken", "Broken."))
        )
        with pytest.raises(Refused):
            services.account_profit(run_id=waiting.pk)
    assert accounts.standing().failed == waiting
    assert not services.needs_account()
    assert accounts.standing().can_be_asked, "a person may try again"


# ---------------------------------------------------------------- what it holds


def test_curve_is_what_one_adds_up_by_hand(run, survival):
    say()
    curve = account().curve
    here = [s for s in Score.objects.filter(run=run) if s.churn_label is not True]
    monthly = 1.1 ** (1 / 12) - 1
    gains = []
    for score in here:
        value = 0.5 * float(score.monthly_charges) * (1 - (1 + monthly) ** -12) / monthly
        gains.append((score.risk * 0.3 * (value - 12) - (1 - score.risk) * 0.4 * 12 - 1.5, score.risk))
    worth = sorted((gain for gain in gains if gain[0] > 0), reverse=True)
    assert 0 < len(worth) < len(here)
    assert (curve["rows"], curve["unknown"], curve["months_known"]) == (len(here), 0, False)
    assert curve["best"]["customers"] == len(worth)
    assert curve["best"]["profit"] == pytest.approx(sum(gain for gain, _risk in worth), rel=1e-6)
    at = curve["customers"].index(len(worth))
    assert curve["leavers"][at] == pytest.approx(sum(risk for _gain, risk in worth), abs=0.01)
    assert curve["leavers"][-1] == pytest.approx(sum(s.risk for s in here), abs=0.01)
    assert curve["profit"][at] == max(curve["profit"])


def test_account_is_plain_json_with_a_measured_band(run):
    say()
    found = account()
    assert found.state == JobState.SUCCEEDED
    told = json.loads(json.dumps([found.curve, found.backtest, found.refusal], allow_nan=False))
    assert told == [found.curve, found.backtest, found.refusal]
    measured = found.backtest
    assert measured["verdict"] in ("gain", "loss", "unclear", "too_few_leavers", "nobody")
    assert measured["realised_low"] <= measured["realised"] <= measured["realised_high"]
    known = Score.objects.filter(run=run).exclude(churn_label=None).count()
    assert measured["rows"] + measured["left_out"] == len(Score.objects.filter(run=run))
    assert measured["rows"] <= known


def test_unknown_charges_are_counted_and_never_invented(run, survival):
    say()
    before = account().curve
    keys = list(Score.objects.filter(run=run, churn_label=False).values_list("customer_id", flat=True)[:20])
    Score.objects.filter(run=run, customer_id__in=keys).update(monthly_charges=None)
    curve = account().curve
    assert (curve["unknown"], curve["rows"]) == (20, before["rows"] - 20)
    Score.objects.filter(run=run).update(monthly_charges=None)
    nothing = account()
    assert (nothing.curve, nothing.backtest) == ({}, {})
    assert nothing.refusal["curve"]["code"] == "no_known_value"
    assert nothing.state == JobState.SUCCEEDED


def test_survival_model_makes_who_is_about_to_leave_worth_less(run, survival):
    say()
    whole_year = account().curve
    survival()
    told = account().curve
    assert told["months_known"]
    assert 0 < told["mean_value"] < whole_year["mean_value"]


def test_customer_of_unknown_tenure_has_no_value_beside_a_survival_model(run):
    say()
    keys = list(Score.objects.filter(run=run, churn_label=False).values_list("customer_id", flat=True)[:15])
    Subscription.objects.filter(customer_id__in=keys).update(tenure=None)
    assert account().curve["unknown"] == 15


def test_costs_beyond_all_value_leave_nobody_worth_it(run):
    say(contact_cost=100_000)
    found = account()
    assert (found.curve["best"]["customers"], found.curve["break_even_acceptance"]) == (0, None)
    assert found.backtest["verdict"] == "nobody"


def test_too_few_known_outcomes_are_said_and_the_curve_stays(run, survival):
    say()
    kept = list(Score.objects.filter(run=run).values_list("pk", flat=True)[:30])
    Score.objects.filter(run=run).exclude(pk__in=kept).update(churn_label=None)
    found = account()
    assert found.curve["rows"] > 200
    assert found.backtest == {}
    assert found.refusal["backtest"]["code"] in ("too_few_rows", "one_class", "too_few_churners")


class Killed(BaseException):
    pass


def test_killed_account_begins_anew_and_comes_out_the_same(run, monkeypatch):
    say()
    whole = account()
    say(offer_cost=12.5)
    say()
    again = services.open_account()

    def die(*_args, **_options):
        raise Killed

    with monkeypatch.context() as killed:
        killed.setattr(service.backtest, "backtest", die)
        with pytest.raises(Killed):
            services.account_profit(run_id=again.pk)
    again.refresh_from_db()
    assert (again.state, again.curve) == (JobState.QUEUED, {})
    services.account_profit(run_id=again.pk)
    again.refresh_from_db()
    assert (again.state, again.curve, again.backtest) == (JobState.SUCCEEDED, whole.curve, whole.backtest)


def test_person_stops_an_account(run):
    say()
    waiting = services.open_account()
    ProfitRun.objects.filter(pk=waiting.pk).update(cancel_requested=True)
    with pytest.raises(jobs.Cancelled):
        services.account_profit(run_id=waiting.pk)
    waiting.refresh_from_db()
    assert (waiting.state, waiting.curve) == (JobState.CANCELLED, {})


def test_other_company_has_costs_and_accounts_of_its_own(shared, cast):
    with tenant_scope(cast.atlas):
        say()
        ours = account()
    with tenant_scope(cast.borealis):
        assert registry.economics() is None
        assert accounts.standing().shown is None
        say(contact_cost=9)
        assert services.open_account() is None, "nobody is scored there"
        with pytest.raises(jobs.NotClaimable):
            services.account_profit(run_id=ours.pk)
    with tenant_scope(cast.atlas):
        assert registry.economics().contact_cost == Decimal("1.5")


# ---------------------------------------------------------------- candidates of a training


def test_candidate_that_ranks_better_earns_more():
    rng = np.random.default_rng(0)
    chance = rng.beta(1, 4, 3000)
    label = (rng.random(3000) < chance).astype(float)
    charges = rng.uniform(20, 120, 3000)
    said = Economics(**{**COSTS, "stayer_acceptance": 1.0})
    noise = rng.permutation(chance)
    table = services.profit.candidates_profit(label, {"noise": noise, "good": chance}, charges, said)
    assert [row["name"] for row in table] == ["good", "noise"]
    assert json.loads(json.dumps(table, allow_nan=False)) == table
    good, noise = table
    assert good["ties"] is True and noise["ties"] is False
    assert good["empc"] > noise["empc"] and good["profit"] > noise["profit"]
    assert noise["profit_difference_interval"][1] < 0


def test_candidates_are_not_compared_on_too_little():
    said, few = Economics(**COSTS), np.array([1.0, 0.0, 1.0])
    assert services.profit.candidates_profit(few, {"one": np.full(3, 0.5)}, np.full(3, 50.0), said) == []
    none = np.full(400, np.nan)
    label = np.r_[np.ones(100), np.zeros(300)]
    assert services.profit.candidates_profit(label, {"one": np.full(400, 0.3)}, none, said) == []


def test_customers_gone_since_their_scoring_are_left_out_beside_a_survival_model(run):
    say()
    before = account().curve
    gone = Customer.objects.filter(churn_label=False).first()
    gone.delete()
    after = account().curve
    assert after["rows"] == before["rows"] - 1
