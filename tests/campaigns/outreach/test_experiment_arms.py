"""The lots: sticky, fair, keyed, independent of each other; and whether arms came out as drawn."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from scipy import stats

from campaigns.outreach.experiment import arms
from campaigns.outreach.experiment.refusal import ExperimentRefused

KEYS = [f"C-{number:06}" for number in range(20_000)]


def test_same_customer_has_same_arm_in_any_order_and_company():
    whole = arms.assign(KEYS, salt="spring", holdout=0.1, variants=("a", "b"))
    order = np.random.default_rng(1).permutation(len(KEYS))
    shuffled = arms.assign([KEYS[i] for i in order], salt="spring", holdout=0.1, variants=("a", "b"))
    assert (shuffled == whole[order]).all()
    assert (arms.assign(KEYS[500:600], salt="spring", holdout=0.1, variants=("a", "b")) == whole[500:600]).all()


def test_arms_are_the_same_in_another_process():
    told = "from campaigns.outreach.experiment import assign; print(*assign([str(i) for i in range(200)], salt='s', holdout=.3))"
    others = subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, check=True)
    here = arms.assign([str(i) for i in range(200)], salt="s", holdout=0.3)
    assert others.stdout.split() == [str(arm) for arm in here]


def test_arms_have_their_shares():
    arm = arms.assign(KEYS, salt="spring", holdout=0.1, variants=("a", "b", "c"), shares=(0.5, 0.25, 0.25))
    expected = arms.arm_shares(0.1, ("a", "b", "c"), (0.5, 0.25, 0.25))
    assert expected == pytest.approx([0.1, 0.45, 0.225, 0.225])
    assert arms.sample_ratio_mismatch(np.bincount(arm, minlength=4), expected) > 0.001


def test_two_campaigns_draw_independent_lots():
    one = arms.assign(KEYS, salt="spring", holdout=0.2) == arms.HELD_OUT
    other = arms.assign(KEYS, salt="summer", holdout=0.2) == arms.HELD_OUT
    assert stats.chi2_contingency(np.histogram2d(one, other, bins=2)[0]).pvalue > 0.001


def test_larger_holdout_keeps_the_old_one_and_moves_nobody_between_messages():
    small = arms.assign(KEYS, salt="spring", holdout=0.1, variants=("a", "b"))
    large = arms.assign(KEYS, salt="spring", holdout=0.3, variants=("a", "b"))
    assert (large[small == arms.HELD_OUT] == arms.HELD_OUT).all()
    stayed = large != arms.HELD_OUT
    assert (large[stayed] == small[stayed]).all()


def test_arm_is_not_foretold_by_the_key():
    arm = arms.assign(KEYS, salt="spring", holdout=0.5)
    parity = np.arange(len(KEYS)) % 2
    assert stats.chi2_contingency(np.histogram2d(arm, parity, bins=2)[0]).pvalue > 0.001


def test_universal_control_rotates():
    autumn = arms.universal_control(KEYS, salt="atlas", period="2026-Q4", share_held=0.05)
    winter = arms.universal_control(KEYS, salt="atlas", period="2027-Q1", share_held=0.05)
    assert autumn.mean() == pytest.approx(0.05, abs=0.006)
    assert (autumn & winter).mean() == pytest.approx(0.0025, abs=0.0015)
    assert (autumn == arms.universal_control(KEYS, salt="atlas", period="2026-Q4", share_held=0.05)).all()


def test_universal_control_is_not_the_holdout_of_a_campaign_with_the_same_salt():
    held = arms.assign(KEYS, salt="atlas", holdout=0.2) == arms.HELD_OUT
    control = arms.universal_control(KEYS, salt="atlas", period="", share_held=0.2)
    assert (held & control).mean() == pytest.approx(0.04, abs=0.006)


def test_naive_salts_do_not_run_together():
    one = arms.universal_control(KEYS, salt="a", period="bc", share_held=0.5)
    other = arms.universal_control(KEYS, salt="ab", period="c", share_held=0.5)
    assert 0.45 < (one == other).mean() < 0.55


def test_odd_keys_have_arms_too():
    odd = ["é", "e\u0301", "\ud800", "0", "' OR 1=1", "x" * 10_000]
    assert len(arms.assign(odd, salt="s" * 500, holdout=0.5)) == len(odd)


def test_nobody_is_no_campaign_but_no_error():
    assert arms.assign([], salt="s", holdout=0.1).shape == (0,)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"salt": ""}, "no_salt"),
        ({"holdout": 1.0}, "not_a_share"),
        ({"holdout": -0.1}, "not_a_share"),
        ({"holdout": float("nan")}, "not_a_number"),
        ({"variants": ()}, "no_variants"),
        ({"variants": ("a", "a")}, "same_variant"),
        ({"shares": (0.5, 0.5)}, "unequal_lengths"),
        ({"variants": ("a", "b"), "shares": (1.0, 0.0)}, "not_a_share"),
        ({"keys": ["C-1", ""]}, "empty_key"),
        ({"keys": ["C-1", None]}, "empty_key"),
    ],
)
def test_lots_that_cannot_be_drawn_are_refused(changes, code):
    asked = {"keys": ["C-1"], "salt": "s", "holdout": 0.1} | changes
    with pytest.raises(ExperimentRefused) as caught:
        arms.assign(asked.pop("keys"), **asked)
    assert caught.value.code == code


def test_mismatch_is_seen_where_somebody_fell_out_of_one_arm_only():
    healthy, broken = (1000, 9000), (1000, 7500)
    assert arms.sample_ratio_mismatch(healthy, (0.1, 0.9)) > 0.9
    assert arms.sample_ratio_mismatch(broken, (0.1, 0.9)) < arms.MISMATCH


def test_mismatch_of_small_arms_is_exact():
    assert arms.sample_ratio_mismatch((0, 20), (0.1, 0.9)) == pytest.approx(stats.binomtest(0, 20, 0.1).pvalue)
    three = arms.sample_ratio_mismatch((2, 10, 9), (0.1, 0.45, 0.45))
    assert three > 0.5
    assert arms.sample_ratio_mismatch((10, 5, 6), (0.1, 0.45, 0.45)) < 0.001


def test_customer_in_an_arm_without_a_share_is_a_mismatch():
    assert arms.sample_ratio_mismatch((1, 99), (0.0, 1.0)) == 0.0
    assert arms.sample_ratio_mismatch((0, 0), (0.1, 0.9)) == 1.0


def test_mismatch_is_rarely_called_when_there_is_none():
    p = np.array(
        [
            arms.sample_ratio_mismatch(
                np.bincount(arms.assign(KEYS[:400], salt=f"s{i}", holdout=0.1), minlength=2), (0.1, 0.9)
            )
            for i in range(300)
        ]
    )
    assert (p < 0.05).mean() < 0.09 and (p < arms.MISMATCH).mean() <= 0.01
