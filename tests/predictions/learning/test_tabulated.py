"""The fast way of an additive model says what its tables say."""

import numpy as np
import pandas as pd
import pytest

from predictions import learning
from predictions.learning import reasons, tables
from predictions.learning.tabulated import Tabulated


def strangers(company, n: int = 400) -> tuple[pd.DataFrame, np.ndarray]:
    """Some that were learned from and some that were not, with what no one has seen: gaps, new levels, far numbers."""
    frame, _, keys = company
    frame = frame.iloc[:n].reset_index(drop=True).copy()
    keys = np.asarray(keys)[:n].copy()
    keys[n // 2 :] = np.arange(n - n // 2) + 10**9
    for place, name in enumerate(frame.columns):
        if pd.api.types.is_numeric_dtype(frame[name].dtype):
            frame[name] = frame[name].astype("float64")
            frame.loc[place : place + 2, name] = [np.nan, 1e12, -1e12]
        else:
            frame[name] = frame[name].astype(object)
            frame.loc[place : place + 1, name] = [None, "never seen"]
    return frame, keys


def test_scores_and_reasons_are_those_of_the_engine(additive_company, additive_fitted):
    assert additive_fitted.is_additive
    frame, keys = strangers(additive_company)
    slow = learning.score(additive_fitted, frame, keys, top=3)
    fast = Tabulated(additive_fitted).score(frame, keys, top=3)
    np.testing.assert_allclose(fast.logit, slow.logit, rtol=0, atol=1e-9)
    np.testing.assert_allclose(fast.base, slow.base, rtol=0, atol=1e-9)
    np.testing.assert_array_equal(fast.feature, slow.feature)
    np.testing.assert_allclose(fast.contribution, slow.contribution, rtol=0, atol=1e-6)
    np.testing.assert_array_equal(fast.unseen, slow.unseen)
    assert fast.unseen.any() and not fast.unseen.all()


def test_effects_at_the_very_breaks_are_those_of_the_tables(additive_fitted):
    """At bins' edges and knots, where the two ways of looking up could fall on different sides."""
    for j, feature in enumerate(additive_fitted.features):
        if feature.kind != "numeric":
            continue
        at = np.concatenate([feature.edges, feature.knots])
        at = np.concatenate([at, np.nextafter(at, np.inf), np.nextafter(at, -np.inf), [np.nan]])
        values = np.repeat(additive_fitted.encoder.reference[None, :], len(at), axis=0)
        values[:, j] = at
        for which in range(len(additive_fitted.models)):
            rows = np.full(len(at), which)
            models = [m.tables for m in additive_fitted.models]
            base, parts = tables.contributions(additive_fitted.layout, models, values, rows)
            fast_base, fast = Tabulated(additive_fitted).contributions(values, rows)
            np.testing.assert_allclose(fast, parts, rtol=0, atol=1e-9)
            np.testing.assert_array_equal(fast_base, base)


def test_probability_does_not_depend_on_whether_reasons_are_asked(additive_company, additive_fitted):
    frame, keys = strangers(additive_company)
    engine = Tabulated(additive_fitted)
    bare, told = engine.score(frame, keys, top=0), engine.score(frame, keys, top=3)
    np.testing.assert_allclose(bare.logit, told.logit, rtol=0, atol=1e-9)
    assert bare.feature.shape == (len(frame), 0)


def test_categories_are_read_like_texts(additive_company, additive_fitted):
    frame, keys = strangers(additive_company)
    coded = frame.copy()
    for name in coded.columns:
        if not pd.api.types.is_numeric_dtype(coded[name].dtype):
            coded[name] = coded[name].astype("category")
    engine = Tabulated(additive_fitted)
    np.testing.assert_array_equal(engine.score(coded, keys).logit, engine.score(frame, keys).logit)


def test_trees_are_scored_and_explained_as_well(crossed_company, crossed_fitted):
    assert not crossed_fitted.is_additive
    frame, keys = strangers(crossed_company, 60)
    slow = learning.score(crossed_fitted, frame, keys, top=3)
    engine = Tabulated(crossed_fitted)
    fast = engine.score(frame, keys, top=3)
    np.testing.assert_allclose(fast.logit, slow.logit, rtol=0, atol=1e-6)
    np.testing.assert_allclose(engine.score(frame, keys, top=0).logit, slow.logit, rtol=0, atol=1e-6)
    np.testing.assert_array_equal(fast.feature, slow.feature)


def test_frame_and_keys_of_different_lengths_are_refused(additive_fitted):
    with pytest.raises(ValueError, match="keys"):
        Tabulated(additive_fitted).score(pd.DataFrame({"x": [1.0]}), np.array([1, 2]))


def test_nobody_is_scored_without_complaint(additive_company, additive_fitted):
    frame, _, _ = additive_company
    assert len(Tabulated(additive_fitted).score(frame.iloc[:0], np.empty(0, dtype=np.int64)).logit) == 0


@pytest.mark.parametrize("top", [1, 3, 9])
def test_strongest_are_the_largest_in_their_order(top):
    parts = np.random.default_rng(0).normal(size=(500, 6))
    parts[0] = 0.0
    parts[1] = [0, 0.5, 0, -0.5, 0, 1e-12]
    feature, contribution = reasons.strongest(parts, top)
    wanted = np.argsort(-np.abs(parts.astype(np.float32)), axis=1, kind="stable")[:, :top]
    np.testing.assert_array_equal(feature[2:, : wanted.shape[1]], wanted[2:])
    assert (feature[0] == -1).all() and not contribution[0].any()
    assert feature[1].tolist()[:3] == [1, 3, -1][:top]
    assert (feature[:, 6:] == -1).all()
