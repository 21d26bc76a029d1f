"""Compares two models on the same customers: how much better is the challenger, and could that be luck?

Paired throughout: the customers whom both find hard do not count, only where the two differ.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass

import numpy as np
import pandas as pd
from scipy.special import logit as log_odds

from predictions.learning.evaluation import losses
from predictions.learning.fitted import Fitted, score

_CLIP = 1e-7
_BATCH = 10


@dataclass(frozen=True, slots=True)
class Paired:
    """a minus b on ``rows`` customers, of whom ``churners`` left; low and high are 95 % bootstrap intervals.

    log_loss below 0: a is the better; log_loss_error its standard error over customers. roc_auc above 0: a is the
    better. Every difference is NaN where nobody is compared, roc_auc also where one class is absent.
    """

    rows: int
    churners: int
    log_loss: float
    log_loss_error: float
    log_loss_low: float
    log_loss_high: float
    roc_auc: float
    roc_auc_low: float
    roc_auc_high: float

    def as_dict(self) -> dict[str, float | int | None]:
        """Plain values for JSON; what could not be measured is None."""
        return {name: None if value != value else value for name, value in asdict(self).items()}


def compare(
    label: np.ndarray,
    chance_a: np.ndarray,
    chance_b: np.ndarray,
    seed: int,
    *,
    draws: int = 200,
    heartbeat: Callable[[], None] = lambda: None,
) -> Paired:
    """Paired differences of log loss and ROC AUC; label float64 [n] of 0 and 1, chances float64 [n] in 0..1.

    The chances must come from models that had not seen these labels. Raises ValueError on what does not fit.
    """
    label, chance_a, chance_b = (np.asarray(one, dtype=np.float64) for one in (label, chance_a, chance_b))
    n = len(label)
    if not len(chance_a) == len(chance_b) == n:
        raise ValueError(f"{n} labels, {len(chance_a)} and {len(chance_b)} chances do not go together")
    if not np.isin(label, (0.0, 1.0)).all() or not all(((c >= 0) & (c <= 1)).all() for c in (chance_a, chance_b)):
        raise ValueError("labels are 0 or 1 and chances lie in 0..1, none of them unknown")
    none = float("nan")
    if n == 0:
        return Paired(0, 0, none, none, none, none, none, none, none)
    apart = losses(label, _sure(chance_a)) - losses(label, _sure(chance_b))
    a, b = _Ranked.of(label, chance_a), _Ranked.of(label, chance_b)
    rng = np.random.default_rng(seed)
    loss_drawn, area_drawn = [], []
    for draw in range(draws):
        if draw % _BATCH == 0:
            heartbeat()
        weight = np.bincount(rng.integers(0, n, n), minlength=n).astype(np.float64)
        loss_drawn.append(float(weight @ apart) / n)
        area_drawn.append(a.auc(weight) - b.auc(weight))
    area = a.auc(np.ones(n)) - b.auc(np.ones(n))
    loss_low, loss_high = (float(edge) for edge in np.quantile(loss_drawn, (0.025, 0.975)))
    kept = np.array(area_drawn)[~np.isnan(area_drawn)]
    area_low, area_high = (float(edge) for edge in np.quantile(kept, (0.025, 0.975))) if area == area else (none, none)
    error = float(apart.std(ddof=1) / np.sqrt(n)) if n > 1 else none
    return Paired(
        n, int(label.sum()), float(apart.mean()), error, loss_low, loss_high, float(area), area_low, area_high
    )


def compare_models(
    challenger: Fitted,
    champion: Fitted,
    frame: pd.DataFrame,
    label: np.ndarray,
    keys: np.ndarray,
    *,
    seed: int = 0,
    heartbeat: Callable[[], None] = lambda: None,
) -> Paired:
    """Challenger minus champion on the labelled customers whom both learned from, each by models that had not seen
    them. frame n x any (the columns that both read), label float [n] with NaN unknown, keys int64 [n]."""
    label, keys = np.asarray(label, dtype=np.float64), np.asarray(keys, dtype=np.int64)
    both = ~np.isnan(label) & np.isin(keys, challenger.learned_keys) & np.isin(keys, champion.learned_keys)
    some = np.flatnonzero(both)
    frame, keys = frame.iloc[some], keys[some]
    chances = []
    for fitted in (challenger, champion):
        heartbeat()
        chances.append(score(fitted, frame, keys, top=0).probability)
    return compare(label[some], *chances, seed, heartbeat=heartbeat)


@dataclass(frozen=True, slots=True)
class _Ranked:
    """One model's order of the customers, riskiest first: ROC curves of weighted customers from one sort."""

    order: np.ndarray
    left: np.ndarray
    last_of_tie: np.ndarray

    @classmethod
    def of(cls, label: np.ndarray, chance: np.ndarray) -> _Ranked:
        order = np.argsort(-chance, kind="stable")
        return cls(order, label[order], np.r_[np.flatnonzero(np.diff(chance[order])), len(chance) - 1])

    def auc(self, weight: np.ndarray) -> float:
        """ROC AUC of customers weighted so (float64 [n]); NaN where one class has no weight."""
        weight = weight[self.order]
        hits = np.cumsum(weight * self.left)
        true, false = hits[self.last_of_tie], (np.cumsum(weight) - hits)[self.last_of_tie]
        if true[-1] == 0 or false[-1] == 0:
            return float("nan")
        recall, false_rate = np.r_[0.0, true / true[-1]], np.r_[0.0, false / false[-1]]
        return float(np.sum(np.diff(false_rate) * (recall[1:] + recall[:-1]) / 2))


def _sure(chance: np.ndarray) -> np.ndarray:
    return log_odds(np.clip(chance, _CLIP, 1 - _CLIP))
