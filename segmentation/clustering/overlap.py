"""Keeps the names of segments where other columns are grouped by than before: by the customers they share.

Centres of two spaces cannot be compared; who was together with whom can.
"""

from __future__ import annotations

import numpy as np
from scipy.optimize import linear_sum_assignment

from segmentation.clustering.naming import CHANGED, DRIFTED, NEW, SAME, Match, Matching, flow

_MOST, _HALF = 0.75, 0.5  # of an old segment's customers that are found again in the new one


def match_by_members(
    old_keys: np.ndarray, old_numbers: np.ndarray, keys: np.ndarray, labels: np.ndarray, k: int, *, ever: int
) -> Matching:
    """Give each new label (0 .. k-1) the number of the old segment with which it shares most, all pairs together
    (Kuhn 1955). Keys int64, each once; old_numbers, labels int. ever: the largest number given in any run.

    drift: the share of the old segment's customers that is elsewhere now; distance: None. Raises ValueError as flow().
    """
    found = flow(old_keys, old_numbers, keys, labels)
    shared = np.zeros((len(found.olds), k))
    for column, label in enumerate(found.news):
        shared[:, label] = [row[column] for row in found.counts]
    pairs = dict(zip(*(at.tolist() for at in linear_sum_assignment(-shared.T)), strict=True))
    sizes = np.maximum(shared.sum(axis=1), 1)
    ever = max(ever, *found.olds, 0)
    segments = []
    for label in range(k):
        old = pairs.get(label)
        if old is None or not shared[old, label]:
            ever += 1
            segments.append(Match(ever, label, NEW, None, None))
            continue
        again = float(shared[old, label] / sizes[old])
        verdict = SAME if again >= _MOST else DRIFTED if again >= _HALF else CHANGED
        segments.append(Match(found.olds[old], label, verdict, None, 1 - again))
    kept = {one.number for one in segments}
    order = (SAME, DRIFTED, CHANGED)
    gravest = max((one.verdict for one in segments if one.verdict != NEW), key=order.index, default=NEW)
    return Matching(gravest, tuple(segments), tuple(number for number in found.olds if number not in kept), ever)
