"""What is told of a column is what the model does with it, asked of models that had not seen the customer."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from predictions import learning
from predictions.learning import effects
from predictions.learning.candidates import runners
from predictions.learning.evaluation import losses
from predictions.learning.features import learn
from predictions.learning.fitted import Fitted, Model
from predictions.learning.tables import Layout, Tables


@pytest.fixture(params=["additive", "crossed"])
def company(request):
    """(fitted, frame, label, keys): one served by tables, one by trees."""
    return (
        request.getfixturevalue(f"{request.param}_fitted"),
        *request.getfixturevalue(f"{request.param}_company"),
    )


def row_of(fitted, name):
    return next(row for row in fitted.report.permutation if row["feature"] == name)


def test_breaking_a_planted_column_costs_and_breaking_noise_does_not(additive_fitted, crossed_fitted):
    for fitted, planted, noise in (
        (additive_fitted, ("tenure", "contract"), ("charges", "senior")),
        (crossed_fitted, ("calls", "plan"), ("noise", "bills")),
    ):
        assert [row["feature"] for row in fitted.report.permutation] == [f.name for f in fitted.features]
        for name in planted:
            assert row_of(fitted, name)["loss_increase"] > 3 * row_of(fitted, name)["error"]
        for name in noise:
            assert row_of(fitted, name)["loss_increase"] < 3 * row_of(fitted, name)["error"] + 1e-12
            assert row_of(fitted, name)["share"] < 0.05
        assert sum(row["share"] for row in fitted.report.permutation) == pytest.approx(1)


def test_breaking_a_column_costs_what_scoring_again_says(company):
    """Shuffle the frame itself, score it as the product would, and look at the loss."""
    fitted, frame, label, keys = company
    name = fitted.features[int(np.argmax([row["loss_increase"] for row in fitted.report.permutation]))].name
    rng, scored = np.random.default_rng(5), learning.score(fitted, frame, keys, top=0)
    worse = []
    for _ in range(20):
        broken = frame.copy()
        for fold in range(5):
            held = fitted.learned_folds == fold
            broken.loc[held, name] = rng.permutation(frame.loc[held, name].to_numpy())
        again = learning.score(fitted, broken, keys, top=0).logit
        worse.append((losses(label, again) - losses(label, scored.logit)).mean())
    assert row_of(fitted, name)["loss_increase"] == pytest.approx(np.mean(worse), abs=3 * row_of(fitted, name)["error"])


def test_values_are_dealt_within_their_fold():
    which = np.array([2, 0, 1, 0, 2, 1, 0, 2])
    dealt = effects._dealt_within(which, np.random.default_rng(0))
    assert sorted(dealt.tolist()) == list(range(8))
    assert np.array_equal(which[dealt], which)


def test_the_chance_along_a_column_is_the_mean_of_what_customers_would_be_told(company):
    fitted, frame, _, keys = company
    for told in fitted.report.dependence:
        some = effects.spread(len(frame), told["customers"])
        for point in told["points"][:: max(1, len(told["points"]) // 4)]:
            if point["kind"] == "other":
                continue
            moved = frame.iloc[some].assign(**{told["feature"]: point["value"]})
            chance = learning.score(fitted, moved, keys[some], top=0).probability
            assert point["chance"] == pytest.approx(chance.mean(), abs=1e-6)
            assert (point["low"], point["high"]) == pytest.approx(tuple(np.quantile(chance, (0.1, 0.9))), abs=1e-6)


def test_dependence_falls_with_tenure_and_counts_every_customer(additive_fitted, additive_company):
    told = {one["feature"]: one for one in additive_fitted.report.dependence}
    tenure = told["tenure"]["points"]
    assert len(tenure) == effects.POINTS
    assert tenure[0]["value"] == 0 and tenure[-1]["value"] == 72
    assert tenure[0]["chance"] > tenure[len(tenure) // 2]["chance"] > tenure[-1]["chance"]
    for one in told.values():
        assert sum(point["n"] for point in one["points"]) == len(additive_company[0])
        assert sum(point["share"] for point in one["points"]) == pytest.approx(1)
        assert all(point["sparse"] == (point["n"] < effects.SPARSE) for point in one["points"])
    unknown = told["charges"]["points"][-1]
    assert (unknown["kind"], unknown["value"]) == ("unknown", None)
    assert unknown["n"] == additive_company[0]["charges"].isna().sum()
    assert {point["value"] for point in told["contract"]["points"]} == {"monthly", "yearly", "two years"}
    plain = [point["density"] for point in tenure]
    assert all(density > 0 for density in plain) and told["contract"]["points"][0]["density"] is None


def test_a_column_of_a_thousand_levels_tells_its_commonest(race_of):
    race_of("logistic")
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"city": [f"v{i}" for i in rng.zipf(1.2, 6000) % 3000], "x": rng.normal(size=6000)})
    label = (rng.random(6000) < np.where(frame["city"] == "v1", 0.5, 0.2)).astype(float)
    fitted = learning.fit(frame, label, np.arange(6000))
    city = next(one for one in fitted.report.dependence if one["feature"] == "city")
    assert [point["kind"] for point in city["points"]] == ["level"] * effects.POINTS + ["other"]
    assert city["left_out"] == len(fitted.features[0].levels) - effects.POINTS > 0
    assert city["points"][0]["value"] == "v1" and city["points"][0]["chance"] > city["points"][1]["chance"]


def test_columns_are_told_apart_in_trees_of_a_hundred_columns(crossed_fitted):
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.normal(size=(500, 120)).round(2), columns=[f"v{i}" for i in range(120)])
    label = ((frame["v3"] > 0) | (frame["v5"] > 0.5)).to_numpy().astype(float)
    encoder, values = learn(frame)
    trees = next(one for one in runners(500) if one.name == "trees_4")
    model = Model(Layout.of(encoder).empty(), ((1.0, trees.fit(encoder, values, label, 0)),))
    fitted = Fitted(encoder, (model, model), np.arange(500), np.zeros(500, np.int8), crossed_fitted.report)
    told = effects.permutation_importance(fitted, values, label, seed=0)
    assert {row["feature"] for row in sorted(told, key=lambda row: -row["loss_increase"])[:2]} == {"v3", "v5"}
    (along,) = effects.dependence(fitted, values, [3])
    assert along["customers"] == 500 and len(along["points"]) == effects.POINTS
    asked = values.copy()
    asked[:, 3] = np.float64(np.float32(along["points"][7]["value"]))
    chance = 1 / (1 + np.exp(-fitted.logit(asked, np.zeros(500, np.int64))))
    assert along["points"][7]["chance"] == pytest.approx(chance.mean(), abs=1e-9)


def served_kinds(encoder, values, label):
    """A model of every kind that can serve: each candidate alone, and tables blended with trees."""
    layout = Layout.of(encoder)
    fits = {one.name: one.fit(encoder, values, label, 3) for one in runners(len(label)) if one.is_eligible}
    kinds = {
        name: Model(fit.centred(layout, values), ())
        if isinstance(fit, Tables)
        else Model(layout.empty(), ((0.8, fit),))
        for name, fit in fits.items()
    }
    groves = tuple((0.3, fit) for fit in fits.values() if not isinstance(fit, Tables))
    straight = next(fit for fit in fits.values() if isinstance(fit, Tables))
    kinds["tables and trees"] = Model(straight.times(0.4).centred(layout, values), groves)
    kinds["nothing"] = Model(layout.empty(), ())
    return kinds


def test_reasons_add_up_to_the_log_odds_for_every_kind_that_serves(crossed_company, crossed_fitted):
    frame, label, keys = crossed_company
    frame = frame[["calls", "plan", "bills"]][:400].copy()
    frame.loc[::9, "calls"] = np.nan
    encoder, values = learn(frame)
    kinds = served_kinds(encoder, values, label[:400])
    assert len(kinds) >= 6
    for name, model in kinds.items():
        fitted = Fitted(encoder, (model, model), keys[:400], np.zeros(400, np.int8), crossed_fitted.report)
        which = fitted.which(keys[:400])
        base, parts = fitted.contributions(values, which)
        assert parts.dtype == np.float64
        assert np.abs(base + parts.sum(axis=1) - fitted.logit(values, which)).max() < 1e-6, name
        row = effects.permutation_importance(fitted, values, label[:400], seed=0)
        assert np.isfinite([one["loss_increase"] for one in row]).all(), name
