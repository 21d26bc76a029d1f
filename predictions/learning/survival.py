"""When, not only whether: learns from tenures how long customers stay, and judges itself against Kaplan-Meier.

    model = survival.fit(frame, label, keys, watched=None)
    model.verdict.better_than_kaplan_meier
    ahead = outlook.outlook(model, frame, keys)

What it can and cannot say. The columns are those of today, while the months learned from lie in the past: who
signed for two years last month counts as such in all earlier months. So this is a cross-sectional hazard model;
where a company keeps dated columns, a panel (a row for each customer and month) would be better. And it must be
told what the file holds: everybody who ever joined, or who was here ``watched`` months ago (see kaplan_meier).
With a window the columns are nearly those of the months at risk, so the first reservation is small there.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import asdict

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from predictions.learning import features, folds, survival_figures, tables, time_columns
from predictions.learning.evidence import MIN_OF_EACH, NotEnoughEvidence, require_labels
from predictions.learning.features import Encoder
from predictions.learning.hazard import LONGEST, Grid, Hazard
from predictions.learning.hazard_design import Design, Lives, Sample
from predictions.learning.hazard_fit import fit_hazard
from predictions.learning.survival_figures import Spells
from predictions.learning.survival_model import Survival, SurvivalReport, label_of, odds_of, tenure_of
from predictions.learning.tables import Layout
from predictions.learning.versions import installed

MAX_ROWS = 200_000  # learned from
DRIFTING = 3  # features, the strongest, whose effect may change with tenure where that is measured to help
_LEAST_TENURES = 3  # different ones; with fewer there is no time to learn from
Progress = Callable[[float, str], None]


def fit(
    frame: pd.DataFrame,
    label: np.ndarray,
    keys: np.ndarray,
    *,
    tenure: str = "tenure",
    charges: str | None = "monthly_charges",
    leave_out: Collection[str] = (),
    watched: int | None = None,
    seed: int = 0,
    progress: Progress | None = None,
) -> Survival:
    """Learn when customers leave from the labelled rows of a frame whose tenure is known.

    frame      n x any raw columns, as for ``training.fit``, among them the tenure in months (parts of a month are
               cut off; negative ones and more than a century are unknown)
    label      float [n]: 1 left (the tenure is that at leaving), 0 still here, NaN unknown (not learned from)
    keys       int64 [n], unique
    charges    column of a month's charges, for the value at risk; None, or absent: no value is told
    leave_out  columns that know the time, beside those that time_columns finds
    watched    None: the file holds everybody who ever joined. w: it holds who was here w months ago, and the
               label says who has left since
    progress   called with (fraction done, note); what it raises (a cancellation) passes through

    The same rows, in any order, with the same seed and libraries give the same Survival.
    Raises NotEnoughEvidence: no_tenure, constant_tenure, too_few_events_in_time, no_features, and the codes of
    evidence.require_labels; ValueError for arguments that do not fit together.
    """
    began, customers, say = time.monotonic(), len(frame), progress or (lambda fraction, note: None)
    if watched is not None and not (1 <= watched <= LONGEST and watched == int(watched)):
        raise ValueError("watched is a whole number of months, or None")
    label = label_of(label)
    months = tenure_of(frame, tenure)
    if not len(frame) == len(label) == len(keys):
        raise ValueError(f"{len(frame)} rows, {len(label)} labels and {len(keys)} keys do not go together")
    require_labels(label)
    without_tenure = int((np.isnan(months) & ~np.isnan(label)).sum())
    label = np.where(np.isnan(months), np.nan, label)
    _require_time(months, label, tenure)
    frame, label, keys = _learnable(frame, label, np.asarray(keys, dtype=np.int64), seed)
    months, left = tenure_of(frame, tenure).astype(np.int64), label == 1
    say(0.01, "columns")
    grid = Grid.of(months)
    out = time_columns.find(frame, months.astype(np.float64), name=tenure, leave_out=leave_out)
    names = {column.name for column in out}
    encoder, values = features.learn(frame.loc[:, [str(name) not in names for name in frame.columns]])
    fold = folds.deal(np.column_stack([values, months]), label, seed).astype(np.int64)
    with threadpool_limits(limits=1):  # as in training.fit
        sample = Sample.of(left, encoder, seed)
        some = sample.rows
        design, lives = (
            Design.of(encoder, values[some]),
            Lives.of(grid, months[some], left[some], sample.weight, watched),
        )
        pairs = []
        for number in range(folds.FOLDS):
            say(0.05 + 0.12 * number, "hazard")
            pairs.append(fit_hazard(design, values[some], lives, np.flatnonzero(fold[some] != number), DRIFTING))
        say(0.66, "figures")
        steady = tables.contributions(Layout.of(encoder), [pair[0].g for pair in pairs], values, fold)[1].sum(axis=1)
        spells = Spells.of(months, left, watched, steady)
        at = survival_figures.times(spells, grid, watched)
        models, parts, choice = _choose(pairs, grid, encoder, values, fold, spells, at)
        say(0.78, "hazard")
        moving = 0 if models[0].drift is None else DRIFTING
        proportional, drifting = fit_hazard(design, values[some], lives, np.arange(len(some)), moving)
    models = (*models, drifting or proportional)
    say(0.92, "figures")
    alike = survival_figures.kaplan_meier_odds(grid, months, left, fold, watched)
    verdict = survival_figures.judge(
        parts, survival_figures.integrated_brier(spells, alike, at), spells, at, watched, seed
    )
    odds = odds_of(grid, Layout.of(encoder), models, values, fold)
    report = SurvivalReport(
        verdict=asdict(verdict),
        calibration=[asdict(one) for one in survival_figures.calibration(spells, odds, grid, watched)],
        left_out=[asdict(column) for column in out],
        choice=choice,
        caveats=["columns_of_today", "tail_held_constant", *_caveats(watched)],
        importance=_importance(encoder, models, values, fold),
        counts={
            "rows": len(label),
            "churners": int(left.sum()),
            "customers": customers,
            "without_tenure": without_tenure,
            "fitted_on": len(some),
        },
        watched=watched,
        longest_tenure=grid.last,
        seed=seed,
        folds=folds.FOLDS,
        libraries=installed(),
        seconds=time.monotonic() - began,
    )
    say(1.0, "done")
    return Survival(encoder, grid, models, keys, fold.astype(np.int8), left, tenure, charges, report)


def _learnable(
    frame: pd.DataFrame, label: np.ndarray, keys: np.ndarray, seed: int
) -> tuple[pd.DataFrame, np.ndarray, np.ndarray]:
    """The rows with a label in the order of their keys (a database promises none), at most MAX_ROWS of them."""
    order = np.argsort(keys, kind="stable")
    if (np.diff(keys[order]) == 0).any():
        raise ValueError("keys must be unique")
    order = order[~np.isnan(label[order])]
    if len(order) > MAX_ROWS:
        order = order[np.sort(np.random.default_rng(seed).permutation(len(order))[:MAX_ROWS])]
    return frame.iloc[order].reset_index(drop=True), label[order], keys[order]


def _choose(
    pairs: list[tuple[Hazard, Hazard | None]],
    grid: Grid,
    encoder: Encoder,
    values: np.ndarray,
    fold: np.ndarray,
    spells: Spells,
    at: np.ndarray,
) -> tuple[tuple[Hazard, ...], np.ndarray, dict]:
    """The fold models that serve, each customer's part of their integrated Brier score, and why these: effects
    drift with tenure only if that lowers the score by more than two standard errors."""
    layout = Layout.of(encoder)
    steady = tuple(pair[0] for pair in pairs)
    moving = tuple(pair[1] for pair in pairs if pair[1] is not None)
    parts, others = (
        survival_figures.integrated_brier(spells, odds_of(grid, layout, models, values, fold), at)
        for models in (steady, moving)
    )
    apart = others - parts
    error = float(apart.std(ddof=1) / np.sqrt(len(apart)))
    facts = {"difference": float(apart.mean()), "standard_error": error, "features": []}
    if apart.mean() >= -2 * error:
        return steady, parts, {"code": "proportional", "facts": facts}
    drifts = tables.contributions(layout, [model.drift for model in moving], values, fold)[1]
    facts["features"] = [encoder.features[j].name for j in np.flatnonzero(drifts.any(axis=0))]
    return moving, others, {"code": "drifting", "facts": facts}


def _importance(encoder: Encoder, models: Sequence[Hazard], values: np.ndarray, fold: np.ndarray) -> list[float]:
    some = np.unique(np.linspace(0, len(values) - 1, min(20_000, len(values))).astype(np.int64))
    parts = tables.contributions(Layout.of(encoder), [model.g for model in models], values[some], fold[some])[1]
    return [float(size) for size in np.abs(parts).mean(axis=0)]


def _caveats(watched: int | None) -> list[str]:
    return ["whole_lives_assumed"] if watched is None else ["period_life_table", "checked_within_the_window_only"]


def _require_time(months: np.ndarray, label: np.ndarray, name: str) -> None:
    """Refuse tenures (float64 [n], NaN unknown) that no time can be learned from; label NaN where tenure is."""
    known = ~np.isnan(label)
    events = int((label == 1).sum())
    if not known.any():
        raise NotEnoughEvidence(
            "no_tenure",
            f"No customer with a known outcome has a tenure (column {name!r}), so nothing says when they leave.",
            column=name,
            customers=len(label),
        )
    different = int(np.unique(months[known]).size)
    if different < _LEAST_TENURES:
        raise NotEnoughEvidence(
            "constant_tenure",
            f"Tenure has only {different} different values; at least {_LEAST_TENURES} are needed to tell early from late.",
            column=name,
            different=different,
            needed=_LEAST_TENURES,
        )
    if events < MIN_OF_EACH:
        raise NotEnoughEvidence(
            "too_few_events_in_time",
            f"Only {events} customers with a known tenure are known to have left; at least {MIN_OF_EACH} are needed, "
            f"{MIN_OF_EACH - events} more.",
            churners=events,
            needed=MIN_OF_EACH,
            missing=MIN_OF_EACH - events,
        )
    require_labels(label)
