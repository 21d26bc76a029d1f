"""Groups of people are compared with the largest, and nothing is said that the numbers do not carry."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd

from predictions.learning.fairness import FAIR, fairness


def people(n: int, tilt: float = 0.0, seed: int = 0, share: float = 0.4):
    """label, chance, frame: group "b" is told a chance raised by ``tilt`` though it leaves like group "a"."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame({"gender": np.where(rng.random(n) < share, "b", "a")})
    truth = rng.beta(2, 4, n)
    label = (rng.random(n) < truth).astype(float)
    return label, np.clip(truth + tilt * (frame["gender"] == "b"), 0, 1), frame


def verdicts(told) -> dict[str, str]:
    group = next(group for group in told[0]["groups"] if group["name"] == "b")
    return {name: measure["verdict"] for name, measure in group["measures"].items()}


def test_groups_that_are_treated_alike_pass():
    told = fairness(*people(20_000)[:2], 0.4, people(20_000)[2], seed=0)
    assert told[0]["reference"] == "a"
    assert verdicts(told) == dict.fromkeys(FAIR, "passed")


def test_a_group_whose_chances_are_raised_is_an_issue():
    label, chance, frame = people(20_000, tilt=0.2)
    told = fairness(label, chance, 0.4, frame, seed=0)
    assert verdicts(told) == dict.fromkeys(FAIR, "issue")
    group = told[0]["groups"][1]
    b = (frame["gender"] == "b").to_numpy()
    ratio = (chance[b] >= 0.4).mean() / (chance[~b] >= 0.4).mean()
    assert group["measures"]["selection_ratio"]["value"] == ratio
    assert json.dumps(told, allow_nan=False)


def test_small_groups_cannot_be_told_and_smaller_ones_are_not_asked():
    label, chance, frame = people(300)
    assert "cannot_tell" in verdicts(fairness(label, chance, 0.4, frame, seed=0)).values()
    label, chance, frame = people(300, share=0.05)
    group = next(g for g in fairness(label, chance, 0.4, frame, seed=0)[0]["groups"] if g["name"] == "b")
    assert (group["state"], group["measures"]) == ("too_few", {})


def test_a_group_of_whom_nobody_is_called_still_has_an_interval():
    label, chance, frame = people(400)
    told = fairness(label, np.where(frame["gender"] == "a", 0.1, chance), 0.4, frame, seed=0)
    ratio = told[0]["groups"][1]["measures"]["selection_ratio"]
    assert ratio["value"] is None and 1.25 < ratio["low"] < ratio["high"]
    assert json.dumps(told, allow_nan=False)


def test_intervals_of_the_ratio_hold_the_truth():
    held = 0
    for seed in range(200):
        label, chance, frame = people(500, seed=seed)
        measure = fairness(label, chance, 0.4, frame, seed=0)[0]["groups"][1]["measures"]["opportunity_difference"]
        held += measure["low"] <= 0 <= measure["high"]
    assert held >= 183


def test_columns_that_are_absent_or_of_one_group_are_not_told():
    label, chance, frame = people(300)
    assert fairness(label, chance, 0.4, frame.assign(gender="a"), seed=0) == []
    assert fairness(label, chance, 0.4, frame[[]], seed=0) == []
    nobody = fairness(label * 0, chance, 0.4, frame, seed=0)[0]
    assert nobody["reference"] is None and {group["state"] for group in nobody["groups"]} == {"too_few"}
