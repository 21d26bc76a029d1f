"""Kaplan-Meier curves and Brier scores are those of the field's own packages, and mean what they say."""

from __future__ import annotations

import json
from dataclasses import asdict

import numpy as np
import pandas as pd
import pytest

from predictions.learning import kaplan_meier, survival_figures
from predictions.learning.survival_figures import Spells
from tests.predictions.learning import planted_lives


@pytest.fixture
def lives():
    """The customers on which the reference figures below were computed: durations with many ties, a good half censored."""
    rng = np.random.default_rng(2024)
    duration = rng.integers(0, 25, 300)
    return duration, (rng.random(300) < 0.4).astype(float)


def test_curve_and_interval_are_those_of_lifelines(lives):
    """lifelines 0.30.3, KaplanMeierFitter().fit(duration, left): survival_function_, confidence_interval_, event_table."""
    reference = {
        0: (0.9833333333333338, 0.9604243794256765, 0.9930288937450866, 300, 5),
        1: (0.966202090592335, 0.9380880879943421, 0.9816734741090195, 287, 5),
        5: (0.87804469890329, 0.8334224574052151, 0.9113482027687481, 235, 5),
        12: (0.7335934494037695, 0.6724409800665228, 0.7851734731529312, 139, 3),
        20: (0.4741312691425402, 0.393178277044288, 0.5506813142470811, 53, 4),
        24: (0.20348551297237982, 0.10827137926385669, 0.31972919391524984, 11, 4),
    }
    curve = kaplan_meier.curve(*lives)
    points = {point.time: point for point in curve.points}
    for month, (survival, low, high, at_risk, events) in reference.items():
        point = points[month]
        assert (point.survival, point.low, point.high) == pytest.approx((survival, low, high), abs=1e-6)
        assert (point.at_risk, point.events) == (at_risk, events)
    assert curve.median == 20
    assert (curve.customers, curve.events) == (300, int(lives[1].sum()))


def test_a_window_of_one_month_is_lifelines_late_entry(lives):
    """lifelines 0.30.3, KaplanMeierFitter().fit(duration, left, entry=duration - 1)."""
    found = kaplan_meier.steps(*lives, watched=1)
    assert found.at([0, 1, 2, 5]) == pytest.approx(
        [0.6153846153846153, 0.4230769230769231, 0.21153846153846156, 0.03353739685919616], abs=1e-6
    )


@pytest.fixture
def forecasts():
    """Exponential lives that hang on x, and the true survival at six times; no two times are equal."""
    rng = np.random.default_rng(7)
    x = rng.normal(size=400)
    life, end = rng.exponential(10 * np.exp(-x)), rng.exponential(15, size=400)
    times = np.array([1.0, 2, 3, 5, 8, 12])
    return np.minimum(life, end), life <= end, times, np.exp(-times / (10 * np.exp(-x))[:, None])


def test_brier_scores_are_those_of_scikit_survival(forecasts):
    """scikit-survival 0.28.0, metrics.brier_score and integrated_brier_score, train and test the same customers."""
    reference = (
        *(0.07625483620244822, 0.11656848832231351, 0.14514338489105558),
        *(0.18365994883223283, 0.184657526541891, 0.14232740084435325),
    )
    duration, left, times, survival = forecasts
    score = survival_figures.brier(duration, left, times)
    ours = [float(score(i, survival[:, i]).mean()) for i in range(len(times))]
    assert ours == pytest.approx(reference, abs=1e-6)
    assert survival_figures.integrated(times) @ ours == pytest.approx(0.160228818220548, abs=1e-6)


def test_nobody_lost_from_sight_makes_it_the_plain_brier_score():
    rng = np.random.default_rng(0)
    duration, told = rng.integers(1, 20, 500), rng.random(500)
    ours = survival_figures.brier(duration, np.ones(500, dtype=bool), np.array([7]))(0, told)
    assert ours == pytest.approx((told - (duration > 7)) ** 2)


def test_the_score_is_right_where_leaving_and_being_lost_fall_in_the_same_month():
    """Whole months make ties everywhere; weighted, the score must be that of lives watched to their end."""
    rng = np.random.default_rng(1)
    risk = rng.uniform(0.02, 0.2, 60_000)
    life, end = rng.geometric(risk), rng.integers(1, 25, 60_000)
    at = np.array([3, 9, 15])
    score = survival_figures.brier(np.minimum(life, end), life <= end, at)
    for i, month in enumerate(at):
        told = (1 - risk) ** month
        assert score(i, told).mean() == pytest.approx(float(((told - (life > month)) ** 2).mean()), abs=0.004)


def test_intervals_hold_the_truth_about_as_often_as_they_say():
    rng, held = np.random.default_rng(5), 0
    for _ in range(200):
        life, end = rng.geometric(0.05, 150), rng.integers(1, 40, 150)
        curve = kaplan_meier.curve(np.minimum(life, end), (life <= end).astype(float))
        point = next(point for point in curve.points if point.time >= 12)
        held += point.low <= 0.95**point.time <= point.high
    assert 180 <= held <= 199


def test_a_curve_has_at_most_120_points_and_loses_no_event():
    rng = np.random.default_rng(0)
    duration, left = rng.uniform(0, 300, 5000), (rng.random(5000) < 0.3).astype(float)
    curve = kaplan_meier.curve(duration, left, name="all")
    assert len(curve.points) == kaplan_meier.MOST_POINTS
    assert sum(point.events for point in curve.points) == curve.events == int(left.sum())
    assert curve.points[0].survival == 1 and curve.points[-1].time == duration.max()
    assert all(a.survival >= b.survival for a, b in zip(curve.points, curve.points[1:], strict=False))
    assert json.loads(json.dumps(asdict(curve)))["points"][3]["at_risk"] == curve.points[3].at_risk


def test_unknown_durations_and_outcomes_are_passed_over():
    curve = kaplan_meier.curve(np.array([1, 2, np.nan, -1, 3, np.inf]), np.array([1, 0, 1, 1, np.nan, 1]))
    assert (curve.customers, curve.events) == (2, 1)
    nobody = kaplan_meier.curve(np.array([np.nan]), np.array([1.0]))
    assert (nobody.customers, nobody.points, nobody.median) == (0, (), None)
    with pytest.raises(ValueError, match="do not go together"):
        kaplan_meier.curve(np.arange(3), np.zeros(2))


def test_everybody_left_and_nobody_left_have_finite_intervals():
    gone = kaplan_meier.curve(np.array([1, 2, 3, 3]), np.ones(4))
    assert (gone.points[-1].survival, gone.points[-1].low) == (0, 0)
    assert 0 < gone.points[-1].high <= 1
    here = kaplan_meier.curve(np.array([1, 2, 3, 3]), np.zeros(4))
    assert [(point.low, point.survival, point.high) for point in here.points] == [(1, 1, 1)] * 4
    assert here.median is None


def test_groups_come_largest_first_and_small_ones_not_at_all():
    rng = np.random.default_rng(0)
    group = pd.Series(["b"] * 200 + ["a"] * 100 + ["few"] * 5 + [None] * 50)
    duration = rng.geometric(np.where(group == "a", 0.2, 0.02)).astype(float)
    curves = kaplan_meier.curves(duration, np.ones(len(group)), group)
    assert [(curve.name, curve.customers) for curve in curves] == [("b", 200), ("a", 100)]
    assert curves[0].median > curves[1].median
    assert len(kaplan_meier.curves(duration, np.ones(len(group)), group, at_most=1)) == 1


def test_a_window_read_as_a_window_gives_the_true_curve_and_read_as_whole_lives_a_rosy_one():
    company = planted_lives.window(20_000, watched=3)
    tenure, left = company.frame["tenure"].to_numpy(), company.label == 1
    truth = float(np.prod(1 - company.hazard.mean(axis=0)[1:25]))  # the risks differ little between customers
    as_window, as_lives = (kaplan_meier.steps(tenure, left, watched=watched).at(24) for watched in (3, None))
    assert as_window == pytest.approx(truth, abs=0.05)
    assert as_lives > truth + 0.2


def test_spells_of_a_window_start_before_it_and_of_whole_lives_at_the_beginning():
    tenure, left = np.array([0, 2, 30, 30]), np.array([False, True, False, True])
    whole, window = (Spells.of(tenure, left, watched, np.zeros(4)) for watched in (None, 3))
    assert whole.start.tolist() == [-1] * 4 and whole.elapsed.tolist() == [1, 3, 31, 31]
    assert window.start.tolist() == [-1, 0, 27, 28] and window.elapsed.tolist() == [1, 2, 3, 2]


def test_weights_by_kind_are_right_where_those_who_stay_are_watched_for_longest():
    """Half never leave and are watched for long, half leave and are not: one weight for all flatters the forecast."""
    rng = np.random.default_rng(2)
    loyal = rng.random(60_000) < 0.5
    life = rng.geometric(np.where(loyal, 0.004, 0.12))
    end = np.where(loyal, rng.integers(10, 60, len(life)), rng.integers(1, 20, len(life)))
    elapsed, left, at = np.minimum(life, end), life <= end, np.array([15])
    told = np.where(loyal, 0.996, 0.88) ** 15
    truth = float(((told - (life > 15)) ** 2).mean())
    by_kind, for_all = (
        survival_figures.brier(elapsed, left, at, kind)(0, told).mean() for kind in (loyal.astype(np.int64), None)
    )
    assert by_kind == pytest.approx(truth, abs=0.004)
    assert for_all < truth - 0.02
