"""Profiles a table in one pass and bounded memory: fullness, distinct values, distribution, outliers, drift, duplicates.

Counts are exact. Distributions come from a sample of rows drawn by a hash of their number (the rows with the smallest
hashes, Cohen and Kaplan 2007), so the result does not depend on how the table was cut into batches, and two profilers of two
halves merge into that of the whole. Distinct values are exact to 16,383 and then estimated from the smallest hashes (Bar-Yossef
and others 2002; about 1 %); the commonest values are counted after Misra and Gries (1982; merging: Agarwal and others 2012).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
from pandas.api import types

from .profiles import Profile, as_numbers, describe, drift_since, in_reach, number_text
from .schema import UNKNOWN_VALUES, normalise

SAMPLE_ROWS = 10_000
COUNTED_VALUES = 1_000
EXACT_DISTINCT = 16_384
MOST_KEYS = 4_000_000  # rows among which duplicates are looked for: 8 bytes each
IDENTITY = ("first_name", "last_name", "email")
_TOP = np.uint64(0xFFFFFFFFFFFFFFFF)


class Profiler:
    """Takes a table batch by batch; ``finish`` gives its Profile.

    ``start``: number of the first row this profiler sees, so that several may share a table and be merged. ``label``: the
    column that says who left (1/0, True/False or missing), counted but not described. ``identity``: first name, last name
    and e-mail address, for duplicates.
    """

    def __init__(self, *, start: int = 0, label: str | None = None, identity: Sequence[str] = IDENTITY) -> None:
        self.start, self.rows = start, 0
        self._label, self._identity = label, tuple(identity)
        self._columns: dict[str, _Counts] = {}
        self._priorities = np.empty(0, dtype=np.uint64)
        self._sample: pd.DataFrame | None = None
        self._keys: list[np.ndarray] = []
        self._key_rows: list[np.ndarray] = []
        self._n_keys, self._looked_for_keys = 0, False
        self._classes: Counter[str] = Counter()

    def add(self, frame: pd.DataFrame) -> None:
        """Count a batch (n x k; cells as text or typed). Columns may differ from batch to batch: absent is unknown."""
        first, n = self.start + self.rows, len(frame)
        if n == 0:
            return
        numbers = np.arange(first, first + n, dtype=np.uint64)
        self._draw(frame, _mix(numbers))
        for position, name in enumerate(map(str, frame.columns)):
            if name == self._label:
                self._count_classes(frame.iloc[:, position])
                continue
            self._columns.setdefault(name, _Counts()).add(frame.iloc[:, position])
        self._remember_keys(frame, numbers)
        self.rows += n

    def merge(self, other: Profiler) -> None:
        """Add what another profiler counted of other rows of the same table."""
        for name, counts in other._columns.items():
            self._columns.setdefault(name, _Counts()).merge(counts)
        if other._sample is not None:
            self._keep(other._sample, other._priorities)
        self._keys += other._keys
        self._key_rows += other._key_rows
        self._n_keys += other._n_keys
        self._looked_for_keys |= other._looked_for_keys
        self._classes += other._classes
        self.rows += other.rows

    def finish(self, previous: Profile | None = None) -> Profile:
        """The table's profile; with ``previous`` each column also says how it moved since."""
        sample = self._sample if self._sample is not None else pd.DataFrame()
        order = np.argsort(self._priorities)
        sample = sample.iloc[order] if len(sample) else sample
        left = _as_label(sample[self._label]) if self._label in sample.columns else None
        columns = {}
        for name, counts in self._columns.items():
            cells = sample[name] if name in sample.columns else pd.Series(dtype=object)
            found = describe(counts.facts(self.rows), cells, left)
            if previous is not None:
                found = replace(found, drift=drift_since(previous.columns.get(name), found, cells))
            columns[name] = found
        gone = sorted(set(previous.columns) - set(columns)) if previous else []
        classes = {k: self._classes[k] for k in ("left", "stayed", "unknown")} if self._label else {}
        return Profile(self.rows, len(sample), columns, classes, self._duplicates(), tuple(gone))

    # ------------------------------------------------------------ parts

    def _draw(self, frame: pd.DataFrame, priorities: np.ndarray) -> None:
        if len(self._priorities) >= SAMPLE_ROWS:
            chosen = np.flatnonzero(priorities < self._priorities.max())
        else:
            chosen = np.arange(len(priorities))
        if len(chosen) > SAMPLE_ROWS:
            chosen = chosen[np.argpartition(priorities[chosen], SAMPLE_ROWS - 1)[:SAMPLE_ROWS]]
        if len(chosen):
            part = frame.iloc[chosen].astype(object)
            part.columns = [str(c) for c in part.columns]
            self._keep(part.loc[:, ~part.columns.duplicated()], priorities[chosen])

    def _keep(self, part: pd.DataFrame, priorities: np.ndarray) -> None:
        merged = part if self._sample is None else pd.concat([self._sample, part], ignore_index=True)
        every = np.concatenate([self._priorities, priorities])
        if len(every) > SAMPLE_ROWS:
            smallest = np.argpartition(every, SAMPLE_ROWS - 1)[:SAMPLE_ROWS]
            merged, every = merged.iloc[smallest], every[smallest]
        self._sample, self._priorities = merged.reset_index(drop=True), every

    def _count_classes(self, column: pd.Series) -> None:
        left = _as_label(column)
        self._classes["left"] += int((left == 1).sum())
        self._classes["stayed"] += int((left == 0).sum())
        self._classes["unknown"] += int(np.isnan(left).sum())

    def _remember_keys(self, frame: pd.DataFrame, numbers: np.ndarray) -> None:
        """A hash of normalised name and address for each row that has an address; rows beyond MOST_KEYS are left out."""
        email = self._identity[-1]
        if email not in frame.columns or self._n_keys >= MOST_KEYS:
            return
        self._looked_for_keys = True
        address = _text(frame[email]).str.strip().str.casefold()
        has = ~address.isin(UNKNOWN_VALUES).to_numpy()
        key = address
        for name in self._identity[:-1]:
            if name in frame.columns:
                codes, levels = pd.factorize(_text(frame[name]))
                spelt = np.array([normalise(str(level)) for level in levels] + [""], dtype=object)
                key = key + "\x1f" + pd.Series(spelt[codes], index=key.index)
        hashes = pd.util.hash_array(key.to_numpy(dtype=object)[has], categorize=False)
        self._keys.append(hashes)
        self._key_rows.append(numbers[has])
        self._n_keys += len(hashes)

    def _duplicates(self) -> dict[str, object] | None:
        """Groups of rows with one name and address: {"groups", "rows" (all in groups), "looked_at", "examples"}."""
        if not self._looked_for_keys:
            return None
        keys = np.concatenate(self._keys) if self._keys else np.empty(0, dtype=np.uint64)
        rows = np.concatenate(self._key_rows) if self._keys else np.empty(0, dtype=np.uint64)
        order = np.argsort(keys, kind="stable")
        keys, rows = keys[order], rows[order]
        starts = np.flatnonzero(np.append(True, keys[1:] != keys[:-1])) if len(keys) else np.empty(0, dtype=np.int64)
        sizes = np.diff(np.append(starts, len(keys)))
        repeated = np.flatnonzero(sizes > 1)
        groups = [sorted(rows[starts[i] : starts[i] + min(sizes[i], 10)].tolist()) for i in repeated[:1000]]
        return {
            "groups": len(repeated),
            "rows": int(sizes[repeated].sum()),
            "looked_at": len(keys),
            "examples": sorted(groups)[:20],
        }


def profile(
    frame: pd.DataFrame,
    previous: Profile | None = None,
    *,
    label: str | None = None,
    identity: Sequence[str] = IDENTITY,
) -> Profile:
    """The profile of one whole frame (n x k, cells as text or typed; missing, blank and "n/a" cells are unknown)."""
    profiler = Profiler(label=label, identity=identity)
    profiler.add(frame)
    return profiler.finish(previous)


class _Counts:
    """One column, counted exactly where that is cheap: rows, unknown cells, smallest and largest number, commonest values."""

    def __init__(self) -> None:
        self.seen = self.known = self.n_numbers = 0
        self.total = 0.0
        self.low, self.high = np.inf, -np.inf
        self.values: Counter[str] = Counter()
        self.dropped = 0  # each count is too low by this at most
        self.hashes = np.empty(0, dtype=np.uint64)

    def add(self, column: pd.Series) -> None:
        try:
            counts = column.value_counts(sort=False)
        except TypeError:  # cells that cannot be hashed, such as lists
            counts = column.map(lambda cell: None if cell is None else str(cell)).value_counts(sort=False)
        self.seen += len(column)
        levels, times = counts.index, counts.to_numpy(dtype=np.int64)
        if types.is_numeric_dtype(levels.dtype) and not types.is_bool_dtype(levels.dtype):
            texts, numbers = None, in_reach(levels.to_numpy(dtype=np.float64, na_value=np.nan))
            finite = np.isfinite(numbers)
            numbers, times = numbers[finite], times[finite]
        else:
            texts = [str(level).strip() for level in levels]
            known = np.array([text.casefold() not in UNKNOWN_VALUES for text in texts], dtype=bool)
            texts, times = [text for text, is_known in zip(texts, known, strict=True) if is_known], times[known]
            numbers = as_numbers(texts)
        if not len(times):
            return
        self.known += int(times.sum())
        finite = np.isfinite(numbers)
        if finite.any():
            self.n_numbers += int(times[finite].sum())
            self.total += float((numbers[finite] * times[finite]).sum())
            self.low = min(self.low, float(numbers[finite].min()))
            self.high = max(self.high, float(numbers[finite].max()))
        self._count_values(numbers, texts, times)

    def _count_values(self, numbers: np.ndarray, texts: list[str] | None, times: np.ndarray) -> None:
        if texts is None:
            hashes = pd.util.hash_array(numbers.astype(np.float64))
            kept = np.argsort(-times, kind="stable")[:COUNTED_VALUES]
            pairs = ((number_text(numbers[i]), int(times[i])) for i in kept)
        else:
            hashes = pd.util.hash_array(np.array(texts, dtype=object), categorize=False)
            kept = np.argsort(-times, kind="stable")[:COUNTED_VALUES]
            pairs = ((texts[i], int(times[i])) for i in kept)
        self._keep_hashes(hashes)
        if len(times) > COUNTED_VALUES:
            self.dropped += int(times[np.argsort(-times, kind="stable")[COUNTED_VALUES]])
        for text, count in pairs:
            self.values[text] += count
        self._shrink()

    def _keep_hashes(self, hashes: np.ndarray) -> None:
        if len(self.hashes) >= EXACT_DISTINCT:
            hashes = hashes[hashes < self.hashes[-1]]
        if len(hashes):
            self.hashes = np.unique(np.concatenate([self.hashes, hashes]))[:EXACT_DISTINCT]

    def _shrink(self) -> None:
        if len(self.values) > 2 * COUNTED_VALUES:
            ordered = self.values.most_common()
            cut = ordered[COUNTED_VALUES][1]
            self.dropped += cut
            self.values = Counter({text: n for text, n in ordered[:COUNTED_VALUES] if n > cut})

    def merge(self, other: _Counts) -> None:
        self.seen += other.seen
        self.known += other.known
        self.n_numbers += other.n_numbers
        self.total += other.total
        self.low, self.high = min(self.low, other.low), max(self.high, other.high)
        self.values += other.values
        self.dropped += other.dropped
        self._keep_hashes(other.hashes)
        self._shrink()

    def facts(self, rows: int) -> dict[str, object]:
        """What was counted; a column that some batches lacked is unknown in their rows."""
        exact = len(self.hashes) < EXACT_DISTINCT
        distinct = len(self.hashes)
        if not exact:
            share = float(self.hashes[-1]) / float(_TOP)
            distinct = min(self.known, round((EXACT_DISTINCT - 1) / share))
        return {
            "rows": rows,
            "known": self.known,
            "numbers": self.n_numbers,
            "mean": self.total / self.n_numbers if self.n_numbers else None,
            "minimum": self.low if self.n_numbers else None,
            "maximum": self.high if self.n_numbers else None,
            "distinct": distinct,
            "distinct_is_exact": exact,
            "top": sorted(self.values.items(), key=lambda pair: (-pair[1], pair[0]))[:20],
            "top_error": self.dropped,
        }


def _mix(numbers: np.ndarray) -> np.ndarray:
    """A hash of row numbers (uint64 [n]) without pattern: the finalizer of SplitMix64 (Steele, Lea, Flood 2014)."""
    with np.errstate(over="ignore"):
        z = numbers + np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return z ^ (z >> np.uint64(31))


def _text(column: pd.Series) -> pd.Series:
    return column.astype(object).where(column.notna(), "").astype(str).reset_index(drop=True)


def _as_label(column: pd.Series) -> np.ndarray:
    return pd.to_numeric(column.astype(object), errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)
