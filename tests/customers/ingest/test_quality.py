"""A table in one pass: the same profile however it was cut, drift that is no chance, and what is far out."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from customers.ingest.profiles import Profile, chi_squared, divergence
from customers.ingest.quality import Profiler, profile

IBM = Path(__file__).resolve().parents[3].parent / "shared" / "data" / "ibm_telco" / "Telco-Customer-Churn.csv"


def customers(n: int = 3000, seed: int = 1, shift: float = 0.0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "bill": (rng.gamma(4, 10, n) + shift).round(2),
            "plan": rng.choice(["a", "b", "c"], n, p=[0.6, 0.3, 0.1]),
            "age": np.where(rng.random(n) < 0.1, None, rng.integers(18, 90, n)),
            "left": rng.choice([1.0, 0.0, np.nan], n, p=[0.2, 0.7, 0.1]),
        }
    )


def in_batches(frame: pd.DataFrame, size: int) -> Profile:
    profiler = Profiler(label="left")
    for start in range(0, len(frame), size):
        profiler.add(frame.iloc[start : start + size])
    return profiler.finish()


def test_ibm_telco_is_told_as_it_is():
    if not IBM.exists():
        pytest.skip("ibm_telco is not at hand")
    frame = pd.read_csv(IBM, dtype=str, keep_default_na=False)
    frame["left"] = (frame.pop("Churn") == "Yes").astype(int)
    found = profile(frame, label="left")
    assert found.classes == {"left": 1869, "stayed": 5174, "unknown": 0}
    total = found.columns["TotalCharges"]
    assert (total.kind, total.known, total.distinct, total.distinct_is_exact) == ("numeric", 7032, 6530, True)
    assert (total.minimum, total.maximum) == (18.8, 8684.8) and sum(total.histogram["counts"]) == 7032
    contract = found.columns["Contract"]
    assert contract.top[0] == ["Month-to-month", 3875]
    assert contract.by_class["left"]["shares"]["Month-to-month"] == pytest.approx(0.8855, abs=1e-4)
    assert found.columns["customerID"].top == []


@pytest.mark.parametrize("size", [7, 250, 2999])
def test_profile_does_not_depend_on_the_batches(size):
    frame = customers()
    whole, cut = profile(frame, label="left").to_json(), in_batches(frame, size).to_json()
    assert cut["classes"] == whole["classes"] and cut["columns"]["plan"] == whole["columns"]["plan"]
    for part in ("quantiles", "histogram", "distinct", "known", "outliers", "by_class", "bins"):
        assert cut["columns"]["bill"][part] == whole["columns"]["bill"][part], part
    assert cut["columns"]["bill"]["mean"] == pytest.approx(whole["columns"]["bill"]["mean"])


def test_two_halves_merge_into_the_whole():
    frame = customers(30_000)
    first, second = Profiler(label="left"), Profiler(start=14_000, label="left")
    first.add(frame[:14_000])
    second.add(frame[14_000:])
    first.merge(second)
    merged, whole = first.finish(), profile(frame, label="left")
    assert merged.rows == 30_000 and merged.sampled == whole.sampled == 10_000
    assert merged.columns["bill"].quantiles == pytest.approx(whole.columns["bill"].quantiles)
    assert merged.columns["plan"].top == whole.columns["plan"].top
    # a tenth of the customers has no age; the sample's median lies within its standard error
    assert whole.columns["age"].fullness == pytest.approx(0.9, abs=0.01)
    assert whole.columns["bill"].quantiles["0.5"] == pytest.approx(frame["bill"].median(), abs=0.6)


def test_profile_survives_json():
    found = profile(customers(), profile(customers(seed=2)), label="left")
    again = Profile.from_json(json.loads(json.dumps(found.to_json())))
    assert json.dumps(again.to_json()) == json.dumps(found.to_json())
    with pytest.raises(ValueError, match="no profile"):
        Profile.from_json({"columns": 3})


def test_memory_stays_bounded_and_counts_stay_true():
    profiler = Profiler()
    for i in range(30):
        profiler.add(pd.DataFrame({"id": np.arange(i * 5000, (i + 1) * 5000).astype(str), "k": ["x", "y"] * 2500}))
    counts = profiler._columns["id"]
    assert len(counts.values) <= 2_000 and len(counts.hashes) <= 16_384 and len(profiler._sample) == 10_000
    found = profiler.finish().columns
    assert found["id"].known == 150_000 and not found["id"].distinct_is_exact
    assert found["id"].distinct == pytest.approx(150_000, rel=0.04)
    assert found["k"].top == [["x", 75_000], ["y", 75_000]]


# ---------------------------------------------------------------- drift


@pytest.mark.parametrize(("n", "m"), [(60, 60), (300, 80), (3000, 3000), (20_000, 400)])
def test_chance_is_no_drift(n, m):
    verdicts = [
        column.drift["verdict"]
        for seed in range(8)
        for name, column in profile(customers(m, seed + 100), profile(customers(n, seed))).columns.items()
    ]
    assert set(verdicts) == {"same"}


def test_moved_bill_new_plan_and_emptier_age_are_told():
    now = customers(seed=9, shift=25)
    now["plan"] = np.where(now["plan"] == "a", "d", now["plan"])
    now.loc[:2000, "age"] = None
    now["sex"] = "f"
    before = profile(customers().assign(town="Sfax"), label="left")
    found = profile(now, before, label="left")
    verdicts = {name: column.drift["verdict"] for name, column in found.columns.items()}
    assert verdicts == {"bill": "moved_much", "plan": "moved_much", "age": "moved_much", "sex": "new"}
    assert found.gone == ("town",) and 0 < found.columns["bill"].drift["js"] < 1


def test_few_rows_and_another_kind_are_not_called_drift():
    before = profile(customers(20))
    assert profile(customers(20), before).columns["bill"].drift["verdict"] == "too_few"
    words = customers().assign(bill="low")
    assert profile(words, profile(customers())).columns["bill"].drift["verdict"] == "new_kind"


def test_divergence_is_nought_for_the_same_and_one_bit_for_strangers():
    assert divergence(np.array([0.5, 0.5]), np.array([0.5, 0.5])) == 0
    assert divergence(np.array([1.0, 0.0]), np.array([0.0, 1.0])) == pytest.approx(1)


@pytest.mark.parametrize(("degrees", "value"), [(1, 10.83), (5, 20.52), (20, 45.31)])
def test_chi_squared_is_near_the_tables(degrees, value):
    assert chi_squared(0.999, degrees) == pytest.approx(value, rel=0.035)


# ---------------------------------------------------------------- outliers, duplicates


def test_slipped_comma_is_an_outlier_and_a_long_tail_is_none():
    rng = np.random.default_rng(3)
    bills = rng.normal(50, 10, 2000)
    bills[:4] = 5000
    far = profile(pd.DataFrame({"bill": bills, "tail": rng.exponential(10, 2000), "one": [1] * 1999 + [9]})).columns
    assert far["bill"].outliers["count"] == 4 and far["bill"].outliers["examples"] == [5000.0]
    assert far["tail"].outliers["share"] < 0.02 and far["one"].outliers["count"] == 0


def test_same_person_twice_is_found_in_any_spelling_and_batch():
    people = pd.DataFrame(
        {
            "first_name": ["Zoé", "Ali", "ZOE", "Zoé", None],
            "last_name": ["Lefèvre", "B", "lefevre", "Lefèvre", "x"],
            "email": ["z@x.fr", "a@x.fr", " Z@X.FR ", "other@x.fr", None],
        }
    )
    profiler = Profiler()
    profiler.add(people[:2])
    profiler.add(people[2:])
    assert profiler.finish().duplicates == {"groups": 1, "rows": 2, "looked_at": 4, "examples": [[0, 2]]}
    assert profile(people[["first_name"]]).duplicates is None


def test_decimal_commas_and_blanks_are_numbers_and_unknown():
    found = profile(pd.DataFrame({"bill": ["1 234,50", "12,5", " ", "n/a", "7"]})).columns["bill"]
    assert (found.kind, found.known, found.maximum, found.fullness) == ("numeric", 3, 1234.5, 0.6)


@pytest.mark.parametrize(
    "cells", [[1e308, -1e308, 1e308], [1e16, 1e16 + 2], [5e-324, 0.0], [np.inf, 1.0], [2**70, -(2**70)]]
)
def test_numbers_beyond_reason_leave_no_infinity_in_the_profile(cells):
    json.dumps(profile(pd.DataFrame({"c": cells})).to_json(), allow_nan=False)
    json.dumps(profile(pd.DataFrame({"c": list(map(str, cells))})).to_json(), allow_nan=False)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.one_of(st.none(), st.text(max_size=5), st.integers(), st.floats(), st.booleans()), max_size=120))
def test_no_column_breaks_the_profile(cells):
    frame = pd.DataFrame({"c": pd.Series(cells, dtype=object), "left": [i % 2 for i in range(len(cells))]})
    before = profile(frame, label="left")
    json.dumps(profile(frame, before, label="left").to_json(), allow_nan=False)
    assert profile(frame, before, label="left").columns.get("c", before).rows == len(cells)
