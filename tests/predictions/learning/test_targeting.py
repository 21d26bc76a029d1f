"""What is told to somebody who acts on the riskiest first is what they would meet."""

from __future__ import annotations

import numpy as np
import pytest

from predictions.learning import targeting


@pytest.fixture
def told():
    rng = np.random.default_rng(0)
    chance = rng.beta(1, 3, 3000)
    return (rng.random(3000) < chance).astype(float), chance


def test_lift_table_counts_everybody_once(told):
    label, chance = told
    table = targeting.lift_table(label, chance, seed=0)
    assert [row["part"] for row in table] == list(range(1, 11))
    assert sum(row["customers"] for row in table) == 3000
    assert sum(row["left"] for row in table) == label.sum()
    assert table[-1]["capture"] == 1.0
    assert np.mean([row["lift"] for row in table]) == pytest.approx(1.0)
    riskiest = np.argsort(-chance)[:300]
    assert table[0]["left"] == label[riskiest].sum()
    for row in table:
        assert row["low"] <= row["rate"] <= row["high"] and row["capture_low"] <= row["capture"] <= row["capture_high"]


def test_lift_and_capture_intervals_hold_the_truth():
    rng = np.random.default_rng(1)
    chance = np.sort(rng.beta(1, 3, 100_000))[::-1]
    base, top = chance.mean(), chance[:10_000]
    lift, capture = top.mean() / base, top.sum() / chance.sum()
    lifts = captures = 0
    for trial in range(200):
        some = rng.choice(chance, 600)
        first = targeting.lift_table((rng.random(600) < some).astype(float), some, seed=trial)[0]
        lifts += first["lift_low"] <= lift <= first["lift_high"]
        captures += first["capture_low"] <= capture <= first["capture_high"]
    assert min(lifts, captures) >= 185


def test_a_file_in_order_of_who_left_gives_no_lift_to_ties():
    label = np.repeat([1.0, 0.0], [500, 1500])
    table = targeting.lift_table(label, np.full(2000, 0.25), seed=0)
    assert 0.75 < table[0]["lift"] < 1.3
    assert targeting.most_worried(label, np.full(2000, 0.25), seed=0)["left"] < 45


def test_of_the_hundred_most_at_risk_so_many_left(told):
    label, chance = told
    worried = targeting.most_worried(label, chance, seed=0)
    assert worried["customers"] == 100
    assert worried["left"] == label[np.argsort(-chance)[:100]].sum()
    assert 0 < worried["low"] < worried["share"] < worried["high"] < 1
    assert targeting.most_worried(label[:600], chance[:600], seed=0)["customers"] == 60
    assert targeting.most_worried(label[:4], chance[:4], seed=0)["customers"] == 1


def test_as_many_are_called_as_left(told):
    label, chance = told
    at_base_rate, at_half = targeting.confusions(label, chance)
    assert at_base_rate["true_positives"] + at_base_rate["false_positives"] == label.sum()
    assert at_base_rate["metrics"]["precision"] == at_base_rate["metrics"]["recall"]
    assert at_half["threshold"] == 0.5
    for table in (at_base_rate, at_half):
        names = ("true_positives", "false_positives", "false_negatives", "true_negatives")
        assert sum(table[name] for name in names) == 3000
        for name, value in table["metrics"].items():
            low, high = table["intervals"][name]
            assert low <= value <= high
    given = targeting.confusions(label, chance, 0.3)[-1]
    assert (given["rule"], given["true_positives"]) == ("given", ((chance >= 0.3) & (label == 1)).sum())


@pytest.mark.parametrize(
    ("chances", "left", "called"),
    [
        ([0.9, 0.5, 0.5, 0.5, 0.1], 1, 1),
        ([0.9, 0.5, 0.5, 0.5, 0.1], 2, 1),
        ([0.9, 0.5, 0.5, 0.5, 0.1], 3, 4),
        ([0.3] * 5, 2, 5),
    ],
)
def test_ties_are_called_together_or_not_at_all(chances, left, called):
    label = np.r_[np.ones(left), np.zeros(5 - left)]
    threshold = targeting.base_rate_threshold(label, np.array(chances))
    assert (np.array(chances) >= threshold).sum() == called


def test_precision_is_unknown_where_nobody_is_called(told):
    label, chance = told
    table = targeting.confusion(label, chance / 10, 0.5, rule="half")
    assert table["metrics"]["precision"] is None and table["intervals"]["precision"] is None
    assert table["metrics"]["recall"] == 0 and table["intervals"]["recall"][1] > 0
