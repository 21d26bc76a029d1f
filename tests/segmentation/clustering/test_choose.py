"""Noise of many kinds is said to have no clusters, and of planted ones their number is advised."""

from __future__ import annotations

import json

import numpy as np
import pytest
from sklearn import metrics

from segmentation.clustering import choose, clusters, separation
from segmentation.clustering.choose import Choice
from segmentation.clustering.preparation import Preparation
from segmentation.clustering.reference import Reference
from tests.segmentation.clustering import planted


def chosen(values: np.ndarray, seed: int = 0, **how: object) -> Choice:
    names = [f"c{at}" for at in range(values.shape[1])]
    return choose.choose(Preparation.learn(values, names).apply(values), seed=seed, **how)


@pytest.fixture
def quick(monkeypatch):
    """The verdict without the stability, which has no say in it."""
    monkeypatch.setattr(choose, "_stability", lambda *_: (0.5, 0.0, 1.0))


@pytest.mark.parametrize("noise", planted.NOISE)
def test_noise_has_no_clusters_worth_the_name(noise, quick):
    found = chosen(noise(300, np.random.default_rng(1)), ks=(2, 3, 5, 8))
    assert (found.verdict, found.k, found.why) == ("no_clusters", None, "nothing_to_choose")


@pytest.mark.slow
@pytest.mark.parametrize("noise", planted.NOISE)
@pytest.mark.parametrize("rows", [150, 600])
def test_noise_is_called_clusters_at_most_once_in_eight(noise, rows, quick):
    verdicts = [chosen(noise(rows, np.random.default_rng(seed)), seed).verdict for seed in range(8)]
    assert verdicts.count("clusters") <= 1


@pytest.mark.parametrize("k", [2, 3, 5, 7])
def test_planted_groups_are_counted(k):
    found = chosen(planted.blobs(k, 400, seed=k))
    assert (found.verdict, found.k) == ("clusters", k)


@pytest.mark.slow
@pytest.mark.parametrize("k", [2, 3, 5, 7])
def test_groups_that_overlap_are_counted_within_one(k):
    for seed in range(5):
        found = chosen(planted.blobs(k, 800, seed, apart=4.0), seed)
        assert found.verdict == "clusters"
        assert abs(found.k - k) <= 1


def test_five_personas_are_counted_and_every_figure_is_told():
    values, _ = planted.usage(600, 0)
    fractions: list[float] = []
    found = chosen(values, progress=fractions.append)
    assert (found.verdict, found.k) == ("clusters", 5)
    assert [one.k for one in found.candidates] == list(range(2, 11))
    five = found.candidates[3]
    assert five.stability > 0.9 > found.candidates[-1].stability
    assert five.stability_low <= five.stability <= five.stability_high
    assert five.excess > found.needed
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1.0
    assert Choice.from_json(json.loads(json.dumps(found.as_json(), allow_nan=False))) == found


def test_the_same_seed_and_a_shuffled_file_give_the_same_advice():
    values, keys = planted.blobs(3, 300, 1), np.arange(300) * 5
    prepared = Preparation.learn(values, list("abcde"), keys=keys).apply(values)
    shuffled = np.random.default_rng(0).permutation(300)
    one, other = (
        choose.choose(prepared[rows], seed=1, keys=keys[rows], ks=(2, 3, 4)) for rows in (np.arange(300), shuffled)
    )
    assert one == other


def test_too_few_customers_get_no_figures():
    rng = np.random.default_rng(0)
    for prepared in (
        rng.normal(size=(0, 3)),
        rng.normal(size=(49, 3)),
        np.repeat(rng.normal(size=(15, 3)), 20, axis=0),
    ):
        found = choose.choose(prepared, seed=0)
        assert (found.verdict, found.k, found.candidates) == ("too_few", None, ())
    with pytest.raises(ValueError, match="from 2 on"):
        choose.choose(rng.normal(size=(100, 2)), seed=0, ks=(1, 2))


def test_one_column_and_very_many_are_looked_at(quick):
    rng = np.random.default_rng(0)
    two_modes = np.concatenate([rng.normal(0, 1, 200), rng.normal(8, 1, 200)])
    assert (chosen(two_modes[:, None], ks=(2, 3)).verdict, chosen(two_modes[:, None], ks=(2, 3)).k) == ("clusters", 2)
    assert chosen(rng.normal(size=(400, 1)), ks=(2, 3)).verdict == "no_clusters"
    wide = rng.normal(size=(300, 250))
    assert chosen(wide, ks=(2, 3)).verdict == "no_clusters"
    wide[:150] += 1.0
    assert chosen(wide, ks=(2, 3)).verdict == "clusters"


def test_the_reference_has_the_columns_and_the_covariance_but_not_the_groups():
    values, _ = planted.usage(4000, 2)
    sample = Preparation.learn(values, planted.NAMES).apply(values)
    drawn = Reference.of(sample, 0).draw(4000, np.random.default_rng(0))
    np.testing.assert_allclose(np.corrcoef(drawn.T), np.corrcoef(sample.T), atol=0.06)
    np.testing.assert_allclose(drawn.std(axis=0), sample.std(axis=0), rtol=0.15)
    assert (np.abs(drawn) <= np.abs(sample).max(axis=0)).all()
    noughts = np.where(np.random.default_rng(1).random((4000, 2)) < 0.6, 0.0, 1 + sample[:, :2])
    drawn = Reference.of(noughts, 0).draw(4000, np.random.default_rng(0))
    assert (drawn == 0).mean(axis=0) == pytest.approx((noughts == 0).mean(axis=0), abs=0.03)


def test_separation_is_measured_as_by_scikit_learn():
    sample = planted.blobs(4, 1234, 0, apart=3.0).astype(np.float32)
    groupings = [clusters.nearest_centres(sample, clusters.lloyd(sample, k, 0, 1)[0]) for k in (2, 4, 7)]
    expected = [metrics.silhouette_score(sample, labels) for labels in groupings]
    np.testing.assert_allclose(separation.silhouettes(sample, groupings), expected, atol=1e-3)
    for labels in groupings:
        assert separation.davies_bouldin(sample, labels) == pytest.approx(
            metrics.davies_bouldin_score(sample, labels), abs=1e-4
        )
        assert separation.adjusted_rand(labels, groupings[1]) == pytest.approx(
            metrics.adjusted_rand_score(labels, groupings[1])
        )
    alone = np.zeros(len(sample), dtype=np.int16)
    assert separation.silhouettes(sample, [alone])[0] == separation.davies_bouldin(sample, alone) == 0
    assert separation.adjusted_rand(alone, alone) == 1.0
