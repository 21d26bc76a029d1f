"""Draws customers by a hash of their key, so that the order of a file makes no difference and new ones hardly any."""

from __future__ import annotations

import numpy as np

_SPARE = 0.05  # sixteen deviations of the number of hashes below a bound, of a sample of 100,000


def key_hashes(keys: np.ndarray, salt: int = 0) -> np.ndarray:
    """Well mixed uint64 [n] of keys (int64 [n]): splitmix64 (Steele, Lea, Flood 2014, "Fast splittable PRNGs")."""
    mixed = np.asarray(keys).astype(np.int64).view(np.uint64)
    mixed = mixed + np.uint64((salt + 1) * 0x9E3779B97F4A7C15 % 2**64)
    mixed ^= mixed >> np.uint64(30)
    mixed *= np.uint64(0xBF58476D1CE4E5B9)
    mixed ^= mixed >> np.uint64(27)
    mixed *= np.uint64(0x94D049BB133111EB)
    mixed ^= mixed >> np.uint64(31)
    return mixed


def sample_rows(keys: np.ndarray, size: int, salt: int = 0) -> np.ndarray:
    """Positions (int64 [min(n, size)]) of the customers with the smallest hashes, smallest first.

    The first m of them are a sample of their own. Of a company that grew by a tenth, ten in eleven stay in the sample.
    """
    hashes = key_hashes(keys, salt)
    if len(hashes) <= size:
        return np.argsort(hashes, kind="stable")
    # Hashes are even, so the smallest lie below a bound that is known, and the few below it are quickly put in order.
    bound = np.uint64(min(size * (1 + _SPARE) / len(hashes), 1.0) * (2**64 - 2**12))
    least = np.flatnonzero(hashes <= bound)
    if len(least) < size:
        least = np.arange(len(hashes))
    least = least[np.argpartition(hashes[least], size - 1)[:size]]
    return least[np.argsort(hashes[least], kind="stable")]


def row_keys(keys: np.ndarray | None, rows: int) -> np.ndarray:
    """The keys given, or the positions where there are none. Raises ValueError where their number does not fit."""
    if keys is None:
        return np.arange(rows, dtype=np.int64)
    if len(keys) != rows:
        raise ValueError(f"{len(keys)} keys do not fit {rows} rows")
    return np.asarray(keys, dtype=np.int64)
