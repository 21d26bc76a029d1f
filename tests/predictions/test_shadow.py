"""What the challenger in the shadow would change, counted block by block."""

import numpy as np
import pytest
from scipy.stats import spearmanr

from predictions.shadow import Shadow


@pytest.fixture
def risks():
    rng = np.random.default_rng(3)
    first = rng.beta(1, 3, 5_000)
    return first, np.clip(first + rng.normal(0, 0.1, 5_000), 0, 1)


def test_blocks_make_no_difference(risks):
    whole, parts = Shadow(2, 0.3, 0.6), Shadow(2, 0.3, 0.6)
    whole.add(*risks)
    for start in range(0, 5_000, 700):
        parts.add(risks[0][start : start + 700], risks[1][start : start + 700])
    told, expected = parts.summary(), whole.summary()
    assert told.pop("apart") == pytest.approx(expected.pop("apart"))
    assert told == expected


def test_moves_between_bands_are_those_one_counts_by_hand(risks):
    shadow = Shadow(2, 0.3, 0.6)
    shadow.add(*risks)
    moves = shadow.summary()["moves"]
    assert np.sum(moves) == 5_000
    assert moves[0][2] == ((risks[0] < 0.3) & (risks[1] >= 0.6)).sum()
    assert moves[1][1] == ((risks[0] >= 0.3) & (risks[0] < 0.6) & (risks[1] >= 0.3) & (risks[1] < 0.6)).sum()


def test_order_is_the_rank_correlation(risks):
    shadow = Shadow(2, 0.3, 0.6)
    shadow.add(*risks)
    assert shadow.summary()["order"] == pytest.approx(spearmanr(*risks).statistic, abs=0.005)


def test_same_model_moves_nobody(risks):
    shadow = Shadow(2, 0.3, 0.6)
    shadow.add(risks[0], risks[0])
    told = shadow.summary()
    assert (told["apart"], told["order"]) == (0.0, pytest.approx(1.0))
    assert np.trace(told["moves"]) == 5_000


def test_nobody_is_told_as_unknown():
    assert Shadow(2, 0.3, 0.6).summary()["order"] is None
