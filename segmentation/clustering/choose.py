"""Advises how many segments there are, and says when there are none worth the name.

For each k: silhouette, Davies-Bouldin, stability (adjusted Rand between groupings learned from bootstraps: Hennig 2007,
"Cluster-wise assessment of cluster stability") and the silhouette of references without clusters (reference.py). How much
the data's silhouette is above theirs is the ``excess``. The silhouette alone is no verdict: 0.2 is much for a round cloud
and nothing for a long one; nor is stability, for a long cloud is cut in the same two halves every time.

There are clusters where the largest excess is LARGE, and above what references themselves reach by chance. The k advised
is one that bootstraps find again, the farthest above its reference, or a larger one where the gap statistic still grows:
silhouette alone prefers too few, for it likes groups of groups as well.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from segmentation.clustering.clusters import lloyd, nearest_centres
from segmentation.clustering.reference import Reference
from segmentation.clustering.sampling import row_keys, sample_rows
from segmentation.clustering.separation import adjusted_rand, davies_bouldin, silhouettes
from segmentation.clustering.starts import FEW, best_of

KS = tuple(range(2, 11))
MIN_ROWS = 50
LARGE = 0.04  # excess silhouette worth the name; noise of eighteen kinds reaches 0.03 with 1,000 customers
STABLE = 0.8  # mean adjusted Rand from which a grouping is taken as found again
CLUSTERS, NO_CLUSTERS, TOO_FEW = "clusters", "no_clusters", "too_few"
BEST, FINER, MOST_STABLE, NOTHING = "best_separated", "finer_as_good", "most_stable", "nothing_to_choose"

_ROWS, _REFERENCE_ROWS, _BOOTSTRAP_ROWS = 10_000, 4_000, 4_000
_STARTS, _FEW_STARTS = 10, 3
_BOOTSTRAPS = 8
_GAIN = 0.05  # of the gap: what a true further group brings at least, and a needless one does not (0.02 at most)
_SURE = 4.0  # standard deviations above what references reach
_MAX_COLUMNS = 20


@dataclass(frozen=True, slots=True)
class Candidate:
    """One k. stability: mean adjusted Rand of pairs of bootstraps, stability_low and _high their 10 % and 90 % points.

    reference: mean silhouette of data without clusters; excess = silhouette of the data beside it - reference.
    gap: how far the logarithm of the inertia is below that of the references (Tibshirani, Walther, Hastie 2001).
    """

    k: int
    silhouette: float
    davies_bouldin: float
    stability: float
    stability_low: float
    stability_high: float
    reference: float
    excess: float
    gap: float


@dataclass(frozen=True, slots=True)
class Choice:
    """verdict CLUSTERS | NO_CLUSTERS | TOO_FEW; k advised (None unless CLUSTERS) and the code of why:

    BEST         the farthest above a reference, of those found again
    FINER        less far than a smaller k, but its further groups are real: the gap grows
    MOST_STABLE  none is found again reliably; this most
    NOTHING      no k is better than another

    excess: the largest of any k; needed: what it had to pass; rows: customers looked at. asdict() is fit for JSON.
    """

    verdict: str
    k: int | None
    why: str
    candidates: tuple[Candidate, ...]
    excess: float | None
    needed: float | None
    rows: int

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Choice:
        """The Choice whose as_json() was stored."""
        return cls(**{**stored, "candidates": tuple(Candidate(**one) for one in stored["candidates"])})


def choose(
    prepared: np.ndarray,
    *,
    seed: int,
    keys: np.ndarray | None = None,
    ks: Sequence[int] = KS,
    progress: Callable[[float], None] | None = None,
) -> Choice:
    """Look at prepared (float32 [n, q], none unknown) of customers with ``keys`` (int64 [n]); progress is told 0 .. 1.

    Measured on 10,000 of them at most, by 20 principal components at most. Fewer than MIN_ROWS customers, or fewer
    different ones than twice the largest k: TOO_FEW, without figures. Raises ValueError for a k below 2.
    """
    if not ks or min(ks) < 2 or len(set(ks)) != len(ks):
        raise ValueError(f"ks {tuple(ks)} are not different numbers from 2 on")
    rows = sample_rows(row_keys(keys, len(prepared)), _ROWS)
    sample = np.asarray(prepared, dtype=np.float32)[rows]
    draws = 20 if len(sample) <= FEW else 8  # chance is larger among few customers, and drawing cheaper
    work = _Work(progress, len(ks) * (1 + draws + _BOOTSTRAPS))
    if len(sample) < MIN_ROWS or len(np.unique(sample, axis=0)) < 2 * max(ks):
        work.finish()
        return Choice(TOO_FEW, None, NOTHING, (), None, None, len(sample))
    sample = _fewer_columns(sample)

    # the data and its references are treated alike: as many rows, as many starts
    some = sample[: min(_REFERENCE_ROWS, len(sample))]
    own, inertia = _figures(some, ks, seed, work)
    model, rng = Reference.of(sample, seed), np.random.default_rng([seed, 1])
    drawn = [_figures(model.draw(len(some), rng), ks, seed + 1 + b, work) for b in range(draws)]
    beside = np.array([one for one, _ in drawn])
    reference, chance = beside.mean(axis=0), _reached_by_chance(beside)
    excess, gap = own - reference, np.mean([one for _, one in drawn], axis=0) - inertia
    needed = max(LARGE, float(chance.mean() + _SURE * chance.std(ddof=1)))

    groupings = [_grouping(sample, sample, k, seed, _STARTS)[0] for k in ks]
    told = silhouettes(sample, groupings)
    agreement = [_stability(sample[:_BOOTSTRAP_ROWS], k, seed, work) for k in ks]
    candidates = tuple(
        Candidate(k, float(told[at]), davies_bouldin(sample, groupings[at]), *agreement[at], *map(float, rest))
        for at, (k, *rest) in enumerate(zip(ks, reference, excess, gap, strict=True))
    )
    work.finish()
    largest = float(excess.max())
    if largest < needed:
        return Choice(NO_CLUSTERS, None, NOTHING, candidates, largest, needed, len(sample))
    k, why = _advise(candidates)
    return Choice(CLUSTERS, k, why, candidates, largest, needed, len(sample))


def _advise(candidates: Sequence[Candidate]) -> tuple[int, str]:
    best = max(candidates, key=lambda one: one.excess)
    near = [one for one in candidates if one.excess >= best.excess / 2]
    stable = [one for one in near if one.stability >= STABLE]
    if not stable:
        return max(near, key=lambda one: one.stability).k, MOST_STABLE
    farthest = max(stable, key=lambda one: one.excess)
    ascending, before, gained = sorted(candidates, key=lambda one: one.k), 0.0, set()
    for one in ascending:
        if one.gap >= before + _GAIN:
            gained.add(one.k)
        before = max(before, one.gap)
    finest = max((one for one in stable if one.k in gained), key=lambda one: one.k, default=farthest)
    return (finest.k, FINER) if finest.k > farthest.k else (farthest.k, BEST)


def _reached_by_chance(drawn: np.ndarray) -> np.ndarray:
    """The largest excess over k (float64 [b]) of each reference above the mean of the others (drawn float64 [b, k])."""
    others = (drawn.sum(axis=0) - drawn) / (len(drawn) - 1)
    return (drawn - others).max(axis=1)


def _figures(sample: np.ndarray, ks: Sequence[int], seed: int, work: _Work) -> tuple[np.ndarray, np.ndarray]:
    """Silhouette and logarithm of the inertia (float64 [len(ks)] each)."""
    groupings, inertia = [], []
    for k in ks:
        labels, squares = _grouping(sample, sample, k, seed, _FEW_STARTS)
        groupings.append(labels)
        inertia.append(squares)
        work.step()
    return silhouettes(sample, groupings), np.log(np.maximum(inertia, 1e-12))


def _stability(sample: np.ndarray, k: int, seed: int, work: _Work) -> tuple[float, float, float]:
    """Mean, 10 % and 90 % points of the agreement of groupings that bootstraps of the sample teach."""
    rng = np.random.default_rng([seed, k])
    found = []
    for number in range(_BOOTSTRAPS):
        drawn = sample[rng.integers(0, len(sample), len(sample))]
        found.append(_grouping(drawn, sample, k, seed + number, _FEW_STARTS)[0])
        work.step()
    pairs = [adjusted_rand(one, other) for at, one in enumerate(found) for other in found[:at]]
    low, high = np.quantile(pairs, (0.1, 0.9))
    return float(np.mean(pairs)), float(low), float(high)


def _grouping(learned: np.ndarray, placed: np.ndarray, k: int, seed: int, starts: int) -> tuple[np.ndarray, float]:
    few = len(learned) <= FEW
    centres, inertia = (best_of if few else lloyd)(learned, k, seed, starts)
    return nearest_centres(placed, centres), inertia


def _fewer_columns(sample: np.ndarray) -> np.ndarray:
    """Principal components in place of very many columns, for time's sake: distances keep what is common to several."""
    moving = sample[:, sample.std(axis=0) > 0]
    if moving.shape[1] <= _MAX_COLUMNS:
        return np.ascontiguousarray(moving)
    centred = moving - moving.mean(axis=0)
    _, vectors = np.linalg.eigh(centred.T.astype(np.float64) @ centred)
    return np.ascontiguousarray(centred @ vectors[:, : -_MAX_COLUMNS - 1 : -1], dtype=np.float32)


class _Work:
    """Counts the groupings done against those to do."""

    def __init__(self, progress: Callable[[float], None] | None, steps: int) -> None:
        self.report = progress or (lambda _fraction: None)
        self.done, self.steps = 0, steps

    def step(self) -> None:
        self.done += 1
        self.report(self.done / self.steps)

    def finish(self) -> None:
        self.report(1.0)
