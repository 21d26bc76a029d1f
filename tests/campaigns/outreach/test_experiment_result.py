"""What a campaign did: the verdicts and their rules, money, missing outcomes, and no winner before its time."""

from __future__ import annotations

import numpy as np
import pytest

from campaigns.outreach.experiment import Costs, Design, ExperimentRefused, Outcomes, assign, measure, verdicts

KEYS = [f"C-{number:05}" for number in range(4000)]
DESIGN = Design(holdout=0.2, horizon_days=60)


def exact(left1, n1, left0, n0, **columns) -> Outcomes:
    """A campaign with exactly these counts: the treated first."""
    arm = np.r_[np.ones(n1, dtype=int), np.zeros(n0, dtype=int)]
    left = np.zeros(n1 + n0)
    left[:left1] = 1
    left[n1 : n1 + left0] = 1
    return Outcomes(arm, left, **columns)


def only(result):
    (comparison,) = result.against_holdout
    return comparison


def test_campaign_that_kept_customers():
    result = measure(exact(240, 3200, 120, 800), DESIGN, days_passed=60)
    found = only(result)
    assert result.verdict == found.verdict == verdicts.KEPT
    assert found.difference.estimate == pytest.approx(-0.075)
    assert found.kept.estimate == pytest.approx(240)
    assert found.kept.low == pytest.approx(-found.difference.high * 3200)
    assert 0 < found.kept.low < 240 < found.kept.high
    assert found.more is None and result.days_left == 0


def test_campaign_that_made_customers_leave():
    """The published telecom trial: 10.0 % of the contacted left against 6.4 % of those left alone."""
    result = measure(exact(320, 3200, 51, 800), DESIGN, days_passed=90)
    assert result.verdict == verdicts.LOST
    assert only(result).kept.high < 0


def test_campaign_that_cannot_tell_says_what_it_would_take():
    found = only(measure(exact(300, 3200, 85, 800), DESIGN, days_passed=60))
    assert found.verdict == verdicts.NOT_ENOUGH
    assert found.more.planned_for == "observed"
    assert found.more.customers == found.more.more_customers + 4000 > 4000
    given = only(measure(exact(300, 3200, 85, 800), Design(0.2, 60, worthwhile=0.02), days_passed=60))
    assert given.more.planned_for == "given" and given.more.difference == 0.02


def test_campaign_without_a_difference_worth_knowing():
    found = only(measure(exact(320, 3200, 80, 800), Design(0.2, 60, worthwhile=0.05), days_passed=60))
    assert found.verdict == verdicts.NO_DIFFERENCE and found.more is None


def test_before_the_horizon_there_is_no_difference_to_peek_at():
    early = measure(exact(100, 3200, 120, 800), DESIGN, days_passed=59)
    found = only(early)
    assert early.verdict == found.verdict == verdicts.TOO_EARLY
    assert early.days_left == 1 and early.winner is None
    assert found.difference is found.unadjusted is found.kept is found.money is found.p_adjusted is None
    assert found.provisional.high < 0  # so large that it may be said at any look, and still no verdict
    assert early.arms[1].left == 100


def test_arms_that_are_not_as_drawn_have_no_verdict():
    broken = measure(exact(240, 2700, 120, 1300), DESIGN, days_passed=60)
    assert broken.verdict == verdicts.BROKEN and only(broken).difference is None
    assert broken.ratio_p < 0.001


def test_nobody_held_out_proves_nothing():
    outcomes = Outcomes(np.ones(500, dtype=int), np.zeros(500))
    assert measure(outcomes, Design(0.0, 60), days_passed=60).verdict == verdicts.NO_HOLDOUT


def test_nobody_whose_outcome_is_known():
    outcomes = exact(0, 3200, 0, 800)
    unknown = Outcomes(outcomes.arm, np.where(outcomes.arm == 0, np.nan, 0.0))
    result = measure(unknown, DESIGN, days_passed=60)
    assert result.verdict == verdicts.NO_OUTCOMES
    assert only(result).difference is None and result.arms[0].rate is None and result.arms[0].missing == 800


def test_missing_outcomes_are_counted_and_bounded():
    outcomes = exact(240, 3200, 120, 800)
    left = outcomes.left.copy()
    left[[300, 301, 3999]] = np.nan
    found = only(measure(Outcomes(outcomes.arm, left), DESIGN, days_passed=60))
    assert found.verdict == verdicts.KEPT and found.missing.holds
    assert found.missing.lowest == pytest.approx(240 / 3200 - 121 / 800)
    assert found.missing.highest == pytest.approx(242 / 3200 - 120 / 800)
    assert found.missing.low < found.difference.low and found.missing.high > found.difference.high


def test_outcomes_missing_in_one_arm_only_take_the_verdict_away():
    outcomes = exact(240, 3200, 120, 800)
    left = outcomes.left.copy()
    left[2700:3200] = np.nan  # five hundred of the contacted are not in the newest file: did they leave?
    result = measure(Outcomes(outcomes.arm, left), DESIGN, days_passed=60)
    assert result.verdict == verdicts.UNEVEN and not only(result).missing.holds


def test_money_is_what_was_kept_less_what_it_cost():
    n1, n0 = 3200, 800
    charges = np.full(n1 + n0, 50.0)
    accepted = np.zeros(n1 + n0, dtype=bool)
    accepted[100:200] = True
    written = np.r_[np.ones(3000, dtype=bool), np.zeros(1000, dtype=bool)]
    outcomes = exact(240, n1, 120, n0, monthly_charges=charges, accepted=accepted, written=written)
    costs = Costs(contact_cost=0.1, offer_cost=20, value_months=12, margin_share=0.3)
    found = only(measure(outcomes, DESIGN, days_passed=60, costs=costs))
    assert found.money.cost == pytest.approx(3000 * 0.1 + 100 * 20)
    assert found.money.saved.estimate == pytest.approx(240 * 50 * 12 * 0.3)
    assert found.money.net.estimate == pytest.approx(found.money.saved.estimate - found.money.cost)
    assert found.money.net.high - found.money.net.low == pytest.approx(found.money.saved.high - found.money.saved.low)
    assert found.money.break_even == pytest.approx(found.money.cost / (3200 * 180))
    assert found.on_written.estimate == pytest.approx(-0.075 / (3000 / 3200))


def test_money_leaves_out_whose_charges_are_unknown_and_counts_them():
    charges = np.full(4000, 50.0)
    charges[[0, 500, 3999]] = np.nan
    outcomes = exact(240, 3200, 120, 800, monthly_charges=charges)
    money = only(measure(outcomes, DESIGN, days_passed=60, costs=Costs(0, 0, 12, 0.3))).money
    assert money.unknown == 3 and np.isfinite(money.saved.estimate)


def test_money_counts_dear_customers_for_more():
    charges = np.full(4000, 10.0)
    charges[:240] = 100.0  # of the treated the dear ones left
    outcomes = exact(240, 3200, 120, 800, monthly_charges=charges)
    found = only(measure(outcomes, DESIGN, days_passed=60, costs=Costs(0, 0, 1, 1)))
    assert found.kept.estimate > 0 > found.money.saved.estimate


def test_value_is_discounted():
    plain, discounted = Costs(0, 0, 12, 0.3), Costs(0, 0, 12, 0.3, monthly_rate=0.01)
    by_hand = sum(0.3 * 50 / 1.01**month for month in range(1, 13))
    assert plain.value(np.array([50.0, -1.0]))[0] == pytest.approx(180)
    assert discounted.value(np.array([50.0]))[0] == pytest.approx(by_hand)
    assert np.isnan(plain.value(np.array([-1.0]))[0])


def test_revenue_before_narrows_revenue_after():
    rng = np.random.default_rng(3)
    before = rng.lognormal(3, 0.6, 4000)
    after = before * 0.9 + rng.normal(0, 2, 4000)
    after[:3200] += 1.0
    plain = only(measure(exact(300, 3200, 80, 800, revenue_after=after), DESIGN, days_passed=60)).revenue
    found = only(
        measure(exact(300, 3200, 80, 800, revenue_after=after, revenue_before=before), DESIGN, days_passed=60)
    ).revenue
    assert found.low < 1.0 < found.high
    assert found.high - found.low < 0.5 * (plain.high - plain.low)


def two_messages(rates, n=9000, seed=4):
    rng = np.random.default_rng(seed)
    arm = assign([f"C{i}" for i in range(n)], salt=f"ab{seed}", holdout=0.2, variants=("a", "b"))
    return Outcomes(arm, (rng.random(n) < np.array(rates)[arm]).astype(float))


def test_better_of_two_messages_wins_when_it_is_proven():
    result = measure(two_messages((0.2, 0.18, 0.1)), Design(0.2, 60, variants=("a", "b")), days_passed=60)
    assert result.winner == 2 and result.arms[2].variant == "b"
    (pair,) = result.pairs
    assert (pair.arm, pair.against) == (2, 1) and pair.verdict == verdicts.KEPT
    assert [one.arm for one in result.against_holdout] == [1, 2]


def test_two_equal_messages_have_no_winner():
    result = measure(two_messages((0.2, 0.1, 0.1)), Design(0.2, 60, variants=("a", "b")), days_passed=60)
    assert result.winner is None
    assert {one.verdict for one in result.against_holdout} == {verdicts.KEPT}


def test_two_harmful_messages_have_no_winner():
    result = measure(two_messages((0.1, 0.3, 0.2)), Design(0.2, 60, variants=("a", "b")), days_passed=60)
    assert result.verdict == verdicts.LOST and result.winner is None
    assert result.pairs[0].verdict == verdicts.KEPT


def test_messages_that_may_differ_either_way_are_not_called_alike():
    arm = np.repeat([0, 1, 2], 1000)
    left = np.zeros(3000)
    for code, leavers in ((0, 200), (1, 100), (2, 115)):
        left[np.flatnonzero(arm == code)[:leavers]] = 1
    design = Design(1 / 3, 60, variants=("a", "b"), worthwhile=0.02)
    (pair,) = measure(Outcomes(arm, left), design, days_passed=60).pairs
    assert -pair.difference.low < 0.02 < pair.difference.high
    assert pair.verdict == verdicts.NOT_ENOUGH and pair.more.customers > 2000


def test_three_messages_without_effect_are_called_anything_in_one_campaign_of_twenty():
    design, called = Design(0.25, 60, variants=("a", "b", "c")), 0
    for seed in range(120):
        rng = np.random.default_rng(seed)
        arm = assign(KEYS[:1200], salt=f"null{seed}", holdout=0.25, variants=("a", "b", "c"))
        result = measure(Outcomes(arm, (rng.random(1200) < 0.2).astype(float)), design, days_passed=60)
        words = {one.verdict for one in (*result.against_holdout, *result.pairs)}
        called += bool(words & {verdicts.KEPT, verdicts.LOST})
    assert called / 120 <= 0.075


def test_holm_by_hand():
    assert verdicts.holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert verdicts.holm([]) == []


@pytest.mark.parametrize(
    ("make", "code"),
    [
        (lambda: Outcomes(np.zeros(3, dtype=int), np.zeros(2)), "unequal_lengths"),
        (lambda: Outcomes(np.zeros(2, dtype=int), np.array([0.0, 2.0])), "not_an_outcome"),
        (
            lambda: Outcomes(np.zeros(2, dtype=int), np.zeros(2), covariates=np.array([1.0, np.nan])),
            "unknown_covariate",
        ),
        (lambda: Design(0.1, 0), "not_a_number"),
        (lambda: Design(1.5, 60), "not_a_share"),
        (lambda: Design(0.1, 60, worthwhile=0.0), "not_a_share"),
        (lambda: Costs(-1, 0, 12, 0.3), "not_a_number"),
        (lambda: Costs(0, 0, 12, 3), "not_a_share"),
        (lambda: measure(Outcomes(np.array([0, 2]), np.zeros(2)), DESIGN, days_passed=60), "unknown_arm"),
        (lambda: measure(exact(1, 8, 1, 2), DESIGN, days_passed=60, costs=Costs((1, 2), 0, 1, 1)), "unequal_lengths"),
        (lambda: measure(exact(1, 8, 1, 2), DESIGN, days_passed=-1), "not_a_number"),
    ],
)
def test_what_is_no_experiment_is_refused(make, code):
    with pytest.raises(ExperimentRefused) as caught:
        make()
    assert caught.value.code == code


def test_campaign_of_nobody_is_measured_without_falling_over():
    result = measure(Outcomes(np.empty(0, dtype=int), np.empty(0)), DESIGN, days_passed=60)
    assert result.verdict == verdicts.NO_HOLDOUT
