"""The Qini coefficient, uplift at the top and the lists, on made-up benefits whose truth is known."""

from __future__ import annotations

import numpy as np
import pytest

from campaigns.outreach.uplift import lists
from campaigns.outreach.uplift.learners import deal
from campaigns.outreach.uplift.ranking import benefit_scores, difference, rank


def trial(rng, n=3000, effect=0.05, held_out=0.2, rate=0.25):
    """score, treated, left, benefit scores by models that know nothing of the effect, and the true benefit."""
    score = rng.normal(size=n)
    risk = np.clip(rate + 0.05 * rng.normal(size=n), 0.01, 0.9)
    true = np.clip(effect * score, -0.9 + risk, risk)
    treated = rng.random(n) >= held_out
    left = (rng.random(n) < np.where(treated, risk - true, risk)).astype(float)
    benefit = benefit_scores(left, treated, np.full(n, 1 - held_out), np.full(n, rate), np.full(n, rate))
    return score, treated, left, benefit, true


def test_benefit_scores_are_right_on_average_whatever_the_models_say():
    rng = np.random.default_rng(1)
    _, treated, left, _, true = trial(rng, n=60_000, effect=0.08)
    chance = np.full(len(left), 0.8)
    for if_treated, if_alone in ((0.9, 0.1), (0.0, 0.0), (0.25, 0.25)):
        scores = benefit_scores(left, treated, chance, np.full(len(left), if_treated), np.full(len(left), if_alone))
        assert scores.mean() == pytest.approx(true.mean(), abs=0.02)


def test_benefit_scores_allow_for_campaigns_that_held_out_different_shares():
    rng = np.random.default_rng(2)
    n = 60_000
    risky = rng.random(n) < 0.5
    chance = np.where(risky, 0.9, 0.3)  # the risky were contacted more often: a plain difference is misled
    treated = rng.random(n) < chance
    left = (rng.random(n) < np.where(risky, 0.4, 0.1) - 0.05 * treated).astype(float)
    assert left[~treated].mean() - left[treated].mean() < 0
    scores = benefit_scores(left, treated, chance, np.full(n, 0.2), np.full(n, 0.2))
    assert scores.mean() == pytest.approx(0.05, abs=0.01)


def test_qini_by_hand():
    benefit = np.array([1.0, 0.0, 0.0, -1.0])
    found = rank(benefit, np.array([4.0, 3.0, 2.0, 1.0]), seed=0, bootstraps=2)
    # heights 0, 1/4, 1/4, 1/4, 0; the trapezoids' area is 3/16, and a random order's is 0
    assert found.qini.estimate == pytest.approx(3 / 16)
    assert found.gain[[0, 25, 75, 100]] == pytest.approx([0, 0.25, 0.25, 0])
    assert found.at[0.1].estimate == pytest.approx(1.0)
    backwards = rank(benefit, np.array([1.0, 2.0, 3.0, 4.0]), seed=0, bootstraps=2)
    assert backwards.qini.estimate == pytest.approx(-3 / 16)


def test_order_that_says_nothing_earns_nothing():
    benefit = np.random.default_rng(3).normal(size=500)
    found = rank(benefit, np.zeros(500), seed=0)
    assert found.qini.estimate == pytest.approx(0, abs=1e-12)
    assert found.at[0.3].estimate == pytest.approx(benefit.mean())


def test_qini_does_not_depend_on_the_order_of_rows():
    rng = np.random.default_rng(4)
    score, _, _, benefit, _ = trial(rng)
    order = rng.permutation(len(score))
    one, other = rank(benefit, score, seed=0, bootstraps=2), rank(benefit[order], score[order], seed=0, bootstraps=2)
    assert one.qini.estimate == pytest.approx(other.qini.estimate)


@pytest.mark.parametrize("effect", [0.0, 0.06])
def test_intervals_of_qini_and_of_the_top_tenth_hold_the_truth(effect):
    rng = np.random.default_rng(5)
    held = top = above = 0
    for _ in range(120):
        score, _, _, benefit, true = trial(rng, n=2000, effect=effect)
        found = rank(benefit, score, seed=0, bootstraps=200)
        places = np.argsort(np.argsort(score)) / len(score)
        held += found.qini.low <= np.cov(true, places)[0, 1] <= found.qini.high
        top += found.at[0.1].low <= true[places >= 0.9].mean() <= found.at[0.1].high
        above += found.qini.low > 0
    assert held / 120 >= 0.9 and top / 120 >= 0.9
    assert above / 120 <= 0.06 if effect == 0 else above / 120 > 0.4


def test_orders_of_the_same_customers_are_compared_pair_by_pair():
    rng = np.random.default_rng(6)
    score, _, _, benefit, _ = trial(rng, n=6000, effect=0.1)
    good, same = rank(benefit, score, seed=0), rank(benefit, score * 3 + 1, seed=0)
    blind = rank(benefit, rng.normal(size=6000), seed=0)
    assert difference(good, same).low == difference(good, same).high == 0.0
    assert difference(good, blind).low > 0


def test_lists_are_drawn_and_proven_where_contact_helps_and_harms():
    score, treated, _, benefit, true = trial(np.random.default_rng(7), n=12_000, effect=0.1)
    listed, disturbed = lists.draw_lists(score, benefit, treated)
    assert listed.proven and disturbed.proven
    assert listed.effect.low > 0 > disturbed.effect.high
    assert true[score >= listed.threshold].mean() > 0.05
    assert true[score <= disturbed.threshold].mean() < -0.05
    assert disturbed.threshold < 0 < listed.threshold
    dear, _ = lists.draw_lists(score, benefit, treated, worth=0.05)
    assert dear.threshold > listed.threshold


def test_lists_without_an_effect_are_hardly_ever_proven():
    rng = np.random.default_rng(8)
    proven = 0
    for _ in range(300):
        score, treated, _, benefit, _ = trial(rng, n=2000, effect=0.0)
        proven += any(one is not None and one.proven for one in lists.draw_lists(score, benefit, treated))
    assert proven / 300 <= 0.05


def test_small_list_is_never_proven():
    rng = np.random.default_rng(9)
    score, treated, _, benefit, _ = trial(rng, n=200, effect=0.2)
    drawn = [one for one in lists.draw_lists(score, benefit + 0.5, treated) if one is not None]
    assert drawn and drawn[0].held_out < lists.MIN_OF_EACH_ARM
    assert not drawn[0].proven


def test_folds_keep_a_customer_together_and_spread_the_strata():
    rng = np.random.default_rng(10)
    groups = rng.integers(0, 800, 2000)
    strata = (groups % 4).astype(np.int64)
    fold = deal(strata, groups, 5, seed=1)
    assert all(len(set(fold[groups == group])) == 1 for group in np.unique(groups))
    counts = np.bincount(fold, minlength=5)
    assert counts.min() > 300
    alone = deal(strata, np.arange(2000), 5, seed=1)
    per_stratum = np.histogram2d(strata, alone, bins=(4, 5))[0]
    assert (per_stratum.max(axis=1) - per_stratum.min(axis=1)).max() <= 1
