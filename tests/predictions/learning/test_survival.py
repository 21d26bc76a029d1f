"""The survival engine learns when customers leave, judges itself honestly, and says no where it must."""

from __future__ import annotations

import json
import warnings
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import skops.io

from predictions.learning import features, folds, hazard_design, hazard_fit, survival, survival_figures, time_columns
from predictions.learning.artefact import TRUSTED_TYPES
from predictions.learning.evidence import NotEnoughEvidence
from predictions.learning.hazard import Grid
from predictions.learning.hazard_design import Design, Lives
from predictions.learning.outlook import outlook
from predictions.learning.survival_model import segments
from predictions.learning.survival_storage import from_state, to_state
from tests.predictions.learning import planted_lives

TELCO = Path(__file__).resolve().parents[4] / "shared" / "data" / "ibm_telco" / "Telco-Customer-Churn.csv"


@pytest.fixture(scope="module")
def company():
    return planted_lives.learned()[0]


@pytest.fixture(scope="module")
def model():
    return planted_lives.learned()[1]


@pytest.fixture(scope="module")
def drifting():
    return planted_lives.learned(fading=True)[1]


@pytest.fixture(scope="module")
def small():
    """Frame, label, keys of a company that is learned from in a moment."""
    company = planted_lives.whole_lives(400)
    return company.frame[["tenure", "contract", "monthly_charges"]], company.label, company.keys


# ---------------------------------------------------------------- what is learned


def test_risk_falls_with_tenure_and_is_higher_on_a_monthly_contract(model):
    frame = pd.DataFrame({"tenure": [0, 12, 30, 12], "contract": ["yearly"] * 3 + ["monthly"], "monthly_charges": 70.0})
    here = outlook(model, frame, np.arange(4) + 10**9).here
    assert (np.diff(here[:3], axis=0) > 0).all()
    assert (here[3] < here[1]).all()


def test_it_beats_one_curve_for_everybody_where_customers_differ(model):
    verdict = model.verdict
    assert verdict.better_than_kaplan_meier
    assert verdict.low <= verdict.difference <= verdict.high < 0
    assert verdict.difference == pytest.approx(verdict.brier - verdict.brier_kaplan_meier)
    assert verdict.skill > 0.1 and verdict.months[0] == 1


def test_it_does_not_claim_to_beat_it_where_they_do_not(company):
    order = np.random.default_rng(0).permutation(len(company.keys))
    frame = company.frame[["contract", "monthly_charges", "noise"]].assign(
        tenure=company.frame["tenure"].to_numpy()[order]
    )
    verdict = survival.fit(frame, company.label[order], company.keys).verdict
    assert not verdict.better_than_kaplan_meier
    assert abs(verdict.skill) < 0.01


def test_predictions_hold_in_every_group_of_like_prospects(model):
    told = model.report.calibration
    assert {(one["tenure"], one["months"]) for one in told} >= {(0, 3), (0, 6), (0, 12), (12, 3), (12, 12)}
    assert all(abs(one["predicted"] - one["observed"]) < 0.06 for one in told)
    assert np.mean([one["low"] <= one["predicted"] <= one["high"] for one in told]) > 0.8
    first = [one["observed"] for one in told if (one["tenure"], one["months"]) == (0, 12)]
    assert first[-1] - first[0] > 0.2


def test_segments_are_expected_as_they_are_observed(model, company):
    found = segments(model, company.frame, company.keys, company.label, company.frame["contract"])
    assert {one.observed.name for one in found} == {"monthly", "yearly"}
    for one in found:
        apart = [abs(point.survival - told) for point, (_, told) in zip(one.observed.points, one.expected, strict=True)]
        assert max(apart) < 0.08
        assert [point.time for point in one.observed.points] == [time for time, _ in one.expected]
    (all_of_them,) = segments(model, company.frame, company.keys, company.label)
    assert all_of_them.observed.customers == len(company.keys)
    json.dumps([asdict(one) for one in found])


def test_effects_that_fade_with_tenure_are_found_and_steady_ones_left_alone(model, drifting):
    assert model.report.choice["code"] == "proportional" and model.models[0].drift is None
    assert drifting.report.choice["code"] == "drifting" and "contract" in drifting.report.choice["facts"]["features"]
    frame = pd.DataFrame({"tenure": [1, 1, 30, 30], "contract": ["monthly", "yearly"] * 2, "monthly_charges": 70.0})
    here = outlook(drifting, frame, np.arange(4) + 10**9).here[:, 0]
    assert here[1] - here[0] > 0.05  # the monthly contract is the riskier one at first
    assert here[3] < here[2]  # and the safer one later


def test_a_window_gives_the_chances_that_were_watched():
    """Read as whole lives, the same file would promise that nearly nobody leaves."""
    company = planted_lives.window(3000, watched=3)
    here = {}
    for watched in (3, None):
        fitted = survival.fit(company.frame, company.label, company.keys, watched=watched)
        ahead = outlook(fitted, company.frame, company.keys)
        young = np.flatnonzero((ahead.without == 0) & (company.frame["tenure"] <= 36))
        truth = company.still_here(young, company.frame["tenure"].to_numpy()[young], 12)
        here[watched] = ahead.here[young, 2]
        if watched:
            assert fitted.verdict.months == [3, 3] and {one["months"] for one in fitted.report.calibration} == {3}
            assert "period_life_table" in fitted.report.caveats
    assert here[3].mean() == pytest.approx(truth.mean(), abs=0.03)
    assert here[None].mean() > truth.mean() + 0.1


# ---------------------------------------------------------------- the columns that know the time


def test_columns_that_know_the_time_are_left_out_and_told(model):
    told = {one["name"]: one["why"] for one in model.report.left_out}
    assert told == {"tenure": "is_tenure", "total_charges": "follows_tenure", "band": "follows_tenure"}
    assert {feature.name for feature in model.features} == {"contract", "monthly_charges", "noise"}


def test_totals_are_recognised_where_prices_differ_a_thousandfold():
    rng = np.random.default_rng(0)
    tenure, price = rng.integers(1, 40, 2000).astype(float), 10 ** rng.uniform(0, 3, 2000)
    frame = pd.DataFrame({"price": price, "paid": price * tenure * rng.uniform(0.9, 1.1, 2000), "age": price + 1})
    (paid,) = time_columns.find(frame, tenure, name="tenure", leave_out=())
    assert (paid.name, paid.why, paid.by in ("price", "age")) == ("paid", "times_tenure", True)
    assert paid.strength > 0.95
    asked = time_columns.find(frame, tenure, name="tenure", leave_out=("price", "age"))
    assert [(one.name, one.why) for one in asked] == [("price", "asked"), ("age", "asked")]


def test_an_honest_column_that_goes_with_tenure_is_kept():
    rng = np.random.default_rng(0)
    tenure = rng.integers(0, 72, 2000).astype(float)
    frame = pd.DataFrame(
        {
            "contract": np.where(tenure + rng.normal(0, 30, 2000) > 36, "two years", "monthly"),
            "city": [f"city {i}" for i in rng.integers(0, 300, 2000)],
            "holes": np.where(rng.random(2000) < 0.99, np.nan, tenure),
        }
    )
    assert time_columns.find(frame, tenure, name="tenure", leave_out=()) == []


# ---------------------------------------------------------------- the fit


def person_months(tenure, left, watched=None):
    """Every month at risk as a row: (customer, month, left in it, weight)."""
    rows = []
    for i, (months, gone) in enumerate(zip(tenure, left, strict=True)):
        for month in range(months + 1):
            back = months - month
            weight = 1.0 if watched is None else (back < watched) * (1 - gone * back / watched)
            if weight > 0:
                rows.append((i, month, float(gone and month == months), weight))
    return np.array(rows).T


@pytest.mark.parametrize("watched", [None, 3])
def test_the_fit_is_that_of_the_person_month_table_which_is_never_built(small, watched):
    """At the optimum the table's own gradient, plus that of the ridge and the walk, is nothing."""
    frame, label, _ = small
    tenure, left = frame["tenure"].to_numpy(), label == 1
    encoder, values = features.learn(frame[["contract", "monthly_charges"]])
    grid, design = Grid.of(tenure), Design.of(encoder, values)
    lives, k, p = (
        Lives.of(grid, tenure, left, np.ones(len(left)), watched),
        len(grid.starts),
        design.matrix.shape[1],
    )
    late = np.array([0, 1])
    start = np.r_[hazard_fit._start(lives, np.arange(len(left)), p), 0.0, 0.0]
    point, sums = hazard_fit._newton(design.matrix, late, lives, np.arange(len(left)), 0.5, start)
    customer, month, event, weight = person_months(tenure, left, watched)
    customer, interval = customer.astype(int), grid.interval_of(month.astype(int))
    x = design.matrix[customer]
    late_x = x[:, late] * grid.clock[interval][:, None]
    table = np.column_stack([np.eye(k)[interval], x, late_x])
    logit = table @ point
    gradient = table.T @ (weight * (1 / (1 + np.exp(-logit)) - event))
    ridge = np.r_[hazard_fit._walk(k) @ point[:k], 0.5 * point[k:]]
    assert np.abs(gradient + ridge).max() < 0.05 < np.abs(gradient).max()
    loss = float(weight @ (np.logaddexp(0, logit) - event * logit)) + float(point @ ridge) / 2
    assert sums.loss == pytest.approx(loss)


def test_a_fold_is_told_by_a_model_that_its_outcomes_cannot_reach(model, company):
    frame, keys = company.frame, company.keys
    held = model.learned_folds == 2
    values = model.encoder.encode(frame)
    tenure, left = frame["tenure"].to_numpy(), company.label == 1
    turned = np.where(held, ~left, left), np.where(held, (tenure + 7) % 40, tenure)
    told, blind = (
        hazard_fit.fit_hazard(
            Design.of(model.encoder, values),
            values,
            Lives.of(model.grid, months, gone, np.ones(len(gone)), None),
            np.flatnonzero(~held),
        )[0]
        for gone, months in ((left, tenure), turned)
    )
    assert np.array_equal(told.level, blind.level) and np.array_equal(told.g.steps, blind.g.steps)
    ahead = outlook(model, frame, keys, label=np.zeros(len(keys)))
    assert ahead.unseen.all()
    strangers = outlook(model, frame, keys + 10**9)
    assert not strangers.unseen.any()
    by_fold_two = replace(model, models=(model.models[2],) * len(model.models))
    same = outlook(by_fold_two, frame[held], keys[held], label=np.zeros(held.sum()))
    assert np.array_equal(same.here, ahead.here[held])
    assert not np.allclose(strangers.here[held], ahead.here[held], atol=1e-6)


def test_the_same_rows_in_any_order_give_the_same_model(small):
    frame, label, keys = small
    order = np.random.default_rng(3).permutation(len(keys))
    one = survival.fit(frame, label, keys, seed=4)
    two = survival.fit(frame.iloc[order], label[order], keys[order], seed=4)
    assert np.array_equal(one.models[-1].level, two.models[-1].level)
    assert replace(one.report, seconds=0) == replace(two.report, seconds=0)


def test_learning_from_a_weighted_part_of_those_who_stayed_tells_about_the_same(company, model, monkeypatch):
    monkeypatch.setattr(hazard_design, "_MOST_CELLS", 45_000)
    part = survival.fit(company.frame, company.label, company.keys, seed=1)
    assert part.report.counts["fitted_on"] < 0.75 * part.report.counts["rows"] == 0.75 * len(company.keys)
    some, all_of_them = (outlook(one, company.frame, company.keys) for one in (part, model))
    apart = (some.here - all_of_them.here)[some.without == 0]
    assert np.abs(apart.mean(axis=0)).max() < 0.015
    assert np.abs(apart).mean() < 0.03


def test_what_is_stored_tells_what_was_learned(model, drifting, company):
    for fitted in (model, drifting):
        state = skops.io.loads(skops.io.dumps(to_state(fitted)), trusted=list(TRUSTED_TYPES))
        again = from_state(state)
        assert again.report == fitted.report and again.verdict == fitted.verdict
        before, after = (outlook(one, company.frame, company.keys) for one in (fitted, again))
        for name in ("here", "median_months", "expected_months", "value_at_risk", "without"):
            assert np.array_equal(getattr(before, name), getattr(after, name), equal_nan=True)
    state["text"] = state["text"].replace('"format": 1', '"format": 2')
    with pytest.raises(ValueError, match="format 2"):
        from_state(state)


def test_the_report_is_plain_and_complete(model, company):
    report = model.report
    assert json.loads(json.dumps(asdict(report)))["verdict"]["brier"] == report.verdict["brier"]
    assert report.counts["rows"] == len(company.keys) and report.counts["churners"] == company.label.sum()
    assert report.caveats == ["columns_of_today", "tail_held_constant", "whole_lives_assumed"]
    assert len(report.importance) == len(model.features)
    assert model.features[int(np.argmax(report.importance))].name == "contract"
    assert report.longest_tenure <= company.frame["tenure"].max()


def test_progress_rises_and_may_cancel(small):
    told: list[float] = []
    survival.fit(*small, progress=lambda fraction, note: told.append(fraction))
    assert told == sorted(told) and told[-1] == 1.0

    def cancel(fraction: float, note: str) -> None:
        raise InterruptedError

    with pytest.raises(InterruptedError):
        survival.fit(*small, progress=cancel)


# ---------------------------------------------------------------- refusals and dirt


def refusal(*arguments, **options) -> NotEnoughEvidence:
    with pytest.raises(NotEnoughEvidence) as refused:
        survival.fit(*arguments, **options)
    return refused.value


def test_no_tenure_is_refused(small):
    frame, label, keys = small
    assert refusal(frame.drop(columns="tenure"), label, keys).code == "no_tenure"
    assert refusal(frame.assign(tenure=np.nan), label, keys).code == "no_tenure"
    assert refusal(frame.assign(tenure=-5), label, keys).code == "no_tenure"
    assert refusal(frame, label, keys, tenure="ancienneté").facts["column"] == "ancienneté"


def test_a_tenure_that_hardly_varies_is_refused(small):
    frame, label, keys = small
    thin = refusal(frame.assign(tenure=np.arange(len(keys)) % 2), label, keys)
    assert (thin.code, thin.facts["different"]) == ("constant_tenure", 2)


def test_too_few_leavers_with_a_tenure_are_refused_with_how_many_more(small):
    frame, label, keys = small
    left = np.flatnonzero(label == 1)
    hidden = frame["tenure"].astype(float).mask(np.isin(np.arange(len(keys)), left[:-10]))
    thin = refusal(frame.assign(tenure=hidden), label, keys)
    assert (thin.code, thin.facts["churners"], thin.facts["missing"]) == ("too_few_events_in_time", 10, 15)


def test_leavers_beyond_the_months_that_were_watched_for_others_are_too_few():
    """Everybody who is here came last month; all that is known of later months comes from who left in them."""
    tenure = np.r_[np.ones(2000, dtype=int), np.arange(2, 42)]
    frame = pd.DataFrame({"tenure": tenure, "plan": np.where(np.arange(len(tenure)) % 2, "a", "b")})
    thin = refusal(frame, (tenure > 1).astype(float), np.arange(len(tenure)))
    assert (thin.code, thin.facts["churners"]) == ("too_few_events_in_time", 0)


@pytest.mark.parametrize(("value", "code"), [(1.0, "one_class"), (0.0, "one_class"), (np.nan, "no_label")])
def test_labels_that_teach_nothing_are_refused_as_ever(small, value, code):
    frame, _, keys = small
    assert refusal(frame, np.full(len(keys), value), keys).code == code
    assert refusal(frame[:0], np.empty(0), keys[:0]).code == "no_label"


def test_nothing_but_tenure_is_refused(small):
    frame, label, keys = small
    assert refusal(frame[["tenure"]], label, keys).code == "no_features"


def test_arguments_that_do_not_fit_are_refused(small):
    frame, label, keys = small
    with pytest.raises(ValueError, match="do not go together"):
        survival.fit(frame, label[:-1], keys)
    with pytest.raises(ValueError, match="unique"):
        survival.fit(frame, label, np.zeros_like(keys))
    for watched in (0, 2.5, -3):
        with pytest.raises(ValueError, match="watched"):
            survival.fit(frame, label, keys, watched=watched)
    with pytest.raises(ValueError, match="a label is"):
        survival.fit(frame, np.array(["yes"] * len(keys)), keys)


def test_dirt_is_learned_from_without_a_warning():
    company = planted_lives.whole_lives(700, seed=9)
    frame, label, keys = company.frame, company.label.copy(), company.keys
    rng, n = np.random.default_rng(1), len(keys)
    label[::9] = np.nan
    frame["tenure"] = pd.array(np.where(rng.random(n) < 0.05, None, frame["tenure"] + 0.5), dtype="Float64")
    frame.loc[3, "tenure"], frame.loc[4, "tenure"] = 90_000, -1
    frame["city"] = [f"ville {i}" for i in (rng.zipf(1.3, n) % 500)]
    frame["empty"], frame["country"], frame["since"] = None, "TN", pd.Timestamp("2020-01-01")
    frame["endless"] = np.where(rng.random(n) < 0.1, np.inf, frame["noise"])
    frame["flag"] = pd.array(rng.choice([True, False, None], n), dtype="boolean")
    frame["group"] = pd.Categorical(rng.choice(["x", "y"], n))
    frame["lists"] = [[1, 2]] * (n // 2) + [None] * (n - n // 2)
    frame = pd.concat([frame, frame[["tenure", "noise"]]], axis=1)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fitted = survival.fit(frame, label, keys)
        ahead = outlook(fitted, frame, keys, label=label)
        segments(fitted, frame, keys, label, frame["city"])
    assert fitted.report.longest_tenure < 60
    assert fitted.report.counts["without_tenure"] > 10
    assert np.isfinite(ahead.here[ahead.without == 0]).all()
    assert ahead.without[3] != 0 and ahead.without[4] != 0
    assert fitted.report.counts["rows"] + fitted.report.counts["without_tenure"] == (~np.isnan(label)).sum()


def test_folds_know_nothing_of_each_other_in_the_baseline(company):
    tenure, left = company.frame["tenure"].to_numpy(), company.label == 1
    fold = folds.deal(tenure[:, None].astype(float), company.label, 0).astype(np.int64)
    grid = Grid.of(tenure)
    told = survival_figures.kaplan_meier_odds(grid, tenure, left, fold, None)
    blind = survival_figures.kaplan_meier_odds(grid, tenure, np.where(fold == 1, ~left, left), fold, None)
    assert np.array_equal(told.monthly[1], blind.monthly[1])
    assert not np.array_equal(told.monthly[0], blind.monthly[0])


@pytest.mark.skipif(not TELCO.exists(), reason="the public IBM file is not beside this checkout (../shared/data)")
def test_ibm_telco_reaches_the_measured_figures():
    frame = pd.read_csv(TELCO).drop(columns="customerID")
    label = (frame.pop("Churn") == "Yes").to_numpy().astype(float)
    fitted = survival.fit(frame, label, np.arange(len(label)), charges="MonthlyCharges", watched=1)
    assert fitted.verdict.better_than_kaplan_meier and fitted.verdict.brier < 0.1345
    assert {one["name"] for one in fitted.report.left_out} == {"tenure", "TotalCharges"}
    assert all(one["low"] <= one["predicted"] <= one["high"] for one in fitted.report.calibration)
