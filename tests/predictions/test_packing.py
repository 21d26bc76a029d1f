"""Reasons as numbers: what is packed is read back, whatever the values were."""

import numpy as np
import pandas as pd
import pytest

from predictions import packing


def there_and_back(frame: pd.DataFrame, feature: list, effect: list, days=()) -> list[list[dict]]:
    legend = packing.Legend(list(frame.columns), days)
    numbers, facts = legend.pack(frame, np.array(feature, dtype=np.int16), np.array(effect, dtype=np.float32))
    return [
        packing.unpack(row.tolist(), facts[i].tobytes(), legend.as_json()) for i, row in enumerate(numbers)
    ]  # fmt: skip


def test_drivers_come_back_with_their_own_values():
    frame = pd.DataFrame({"tenure": [3.0, np.nan], "contract": pd.Series(["One year", None], dtype=object)})
    (first, second) = there_and_back(frame, [[1, 0, -1], [0, 1, -1]], [[0.5, -0.25, 0], [0.75, -0.5, 0]])
    assert first == [
        {"feature": "contract", "value": "One year", "effect": 0.5},
        {"feature": "tenure", "value": 3.0, "effect": -0.25},
    ]
    assert [d["value"] for d in second] == [None, None]


@pytest.mark.parametrize("as_categories", [True, False])
def test_texts_survive_whatever_they_say(as_categories):
    texts = ["", "…", "NULL", "نسرين", "a" * 500, 'with "quotes"', "0"]
    column = pd.Series(texts, dtype="category" if as_categories else object)
    found = there_and_back(pd.DataFrame({"x": column}), [[0, -1, -1]] * len(texts), [[1.0, 0, 0]] * len(texts))
    values = [drivers[0]["value"] for drivers in found]
    assert [v for v in values if len(v) < 100] == [t for t in texts if len(t) < 100]
    assert values[4].endswith("…") and len(values[4]) <= 120


def test_numbers_keep_their_cents():
    amounts = [0.0, 29.45, 8684.8, 123456789.123, -0.0001]
    found = there_and_back(pd.DataFrame({"x": amounts}), [[0, -1, -1]] * 5, [[-1.0, 0, 0]] * 5)
    assert [d[0]["value"] for d in found] == amounts


def test_feature_that_counts_days_says_so():
    (drivers,) = there_and_back(pd.DataFrame({"seen": [12.0]}), [[0, -1, -1]], [[1.0, 0, 0]], days=["seen"])
    assert drivers == [{"feature": "seen", "days": True, "value": 12.0, "effect": 1.0}]


def test_legend_stays_small_where_everybody_has_a_text_of_their_own():
    n = 3 * packing.MOST_TEXTS
    frame = pd.DataFrame({"x": [f"text {i}" for i in range(n)]}, dtype=object)
    found = there_and_back(frame, [[0, -1, -1]] * n, [[1.0, 0, 0]] * n)
    values = [drivers[0]["value"] for drivers in found]
    assert values[: packing.MOST_TEXTS] == frame["x"].tolist()[: packing.MOST_TEXTS]
    assert set(values[packing.MOST_TEXTS :]) == {packing.ANOTHER}


def test_texts_have_one_number_in_all_blocks():
    legend = packing.Legend(["x"])
    first = legend.codes(pd.Series(["a", "b", None], name="x", dtype=object))
    second = legend.codes(pd.Series(["c", "b", "a"], name="x", dtype="category"))
    assert first[:2].tolist() == [0, 1] and np.isnan(first[2])
    assert second.tolist() == [2, 1, 0]


def test_score_without_drivers_reads_as_none():
    assert packing.unpack([0, 0, 0], b"", {}) == []
