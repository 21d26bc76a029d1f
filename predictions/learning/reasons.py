"""Why a customer scored as they did: contributions in log odds, one for each original column.

An additive model's are read from its tables and are exact. For trees that see interactions they are Shapley
values sampled along one order of the columns and the same order backwards: a walk from the usual customer to
this one, column by column, so the steps always add up to the whole difference. One such pair is exact for
interactions of two columns (Mitchell, Cooper, Frank and Holmes 2022, "Sampling permutations for Shapley value
estimation"; Covert and Lee 2021). It needs nothing of the trees but their predictions: no package's shortcut
through them, which has been seen to break additivity.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

_BLOCK = 20_000
_ORDER_SEED = 20_131


def walk(
    predict: Callable[[np.ndarray], np.ndarray], values: np.ndarray, reference: np.ndarray
) -> tuple[float, np.ndarray]:
    """Base (predict's value for the reference) and contributions (float64 [n, k]); base + row sum = predict(row).

    predict maps float64 [m, k] to float64 [m]; values float64 [n, k]; reference float64 [k]; NaN is unknown.
    The order walked is the same for every row and call, so that a customer's reasons do not depend on company.
    """
    n, k = values.shape
    base = float(predict(reference[None, :])[0])
    parts = np.zeros((n, k))
    order = np.random.default_rng(_ORDER_SEED).permutation(k)
    for start in range(0, n, _BLOCK):
        block = values[start : start + _BLOCK]
        differs = ~((block == reference) | (np.isnan(block) & np.isnan(reference)))
        for path in (order, order[::-1]):
            here, reached = np.repeat(reference[None, :], len(block), axis=0), np.full(len(block), base)
            for j in path:
                moved = np.flatnonzero(differs[:, j])
                if moved.size == 0:
                    continue
                here[moved, j] = block[moved, j]
                after = predict(here[moved])
                parts[start + moved, j] += (after - reached[moved]) / 2
                reached[moved] = after
    return base, parts


def strongest(parts: np.ndarray, top: int) -> tuple[np.ndarray, np.ndarray]:
    """The top features by size: index int16 [n, top] (-1 where nothing moves the score) and contribution float32."""
    n, k = parts.shape
    width = min(top, k)
    size = np.abs(parts)
    picked = np.argpartition(-size, width - 1, axis=1)[:, :width] if width < k else np.tile(np.arange(k), (n, 1))
    order = np.argsort(-np.take_along_axis(size, picked, axis=1), axis=1, kind="stable")
    picked = np.take_along_axis(picked, order, axis=1)
    given = np.take_along_axis(parts, picked, axis=1)
    feature = np.full((n, top), -1, dtype=np.int16)
    contribution = np.zeros((n, top), dtype=np.float32)
    feature[:, :width] = np.where(np.abs(given) > 1e-9, picked, -1)
    contribution[:, :width] = np.where(np.abs(given) > 1e-9, given, 0.0)
    return feature, contribution
