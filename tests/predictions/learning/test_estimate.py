"""What scores say of themselves is what happens if they are calibrated, and the truth finds them out if they are not."""

from __future__ import annotations

import json
from dataclasses import asdict

import numpy as np
import pytest
from scipy.special import expit, logit
from scipy.stats import binom
from sklearn import metrics

from predictions.learning import drift, estimate, features, histograms
from predictions.learning.estimate import COUNTS, FIGURES, HELD, MISSED, TOO_FEW, Scores
from predictions.learning.evidence import NotEnoughEvidence


def chances(rows: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).beta(1, 4, rows)


def outcomes(chance: np.ndarray, seed: int = 0) -> np.ndarray:
    return (np.random.default_rng([seed, 7]).random(len(chance)) < chance).astype(float)


def scores_of(*blocks: np.ndarray) -> Scores:
    scores = Scores()
    for block in blocks:
        scores.add(block)
    return scores


def exact(chance: np.ndarray, threshold: float) -> dict[str, float]:
    """The expected figures customer by customer: everybody stands twice, as a leaver of weight p, a stayer of 1 - p."""
    n, flagged = len(chance), chance >= threshold
    label, weight, twice = np.repeat([1, 0], n), np.r_[chance, 1 - chance], np.r_[chance, chance]
    leavers, own = chance.sum(), (chance * (1 - chance)).sum()
    area = metrics.roc_auc_score(label, twice, sample_weight=weight)
    pairs = leavers * (n - leavers)
    return {
        "leavers": leavers,
        "true_positives": chance[flagged].sum(),
        "false_positives": (1 - chance)[flagged].sum(),
        "false_negatives": chance[~flagged].sum(),
        "true_negatives": (1 - chance)[~flagged].sum(),
        "accuracy": metrics.accuracy_score(label, twice >= threshold, sample_weight=weight),
        "precision": metrics.precision_score(label, twice >= threshold, sample_weight=weight),
        "recall": metrics.recall_score(label, twice >= threshold, sample_weight=weight),
        "brier": own / n,
        "log_loss": metrics.log_loss(label, twice, sample_weight=weight),
        "roc_auc": (area * pairs - own / 2) / (pairs - own),  # nobody makes a pair with themself
    }


@pytest.mark.parametrize("threshold", [0.5, 0.29, 0.1])
@pytest.mark.parametrize("shape", ["usual", "few_leave", "rounded"])
def test_the_bins_say_what_every_customer_says(shape, threshold):
    rng = np.random.default_rng(4)
    chance = {
        "usual": rng.beta(1, 4, 3000),
        "few_leave": rng.beta(0.6, 25, 3000),
        "rounded": rng.beta(1, 3, 3000).round(2),  # many customers exactly on the threshold
    }[shape]
    chance[0] = 0.6  # somebody is flagged
    told, expected = estimate.estimate(scores_of(chance), threshold=threshold).figures, exact(chance, threshold)
    for name in FIGURES:
        scale = len(chance) if name in COUNTS else 1
        assert told[name] / scale == pytest.approx(expected[name] / scale, abs=1e-3), name


@pytest.fixture(scope="module")
def worlds():
    """What happened to the same 400 customers, whose chances are true, in 120 worlds."""
    chance = chances(400, seed=2)
    return [estimate.compare_with_truth(outcomes(chance, n), chance, threshold=0.3, seed=n) for n in range(120)]


def test_what_happens_averages_to_the_estimate(worlds):
    for name, told in worlds[0].estimate.figures.items():
        seen = np.array([world.figures[name] for world in worlds])
        assert told == pytest.approx(seen.mean(), abs=4 * seen.std() / np.sqrt(len(worlds))), name


def test_intervals_hold_what_happens_about_as_often_as_they_say(worlds):
    least = binom.ppf(0.001, len(worlds), 0.94)  # 400 draws place an edge to within a hundredth
    for name in FIGURES:
        told = worlds[0].estimate.intervals[name]
        assert least <= sum(told[0] <= world.figures[name] <= told[1] for world in worlds) < len(worlds), name
        # and the realised figure's own interval holds what was to be expected
        truth = worlds[0].estimate.figures[name]
        held = sum(world.intervals[name][0] <= truth <= world.intervals[name][1] for world in worlds)
        assert held >= least, name


def test_calibrated_scores_are_called_missed_in_one_comparison_of_twenty_at_most(worlds):
    assert {world.verdict for world in worlds} <= {HELD, MISSED}
    assert sum(world.verdict == MISSED for world in worlds) <= binom.isf(0.001, len(worlds), 0.05)


def test_intervals_narrow_as_customers_come():
    few, many = (estimate.estimate(scores_of(chances(rows))).intervals["roc_auc"] for rows in (300, 30_000))
    assert many[1] - many[0] < 0.2 * (few[1] - few[0])
    assert few[1] - few[0] > 0.05


def test_an_estimate_of_calibrated_scores_holds():
    chance = chances(20_000)
    held = estimate.compare_with_truth(outcomes(chance), chance, threshold=0.3)
    assert held.verdict == HELD
    assert not any(held.apart.values())
    assert held.calibration["slope_low"] < 1 < held.calibration["slope_high"]
    for name in FIGURES:
        low, high = held.intervals[name]
        assert low <= held.figures[name] <= high, name


def test_scores_that_are_too_sure_are_found_out():
    chance = chances(5000)
    found = estimate.compare_with_truth(outcomes(chance), expit(2.5 * logit(chance)))
    assert found.verdict == MISSED
    assert found.apart["brier"] and found.apart["roc_auc"] and found.apart["log_loss"]
    assert found.figures["roc_auc"] < found.estimate.intervals["roc_auc"][0]
    assert found.calibration["slope"] == pytest.approx(0.4, abs=0.05)


def test_a_month_that_is_worse_for_everybody_is_found_out():
    chance = chances(5000)
    found = estimate.compare_with_truth(outcomes(expit(logit(chance) + 0.7)), chance)
    assert found.verdict == MISSED and found.apart["leavers"]
    assert found.figures["leavers"] > found.estimate.intervals["leavers"][1]


def test_a_difference_that_is_sure_but_tiny_is_held():
    chance = chances(1_000_000)
    found = estimate.compare_with_truth(outcomes(np.clip(chance * 1.02, 0, 1)), chance)
    assert found.figures["leavers"] > found.estimate.intervals["leavers"][1]
    assert found.verdict == HELD


def test_realised_figures_are_scikit_learns():
    chance = chances(4000).round(2)
    label = outcomes(chance)
    told = estimate.compare_with_truth(label, chance, threshold=0.3).figures
    assert told["roc_auc"] == pytest.approx(metrics.roc_auc_score(label, chance))
    assert told["brier"] == pytest.approx(metrics.brier_score_loss(label, chance))
    assert told["log_loss"] == pytest.approx(metrics.log_loss(label, np.clip(chance, 1e-7, 1 - 1e-7)))
    assert told["precision"] == pytest.approx(metrics.precision_score(label, chance >= 0.3))
    assert told["recall"] == pytest.approx(metrics.recall_score(label, chance >= 0.3))
    assert [told[name] for name in ("true_negatives", "false_positives", "false_negatives", "true_positives")] == list(
        metrics.confusion_matrix(label, chance >= 0.3).ravel()
    )


def test_outcomes_not_known_yet_are_left_out_and_counted():
    chance = chances(3000)
    label = outcomes(chance)
    some = np.where(np.arange(3000) % 3 == 0, np.nan, label)
    found = estimate.compare_with_truth(some, chance)
    again = estimate.compare_with_truth(label[~np.isnan(some)], chance[~np.isnan(some)])
    assert (found.known, found.unknown, again.unknown) == (2000, 1000, 0)
    assert found.figures == again.figures and found.estimate == again.estimate


@pytest.mark.parametrize("label", [np.zeros(500), np.ones(500), np.arange(500) < 10, np.r_[1, np.full(499, np.nan)]])
def test_too_few_outcomes_of_either_kind_get_no_verdict(label):
    found = estimate.compare_with_truth(label.astype(float), chances(500))
    assert found.verdict == TOO_FEW
    assert found.calibration is None
    if len(set(label[~np.isnan(label.astype(float))])) == 1:
        assert found.figures["roc_auc"] is found.intervals["roc_auc"] is found.apart["roc_auc"] is None
    json.dumps(asdict(found), allow_nan=False)


def test_no_outcome_and_no_customer_are_refused():
    with pytest.raises(NotEnoughEvidence) as refusal:
        estimate.compare_with_truth(np.full(50, np.nan), chances(50))
    assert refusal.value.code == "no_label"
    with pytest.raises(NotEnoughEvidence) as refusal:
        estimate.estimate(Scores())
    assert refusal.value.code == "no_customers"


def test_what_is_no_chance_label_or_threshold_is_refused():
    chance = chances(50)
    for wrong in (np.nan, 1.5, -0.1):
        with pytest.raises(ValueError, match="from 0 to 1"):
            Scores().add(np.r_[chance, wrong])
        with pytest.raises(ValueError, match="threshold"):
            estimate.estimate(scores_of(chance), threshold=wrong)
    with pytest.raises(ValueError, match="label"):
        estimate.compare_with_truth(np.full(50, 2.0), chance)
    with pytest.raises(ValueError, match="label"):
        estimate.compare_with_truth(np.zeros(49), chance)


def test_nobody_flagged_has_no_precision():
    told = estimate.estimate(scores_of(np.full(200, 0.2)))
    assert (told.figures["precision"], told.intervals["precision"]) == (None, None)
    assert (told.figures["recall"], told.figures["roc_auc"]) == (0, pytest.approx(0.5))


@pytest.mark.parametrize("chance", [[0.0, 0.0], [1.0, 1.0], [0.0, 1.0], [0.3]])
def test_certain_and_single_customers_are_estimated_without_fuss(chance):
    told = estimate.estimate(scores_of(np.array(chance)))
    assert told.figures["leavers"] == pytest.approx(sum(chance))
    assert "too_few_customers" in told.warnings
    json.dumps(asdict(told), allow_nan=False)


def test_blocks_in_any_order_say_the_same():
    chance = chances(3000)
    whole, second = scores_of(chance), scores_of(chance[:700])
    first = scores_of(chance[2000:], chance[700:2000], chance[:0])
    first.merge(second)
    assert np.array_equal(first.customers, whole.customers)
    told, expected = estimate.estimate(first), estimate.estimate(whole)
    assert told.figures == pytest.approx(expected.figures)
    assert estimate.estimate(whole) == expected != estimate.estimate(whole, seed=1)


def test_an_estimate_says_what_it_presumes_and_is_plain():
    told = estimate.estimate(scores_of(chances(500)), threshold=0.12345)
    assert "calibrated" in told.presumes and "same_reasons_to_leave" in told.presumes
    assert told.warnings == ()
    assert told.threshold == 0.1234
    assert json.loads(json.dumps(asdict(told), allow_nan=False))["figures"] == told.figures


def test_scores_that_moved_much_carry_a_warning():
    values = np.random.default_rng(0).normal(size=(2000, 1))
    encoder = features.Encoder((features.Feature("usage", "numeric"),), ())
    reference = histograms.reference(encoder, values, chances(2000))
    for moved, chance, expected in (
        (values, chances(2000, 1), ()),
        (values, chances(2000, 1) ** 0.5, ("scores_moved_much",)),
        (values + 3, chances(2000, 1), ("columns_moved_much",)),
    ):
        tally = histograms.Tally(reference)
        tally.add(moved, chance)
        told = estimate.estimate(scores_of(chance), drift=drift.check(tally))
        assert told.warnings == expected
