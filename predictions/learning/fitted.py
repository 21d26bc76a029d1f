"""What learning leaves behind, and how it scores: one model a fold and one of everybody.

A customer whose label was learned from is scored by the model of the fold that held them out; everybody else
by the final model. So no figure shown for a customer comes from a model that knew how their story ended.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import expit

from predictions.learning import reasons, tables
from predictions.learning.features import Encoder, Feature
from predictions.learning.groves import Grove
from predictions.learning.tables import Layout, Tables

_BLOCK = 100_000  # rows encoded and scored at a time: bounds memory to some 100 MB at 40 columns


@dataclass(frozen=True, slots=True)
class Model:
    """Log odds = an additive part (tables) + weighted groves of trees; no groves: the model is additive."""

    tables: Tables
    groves: tuple[tuple[float, Grove], ...] = ()

    def tree_logit(self, values: np.ndarray) -> np.ndarray:
        return sum((weight * grove.logit(values) for weight, grove in self.groves), start=np.zeros(len(values)))


@dataclass(frozen=True)
class Report:
    """What is told about a training; plain values only (numbers, text, lists, dicts), fit for JSON.

    algorithm        human name of the served model
    candidates       for each: name, title, log_loss, standard_error, roc_auc, brier, difference and
                     difference_error (log loss minus that of the best, paired), chosen, weight, fit_seconds, eligible
    choice           {"code", "facts"}: why this one won; an interface puts it in words
    metrics          out of fold; keys evaluation.METRICS. intervals: the same keys -> [low, high]
    calibration      bins: predicted, observed, n, left, low, high
    importance       for each feature, mean |contribution| in log odds, in the order of the features

    Since format 1 was first written, and empty in what was stored before (all out of fold, each described where made):

    calibration_line slope and intercept with intervals, or empty; evaluation.calibration_line
    ece_by_luck      expected, high: the ece of chances that are true; evaluation.ece_of_the_calibrated
    lift             ten parts, the riskiest first; targeting.lift_table
    worried          the hundred most at risk; targeting.most_worried
    confusion        at the thresholds "base_rate", "half" and, where one was given, "given"; targeting.confusion
    slices           figures by part of the base; slices.by_slice (at the given threshold, or "base_rate")
    fairness         groups of people against the largest; fairness.fairness (at the same threshold)
    permutation      for each feature, in their order: what breaking it costs; effects.permutation_importance
    dependence       for the strongest features: the mean chance along their values; effects.dependence
    training         log_loss of the final model on rows that it learned from, beside out_of_fold and baseline on the
                     same rows
    profit           the candidates by what the caller judged them by beside; training.fit's contest
    """

    algorithm: str
    candidates: list[dict]
    choice: dict
    metrics: dict[str, float]
    intervals: dict[str, list[float]]
    calibration: list[dict]
    counts: dict[str, int]
    base_rate: float
    fingerprint: str
    seed: int
    folds: int
    libraries: dict[str, str]
    importance: list[float]
    seconds: float
    calibration_line: dict[str, float] = field(default_factory=dict)
    ece_by_luck: dict[str, float] = field(default_factory=dict)
    lift: list[dict] = field(default_factory=list)
    worried: dict[str, float] = field(default_factory=dict)
    confusion: list[dict] = field(default_factory=list)
    slices: list[dict] = field(default_factory=list)
    fairness: list[dict] = field(default_factory=list)
    permutation: list[dict] = field(default_factory=list)
    dependence: list[dict] = field(default_factory=list)
    training: dict[str, float] = field(default_factory=dict)
    profit: list[dict] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Scored:
    """One row a customer, in the order asked.

    probability float64 [n]; logit float64 [n]; base float64 [n] (log odds before any reason; NaN if none were asked);
    feature int16 [n, top] (index into Fitted.features, -1 none); contribution float32 [n, top], strongest first;
    unseen bool [n]: scored by a fold's model, because the final one had learned from this customer.
    """

    probability: np.ndarray
    logit: np.ndarray
    base: np.ndarray
    feature: np.ndarray
    contribution: np.ndarray
    unseen: np.ndarray


@dataclass(frozen=True)
class Fitted:
    """A trained engine. ``models``: one a fold, then the final one. ``learned_keys`` int64 ascending, with the
    fold (int8) that held each of them out. Report's fields can be read here directly (``fitted.metrics``)."""

    encoder: Encoder
    models: tuple[Model, ...]
    learned_keys: np.ndarray
    learned_folds: np.ndarray
    report: Report
    layout: Layout = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "layout", Layout.of(self.encoder))

    def __getattr__(self, name: str) -> Any:
        if name in Report.__dataclass_fields__:
            return getattr(self.report, name)
        raise AttributeError(name)

    @property
    def features(self) -> tuple[Feature, ...]:
        return self.encoder.features

    @property
    def set_aside(self) -> tuple[tuple[str, str], ...]:
        return self.encoder.set_aside

    @property
    def is_additive(self) -> bool:
        return not any(model.groves for model in self.models)

    def which(self, keys: np.ndarray) -> np.ndarray:
        """Index (int64 [n]) into ``models`` that may score these customers (int64 [n])."""
        at = np.minimum(np.searchsorted(self.learned_keys, keys), len(self.learned_keys) - 1)
        learned = self.learned_keys[at] == keys
        return np.where(learned, self.learned_folds[at].astype(np.int64), len(self.models) - 1)

    def contributions(self, values: np.ndarray, which: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Base (float64 [n]) and contributions (float64 [n, k]); base + row sum is the log odds.

        values float64 [n, k] as the encoder gives them; which int64 [n] as ``which`` gives it.
        """
        base, parts = self.additive_part(values, which)
        for index, model in enumerate(self.models):
            rows = np.flatnonzero(which == index)
            if model.groves and rows.size:
                start, steps = reasons.walk(model.tree_logit, values[rows], self.encoder.reference)
                base[rows] += start
                parts[rows] += steps
        return base, parts

    def logit(self, values: np.ndarray, which: np.ndarray) -> np.ndarray:
        """Log odds (float64 [n]) without reasons."""
        base, parts = self.additive_part(values, which)
        return base + parts.sum(axis=1) + self.tree_part(values, which)

    def additive_part(self, values: np.ndarray, which: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Base and contributions, as ``contributions`` gives them, of the tables alone."""
        return tables.contributions(self.layout, [model.tables for model in self.models], values, which)

    def tree_part(self, values: np.ndarray, which: np.ndarray) -> np.ndarray:
        """What the trees add to the log odds, float64 [n]; nought for an additive model."""
        out = np.zeros(len(values))
        for index, model in enumerate(self.models):
            rows = np.flatnonzero(which == index)
            if model.groves and rows.size:
                out[rows] = model.tree_logit(values[rows])
        return out


def score(fitted: Fitted, frame: pd.DataFrame, keys: np.ndarray, *, top: int = 3) -> Scored:
    """Score customers: frame n x any columns, keys int64 [n]. ``top=0`` leaves the reasons out.

    Missing columns are unknown, new levels are "another one", other columns are ignored.
    Raises ValueError when frame and keys differ in length.
    """
    keys = np.asarray(keys, dtype=np.int64)
    if len(keys) != len(frame):
        raise ValueError(f"{len(frame)} rows but {len(keys)} keys")
    n = len(frame)
    which = fitted.which(keys)
    logit, base = np.empty(n), np.full(n, np.nan)
    feature, contribution = np.full((n, top), -1, dtype=np.int16), np.zeros((n, top), dtype=np.float32)
    for start in range(0, n, _BLOCK):
        rows = slice(start, start + _BLOCK)
        values = fitted.encoder.encode(frame.iloc[rows])
        if top:
            base[rows], parts = fitted.contributions(values, which[rows])
            logit[rows] = base[rows] + parts.sum(axis=1)
            feature[rows], contribution[rows] = reasons.strongest(parts, top)
        else:
            logit[rows] = fitted.logit(values, which[rows])
    return Scored(expit(logit), logit, base, feature, contribution, which < len(fitted.models) - 1)


def explain(fitted: Fitted, frame: pd.DataFrame, keys: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Base (float64 [n]) and every contribution (float64 [n, k]) in log odds; they sum to the score's logit."""
    return fitted.contributions(fitted.encoder.encode(frame), fitted.which(np.asarray(keys, dtype=np.int64)))
