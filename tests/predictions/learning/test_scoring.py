"""Scores are honest about whom the model had seen, stand up to other frames, and add up to their reasons."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier

from predictions import learning
from predictions.learning import folds, groves, reasons, tables, trees
from predictions.learning.candidates import runners
from predictions.learning.evaluation import measure

NOBODY_YET = 10**9


@pytest.fixture(params=["additive", "crossed"])
def company(request):
    """(fitted, frame, label, keys): one served by tables, one by trees."""
    return (
        request.getfixturevalue(f"{request.param}_fitted"),
        *request.getfixturevalue(f"{request.param}_company"),
    )


def test_reported_figures_are_those_of_the_scores_that_customers_get(company):
    fitted, frame, label, keys = company
    scored = learning.score(fitted, frame, keys)
    assert scored.unseen.all()
    told = measure(label, scored.probability)
    assert {name: told[name] for name in learning.METRICS} == pytest.approx(fitted.metrics, abs=1e-9)


def test_a_fold_is_scored_by_a_model_that_its_labels_cannot_reach(additive_fitted, additive_company):
    """Fit a fold's members again with every label of the fold turned round: nothing moves."""
    frame, label, keys = additive_company
    held = additive_fitted.learned_folds == 2
    values = additive_fitted.encoder.encode(frame)
    turned = np.where(held, 1 - label, label)
    for candidate in (one for one in runners(len(label)) if one.is_additive):
        told, blind = (
            candidate.fit(additive_fitted.encoder, values[~held], some[~held], 5) for some in (label, turned)
        )
        assert np.array_equal(told.steps, blind.steps) and np.array_equal(told.heights, blind.heights)
    scored = learning.score(additive_fitted, frame[held], keys[held])
    assert scored.unseen.all()
    fold_model = tables.logit(additive_fitted.layout, additive_fitted.models[2].tables, values[held])
    assert scored.logit == pytest.approx(fold_model, abs=1e-12)
    strangers = learning.score(additive_fitted, frame[held], keys[held] + NOBODY_YET)
    assert not strangers.unseen.any()
    assert not np.array_equal(strangers.logit, scored.logit)


def test_identical_rows_share_a_fold_and_folds_are_alike(additive_company, additive_fitted):
    frame, label, _ = additive_company
    values = additive_fitted.encoder.encode(frame)
    fold = folds.deal(np.vstack([values, values[:300]]), np.r_[label, label[:300]], seed=4)
    assert np.array_equal(fold[:300], fold[len(label) :])
    rates = [np.r_[label, label[:300]][fold == number].mean() for number in range(folds.FOLDS)]
    assert max(rates) - min(rates) < 0.02


def test_few_distinct_rows_are_no_duplicates():
    values = np.random.default_rng(0).integers(0, 3, (600, 2)).astype(float)
    fold = folds.deal(values, np.arange(600) % 2.0, seed=0)
    assert np.bincount(fold).tolist() == [120] * 5


def test_contributions_add_up_to_the_log_odds(company):
    fitted, frame, _, keys = company
    keys = np.where(np.arange(len(keys)) % 2, keys, keys + NOBODY_YET)
    base, parts = learning.explain(fitted, frame, keys)
    direct = learning.score(fitted, frame, keys, top=0).logit
    assert np.abs(base + parts.sum(axis=1) - direct).max() < 1e-6
    every = learning.score(fitted, frame, keys, top=len(fitted.features))
    assert np.abs(every.base + every.contribution.sum(axis=1) - every.logit).max() < 1e-5
    assert (np.diff(np.abs(every.contribution), axis=1) <= 1e-6).all()


def test_the_strongest_reason_is_the_planted_one(additive_fitted, additive_company):
    frame, _, keys = additive_company
    scored = learning.score(additive_fitted, frame.assign(tenure=72), keys + NOBODY_YET)
    assert additive_fitted.features[scored.feature[0, 0]].name == "tenure"
    assert (scored.contribution[:, 0] < 0).mean() > 0.9


def test_rows_score_the_same_alone_and_in_company(company):
    fitted, frame, _, keys = company
    together = learning.score(fitted, frame, keys)
    for at in (0, 7, len(frame) - 1):
        alone = learning.score(fitted, frame.iloc[[at]], keys[[at]])
        assert alone.logit[0] == pytest.approx(together.logit[at], abs=1e-12)
        assert np.array_equal(alone.feature[0], together.feature[at])


def test_missing_extra_and_new_things_are_scored(company):
    fitted, frame, _, keys = company
    names = list(frame.columns)
    other = frame[names[1:]].astype(object).assign(something="else")
    other[names[-1]] = "never seen before"
    scored = learning.score(fitted, other, keys)
    assert np.isfinite(scored.logit).all()
    nothing = learning.score(fitted, pd.DataFrame(index=range(3)), np.arange(3) + NOBODY_YET)
    assert np.isfinite(nothing.logit).all() and len(set(nothing.logit)) == 1


def test_nobody_to_score(company):
    fitted, frame, _, keys = company
    scored = learning.score(fitted, frame[:0], keys[:0])
    assert scored.probability.shape == (0,) and scored.feature.shape == (0, 3)
    with pytest.raises(ValueError, match="keys"):
        learning.score(fitted, frame, keys[:5])


def test_a_number_written_as_text_reads_as_the_number(additive_fitted, additive_company):
    frame, _, keys = additive_company
    as_text = frame.assign(tenure=frame["tenure"].astype(str), senior=frame["senior"].astype(object))
    assert np.array_equal(
        learning.score(additive_fitted, as_text, keys).logit, learning.score(additive_fitted, frame, keys).logit
    )


def test_groves_predict_what_scikit_learn_predicts():
    """Guards the reading of scikit-learn's node arrays, with gaps in the data, against a new release."""
    rng = np.random.default_rng(0)
    design = rng.normal(size=(3000, 4)).round(1)
    design[rng.random(design.shape) < 0.1] = np.nan
    label = (np.nan_to_num(design[:, 0] * design[:, 1]) + np.isnan(design[:, 2]) > rng.normal(size=3000)).astype(int)
    boosters = [
        HistGradientBoostingClassifier(max_leaf_nodes=leaves, max_iter=30, random_state=0).fit(design, label)
        for leaves in (4, 31)
    ]
    grove = groves.read_off(boosters, (None,) * 4, ())
    expected = np.mean([booster.decision_function(design) for booster in boosters], axis=0)
    assert np.abs(grove.logit(design) - expected).max() < 1e-9


def test_stumps_as_tables_are_the_stumps():
    """Read off cell by cell, they say what the booster says about rows."""
    frame = pd.DataFrame({"a": np.r_[np.arange(300.0), np.nan, np.nan], "b": (["x", "y", "z"] * 101)[:302]})
    label = ((np.arange(302) % 7 < 3) ^ (np.arange(302) > 200)).astype(float)
    encoder, values = learning.features.learn(frame)
    recipe = trees.Recipe(2, 0.1, 50, 1)
    model = trees.fit_stumps(encoder, values, label, recipe, seed=0, rounds=50)
    ranks = trees._ranks(encoder, values, label)
    design = groves.design_of(trees._to_cells(encoder, values), ranks, ())
    direct = trees._bags(design, label, recipe, 0, rounds=50)[0].decision_function(design)
    assert np.abs(tables.logit(tables.Layout.of(encoder), model, values) - direct).max() < 1e-9


def test_the_walk_shares_an_interaction_of_two_columns_fairly():
    base, parts = reasons.walk(lambda rows: rows[:, 0] * rows[:, 1] + 3 * rows[:, 2], np.ones((1, 3)), np.zeros(3))
    assert base == 0
    assert parts[0] == pytest.approx([0.5, 0.5, 3.0])
