"""The planted segments are found, whatever the seed and the order, and customers are placed as they were fitted."""

from __future__ import annotations

import json

import numpy as np
import pytest
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score

from segmentation.clustering import clusters, naming
from segmentation.clustering.clusters import Clusters
from segmentation.clustering.preparation import Preparation
from segmentation.clustering.refusal import ClusteringRefused
from tests.segmentation.clustering import planted

ROWS = 20_000


@pytest.fixture(scope="module")
def company():
    """Values, truth, keys, prepared."""
    values, truth = planted.usage(ROWS, 5)
    keys = np.random.default_rng(0).permutation(ROWS * 3)[:ROWS]
    return values, truth, keys, Preparation.learn(values, planted.NAMES, keys=keys).apply(values)


@pytest.fixture
def sampled(monkeypatch):
    """A company of 20,000 is as large to the engine as one of 200,000."""
    monkeypatch.setattr(clusters, "_SAMPLE", 5_000)
    monkeypatch.setattr(clusters, "_TRIED_ON", 2_000)


def named(values: np.ndarray, keys: np.ndarray, seed: int) -> tuple[Clusters, np.ndarray]:
    """Clusters and labels in the order of their value, as on the first run."""
    prepared = Preparation.learn(values, planted.NAMES, keys=keys).apply(values)
    found, labels = clusters.fit_and_assign(prepared, k=5, seed=seed, keys=keys)
    order = naming.order_by_value(labels, values[:, 1], 5)
    return found.reordered(order), naming.relabelled(labels, order)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_planted_segments_are_found(company, sampled, seed):
    _, truth, keys, prepared = company
    _, labels = clusters.fit_and_assign(prepared, k=5, seed=seed, keys=keys)
    assert adjusted_rand_score(truth, labels) >= 0.95


def test_another_seed_gives_the_same_labels(company, sampled):
    values, _, keys, _ = company
    labels = [named(values, keys, seed)[1] for seed in range(4)]
    assert min(np.mean(labels[0] == other) for other in labels[1:]) >= 0.99


def test_a_shuffled_file_gives_the_same_labels(company, sampled):
    values, _, keys, _ = company
    shuffled = np.random.default_rng(3).permutation(ROWS)
    (one, before), (other, after) = named(values, keys, 0), named(values[shuffled], keys[shuffled], 0)
    assert np.mean(before[shuffled] == after) >= 0.99
    np.testing.assert_allclose(one.centres, other.centres, atol=1e-5)


def test_a_tenth_more_customers_leave_the_segments_what_they_are(company, sampled):
    values, _, keys, _ = company
    more, _ = planted.usage(ROWS // 10, 99)
    _, before = named(values, keys, 0)
    _, after = named(np.concatenate([values, more]), np.concatenate([keys, 10**6 + np.arange(len(more))]), 1)
    assert np.mean(before == after[:ROWS]) >= 0.99


def test_the_fit_is_as_good_as_ten_starts_on_everybody(company, sampled):
    *_, keys, prepared = company
    peer = KMeans(5, n_init=10, random_state=0).fit(prepared)
    assert clusters.fit(prepared, k=5, seed=0, keys=keys).inertia <= peer.inertia_ * 1.002


def test_figures_are_of_everybody_and_by_the_centres_given(company, sampled):
    *_, keys, prepared = company
    found, labels = clusters.fit_and_assign(prepared, k=5, seed=0, keys=keys)
    squares = ((prepared.astype(np.float64)[:, None] - found.centres) ** 2).sum(axis=2)
    assert np.array_equal(labels, found.assign(prepared))
    assert np.mean(labels == squares.argmin(axis=1)) > 0.9999
    assert found.inertia == pytest.approx(squares.min(axis=1).sum(), rel=1e-5)
    assert found.counts.tolist() == np.bincount(labels, minlength=5).tolist()


def test_customers_are_placed_with_distance_and_margin(company):
    *_, prepared = company
    found = clusters.fit(prepared, k=5, seed=0)
    labels, distance, margin = found.place(prepared)
    squares = np.sort(np.linalg.norm(prepared.astype(np.float64)[:, None] - found.centres, axis=2), axis=1)
    assert np.array_equal(labels, found.assign(prepared))
    np.testing.assert_allclose(distance, squares[:, 0], atol=2e-3)
    np.testing.assert_allclose(margin, 1 - squares[:, 0] / squares[:, 1], atol=2e-3)
    assert 0 < np.mean(margin < clusters.BETWEEN) < 0.05
    halfway = found.centres[:2].mean(axis=0, keepdims=True).astype(np.float32)
    assert Clusters(found.centres[:2], 0.0, found.counts[:2]).place(halfway)[2][0] == pytest.approx(0, abs=1e-3)
    assert Clusters(found.centres[:1], 0.0, found.counts[:1]).place(halfway)[2].tolist() == [1.0]


def test_what_is_stored_assigns_the_same(company):
    *_, prepared = company
    found = clusters.fit(prepared, k=5, seed=0)
    again = Clusters.from_json(json.loads(json.dumps(found.as_json())))
    assert np.array_equal(again.centres, found.centres)
    assert (again.inertia, again.counts.tolist()) == (found.inertia, found.counts.tolist())
    assert np.array_equal(again.assign(prepared), found.assign(prepared))
    with pytest.raises(ValueError, match="format"):
        Clusters.from_json({**found.as_json(), "format": 0})


def test_one_customer_is_assigned_as_in_the_crowd(company):
    *_, prepared = company
    found = clusters.fit(prepared, k=5, seed=0)
    alone = np.array([found.assign(prepared[at : at + 1])[0] for at in range(500)])
    assert np.array_equal(alone, found.assign(prepared)[:500])
    assert found.assign(prepared[:0]).shape == (0,)


def test_too_few_different_customers_are_refused_with_facts():
    twins = np.repeat(np.array([[0, 0], [1, 1], [2, 0]], dtype=np.float32), 100, axis=0)
    with pytest.raises(ClusteringRefused) as refused:
        clusters.fit(twins, k=5, seed=0)
    assert (refused.value.code, refused.value.facts) == ("too_few_distinct", {"distinct": 3, "k": 5})
    assert sorted(clusters.fit(twins, k=3, seed=0).counts.tolist()) == [100, 100, 100]
    assert clusters.fit(twins, k=3, seed=0).inertia == pytest.approx(0, abs=1e-3)
    for rows in (0, 1, 4):
        with pytest.raises(ClusteringRefused, match="different customers"):
            clusters.fit(np.arange(rows * 2, dtype=np.float32).reshape(rows, 2), k=5, seed=0)
    for k in (0, 51):
        with pytest.raises(ValueError, match="not in"):
            clusters.fit(twins, k=k, seed=0)


@pytest.mark.parametrize(("rows", "columns", "k"), [(60, 1, 3), (400, 250, 7), (5, 2, 5), (50, 3, 1)])
def test_narrow_wide_and_tiny_companies_are_grouped(rows, columns, k):
    prepared = np.random.default_rng(0).standard_normal((rows, columns)).astype(np.float32)
    found, labels = clusters.fit_and_assign(prepared, k=k, seed=0)
    assert found.centres.shape == (k, columns)
    assert found.counts.sum() == len(labels) == rows
    assert (found.counts > 0).all()


def test_progress_rises_to_one(company):
    *_, prepared = company
    told: list[float] = []
    clusters.fit(prepared, k=5, seed=0, progress=told.append)
    assert told == sorted(told)
    assert told[-1] == 1.0


def test_another_order_is_one_of_all_clusters():
    found = Clusters(np.array([[0.0], [1.0]]), 0.0, np.array([3, 4]))
    assert found.reordered(np.array([1, 0])).counts.tolist() == [4, 3]
    with pytest.raises(ValueError, match="no order"):
        found.reordered(np.array([0, 0]))


def test_arguments_that_do_not_fit_are_refused(company):
    *_, prepared = company
    found = clusters.fit(prepared, k=2, seed=0)
    with pytest.raises(ValueError, match="fit"):
        found.assign(prepared[:, :3])
    with pytest.raises(ValueError, match="keys"):
        clusters.fit(prepared, k=2, seed=0, keys=np.arange(3))
