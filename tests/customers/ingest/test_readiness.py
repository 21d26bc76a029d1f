"""Whether there is enough to learn from, what is missing, and how much more to collect."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from customers.ingest.readiness import Facts, assess, half_width, leavers_for


@pytest.mark.parametrize(
    ("facts", "verdict"),
    [
        (Facts(7043, 1869, 5174, 19), "ready"), (Facts(3150, 495, 2655, 13), "ready"), (Facts(500, 60, 440, 10), "thin"),
        (Facts(50, 20, 30, 3), "not_yet"), (Facts(0, 0, 0, 0), "not_yet"), (Facts(5000, 0, 5000, 9), "not_yet"),
        (Facts(5000, 0, 0, 9), "not_yet"), (Facts(5000, 900, 4000, 0), "not_yet"), (Facts(9000, 500, 8000, 20, months=2), "ready"),
    ],
)  # fmt: skip
def test_verdict_says_whether_there_is_enough(facts, verdict):
    assert assess(facts).verdict == verdict


def test_thin_base_is_told_what_to_collect():
    found = assess(Facts(600, 60, 440, 10, months=4, left_each_month=8.0))
    assert [(c.code, c.state, c.missing) for c in found.criteria if c.state != "met"] == [
        ("outcome_known", "below_enough", 500), ("left", "below_enough", 40), ("left_each_feature", "below_enough", 4),
        ("auc_interval", "below_enough", found.criterion("auc_interval").missing), ("months", "below_enough", 2),
    ]  # fmt: skip
    assert found.left_to_collect == found.criterion("auc_interval").missing > 40
    assert found.rows_to_collect == pytest.approx(found.left_to_collect * 500 / 60, abs=1)
    assert found.months_to_wait == -(-found.left_to_collect // 8)
    assert [left for left, _ in found.outlook] == [60, 120, 240, 600]


def test_nobody_known_to_have_left_cannot_be_extrapolated():
    found = assess(Facts(5000, 0, 5000, 9))
    assert found.rows_to_collect is None and found.months_to_wait is None and found.auc_half_width is None


def test_interval_of_the_auc_is_near_the_simulated_one():
    rng = np.random.default_rng(0)
    shift = 0.9539  # normal scores this far apart have an AUC of 0.75
    areas = [(rng.normal(shift, 1, 80)[:, None] > rng.normal(0, 1, 240)[None, :]).mean() for _ in range(1500)]
    # The formula takes exponential scores, a little wider than these: it errs on the side of collecting more
    assert 1.0 <= half_width(0.75, 80, 240) / (1.96 * np.std(areas)) <= 1.15


@given(st.floats(0.01, 0.2), st.floats(0.2, 60))
def test_that_many_leavers_are_enough_and_one_less_is_not(width, ratio):
    count = leavers_for(width, ratio)
    assert half_width(0.75, count, max(1.0, count * ratio)) <= width
    assert count == 1 or half_width(0.75, count - 1, max(1.0, (count - 1) * ratio)) > width


@given(st.integers(0, 10**6), st.integers(0, 10**6), st.integers(0, 300), st.one_of(st.none(), st.integers(0, 60)))
def test_any_base_is_assessed_and_more_never_makes_it_worse(left, stayed, features, months):
    order = ("not_yet", "thin", "ready")
    found = assess(Facts(left + stayed, left, stayed, features, months))
    more = assess(Facts(2 * (left + stayed), 2 * left, 2 * stayed, features, months))
    assert order.index(more.verdict) >= order.index(found.verdict)
    assert json.loads(json.dumps(found.to_json()))["verdict"] == found.verdict
    assert all(c.missing >= 0 for c in found.criteria)


def test_interval_of_an_auc_is_that_of_the_paper():
    assert half_width(0.8917, 51, 58) / 1.96 == pytest.approx(0.0324, abs=0.002)


def test_numbers_that_fit_no_base_are_refused():
    with pytest.raises(ValueError, match="fit no customer base"):
        Facts(10, 8, 5, 3)
