"""A real trial of e-mails with three random arms (Hillstrom 2008), where its file is at hand."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import pandas as pd
import pytest

from campaigns.outreach.experiment import Design, Outcomes, measure, verdicts
from campaigns.outreach.uplift import fit
from tests.customers.ingest.tables import DATA

FILE = DATA / "hillstrom" / "hillstrom.csv"
pytestmark = pytest.mark.skipif(not FILE.exists(), reason="../shared/data/hillstrom is not on this machine")
ARMS = ("No E-Mail", "Mens E-Mail", "Womens E-Mail")
OUTCOMES = ["segment", "visit", "conversion", "spend"]  # never features


@lru_cache(maxsize=1)
def trial() -> pd.DataFrame:
    return pd.read_csv(FILE)


def result():
    """'left' means: did not visit, so that kept means visits gained."""
    rows = trial()
    arm = rows["segment"].map({name: code for code, name in enumerate(ARMS)}).to_numpy()
    outcomes = Outcomes(arm, 1.0 - rows["visit"], revenue_after=rows["spend"])
    return measure(outcomes, Design(1 / 3, 14, variants=ARMS[1:]), days_passed=14)


def test_average_effects_on_visits_are_the_published_ones():
    found = result()
    assert [round(100 * (1 - arm.rate), 2) for arm in found.arms] == [10.62, 18.28, 15.14]
    mens, womens = found.against_holdout
    assert mens.difference.estimate == pytest.approx(-0.0766, abs=0.0001)
    assert womens.difference.estimate == pytest.approx(-0.0452, abs=0.0001)
    assert mens.verdict == womens.verdict == verdicts.KEPT
    assert found.winner == 1 and found.ratio_p > 0.001


def test_average_effects_on_money_spent_are_the_published_ones():
    """$0.77 and $0.42 more a customer; the mails were worth it, though one customer in a hundred bought."""
    mens, womens = result().against_holdout
    assert mens.revenue.estimate == pytest.approx(0.770, abs=0.001) and mens.revenue.low > 0
    assert womens.revenue.estimate == pytest.approx(0.424, abs=0.001) and womens.revenue.low > 0


def uplift(rows: pd.DataFrame):
    return fit(
        rows.drop(columns=OUTCOMES),
        rows["segment"] == "Womens E-Mail",
        1.0 - rows["visit"],
        propensity=0.5,
    ).model.report


def test_uplift_ranks_visitors_of_the_womens_mail():
    rows = trial()[trial()["segment"] != "Mens E-Mail"]
    report = uplift(rows.sample(12_000, random_state=1))
    qini = report.rankings[report.method].qini
    assert qini.low > 0 and report.over_risk.estimate > 0
    assert report.why_not == ("too_few_experiments",)


@pytest.mark.slow
def test_uplift_on_the_whole_trial_beats_risk_and_the_top_gains_more():
    report = uplift(trial()[trial()["segment"] != "Mens E-Mail"])
    ranking = report.rankings[report.method]
    assert 0.004 < ranking.qini.low < ranking.qini.estimate < ranking.qini.high < 0.01
    assert report.over_risk.low > 0
    assert ranking.at[0.3].low > report.average.estimate
    assert np.argmax(ranking.gain) > 80  # the mail harms hardly anybody
