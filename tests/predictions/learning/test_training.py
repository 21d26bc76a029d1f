"""The engine learns what is there, nothing where nothing is, and the same thing twice."""

from __future__ import annotations

import json
import warnings
from dataclasses import asdict

import numpy as np
import pandas as pd
import pytest

from predictions import learning
from predictions.learning import race
from tests.predictions.learning import planted

NOBODY_YET = 10**9  # keys from here on belong to customers whom no model has learned from


def test_risk_falls_with_tenure_and_rises_on_monthly_contracts(additive_fitted):
    frame = pd.DataFrame({"tenure": [1, 30, 70, 30], "charges": 65.0, "contract": ["yearly"] * 3 + ["monthly"]})
    chance = learning.score(additive_fitted, frame.assign(senior=False), np.arange(4) + NOBODY_YET).probability
    assert chance[0] > chance[1] > chance[2]
    assert chance[3] > chance[1]


def test_an_additive_company_is_served_by_tables(additive_fitted):
    assert additive_fitted.is_additive
    assert additive_fitted.choice["code"] in ("additive_best", "additive_ties")
    assert additive_fitted.choice["facts"]["better_than_baseline"]


def test_a_company_with_interactions_is_served_by_trees(crossed_fitted):
    assert not crossed_fitted.is_additive
    assert crossed_fitted.choice["code"] == "interactions_matter"
    assert crossed_fitted.metrics["roc_auc"] > 0.85


def test_shuffled_labels_score_like_the_baseline(additive_company):
    frame, label, keys = additive_company
    fitted = learning.fit(frame, np.random.default_rng(0).permutation(label), keys)
    facts = fitted.choice["facts"]
    assert abs(fitted.metrics["roc_auc"] - 0.5) < 0.06
    assert abs(fitted.metrics["log_loss"] - facts["baseline_log_loss"]) < 0.01
    assert not facts["better_than_baseline"]


def test_same_seed_same_scores_in_any_row_order(additive_company, additive_fitted):
    frame, label, keys = additive_company
    order = np.random.default_rng(3).permutation(len(keys))
    again = learning.fit(frame.iloc[order], label[order], keys[order], seed=1)
    assert again.fingerprint == additive_fitted.fingerprint
    first, second = (learning.score(fitted, frame, keys) for fitted in (additive_fitted, again))
    assert np.array_equal(first.logit, second.logit)
    assert np.array_equal(first.feature, second.feature)


def test_the_fingerprint_changes_with_the_data(additive_company, additive_fitted):
    frame, label, keys = additive_company
    flipped = label.copy()
    flipped[0] = 1 - flipped[0]
    other = learning.training.fingerprint(additive_fitted.encoder, additive_fitted.encoder.encode(frame), flipped, keys)
    assert other != additive_fitted.fingerprint


def test_report_is_plain_and_complete(crossed_fitted):
    report = crossed_fitted.report
    assert json.loads(json.dumps(asdict(report)))["metrics"] == report.metrics
    assert tuple(report.metrics) == learning.METRICS
    assert set(report.intervals) == set(learning.METRICS)
    assert all(report.intervals[name][0] <= report.metrics[name] <= report.intervals[name][1] for name in ("roc_auc",))
    assert sum(row["chosen"] for row in report.candidates) == 1
    assert sum(bin_["n"] for bin_ in report.calibration) == report.counts["rows"]
    assert len(report.importance) == len(crossed_fitted.features)
    assert {"source_forest", "logistic", "splines", "stumps", "trees_4", "trees_15", "trees_31", "forest"} <= {
        row["name"] for row in report.candidates
    }


def test_progress_rises_and_may_cancel(additive_company):
    class Cancelled(Exception):
        pass

    told: list[float] = []

    def cancel_at_a_third(fraction: float, note: str) -> None:
        told.append(fraction)
        if fraction > 1 / 3:
            raise Cancelled

    with pytest.raises(Cancelled):
        learning.fit(*additive_company, progress=cancel_at_a_third)
    assert told == sorted(told)
    assert len(told) > 10


@pytest.mark.parametrize("left", [0.0, 1.0])
def test_one_class_is_refused_in_words(left):
    frame, _, keys = planted.additive(200)
    with pytest.raises(learning.NotEnoughEvidence, match="All 200 customers") as refusal:
        learning.fit(frame, np.full(200, left), keys)
    assert refusal.value.code == "one_class"


def test_no_rows_and_no_label_are_refused():
    frame, _, keys = planted.additive(200)
    for rows in (0, 200):
        with pytest.raises(learning.NotEnoughEvidence) as refusal:
            learning.fit(frame[:rows], np.full(rows, np.nan), keys[:rows])
        assert refusal.value.code == "no_label"
        assert refusal.value.facts["customers"] == rows


def test_ten_churners_are_refused_with_how_many_more():
    frame, _, keys = planted.additive(2000)
    label = np.zeros(2000)
    label[:10] = 1
    with pytest.raises(learning.NotEnoughEvidence, match="15 more") as refusal:
        learning.fit(frame, label, keys)
    assert (refusal.value.code, refusal.value.facts["missing"]) == ("too_few_churners", 15)


def test_too_few_rows_are_refused():
    frame, _, keys = planted.additive(60)
    with pytest.raises(learning.NotEnoughEvidence, match="40 more") as refusal:
        learning.fit(frame, np.arange(60) % 2.0, keys)
    assert refusal.value.code == "too_few_rows"


def test_columns_that_teach_nothing_are_refused():
    _, label, keys = planted.additive(400)
    frame = pd.DataFrame({"name": [f"customer {i}" for i in keys], "country": "FR", "fax": np.nan})
    with pytest.raises(learning.NotEnoughEvidence) as refusal:
        learning.fit(frame, label, keys)
    assert refusal.value.code == "no_features"
    assert dict(refusal.value.facts["set_aside"]) == {
        "name": "near_unique_text",
        "country": "constant",
        "fax": "all_missing",
    }


def test_arguments_that_do_not_fit_are_refused(additive_company):
    frame, label, keys = additive_company
    with pytest.raises(ValueError, match="do not go together"):
        learning.fit(frame, label[:-1], keys)
    assert learning.training._as_floats([True, None, 0]).tolist()[::2] == [1.0, 0.0]
    with pytest.raises(ValueError, match="unique"):
        learning.fit(frame, label, np.zeros_like(keys))
    with pytest.raises(ValueError, match="a label is"):
        learning.fit(frame, label * 2, keys)


def test_two_columns_of_one_name_are_one(additive_company):
    frame, _, _ = additive_company
    twice = pd.concat([frame[["tenure"]], frame[["charges"]].set_axis(["tenure"], axis=1)], axis=1)
    encoder, values = learning.features.learn(twice)
    assert encoder.set_aside == (("tenure", "same_name"),)
    assert np.array_equal(values[:, 0], frame["tenure"])


def test_dirt_is_learned_from_without_a_warning(additive_company):
    """Rare labels, a thousand cities, gaps everywhere, infinities, odd dtypes, unknown labels, two like columns."""
    frame, label, keys = planted.additive(1600, seed=3)
    rng = np.random.default_rng(1)
    label = np.where((label == 1) & (rng.random(len(label)) < 0.8), 0.0, label)
    label[::7] = np.nan
    frame["city"] = [f"ville {i}" for i in (rng.zipf(1.3, len(frame)) % 1000)]
    frame["empty"] = None
    frame["holes"] = np.where(rng.random(len(frame)) < 0.97, np.nan, 1.0)
    frame["endless"] = np.where(rng.random(len(frame)) < 0.1, np.inf, frame["charges"])
    frame["flag"] = pd.array(rng.choice([True, False, None], len(frame)), dtype="boolean")
    frame["whole"] = pd.array(rng.integers(0, 9, len(frame)), dtype="Int64")
    frame["group"] = pd.Categorical(rng.choice(["x", "y"], len(frame)))
    frame["since"] = pd.Timestamp("2020-01-01")
    frame["again"] = frame["tenure"] * 1.0
    frame["row"] = np.arange(len(frame))
    frame["lists"] = [[1, 2]] * (len(frame) // 2) + [None] * (len(frame) - len(frame) // 2)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fitted = learning.fit(frame, label, keys)
        scored = learning.score(fitted, frame, keys)
    assert np.isfinite(scored.logit).all()
    why = dict(fitted.set_aside)
    expected = {"empty": "all_missing", "since": "date", "again": "same_values", "row": "identifier"}
    assert expected.items() <= why.items()
    city = next(feature for feature in fitted.features if feature.name == "city")
    assert city.has_rare and len(city.levels) <= 60
    assert fitted.counts["rows"] == int((~np.isnan(label)).sum())
    assert not scored.unseen[::7].any()


def test_two_hundred_and_fifty_columns(monkeypatch):
    simple = [runner for runner in race.runners(300) if runner.name in ("logistic", "splines", "stumps")]
    monkeypatch.setattr(race, "runners", lambda rows: simple)
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.normal(size=(300, 250)).round(2), columns=[f"v{i}" for i in range(250)])
    label = (frame["v3"] + rng.normal(size=300) > 0.8).to_numpy().astype(float)
    fitted = learning.fit(frame, label, np.arange(300))
    assert len(fitted.features) == 250
    assert int(np.argmax(fitted.importance)) == 3
