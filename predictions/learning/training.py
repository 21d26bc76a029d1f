"""The race, from a frame to a Fitted: learn the columns, deal the folds, fit, weigh, judge, fit on everybody."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd
from scipy.special import expit
from scipy.special import logit as log_odds
from threadpoolctl import threadpool_limits

from predictions.learning import evaluation, features, folds, race
from predictions.learning.evidence import require_labels
from predictions.learning.features import Encoder
from predictions.learning.fitted import Fitted, Report
from predictions.learning.versions import installed

MAX_ROWS = 200_000  # learned from; more change the figures in the fourth place and cost minutes
_IMPORTANCE_ROWS = {True: 20_000, False: 1_000}  # additive or not
Progress = Callable[[float, str], None]


def fit(
    frame: pd.DataFrame,
    label: np.ndarray,
    keys: np.ndarray,
    *,
    seed: int = 0,
    progress: Progress | None = None,
) -> Fitted:
    """Train on the labelled rows of a frame.

    frame     n x any raw columns: numeric dtypes are numbers (NaN unknown), all else categories (missing unknown)
    label     float [n]: 1 left, 0 stayed, NaN unknown (such a row is not learned from)
    keys      int64 [n], unique: the customers, so that score() knows whom it learned from
    progress  called often with (fraction done, note); what it raises (a cancellation) passes through

    The same rows, in any order, with the same seed and libraries give the same Fitted.
    Raises NotEnoughEvidence in words and codes; ValueError for arguments that do not fit together.
    """
    began, customers = time.monotonic(), len(frame)
    say = progress or (lambda fraction, note: None)
    label = _as_floats(label)
    require_labels(label)
    frame, label, keys = _learnable(frame, label, keys, seed)
    say(0.01, "columns")
    encoder, values = features.learn(frame)
    fold = folds.deal(values, label, seed)
    base = log_odds(np.array([*(label[fold != number].mean() for number in range(folds.FOLDS)), label.mean()]))
    # one thread: on 7,000 and on 80,000 rows two saved little or lost (measured), two workers on one machine do
    # not spin against each other, and sums are added in the same order everywhere
    with threadpool_limits(limits=1):
        heats = race.run(encoder, values, label, fold, seed, say)
        served = race.decide(heats, label, fold, base)
        models = race.build(served, heats, encoder, values, label, base, seed, say)
    say(0.92, "figures")
    chance = expit(served.blend.logit)
    intervals = evaluation.intervals(label, chance, seed=seed, heartbeat=lambda: say(0.94, "figures"))
    metrics = evaluation.measure(label, chance)
    report = Report(
        algorithm=served.title,
        candidates=race.table(served, heats, label),
        choice=served.choice,
        metrics=metrics,
        intervals=intervals,
        calibration=evaluation.calibration_curve(label, chance),
        counts={"rows": len(label), "churners": int(label.sum()), "customers": customers},
        base_rate=float(label.mean()),
        fingerprint=fingerprint(encoder, values, label, keys),
        seed=seed,
        folds=folds.FOLDS,
        libraries=installed(),
        importance=[],
        seconds=0.0,
    )
    fitted = Fitted(encoder, models, keys, fold, report)
    say(0.96, "importance")
    importance = _importance(fitted, values)
    say(1.0, "done")
    return replace(fitted, report=replace(report, importance=importance, seconds=time.monotonic() - began))


def _importance(fitted: Fitted, values: np.ndarray) -> list[float]:
    """Mean |contribution| of each feature over a spread of the learned customers, by models that had not seen them."""
    most = _IMPORTANCE_ROWS[fitted.is_additive]
    some = np.unique(np.linspace(0, len(values) - 1, min(most, len(values))).astype(np.int64))
    _, parts = fitted.contributions(values[some], fitted.learned_folds[some].astype(np.int64))
    return [float(size) for size in np.abs(parts).mean(axis=0)]


def fingerprint(encoder: Encoder, values: np.ndarray, label: np.ndarray, keys: np.ndarray) -> str:
    """SHA-256 (hex) of what was learned from: column names, values, labels and keys, whatever the row order was."""
    digest = hashlib.sha256()
    for feature in encoder.features:
        digest.update(f"{feature.name}\0{feature.kind}\0{chr(1).join(feature.levels)}\0".encode())
    for part in (values, label, keys):
        digest.update(np.ascontiguousarray(part).tobytes())
    return digest.hexdigest()


def _learnable(
    frame: pd.DataFrame, label: np.ndarray, keys: np.ndarray, seed: int
) -> tuple[pd.DataFrame, np.ndarray, np.ndarray]:
    """The labelled rows in the order of their keys (a database promises none), at most MAX_ROWS of them."""
    keys = np.asarray(keys, dtype=np.int64)
    if not len(frame) == len(label) == len(keys):
        raise ValueError(f"{len(frame)} rows, {len(label)} labels and {len(keys)} keys do not go together")
    order = np.argsort(keys, kind="stable")
    if (np.diff(keys[order]) == 0).any():
        raise ValueError("keys must be unique")
    order = order[~np.isnan(label[order])]
    if len(order) > MAX_ROWS:
        order = order[np.sort(np.random.default_rng(seed).permutation(len(order))[:MAX_ROWS])]
    return frame.iloc[order].reset_index(drop=True), label[order], keys[order]


def _as_floats(label: np.ndarray) -> np.ndarray:
    """Label as float64 [n], whatever array or series it came in; pandas' own missing values become NaN."""
    return pd.Series(label).astype("Float64").to_numpy(dtype=np.float64, na_value=np.nan)
