"""The features of some customers, by their keys: what is known of those in a campaign on its day."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
import pandas as pd

from .blocks import _completed, _customers, _look, _standard


def picked_frames(blocks: Iterable[np.ndarray]) -> Iterator[pd.DataFrame]:
    """``feature_frames`` of the customers with these keys (int64, ascending within and across blocks; at most 10,000 a
    block), a frame for each block; who is gone has no row."""
    wanted = _look(None, remembered=False)
    for keys in blocks:
        found = _standard(_customers(labelled_only=False).filter(pk__in=keys.tolist()), wanted)
        if not found.empty:
            yield _completed(found, wanted)
