"""A part of the base is measured by itself, or said to be too small; and no column's dirt stops it."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from predictions.learning import slices
from predictions.learning.evaluation import auc


@pytest.fixture
def base():
    """(label, chance, frame): the chances are true for everybody but customers of "north", who leave at random."""
    rng = np.random.default_rng(0)
    n = 4000
    chance = rng.beta(1.5, 3, n)
    frame = pd.DataFrame(
        {
            "region": rng.choice(["south", "north", "isle"], n, p=[0.7, 0.29, 0.01]),
            "tenure": rng.integers(0, 73, n).astype(float),
        }
    )
    truth = np.where(frame["region"] == "north", 0.6, chance)
    return (rng.random(n) < truth).astype(float), chance, frame


def groups(told, column):
    return {group["name"]: group for group in next(one["groups"] for one in told if one["column"] == column)}


def test_a_part_that_is_served_badly_shows(base):
    label, chance, frame = base
    told = groups(slices.by_slice(label, chance, 0.4, frame, ["region"]), "region")
    north, south = told["north"], told["south"]
    member = (frame["region"] == "north").to_numpy()
    assert north["metrics"]["roc_auc"] == pytest.approx(auc(label[member], chance[member]))
    assert north["intervals"]["roc_auc"][1] < south["intervals"]["roc_auc"][0]
    assert north["intervals"]["calibration_gap"][1] < 0
    assert south["intervals"]["calibration_gap"][0] < 0 < south["intervals"]["calibration_gap"][1]
    called = member & (chance >= 0.4)
    assert north["metrics"]["precision"] == pytest.approx(label[called].mean())
    assert north["metrics"]["selected"] == pytest.approx(called.sum() / member.sum())
    assert (north["n"], north["churners"]) == (member.sum(), label[member].sum())


def test_a_part_with_too_few_customers_says_so(base):
    label, chance, frame = base
    isle = groups(slices.by_slice(label, chance, 0.4, frame, ["region"]), "region")["isle"]
    assert (isle["state"], isle["metrics"], isle["intervals"]) == ("too_few", {}, {})
    one_sided = np.where(frame["region"] == "north", 0.0, label)
    assert groups(slices.by_slice(one_sided, chance, 0.4, frame, ["region"]), "region")["north"]["state"] == "too_few"


def test_tenure_falls_into_its_bands_and_the_unknown_apart(base):
    frame = pd.DataFrame({"tenure": [0, 12, 12.5, 13, 24, 25, 48, 49, 400, np.nan, np.inf]})
    found = slices.groups_of(frame, "tenure")
    assert found.names == ("0-12", "13-24", "25-48", "49+", None)
    assert found.kinds == ("band",) * 4 + ("unknown",)
    assert np.bincount(found.code).tolist() == [2, 3, 2, 2, 2]


def test_numbers_are_cut_at_their_quartiles_and_few_values_stay_themselves():
    frame = pd.DataFrame(
        {"age": np.arange(18, 98), "size": np.tile([1.0, 2.0], 40), "mostly": [0] * 70 + [*range(10)] + []}
    )
    assert slices.groups_of(frame, "age").names == ("18-38", "39-58", "59-77", "78-97")
    assert slices.groups_of(frame, "size").names == ("1", "2")
    assert sum(np.bincount(slices.groups_of(frame, "mostly").code)) == 80


def test_a_thousand_levels_become_a_dozen():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"city": [f"ville {i}" for i in rng.zipf(1.3, 5000) % 1000]})
    found = slices.groups_of(frame, "city")
    assert len(found.names) == slices.MAX_GROUPS
    assert found.kinds[-1] == "other" and found.names[0] == "ville 1"
    assert len(found.code) == 5000


def test_columns_that_part_nobody_are_absent(base):
    label, chance, frame = base
    frame = frame.assign(
        same="x", empty=None, since=pd.Timestamp("2020-01-01"), lists=[[1]] * 2000 + [None] * 2000, flag=True
    )
    frame["flag"] = frame["flag"].astype("boolean")
    frame.loc[:99, "flag"] = pd.NA
    told = slices.by_slice(label, chance, 0.4, frame, ["same", "empty", "since", "lists", "flag", "nowhere", "flag"])
    assert [one["column"] for one in told] == ["lists", "flag"]
    assert {group["name"] for group in told[1]["groups"]} == {"True", None}
    twice = pd.concat([frame[["region"]], frame[["tenure"]].set_axis(["region"], axis=1)], axis=1)
    assert slices.groups_of(twice, "region").names == ("south", "north", "isle")
