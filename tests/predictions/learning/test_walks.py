"""The walk by bit masks says what the walk by predictions says, to the last digits that matter."""

import numpy as np
import pandas as pd
import pytest

from predictions.learning import features, reasons, walks
from predictions.learning.trees import Recipe, fit_grove


def company(n: int = 1500, seed: int = 0) -> tuple[pd.DataFrame, np.ndarray]:
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "tenure": rng.integers(0, 72, n).astype(float),
            "day charge": rng.gamma(3, 10, n),
            "evening charge": rng.gamma(2, 10, n),
            "night charge": rng.gamma(2, 5, n),
            "plan": rng.choice(["a", "b", "c", None], n),
            "quiet": rng.choice(["x", "y"], n),
        }
    )
    frame.loc[rng.random(n) < 0.1, "night charge"] = np.nan
    total = frame[["day charge", "evening charge"]].sum(axis=1)
    left = (total > 60) ^ ((frame["tenure"] < 12) & (frame["plan"] == "a"))
    return frame, (left ^ (rng.random(n) < 0.1)).astype(float).to_numpy()


@pytest.mark.parametrize("leaves", [4, 15, 31])
def test_steps_are_those_of_the_walk_by_predictions(leaves):
    frame, label = company()
    encoder, values = features.learn(frame)
    grove = fit_grove(encoder, values, label, Recipe(leaves, 0.1, 60, 2, column_share=0.7), seed=1)
    assert grove.sums, "the sums of columns are part of what is tested"
    some = values[:200].copy()
    some[:5] = np.nan
    some[5] = encoder.reference
    groves = [(0.7, grove), (0.3, grove)]
    base, parts = walks.walk(groves, some, encoder.reference)
    wanted_base, wanted = reasons.walk(grove.logit, some, encoder.reference)
    assert base == pytest.approx(wanted_base, abs=1e-9)
    np.testing.assert_allclose(parts, wanted, rtol=0, atol=1e-9)
    np.testing.assert_allclose(base + parts.sum(axis=1), grove.logit(some), rtol=0, atol=1e-9)
    assert not parts[5].any()


def test_blocks_do_not_show_in_the_steps(monkeypatch):
    frame, label = company()
    encoder, values = features.learn(frame)
    grove = fit_grove(encoder, values, label, Recipe(8, 0.1, 30, 1), seed=1)
    _, whole = walks.walk([(1.0, grove)], values[:100], encoder.reference)
    monkeypatch.setattr(walks, "_CELLS", 7 * (len(grove.start) - 1))
    _, in_blocks = walks.walk([(1.0, grove)], values[:100], encoder.reference)
    np.testing.assert_array_equal(whole, in_blocks)


def test_grove_without_a_split_moves_nothing():
    rng = np.random.default_rng(0)
    encoder, values = features.learn(pd.DataFrame({"noise": rng.normal(size=300)}))
    grove = fit_grove(encoder, values, np.r_[np.zeros(299), 1.0], Recipe(4, 0.1, 5, 1), seed=1)
    base, parts = walks.walk([(1.0, grove)], values[:10], encoder.reference)
    np.testing.assert_allclose(base + parts.sum(axis=1), grove.logit(values[:10]), atol=1e-9)
