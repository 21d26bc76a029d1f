"""Parts the labelled customers into folds: stratified, seeded, identical rows together.

A customer who stands twice in a file would otherwise be learned in one fold and tested in another, and the
figures would flatter the model that remembers best.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

FOLDS = 5
_LARGEST_GROUP = 0.02  # of the rows: a profile shared by more is no duplicate but a frequent customer


def deal(values: np.ndarray, label: np.ndarray, seed: int, folds: int = FOLDS) -> np.ndarray:
    """Fold number (int8 [n]) of each row of values (float64 [n, k]) with label (float64 [n] of 0 and 1)."""
    groups = _groups(values)
    n_groups = int(groups.max()) + 1
    size = np.bincount(groups, minlength=n_groups)
    left = np.bincount(groups, label, minlength=n_groups)
    # like groups lie together, in random order, and are dealt out like cards: every fold gets its share
    order = np.lexsort((np.random.default_rng(seed).random(n_groups), -left, -size))
    fold_of_group = np.empty(n_groups, dtype=np.int8)
    fold_of_group[order] = np.arange(n_groups) % folds
    return fold_of_group[groups]


def _groups(values: np.ndarray) -> np.ndarray:
    """Group number (int64 [n]) of each row: equal rows share one, unless values are so coarse that most do."""
    alone = np.arange(len(values))
    hashed = pd.util.hash_pandas_object(pd.DataFrame(values), index=False).to_numpy()
    groups = pd.factorize(hashed)[0]
    if np.bincount(groups).max() > max(2, _LARGEST_GROUP * len(values)):
        return alone
    return groups
