"""What the model would say of one customer if some of their columns were otherwise.

Scored by the model that may score this customer, before and after. It is a question to the model and no forecast:
nothing else about the customer moves with the change, and what goes with leaving need not cause it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import expit

from predictions.learning import columns
from predictions.learning.columns import NUMERIC
from predictions.learning.features import Feature
from predictions.learning.fitted import Fitted

_NOTHING = 1e-9  # log odds; a difference below is rounding


class ImpossibleChange(ValueError):
    """A change that the model cannot speak about. ``code`` and ``facts`` let an interface say it in another language.

    code: unknown_column, not_learned, unknown_level, not_a_number, never_unknown. facts: column, and value, why (it was
    set aside) or levels where they apply.
    """

    def __init__(self, code: str, message: str, **facts: object) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.facts = facts

    def __reduce__(self) -> tuple[object, ...]:
        return _rebuild, (self.code, self.message, self.facts)


def _rebuild(code: str, message: str, facts: dict[str, object]) -> ImpossibleChange:
    return ImpossibleChange(code, message, **facts)


@dataclass(frozen=True, slots=True)
class Difference:
    """One feature's contribution in log odds, before and after; for trees a feature may move without being changed."""

    feature: str
    before: float
    after: float

    @property
    def change(self) -> float:
        return self.after - self.before


@dataclass(frozen=True, slots=True)
class WhatIf:
    """before, after: probability; logit_before, logit_after; differences, the largest first, add up to the change of
    the logit; extrapolates: changed columns whose number lies outside what was ever learned from; unseen: answered by
    the fold's model that had not learned from this customer."""

    before: float
    after: float
    logit_before: float
    logit_after: float
    differences: tuple[Difference, ...]
    extrapolates: tuple[str, ...]
    unseen: bool


def what_if(fitted: Fitted, row_frame: pd.DataFrame, key: int, changes: Mapping[str, object]) -> WhatIf:
    """Ask the model about one customer (a frame of one row, and their key) with ``changes`` (column -> value) made.

    A value is a number, a level's text, or None for unknown. A value the customer already has may always be given.
    Raises ImpossibleChange for what was never learned; ValueError where the frame is not of one row.
    """
    if len(row_frame) != 1:
        raise ValueError(f"one customer is asked about, not {len(row_frame)}")
    which = fitted.which(np.array([key], dtype=np.int64))
    now = fitted.encoder.encode(row_frame)
    then, extrapolates = now.copy(order="F"), []
    place = {feature.name: index for index, feature in enumerate(fitted.features)}
    aside = dict(fitted.set_aside)
    for name, value in changes.items():
        index = place.get(name)
        if index is None and name in aside:
            raise ImpossibleChange(
                "not_learned",
                f'The model does not look at "{name}": it was set aside ({aside[name]}).',
                column=name,
                why=aside[name],
            )
        if index is None:
            raise ImpossibleChange("unknown_column", f'The model knows no column "{name}".', column=name)
        feature = fitted.features[index]
        if _is_as_it_was(row_frame, feature, value):
            continue
        then[0, index] = _read(feature, value)
        if _is_outside(feature, then[0, index]):
            extrapolates.append(name)
    base, parts = fitted.contributions(np.vstack([now, then]), np.repeat(which, 2))
    logit = base + parts.sum(axis=1)
    moved = np.flatnonzero(np.abs(parts[1] - parts[0]) > _NOTHING)
    order = moved[np.argsort(-np.abs(parts[1] - parts[0])[moved], kind="stable")]
    return WhatIf(
        before=float(expit(logit[0])),
        after=float(expit(logit[1])),
        logit_before=float(logit[0]),
        logit_after=float(logit[1]),
        differences=tuple(
            Difference(fitted.features[j].name, float(parts[0, j]), float(parts[1, j])) for j in order.tolist()
        ),
        extrapolates=tuple(extrapolates),
        unseen=bool(which[0] < len(fitted.models) - 1),
    )


def _read(feature: Feature, value: object) -> float:
    """The value as the feature's cell; NaN for unknown."""
    column = pd.Series([value], dtype=object)
    if columns.level_text(value) is None:
        if not feature.unknown:
            raise ImpossibleChange(
                "never_unknown",
                f'"{feature.name}" was known of every customer learned from, so the model cannot say what unknown means.',
                column=feature.name,
            )
        return np.nan
    if feature.kind == NUMERIC:
        number = np.nan if isinstance(value, bool | np.bool_) else columns.as_numbers(column)[0]
        if np.isnan(number):
            raise ImpossibleChange(
                "not_a_number", f'"{feature.name}" takes a finite number.', column=feature.name, value=str(value)
            )
        return float(number)
    text = columns.level_text(value)
    if text not in feature.levels:
        raise ImpossibleChange(
            "unknown_level",
            f'"{text}" is no value of "{feature.name}" that the model has learned about.',
            column=feature.name,
            value=text,
            levels=list(feature.levels),
        )
    return float(feature.levels.index(text))


def _is_as_it_was(row_frame: pd.DataFrame, feature: Feature, value: object) -> bool:
    """Whether the customer has this very value already, be it one that the model pools with other rare ones."""
    position = next((at for at, name in enumerate(row_frame.columns) if str(name) == feature.name), None)
    has = None if position is None else row_frame.iloc[0, position]
    return columns.level_text(has) == columns.level_text(value)


def _is_outside(feature: Feature, value: float) -> bool:
    """Whether a number lies outside what was learned from (a feature's outer knots are its least and greatest)."""
    return feature.kind == NUMERIC and bool(value < feature.knots[0] or value > feature.knots[-1])
