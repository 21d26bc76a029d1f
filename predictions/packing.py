"""Reasons as numbers: a million rows are written without a text each, and read back one customer at a time.

A score keeps three signed feature numbers (what a list is filtered by) and 36 bytes: three effects as float32, three
values as float64. What the numbers stand for is the run's legend: the features' names, which of them count days, and
the texts that category values are the codes of.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

TOP = 3
MOST_TEXTS = 1000  # of one column in a run's legend; whoever has a rarer one reads ANOTHER
ANOTHER = "…"
_LONGEST_TEXT = 120  # what a sentence needs of a value: other fields may hold long texts
_FACTS = np.dtype([("effect", "<f4", TOP), ("value", "<f8", TOP)])


@dataclass
class Texts:
    """The texts of one column, numbered as they are met."""

    found: dict[str, int] = field(default_factory=dict)

    def codes(self, column: pd.Series) -> np.ndarray:
        """float64 [n]: the number of each text, NaN for unknown."""
        codes, levels = coded(column)
        numbers = [*(self._number(_shortened(str(level))) for level in levels), np.nan]
        return np.array(numbers, dtype=np.float64)[codes]

    def _number(self, text: str) -> int:
        if text not in self.found:
            if len(self.found) >= MOST_TEXTS:
                text = ANOTHER
            self.found.setdefault(text, len(self.found))
        return self.found[text]

    def listed(self) -> list[str]:
        return list(self.found)


class Legend:
    """Numbers of a run's columns and values, gathered block by block."""

    def __init__(self, features: Sequence[str], days: Collection[str] = ()) -> None:
        self.features = list(features)
        self.days = sorted(set(days) & set(self.features))
        self.texts: dict[str, Texts] = {}

    def codes(self, column: pd.Series) -> np.ndarray:
        """float64 [n]: a text column's codes in this legend, NaN for unknown."""
        return self.texts.setdefault(str(column.name), Texts()).codes(column)

    def as_json(self) -> dict[str, object]:
        texts = {name: texts.listed() for name, texts in self.texts.items()}
        return {"features": self.features, "days": self.days, "texts": texts}

    def pack(self, frame: pd.DataFrame, feature: np.ndarray, effect: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Signed feature numbers int16 [n, 3] (0: none; negative: lowers the risk) and facts, records of 36 bytes [n].

        feature int16 [n, 3] (-1: none) and effect float32 [n, 3] as the engine gives them.
        """
        facts = np.zeros(len(frame), dtype=_FACTS)
        facts["effect"] = effect
        facts["value"] = np.nan
        used = np.flatnonzero(np.bincount(feature[feature >= 0], minlength=len(self.features)))
        found = np.full((len(used) + 1, len(frame)), np.nan)  # a row a feature, the last for no feature at all
        for place, number in enumerate(used.tolist()):
            if self.features[number] in frame:
                found[place] = self._values(frame[self.features[number]])
        where = np.full(len(self.features) + 1, len(used))
        where[used] = np.arange(len(used))
        facts["value"] = found[where[feature], np.arange(len(frame))[:, None]]
        numbers = feature + 1
        return np.where(effect < 0, -numbers, numbers).astype(np.int16), facts

    def _values(self, column: pd.Series) -> np.ndarray:
        if pd.api.types.is_numeric_dtype(column.dtype):
            return column.to_numpy(dtype=np.float64, na_value=np.nan)
        return self.codes(column)


def coded(column: pd.Series) -> tuple[np.ndarray, list[object]]:
    """A column as (codes int [n], levels); code -1 for unknown."""
    if isinstance(column.dtype, pd.CategoricalDtype):
        return column.cat.codes.to_numpy(), column.cat.categories.tolist()
    codes, levels = pd.factorize(column, use_na_sentinel=True)
    return codes, levels.tolist()


def unpack(numbers: Sequence[int], facts: bytes, legend: Mapping) -> list[dict[str, object]]:
    """The drivers of one score, strongest first: [{"feature", "value", "effect"}], with "days" where a value counts days."""
    if not facts:
        return []
    row = np.frombuffer(facts, dtype=_FACTS)[0]
    drivers = []
    for place, number in enumerate(numbers):
        if not number:
            continue
        name, value = legend["features"][abs(number) - 1], float(row["value"][place])
        texts = legend["texts"].get(name)
        shown = None if value != value else texts[int(value)] if texts else round(value, 4)
        days = {"days": True} if name in legend["days"] else {}
        drivers.append({"feature": name, **days, "value": shown, "effect": round(float(row["effect"][place]), 4)})
    return drivers


def _shortened(text: str) -> str:
    return text if len(text) <= _LONGEST_TEXT else text[: _LONGEST_TEXT - 1] + "…"
