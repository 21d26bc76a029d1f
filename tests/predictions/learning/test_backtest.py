"""What is said to have been measured was: on outcomes that chose nothing, with intervals that hold."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from predictions.learning.backtest import MIN_LEAVERS, backtest, compare_profit
from predictions.learning.empc import empc, mpc
from predictions.learning.evidence import NotEnoughEvidence
from predictions.learning.profit import Economics, ProfitRefused, expected_profit

ECONOMICS = Economics(contact_cost=1, offer_cost=10, acceptance=0.3, horizon_months=24, margin_share=0.5)


def company(rows: int = 1_500, seed: int = 2, decimals: int = 2):
    """Honest probabilities (with ties), outcomes drawn from them, values. Label, chance, value."""
    rng = np.random.default_rng(seed)
    chance = rng.beta(1, 4, rows).round(decimals)
    return (rng.random(rows) < chance).astype(float), chance, rng.gamma(3, 50, rows).round(-1)


def test_measured_curve_is_what_adding_up_outcomes_gives():
    label, chance, value = company()
    tried = backtest(label, chance, value, ECONOMICS, seed=0, draws=20)
    expected = [p * 0.3 * (v - 10) - (1 - p) * 10 - 1 for p, v in zip(chance, value, strict=True)]
    brought = [0.3 * (v - 10) - 1 if left else -11 for left, v in zip(label, value, strict=True)]
    chosen = [gain for gain, hope in zip(brought, expected, strict=True) if hope > 0]
    assert tried.realised == pytest.approx(sum(chosen))
    assert tried.contacted == len(chosen)
    assert tried.promised.best.profit == pytest.approx(sum(hope for hope in expected if hope > 0))
    at_best = list(tried.customers).index(tried.contacted)
    assert tried.profit[at_best] == pytest.approx(tried.realised)
    assert tried.profit[[0, -1]] == pytest.approx([0, sum(brought)])
    assert (tried.low <= tried.high).all() and tried.realised_low < tried.realised < tried.realised_high
    assert tried.low[at_best] <= tried.realised <= tried.high[at_best]


def test_outcomes_choose_nothing():
    label, chance, value = company()
    tried = backtest(label, chance, value, ECONOMICS, seed=0, draws=20)
    other = backtest(label[::-1].copy(), chance, value, ECONOMICS, seed=0, draws=20)
    assert tried.promised.best == other.promised.best
    assert other.realised < tried.realised  # the same customers, whose outcomes have nothing to do with them now


def test_customers_who_tie_are_measured_as_one():
    label, _, _ = company()
    tried = backtest(label, np.full(1_500, 0.5), np.full(1_500, 120.0), ECONOMICS, seed=0, draws=20)
    assert tried.profit == pytest.approx(tried.share * tried.profit[-1])
    assert tried.low == pytest.approx(tried.share * tried.low[-1])


def test_realised_profit_intervals_hold_the_truth_about_as_often_as_they_say():
    _, chance, value = company(40_000, decimals=4)
    truth = np.maximum(expected_profit(chance, value, ECONOMICS), 0).mean() * 500
    rng, held = np.random.default_rng(1), 0
    for trial in range(60):
        some = rng.integers(0, 40_000, 500)
        label = (rng.random(500) < chance[some]).astype(float)
        tried = backtest(label, chance[some], value[some], ECONOMICS, seed=trial, draws=100)
        held += tried.realised_low <= truth <= tried.realised_high
    assert held >= 51


def test_a_verdict_says_what_can_be_told():
    label, chance, value = company()
    assert backtest(label, chance, value, ECONOMICS, seed=0, draws=200).verdict == "gain"
    boast = np.clip(chance + 0.5, 0, 1)  # promises leavers that are not there
    loss = backtest(label, boast, value, replace(ECONOMICS, offer_cost=30), seed=0, draws=200)
    assert loss.verdict == "loss" and loss.realised_high < 0 < loss.promised.best.profit
    nobody = backtest(label, chance, value, replace(ECONOMICS, acceptance=0), seed=0, draws=20)
    assert (nobody.verdict, nobody.realised, nobody.realised_high, nobody.break_even) == ("nobody", 0, 0, None)
    few = backtest(label, chance, value, replace(ECONOMICS, contact_cost=70), seed=0, draws=20)
    assert few.verdict == "too_few_leavers" and 0 < few.leavers < MIN_LEAVERS and few.break_even is None


def test_nought_inside_the_interval_is_told_as_unclear():
    rng = np.random.default_rng(8)
    label = (rng.random(1_000) < 0.2).astype(float)
    chance = np.where(rng.random(1_000) < 0.5, 0.25, 0.01)  # says something, knows nothing
    value = np.full(1_000, 10 + (0.8 * 10 + 1) / (0.2 * 0.3))  # at the true rate contacting just breaks even
    tried = backtest(label, chance, value, ECONOMICS, seed=0)
    assert tried.verdict == "unclear"
    assert tried.realised_low < 0 < tried.realised_high


def test_at_the_break_even_acceptance_the_same_contacts_earn_nothing():
    label, chance, value = company()
    tried = backtest(label, chance, value, ECONOMICS, seed=0)
    point, low, high = tried.break_even
    chosen = expected_profit(chance, value, ECONOMICS) > 0
    at_that = expected_profit(label, value, replace(ECONOMICS, acceptance=point))
    assert at_that[chosen].sum() == pytest.approx(0, abs=1e-6)
    assert 0 < low < point < high < ECONOMICS.acceptance  # a gain was measured, so it lies below


def test_the_seed_decides_and_the_order_of_the_file_does_not():
    label, chance, value = company()
    order = np.random.default_rng(9).permutation(len(label))
    first = backtest(label, chance, value, ECONOMICS, seed=3, draws=30)
    again = backtest(label[order], chance[order], value[order], ECONOMICS, seed=3, draws=30)
    assert again.realised_low == pytest.approx(first.realised_low)
    assert again.low == pytest.approx(first.low) and again.profit == pytest.approx(first.profit)
    assert backtest(label, chance, value, ECONOMICS, seed=4, draws=30).realised_low != first.realised_low


def test_customers_with_an_unknown_are_counted_and_left_out():
    label, chance, value = company()
    clean = backtest(label[90:], chance[90:], value[90:], ECONOMICS, seed=0, draws=20)
    label[:30], chance[30:60], value[60:90] = np.nan, np.nan, np.nan
    tried = backtest(label, chance, value, ECONOMICS, seed=0, draws=20)
    assert (tried.rows, tried.left_out) == (1_410, 90)
    assert tried.realised == clean.realised and tried.realised_low == clean.realised_low


@pytest.mark.parametrize(("code", "outcome"), [("no_label", np.nan), ("one_class", 0.0), ("one_class", 1.0)])
def test_too_little_evidence_is_refused(code, outcome):
    _, chance, value = company()
    for measure in (
        lambda: backtest(np.full(1_500, outcome), chance, value, ECONOMICS, seed=0),
        lambda: compare_profit(np.full(1_500, outcome), {"a": chance}, value, ECONOMICS, 0),
    ):
        with pytest.raises(NotEnoughEvidence) as refused:
            measure()
        assert refused.value.code == code


def test_dirt_is_refused_by_code():
    label, chance, value = company()
    for code, arguments in (
        ("no_known_value", (label, {"a": chance}, np.full(1_500, np.nan))),
        ("unequal_lengths", (label[1:], {"a": chance}, value)),
        ("unequal_lengths", (label, {"a": chance, "b": chance[1:]}, value)),
        ("unequal_lengths", (label, {}, value)),
        ("chance_out_of_range", (label, {"a": chance * 9}, value)),
    ):
        with pytest.raises(ProfitRefused) as refused:
            compare_profit(*arguments, ECONOMICS, 0)
        assert refused.value.code == code
    few = np.where(np.arange(1_500) < 60, value, np.nan)  # labels enough, but not where the value is known
    with pytest.raises(NotEnoughEvidence):
        backtest(label, chance, few, ECONOMICS, seed=0)


def test_candidate_that_knows_more_earns_more_and_it_shows():
    label, chance, value = company(3_000)
    rng = np.random.default_rng(5)
    table = compare_profit(
        label,
        {"shuffled": rng.permutation(chance), "told": chance, "twin": chance, "rate": np.full(3_000, label.mean())},
        value,
        ECONOMICS,
        seed=0,
        draws=200,
    )
    rows = {row.name: row for row in table}
    alone = backtest(label, chance, value, ECONOMICS, seed=0, draws=2)
    assert (rows["told"].profit, rows["told"].contacted) == (pytest.approx(alone.realised), alone.contacted)
    assert [row.name for row in table][:2] == ["told", "twin"]
    assert rows["twin"].profit_difference == 0 and rows["twin"].profit_difference_interval == (0, 0)
    assert rows["twin"].ties and not rows["rate"].ties and not rows["shuffled"].ties
    assert rows["shuffled"].profit_difference_interval[1] < 0 > rows["shuffled"].empc_difference_interval[1]
    for row in table:
        assert row.hindsight >= row.profit and row.empc >= 0
        assert row.profit_difference == pytest.approx(row.profit - rows["told"].profit)


def test_with_one_value_for_all_the_figures_are_the_papers():
    label, chance, _ = company()
    (row,) = compare_profit(label, {"told": chance}, np.full(1_500, 120.0), ECONOMICS, 0, draws=20)
    assert row.empc == pytest.approx(empc(label, chance, clv=120).profit)
    assert row.hindsight == pytest.approx(1_500 * mpc(label, chance, clv=120).profit)


def test_every_candidate_is_tried_on_the_same_customers():
    label, chance, value = company()
    gappy = chance.copy()
    gappy[:200] = np.nan
    table = compare_profit(label, {"told": chance, "gappy": gappy}, value, ECONOMICS, 0, draws=20)
    assert table[0].profit == table[1].profit and table[1].ties


def test_a_long_measurement_can_be_cancelled():
    class Cancelled(Exception):
        pass

    def heartbeat():
        raise Cancelled

    with pytest.raises(Cancelled):
        backtest(*company(), ECONOMICS, seed=0, heartbeat=heartbeat)
