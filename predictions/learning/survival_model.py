"""What learning when customers leave leaves behind: one hazard model a fold, one of everybody, and what is told of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from predictions.learning import columns, kaplan_meier, survival_figures, tables
from predictions.learning.features import Encoder, Feature
from predictions.learning.fitted import Fitted
from predictions.learning.hazard import LONGEST, Grid, Hazard, Odds
from predictions.learning.survival_figures import Segment, Verdict
from predictions.learning.tables import Layout


@dataclass(frozen=True)
class SurvivalReport:
    """Plain values only, fit for JSON.

    verdict         survival_figures.Verdict as a dict
    calibration     survival_figures.CalibrationBin as dicts
    left_out        time_columns.TimeColumn as dicts: columns that know the time
    choice          {"code", "facts"}: proportional, or drifting where effects that change with tenure were measured to
                    help. facts: difference (integrated Brier score, drifting minus proportional), standard_error,
                    features (names; empty if proportional)
    caveats         codes: columns_of_today and tail_held_constant always; whole_lives_assumed, or period_life_table
                    and checked_within_the_window_only
    importance      mean |g| in log odds of each feature, in the order of the features
    counts          rows (learned from), churners, customers, without_tenure (of the labelled), fitted_on
    longest_tenure  months; what is said of later ones rests on holding the last interval's risk
    """

    verdict: dict
    calibration: list[dict]
    left_out: list[dict]
    choice: dict
    caveats: list[str]
    importance: list[float]
    counts: dict[str, int]
    watched: int | None
    longest_tenure: int
    seed: int
    folds: int
    libraries: dict[str, str]
    seconds: float


@dataclass(frozen=True)
class Survival:
    """A trained survival engine. ``models``: one a fold, then the final one. ``learned_keys`` int64 ascending, with
    the fold (int8) that held each of them out and whether (bool) they had left. tenure, charges: names of columns."""

    encoder: Encoder
    grid: Grid
    models: tuple[Hazard, ...]
    learned_keys: np.ndarray
    learned_folds: np.ndarray
    learned_left: np.ndarray
    tenure: str
    charges: str | None
    report: SurvivalReport
    layout: Layout = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "layout", Layout.of(self.encoder))

    which = Fitted.which  # the very same rule: nobody is judged by a model that knew how their story ended

    @property
    def features(self) -> tuple[Feature, ...]:
        return self.encoder.features

    @property
    def verdict(self) -> Verdict:
        return Verdict(**self.report.verdict)

    def odds(self, values: np.ndarray, which: np.ndarray) -> Odds:
        """The monthly odds of leaving of customers: values float64 [n, k] as the encoder gives them, which int64 [n]."""
        return odds_of(self.grid, self.layout, self.models, values, which)


def odds_of(grid: Grid, layout: Layout, models: Sequence[Hazard], values: np.ndarray, which: np.ndarray) -> Odds:
    """Monthly odds of leaving: values float64 [n, k]; which int64 [n], the model of each row."""
    g = tables.contributions(layout, [model.g for model in models], values, which)[1].sum(axis=1)
    drifts = [model.drift for model in models if model.drift is not None]
    drift = tables.contributions(layout, drifts, values, which)[1].sum(axis=1) if drifts else None
    return Odds.of(grid, models, which, g, drift)


def segments(
    model: Survival, frame: pd.DataFrame, keys: np.ndarray, label: np.ndarray, group: pd.Series | None = None
) -> list[Segment]:
    """Observed and expected curves of the largest groups (a category column, n cells), or of everybody (None).

    frame n x columns, keys int64 [n], label float [n] as for ``fit``; rows whose tenure or label is unknown are
    passed over. Customers whom the model learned from are expected by the fold that had not seen them.
    """
    keys, label, months = np.asarray(keys, dtype=np.int64), label_of(label), tenure_of(frame, model.tenure)
    if not len(frame) == len(keys) == len(label) or (group is not None and len(group) != len(frame)):
        raise ValueError(f"{len(frame)} rows, {len(keys)} keys, {len(label)} labels and the group do not go together")
    good = kaplan_meier.is_known(months, label)
    groups: Sequence[tuple[str | None, np.ndarray]] = [(None, np.flatnonzero(good))] if good.any() else []
    if group is not None:
        groups = kaplan_meier.members(group, among=good)
    found = []
    for name, rows in groups:
        odds = model.odds(model.encoder.encode(frame.iloc[rows]), model.which(keys[rows]))
        found.append(
            survival_figures.segment(
                name, odds, months[rows].astype(np.int64), label[rows] == 1, model.grid, model.report.watched
            )
        )
    return found


def tenure_of(frame: pd.DataFrame, name: str) -> np.ndarray:
    """Whole months of tenure (float64 [n]); unknown (NaN) where missing, negative or beyond a century, and where
    the frame has no such column."""
    positions = [i for i, column in enumerate(frame.columns) if str(column) == name]
    if not positions:
        return np.full(len(frame), np.nan)
    months = np.floor(columns.as_numbers(frame.iloc[:, positions[0]]))
    return np.where((months >= 0) & (months <= LONGEST), months, np.nan)


def label_of(label: np.ndarray) -> np.ndarray:
    """Label as float64 [n], whatever array or series it came in; pandas' own missing values become NaN."""
    try:
        return pd.Series(label).astype("Float64").to_numpy(dtype=np.float64, na_value=np.nan)
    except (TypeError, ValueError) as error:
        raise ValueError("a label is 1 (left), 0 (still here) or NaN (unknown)") from error
