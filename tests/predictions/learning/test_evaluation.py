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
