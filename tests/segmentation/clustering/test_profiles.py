"""A profile says what is so: over known values, whatever the blocks, with shares that sum to a hundred."""

from __future__ import annotations

import json

import numpy as np
import pytest

from segmentation.clustering import points, profiles
from segmentation.clustering.preparation import Preparation
from segmentation.clustering.profiles import ProfileBuilder
from tests.segmentation.clustering import planted

ROWS = 12_000


@pytest.fixture(scope="module")
def company():
    """Values with a sixth column of noise and a seventh that is constant, persona, keys, preparation."""
    values, persona = planted.usage(ROWS, 8)
    values = np.column_stack([values, np.random.default_rng(1).normal(size=ROWS), np.full(ROWS, 3.0)])
    return values, persona, np.arange(ROWS) * 3, Preparation.learn(values, (*planted.NAMES, "noise", "same"))


def profiled(company, order=slice(None), block=ROWS, seed=0, with_prepared=False):
    values, persona, keys, preparation = company
    values, persona, keys = values[order], persona[order], keys[order]
    builder = ProfileBuilder(preparation, 5, seed=seed)
    for start in range(0, ROWS, block):
        rows = slice(start, start + block)
        prepared = preparation.apply(values[rows]) if with_prepared else None
        builder.add(values[rows], persona[rows], keys[rows], prepared)
    return builder.profile()


def test_means_are_of_known_values_in_real_units(company):
    values, persona, _, _ = company
    found = profiled(company)
    assert found.counts == tuple(np.bincount(persona).tolist())
    for at, name in enumerate(planted.NAMES):
        feature = found.feature(name)
        expected = [np.nanmean(values[persona == label, at]) for label in range(5)]
        assert feature.means == pytest.approx(expected)
        assert feature.mean == pytest.approx(np.nanmean(values[:, at]))
        assert feature.known == tuple(int(np.isfinite(values[persona == label, at]).sum()) for label in range(5))


def test_importance_and_differences_are_as_by_the_book(company):
    values, persona, _, preparation = company
    prepared = preparation.apply(values).astype(np.float64)
    found = profiled(company)
    for at, name in enumerate((*planted.NAMES, "noise")):
        known = np.isfinite(values[:, at])
        column, labels = prepared[known, at], persona[known]
        inside = [column[labels == label] for label in range(5)]
        between = sum(len(one) * (one.mean() - column.mean()) ** 2 for one in inside)
        feature = found.feature(name)
        assert feature.importance == pytest.approx(between / ((column - column.mean()) ** 2).sum(), abs=1e-4)
        rest = [column[labels != label].mean() for label in range(5)]
        expected = [(one.mean() - other) / column.std() for one, other in zip(inside, rest, strict=True)]
        assert feature.differences == pytest.approx(expected, abs=1e-3)
        assert all(0 <= one <= 1 for one in feature.radar)
    assert found.features[-1].name == "noise"
    assert found.features[-1].importance < 0.01
    assert found.features[0].importance > 0.8


def test_blocks_and_their_order_make_no_difference(company):
    whole = profiled(company)
    for other in (
        profiled(company, block=777),
        profiled(company, order=np.random.default_rng(0).permutation(ROWS), block=5000, with_prepared=True),
    ):
        assert (other.counts, other.shares) == (whole.counts, whole.shares)
        for one in whole.features:
            same = other.feature(one.name)
            assert (same.points, same.quartiles, same.known) == (one.points, one.quartiles, one.known)
            assert same.means == pytest.approx(one.means)
            assert same.differences == pytest.approx(one.differences, abs=1e-5)


def test_points_are_at_most_two_thousand_of_every_segment_and_by_the_seed(company):
    values, persona, _, _ = company
    found = profiled(company)
    for at, name in enumerate(planted.NAMES):
        drawn = found.feature(name).points
        assert 1_900 < len(drawn.values) == len(drawn.labels) == len(drawn.keys) <= points.MAX_POINTS
        rows = np.array(drawn.keys) // 3
        assert values[rows, at].tolist() == list(drawn.values)
        assert persona[rows].tolist() == list(drawn.labels)
        assert np.bincount(drawn.labels) / len(drawn.labels) == pytest.approx(np.bincount(persona) / ROWS, abs=0.02)
    assert profiled(company).features == found.features
    assert profiled(company, seed=1).feature("age").points != found.feature("age").points


def test_a_tiny_segment_has_its_points_too():
    counts = points.quotas(np.array([1_000_000, 30, 5, 0]))
    assert counts.tolist()[1:] == [20, 5, 0]
    assert counts.sum() <= points.MAX_POINTS
    assert points.quotas(np.array([3, 4])).tolist() == [3, 4]
    assert points.quotas(np.full(50, 10_000)).sum() <= points.MAX_POINTS


def test_quartiles_are_near_those_of_everybody(company):
    values, persona, _, _ = company
    told = profiled(company).feature("age").quartiles
    for label in range(5):
        expected = np.nanquantile(values[persona == label, 0], points.QUARTILES)
        assert told[label] == pytest.approx(expected, abs=1.0)


def test_a_segment_of_nobody_and_a_column_that_is_not_known_there_tell_nothing(company):
    values, _, keys, preparation = company
    values = values[:300].copy()
    labels = np.repeat([0, 1], 150)
    values[labels == 1, 0] = np.nan
    builder = ProfileBuilder(preparation, 3)
    builder.add(values, labels, keys[:300])
    age = builder.profile().feature("age")
    assert age.known == (int(np.isfinite(values[:150, 0]).sum()), 0, 0)
    assert [one is None for one in age.means] == [False, True, True]
    assert age.differences == (None, None, None)
    assert age.importance == 0.0
    assert age.quartiles[1] is None
    assert 1 not in age.points.labels
    empty = ProfileBuilder(preparation, 2).profile()
    assert (empty.counts, empty.shares, empty.features[0].mean) == ((0, 0), (0.0, 0.0), None)
    json.dumps(empty.as_json(), allow_nan=False)


def test_profiles_are_fit_for_json_even_of_the_largest_numbers():
    values = np.random.default_rng(0).choice([1e300, -1e300, np.inf, np.nan, 1.0, 0.0], (200, 2))
    builder = ProfileBuilder(Preparation.learn(values, ["a", "b"]), 2)
    builder.add(values, np.arange(200) % 2, np.arange(200))
    json.dumps(builder.profile().as_json(), allow_nan=False)


def test_what_does_not_fit_together_is_refused(company):
    values, persona, keys, preparation = company
    with pytest.raises(ValueError, match="together"):
        ProfileBuilder(preparation, 5).add(values, persona[:3], keys)


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        ([1, 1, 1], (33.4, 33.3, 33.3)),
        ([2, 1], (66.7, 33.3)),
        ([0, 5], (0.0, 100.0)),
        ([], ()),
        ([0, 0], (0.0, 0.0)),
        ([1, 999_999], (0.0, 100.0)),
    ],
)
def test_shares_sum_to_a_hundred(counts, expected):
    assert profiles.shares(np.array(counts, dtype=np.int64)) == expected


def test_shares_sum_to_exactly_a_hundred_whatever_the_counts():
    rng = np.random.default_rng(0)
    for _ in range(300):
        counts = rng.integers(0, 10 ** rng.integers(1, 13), rng.integers(1, 12))
        told = profiles.shares(counts + (counts.sum() == 0))
        assert sum(round(one * 10) for one in told) == 1000
