"""The race, from a frame to a Fitted: learn the columns, deal the folds, fit, weigh, judge, fit on everybody."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import expit
from scipy.special import logit as log_odds
from threadpoolctl import threadpool_limits

from predictions.learning import effects, evaluation, features, folds, race, targeting
from predictions.learning.evidence import require_labels
from predictions.learning.fairness import PROTECTED, fairness
from predictions.learning.features import Encoder
from predictions.learning.fitted import Fitted, Report
from predictions.learning.slices import SLICES, by_slice
from predictions.learning.versions import installed

MAX_ROWS = 200_000  # learned from; more change the figures in the fourth place and cost minutes
_IMPORTANCE_ROWS = {True: 20_000, False: 1_000}  # additive or not
_OWN_ROWS = 10_000  # on which the final model's own loss is told
Progress = Callable[[float, str], None]
# (numbers of the rows learned from, their labels, name -> out-of-fold chance) -> plain rows, best first
Contest = Callable[[np.ndarray, np.ndarray, dict[str, np.ndarray]], list[dict]]


def fit(
    frame: pd.DataFrame,
    label: np.ndarray,
    keys: np.ndarray,
    *,
    about: pd.DataFrame | None = None,
    slices: Sequence[str] = SLICES,
    protected: Sequence[str] = PROTECTED,
    threshold: float | None = None,
    contest: Contest | None = None,
    seed: int = 0,
    progress: Progress | None = None,
) -> Fitted:
    """Train on the labelled rows of a frame.

    frame      n x any raw columns: numeric dtypes are numbers (NaN unknown), all else categories (missing unknown)
    label      float [n]: 1 left, 0 stayed, NaN unknown (such a row is not learned from)
    keys       int64 [n], unique: the customers, so that score() knows whom it learned from
    about      n x any columns, in the rows' order, never learned from: where slices are looked for first, then frame
    slices     names of columns by whose parts figures are told; those that are in neither frame are left out
    protected  names of columns whose groups are to be treated alike; also told as slices
    threshold  chance (0..1) from which a customer counts as at risk in slices and fairness; without one, that at which
               as many customers count so as left
    contest    judges the candidates by something of the caller's own, such as profit (backtest.compare_profit): told in
               the report, and no part of the choice
    progress   called often with (fraction done, note); what it raises (a cancellation) passes through

    The same rows, in any order, with the same seed and libraries give the same Fitted.
    Raises NotEnoughEvidence in words and codes; ValueError for arguments that do not fit together.
    """
    began, customers = time.monotonic(), len(frame)
    say = progress or (lambda fraction, note: None)
    label = _as_floats(label)
    require_labels(label)
    if threshold is not None and not 0 <= threshold <= 1:
        raise ValueError(f"a threshold is a chance from 0 to 1, not {threshold}")
    rows = _learnable(len(frame), label, keys, seed)
    about = _beside(frame, about, [*slices, *protected]).iloc[rows].reset_index(drop=True)
    frame, label, keys = frame.iloc[rows].reset_index(drop=True), label[rows], np.asarray(keys, dtype=np.int64)[rows]
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
        report = Report(
            algorithm=served.title,
            candidates=race.table(served, heats, label),
            choice=served.choice,
            counts={"rows": len(label), "churners": int(label.sum()), "customers": customers},
            base_rate=float(label.mean()),
            fingerprint=fingerprint(encoder, values, label, keys),
            seed=seed,
            folds=folds.FOLDS,
            libraries=installed(),
            importance=[],
            seconds=0.0,
            profit=contest(rows, label, _chances(heats, served, chance)) if contest else [],
            **_figures(label, chance, seed, say),
            **_parts(label, chance, threshold, about, [*slices, *protected], protected, seed),
        )
        fitted = Fitted(encoder, models, keys, fold, report)
        told = _effects(fitted, values, label, base[fold], seed, say)
    say(1.0, "done")
    return replace(fitted, report=replace(report, **told, seconds=time.monotonic() - began))


def _chances(heats: Sequence[race.Heat], served: race.Served, chance: np.ndarray) -> dict[str, np.ndarray]:
    """Out-of-fold chances by name: each candidate's, and those of the model that serves."""
    return {heat.candidate.name: expit(heat.logit) for heat in heats} | {served.name: chance}


def _figures(label: np.ndarray, chance: np.ndarray, seed: int, say: Progress) -> dict[str, Any]:
    """The report's figures about everybody, by field."""
    return {
        "metrics": evaluation.measure(label, chance),
        "intervals": evaluation.intervals(label, chance, seed=seed, heartbeat=lambda: say(0.93, "figures")),
        "calibration": evaluation.calibration_curve(label, chance),
        "calibration_line": evaluation.calibration_line(label, chance) or {},
        "ece_by_luck": evaluation.ece_of_the_calibrated(chance, seed=seed),
        "lift": targeting.lift_table(label, chance, seed=seed),
        "worried": targeting.most_worried(label, chance, seed=seed),
    }


def _parts(
    label: np.ndarray,
    chance: np.ndarray,
    threshold: float | None,
    about: pd.DataFrame,
    names: Sequence[str],
    protected: Sequence[str],
    seed: int,
) -> dict[str, Any]:
    """The report's figures at a threshold, of everybody and by part, by field."""
    told = targeting.confusions(label, chance, threshold)
    at = told[0]["threshold"] if threshold is None else threshold
    return {
        "confusion": told,
        "slices": by_slice(label, chance, at, about, names),
        "fairness": fairness(label, chance, at, about, protected, seed=seed),
    }


def _effects(
    fitted: Fitted, values: np.ndarray, label: np.ndarray, base: np.ndarray, seed: int, say: Progress
) -> dict[str, Any]:
    """What the columns do, and the final model's loss on its own rows, by the report's fields."""

    def heartbeat() -> None:
        say(0.96, "importance")

    heartbeat()
    some = effects.spread(len(values), _OWN_ROWS)
    own = fitted.logit(values[some], np.full(len(some), len(fitted.models) - 1))
    others = fitted.logit(values[some], fitted.learned_folds[some].astype(np.int64))
    loss = {
        name: float(evaluation.losses(label[some], logit).mean())
        for name, logit in (("log_loss", own), ("out_of_fold", others), ("baseline", base[some]))
    }
    importance = _importance(fitted, values, heartbeat)
    permutation = effects.permutation_importance(fitted, values, label, seed=seed, heartbeat=heartbeat)
    strongest = np.argsort([-row["loss_increase"] for row in permutation], kind="stable")[: effects.TOP]
    return {
        "importance": importance,
        "permutation": permutation,
        "dependence": effects.dependence(fitted, values, strongest.tolist(), heartbeat=heartbeat),
        "training": loss | {"rows": len(some)},
    }


def _importance(fitted: Fitted, values: np.ndarray, heartbeat: Callable[[], None]) -> list[float]:
    """Mean |contribution| of each feature over a spread of the learned customers, by models that had not seen them."""
    some = effects.spread(len(values), _IMPORTANCE_ROWS[fitted.is_additive])
    which, size = fitted.learned_folds[some].astype(np.int64), np.zeros(values.shape[1])
    for fold in range(len(fitted.models) - 1):
        heartbeat()  # with many columns, walking through trees takes a second a fold
        _, parts = fitted.contributions(values[some[which == fold]], which[which == fold])
        size += np.abs(parts).sum(axis=0)
    return [float(one) for one in size / len(some)]


def fingerprint(encoder: Encoder, values: np.ndarray, label: np.ndarray, keys: np.ndarray) -> str:
    """SHA-256 (hex) of what was learned from: column names, values, labels and keys, whatever the row order was."""
    digest = hashlib.sha256()
    for feature in encoder.features:
        digest.update(f"{feature.name}\0{feature.kind}\0{chr(1).join(feature.levels)}\0".encode())
    for part in (values, label, keys):
        digest.update(np.ascontiguousarray(part).tobytes())
    return digest.hexdigest()


def _learnable(n: int, label: np.ndarray, keys: np.ndarray, seed: int) -> np.ndarray:
    """The labelled rows' numbers in the order of their keys (a database promises none), at most MAX_ROWS of them."""
    keys = np.asarray(keys, dtype=np.int64)
    if not n == len(label) == len(keys):
        raise ValueError(f"{n} rows, {len(label)} labels and {len(keys)} keys do not go together")
    order = np.argsort(keys, kind="stable")
    if (np.diff(keys[order]) == 0).any():
        raise ValueError("keys must be unique")
    order = order[~np.isnan(label[order])]
    if len(order) > MAX_ROWS:
        order = order[np.sort(np.random.default_rng(seed).permutation(len(order))[:MAX_ROWS])]
    return order


def _beside(frame: pd.DataFrame, about: pd.DataFrame | None, names: Sequence[str]) -> pd.DataFrame:
    """The columns of those names, from ``about`` where it has them and else from the frame."""
    if about is not None and len(about) != len(frame):
        raise ValueError(f"{len(frame)} rows and {len(about)} rows about them do not go together")
    found: dict[str, pd.Series] = {}
    for one in (frame,) if about is None else (about, frame):
        for position, name in enumerate(map(str, one.columns)):
            if name in names and name not in found:
                found[name] = one.iloc[:, position].reset_index(drop=True)
    return pd.DataFrame(found, index=pd.RangeIndex(len(frame)))


def _as_floats(label: np.ndarray) -> np.ndarray:
    """Label as float64 [n], whatever array or series it came in; pandas' own missing values become NaN."""
    try:
        return pd.Series(label).astype("Float64").to_numpy(dtype=np.float64, na_value=np.nan)
    except (TypeError, ValueError) as error:
        raise ValueError("a label is 1 (left), 0 (stayed) or NaN (unknown)") from error
