"""Reads one raw column: is it a number or a category, or should it be set aside, and why.

No label is looked at here, so nothing here can leak one.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from pandas.api import types

NUMERIC, CATEGORY = "numeric", "category"

_NUMBER_LIKE = {"integer", "floating", "decimal", "mixed-integer-float"}  # pandas' names for objects that are numbers
_UNIQUE_TEXT = 0.5  # more distinct texts than this share of the known rows: names, addresses, numbers of a file
_UNIQUE_TEXT_LEVELS = 50


def as_numbers(column: pd.Series) -> np.ndarray:
    """The column as float64 [n]; what is no number, or is infinite, becomes NaN (unknown)."""
    if types.is_timedelta64_dtype(column.dtype):
        column = column.dt.total_seconds() / 86_400  # days
    elif not types.is_numeric_dtype(column.dtype) or types.is_complex_dtype(column.dtype):
        column = pd.to_numeric(column.astype(object).where(column.notna(), None), errors="coerce")
    numbers = column.to_numpy(dtype=np.float64, na_value=np.nan)
    # float32 first: a value read back from a narrower column then falls on the same side of every split
    with np.errstate(over="ignore"):
        numbers = numbers.astype(np.float32).astype(np.float64)
    return np.where(np.isfinite(numbers), numbers, np.nan)


def level_text(value: object) -> str | None:
    """How a category's level is written: 1, 1.0 and "1 " are one level; blank and missing are None (unknown)."""
    if value is None or value is pd.NA or value is pd.NaT:
        return None
    if isinstance(value, float | np.floating):
        if np.isnan(value):
            return None
        if float(value).is_integer():
            return str(int(value))
    return str(value).strip() or None


def as_levels(column: pd.Series) -> tuple[np.ndarray, list[str]]:
    """The column as (codes int64 [n], levels), code -1 for unknown; levels in order of first appearance."""
    try:
        codes, uniques = pd.factorize(column)
    except TypeError:  # cells that cannot be hashed, such as lists
        codes, uniques = pd.factorize(column.map(lambda value: None if value is None else str(value)))
    texts = [level_text(value) for value in uniques]
    levels = list(dict.fromkeys(text for text in texts if text is not None))
    place = {text: index for index, text in enumerate(levels)}
    mapping = np.array([-1 if text is None else place[text] for text in texts] + [-1], dtype=np.int64)
    return mapping[codes], levels  # code -1 reads the last cell of the mapping, which is -1


def kind_of(column: pd.Series) -> str | None:
    """NUMERIC, CATEGORY, or None for what this engine does not read (dates, complex numbers)."""
    dtype = column.dtype
    if isinstance(dtype, pd.CategoricalDtype) or types.is_bool_dtype(dtype):
        return CATEGORY
    if types.is_complex_dtype(dtype) or types.is_datetime64_any_dtype(dtype) or isinstance(dtype, pd.PeriodDtype):
        return None
    if types.is_numeric_dtype(dtype) or types.is_timedelta64_dtype(dtype):
        return NUMERIC
    if types.is_object_dtype(dtype):
        inferred = pd.api.types.infer_dtype(column, skipna=True)
        if inferred in _NUMBER_LIKE:
            return NUMERIC
        if inferred in ("datetime", "date", "datetime64"):
            return None
    return CATEGORY


def why_set_aside_numbers(numbers: np.ndarray) -> str | None:
    """A reason not to learn from this numeric column (float64 [n]), or None."""
    known = numbers[~np.isnan(numbers)]
    if known.size == 0:
        return "all_missing"
    if known.min() == known.max():
        # one value and gaps: whether it is known may tell something, which a numeric feature carries too
        return "constant" if known.size == numbers.size else _few_gaps(numbers.size, known.size)
    if known.size == numbers.size >= MIN_IDENTIFIER_ROWS and _counts_rows(known):
        return "identifier"
    return None


MIN_IDENTIFIER_ROWS = 50


def _few_gaps(rows: int, known: int) -> str | None:
    return "constant" if min(known, rows - known) < 10 else None


def _counts_rows(known: np.ndarray) -> bool:
    """Whole numbers, all different, nearly without gaps: a row number or a serial number."""
    return bool(
        (known == np.floor(known)).all()
        and np.unique(known).size == known.size
        and known.max() - known.min() <= 1.25 * known.size
    )


def why_set_aside_levels(codes: np.ndarray, n_levels: int) -> str | None:
    """A reason not to learn from this categorical column (codes int64 [n], -1 unknown), or None."""
    known = int((codes >= 0).sum())
    if known == 0:
        return "all_missing"
    if n_levels == 1:
        return "constant" if known == codes.size else _few_gaps(codes.size, known)
    if n_levels > _UNIQUE_TEXT_LEVELS and n_levels > _UNIQUE_TEXT * known:
        return "near_unique_text"
    return None
