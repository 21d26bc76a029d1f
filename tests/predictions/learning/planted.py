"""Companies whose truth is known, for the tests of the learning engine."""

from __future__ import annotations

import numpy as np
import pandas as pd


def additive(rows: int = 800, seed: int = 7) -> tuple[pd.DataFrame, np.ndarray, np.ndarray]:
    """Risk falls with tenure and is higher on a monthly contract; nothing else matters. Frame, label, keys."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "tenure": rng.integers(0, 73, rows),
            "charges": rng.normal(65, 30, rows).round(2),
            "contract": rng.choice(["monthly", "yearly", "two years"], rows, p=[0.5, 0.3, 0.2]),
            "senior": rng.random(rows) < 0.2,
        }
    )
    margin = 0.6 - 0.06 * frame["tenure"].to_numpy() + 1.2 * (frame["contract"] == "monthly").to_numpy()
    label = (rng.random(rows) < 1 / (1 + np.exp(-margin))).astype(float)
    frame.loc[rng.random(rows) < 0.05, "charges"] = np.nan
    return frame, label, np.arange(rows) * 3 + 10


def crossed(rows: int = 800, seed: int = 7) -> tuple[pd.DataFrame, np.ndarray, np.ndarray]:
    """Customers leave when exactly one of two things is so: no additive model can say it. Frame, label, keys."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame({name: rng.normal(size=rows).round(3) for name in ("calls", "bills", "noise")})
    frame["plan"] = rng.choice(["a", "b", "c"], rows)
    alone = (frame["calls"] > 0) ^ (frame["plan"] == "a")
    label = (rng.random(rows) < np.where(alone, 0.9, 0.08)).astype(float)
    return frame, label, np.arange(rows) + 1
