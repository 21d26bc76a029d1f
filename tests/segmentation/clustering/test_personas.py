"""Personas are told by what sets a segment apart, and no two segments of one run share one."""

from __future__ import annotations

import json

import numpy as np
import pytest

from segmentation.clustering import clusters, naming, personas
from segmentation.clustering.preparation import Preparation
from segmentation.clustering.profiles import ProfileBuilder
from tests.segmentation.clustering import planted


def told(names: str, *rows: list[float]) -> list[str]:
    return [one.persona for one in personas.portrait_all(names.split(), np.array(rows))]


def test_the_planted_personas_are_recognised():
    values, _ = planted.usage(8000, 3)
    keys = np.arange(len(values))
    preparation = Preparation.learn(values, planted.NAMES, keys=keys)
    prepared = preparation.apply(values)
    _, labels = clusters.fit_and_assign(prepared, k=5, seed=0, keys=keys)
    order = naming.order_by_value(labels, values[:, 1], 5)
    builder = ProfileBuilder(preparation, 5)
    builder.add(values, naming.relabelled(labels, order), keys, prepared)
    portraits = personas.portraits(builder.profile())
    assert [one.persona for one in portraits] == [
        "heavy_all_round", "talker", "young_digital", "texter", "senior_quiet",
    ]  # fmt: skip
    talker = portraits[1].traits[0]
    assert (talker.feature, talker.direction, talker.strength) == ("nombre_appels", "high", "very")
    assert talker.mean == pytest.approx(230, rel=0.1)
    json.dumps([one.as_json() for one in portraits], allow_nan=False)


USAGE = "age montant_consommation nombre_appels volume_data nombre_sms"


@pytest.mark.parametrize(
    ("row", "persona"),
    [
        ([0.0, 0.1, 0.0, 1.5, 0.0], "data_hungry"),
        ([0.0, 0.1, 1.5, 0.0, 0.0], "talker"),
        ([0.0, 0.0, 0.0, 0.1, 1.5], "texter"),
        ([0.0, 1.5, 0.2, 0.1, 0.0], "big_spender"),
        ([0.0, -1.5, 0.1, 0.2, 0.1], "price_sensitive"),
        ([-1.4, 0.0, 0.0, 1.4, 0.1], "young_digital"),
        ([1.4, -1.2, -1.3, -1.4, -1.4], "senior_quiet"),
        ([0.0, -1.2, -1.2, -1.2, -1.2], "silent_loyal"),
        ([0.1, 1.4, 1.3, 1.2, 1.3], "heavy_all_round"),
        ([0.0, 0.0, 0.1, 0.0, 0.0], "average"),
    ],
)
def test_one_segment_by_its_usage(row, persona):
    assert told(USAGE, row) == [persona]


@pytest.mark.parametrize(
    ("row", "persona"),
    [
        ([1.4, 1.3, 0.1, 0.0], "loyal_valuable"),
        ([1.4, 0.0, -0.9, -0.2], "silent_loyal"),
        ([-1.4, 0.0, 0.0, 0.1], "newcomer"),
        ([-1.3, 0.0, 0.0, 1.3], "newcomer_at_risk"),
        ([0.0, 1.4, 0.0, 1.4], "valuable_at_risk"),
        ([0.0, -1.4, 0.0, 0.0], "price_sensitive"),
        ([0.0, 0.0, 1.5, 0.0], "service_rich"),
    ],
)
def test_one_segment_by_its_contract(row, persona):
    assert told("tenure monthly_charges services risk", row) == [persona]


def test_two_segments_never_share_a_persona():
    found = told(USAGE, [0, 0, 0, 2.5, 0], [0, 0, 0, 1.5, 0], [0, 0, 0, 1.0, 0], [0, 0, 0, 0, 0], [0, 0, 0, 0, 0])
    assert found[0] == "data_hungry"
    rng = np.random.default_rng(0)
    for k in (2, 5, 10):
        for _ in range(50):
            portraits = personas.portrait_all(USAGE.split(), rng.normal(size=(k, 5)))
            named = [(one.persona, one.standout) for one in portraits]
            assert len(set(named)) == k


def test_segments_all_alike_have_a_name_each_and_no_traits():
    portraits = personas.portrait_all(USAGE.split(), np.zeros((4, 5)))
    assert len({(one.persona, one.standout) for one in portraits}) == 4
    assert all(one.traits == () for one in portraits)


def test_an_attribute_that_no_rule_knows_names_the_segment_after_itself():
    (one, other) = personas.portrait_all(["shoe size", "Région"], np.array([[2.0, 0.0], [-2.0, 0.3]]))
    assert (one.persona, one.standout) == ("standout", ("shoe size", "high"))
    assert (other.persona, other.standout) == ("standout", ("shoe size", "low"))
    assert [(one.feature, one.direction, one.strength) for one in other.traits] == [
        ("shoe size", "low", "very"), ("Région", "high", "slightly"),
    ]  # fmt: skip


def test_statistics_of_a_measure_are_the_measure():
    assert told("volume_data_mean_3m nombre_appels_last", [2.0, 0.0]) == ["data_hungry"]


def test_at_most_three_traits_the_strongest_first_and_unknown_ones_none():
    (found,) = personas.portrait_all(list("abcde"), np.array([[0.3, -2.0, 0.7, np.nan, 1.0]]))
    assert [(one.feature, one.strength) for one in found.traits] == [("b", "very"), ("e", "plainly"), ("c", "plainly")]
    (none,) = personas.portrait_all(["a"], np.array([[np.nan]]))
    assert none.traits == ()
    with pytest.raises(ValueError, match="fit"):
        personas.portrait_all(["a"], np.zeros((2, 3)))
