"""Intervals: published figures, coverage by reckoning and by drawing, and the rules that were fixed beforehand."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from campaigns.outreach.experiment import adjustment, means, power, sequence, shares, written
from campaigns.outreach.experiment.refusal import ExperimentRefused

SIZES = ((90, 10), (180, 20), (450, 50), (50, 50), (200, 200))


@pytest.mark.parametrize(
    ("counts", "ends"),
    [  # Newcombe (1998), Table II, methods 5 (Mee) and 10; Miettinen and Nurminen differ from Mee by N / (N - 1) only
        ((56, 70, 48, 80), (0.0528, 0.3382)),
        ((9, 10, 3, 10), (0.1700, 0.8406)),
        ((10, 10, 0, 20), (0.7156, 1.0)),
    ],
)
def test_miettinen_nurminen_gives_the_published_ends(counts, ends):
    assert shares.miettinen_nurminen(*counts) == pytest.approx(ends, abs=0.0006)


@pytest.mark.parametrize(("counts", "ends"), [((56, 70, 48, 80), (0.0524, 0.3339)), ((9, 10, 3, 10), (0.1705, 0.8090))])
def test_newcombe_gives_the_published_ends(counts, ends):
    assert shares.newcombe(*counts) == pytest.approx(ends, abs=0.0001)


@pytest.mark.parametrize("method", [shares.miettinen_nurminen, shares.newcombe])
def test_coverage_reckoned_exactly_is_right_for_small_counts(method):
    covered, kept = [], []
    for n1, n0 in SIZES:
        left1, left0 = np.arange(n1 + 1)[:, None], np.arange(n0 + 1)[None, :]
        low, high = method(left1, n1, left0, n0)
        for rate in (0.05, 0.1, 0.265, 0.4):
            for relative in (1.0, 0.8, 0.6, 1.3):
                true = rate * relative - rate
                chance = stats.binom.pmf(left1, n1, rate * relative) * stats.binom.pmf(left0, n0, rate)
                covered.append(float(chance[(low <= true + 1e-9) & (high >= true - 1e-9)].sum()))
                if relative == 1.0:
                    kept.append(float(chance[high < 0].sum()))
    assert np.mean(covered) >= 0.95 and min(covered) >= 0.93
    assert max(kept) <= 0.05


def test_test_and_interval_never_disagree():
    rng = np.random.default_rng(5)
    for _ in range(150):
        n1, n0 = rng.integers(5, 400, 2)
        one = shares.share_difference(int(rng.binomial(n1, 0.15)), int(n1), int(rng.binomial(n0, 0.25)), int(n0))
        assert (one.p_value < 0.05) == (one.high < 0 or one.low > 0)
        assert one.low <= one.estimate <= one.high


def test_one_table_and_many_tables_have_the_same_ends():
    for counts in ((56, 70, 48, 80), (10, 10, 0, 20), (0, 90, 0, 10), (90, 90, 10, 10), (0, 10, 10, 10), (1, 1, 0, 1)):
        one = shares.share_difference(*counts)
        assert [one.low, one.high] == pytest.approx(
            [float(end) for end in shares.miettinen_nurminen(*counts)], abs=1e-8
        )


def test_nobody_left_in_either_arm_is_no_certainty():
    nothing = shares.share_difference(0, 90, 0, 10)
    assert nothing.estimate == 0 and nothing.low < -0.2 and nothing.high > 0.03 and nothing.p_value == 1.0


def test_counts_that_cannot_be_are_an_error():
    with pytest.raises(ValueError, match="more left"):
        shares.share_difference(11, 10, 0, 10)
    with pytest.raises(ValueError, match="at least one"):
        shares.share_difference(0, 0, 0, 10)


@pytest.mark.parametrize(("n1", "n0"), [(450, 50), (1800, 200), (200, 200)])
@pytest.mark.parametrize("spread", [0.7, 1.5])
def test_money_with_a_long_tail_and_a_small_holdout_is_covered(n1, n0, spread):
    """Welch alone holds the truth 87 to 91 times in a hundred with a tenth held out."""
    rng = np.random.default_rng(7)
    held = 0
    for _ in range(300):
        one, other = (-1.0 * (rng.random(n) < 0.1) * rng.lognormal(3, spread, n) for n in (n1, n0))
        found = means.mean_difference(one, other)
        held += found.low <= 0 <= found.high
    assert held / 300 >= 0.93


def test_money_interval_allows_for_a_spread_that_contact_changed():
    rng = np.random.default_rng(8)
    held = 0
    for _ in range(400):
        found = means.mean_difference(rng.normal(0, 1, 50), rng.normal(0, 5, 40))
        held += found.low <= 0 <= found.high
    assert held / 400 >= 0.93


def test_money_without_customers_or_values():
    assert means.mean_difference(np.array([1.0]), np.array([1.0, 2.0])) is None
    with pytest.raises(ExperimentRefused, match="known values"):
        means.mean_difference(np.array([1.0, np.nan]), np.array([1.0, 2.0]))
    still = means.mean_difference(np.ones(5), np.ones(5))
    assert (still.low, still.estimate, still.high) == (0.0, 0.0, 0.0)


def test_cuped_narrows_and_keeps_the_mean():
    rng = np.random.default_rng(9)
    before = rng.lognormal(3, 0.5, 2000)
    after = before * 0.9 + rng.normal(0, 3, 2000)
    cleaned = means.cuped(after, before[:, None])
    assert cleaned.mean() == pytest.approx(after.mean())
    assert cleaned.std() < 0.4 * after.std()


def drawn(rng, n, effect=0.0, strength=1.5):
    """left, treated, score: a tenth held out, a score that foretells leaving."""
    score = rng.normal(size=n)
    chance = 1 / (1 + np.exp(1.5 - strength * score))
    treated = rng.random(n) >= 0.1
    left = (rng.random(n) < np.where(treated, chance * (1 - effect), chance)).astype(float)
    return left, treated, np.c_[score, chance], float((-chance * effect).mean())


def test_adjusted_difference_covers_and_is_narrower():
    rng = np.random.default_rng(10)
    held, narrower = 0, []
    for _ in range(300):
        left, treated, covariates, true = drawn(rng, 1500, effect=0.25)
        found = adjustment.adjusted_difference(left, treated, covariates)
        raw = shares.share_difference(
            int(left[treated].sum()), int(treated.sum()), int(left[~treated].sum()), int((~treated).sum())
        )
        held += found.low <= true <= found.high
        narrower.append((found.high - found.low) / (raw.high - raw.low))
    assert held / 300 >= 0.93
    assert np.mean(narrower) < 0.9


def test_adjustment_takes_out_unlucky_lots():
    rng = np.random.default_rng(11)
    raw, adjusted = [], []
    for _ in range(40):
        left, _, covariates, _ = drawn(rng, 2000)
        unlucky = rng.random(2000) < 1 / (1 + np.exp(-0.5 * covariates[:, 0]))  # the treated were likelier to leave
        raw.append(left[unlucky].mean() - left[~unlucky].mean())
        adjusted.append(adjustment.adjusted_difference(left, unlucky, covariates).estimate)
    assert np.mean(raw) > 0.08 and abs(np.mean(adjusted)) < 0.01


def test_covariate_that_repeats_another_changes_nothing():
    rng = np.random.default_rng(12)
    left, treated, covariates, _ = drawn(rng, 1000)
    once = adjustment.adjusted_difference(left, treated, covariates)
    doubled = np.c_[covariates, covariates[:, :1] * 3 + 1, np.full(1000, 4.0)]
    again = adjustment.adjusted_difference(left, treated, doubled)
    assert (again.estimate, again.low, again.high) == pytest.approx((once.estimate, once.low, once.high), abs=1e-6)


def test_whether_to_adjust_does_not_depend_on_which_arm_is_which():
    rng = np.random.default_rng(13)
    left, treated, covariates, _ = drawn(rng, 2000, effect=0.5)
    arm = treated.astype(int)
    assert adjustment.decide(left, arm, covariates) == adjustment.decide(left, 1 - arm, covariates)
    assert adjustment.decide(left, arm, covariates).used


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda left, arm, x: (left, arm, None), "no_covariates"),
        (lambda left, arm, x: (left[:60], arm[:60], x[:60]), "few_outcomes"),
        (lambda left, arm, x: (left, arm, np.repeat(x, 20, axis=1)), "few_customers"),
        (lambda left, arm, x: (left, arm, np.random.default_rng(1).normal(size=x.shape)), "foretells_little"),
    ],
)
def test_covariates_are_left_alone_where_they_would_not_help(change, why):
    left, treated, covariates, _ = drawn(np.random.default_rng(14), 2000)
    decision = adjustment.decide(*change(left, treated.astype(int), covariates))
    assert not decision.used and decision.why == why


def test_unknown_covariate_is_refused_by_its_place():
    left, treated, covariates, _ = drawn(np.random.default_rng(15), 200)
    covariates[7, 1] = np.nan
    with pytest.raises(ExperimentRefused) as caught:
        adjustment.adjusted_difference(left, treated, covariates)
    assert caught.value.code == "unknown_covariate" and caught.value.facts == {"column": 1, "rows": 1}


def test_effect_on_the_written_is_found_where_those_who_opt_out_differ():
    """Those who cannot be written to leave more: comparing the written with the holdout would flatter contact."""
    rng = np.random.default_rng(16)
    held, flattered = 0, []
    for _ in range(200):
        reachable = rng.random(3000) < 0.6
        treated = rng.random(3000) < 0.7
        chance = np.where(reachable, 0.2, 0.4) - 0.08 * (reachable & treated)
        left = (rng.random(3000) < chance).astype(float)
        got = reachable & treated
        found = written.effect_on_written(left[treated], got[treated], left[~treated], got[~treated])
        held += found.low <= -0.08 <= found.high
        flattered.append(left[got].mean() - left[~treated].mean())
    assert held / 200 >= 0.92
    assert np.mean(flattered) < -0.14


def test_effect_on_the_written_is_not_told_where_hardly_anybody_was():
    rng = np.random.default_rng(17)
    left = (rng.random(200) < 0.3).astype(float)
    got = np.zeros(100, dtype=bool)
    got[0] = True
    assert written.effect_on_written(left[:100], got, left[100:], np.zeros(100, dtype=bool)) is None


def looks(rng, n, chance, days=60):
    """How many have left by each day, at an even pace."""
    pace = 1 - (1 - chance) ** (1 / days)
    return np.cumsum(np.bincount(np.minimum(rng.geometric(pace, n), days + 1), minlength=days + 2))[1 : days + 1]


def test_daily_looks_fool_the_ordinary_interval_but_not_the_provisional_one():
    rng = np.random.default_rng(18)
    fooled = ordinary = 0
    for _ in range(80):
        left1, left0 = looks(rng, 900, 0.2), looks(rng, 300, 0.2)
        low, high = shares.miettinen_nurminen(left1, 900, left0, 300)
        ordinary += bool(((low > 0) | (high < 0)).any())
        seen = [sequence.provisional_difference(int(a), 900, int(b), 300) for a, b in zip(left1, left0, strict=True)]
        fooled += any(one.low > 0 or one.high < 0 for one in seen)
    assert ordinary / 80 > 0.15
    assert fooled / 80 <= 0.05


def test_provisional_interval_holds_the_truth_on_all_days_at_once():
    rng = np.random.default_rng(19)
    missed = 0
    for _ in range(80):
        left1, left0 = looks(rng, 900, 0.12), looks(rng, 100, 0.2)
        for day, (a, b) in enumerate(zip(left1, left0, strict=True), start=1):
            true = (1 - 0.88 ** (day / 60)) - (1 - 0.8 ** (day / 60))
            one = sequence.provisional_difference(int(a), 900, int(b), 100)
            if not one.low <= true <= one.high:
                missed += 1
                break
    assert missed / 80 <= 0.05


def test_provisional_interval_finds_a_large_effect():
    one = sequence.provisional_difference(300, 9000, 150, 1000)
    assert one.high < 0 and one.method == "any_time"
    assert sequence.provisional_difference(0, 0, 1, 10) is None


def test_smallest_difference_is_found_as_often_as_it_says():
    least = power.smallest_difference(1800, 200, 0.2)
    rng = np.random.default_rng(20)
    left1, left0 = rng.binomial(1800, 0.2 - least, 4000), rng.binomial(200, 0.2, 4000)
    _, high = shares.miettinen_nurminen(left1, 1800, left0, 200)
    assert (high < 0).mean() == pytest.approx(0.8, abs=0.04)


def test_customers_needed_is_the_inverse_of_the_smallest_difference():
    needed = power.customers_needed(0.1, 0.02, 0.1)
    least = power.smallest_difference(needed - round(needed * 0.1), round(needed * 0.1), 0.1)
    assert least == pytest.approx(0.02, abs=0.0001)
    # Fleiss, Levin and Paik's own formula for equal groups: 0.1 against 0.08
    by_hand = (1.959964 * np.sqrt(2 * 0.09 * 0.91) + 0.841621 * np.sqrt(0.1 * 0.9 + 0.08 * 0.92)) ** 2 / 0.02**2
    assert power.customers_needed(0.1, 0.02, 0.5) == pytest.approx(2 * by_hand, rel=0.001)


def test_what_cannot_be_seen_is_told_as_none():
    assert power.smallest_difference(20, 5, 0.05) is None
    assert power.customers_needed(0.1, 0.2, 0.1) is None
    assert power.more_needed(900, 100, 0.1, -0.01, "observed", 60) is None


def test_more_customers_or_a_longer_horizon():
    more = power.more_needed(900, 100, 0.1, 0.03, "given", 60)
    assert more.customers > 1000 and more.more_customers == more.customers - 1000
    assert more.days is None or more.days > 60
    enough = power.more_needed(90_000, 10_000, 0.1, 0.03, "given", 60)
    assert enough.more_customers == 0 and enough.days == 60
