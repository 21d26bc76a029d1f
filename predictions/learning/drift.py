"""Tells whether customers have changed since learning: how far apart their bins are then and now, and if it is sure.

The distance is the population stability index, PSI = sum of (q - p) ln(q / p) over the bins' shares before (p) and
now (q). Every bin of both sides is given _LEAST_SHARE more, or one customer of the smaller side if that is more,
before the shares are made to sum to one again: an empty bin does not explode, and in a small sample chance does
not look like change. Beside it stands the Jensen-Shannon distance, the square root of the divergence in bits, 0 to
1, of the plain shares (scipy.spatial.distance.jensenshannon with base=2).

A column moved if its PSI is both large, by the trade's usual 0.1 and 0.25, and sure: above the (1/n + 1/m)
chi-square quantile that holds when nothing changed (Yurdakul 2018, "Statistical properties of population stability
index"), Bonferroni over all columns and the score, so that at most one check in twenty raises a false alarm.
Customers who stand on both sides only make false alarms rarer.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np
from scipy.special import chdtri

from predictions.learning.histograms import Bins, Tally

STABLE, MOVED, MOVED_MUCH, TOO_FEW = "stable", "moved", "moved_much", "too_few"
LARGE, VERY_LARGE = 0.1, 0.25  # PSI: some change, and much (Siddiqi 2006, "Credit risk scorecards")
MIN_CUSTOMERS = 100  # on either side; with fewer the chi-square law was not tried
_LEAST_SHARE = 0.001  # below this the logarithm would decide, not the customers
_TOLD = 10  # new levels named


@dataclass(frozen=True, slots=True)
class Finding:
    """One column, or the score, then and now. asdict() of it is fit for JSON.

    verdict      STABLE; MOVED; MOVED_MUCH; TOO_FEW (not enough customers to tell)
    psi, js      distances; None when there is nobody now
    threshold    the PSI above which a column is called MOVED: LARGE, or ``noise`` if that is more
    noise        the PSI up to which the sizes of the two samples explain the difference
    reference, current           shares of customers in each bin, as Bins counts them: unknown last, and before it,
                                 of a category, all other levels
    edges, levels                what the bins are, as in Bins
    unknown_ref, unknown_cur     shares without a value; vanished: there were values, and now there are none
    new_levels   texts never seen in learning and how many customers have them, the commonest first;
                 None if it cannot be told (no raw rows were read, or too many rare levels to remember)
    """

    name: str
    kind: str
    verdict: str
    psi: float | None
    js: float | None
    threshold: float | None
    noise: float | None
    reference: tuple[float, ...]
    current: tuple[float, ...]
    edges: tuple[float, ...]
    levels: tuple[str, ...]
    n_ref: int
    n_cur: int
    unknown_ref: float
    unknown_cur: float
    vanished: bool
    new_levels: tuple[tuple[str, int], ...] | None


@dataclass(frozen=True, slots=True)
class Drift:
    """One check. verdict: the gravest of all findings; level: the chance of any false alarm, at most.

    features: in the encoder's order. asdict() of it is fit for JSON.
    """

    verdict: str
    score: Finding
    features: tuple[Finding, ...]
    n_ref: int
    n_cur: int
    level: float

    @property
    def moved(self) -> tuple[Finding, ...]:
        """The columns that moved, farthest first."""
        found = [finding for finding in self.features if finding.verdict in (MOVED, MOVED_MUCH)]
        return tuple(sorted(found, key=lambda finding: -(finding.psi or 0.0)))


def check(tally: Tally, *, level: float = 0.05) -> Drift:
    """Judge every column and the score. If nothing changed, any of them is called moved with chance ``level`` at most.

    Nobody, or fewer than MIN_CUSTOMERS, on either side: TOO_FEW.
    """
    ref = tally.reference
    share = level / (len(ref.features) + 1)  # Bonferroni
    score = _judge(ref.score, tally.score, share, ())
    features = tuple(
        _judge(bins, counts, share, _most(new) if tally.has_read_texts and bins.rare is not None else None)
        for bins, counts, new in zip(ref.features, tally.features, tally.new_levels, strict=True)
    )
    verdicts = {finding.verdict for finding in (score, *features)}
    gravest = next(verdict for verdict in (MOVED_MUCH, MOVED, TOO_FEW, STABLE) if verdict in verdicts)
    return Drift(gravest, score, features, ref.customers, tally.customers, level)


def psi(before: np.ndarray, now: np.ndarray) -> float:
    """Population stability index of two histograms (counts, int [bins]), smoothed as the module says."""
    used = (before + now) > 0
    least = max(_LEAST_SHARE, 1 / min(before.sum(), now.sum()))
    p, q = ((counts[used] / counts.sum() + least) / (1 + used.sum() * least) for counts in (before, now))
    return float(np.sum((q - p) * np.log(q / p)))


def jensen_shannon(before: np.ndarray, now: np.ndarray) -> float:
    """Jensen-Shannon distance of two histograms (counts, int [bins]): base 2, 0 (the same) to 1 (disjoint)."""
    p, q = before / before.sum(), now / now.sum()
    middle = (p + q) / 2
    bits = sum(float(np.sum(one[one > 0] * np.log2(one[one > 0] / middle[one > 0]))) for one in (p, q)) / 2
    return float(np.sqrt(max(0.0, bits)))


def noise_limit(before: np.ndarray, now: np.ndarray, level: float) -> float:
    """The PSI that two samples (counts, int [bins]) of one population pass with chance ``level``: (1/n + 1/m) times
    chi-square, with a degree of freedom for every bin in use but one."""
    freedom = np.count_nonzero(before + now) - 1
    return float((1 / before.sum() + 1 / now.sum()) * chdtri(freedom, level)) if freedom else 0.0


def _judge(bins: Bins, now: np.ndarray, level: float, new: tuple[tuple[str, int], ...] | None) -> Finding:
    before = np.array(bins.counts)
    n_ref, n_cur = int(before.sum()), int(now.sum())
    then_shares, now_shares = before / n_ref, now / max(1, n_cur)
    distance = far = noise = None
    if n_cur:
        distance, far, noise = psi(before, now), jensen_shannon(before, now), noise_limit(before, now, level)
    return Finding(
        name=bins.name,
        kind=bins.kind,
        verdict=_verdict(distance, noise, min(n_ref, n_cur)),
        psi=distance,
        js=far,
        threshold=None if noise is None else max(LARGE, noise),
        noise=noise,
        reference=tuple(then_shares.tolist()),
        current=tuple(now_shares.tolist()),
        edges=bins.edges,
        levels=bins.levels,
        n_ref=n_ref,
        n_cur=n_cur,
        unknown_ref=float(then_shares[-1]),
        unknown_cur=float(now_shares[-1]),
        vanished=bool(before[-1] < n_ref and 0 < n_cur == now[-1]),
        new_levels=new,
    )


def _verdict(distance: float | None, noise: float | None, fewest: int) -> str:
    if distance is None or noise is None or fewest < MIN_CUSTOMERS:
        return TOO_FEW
    if distance > max(VERY_LARGE, noise):
        return MOVED_MUCH
    if distance > max(LARGE, noise):
        return MOVED
    # large, but perhaps by chance; or small, where even a very large change could pass for chance
    return TOO_FEW if distance > LARGE or noise > VERY_LARGE else STABLE


def _most(new: Counter[str]) -> tuple[tuple[str, int], ...]:
    return tuple(sorted(new.items(), key=lambda item: (-item[1], item[0]))[:_TOLD])
