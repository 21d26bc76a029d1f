"""What a training tells beside its model: plain, complete, about customers not seen, and readable from older files."""

from __future__ import annotations

import json
import warnings
from dataclasses import asdict

import numpy as np
import pandas as pd
import pytest

from predictions import learning
from predictions.learning import storage, targeting
from tests.predictions.learning import planted

NEW = (
    "calibration_line", "ece_by_luck", "lift", "worried", "confusion", "slices", "fairness", "permutation",
    "dependence", "training",
)  # fmt: skip


def test_new_figures_are_plain_and_about_the_chances_customers_get(additive_company, additive_fitted, crossed_fitted):
    for fitted in (additive_fitted, crossed_fitted):
        told = asdict(fitted.report)
        assert json.loads(json.dumps(told, allow_nan=False)) == told
    frame, label, keys = additive_company
    chance = learning.score(additive_fitted, frame, keys).probability
    assert additive_fitted.report.lift == targeting.lift_table(label, chance, seed=1)
    assert [table["rule"] for table in additive_fitted.report.confusion] == ["base_rate", "half"]
    assert {one["column"] for one in additive_fitted.report.slices} == {"contract", "tenure"}
    assert additive_fitted.report.worried["customers"] == 80
    assert len(additive_fitted.report.dependence) == len(additive_fitted.features)


def test_an_artefact_of_an_earlier_release_is_read_and_one_of_a_later_too(additive_fitted, additive_company):
    frame, _, keys = additive_company
    state = storage.to_state(additive_fitted)
    text = json.loads(state["text"])
    assert text["format"] == 1
    for name in NEW:
        del text["report"][name]
    old = storage.from_state(state | {"text": json.dumps(text)})
    assert (old.report.lift, old.report.training) == ([], {})
    assert old.report.metrics == additive_fitted.report.metrics
    assert np.array_equal(learning.score(old, frame, keys).logit, learning.score(additive_fitted, frame, keys).logit)
    text["report"]["something later"] = 1
    assert storage.from_state(state | {"text": json.dumps(text)}).report == old.report


def test_a_column_can_be_a_slice_without_being_a_feature(additive_company, race_of):
    race_of("logistic")
    frame, label, keys = additive_company
    rng = np.random.default_rng(0)
    about = pd.DataFrame(
        {
            "gender": rng.choice(["f", "m"], len(frame)),
            "segment": rng.integers(1, 4, len(frame)),
            "contract": "all one",
        },
        index=rng.permutation(len(frame)),
    )
    order = rng.permutation(len(frame))
    plain = learning.fit(frame, label, keys)
    fitted = learning.fit(
        frame.iloc[order], label[order], keys[order], about=about.iloc[order], slices=("segment", "tenure", "contract")
    )
    assert fitted.fingerprint == plain.fingerprint and "gender" not in {f.name for f in fitted.features}
    told = {one["column"]: one["groups"] for one in fitted.report.slices}
    assert set(told) == {"segment", "tenure", "gender"}
    women = next(group for group in told["gender"] if group["name"] == "f")
    members = (about["gender"] == "f").to_numpy()
    assert (women["n"], women["churners"]) == (members.sum(), label[members].sum())
    assert [one["column"] for one in fitted.report.fairness] == ["gender"]
    with pytest.raises(ValueError, match="do not go together"):
        learning.fit(frame, label, keys, about=about[:-1])


def test_the_callers_threshold_is_used_for_slices(additive_company, race_of):
    race_of("logistic")
    frame, label, keys = additive_company
    fitted = learning.fit(frame, label, keys, threshold=0.2, protected=("contract",))
    assert [table["rule"] for table in fitted.report.confusion] == ["base_rate", "half", "given"]
    chance = learning.score(fitted, frame, keys).probability
    group = fitted.report.slices[0]["groups"][0]
    members = (frame["contract"] == group["name"]).to_numpy()
    assert group["metrics"]["selected"] == pytest.approx((chance[members] >= 0.2).mean())
    assert [one["column"] for one in fitted.report.fairness] == ["contract"]
    for threshold in (-0.1, 1.1, float("nan")):
        with pytest.raises(ValueError, match="a threshold"):
            learning.fit(frame, label, keys, threshold=threshold)


def test_progress_is_told_for_every_column_that_is_looked_at(additive_company, race_of):
    race_of("logistic")
    notes: list[str] = []
    fractions: list[float] = []
    learning.fit(*additive_company, progress=lambda done, note: (notes.append(note), fractions.append(done)))
    assert fractions == sorted(fractions) and fractions[-1] == 1.0
    assert notes.count("importance") >= 2 * 4


@pytest.mark.parametrize("label", [["left", "stayed"] * 100, [[1]] * 200, [2.0] * 200])
def test_a_label_that_is_no_label_is_refused_in_words(label):
    frame, _, keys = planted.additive(200)
    with pytest.raises(ValueError, match=r"a label is 1 \(left\)"):
        learning.fit(frame, label, keys)


# ---------------------------------------------------------------- dirt


def complete(fitted) -> None:
    told = asdict(fitted.report)
    assert json.dumps(told, allow_nan=False)
    assert all(told[name] for name in ("lift", "worried", "confusion", "permutation", "dependence", "training"))
    assert learning.gates.judge(learning.gates.Evidence(fitted.report))


def test_two_in_a_hundred_left(race_of):
    race_of("logistic", "stumps", "trees_15")
    rng = np.random.default_rng(0)
    frame, _, keys = planted.additive(5000)
    margin = -3.6 - 0.05 * frame["tenure"] + 1.5 * (frame["contract"] == "monthly")
    label = (rng.random(5000) < 1 / (1 + np.exp(-margin + 0.4))).astype(float)
    rare = rng.permutation(np.flatnonzero(label == 0))[: max(0, 100 - int(label.sum()))]
    label[rare] = 1
    assert 100 <= label.sum() <= 140
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fitted = learning.fit(frame, label, keys)
    complete(fitted)
    assert fitted.report.confusion[0]["true_positives"] + fitted.report.confusion[0]["false_positives"] < 200


def test_thousands_of_categories_and_gaps_everywhere(race_of):
    race_of("logistic", "stumps", "trees_15")
    rng = np.random.default_rng(1)
    frame, label, keys = planted.additive(4000)
    frame["street"] = [f"s{i}" for i in rng.integers(0, 1900, len(frame))]
    frame = frame.astype(object).mask(rng.random(frame.shape) < 0.7)
    frame["tenure"] = frame["tenure"].astype(float)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fitted = learning.fit(frame, label, keys)
        scored = learning.score(fitted, frame, keys)
    complete(fitted)
    assert np.isfinite(scored.logit).all()
    assert fitted.report.metrics["roc_auc"] > 0.55
    tenure = next(one for one in fitted.report.slices if one["column"] == "tenure")
    assert tenure["groups"][-1]["kind"] == "unknown" and tenure["groups"][-1]["n"] > 2500


def test_nothing_but_gaps_is_refused(race_of):
    frame, label, keys = planted.additive(300)
    with pytest.raises(learning.NotEnoughEvidence) as refusal:
        learning.fit(frame.astype(object).mask(frame.notna() | True), label, keys)
    assert refusal.value.code == "no_features"
    assert {why for _, why in refusal.value.facts["set_aside"]} == {"all_missing"}


def test_two_hundred_and_fifty_columns_are_all_told_of(race_of):
    race_of("logistic")
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.normal(size=(300, 250)).round(2), columns=[f"v{i}" for i in range(250)])
    label = (frame["v3"] + rng.normal(size=300) / 3 > 0.4).to_numpy().astype(float)
    fitted = learning.fit(frame, label, np.arange(300))
    complete(fitted)
    assert len(fitted.report.permutation) == 250
    assert max(fitted.report.permutation, key=lambda row: row["loss_increase"])["feature"] == "v3"
    assert len(fitted.report.dependence) == 8
