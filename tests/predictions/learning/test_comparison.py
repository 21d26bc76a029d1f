"""A challenger is better than the champion only as far as the same customers show it."""

from __future__ import annotations

import json

import numpy as np
import pytest

from predictions import learning
from predictions.learning.evaluation import auc


def told(n: int, noise: float, seed: int = 0):
    """label, the true chances, and the same with noise in their log odds."""
    rng = np.random.default_rng(seed)
    logit = rng.normal(-1, 1.3, n)
    label = (rng.random(n) < 1 / (1 + np.exp(-logit))).astype(float)
    return label, 1 / (1 + np.exp(-logit)), 1 / (1 + np.exp(-logit - rng.normal(0, noise, n)))


def test_true_chances_are_measurably_better_than_noisy_ones():
    label, true, noisy = told(3000, 1.0)
    paired = learning.compare(label, true, noisy, seed=0)
    assert paired.log_loss_high < 0 < paired.roc_auc_low
    assert paired.log_loss < -2 * paired.log_loss_error
    assert paired.roc_auc == pytest.approx(auc(label, true) - auc(label, noisy))
    back = learning.compare(label, noisy, true, seed=0)
    assert (back.log_loss, back.log_loss_high) == pytest.approx((-paired.log_loss, -paired.log_loss_low))
    assert (paired.rows, paired.churners) == (3000, label.sum())


def test_a_model_does_not_differ_from_itself():
    label, true, _ = told(500, 1.0)
    paired = learning.compare(label, true, true, seed=0)
    assert (paired.log_loss, paired.log_loss_error, paired.roc_auc, paired.roc_auc_high) == (0, 0, 0, 0)


def test_intervals_of_the_difference_hold_the_truth():
    true_differences = [learning.compare(*told(200_000, 0.4, seed=9), seed=0, draws=1)]
    truth = true_differences[0]
    losses = areas = 0
    for seed in range(60):
        paired = learning.compare(*told(500, 0.4, seed=seed), seed=seed, draws=100)
        losses += paired.log_loss_low <= truth.log_loss <= paired.log_loss_high
        areas += paired.roc_auc_low <= truth.roc_auc <= paired.roc_auc_high
    assert min(losses, areas) >= 51


def test_nobody_one_class_and_one_customer_are_answered_without_numbers():
    nobody = learning.compare([], [], [], seed=0)
    assert nobody.rows == 0 and nobody.as_dict()["log_loss"] is None
    label, true, noisy = told(200, 1.0)
    one_class = learning.compare(label * 0, true, noisy, seed=0).as_dict()
    assert one_class["roc_auc"] is None and one_class["roc_auc_low"] is None and one_class["log_loss"] is not None
    alone = learning.compare(label[:1], true[:1], noisy[:1], seed=0)
    assert json.dumps(alone.as_dict(), allow_nan=False)


@pytest.mark.parametrize(
    ("label", "a", "b"),
    [([1.0, 0.0], [0.5], [0.5, 0.5]), ([np.nan], [0.5], [0.5]), ([1.0], [1.5], [0.5]), ([1.0], [0.5], [np.nan])],
)
def test_what_does_not_fit_is_refused(label, a, b):
    with pytest.raises(ValueError):
        learning.compare(label, a, b, seed=0)


def test_two_models_are_compared_on_whom_both_learned_from_by_folds_that_had_not(additive_company, race_of):
    race_of("logistic", "splines")
    frame, label, keys = additive_company
    challenger = learning.fit(frame, label, keys, seed=1)
    champion = learning.fit(frame[["charges", "contract"]][200:], label[200:], keys[200:], seed=2)
    gone = label.copy()
    gone[300:350] = np.nan
    order = np.random.default_rng(0).permutation(len(keys))
    paired = learning.compare_models(challenger, champion, frame.iloc[order], gone[order], keys[order])
    assert paired.rows == len(keys) - 250
    assert paired.log_loss_high < 0
    some = np.r_[200:300, 350 : len(keys)]
    ours, theirs = (learning.score(one, frame.iloc[some], keys[some]) for one in (challenger, champion))
    assert ours.unseen.all() and theirs.unseen.all()
    direct = learning.compare(label[some], ours.probability, theirs.probability, seed=0)
    assert direct.log_loss == pytest.approx(paired.log_loss)
    assert learning.compare_models(challenger, champion, frame[:0], label[:0], keys[:0]).rows == 0
