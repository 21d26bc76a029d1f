"""The allocation is the best of all in small companies, keeps every limit in large ones, and its prices are what more would earn."""

from __future__ import annotations

import pickle
from decimal import Decimal
from itertools import product

import numpy as np
import pytest
from scipy.optimize import Bounds, LinearConstraint, milp

from predictions.learning.profit import Economics, expected_profit
from segmentation.clustering.allocation import AllocationRefused, Expected, Limits, allocate, budget_curve
from segmentation.clustering.allocation_terms import Offer, Rule, eligibility, expected

OFFERS = [
    Offer("call", effect=0.12, contact_cost=2, offer_cost=0),
    Offer("data", effect=0.2, contact_cost=0.5, offer_cost=6.35, stayer_acceptance=0.6),
    Offer("month", effect=0.3, contact_cost=0.5, offer_cost=15, stayer_acceptance=0.9),
    Offer("phone", effect=0.45, contact_cost=1, offer_cost=60, acceptance=0.6, stayer_acceptance=0.7),
    Offer("tariff", effect=0.25, contact_cost=1, offer_cost=3, stayer_acceptance=0.4, price_share=0.05),
]


def company(customers: int, *, seed: int = 3, counts: str = "reserved"):
    rng = np.random.default_rng(seed)
    table = expected(rng.beta(1, 4, customers), rng.gamma(3, 60, customers), OFFERS, counts=counts)
    return table, rng.random((customers, len(OFFERS))) < 0.6


def tables(profit, cost) -> Expected:
    profit, cost = np.asarray(profit, dtype=float), np.asarray(cost, dtype=float)
    return Expected(profit, cost, np.abs(profit) / 100, cost / 2)


def best_of_all(table: Expected, eligible: np.ndarray, limits: Limits) -> float:
    """The largest profit of any assignment, by looking at each."""
    n, m = table.profit.shape
    rooms = limits.rooms(m)
    cost = np.rint(table.cost * 1000).astype(int)
    choices = [[-1, *(j for j in range(m) if eligible[i, j] and table.profit[i, j] > 0)] for i in range(n)]
    top = 0.0
    for offers in product(*choices):
        given = [(i, j) for i, j in enumerate(offers) if j >= 0]
        if sum(cost[pair] for pair in given) > np.round(rooms[0] * 1000) or len(given) > rooms[1]:
            continue
        if all(offers.count(j) <= rooms[2 + j] for j in range(m)):
            top = max(top, sum(table.profit[pair] for pair in given))
    return top


def check(found, table: Expected, limits: Limits, eligible: np.ndarray) -> None:
    """Every limit is kept, counted here anew, and the figures are those of the offers."""
    rows = np.flatnonzero(found.offer >= 0)
    offers = found.offer[rows]
    assert eligible[rows, offers].all() and (table.profit[rows, offers] > 0).all()
    spent = sum(Decimal(int(x)) for x in np.rint(table.cost[rows, offers] * 1000)) / 1000
    assert found.cost == spent
    assert limits.budget is None or spent <= Decimal(str(limits.budget))
    assert limits.customers is None or len(rows) <= limits.customers
    counts = np.bincount(offers, minlength=table.profit.shape[1])
    for most in (limits.stock, limits.caps):
        assert most is None or all(top is None or count <= top for count, top in zip(counts, most, strict=True))
    assert list(found.counts) == list(counts) and found.customers == len(rows)
    assert found.profit == pytest.approx(table.profit[rows, offers].sum())
    assert found.kept == pytest.approx(table.kept[rows, offers].sum())
    assert found.outlay == pytest.approx(table.outlay[rows, offers].sum())
    assert found.profit <= found.bound and 0 <= found.gap <= 1


@pytest.mark.parametrize("seed", range(6))
def test_small_companies_get_the_best_of_all_allocations(seed):
    rng = np.random.default_rng(seed)
    for case in range(30):
        n, m = int(rng.integers(1, 8)), int(rng.integers(1, 4))
        table = tables(rng.normal(5, 10, (n, m)).round(2), rng.integers(0, 20, (n, m)) / (1, 8, 1000)[case % 3])
        eligible = rng.random((n, m)) < 0.8
        limits = Limits(
            budget=round(float(rng.uniform(0, 60)) / (1, 8, 1000)[case % 3], 3) if rng.random() < 0.8 else None,
            customers=int(rng.integers(0, n + 1)) if rng.random() < 0.4 else None,
            stock=[int(x) if x < 4 else None for x in rng.integers(0, 7, m)],
            caps=[int(x) if x < 4 else None for x in rng.integers(1, 9, m)],
        )
        found = allocate(table, limits, eligible=eligible)
        check(found, table, limits, eligible)
        assert found.profit == pytest.approx(best_of_all(table, eligible, limits), abs=1e-9)
        assert found.gap == 0


def test_alike_customers_and_small_money_are_no_exception():
    for n, budget in product(range(1, 7), (0, 0.1, 0.3, 0.7, 1.1)):
        table = tables(np.full((n, 2), (3.0, 5.0)), np.full((n, 2), (0.1, 0.2)))
        limits, everybody = Limits(budget=budget, stock=[None, 2]), np.ones((n, 2), dtype=bool)
        found = allocate(table, limits)
        check(found, table, limits, everybody)
        assert found.profit == pytest.approx(best_of_all(table, everybody, limits))


@pytest.mark.parametrize("seed", range(3))
def test_a_few_hundred_customers_get_what_one_integer_program_over_all_of_them_finds(seed):
    table, eligible = company(150, seed=seed)
    limits = Limits(budget=400, customers=60, stock=[None, 9, None, 2, None])
    n, m = table.profit.shape
    rows = [table.cost.ravel(), np.ones(n * m), *np.tile(np.eye(m), n), *np.kron(np.eye(n), np.ones(m))]
    tops = [*limits.rooms(m), *np.ones(n)]
    best = milp(
        -table.profit.ravel(),
        integrality=np.ones(n * m),
        bounds=Bounds(0, (eligible & (table.profit > 0)).ravel()),
        constraints=LinearConstraint(np.array(rows), ub=tops),
        options={"mip_rel_gap": 0},
    )
    found = allocate(table, limits, eligible=eligible)
    check(found, table, limits, eligible)
    assert found.profit == pytest.approx(-best.fun, rel=1e-9) and found.gap == 0


def limits_of(table: Expected, eligible: np.ndarray, *, budget: float = 0.3) -> Limits:
    free = allocate(table, eligible=eligible)
    stock = [int(x * 0.4) if j % 2 else None for j, x in enumerate(free.counts)]
    return Limits(
        budget=round(float(free.cost) * budget, 2),
        customers=free.customers * 3 // 4,
        stock=stock,
        caps=[None, *[20_000] * 4],
    )


@pytest.mark.parametrize("counts", ["reserved", "expected"])
def test_a_hundred_thousand_customers_keep_every_limit_within_a_thousandth_of_the_bound(counts):
    table, eligible = company(100_000, counts=counts)
    limits = limits_of(table, eligible)
    found = allocate(table, limits, eligible=eligible)
    check(found, table, limits, eligible)
    assert found.gap <= 1e-4
    assert found.cost >= Decimal(str(limits.budget)) * Decimal("0.999")  # the budget is used
    assert found.budget_binds and found.budget_price > 0
    if counts == "reserved":
        assert found.outlay < found.cost
    # What the price promises for a little more is what a little more earns: concave, so between the two prices.
    step = found.marginal.step
    more = allocate(table, Limits(limits.budget + step, *_rest(limits)), eligible=eligible)
    earned = (more.bound - found.bound) / step
    assert more.budget_price - 1e-6 <= earned <= found.budget_price + 1e-6
    assert found.marginal.by == "relaxation"
    assert found.marginal.profit == pytest.approx(100 * earned, rel=1e-3)
    assert found.marginal.kept == pytest.approx(100 / step * (more.kept - found.kept), rel=0.2)


def _rest(limits: Limits) -> tuple:
    return limits.customers, limits.stock, limits.caps


@pytest.mark.parametrize("seed", range(3))
def test_alike_customers_by_the_thousand_do_not_widen_the_gap(seed):
    rng = np.random.default_rng(seed)
    chance, value = rng.integers(1, 8, 12_000) / 10, rng.integers(1, 5, 12_000) * (100.0 if seed else 0.0) + 100
    table = expected(chance if seed < 2 else np.full(12_000, 0.4), value, OFFERS)
    eligible = np.ones(table.profit.shape, dtype=bool)
    limits = limits_of(table, eligible)
    found = allocate(table, limits, eligible=eligible)
    check(found, table, limits, eligible)
    assert found.gap <= 1e-3


def test_shuffled_customers_get_the_same_offers():
    rng = np.random.default_rng(8)
    for n, keys in ((12, [f"C{i:02d}" for i in range(12)]), (4_000, np.arange(4_000) * 7)):
        chance, value = rng.integers(1, 5, n) / 10, rng.integers(1, 4, n) * 100.0  # many are alike
        keys, order = np.asarray(keys), rng.permutation(n)
        limits = Limits(budget=9.0 * n / 4, stock=[None, n // 5, n // 9, 1, None])
        first = allocate(expected(chance, value, OFFERS), limits, keys=keys)
        again = allocate(expected(chance[order], value[order], OFFERS), limits, keys=keys[order])
        assert list(first.offer[order]) == list(again.offer)
        assert first.profit == pytest.approx(again.profit)


def test_a_small_company_is_told_what_the_next_step_keeps_by_allocating_it():
    table, eligible = company(300)
    limits = Limits(budget=900)
    found = allocate(table, limits, eligible=eligible)
    more = allocate(table, Limits(budget=1000), eligible=eligible)
    assert (found.marginal.code, found.marginal.by, found.marginal.per) == ("more_keeps", "allocation", 100)
    assert found.marginal.profit == pytest.approx(more.profit - found.profit, abs=1e-6)
    assert found.marginal.kept == pytest.approx(more.kept - found.kept, abs=1e-6)
    assert found.marginal.enough == pytest.approx(float(allocate(table, eligible=eligible).cost))


def test_a_budget_that_does_not_bind_says_so():
    table, eligible = company(300)
    free = allocate(table, eligible=eligible)
    assert free.marginal.code == "no_budget" and not free.budget_binds
    ample = allocate(table, Limits(budget=free.cost), eligible=eligible)
    assert (ample.marginal.code, ample.marginal.profit, ample.budget_price) == ("budget_does_not_bind", 0, 0)
    assert list(ample.offer) == list(free.offer) and not ample.budget_binds
    assert allocate(table, Limits(budget=free.cost - Decimal("0.001")), eligible=eligible).budget_binds


def test_what_runs_out_is_named_and_priced():
    table = tables(np.tile([9.0, 4.0, 3.0], (6, 1)) + np.arange(6)[:, None] / 10, np.ones((6, 3)))
    found = allocate(table, Limits(stock=[2, 5, None], caps=[3, 1, None]))
    assert found.bound_by == ("stock", "cap", "") and list(found.counts) == [2, 1, 3]
    assert list(found.offer_prices) == pytest.approx([6, 1, 0])
    assert not found.customers_bind and allocate(table, Limits(customers=2)).customers_bind


def test_curve_rises_ever_more_slowly_to_what_is_enough():
    table, eligible = company(3_000)
    curve = budget_curve(table, Limits(stock=[None, 100, None, 20, None]), points=6, eligible=eligible)
    assert len(curve.budget) == 6 and curve.budget[0] == curve.profit[0] == curve.kept[0] == 0
    assert curve.budget[-1] == curve.enough == curve.cost[-1]
    assert (curve.cost <= curve.budget).all() and (np.diff(curve.kept) > 0).all()
    slopes = np.diff(curve.bound) / np.diff(curve.budget)
    assert (np.diff(slopes) < 1e-9).all() and (slopes > 0).all()
    assert (curve.profit >= curve.bound * 0.999).all()
    assert len(budget_curve(table, budgets=[50], eligible=eligible).profit) == 1


def test_nobody_nothing_and_no_gain_are_allocations_too():
    nothing = np.zeros((4, 2), dtype=bool)
    for table, limits, eligible in (
        (tables(np.empty((0, 2)), np.empty((0, 2))), Limits(budget=10, stock=[1, None]), None),
        (tables(np.empty((4, 0)), np.empty((4, 0))), Limits(budget=10), None),
        (tables(np.ones((4, 2)), np.ones((4, 2))), Limits(budget=0), None),
        (tables(np.ones((4, 2)), np.ones((4, 2))), Limits(customers=0), None),
        (tables(np.ones((4, 2)), np.ones((4, 2))), Limits(budget=10, stock=[0, 0]), None),
        (tables(np.ones((4, 2)), np.ones((4, 2))), Limits(budget=10), nothing),
        (tables(-np.ones((4, 2)), np.ones((4, 2))), Limits(budget=10), None),
        (tables(np.zeros((4, 2)), np.zeros((4, 2))), Limits(budget=10), None),
    ):
        found = allocate(table, limits, eligible=eligible)
        assert (found.offer == -1).all() and len(found.offer) == len(table.profit)
        assert (found.profit, found.cost, found.kept, found.gap, found.customers) == (0, 0, 0, 0, 0)
    free_of_charge = allocate(tables(np.ones((4, 1)), np.zeros((4, 1))), Limits(budget=0))
    assert free_of_charge.customers == 4 and not free_of_charge.budget_binds


def test_thousandths_add_up_and_fractions_of_them_are_rounded_against_the_budget():
    ten = tables(np.ones((10, 1)), np.full((10, 1), 0.1))
    assert allocate(ten, Limits(budget=1)).customers == 10  # 0.1 ten times is 1, whatever floats say
    assert allocate(ten, Limits(budget=Decimal("0.9999"))).customers == 9
    assert allocate(tables(np.ones((10, 1)), np.full((10, 1), 0.10001)), Limits(budget=1)).cost == Decimal("0.909")


def test_profit_is_that_of_the_profit_page():
    rng = np.random.default_rng(1)
    chance, value = rng.random(50), rng.gamma(3, 50, 50)
    said = Economics(2, 12, acceptance=0.3, horizon_months=12, margin_share=0.5, stayer_acceptance=0.7)
    table = expected(chance, value, [Offer("one", 0.3, 2, 12, stayer_acceptance=0.7)])
    assert table.profit[:, 0] == pytest.approx(expected_profit(chance, value, said))
    assert table.kept[:, 0] == pytest.approx(0.3 * chance) and (table.cost == 14).all()


def test_one_offer_by_hand():
    offer = Offer("one", 0.2, contact_cost=1, offer_cost=10, acceptance=0.5, stayer_acceptance=0.4, price_share=0.1)
    table = expected(np.array([0.25]), np.array([1000.0]), [offer])
    outlay = 1 + 10 * (0.25 * 0.5 + 0.75 * 0.4)
    assert table.outlay[0, 0] == pytest.approx(outlay)
    assert table.profit[0, 0] == pytest.approx(0.25 * 0.2 * 900 - 0.75 * 0.4 * 100 - outlay)
    assert expected([0.25], [1000.0], [offer], counts="expected").cost[0, 0] == 5.25


def test_gender_never_decides_and_age_only_when_a_person_approved():
    for field in ("gender", "customer_gender", "Sexe", "genre"):
        with pytest.raises(AllocationRefused) as refused:
            Rule("call", field, among=frozenset({"F"}), approved_by="Olfa")
        assert refused.value.code == "gender_decides"
    for field in ("age", "age_group", "SeniorCitizen", "birth_date"):
        with pytest.raises(AllocationRefused) as refused:
            Rule("call", field, at_least=60, approved_by=" ")
        assert refused.value.code == "age_not_approved"
    columns = {"age": np.array([70, 20, None]), "contract": np.array(["month", "year", "month"], dtype=object)}
    rules = [Rule("call", "age", at_least=60, approved_by="Olfa"), Rule("data", "contract", among=frozenset({"month"}))]
    may = eligibility(3, OFFERS, rules, columns)
    assert may[:, 0].tolist() == [True, False, False] and may[:, 1].tolist() == [True, False, True]
    assert may[:, 2:].all()
    assert Rule("call", "percentage", below=5).allows(np.array([1, 5, np.nan])).tolist() == [True, False, False]


ONES = np.ones((2, 1))
REFUSALS = {
    "not_finite": [
        lambda: expected([0.1, np.nan], [1, 1], OFFERS),
        lambda: expected([0.1, 0.2], [1, np.inf], OFFERS),
        lambda: tables([[np.nan]], [[1]]),
        lambda: tables([[1]], [[np.inf]]),
    ],
    "chance_out_of_range": [lambda: expected([1.2], [1], OFFERS)],
    "negative": [
        lambda: expected([0.2], [-1], OFFERS),
        lambda: tables([[1]], [[-1]]),
        lambda: Offer("x", 0.1, -1, 1),
        lambda: allocate(tables(ONES, ONES), Limits(budget=-1)),
        lambda: allocate(tables(ONES, ONES), Limits(stock=[-1])),
    ],
    "not_a_number": [
        lambda: Offer("x", np.nan, 1, 1),
        lambda: Offer("x", 0.1, "much", 1),
        lambda: allocate(tables(ONES, ONES), Limits(budget=np.inf)),
        lambda: allocate(tables(ONES, ONES), Limits(budget=Decimal("NaN"))),
    ],
    "not_a_share": [lambda: Offer("x", 1.1, 1, 1)],
    "effect_above_acceptance": [lambda: Offer("x", 0.3, 1, 1, acceptance=0.2)],
    "unknown_counts": [lambda: expected([0.1], [1], OFFERS, counts="hoped")],
    "too_dear": [lambda: tables([[1]], [[1e12]])],
    "too_many_offers": [lambda: tables(np.ones((1, 1_001)), np.ones((1, 1_001)))],
    "unequal_lengths": [
        lambda: expected([0.1], [1, 2], OFFERS),
        lambda: Expected(ONES, ONES, ONES, ONES.T),
        lambda: allocate(tables(ONES, ONES), Limits(stock=[1, 2])),
        lambda: allocate(tables(ONES, ONES), keys=[1]),
        lambda: eligibility(2, OFFERS, [Rule("call", "tenure", below=3)], {"tenure": np.ones(3)}),
    ],
    "not_eligibility": [
        lambda: allocate(tables(ONES, ONES), eligible=np.ones((1, 2), dtype=bool)),
        lambda: allocate(tables(ONES, ONES), eligible=ONES),
    ],
    "duplicate_keys": [lambda: allocate(tables(ONES, ONES), keys=["a", "a"])],
    "bad_step": [lambda: allocate(tables(ONES, ONES), per=0)],
    "unknown_offer": [lambda: eligibility(2, OFFERS, [Rule("gift", "tenure", below=3)], {})],
    "unknown_field": [lambda: eligibility(2, OFFERS, [Rule("call", "tenure", below=3)], {})],
}


@pytest.mark.parametrize(("code", "attempt"), [(code, each) for code, some in REFUSALS.items() for each in some])
def test_what_cannot_be_reckoned_with_is_refused_by_a_code(code, attempt):
    with pytest.raises(AllocationRefused) as refused:
        attempt()
    assert refused.value.code == code
    again = pickle.loads(pickle.dumps(refused.value))
    assert (again.code, again.message, again.facts) == (code, refused.value.message, refused.value.facts)


@pytest.mark.slow
def test_a_million_customers_and_stock_of_a_few_leave_no_gap_either():
    table, eligible = company(1_000_000)
    limits = Limits(budget=400_000, customers=60_000, stock=[5, None, 3_000, 40, 1])
    found = allocate(table, limits, eligible=eligible)
    check(found, table, limits, eligible)
    assert found.gap <= 1e-4
