"""Our figures are scikit-learn's, and their intervals hold."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn import metrics

from predictions.learning import evaluation


@pytest.fixture
def told():
    rng = np.random.default_rng(0)
    chance = rng.beta(1, 3, 4000).round(2)  # with ties
    return (rng.random(4000) < chance).astype(float), np.clip(chance, 0.001, 0.999)


def test_figures_agree_with_scikit_learn(told):
    label, chance = told
    ours = evaluation.measure(label, chance)
    assert ours["roc_auc"] == pytest.approx(metrics.roc_auc_score(label, chance))
    assert ours["pr_auc"] == pytest.approx(metrics.average_precision_score(label, chance))
    assert ours["log_loss"] == pytest.approx(metrics.log_loss(label, chance))
    assert ours["brier"] == pytest.approx(metrics.brier_score_loss(label, chance))
    assert ours["accuracy"] == pytest.approx(metrics.accuracy_score(label, chance >= 0.5))
    assert ours["baseline_accuracy"] == pytest.approx(1 - label.mean())


def test_telling_everybody_the_same_lifts_nobody():
    label = np.arange(100) % 4 == 0
    ours = evaluation.measure(label.astype(float), np.full(100, 0.25))
    assert (ours["roc_auc"], ours["lift_at_10"]) == (0.5, pytest.approx(1.0))


def test_intervals_hold_the_truth_about_as_often_as_they_say():
    rng = np.random.default_rng(1)
    chance = rng.beta(1, 3, 40_000)
    truth = float(np.mean(chance * (1 - chance)))  # the Brier score of honest probabilities
    held = 0
    for trial in range(40):
        some = rng.choice(chance, 500)
        label = (rng.random(500) < some).astype(float)
        low, high = evaluation.intervals(label, some, seed=trial, draws=100)["brier"]
        held += low <= truth <= high
    assert held >= 33


def test_calibration_curve_counts_everybody(told):
    label, chance = told
    curve = evaluation.calibration_curve(label, chance)
    assert sum(part["n"] for part in curve) == len(label)
    assert all(part["low"] <= part["observed"] <= part["high"] for part in curve)
    assert evaluation.wilson(0, 10)[0] == 0 and evaluation.wilson(0, 10)[1] == pytest.approx(0.2775, abs=1e-3)


def test_area_by_ranks_is_the_area_under_the_curve(told):
    label, chance = told
    assert evaluation.auc(label, chance) == pytest.approx(metrics.roc_auc_score(label, chance))
    assert np.isnan(evaluation.auc(np.ones(5), chance[:5]))


def test_interval_of_an_area_holds_the_truth_and_never_claims_certainty():
    rng = np.random.default_rng(2)
    chance = rng.beta(1, 3, 200_000)
    truth = evaluation.auc((rng.random(len(chance)) < chance).astype(float), chance)
    held = 0
    for _ in range(300):
        some = rng.choice(chance, 150)
        label = (rng.random(150) < some).astype(float)
        left = int(label.sum())
        low, high = evaluation.auc_interval(evaluation.auc(label, some), left, 150 - left)
        held += low <= truth <= high
    assert held >= 275
    low, high = evaluation.auc_interval(1.0, 10, 40)
    assert 0.8 < low < 0.97 and high == 1.0
    assert evaluation.auc_interval(0.0, 10, 40) == pytest.approx((0.0, 1 - low))


def test_true_chances_promise_the_area_that_they_show():
    rng = np.random.default_rng(5)
    chance = rng.beta(1, 3, 3000).round(2)
    shown = [evaluation.auc((rng.random(3000) < chance).astype(float), chance) for _ in range(200)]
    assert evaluation.auc_if_true(chance) == pytest.approx(np.mean(shown), abs=0.003)
    assert evaluation.auc_if_true(np.full(10, 0.3)) == pytest.approx(0.5)
    assert evaluation.auc_if_true(chance[chance < 0.1]) < evaluation.auc_if_true(chance) - 0.1


def test_calibration_line_finds_the_slope_that_was_planted():
    rng = np.random.default_rng(3)
    truth = rng.normal(-1, 1.2, 20_000)
    label = (rng.random(20_000) < 1 / (1 + np.exp(-truth))).astype(float)
    honest = evaluation.calibration_line(label, 1 / (1 + np.exp(-truth)))
    assert honest["slope_low"] < 1 < honest["slope_high"] and honest["intercept_low"] < 0 < honest["intercept_high"]
    too_sure = evaluation.calibration_line(label, 1 / (1 + np.exp(-2 * truth)))
    assert too_sure["slope"] == pytest.approx(honest["slope"] / 2, rel=1e-4)
    assert evaluation.calibration_line(label, np.full(20_000, 0.3)) is None
    assert evaluation.calibration_line(np.repeat([0.0, 1.0], 50), np.repeat([0.1, 0.9], 50)) is None


@pytest.mark.parametrize("customers", [150, 2000])
def test_ece_of_the_calibrated_is_what_true_chances_show(customers):
    rng = np.random.default_rng(4)
    chance = rng.beta(1, 3, customers)
    luck = evaluation.ece_of_the_calibrated(chance, seed=0)
    shown = [evaluation.measure((rng.random(customers) < chance).astype(float), chance)["ece"] for _ in range(300)]
    assert luck["expected"] == pytest.approx(np.mean(shown), rel=0.08)
    assert luck["high"] == pytest.approx(np.quantile(shown, 0.95), rel=0.12)
