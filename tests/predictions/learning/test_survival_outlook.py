"""What lies ahead of a customer is the model's own sum, month by month, and says where it stops knowing."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from predictions.learning.outlook import HORIZON, WITHOUT, outlook
from tests.predictions.learning import planted_lives

STRANGER = 10**9  # keys from here on belong to customers whom no model has learned from


@pytest.fixture(scope="module")
def company():
    return planted_lives.learned()[0]


@pytest.fixture(scope="module")
def model():
    return planted_lives.learned()[1]


@pytest.fixture(scope="module")
def drifting():
    return planted_lives.learned(fading=True)[1]


def months_ahead(model, row: pd.DataFrame, tenure: int, months: int) -> np.ndarray:
    """The chance of being here 1 .. months on, spelled out for one stranger."""
    values = model.encoder.encode(row)
    hazard = model.models[-1]

    def effect(table) -> float:
        total = 0.0
        for j, feature in enumerate(model.features):
            value = values[0, j]
            total += table.steps[model.layout.steps[j] + int(feature.cell_of(values[:, j])[0])]
            if len(feature.knots) and not np.isnan(value):
                heights = table.heights[model.layout.heights[j] : model.layout.heights[j + 1]]
                total += float(np.interp(value, feature.knots, heights))
        return total

    here, out = 1.0, []
    for month in range(tenure + 1, tenure + months + 1):
        interval = int(model.grid.interval_of(np.array([month]))[0])
        logit = hazard.level[interval] + effect(hazard.g)
        if hazard.drift is not None:
            logit += model.grid.clock[interval] * effect(hazard.drift)
        here *= 1 - 1 / (1 + np.exp(-logit))
        out.append(here)
    return np.array(out)


def test_every_figure_is_the_models_own_sum(model, drifting, company):
    for fitted in (model, drifting):
        assert (fitted.models[-1].drift is None) == (fitted is model)
        rows = company.frame.iloc[[0, 5, 9, 14, 20, 33]].assign(tenure=[0, 3, 12, 13, 30, 47])
        ahead = outlook(fitted, rows, np.arange(6) + STRANGER)
        for i, tenure in enumerate(rows["tenure"]):
            course = months_ahead(fitted, rows.iloc[[i]], tenure, 120)
            assert ahead.here[i] == pytest.approx(course[[2, 5, 11]], abs=1e-9)
            assert ahead.expected_months[i] == pytest.approx(1 + course[:11].sum(), abs=1e-9)
            charges = rows["monthly_charges"].iloc[i]
            assert ahead.value_at_risk[i] == pytest.approx(charges * (12 - 1 - course[:11].sum()), rel=1e-6)
            known = course[: max(0, fitted.grid.last - tenure)]
            half = np.flatnonzero(known <= 0.5)
            if half.size:
                assert ahead.median_months[i] == half[0] + 1
            else:
                assert np.isnan(ahead.median_months[i])


def test_chances_are_near_the_truth(model, company):
    ahead = outlook(model, company.frame, company.keys, label=company.label)
    tenure = company.frame["tenure"].to_numpy()
    rows = np.flatnonzero((ahead.without == 0) & (tenure <= 36))
    for column, months in enumerate((3, 6, 12)):
        truth = company.still_here(rows, tenure[rows], months)
        assert np.abs(ahead.here[rows, column] - truth).mean() < 0.025
        assert ahead.here[rows, column].mean() == pytest.approx(truth.mean(), abs=0.015)


def test_medians_are_near_the_truth(model, company):
    frame = company.frame.assign(tenure=0)
    ahead = outlook(model, frame, company.keys + STRANGER)
    course = np.cumprod(1 - company.hazard[:, 1:], axis=1)
    truth = np.where((course <= 0.5).any(axis=1), np.argmax(course <= 0.5, axis=1) + 1.0, np.nan)
    soon = truth <= model.grid.last - 15
    assert soon.sum() > 500
    assert np.nanmedian(np.abs(ahead.median_months - truth)[soon]) <= 2
    assert np.isnan(ahead.median_months[soon]).mean() < 0.02


def test_who_has_left_has_no_outlook(model, company):
    by_label = outlook(model, company.frame, company.keys, label=company.label)
    by_memory = outlook(model, company.frame, company.keys)
    assert np.array_equal(by_label.without == WITHOUT.index("gone"), company.label == 1)
    assert np.array_equal(by_label.without, by_memory.without)
    gone = by_label.without == 1
    for part in (by_label.here, by_label.median_months, by_label.expected_months, by_label.value_at_risk):
        assert np.isnan(part[gone]).all()
    back = outlook(model, company.frame, company.keys, label=np.zeros(len(company.keys)))
    assert (back.without == 0).all()
    unsaid = outlook(model, company.frame, company.keys, label=np.full(len(company.keys), np.nan))
    assert np.array_equal(unsaid.without, by_memory.without)


def test_who_has_no_tenure_has_no_outlook(model):
    frame = pd.DataFrame({"tenure": [np.nan, -2, 5_000, 3], "contract": "monthly", "monthly_charges": [9.0, 9, 9, -1]})
    ahead = outlook(model, frame, np.arange(4) + STRANGER)
    assert [WITHOUT[code] for code in ahead.without] == ["no_tenure"] * 3 + [""]
    assert np.isnan(ahead.here[:3]).all() and np.isfinite(ahead.here[3]).all()
    assert np.isnan(ahead.value_at_risk).all()  # charges below nothing are unknown
    nothing = outlook(model, frame.drop(columns="tenure"), np.arange(4) + STRANGER)
    assert (nothing.without == WITHOUT.index("no_tenure")).all()


def test_beyond_the_longest_tenure_the_last_risk_is_held_and_that_is_told(model):
    last = model.grid.last
    tenure = np.array([0, last - 12, last - 5, last, last + 100])
    frame = pd.DataFrame({"tenure": tenure, "contract": "monthly", "monthly_charges": 110.0})
    ahead = outlook(model, frame, np.arange(5) + STRANGER)
    assert ahead.assumed_months.tolist() == [0, 0, 7, 12, 12]
    assert ahead.here[3] == pytest.approx(ahead.here[4])
    assert ahead.here[3, 1] == pytest.approx(ahead.here[3, 0] ** 2)  # one risk, month after month
    assert np.isnan(ahead.median_months[2:]).all() and np.isfinite(ahead.median_months[0])


def test_chances_fall_with_time_and_months_add_up(model, company):
    ahead = outlook(model, company.frame, company.keys)
    rows = ahead.without == 0
    assert (np.diff(ahead.here[rows], axis=1) < 0).all()
    assert ((ahead.here[rows] > 0) & (ahead.here[rows] < 1)).all()
    assert ((ahead.expected_months[rows] > 1) & (ahead.expected_months[rows] < HORIZON)).all()
    assert (ahead.value_at_risk[rows] > 0).all()


def test_blocks_make_no_difference(model, company, monkeypatch):
    whole = outlook(model, company.frame, company.keys)
    monkeypatch.setattr("predictions.learning.outlook._BLOCK", 37)
    parts = outlook(model, company.frame, company.keys)
    assert np.array_equal(whole.here, parts.here, equal_nan=True)
    assert np.array_equal(whole.median_months, parts.median_months, equal_nan=True)


def test_frames_that_lack_columns_or_rows_are_told_what_can_be(model):
    bare = outlook(model, pd.DataFrame({"tenure": [1, 2]}), np.arange(2) + STRANGER)
    assert np.isfinite(bare.here).all() and np.isnan(bare.value_at_risk).all()
    nobody = outlook(model, pd.DataFrame({"tenure": []}), np.empty(0, dtype=np.int64))
    assert nobody.here.shape == (0, 3) and nobody.without.shape == (0,)
    with pytest.raises(ValueError, match="keys"):
        outlook(model, pd.DataFrame({"tenure": [1, 2]}), np.arange(3))
    with pytest.raises(ValueError, match="labels"):
        outlook(model, pd.DataFrame({"tenure": [1, 2]}), np.arange(2), label=np.zeros(3))
