"""How long boosting learns: as the folds agree, each without its own rows."""

from __future__ import annotations

import numpy as np
import pytest

from predictions.learning import features, folds, race, trees
from predictions.learning.candidates import logit_of, runners
from predictions.learning.evaluation import losses
from tests.predictions.learning import planted


def _growth(*loss: float) -> trees.Growth:
    return trees.Growth(np.array(loss), cut=lambda rounds: None)


def test_a_folds_own_rows_have_no_say_in_its_rounds():
    growths = [_growth(9, 6, 3, 0), _growth(3, 1, 2, 3), _growth(3, 1, 2, 3)]
    assert trees.best_rounds(growths, [10, 10, 10]) == [2, 4, 4, 4]


def test_a_bag_that_stopped_early_stays_as_it_is():
    growths = [_growth(5, 4), _growth(5, 4, 3, 2)]
    assert trees.best_rounds(growths, [10, 10]) == [4, 2, 4]


def test_a_larger_fold_weighs_more():
    growths = [_growth(1, 2), _growth(2, 1), _growth(1.5, 1.5)]
    assert trees.best_rounds(growths, [10, 1, 1])[2:] == [1, 1]
    assert trees.best_rounds(growths, [1, 10, 1])[2:] == [2, 2]


@pytest.mark.parametrize("bags", [1, 2])
@pytest.mark.parametrize(("leaves", "grow", "fit"), [(2, "grow_stumps", "fit_stumps"), (8, "grow_grove", "fit_grove")])
def test_cut_back_to_seven_rounds_is_grown_for_seven(leaves, grow, fit, bags):
    frame, label, _ = planted.crossed()
    encoder, values = features.learn(frame)
    recipe = trees.Recipe(leaves, 0.1, 40, bags, column_share=0.5)
    held = values[600:], label[600:]
    growth = getattr(trees, grow)(encoder, values[:600], label[:600], recipe, 3, held)
    direct = getattr(trees, fit)(encoder, values[:600], label[:600], recipe, 3, rounds=7)
    cut, grown = (logit_of(one, encoder, held[0]) for one in (growth.cut(7), direct))
    assert np.allclose(cut, grown)
    assert growth.loss[6] == pytest.approx(losses(held[1], cut).mean(), abs=1e-5)


def test_a_label_that_nothing_tells_stops_boosting_at_once(monkeypatch):
    rng = np.random.default_rng(2)
    frame, _, _ = planted.additive(300)
    label = (rng.random(300) < 0.3).astype(float)
    some = [one for one in runners(300) if one.name in ("stumps", "trees_31")]
    monkeypatch.setattr(race, "runners", lambda rows: some)
    encoder, values = features.learn(frame)
    heats = race.run(encoder, values, label, folds.deal(values, label, 0), 0, lambda share, note: None)
    base = losses(label, np.log(0.3 / 0.7)).mean()
    for heat in heats:
        assert 1 <= heat.rounds <= 40
        assert losses(label, heat.logit).mean() < base + 0.03


def test_fifty_churners_are_enough_to_know_when_to_stop(monkeypatch):
    """With so few a held-back share would be noise; all folds together are not."""
    frame, label, _ = planted.crossed(600)
    left = np.flatnonzero(label == 1)
    rows = np.sort(np.r_[np.flatnonzero(label == 0), left[:50]])
    frame, label = frame.iloc[rows].reset_index(drop=True), label[rows]
    monkeypatch.setattr(race, "runners", lambda n: [one for one in runners(n) if one.name == "trees_4"])
    encoder, values = features.learn(frame)
    heat = race.run(encoder, values, label, folds.deal(values, label, 0), 0, lambda share, note: None)[0]
    flat = losses(label, np.full(len(label), np.log(label.mean() / (1 - label.mean())))).mean()
    assert losses(label, heat.logit).mean() < 0.8 * flat
    assert heat.rounds > 10
