"""Measures how well groups are apart: silhouette, Davies-Bouldin, agreement of two groupings, all k at once."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

_BLOCK = 200


def silhouettes(sample: np.ndarray, groupings: Sequence[np.ndarray]) -> np.ndarray:
    """Mean silhouette (float64 [g]) of each grouping (int [m], groups 0 .. k-1) of a sample (float32 [m, q]).

    Rousseeuw 1987, "Silhouettes: a graphical aid". All pairs of customers are measured once for all groupings: nine of
    10,000 customers take as long as one by scikit-learn. A customer alone counts 0, as do all where one group is.
    """
    widths = [int(labels.max()) + 1 if len(labels) else 0 for labels in groupings]
    members = np.concatenate(
        [labels[:, None] == np.arange(width) for labels, width in zip(groupings, widths, strict=True)], axis=1
    ).astype(np.float32)
    sizes, starts = members.sum(axis=0), np.concatenate(([0], np.cumsum(widths)))
    squares, total = np.einsum("ij,ij->i", sample, sample), np.zeros(len(groupings))
    room = np.empty((min(_BLOCK, len(sample)), len(sample)), dtype=np.float32)  # fresh memory is dear
    twice = np.ascontiguousarray(-2 * sample.T)
    for start in range(0, len(sample), _BLOCK):
        rows = slice(start, min(start + _BLOCK, len(sample)))
        apart = np.matmul(sample[rows], twice, out=room[: rows.stop - rows.start])
        apart += squares
        apart += squares[rows, None]
        np.sqrt(np.maximum(apart, 0, out=apart), out=apart)
        apart[np.arange(len(apart)), np.arange(rows.start, rows.stop)] = 0
        sums = apart @ members
        for index, labels in enumerate(groupings):
            columns = slice(starts[index], starts[index + 1])
            total[index] += _silhouette_sum(sums[:, columns], sizes[columns], labels[rows])
    return total / max(len(sample), 1)


def _silhouette_sum(sums: np.ndarray, sizes: np.ndarray, labels: np.ndarray) -> float:
    if np.count_nonzero(sizes) < 2:
        return 0.0
    at = np.arange(len(labels))
    own = sizes[labels]
    inner = sums[at, labels] / np.maximum(own - 1, 1)
    others = np.where(sizes > 0, sums / np.maximum(sizes, 1), np.inf)
    others[at, labels] = np.inf
    outer = others.min(axis=1)
    larger = np.maximum(inner, outer)
    return float(np.where((own > 1) & (larger > 0), (outer - inner) / np.where(larger > 0, larger, 1), 0.0).sum())


def davies_bouldin(sample: np.ndarray, labels: np.ndarray) -> float:
    """Davies and Bouldin 1979, "A cluster separation measure": the lower the better; 0 where one group is."""
    k = int(labels.max()) + 1
    counts = np.bincount(labels, minlength=k)
    members = (labels[:, None] == np.arange(k)).astype(np.float64)
    centres = members.T @ sample / np.maximum(counts, 1)[:, None]
    spread = np.linalg.norm(sample - centres[labels], axis=1) @ members / np.maximum(counts, 1)
    centres, spread = centres[counts > 0], spread[counts > 0]
    if len(centres) < 2:
        return 0.0
    apart = np.linalg.norm(centres[:, None] - centres, axis=2)
    ratio = np.divide(spread[:, None] + spread, apart, out=np.zeros_like(apart), where=apart > 0)
    np.fill_diagonal(ratio, 0.0)
    return float(ratio.max(axis=1).mean())


def adjusted_rand(one: np.ndarray, other: np.ndarray) -> float:
    """Hubert and Arabie 1985, "Comparing partitions": 1 the same groups, about 0 by chance; int [m] each, from 0."""
    n = len(one)
    if n < 2:
        return 1.0
    width = int(other.max()) + 1
    table = np.bincount(one.astype(np.int64) * width + other, minlength=(int(one.max()) + 1) * width)
    table = table.reshape(-1, width).astype(np.float64)
    both, rows, columns = (_pairs(counts) for counts in (table, table.sum(axis=1), table.sum(axis=0)))
    expected = rows * columns / (n * (n - 1) / 2)
    most = (rows + columns) / 2
    return 1.0 if most == expected else float((both - expected) / (most - expected))


def _pairs(counts: np.ndarray) -> float:
    return float((counts * (counts - 1) / 2).sum())
