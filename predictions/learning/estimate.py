"""How good the scores are before anybody's outcome is known, and whether that estimate held once it is.

Confidence-based performance estimation (CBPE, from NannyML's documentation): a customer with chance p is p of a
leaver and 1 - p of a stayer, so the expected confusion matrix, and every figure made of it, follow from calibrated
scores alone. Intervals say what outcomes drawn by these chances, for each customer apart, would show 95 times in
100. The estimate presumes PRESUMES: it cannot see customers who begin to leave for other reasons, nor a month that
is worse for everybody. ``compare_with_truth`` can.

Scores are kept as counts and sums in 10,000 bins, so that a million customers need no second look.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from predictions.learning import evaluation
from predictions.learning.drift import MOVED, MOVED_MUCH, Drift
from predictions.learning.evidence import MIN_OF_EACH, MIN_ROWS, NotEnoughEvidence

COUNTS = ("leavers", "true_positives", "false_positives", "false_negatives", "true_negatives")
FIGURES = (*COUNTS, "accuracy", "precision", "recall", "brier", "log_loss", "roc_auc")
PRESUMES = ("calibrated", "same_reasons_to_leave", "customers_independent")
HELD, MISSED, TOO_FEW = "held", "missed", "too_few"
# A figure that differs by less made no practical difference, however sure; of leavers, a share of those expected
TOLERANCE = {
    "leavers": 0.05,
    "accuracy": 0.01,
    "precision": 0.02,
    "recall": 0.02,
    "brier": 0.005,
    "log_loss": 0.01,
    "roc_auc": 0.01,
}
_GRID = 10_000  # bins of 0..1; a threshold is read to four digits
_CLIP = 1e-7
_DRAWS = 400
_BATCH = 25  # draws at a time: bounds memory to some 20 MB
_DRAWN_BINS = 1_000  # in the draws; as many as the grid's would cost a second and change the AUC by 1e-6
Figures = dict[str, float | None]
Intervals = dict[str, list[float] | None]


class Scores:
    """Counts scores block by block; blocks and their order make no difference.

    customers int64 [_GRID]; chance float64 [_GRID], the sum of their scores.
    """

    def __init__(self) -> None:
        self.customers = np.zeros(_GRID, dtype=np.int64)
        self.chance = np.zeros(_GRID)

    def add(self, chance: np.ndarray) -> None:
        """Count a block, chance float64 [n] in 0..1. Raises ValueError for anything else."""
        cells = _cells(chance)
        self.customers += np.bincount(cells, minlength=_GRID)
        self.chance += np.bincount(cells, chance, minlength=_GRID)

    def merge(self, other: Scores) -> None:
        """Add what another has counted."""
        self.customers += other.customers
        self.chance += other.chance


@dataclass(frozen=True, slots=True)
class Estimate:
    """What to expect of these scores. asdict() of it is fit for JSON.

    figures     keys FIGURES; None where there is no such figure (precision when nobody is flagged)
    intervals   the same keys -> [low, high], 95 %
    presumes    PRESUMES: what must be so for the estimate to hold
    warnings    codes: scores_moved, scores_moved_much, columns_moved_much (these are no longer the customers on whom
                the chances were checked), too_few_customers (fewer than MIN_ROWS)
    """

    customers: int
    threshold: float
    figures: Figures
    intervals: Intervals
    presumes: tuple[str, ...]
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Realised:
    """The estimate beside the truth, on the customers whose outcome is known. asdict() of it is fit for JSON.

    verdict     HELD: no figure is apart; MISSED; TOO_FEW outcomes to tell (fewer than MIN_ROWS, or MIN_OF_EACH)
    unknown     customers whose outcome is not known yet. Leavers are often known first: judge when most are in
    figures     keys FIGURES, as they were; intervals: [low, high], 95 %
    apart       keys TOLERANCE: whether the figure differs from the estimate both by more than that and surely, so that
                calibrated scores have any figure apart in one comparison of twenty at most; None: no such figure
    calibration evaluation.calibration_line: slope and intercept with intervals; None if no line can be fitted
    """

    verdict: str
    known: int
    unknown: int
    estimate: Estimate
    figures: Figures
    intervals: Intervals
    apart: dict[str, bool | None]
    calibration: dict[str, float] | None


def estimate(scores: Scores, *, threshold: float = 0.5, seed: int = 0, drift: Drift | None = None) -> Estimate:
    """Expected figures of scored customers, of whom those with a chance >= threshold are flagged.

    drift: the check of the same customers, for its warnings.
    Raises NotEnoughEvidence("no_customers"), and ValueError for a threshold outside 0..1.
    """
    return _estimate(_Binned.of(scores, threshold), seed, drift)[0]


def compare_with_truth(
    label: np.ndarray, chance: np.ndarray, *, threshold: float = 0.5, seed: int = 0, drift: Drift | None = None
) -> Realised:
    """Realised figures beside those expected of the same customers.

    label float64 [n]: 1 left, 0 stayed, NaN not known yet; chance float64 [n]: as scored before it was known.
    Raises NotEnoughEvidence("no_label") when no outcome is known, and ValueError for arguments that do not fit.
    """
    label, chance = np.asarray(label, dtype=np.float64), np.asarray(chance, dtype=np.float64)
    known = ~np.isnan(label)
    if label.shape != chance.shape or not np.isin(label[known], (0.0, 1.0)).all():
        raise ValueError("a label is 1 (left), 0 (stayed) or NaN (unknown), one for each score")
    if not known.any():
        raise NotEnoughEvidence("no_label", "Nobody is known to have left or stayed yet.", customers=len(label))
    n_unknown, label, chance = int((~known).sum()), label[known], chance[known]
    scores = Scores()
    scores.add(chance)
    binned = _Binned.of(scores, threshold)
    expected, drawn = _estimate(binned, seed, drift)
    left = np.bincount(_cells(chance), label, minlength=_GRID)
    measured = binned.measure(left[binned.cells])
    figures = _plain(measured)
    apart = _apart(expected.figures, figures, drawn)
    is_enough = len(label) >= MIN_ROWS and MIN_OF_EACH <= label.sum() <= len(label) - MIN_OF_EACH
    return Realised(
        verdict=TOO_FEW if not is_enough else MISSED if any(apart.values()) else HELD,
        known=len(label),
        unknown=n_unknown,
        estimate=expected,
        figures=figures,
        intervals=_realised_intervals(measured, label, chance),
        apart=apart,
        calibration=evaluation.calibration_line(label, chance) if is_enough else None,
    )


@dataclass(frozen=True, slots=True)
class _Binned:
    """The bins in use, the safest first: cells int64 [b] of the grid, customers int64 [b], their mean chance
    float64 [b], flagged float64 [b] of 0 and 1."""

    cells: np.ndarray
    customers: np.ndarray
    chance: np.ndarray
    flagged: np.ndarray
    threshold: float

    @classmethod
    def of(cls, scores: Scores, threshold: float) -> _Binned:
        if not 0 <= threshold <= 1:
            raise ValueError("a threshold is a number from 0 to 1")
        cells = np.flatnonzero(scores.customers)
        if not cells.size:
            raise NotEnoughEvidence("no_customers", "Nobody has been scored.", customers=0)
        customers, cut = scores.customers[cells], round(threshold * _GRID)
        chance = np.clip(scores.chance[cells] / customers, 0.0, 1.0)
        return cls(cells, customers, chance, (cells >= cut).astype(np.float64), cut / _GRID)

    def measure(self, left: np.ndarray) -> dict[str, np.ndarray]:
        """FIGURES, each [...], when ``left`` (float64 [..., b]) customers of each bin have left; NaN: no such figure."""
        stayed, total = self.customers - left, self.customers.sum()
        leavers, hits, alarms = left.sum(axis=-1), left @ self.flagged, stayed @ self.flagged
        sure = np.clip(self.chance, _CLIP, 1 - _CLIP)
        pairs = np.einsum("...b,...b->...", left, np.cumsum(stayed, axis=-1) - stayed / 2)
        with np.errstate(invalid="ignore", divide="ignore"):
            return {
                "leavers": leavers,
                "true_positives": hits,
                "false_positives": alarms,
                "false_negatives": leavers - hits,
                "true_negatives": total - leavers - alarms,
                "accuracy": (hits + total - leavers - alarms) / total,
                "precision": hits / (hits + alarms),
                "recall": hits / leavers,
                "brier": (left @ (1 - self.chance) ** 2 + stayed @ self.chance**2) / total,
                "log_loss": -(left @ np.log(sure) + stayed @ np.log1p(-sure)) / total,
                "roc_auc": pairs / (leavers * (total - leavers)),
            }

    def expect(self) -> Figures:
        """FIGURES of expected counts; of the AUC, without the pairs that a customer would make with themself."""
        figures = self.measure(self.customers * self.chance)
        pairs = figures["leavers"] * (self.customers.sum() - figures["leavers"])
        own = (self.customers * self.chance * (1 - self.chance)).sum()
        with np.errstate(invalid="ignore", divide="ignore"):
            figures["roc_auc"] = (figures["roc_auc"] * pairs - own / 2) / (pairs - own)
        return _plain(figures)

    def draw(self, seed: int) -> dict[str, np.ndarray]:
        """FIGURES, float64 [_DRAWS] each, of outcomes drawn by the chances."""
        few, rng, drawn = self.joined(), np.random.default_rng(seed), []
        for _ in range(_DRAWS // _BATCH):
            drawn.append(few.measure(rng.binomial(few.customers, few.chance, (_BATCH, len(few.cells)))))
        return {name: np.concatenate([one[name] for one in drawn]) for name in FIGURES}

    def joined(self) -> _Binned:
        """Neighbours joined into some _DRAWN_BINS of equal variance, none across the threshold."""
        if len(self.cells) <= _DRAWN_BINS:
            return self
        variance = np.cumsum(self.customers * (self.chance * (1 - self.chance) + 1e-9))
        group = (variance / variance[-1] * _DRAWN_BINS).astype(np.int64) * 2 + self.flagged.astype(np.int64)
        start = np.r_[0, np.flatnonzero(np.diff(group)) + 1]
        customers = np.add.reduceat(self.customers, start)
        chance = np.add.reduceat(self.customers * self.chance, start) / customers
        return _Binned(self.cells[start], customers, np.clip(chance, 0.0, 1.0), self.flagged[start], self.threshold)


def _estimate(binned: _Binned, seed: int, drift: Drift | None) -> tuple[Estimate, dict[str, np.ndarray]]:
    figures, drawn, customers = binned.expect(), binned.draw(seed), int(binned.customers.sum())
    intervals = {name: None if figures[name] is None else _middle(drawn[name]) for name in FIGURES}
    return Estimate(customers, binned.threshold, figures, intervals, PRESUMES, _warnings(customers, drift)), drawn


def _middle(drawn: np.ndarray) -> list[float] | None:
    there = drawn[np.isfinite(drawn)]
    return [float(edge) for edge in np.quantile(there, (0.025, 0.975))] if there.size else None


def _warnings(customers: int, drift: Drift | None) -> tuple[str, ...]:
    codes = ["too_few_customers"] if customers < MIN_ROWS else []
    if drift is not None:
        codes += {MOVED: ["scores_moved"], MOVED_MUCH: ["scores_moved_much"]}.get(drift.score.verdict, [])
        codes += ["columns_moved_much"] if any(one.verdict == MOVED_MUCH for one in drift.features) else []
    return tuple(codes)


def _apart(expected: Figures, figures: Figures, drawn: dict[str, np.ndarray]) -> dict[str, bool | None]:
    """For each figure of TOLERANCE: farther off than the farthest of them all is in 95 of 100 drawn worlds?"""
    gaps, worst = {}, np.zeros(_DRAWS)
    for name in TOLERANCE:
        told, met = expected[name], figures[name]
        if told is not None and met is not None and np.isfinite(drawn[name]).any():
            unit = max(float(np.nanstd(drawn[name])), 1e-12)
            worst = np.fmax(worst, np.abs(drawn[name] - told) / unit)
            room = TOLERANCE[name] * (told if name == "leavers" else 1.0)
            gaps[name] = (abs(met - told) / unit, abs(met - told) > room)
    sure = float(np.quantile(worst, 0.95, method="higher"))
    return {name: gaps[name][0] > sure and gaps[name][1] if name in gaps else None for name in TOLERANCE}


def _realised_intervals(figures: dict[str, np.ndarray], label: np.ndarray, chance: np.ndarray) -> Intervals:
    """Wilson's for counts and shares, Newcombe's for the AUC, mean +- 1.96 standard errors for losses."""
    n, left = len(label), int(label.sum())
    hits, alarms, area = (float(figures[name]) for name in ("true_positives", "false_positives", "roc_auc"))
    sure = np.clip(chance, _CLIP, 1 - _CLIP)
    out: Intervals = {name: [n * edge for edge in evaluation.wilson(float(figures[name]), n)] for name in COUNTS}
    for name, part, whole in (
        ("accuracy", hits + float(figures["true_negatives"]), n),
        ("precision", hits, round(hits + alarms)),
        ("recall", hits, left),
    ):
        out[name] = list(evaluation.wilson(part, whole)) if whole else None
    for name, loss in (
        ("brier", (label - chance) ** 2),
        ("log_loss", -np.where(label == 1, np.log(sure), np.log1p(-sure))),
    ):
        mean, half = float(loss.mean()), evaluation.Z * float(loss.std()) / max(1, n - 1) ** 0.5
        out[name] = [max(0.0, mean - half), mean + half] if n > 1 else None
    out["roc_auc"] = list(evaluation.auc_interval(area, left, n - left)) if np.isfinite(area) else None
    return out


def _cells(chance: np.ndarray) -> np.ndarray:
    """Bin (int64 [n]) of scores; a score that stands on an edge, give or take a rounding error, lies above it."""
    if not ((chance >= 0) & (chance <= 1)).all():
        raise ValueError("a score is a number from 0 to 1")
    return np.minimum((chance * _GRID + 1e-9).astype(np.int64), _GRID - 1)


def _plain(figures: dict[str, np.ndarray]) -> Figures:
    return {name: float(figure) if np.isfinite(figure) else None for name, figure in figures.items()}
