"""Names stay: by value at first, by place after that; what is new, gone or no longer itself is said."""

from __future__ import annotations

import json

import numpy as np
import pytest

from segmentation.clustering import naming
from segmentation.clustering.naming import Matching

OLD = np.array([[0.0, 0.0], [4.0, 0.0], [0.0, 4.0], [4.0, 4.0]])


def test_the_first_names_follow_value():
    labels = np.array([0, 0, 1, 1, 2, 3])
    value = np.array([5.0, np.nan, 20.0, 10.0, np.nan, -1.0])
    order = naming.order_by_value(labels, value, 4)
    assert order.tolist() == [1, 0, 3, 2]
    assert naming.relabelled(labels, order).tolist() == [1, 1, 0, 0, 3, 2]
    assert naming.order_by_value(np.array([0, 1, 1]), np.array([7.0, 7.0, 7.0]), 2).tolist() == [1, 0]
    assert naming.order_by_value(np.array([0, 1, 1]), np.array([1e308, 1.5e308, 1.5e308]), 2).tolist() == [1, 0]
    assert naming.order_by_value(np.empty(0, int), np.empty(0), 2).tolist() == [0, 1]
    with pytest.raises(ValueError, match="together"):
        naming.order_by_value(labels, value[:2], 4)


def test_names_follow_the_old_centres_whatever_the_new_order():
    order = np.array([2, 0, 3, 1])
    found = naming.match(OLD, OLD[order] + 0.1)
    assert found.numbers == (3, 1, 4, 2)
    assert OLD[order][found.order].tolist() == OLD.tolist()
    assert (found.verdict, found.retired, found.ever) == ("same", (), 4)
    assert found.segments[0].distance == pytest.approx(0.1 * 2**0.5)


def test_all_pairs_together_are_nearest_not_each_by_itself():
    old, new = np.array([[0.0], [1.0]]), np.array([[0.9], [2.5]])  # 0.9 is nearest to 1, but then 0 would go to 2.5
    assert naming.match(old, new).numbers == (1, 2)


def test_a_segment_that_went_to_its_neighbours_place_is_not_what_it_was():
    moved = OLD.copy()
    moved[2] += [0.0, -2.4]
    moved[0] += [-1.2, 0.0]
    found = naming.match(OLD, moved)
    assert found.numbers == (1, 2, 3, 4)
    assert [one.verdict for one in found.segments] == ["drifted", "same", "not_what_it_was", "same"]
    assert found.verdict == "not_what_it_was"
    assert found.segments[2].drift == pytest.approx(0.6)


def test_a_further_segment_gets_a_number_that_nobody_ever_had():
    found = naming.match(OLD[:3], np.concatenate([OLD[:1], [[9.0, 9.0]], OLD[1:3]]), old_numbers=(1, 2, 5), ever=7)
    assert found.numbers == (1, 8, 2, 5)
    assert [one.verdict for one in found.segments] == ["same", "new", "same", "same"]
    assert (found.verdict, found.retired, found.ever) == ("same", (), 8)


def test_a_segment_that_is_gone_leaves_its_number():
    found = naming.match(OLD, OLD[[3, 0, 1]])
    assert (found.numbers, found.retired, found.ever) == ((4, 1, 2), (3,), 4)
    again = naming.match(OLD[[3, 0, 1]], OLD, old_numbers=found.numbers, ever=found.ever)
    assert again.numbers == (1, 2, 5, 4)


def test_one_segment_and_none_are_matched_too():
    assert naming.match(OLD[1:2], OLD[1:2] + 0.1).verdict == "same"
    first = naming.match(np.empty((0, 2)), OLD)
    assert (first.numbers, first.verdict) == ((1, 2, 3, 4), "new")
    with pytest.raises(ValueError, match="fit"):
        naming.match(OLD, OLD[:, :1])
    with pytest.raises(ValueError, match="fit"):
        naming.match(OLD, OLD, old_numbers=(1, 2))


def test_a_matching_is_stored():
    found = naming.match(OLD, OLD[[3, 0, 1]] + 0.3)
    assert Matching.from_json(json.loads(json.dumps(found.as_json()))) == found


def test_the_flow_counts_who_moved_among_the_customers_of_both():
    found = naming.flow(
        np.array([9, 1, 2, 3, 4]), np.array([2, 1, 1, 1, 2]), np.array([4, 3, 2, 1, 7, 8]), np.array([2, 2, 1, 1, 6, 6])
    )
    assert (found.olds, found.news) == ((1, 2), (1, 2, 6))
    assert found.counts == ((2, 1, 0), (0, 1, 0))
    assert (found.joined, found.left, found.common) == ((0, 0, 2), (0, 1), 4)
    assert found.stayed == 0.75
    assert json.loads(json.dumps(found.as_json()))["counts"] == [[2, 1, 0], [0, 1, 0]]


def test_swapped_names_are_one_grouping_and_nobody_stayed():
    keys = np.arange(100)
    numbers = np.where(keys < 30, 1, 2)
    found = naming.flow(keys, numbers, keys, 3 - numbers)
    assert (found.stayed, found.agreement) == (0.0, 1.0)


def test_a_flow_of_strangers_or_of_nobody_tells_no_share():
    for old, new in (([1, 2], [3, 4]), ([], [1]), ([1], []), ([], [])):
        found = naming.flow(np.array(old, int), np.ones(len(old), int), np.array(new, int), np.ones(len(new), int))
        assert (found.common, found.stayed, found.agreement) == (0, None, None)
    with pytest.raises(ValueError, match="twice"):
        naming.flow(np.array([1, 1]), np.array([1, 1]), np.array([1]), np.array([1]))
    with pytest.raises(ValueError, match="together"):
        naming.flow(np.array([1]), np.array([1, 2]), np.array([1]), np.array([1]))
