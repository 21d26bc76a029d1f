"""Columns of any unit come out comparable, what was done is told and kept, and no dirt gets through."""

from __future__ import annotations

import json

import numpy as np
import pytest

from segmentation.clustering import preparation
from segmentation.clustering.preparation import Preparation
from segmentation.clustering.refusal import ClusteringRefused
from tests.segmentation.clustering import planted


def learned(*columns: np.ndarray) -> Preparation:
    return Preparation.learn(np.stack(columns, axis=1), [f"c{at}" for at in range(len(columns))])


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def test_logarithms_are_taken_where_the_tail_is_heavy_and_nowhere_else(rng):
    n = 5000
    columns = {
        "age": rng.normal(45, 15, n),
        "even": rng.random(n) * 100,
        "counts": rng.integers(0, 5, n),
        "flag": rng.random(n) < 0.3,
        "centred": rng.normal(0, 1, n),
        "spend": np.exp(rng.normal(3, 0.6, n)),
        "small_unit": np.exp(rng.normal(3, 0.6, n)) * 1e-9,
        "waiting": rng.exponential(10, n),
        "half_noughts": np.where(rng.random(n) < 0.6, 0, np.exp(rng.normal(3, 1, n))),
        "balance": rng.standard_cauchy(n),
        "corrected": np.where(rng.random(n) < 0.002, -5, np.exp(rng.normal(3, 1, n))),
    }
    found = Preparation.learn(np.stack(list(columns.values()), axis=1).astype(float), list(columns))
    chosen = {one.name: one.transform for one in found.columns}
    assert [name for name, one in chosen.items() if one == "identity"] == ["age", "even", "counts", "flag", "centred"]
    assert [name for name, one in chosen.items() if one == "log"] == ["spend", "small_unit", "waiting", "half_noughts"]
    assert [name for name, one in chosen.items() if one == "signed_log"] == ["balance", "corrected"]


def test_units_make_no_difference(rng):
    values = np.exp(rng.normal(2, 1, (2000, 1)))
    in_bytes, in_gigabytes = (Preparation.learn(values * unit, ["data"]).apply(values * unit) for unit in (1e9, 1))
    np.testing.assert_allclose(in_bytes, in_gigabytes, atol=1e-5)


@pytest.mark.parametrize("noughts", [0.4, 0.6, 0.74, 0.76, 0.9, 0.997])
def test_a_mass_at_nought_neither_breaks_the_scale_nor_lets_one_column_decide(rng, noughts):
    n = 5000
    usual, rare = rng.normal(size=n), np.where(rng.random(n) < noughts, 0.0, np.exp(rng.normal(1, 1, n)))
    spread = learned(usual, rare).apply(np.stack([usual, rare], axis=1)).std(axis=0)
    assert spread[0] == pytest.approx(1, abs=0.05)
    assert 0.15 < spread[1] < 1.3


def test_a_few_wild_values_do_not_move_the_scale_and_are_clipped(rng):
    calm = rng.normal(50, 10, 5000)
    wild = calm.copy()
    wild[:20] = 1e9
    one, other = learned(calm).columns[0], learned(wild).columns[0]
    assert (one.centre, one.scale) == (pytest.approx(other.centre, abs=0.1), pytest.approx(other.scale, rel=0.05))
    assert np.abs(learned(wild).apply(wild[:, None])).max() == preparation.CLIP


def test_unknown_values_are_given_the_median_and_counted(rng):
    values = rng.normal(size=(1000, 2))
    values[:50, 0], values[50, 0], values[51, 0] = np.nan, np.inf, -np.inf
    found = learned(*values.T)
    assert found.imputed == {"c0": 52, "c1": 0}
    assert (found.apply(values)[:52, 0] == 0).all()
    middle = found.undo(np.zeros((1, 2)))[0, 0]
    assert middle == pytest.approx(np.nanmedian(np.where(np.isfinite(values[:, 0]), values[:, 0], np.nan)), abs=1e-9)


def test_columns_without_content_are_set_aside_by_name(rng):
    n = 100
    found = Preparation.learn(
        np.stack([np.full(n, np.nan), np.full(n, 7.0), rng.normal(size=n), np.full(n, np.inf)], axis=1), list("abcd")
    )
    assert found.set_aside == (("a", "all_missing"), ("b", "constant"), ("d", "all_missing"))
    assert (found.used, found.positions) == (("c",), (2,))
    assert found.apply(np.full((3, 4), np.nan)).shape == (3, 1)


def test_too_little_is_refused_with_facts():
    for rows in (0, 1, 9):
        with pytest.raises(ClusteringRefused) as refused:
            Preparation.learn(np.zeros((rows, 2)), ["a", "b"])
        assert (refused.value.code, refused.value.facts["rows"]) == ("too_few_rows", rows)
    with pytest.raises(ClusteringRefused) as refused:
        Preparation.learn(np.full((50, 1), 3.0), ["a"])
    assert refused.value.code == "no_features"
    assert refused.value.facts["set_aside"] == (("a", "constant"),)
    with pytest.raises(ValueError, match="columns"):
        Preparation.learn(np.zeros((50, 2)), ["a"])
    with pytest.raises(ValueError, match="one name"):
        Preparation.learn(np.zeros((50, 2)), ["a", "a"])


def test_the_largest_numbers_pass(rng):
    values = rng.choice([1e300, -1e300, 1.7e308, 5e-324, 0, 1], (200, 3))
    prepared = learned(*values.T).apply(values)
    assert np.isfinite(prepared).all()
    assert np.abs(prepared).max() <= preparation.CLIP


def test_undo_goes_back(rng):
    values, _ = planted.usage(2000, 0, missing=0)
    values = np.column_stack([values, rng.standard_cauchy(2000)])
    found = learned(*values.T)
    prepared = found.apply(values)
    inner = (np.abs(prepared) < preparation.CLIP).all(axis=1)
    np.testing.assert_allclose(found.undo(prepared[inner]), values[inner], rtol=2e-5, atol=2e-5)


def test_what_is_stored_prepares_bit_for_bit_the_same():
    values, _ = planted.usage(3000, 1)
    found = learned(*values.T)
    again = Preparation.from_json(json.loads(json.dumps(found.as_json())))
    assert again == found
    assert np.array_equal(again.apply(values), found.apply(values))
    with pytest.raises(ValueError, match="format"):
        Preparation.from_json({**found.as_json(), "format": 99})


def test_the_order_of_the_file_makes_no_difference(monkeypatch):
    monkeypatch.setattr(preparation, "_SAMPLE", 2000)
    values, _ = planted.usage(5000, 2)
    keys, shuffled = np.arange(5000) * 7, np.random.default_rng(1).permutation(5000)
    assert Preparation.learn(values, planted.NAMES, keys=keys) == Preparation.learn(
        values[shuffled], planted.NAMES, keys=keys[shuffled]
    )


def test_integers_single_precision_and_one_customer_are_prepared_too(rng):
    values = rng.integers(0, 100, (50, 2))
    found = learned(*values.T)
    assert found.apply(values).dtype == np.float32
    np.testing.assert_array_equal(found.apply(values[:1].astype(np.float32)), found.apply(values)[:1])
    assert found.apply(values[:0]).shape == (0, 2)
