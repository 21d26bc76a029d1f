"""Figures about probabilities that a model gave to customers whose outcome it had not seen.

Everything here takes label (float64 [n] of 0 and 1) and chance (float64 [n] in 0..1). Intervals are the middle
95 % of a weighted (multinomial) bootstrap over customers, on one sort of the data, so 100,000 rows cost a second.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq
from scipy.special import expit
from scipy.special import logit as log_odds
from scipy.stats import rankdata

METRICS = ("roc_auc", "pr_auc", "log_loss", "brier", "ece", "lift_at_10", "accuracy", "baseline_accuracy")
_BINS = 10
_CLIP = 1e-7
_BATCH = 10
Z = 1.959964  # half-width of a 95 % interval, in standard errors
_FLAT = 1e-3  # log odds that vary less than this carry no slope


def losses(label: np.ndarray, logit: np.ndarray) -> np.ndarray:
    """Log loss of each row, float64 [n], from log odds."""
    return np.logaddexp(0.0, logit) - label * logit


def measure(label: np.ndarray, chance: np.ndarray) -> dict[str, float]:
    """Every metric of METRICS; ece is over ten bins of equally many customers."""
    return _Sorted.of(label, chance).measure(np.ones(len(label)))


def intervals(
    label: np.ndarray,
    chance: np.ndarray,
    *,
    seed: int,
    draws: int = 200,
    heartbeat: Callable[[], None] = lambda: None,
) -> dict[str, list[float]]:
    """For each metric [low, high]: what another sample of as many customers would have shown, 95 times in 100."""
    data, rng = _Sorted.of(label, chance), np.random.default_rng(seed)
    n = len(label)
    drawn: list[dict[str, float]] = []
    for draw in range(draws):
        if draw % _BATCH == 0:
            heartbeat()
        weight = np.bincount(rng.integers(0, n, n), minlength=n).astype(np.float64)
        if 0 < (weight * data.label).sum() < weight.sum():
            drawn.append(data.measure(weight))
    return {
        name: [float(edge) for edge in np.quantile([one[name] for one in drawn], (0.025, 0.975))] for name in METRICS
    }


@dataclass(frozen=True, slots=True)
class _Sorted:
    """Label and chance from the riskiest down, with what does not depend on the weights."""

    label: np.ndarray
    chance: np.ndarray
    loss: np.ndarray
    last_of_tie: np.ndarray  # positions at which the chance changes: curves have points only there

    @classmethod
    def of(cls, label: np.ndarray, chance: np.ndarray) -> _Sorted:
        order = np.argsort(-chance, kind="stable")
        label, chance = label[order], chance[order]
        sure = np.clip(chance, _CLIP, 1 - _CLIP)
        loss = -np.where(label == 1, np.log(sure), np.log1p(-sure))
        return cls(label, chance, loss, np.r_[np.flatnonzero(np.diff(chance)), len(chance) - 1])

    def measure(self, weight: np.ndarray) -> dict[str, float]:
        total, left = weight.sum(), (weight * self.label).sum()
        hits = np.cumsum(weight * self.label)
        taken = np.cumsum(weight)
        true, false = hits[self.last_of_tie], (taken - hits)[self.last_of_tie]
        recall = np.r_[0.0, true / left]
        false_rate = np.r_[0.0, false / (total - left)]
        precision = true / np.maximum(true + false, 1e-12)
        rate = left / total
        tenth = 0.1 * total
        at_tenth = np.interp(tenth, np.r_[0.0, taken[self.last_of_tie]], np.r_[0.0, true])
        part = np.minimum((taken - weight / 2) / total * _BINS, _BINS - 1e-9).astype(np.int64)
        gap = np.bincount(part, weight * (self.label - self.chance), minlength=_BINS)
        return {
            "roc_auc": float(np.sum(np.diff(false_rate) * (recall[1:] + recall[:-1]) / 2)),
            "pr_auc": float(np.sum(np.diff(recall) * precision)),
            "log_loss": float((weight * self.loss).sum() / total),
            "brier": float((weight * (self.label - self.chance) ** 2).sum() / total),
            "ece": float(np.abs(gap).sum() / total),
            "lift_at_10": float(at_tenth / tenth / rate),
            "accuracy": float((weight * ((self.chance >= 0.5) == (self.label == 1))).sum() / total),
            "baseline_accuracy": float(1 - rate),  # "nobody leaves"
        }


def calibration_curve(label: np.ndarray, chance: np.ndarray, bins: int = _BINS) -> list[dict[str, float]]:
    """Of the customers told about p, how many left? Bins of equally many customers; Wilson's 95 % interval."""
    order = np.argsort(chance, kind="stable")
    curve = []
    for members in np.array_split(order, min(bins, len(order))):
        n, left = len(members), float(label[members].sum())
        low, high = wilson(left, n)
        curve.append(
            {
                "predicted": float(chance[members].mean()),
                "observed": left / n,
                "n": n,
                "left": int(left),
                "low": low,
                "high": high,
            }
        )
    return curve


def wilson(successes: float, n: int, z: float = Z) -> tuple[float, float]:
    """Wilson's (1927) score interval of a share."""
    share, room = successes / n, z * z / n
    middle = (share + room / 2) / (1 + room)
    half = z / (1 + room) * float(np.sqrt(share * (1 - share) / n + room / (4 * n)))
    return max(0.0, middle - half), min(1.0, middle + half)


def auc(label: np.ndarray, chance: np.ndarray) -> float:
    """Area under the ROC curve by ranks, ties counted half; NaN where one class is absent."""
    left = int(label.sum())
    stayed = len(label) - left
    if not left or not stayed:
        return float("nan")
    return float((rankdata(chance)[label == 1].sum() - left * (left + 1) / 2) / (left * stayed))


def auc_if_true(chance: np.ndarray) -> float:
    """The ROC AUC that these chances would show if they were true: lower where customers are alike. NaN of no spread."""
    order = np.argsort(chance, kind="stable")
    leaves, stays = chance[order], 1 - chance[order]
    _, first, size = np.unique(leaves, return_index=True, return_counts=True)
    below = np.repeat(np.r_[0.0, np.cumsum(stays)][first], size)
    alike = np.repeat(np.add.reduceat(stays, first), size)
    pairs = leaves.sum() * stays.sum() - (leaves * stays).sum()  # nobody is paired with themselves
    ordered = (leaves * (below + (alike - stays) / 2)).sum()
    return float(ordered / pairs) if pairs > 0 else float("nan")


def auc_interval(area: float, left: int, stayed: int) -> tuple[float, float]:
    """95 % interval of an AUC from so many who left and who stayed, without looking at them again.

    Newcombe 2006, "Confidence intervals for an effect size measure based on the Mann-Whitney statistic, part 2",
    method 5: what Wilson's interval is to a share. It keeps a width at an area of 1, where a bootstrap has none.
    """
    more = (left + stayed) / 2 - 1

    def beyond(truth: float) -> float:
        spread = 1 + more * ((1 - truth) / (2 - truth) + truth / (1 + truth))
        return (area - truth) ** 2 - Z * Z * truth * (1 - truth) * spread / (left * stayed)

    edge = 1e-12  # at an area of exactly 0 or 1 the equation is met there too: look beside it
    low = float(brentq(beyond, 0.0, area - edge)) if area > edge and beyond(area - edge) < 0 else 0.0
    high = float(brentq(beyond, area + edge, 1.0)) if area < 1 - edge and beyond(area + edge) < 0 else 1.0
    return low, high


def calibration_line(label: np.ndarray, chance: np.ndarray) -> dict[str, float] | None:
    """Slope and intercept of label on log odds, with 95 % intervals: 1 and 0 where told and met agree (Cox 1958).

    A slope below 1 says that the model is too sure of itself. None where everybody was told about the same.
    """
    told = log_odds(np.clip(chance, _CLIP, 1 - _CLIP))
    if told.std() < _FLAT:
        return None
    design = np.column_stack([np.ones(len(told)), told])
    line = np.array([0.0, 1.0])
    for _ in range(50):  # Newton; concave, and begun beside the answer
        now = expit(design @ line)
        curvature = (design * (now * (1 - now))[:, None]).T @ design
        step = np.linalg.lstsq(curvature, design.T @ (label - now), rcond=None)[0]
        line = line + np.clip(step, -1.0, 1.0)
        if np.abs(step).max() < 1e-9:
            break
    else:
        return None  # the classes part without overlap: the slope has no end
    error = np.sqrt(np.diag(np.linalg.pinv(curvature)))
    return {
        "slope": float(line[1]),
        "slope_low": float(line[1] - Z * error[1]),
        "slope_high": float(line[1] + Z * error[1]),
        "intercept": float(line[0]),
        "intercept_low": float(line[0] - Z * error[0]),
        "intercept_high": float(line[0] + Z * error[0]),
    }


def ece_of_the_calibrated(chance: np.ndarray, *, seed: int, draws: int = 2_000) -> dict[str, float]:
    """The ece that luck alone gives to chances that are true: expected, and passed 5 times in 100 ("high").

    The gap of a bin is then a sum of independent coins, near enough to normal in bins of ten and more.
    """
    bins = np.array_split(np.sort(chance), min(_BINS, len(chance)))
    spread = np.sqrt([float((members * (1 - members)).sum()) for members in bins])
    shown = np.abs(np.random.default_rng(seed).normal(size=(draws, len(spread))) * spread).sum(axis=1) / len(chance)
    return {"expected": float(spread.sum() * np.sqrt(2 / np.pi) / len(chance)), "high": float(np.quantile(shown, 0.95))}
