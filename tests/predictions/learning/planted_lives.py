"""Companies whose customers' whole lives are known, for the tests of the survival engine."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
import pandas as pd

from predictions.learning import survival
from predictions.learning.survival_model import Survival

MONTHS = np.arange(61)


@dataclass(frozen=True)
class Lives:
    """frame, label and keys as the engine takes them; hazard float64 [n, 61]: the true chance of leaving in each month."""

    frame: pd.DataFrame
    label: np.ndarray
    keys: np.ndarray
    hazard: np.ndarray

    def still_here(self, rows: np.ndarray, tenure: np.ndarray, months: int) -> np.ndarray:
        """The true chance of being here ``months`` after a tenure that was survived."""
        kept = np.cumprod(np.c_[np.ones(len(rows)), 1 - self.hazard[rows]], axis=1)  # column m + 1: after month m
        each = np.arange(len(rows))
        return kept[each, tenure + 1 + months] / kept[each, tenure + 1]


def whole_lives(rows: int = 3000, seed: int = 3, *, effect: float = 1.5, fading: bool = False) -> Lives:
    """Everybody who ever joined, watched to an end that has nothing to do with them.

    The risk falls with tenure and is higher on a monthly contract (``fading``: less and less so); total charges know
    the time, "band" is tenure in words, "noise" is nothing.
    """
    frame, log_odds = _customers(rows, seed, effect, fading)
    rng = np.random.default_rng(seed + 1)
    hazard = 1 / (1 + np.exp(-log_odds))
    leaves = np.argmax(np.c_[rng.random(hazard.shape) < hazard, np.ones(rows, dtype=bool)], axis=1)
    watched = rng.integers(0, 49, rows)
    return _told(frame, np.minimum(leaves, watched), leaves <= watched, hazard, rng)


@cache
def learned(*, fading: bool = False) -> tuple[Lives, Survival]:
    """A company of whole lives and what the engine learned from it; fitted once for all test modules."""
    company = whole_lives(2500, fading=fading)
    return company, survival.fit(company.frame, company.label, company.keys, seed=1)


def window(rows: int = 6000, seed: int = 3, *, watched: int = 3) -> Lives:
    """Who was here ``watched`` months ago, at tenures of 0 to 48 months then, and who of them has left since."""
    frame, log_odds = _customers(rows, seed, 1.5, False)
    rng = np.random.default_rng(seed + 1)
    hazard = 1 / (1 + np.exp(-log_odds))
    before = rng.integers(0, 49, rows)
    coming = np.take_along_axis(hazard, before[:, None] + 1 + np.arange(watched), axis=1)
    leaves = np.argmax(np.c_[rng.random(coming.shape) < coming, np.ones(rows, dtype=bool)], axis=1)
    left = leaves < watched
    return _told(frame, before + np.where(left, leaves + 1, watched), left, hazard, rng)


def _customers(rows: int, seed: int, effect: float, fading: bool) -> tuple[pd.DataFrame, np.ndarray]:
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "contract": rng.choice(["monthly", "yearly"], rows),
            "monthly_charges": rng.uniform(20, 120, rows).round(2),
            "noise": rng.normal(size=rows).round(3),
        }
    )
    monthly = (frame["contract"] == "monthly").to_numpy()[:, None]
    fade = 1 - MONTHS / 20 if fading else 1.0
    bill = 0.01 * (frame["monthly_charges"].to_numpy()[:, None] - 70)
    return frame, -3.6 - 0.025 * MONTHS + effect * (monthly - 0.5) * fade + bill


def _told(
    frame: pd.DataFrame, tenure: np.ndarray, left: np.ndarray, hazard: np.ndarray, rng: np.random.Generator
) -> Lives:
    charges = frame["monthly_charges"]
    frame = frame.assign(
        tenure=tenure,
        total_charges=(charges * tenure * rng.uniform(0.95, 1.05, len(frame))).round(2),
        band=pd.cut(pd.Series(tenure), [-1, 6, 12, 24, 99], labels=["new", "first year", "second year", "old"]),
    )
    return Lives(frame, left.astype(float), np.arange(len(frame)) * 2 + 5, hazard)
