"""Turns customers' columns into one matrix of numbers, the same way for learning and for scoring, without the outcome."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from campaigns.outreach.uplift.refusal import UpliftRefused

MAX_LEVELS = 20  # of a category: the commonest have a column each, the others none
MIN_LEVEL_ROWS = 20
_IDENTITY_SHARE = 0.5  # a text that is different for more than half of the customers names them


@dataclass(frozen=True, slots=True)
class Column:
    """levels: texts of a category that have a column each; None for a number."""

    name: str
    levels: tuple[str, ...] | None


@dataclass(frozen=True, slots=True)
class Encoding:
    """What was learned of the columns; set_aside: (name, code): all_same, identity, same_name."""

    columns: tuple[Column, ...]
    set_aside: tuple[tuple[str, str], ...]

    @classmethod
    def learn(cls, frame: pd.DataFrame) -> Encoding:
        """Learn from a frame with numbers, flags, texts and categories. Raises UpliftRefused("no_features")."""
        columns: list[Column] = []
        set_aside: list[tuple[str, str]] = []
        for position, raw_name in enumerate(frame.columns):
            name, series = str(raw_name), frame.iloc[:, position]
            if any(column.name == name for column in columns):
                set_aside.append((name, "same_name"))
                continue
            if _is_number(series):
                numbers = _numbers(series)
                known = numbers[~np.isnan(numbers)]
                if len(known) == 0 or ((known[0] == known).all() and len(known) == len(numbers)):
                    set_aside.append((name, "all_same"))
                else:
                    columns.append(Column(name, None))
                continue
            texts = _texts(series)
            counts = texts.value_counts()
            if len(counts) > max(MAX_LEVELS, _IDENTITY_SHARE * len(texts)):
                set_aside.append((name, "identity"))
                continue
            # ties by name, so that the order of the rows makes no difference
            ranked = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))
            levels = tuple(str(level) for level, rows in ranked[:MAX_LEVELS] if rows >= MIN_LEVEL_ROWS)
            if not levels or (len(counts) == 1 and counts.iloc[0] == len(texts)):
                set_aside.append((name, "all_same"))
            else:
                columns.append(Column(name, levels))
        if not columns:
            raise UpliftRefused("no_features", "No column is left to learn from.", set_aside=tuple(set_aside))
        return cls(tuple(columns), tuple(set_aside))

    @property
    def width(self) -> int:
        return sum(1 if column.levels is None else len(column.levels) for column in self.columns)

    def apply(self, frame: pd.DataFrame) -> np.ndarray:
        """Values float64 [n, width]: numbers with NaN for unknown, and 1 or 0 for each level. A column that the frame lacks
        is unknown; a level never seen is none of the levels."""
        values = np.full((len(frame), self.width), np.nan, order="F")
        places = {str(name): place for place, name in reversed(list(enumerate(frame.columns)))}
        at = 0
        for column in self.columns:
            place = places.get(column.name)
            if column.levels is None:
                if place is not None:
                    values[:, at] = _numbers(frame.iloc[:, place])
                at += 1
                continue
            if place is not None:
                codes = pd.Index(column.levels).get_indexer(_texts(frame.iloc[:, place]).to_numpy(dtype=object))
                values[:, at : at + len(column.levels)] = codes[:, None] == np.arange(len(column.levels))
            at += len(column.levels)
        return values


def _is_number(series: pd.Series) -> bool:
    """Numbers and flags, also where they came as objects (Decimal, None); texts of digits stay texts."""
    if isinstance(series.dtype, pd.CategoricalDtype):
        return False
    if pd.api.types.is_numeric_dtype(series) or pd.api.types.is_bool_dtype(series):
        return True
    known = series.dropna()
    return len(known) > 0 and not known.map(lambda value: isinstance(value, str)).any() and _converts(known)


def _converts(known: pd.Series) -> bool:
    try:
        known.map(float)
    except (TypeError, ValueError):
        return False
    return True


def _numbers(series: pd.Series) -> np.ndarray:
    if isinstance(series.dtype, pd.CategoricalDtype) or series.dtype == object:
        series = series.astype(object).map(lambda value: value if isinstance(value, str) else _float(value))
    numbers = pd.to_numeric(series, errors="coerce").to_numpy(np.float64, na_value=np.nan)
    return np.where(np.isfinite(numbers), numbers, np.nan)


def _float(value: object) -> float:
    try:
        return float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return np.nan


def _texts(series: pd.Series) -> pd.Series:
    """Texts; unknown is a level of its own, the empty one."""
    return series.astype(object).where(series.notna(), "").map(str)
