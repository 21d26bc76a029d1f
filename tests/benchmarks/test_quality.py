"""The benchmark of quality judges fairly: typed as an import types, equal rows together, errors as the papers say."""

from __future__ import annotations

import json

import numpy as np
import pytest

from benchmarks import peers, quality, quality_page


@pytest.fixture
def file(tmp_path):
    """Sixty customers whose months tell who leaves; ten of them stand twice but for their number."""
    lines = ["id,plan,months,flag,left"]
    for row in range(60):
        months = row % 50
        lines.append(f"c{row},{'abc'[months % 3]},{months or ''},{months % 2},{'yes' if months < 20 else 'no'}")
    path = tmp_path / "some.csv"
    path.write_text("\n".join(lines))
    return path


def test_columns_are_typed_as_an_import_types_them(file):
    frame, left = quality.read(file, "")
    assert list(frame) == ["plan", "months", "flag"]  # a number that differs for everybody names, it does not tell
    assert frame["months"].dtype == "float64" and np.isnan(frame["months"][0])
    assert frame["flag"].dtype == object
    assert left.sum() == 30


def test_rows_that_stand_twice_lie_in_one_fold(file):
    frame, left = quality.read(file, "left")
    for repeat in range(3):
        fold = quality.deal(frame, left, repeat)
        assert (fold[50:] == fold[:10]).all()
        assert np.bincount(fold, left).min() >= 4
    assert (quality.deal(frame, left, 0) != quality.deal(frame, left, 1)).any()


@pytest.mark.parametrize("name", ["logistic", "random_forest", "hist_gradient_boosting"])
def test_peers_take_gaps_and_levels_never_seen(file, name):
    frame, left = quality.read(file, "")
    other = frame.iloc[:5].assign(plan=["a", "new", None, "b", "c"])
    chance = peers.PEERS[name][1](frame, left, other, 0)
    assert chance.shape == (5,) and ((chance >= 0) & (chance <= 1)).all()


def test_a_run_is_taken_up_where_it_stopped(file, tmp_path, monkeypatch):
    asked = []

    def half(frame, label, other, seed):
        asked.append(seed)
        return np.full(len(other), 0.5)

    monkeypatch.setitem(peers.PEERS, "half", ("Half", half))
    store = tmp_path / "half.json"
    quality.run(file, "", "half", 1, store)
    kept = json.loads(store.read_text())
    del kept["0.3"]
    store.write_text(json.dumps(kept))
    quality.run(file, "", "half", 1, store)
    assert asked == [0, 1, 2, 3, 4, 3]


def test_the_error_of_repeated_folds_is_not_that_of_independent_ones():
    apart = np.tile([0.1, -0.1, 0.3, -0.3, 0.0], 5)
    plain = apart.std(ddof=1) / 5
    assert quality_page.corrected_error(apart, 5) == pytest.approx(plain * np.sqrt(1 + 25 / 4))


@pytest.mark.parametrize(("lead", "word"), [(0.03, "ahead"), (0.005, "met"), (-0.005, "met"), (-0.02, "missed")])
def test_a_goal_is_met_within_one_standard_error(lead, word):
    assert word in quality_page.verdict(lead, 0.01)


def test_the_page_tells_who_is_ahead_on_the_same_rows():
    rng = np.random.default_rng(0)
    label, fold = (rng.random(500) < 0.3).astype(float), np.arange(500) % 5
    told = {
        name: {
            f"0.{k}": {"seconds": 1.0, "chance": np.where(label[fold == k] == 1, high, low).tolist()} for k in range(5)
        }
        for name, high, low in (("ours", 0.9, 0.1), ("peer", 0.6, 0.4))
    }
    page = quality_page.page("File", label, {0: fold}, told, {"ours": "Ours", "peer": "Peer"}, "ours")
    assert "| log loss | Peer | -0.4055 ± 0.0000 | **ahead** by more than two standard errors |" in page
