"""The watch is quiet when nothing changed, speaks when something did, and says when it cannot tell."""

from __future__ import annotations

import json
from dataclasses import asdict

import numpy as np
import pandas as pd
import pytest
from scipy.spatial.distance import jensenshannon
from scipy.stats import binom

from predictions.learning import drift, features, histograms
from predictions.learning.evidence import NotEnoughEvidence
from predictions.learning.histograms import Bins, Reference, Tally

RARE = (0.6, 0.3, 0.05, 0.03, 0.01, 0.005, 0.003, 0.0015, 0.0005)
SHARES = (  # a family of twenty columns: even bins, gaps, a column of noughts, rare levels, rare flags
    *[(*[0.099] * 10, 0.01)] * 8,
    *[(0.7, 0.1, 0.1, 0.095, 0.005)] * 4,
    *[RARE] * 4,
    *[(0.97, 0.03)] * 2,
    *[(0.5, 0.49, 0.01)] * 2,
)


def company(rows: int, seed: int, **changed: object) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "tenure": rng.integers(0, 73, rows),
            "charges": rng.normal(65, 30, rows).round(2),
            "contract": rng.choice(["monthly", "yearly", "two years"], rows, p=[0.6, 0.3, 0.1]),
            "town": rng.choice([f"town {i}" for i in range(30)], rows),
        }
    )
    frame.loc[rng.random(rows) < 0.05, "charges"] = np.nan
    return frame.assign(**changed)


def risk(rows: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).beta(1, 4, rows)


@pytest.fixture(scope="module")
def learned():
    """Encoder, and the reference of 5,000 customers."""
    frame = company(5000, seed=1)
    encoder, values = features.learn(frame)
    return encoder, histograms.reference(encoder, values, risk(5000), frame)


def checked(learned, frame: pd.DataFrame, chance: np.ndarray | None = None) -> drift.Drift:
    encoder, reference = learned
    tally = Tally(reference)
    tally.add(encoder.encode(frame), risk(len(frame), seed=9) if chance is None else chance, frame)
    return drift.check(tally)


def finding(check: drift.Drift, name: str) -> drift.Finding:
    return next(one for one in check.features if one.name == name)


def drawn_check(rng: np.random.Generator, n_ref: int, n_cur: int) -> drift.Drift:
    """A check of twenty columns and a score, of two samples of one population."""
    before = [rng.multinomial(n_ref, shares) for shares in (*SHARES, [0.1] * 10)]
    bins = [Bins(f"column {index}", "numeric", tuple(counts.tolist())) for index, counts in enumerate(before)]
    tally = Tally(Reference(tuple(bins[:-1]), bins[-1], n_ref))
    tally.customers = n_cur
    tally.features = [rng.multinomial(n_cur, shares) for shares in SHARES]
    tally.score = rng.multinomial(n_cur, [0.1] * 10)
    return drift.check(tally)


@pytest.mark.parametrize(("n_ref", "n_cur"), [(5000, 300), (300, 300), (100_000, 100_000)])
def test_false_alarms_are_at_most_one_check_in_twenty(n_ref, n_cur):
    rng, checks = np.random.default_rng(n_ref + n_cur), 300
    alarms = beyond_noise = 0
    for _ in range(checks):
        check = drawn_check(rng, n_ref, n_cur)
        found = (check.score, *check.features)
        alarms += check.verdict in (drift.MOVED, drift.MOVED_MUCH)
        beyond_noise += any(one.psi > one.noise for one in found)
    # so many would be seen once in a thousand runs if one check in twenty raised a false alarm
    most = binom.isf(0.001, checks, 0.05)
    assert alarms <= most
    assert beyond_noise <= most  # the limit of noise holds by itself, without the help of the practical size


def test_the_limit_of_noise_is_not_idle():
    """At a level of one check in five, twenty columns of even bins do pass it, if not quite as often as they may."""
    rng, passed = np.random.default_rng(0), 0
    for _ in range(200):
        pairs = [(rng.multinomial(20_000, [0.1] * 10), rng.multinomial(20_000, [0.1] * 10)) for _ in range(20)]
        passed += any(drift.psi(*pair) > drift.noise_limit(*pair, 0.2 / 20) for pair in pairs)
    assert 0.05 * 200 < passed <= binom.isf(0.001, 200, 0.2)


def test_customers_drawn_alike_are_stable_column_by_column(learned):
    for seed in range(20, 30):
        check = checked(learned, company(300, seed), risk(300, seed))
        assert check.verdict == drift.STABLE
        assert check.moved == ()


def test_a_mean_that_moves_by_half_its_spread_is_flagged_and_alone(learned):
    frame = company(5000, seed=2)
    check = checked(learned, frame.assign(charges=frame["charges"] + 15))
    assert [one.name for one in check.moved] == ["charges"]
    assert check.verdict == finding(check, "charges").verdict != drift.STABLE
    assert check.score.verdict == drift.STABLE


def test_a_share_that_goes_from_ten_to_twenty_five_percent_is_flagged(learned):
    rng = np.random.default_rng(3)
    contract = rng.choice(["monthly", "yearly", "two years"], 5000, p=[0.5, 0.25, 0.25])
    moved = finding(checked(learned, company(5000, 3, contract=contract)), "contract")
    assert moved.verdict == drift.MOVED
    at = moved.levels.index("two years")
    assert (moved.reference[at], moved.current[at]) == pytest.approx((0.1, 0.25), abs=0.02)


def test_another_unit_moves_a_column_much(learned):
    frame = company(5000, seed=2)
    check = checked(learned, frame.assign(tenure=frame["tenure"] * 30))
    assert finding(check, "tenure").verdict == check.verdict == drift.MOVED_MUCH


def test_scores_that_move_are_flagged(learned):
    check = checked(learned, company(5000, seed=2), risk(5000, seed=2) ** 0.5)
    assert check.score.verdict == check.verdict == drift.MOVED_MUCH
    assert check.moved == ()


def test_a_shift_that_is_sure_but_tiny_is_no_alarm(learned):
    frame = company(200_000, seed=4)
    small = finding(checked(learned, frame.assign(charges=frame["charges"] + 4)), "charges")
    assert small.noise < small.psi < drift.LARGE
    assert small.verdict == drift.STABLE
    assert small.threshold == drift.LARGE


def test_a_column_that_vanished_is_named(learned):
    for frame in (company(500, 5).drop(columns="charges"), company(500, 5, charges=np.nan)):
        gone = finding(checked(learned, frame), "charges")
        assert gone.vanished
        assert gone.verdict == drift.MOVED_MUCH
        assert (gone.unknown_ref, gone.unknown_cur) == (pytest.approx(0.05, abs=0.02), 1.0)
    assert not finding(checked(learned, company(500, 5)), "charges").vanished


def test_new_levels_are_named_with_their_customers(learned):
    frame = company(500, 6)
    frame.loc[:99, "contract"] = "weekly"
    frame.loc[100:109, "contract"] = "daily"
    check = checked(learned, frame)
    assert finding(check, "contract").new_levels == (("weekly", 100), ("daily", 10))
    assert finding(check, "town").new_levels == ()
    assert finding(check, "contract").unknown_cur == pytest.approx(0.22)  # as the model sees them: no place, no value


def test_rare_levels_seen_in_learning_are_not_new():
    frame = company(2000, 7)
    frame.loc[:3, "town"] = "hamlet"
    encoder, values = features.learn(frame)
    now = company(500, 8)
    now.loc[:4, "town"] = "hamlet"
    now.loc[5, "town"] = "village"
    for raw, expected in ((frame, (("village", 1),)), (None, None)):  # without the raw rows it cannot be told
        tally = Tally(histograms.reference(encoder, values, risk(2000), raw))
        tally.add(encoder.encode(now), risk(500), now)
        assert finding(drift.check(tally), "town").new_levels == expected


def test_new_levels_are_unknown_when_a_block_came_without_its_texts(learned):
    encoder, reference = learned
    tally, frame = Tally(reference), company(500, 6, contract="weekly")
    tally.add(encoder.encode(frame), risk(500), frame)
    tally.add(encoder.encode(frame), risk(500))
    assert finding(drift.check(tally), "contract").new_levels is None


def test_few_customers_get_no_verdict_and_nobody_no_distance(learned):
    few = checked(learned, company(60, 1, charges=500.0))
    assert {one.verdict for one in (few.score, *few.features)} == {few.verdict} == {drift.TOO_FEW}
    assert finding(few, "charges").psi > drift.VERY_LARGE
    nobody = drift.check(Tally(learned[1]))
    assert nobody.verdict == drift.TOO_FEW
    assert (nobody.score.psi, nobody.score.threshold, nobody.n_cur) == (None, None, 0)


def test_a_large_difference_of_small_samples_is_neither_stable_nor_an_alarm():
    """Of a hundred columns, with a hundred customers on either side."""
    now = np.array([22, 3, 20, 3, 17, 4, 15, 4, 8, 4])
    before = Bins("x", "numeric", (10,) * 10, tuple(range(1, 10)))
    tally = Tally(Reference((before,) * 99, before, 100))
    tally.score, tally.customers = now, 100
    found = drift.check(tally).score
    assert drift.VERY_LARGE < found.psi < found.noise
    assert found.verdict == drift.TOO_FEW


def test_blocks_in_any_order_count_the_same(learned):
    encoder, reference = learned
    frame, chance = company(3000, 11), risk(3000, 3)
    frame.loc[::7, "contract"] = "weekly"
    whole, first, second = Tally(reference), Tally(reference), Tally(reference)
    whole.add(encoder.encode(frame), chance, frame)
    for tally, start, stop in ((second, 2000, 3000), (first, 700, 2000), (second, 0, 700), (first, 0, 0)):
        rows = slice(start, stop)
        tally.add(encoder.encode(frame[rows]), chance[rows], frame[rows])
    first.merge(second)
    assert drift.check(first) == drift.check(whole)
    assert whole.customers == sum(whole.score) == 3000
    with pytest.raises(ValueError, match="two references"):
        first.merge(Tally(Reference(reference.features[:1], reference.score, 1)))


def test_bins_hold_equally_many_and_count_everybody_where_the_edges_say(learned):
    encoder, reference = learned
    values = encoder.encode(company(5000, seed=1))
    for index, bins in enumerate(reference.features):
        assert sum(bins.counts) == 5000
        known = values[~np.isnan(values[:, index]), index]
        if bins.kind == "numeric":
            assert len(bins.edges) == histograms.BINS - 1
            assert max(bins.counts[:-1]) < 1.4 * min(bins.counts[:-1])
            expected = np.bincount(np.searchsorted(bins.edges, known), minlength=histograms.BINS)
            assert bins.counts == (*expected, 5000 - known.size)
    contract = next(bins for bins in reference.features if bins.name == "contract")
    assert contract.levels == ("monthly", "yearly", "two years")
    assert contract.counts[:3] == tuple(company(5000, seed=1)["contract"].value_counts())


def test_edges_are_short_numbers_that_part_the_same_values():
    values = np.array([0.0] * 60 + [18.450000762939453, 18.460000991821289] * 20)[:, None]
    encoder = features.Encoder((features.Feature("charge", "numeric"),), ())
    edges = histograms.reference(encoder, values, np.full(100, 0.5)).features[0].edges
    assert edges == (9.0, 18.46)


def test_a_reference_is_small_and_survives_json(learned):
    encoder, reference = learned
    stored = json.dumps(asdict(reference), allow_nan=False)
    again = Reference.from_json(json.loads(stored))
    assert again == reference
    assert checked((encoder, again), company(400, 12)) == checked(learned, company(400, 12))
    rng = np.random.default_rng(0)
    wide = pd.DataFrame(rng.normal(65, 30, (1000, 150)).round(2)).add_prefix("usage_of_month_")
    for number in range(100):
        wide[f"kind_of_service_{number}"] = rng.choice([f"service {i}" for i in range(40)], 1000)
    encoder, values = features.learn(wide)
    assert len(json.dumps(asdict(histograms.reference(encoder, values, risk(1000), wide)))) < 100_000


def test_a_check_is_plain(learned):
    check = checked(learned, company(400, 12))
    told = json.loads(json.dumps(asdict(check), allow_nan=False))
    assert told["verdict"] == drift.STABLE
    assert all(sum(one["current"]) == pytest.approx(1) == sum(one["reference"]) for one in told["features"])
    assert all(len(one["current"]) == len(one["reference"]) for one in told["features"])
    assert len(told["score"]["current"]) == len(told["score"]["edges"]) + 2


def test_distances_are_those_of_the_books():
    before, now = np.array([4000, 3000, 2000, 1000]), np.array([3000, 3000, 2000, 2000])
    p, q = before / 10_000, now / 10_000
    assert drift.psi(before, now) == pytest.approx(np.sum((q - p) * np.log(q / p)), rel=0.02)
    assert drift.psi(before, now) == pytest.approx(drift.psi(now, before))
    assert drift.psi(before, before) == drift.jensen_shannon(before, before) == 0
    assert drift.jensen_shannon(before, now) == pytest.approx(jensenshannon(p, q, base=2))
    apart = np.array([0, 5]), np.array([7, 0])
    assert drift.jensen_shannon(*apart) == pytest.approx(1)


def test_an_empty_bin_does_not_explode_with_the_sample():
    """Two in a hundred, where there was nobody: the same small distance however many were learned from."""
    told = [drift.psi(np.array([n, 0]), np.array([int(n * 0.98), int(n * 0.02)])) for n in (10_000, 1_000_000)]
    assert told[0] == pytest.approx(told[1])
    assert 0.03 < told[0] < drift.LARGE


def test_what_does_not_fit_is_refused(learned):
    encoder, reference = learned
    frame = company(10, 1)
    values, tally = encoder.encode(frame), Tally(reference)
    with pytest.raises(ValueError, match="do not fit"):
        tally.add(values[:, 1:], risk(10))
    with pytest.raises(ValueError, match="do not fit"):
        tally.add(values, risk(9))
    with pytest.raises(ValueError, match="raw rows"):
        tally.add(values, risk(10), frame[:5])
    for chance in (np.nan, 1.2, -0.1):
        with pytest.raises(ValueError, match="from 0 to 1"):
            tally.add(values, np.full(10, chance))
    assert tally.customers == 0
    with pytest.raises(NotEnoughEvidence) as refusal:
        histograms.reference(encoder, values[:0], risk(0))
    assert refusal.value.code == "no_customers"
