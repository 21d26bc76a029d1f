"""Large companies are reckoned on two processors, to the same numbers."""

import numpy as np
import pytest

from segmentation.clustering import clusters, threads
from segmentation.clustering.preparation import Preparation
from segmentation.clustering.sampling import key_hashes, sample_rows

NAMES = ("age", "volume_data", "nombre_sms")


def some_values(n: int = 6_000) -> np.ndarray:
    r = np.random.default_rng(3)
    values = np.exp(r.standard_normal((n, len(NAMES))) + r.integers(0, 3, n)[:, None] * 2)
    values[r.random(values.shape) < 0.05] = np.nan
    return values


def found(values: np.ndarray) -> tuple:
    preparation = Preparation.learn(values, NAMES)
    prepared = preparation.apply(values)
    fitted, labels = clusters.fit_and_assign(prepared, k=3, seed=1)
    return preparation.as_json(), prepared, fitted.centres, fitted.counts, labels


def test_two_processors_find_what_one_finds(monkeypatch):
    values = some_values()
    alone = found(values)
    monkeypatch.setattr(threads, "WORTH_IT", 10)
    together = found(values)
    assert together[0] == alone[0]
    assert (together[1] == alone[1]).all() and (together[4] == alone[4]).all()
    assert together[2] == pytest.approx(alone[2]) and (together[3] == alone[3]).all()
    again = found(values)
    assert all(np.array_equal(one, other) for one, other in zip(together[1:], again[1:], strict=True))


def test_constant_and_unknown_columns_are_set_aside_in_their_order(monkeypatch):
    monkeypatch.setattr(threads, "WORTH_IT", 10)
    values = some_values()
    values[:, 0], values[:, 2] = np.nan, 7.0
    assert Preparation.learn(values, NAMES).set_aside == (("age", "all_missing"), ("nombre_sms", "constant"))


def test_what_fails_on_the_other_processor_fails_here():
    def work(item: int) -> int:
        raise ZeroDivisionError(item)

    with pytest.raises(ZeroDivisionError):
        threads.on_two(work, [1, 2], rows=threads.WORTH_IT)


@pytest.mark.parametrize("size", [1, 50, 4_000, 9_990, 10_000, 20_000])
def test_sample_is_of_the_smallest_hashes_smallest_first(size):
    keys = np.random.default_rng(5).permutation(10_000)
    drawn = sample_rows(keys, size)
    assert drawn.tolist() == np.argsort(key_hashes(keys), kind="stable")[:size].tolist()
