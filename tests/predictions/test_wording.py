"""What the engine says in codes, in sentences: complete, in the reader's language, and with nothing left to fill in."""

import re

import pytest
from django.utils import translation

from predictions import wording
from predictions.learning import NotEnoughEvidence
from predictions.learning.evidence import require_labels


def driver(feature: str, value, effect: float = 0.5, currency: str = "TND") -> str:
    said = wording.driver({"feature": feature, "value": value, "effect": effect}, currency)
    assert "%(" not in said["sentence"]
    return said["sentence"]


@pytest.mark.parametrize(
    ("feature", "value", "sentence"),
    [
        ("contract", "Month-to-month", "Contract: Month-to-month. This raises the risk."),
        ("tenure", 1.0, "Tenure: 1 month. This raises the risk."),
        ("tenure", 34, "Tenure: 34 months. This raises the risk."),
        ("monthly_charges", 1118.6, "Monthly charges: 1,119\u00a0TND. This raises the risk."),
        ("age", 41.0, "Age: 41. This raises the risk."),
        ("senior_citizen", "Yes", "Senior citizen: Yes. This raises the risk."),
        ("tech_support", None, "Tech support: not known. This raises the risk."),
        ("contract", "100% gratuit %(name)s", "Contract: 100% gratuit %(name)s. This raises the risk."),
        ("nombre_appels_trend_3m", 0.62, "Trend of calls: -38% against the three months before. This raises the risk."),
        ("Favourite_Colour", "red", "“Favourite_Colour”: red. This raises the risk."),
    ],
)
def test_driver_is_a_sentence_about_the_customers_own_value(feature, value, sentence):
    assert wording.driver({"feature": feature, "value": value, "effect": 0.5}, "TND")["sentence"] == sentence


@pytest.mark.parametrize(
    ("effect", "words"),
    [
        (0.9, "raises the risk a lot"),
        (0.5, "raises the risk."),
        (0.1, "raises the risk a little"),
        (-0.1, "lowers the risk a little"),
        (-0.5, "lowers the risk."),
        (-0.9, "lowers the risk a lot"),
    ],
)
def test_driver_says_direction_and_strength(effect, words):
    assert words in driver("contract", "One year", effect)


def test_driver_says_by_how_much_the_odds_change():
    said = wording.driver({"feature": "contract", "value": "One year", "effect": -0.6931}, "TND")
    assert said["odds"] == pytest.approx(0.5, abs=1e-4)
    assert said["raises"] is False


def test_driver_speaks_french_where_there_is_a_catalogue():
    with translation.override("fr"):
        said = wording.driver({"feature": "tenure", "value": 34, "effect": 0.5}, "TND")
        if said["sentence"].startswith("Tenure"):
            pytest.skip("the French catalogue is not compiled")
    assert "34 mois" in said["sentence"]
    assert said["name"] == "Ancienneté"


METRICS = {
    "roc_auc": 0.8482, "pr_auc": 0.66, "log_loss": 0.4129, "brier": 0.1343, "ece": 0.01, "lift_at_10": 2.81,
    "accuracy": 0.805, "baseline_accuracy": 0.735,
}  # fmt: skip


@pytest.mark.parametrize(
    ("auc", "low", "grade"),
    [
        (0.95, 0.9, "Excellent"),
        (0.85, 0.8, "Good"),
        (0.75, 0.7, "Fair"),
        (0.65, 0.6, "Weak"),
        (0.52, 0.49, "No better than chance"),
    ],
)
def test_quality_has_a_grade(auc, low, grade):
    assert wording.quality(METRICS | {"roc_auc": auc}, {"roc_auc": [low, 1]})["grade"] == grade


def test_quality_is_said_as_a_manager_repeats_it():
    said = wording.quality(METRICS, {"roc_auc": [0.8, 0.9]})
    assert "85 times out of 100" in said["ranking"]
    assert "2.8 times as many" in said["lift"]


def test_figures_hold_every_promised_measure_with_its_interval():
    rows = {r["key"]: r for r in wording.figures(METRICS, {"roc_auc": [0.84, 0.86]})}
    assert list(rows) == list(METRICS)
    assert (rows["roc_auc"]["value"], rows["roc_auc"]["low"], rows["roc_auc"]["high"]) == ("0.848", "0.840", "0.860")
    assert (rows["accuracy"]["value"], rows["accuracy"]["low"]) == ("80.5%", "")
    assert rows["lift_at_10"]["value"] == "2.81"


def test_figures_are_there_where_a_measure_is_not():
    assert {r["value"] for r in wording.figures({}, {})} == {""}


def refused(labels) -> NotEnoughEvidence:
    import numpy as np

    with pytest.raises(NotEnoughEvidence) as thin:
        require_labels(np.array(labels, dtype=float))
    return thin.value


@pytest.mark.parametrize(
    "labels",
    [
        [],
        [float("nan")] * 5,
        [1] * 200,
        [0] * 200,
        [1] * 5 + [0] * 200,
        [0] * 5 + [1] * 200,
        [0] * 30 + [1] * 30,
        [1] + [0] * 200,
    ],
)
def test_too_little_evidence_is_one_whole_sentence_with_a_number(labels):
    refusal = wording.not_enough(refused(labels))
    assert re.search(r"\d", refusal.message)
    assert refusal.message.endswith(".")
    assert "%(" not in refusal.message


def test_reason_unknown_to_this_release_keeps_the_engines_own_words():
    refusal = wording.not_enough(NotEnoughEvidence("new_reason", "Because of the moon."))
    assert (refusal.code, refusal.message) == ("new_reason", "Because of the moon.")


@pytest.mark.parametrize("code", ["additive_ties", "additive_best", "interactions_matter", "another", ""])
def test_choice_is_explained(code):
    assert wording.choice({"code": code, "facts": {"difference": 0.001}}).endswith(".")


def test_every_code_of_the_engine_has_its_words(trained, atlas):
    """A training's own card, shown without one raw code in it."""
    assert trained.details["choice"]["code"] in ("additive_ties", "additive_best", "interactions_matter")
    for name, why in trained.details["set_aside"]:
        assert "_" not in wording.aside(why), name
    for feature in trained.details["features"]:
        assert "_" not in wording.feature_name(feature["name"])
    assert wording.algorithm(trained.algorithm)


@pytest.mark.parametrize(
    "title", ["Stumps", "Additive blend (splines + stumps)", "Blend (stumps + something new)", "Something new", ""]
)
def test_any_name_of_an_algorithm_can_be_said(title):
    assert wording.algorithm(title) == title
