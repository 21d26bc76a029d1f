"""The EMPC is the paper's: it agrees with a published implementation, with brute force, and with algebra."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from predictions.learning.empc import empc, empc_of_each, mpc
from predictions.learning.profit import Economics, ProfitRefused

REFERENCE = json.loads(Path(__file__).with_name("empc_reference.json").read_text(encoding="utf-8"))
CASES = {case["name"]: case for case in REFERENCE["cases"]}


def ranking(rows: int, churners: float, separation: float, decimals: int | None, seed: int):
    """Label and score of a reference case. RandomState's stream is frozen, so they are the same for ever."""
    rng = np.random.RandomState(seed)
    label = (rng.random_sample(rows) < churners).astype(float)
    score = rng.random_sample(rows) + separation * label
    return label, score if decimals is None else np.round(score, decimals)


@pytest.fixture
def told():
    return ranking(rows=400, churners=0.2, separation=0.3, decimals=2, seed=3)


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_agrees_with_the_published_implementation(case):
    label, score = ranking(**case["recipe"])
    assert label.sum() == case["churners"], "the recipe no longer makes the rows that the reference saw"
    ours = empc(label, score, **case["parameters"])
    assert ours.profit == pytest.approx(case["empc"], abs=1e-6)
    assert ours.share == pytest.approx(case["empc_share"], abs=1e-6)
    amounts = {name: case["parameters"][name] for name in ("clv", "offer_cost", "contact_cost")}
    fixed = mpc(label, score, acceptance=case["acceptance"], **amounts)
    assert fixed.profit == pytest.approx(case["mpc"], abs=1e-6)
    assert fixed.share == pytest.approx(case["mpc_share"], abs=1e-6)
    for found, told in ((ours, case["empc_threshold"]), (fixed, case["mpc_threshold"])):
        if round(found.share * len(label)) == 0:
            assert found.threshold is None and told == 1  # a score might reach the reference's 1
        else:
            assert found.threshold == pytest.approx(told)


def test_empc_is_the_mean_over_acceptances_of_the_best_threshold():
    label = np.array([1, 0, 1, 1, 0, 0, 1, 0, 0, 0], dtype=float)
    score = np.array([9, 8, 7, 6, 6, 5, 4, 3, 3, 1], dtype=float)
    gammas = (np.arange(20_000) + 0.5) / 20_000
    best = np.zeros(len(gammas))
    for threshold in np.unique(score):
        hit = label[score >= threshold]
        kept, idle = hit.sum(), (1 - hit).sum()
        best = np.maximum(best, gammas * kept * (60 - 20) - 20 * idle - 2 * len(hit))
    by_hand = (best / len(label) * stats.beta(2, 3).pdf(gammas)).mean()
    ours = empc(label, score, alpha=2, beta=3, clv=60, offer_cost=20, contact_cost=2)
    assert ours.profit == pytest.approx(by_hand, abs=1e-5)


def test_mpc_is_the_best_of_all_thresholds(told):
    label, score = told
    by_hand, cut = 0.0, None
    for threshold in np.unique(score):
        hit = label[score >= threshold]
        profit = (0.3 * hit.sum() * (50 - 10) - 10 * (1 - hit).sum() - len(hit)) / len(label)
        if profit > by_hand:
            by_hand, cut = profit, threshold
    ours = mpc(label, score, clv=50)
    assert (ours.profit, ours.threshold) == (pytest.approx(by_hand), cut)
    assert ours.share == (score >= cut).mean()


def test_perfect_ranking_earns_the_analytic_maximum():
    label = np.repeat([1.0, 0.0], [30, 70])
    gamma = stats.beta(6, 14)
    pays = 1 / (200 - 10)  # only leavers are contacted, at one each, for 190 of those who accept
    analytic = 0.3 * (190 * gamma.expect(lambda share: share, lb=pays) - gamma.sf(pays))
    ours = empc(label, label)
    assert ours.profit == pytest.approx(analytic, abs=1e-6)
    assert ours.share == pytest.approx(0.3 * gamma.sf(pays))
    assert ours.threshold == 1


def test_ranking_backwards_earns_what_no_ranking_earns(told):
    label, score = told
    backwards, none = empc(label, -label), empc(label, np.zeros(len(label)))
    assert backwards.profit == pytest.approx(none.profit)
    assert 0 <= none.profit < empc(label, score).profit < empc(label, label).profit


def test_nobody_is_contacted_where_it_cannot_pay(told):
    for hopeless in ({"clv": 10}, {"clv": 5}, {"contact_cost": 1_000}):
        ours = empc(*told, **hopeless)
        assert (ours.profit, ours.share, ours.threshold) == (0, 0, None)


def test_empc_rises_with_acceptance_and_value_and_falls_with_costs(told):
    def rising(name, values):
        profits = [empc(*told, **{name: value}).profit for value in values]
        return bool((np.diff(profits) > 0).all())

    assert rising("alpha", [2, 4, 6, 9])
    assert rising("clv", [50, 100, 200, 400])
    assert rising("offer_cost", [40, 20, 10, 0])
    assert rising("contact_cost", [10, 5, 1, 0])


def test_only_the_order_of_the_scores_counts(told):
    label, score = told
    first = empc(label, score)
    assert empc(label, np.exp(3 * score) - 7).profit == pytest.approx(first.profit)
    assert empc(label[::-1], score[::-1]) == first
    twice = empc(np.tile(label, 2), np.tile(score, 2))
    assert (twice.profit, twice.threshold) == (pytest.approx(first.profit), first.threshold)


def test_what_each_customer_adds_makes_the_empc(told):
    costs = {"contact_cost": 1, "offer_cost": 10, "horizon_months": 12, "margin_share": 1}
    each = empc_of_each(*told, 200, Economics(acceptance=0.3, **costs))
    assert each.mean() == pytest.approx(empc(*told).profit)  # 6 and 14: a mean of 0.3 at the paper's concentration
    sure = empc_of_each(*told, 200, Economics(acceptance=1, **costs))
    assert sure.mean() == pytest.approx(mpc(*told, acceptance=1).profit)
    assert not empc_of_each(*told, 200, Economics(acceptance=0, **costs)).any()


def test_one_class_is_no_riddle():
    score = np.array([0.1, 0.5, 0.9])
    assert empc(np.zeros(3), score).profit == 0
    assert mpc(np.ones(3), score).profit == pytest.approx(0.3 * 190 - 1)


@pytest.mark.parametrize(
    ("code", "label", "score", "parameters"),
    [
        ("no_customers", [], [], {}),
        ("unequal_lengths", [1, 0], [0.5], {}),
        ("label_not_binary", [1, np.nan], [0.5, 0.2], {}),
        ("label_not_binary", [1, 2], [0.5, 0.2], {}),
        ("score_not_finite", [1, 0], [0.5, np.nan], {}),
        ("bad_parameter", [1, 0], [0.5, 0.2], {"alpha": 0}),
        ("bad_parameter", [1, 0], [0.5, 0.2], {"clv": -1}),
        ("bad_parameter", [1, 0], [0.5, 0.2], {"offer_cost": np.nan}),
    ],
)
def test_dirt_is_refused_by_code(code, label, score, parameters):
    with pytest.raises(ProfitRefused) as refused:
        empc(np.array(label, dtype=float), np.array(score, dtype=float), **parameters)
    assert refused.value.code == code
