"""The customers that a training learns from, and those that it is tested on: by the label column, or as they were at a date."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from core import jobs
from customers import selectors as customers

from .. import learning
from ..learning import evaluation, evidence

MAX_TRAINING_ROWS = 200_000  # beyond, the curve of log loss is flat and only time grows


def training_frame(cut: customers.Cut | None) -> pd.DataFrame:
    """Customers whose outcome is known; a fixed random sample of them where there are more than MAX_TRAINING_ROWS."""
    if cut is None:
        return _gathered(customers.feature_frames(labelled_only=True), customers.count_labelled())
    return _gathered(customers.training_frames(cut), sum(customers.count_outcomes(cut.train)))


def _gathered(frames: Iterator[pd.DataFrame], base: int) -> pd.DataFrame:
    share = MAX_TRAINING_ROWS / base if base > MAX_TRAINING_ROWS else 1.0
    kept = []
    for frame in frames:
        if share < 1.0:
            # By a hash of the key, so that the same customers are drawn whatever the blocks.
            draw = (frame["id"].to_numpy().astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)) >> np.uint64(40)
            frame = frame[draw < share * 2**24]
        kept.append(frame)
    if not kept:
        return pd.DataFrame({"id": np.array([], dtype="int64"), "label": np.array([], dtype="float64")})
    return pd.concat(kept, ignore_index=True)


def later_months(held: jobs.Claim, fitted: learning.Fitted, cut: customers.Cut | None, seed: int) -> dict[str, object]:
    """How the model does on the later date, on customers as they were then: metrics, intervals and counts for the card.

    Whoever it learned from is judged by the fold that had not seen them. {} where there is no later date, and
    ``{"too_few": code}`` where too few outcomes are known on it.
    """
    if cut is None or cut.test is None:
        return {}
    labels, chances = [np.empty(0)], [np.empty(0)]
    for frame in customers.evaluation_frames(cut):
        labels.append(frame["label"].to_numpy(dtype="float64"))
        chances.append(learning.score(fitted, frame, frame["id"].to_numpy(), top=0).probability)
        held.report_fraction(0.8, "")
    label, chance = np.concatenate(labels), np.concatenate(chances)
    try:
        evidence.require_labels(label)
    except learning.NotEnoughEvidence as thin:
        return {"too_few": thin.code, "rows": len(label)}
    return {
        "metrics": evaluation.measure(label, chance),
        "intervals": evaluation.intervals(label, chance, seed=seed, heartbeat=lambda: held.report_fraction(0.8, "")),
        "calibration": evaluation.calibration_curve(label, chance),
        "rows": len(label),
        "churners": int(label.sum()),
    }
