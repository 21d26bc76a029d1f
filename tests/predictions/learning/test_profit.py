"""The profit curve is what adding up by hand gives, and nothing unknown is made up."""

from __future__ import annotations

import pickle
from dataclasses import replace
from decimal import Decimal
from itertools import product

import numpy as np
import pytest

from predictions.learning.profit import (
    POINTS,
    Economics,
    ProfitRefused,
    break_even_chance,
    customer_value,
    expected_profit,
    profit_curve,
)

ECONOMICS = Economics(contact_cost=1, offer_cost=10, acceptance=0.3, horizon_months=24, margin_share=0.5)


@pytest.fixture
def base():
    rng = np.random.default_rng(4)
    return rng.beta(1, 4, 3_000), rng.gamma(3, 50, 3_000)


def test_one_customer_by_hand():
    profit = expected_profit(np.array([0.4]), np.array([110.0]), ECONOMICS)
    assert profit[0] == pytest.approx(0.4 * 0.3 * 100 - 0.6 * 10 - 1)
    shy = replace(ECONOMICS, stayer_acceptance=0.25)
    assert expected_profit(np.array([0.4]), np.array([110.0]), shy)[0] == pytest.approx(12 - 0.6 * 0.25 * 10 - 1)


def test_no_other_choice_of_customers_earns_more():
    chance = np.array([0.9, 0.5, 0.3, 0.3, 0.1, 0.05, 0.6, 0.2])
    value = np.array([30.0, 200.0, 90.0, 400.0, 900.0, 100.0, 5.0, 150.0])
    each = [0.3 * p * (v - 10) - (1 - p) * 10 - 1 for p, v in zip(chance, value, strict=True)]
    totals = {choice: sum(np.array(each)[list(choice)]) for choice in product([False, True], repeat=8)}
    curve = profit_curve(chance, value, ECONOMICS)
    best = max(totals, key=totals.get)
    assert curve.best.profit == pytest.approx(totals[best])
    assert curve.best.customers == sum(best) and curve.best.share == sum(best) / 8
    assert curve.best.threshold == pytest.approx(min(np.array(each)[list(best)]))
    assert list(curve.profit) == pytest.approx([0.0, *np.cumsum(sorted(each, reverse=True))])


def test_curve_runs_from_nobody_to_everybody_and_peaks_at_its_best(base):
    curve = profit_curve(*base, ECONOMICS)
    assert len(curve.share) <= POINTS
    assert (curve.share[0], curve.profit[0], curve.share[-1]) == (0, 0, 1)
    assert curve.profit[-1] == pytest.approx(expected_profit(*base, ECONOMICS).sum())
    assert 0 < curve.best.share < 1 and curve.best.threshold > 0
    assert curve.profit.max() == curve.best.profit == curve.at(curve.best.share).profit
    assert (np.diff(np.diff(curve.profit) / np.diff(curve.customers)) <= 1e-9).all()


def test_another_share_earns_what_its_customers_would(base):
    each = np.sort(expected_profit(*base, ECONOMICS))[::-1]
    curve = profit_curve(*base, ECONOMICS)
    for share in (0.01, 0.123, 0.5, 0.777, 1):
        told = curve.at(share)
        assert told.customers == round(share * 3_000)
        assert told.profit == pytest.approx(each[: told.customers].sum(), abs=0.002 * curve.best.profit)
        assert told.profit <= curve.best.profit
    assert curve.at(0).profit == 0 and curve.at(0).threshold is None


def test_profit_rises_with_acceptance_and_falls_with_costs(base):
    def profits(name, values):
        return [profit_curve(*base, replace(ECONOMICS, **{name: value})).best.profit for value in values]

    assert (np.diff(profits("acceptance", [0, 0.1, 0.3, 0.6, 1])) > 0).all()
    assert (np.diff(profits("contact_cost", [0, 1, 5, 20])) < 0).all()
    assert (np.diff(profits("offer_cost", [0, 5, 20, 50])) < 0).all()
    assert (np.diff(profits("stayer_acceptance", [0, 0.5, 1])) < 0).all()
    assert profits("acceptance", [0]) == [0]


def test_breaking_even_earns_nothing(base):
    chance, value = base
    least = break_even_chance(value, ECONOMICS)
    can_pay = least < 1
    assert expected_profit(least[can_pay], value[can_pay], ECONOMICS) == pytest.approx(0, abs=1e-9)
    assert (expected_profit(chance, value, ECONOMICS) > 0).tolist() == (chance > least).tolist()
    assert np.isnan(break_even_chance(np.array([np.nan]), ECONOMICS)[0])
    curve = profit_curve(chance, value, ECONOMICS)
    chosen = expected_profit(chance, value, ECONOMICS) > 0
    at_that = replace(ECONOMICS, acceptance=curve.break_even_acceptance)
    assert expected_profit(chance, value, at_that)[chosen].sum() == pytest.approx(0, abs=1e-6)


def test_unknown_customers_are_counted_and_left_out(base):
    chance, value = (one.copy() for one in base)
    clean = profit_curve(chance[100:], value[100:], ECONOMICS)
    value[:60], value[60:80], chance[80:100] = np.nan, np.inf, np.nan
    curve = profit_curve(chance, value, ECONOMICS)
    assert (curve.unknown, curve.rows, clean.unknown) == (100, 2_900, 0)
    assert curve.best == clean.best


def test_nobody_is_contacted_where_it_cannot_pay(base):
    curve = profit_curve(*base, replace(ECONOMICS, acceptance=0))
    assert (curve.best.customers, curve.best.profit, curve.best.threshold) == (0, 0, None)
    assert curve.break_even_acceptance is None
    assert curve.at(1).profit < 0


def test_value_is_the_discounted_margin_of_the_months_that_count():
    by_hand = sum(0.5 * 80 / 1.01**month for month in range(1, 13))
    ours = customer_value(np.array([80.0, 80.0, 80.0]), np.array([12, 40, 0]), 0.5, 24, monthly_rate=0.01)
    assert ours.value[0] == pytest.approx(by_hand)
    assert ours.value[1] == pytest.approx(sum(0.5 * 80 / 1.01**month for month in range(1, 25)))
    assert ours.value[2] == 0
    assert customer_value([80], 2.5, 0.5, 24).value[0] == pytest.approx(100)  # a broken month, no discount
    slight = customer_value([80], 10, 0.5, 24, monthly_rate=1e-12).value[0]
    assert slight == pytest.approx(customer_value([80], 10, 0.5, 24).value[0])
    own = replace(ECONOMICS, monthly_rate=0.01).customer_value(np.array([80.0]), 12)
    assert own.value[0] == ours.value[0]


def test_unknown_charges_stay_unknown():
    charges = np.array([50.0, np.nan, -5.0, np.inf, 0.0, 50.0, 50.0])
    months = np.array([10.0, 10.0, 10.0, 0.0, 10.0, np.nan, -1.0])
    ours = customer_value(charges, months, 0.5, 24)
    assert np.isnan(ours.value).tolist() == [False, True, True, True, False, True, True]
    assert ours.unknown == 5 and ours.value[4] == 0
    assert customer_value([Decimal("50.00"), None, ""], 10, 0.5, 24).unknown == 2


@pytest.mark.parametrize(
    ("code", "field", "figure"),
    [
        ("negative", "contact_cost", -1),
        ("negative", "offer_cost", -0.01),
        ("negative", "monthly_rate", -0.01),
        ("not_a_share", "acceptance", 1.2),
        ("not_a_share", "acceptance", -0.1),
        ("not_a_share", "margin_share", 30),
        ("not_a_share", "stayer_acceptance", 2),
        ("no_horizon", "horizon_months", 0),
        ("not_a_number", "contact_cost", None),
        ("not_a_number", "offer_cost", float("nan")),
        ("not_a_number", "horizon_months", float("inf")),
        ("not_a_number", "acceptance", "a third"),
    ],
)
def test_economics_that_cannot_be_are_refused_by_code(code, field, figure):
    with pytest.raises(ProfitRefused) as refused:
        replace(ECONOMICS, **{field: figure})
    assert (refused.value.code, refused.value.facts["field"]) == (code, field)
    assert isinstance(refused.value, ValueError)
    assert pickle.loads(pickle.dumps(refused.value)).facts == refused.value.facts


def test_money_may_come_as_decimals():
    ours = replace(ECONOMICS, contact_cost=Decimal("1.50"))
    assert ours.contact_cost == 1.5 and isinstance(ours.contact_cost, float)


def test_months_must_be_as_many_as_charges():
    with pytest.raises(ProfitRefused) as refused:
        customer_value(np.ones(3), np.ones(2), 0.5, 24)
    assert refused.value.code == "unequal_lengths"


@pytest.mark.parametrize(
    ("code", "chance", "value"),
    [
        ("no_customers", [], []),
        ("no_known_value", [0.5, 0.2], [np.nan, np.nan]),
        ("no_known_value", [np.nan], [100]),
        ("unequal_lengths", [0.5], [100, 200]),
        ("chance_out_of_range", [0.5, 1.5], [100, 200]),
        ("chance_out_of_range", [-0.5, 0.5], [100, 200]),
    ],
)
def test_dirt_is_refused_by_code(code, chance, value):
    with pytest.raises(ProfitRefused) as refused:
        profit_curve(np.array(chance, dtype=float), np.array(value, dtype=float), ECONOMICS)
    assert refused.value.code == code


def test_another_share_must_be_one(base):
    with pytest.raises(ProfitRefused) as refused:
        profit_curve(*base, ECONOMICS).at(50)
    assert refused.value.code == "not_a_share"


def test_one_customer_is_a_curve():
    curve = profit_curve(np.array([0.9]), np.array([500.0]), ECONOMICS)
    assert (curve.best.customers, curve.best.share, list(curve.customers)) == (1, 1, [0, 1])
