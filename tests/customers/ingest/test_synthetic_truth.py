"""The planted truth: labels drawn from the real risk, contact that helps some and harms others, use that tells."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pytest

from customers.ingest.synthetic import AS_OF, CAMPAIGNS, GROUPS, HORIZON_DAYS, Batch, Carrier

MEASURES = ("montant_consommation", "nombre_appels", "volume_data", "nombre_sms")


@pytest.fixture(scope="module")
def batch() -> Batch:
    (only,) = Carrier(seed=11).batches(customers=60_000, size=60_000)
    return only


@pytest.fixture(scope="module")
def contacted(batch) -> np.ndarray:
    """Rows of the customers table that stand in the outreach table, aligned with it."""
    row = {who: i for i, who in enumerate(batch.customers["external_id"])}
    return np.array([row[who] for who in batch.outreach["external_id"]])


def test_labels_come_true_as_often_as_the_real_risk_says(batch):
    left, risk = batch.customers["churn_label"], batch.truth.risk
    order = np.argsort(risk)
    for tenth in np.array_split(order, 10):
        error = 4 * np.sqrt(risk[tenth].mean() * (1 - risk[tenth].mean()) / len(tenth)) + 1e-9
        assert left[tenth].mean() == pytest.approx(risk[tenth].mean(), abs=error)


def test_risk_is_the_one_of_the_future_that_happened(batch, contacted):
    treated = np.zeros(len(batch), dtype=bool)
    treated[contacted] = batch.outreach["treated"]
    expected = np.where(treated, batch.truth.risk_if_contacted, batch.truth.risk_if_left_alone)
    assert (batch.truth.risk == expected).all()
    assert (batch.outreach["left"] == batch.customers["churn_label"][contacted]).all()


def test_all_four_kinds_exist_and_follow_from_the_two_risks(batch):
    truth = batch.truth
    change = truth.risk_if_contacted - truth.risk_if_left_alone
    assert (change[truth.kind == "persuadable"] <= -0.04).all()
    assert (change[truth.kind == "do_not_disturb"] >= 0.04).all()
    assert (np.abs(change[np.isin(truth.kind, ("sure", "lost"))]) < 0.04).all()
    alone = {kind: truth.risk_if_left_alone[truth.kind == kind] for kind in ("sure", "lost")}
    assert alone["sure"].max() < 0.5 <= alone["lost"].min()
    shares = {kind: (truth.kind == kind).mean() for kind in ("sure", "lost", "persuadable", "do_not_disturb")}
    assert sum(shares.values()) == pytest.approx(1)
    assert shares["sure"] > 0.35
    assert min(shares.values()) > 0.06


@pytest.mark.parametrize(("kind", "low", "high"), [
    ("persuadable", -0.30, -0.10), ("do_not_disturb", 0.08, 0.30), ("sure", -0.03, 0.03), ("lost", -0.09, 0.09),
])  # fmt: skip
def test_treated_against_held_out_shows_the_planted_effect(batch, contacted, kind, low, high):
    mine = batch.truth.kind[contacted] == kind
    treated, left = batch.outreach["treated"][mine], batch.outreach["left"][mine]
    assert low < left[treated].mean() - left[~treated].mean() < high


def test_holdout_is_a_fair_lot_within_each_campaign(batch, contacted):
    outreach = batch.outreach
    assert len(set(outreach["external_id"])) == len(outreach["external_id"])
    for campaign in CAMPAIGNS:
        here = outreach["campaign"] == campaign.code
        treated = outreach["treated"][here]
        assert here.sum() > 1500
        assert 1 - treated.mean() == pytest.approx(campaign.holdout, abs=0.025)
        alone = batch.truth.risk_if_left_alone[contacted[here]]
        error = 4 * alone.std() / np.sqrt((~treated).sum())
        assert alone[treated].mean() == pytest.approx(alone[~treated].mean(), abs=error)
        assert set(outreach["sent_on"][here]) == {AS_OF - timedelta(days=campaign.days_before)}
    mailed = contacted[outreach["channel"] == "email"]
    assert all(email is not None for email in batch.customers["email"][mailed])


def test_leavers_left_within_the_horizon_and_stayers_have_no_day(batch):
    for left, sent_on, left_on in zip(*(batch.outreach[k] for k in ("left", "sent_on", "left_on")), strict=True):
        if left:
            assert sent_on < left_on <= min(sent_on + timedelta(days=HORIZON_DAYS), AS_OF)
        else:
            assert left_on is None


def test_risk_alone_finds_neither_the_persuadable_nor_those_to_leave_alone(batch):
    truth = batch.truth
    riskiest = np.argsort(-truth.risk_if_left_alone)[: len(batch) // 5]
    assert (truth.kind[riskiest] == "persuadable").mean() < 0.5
    assert (truth.kind[riskiest] == "do_not_disturb").mean() > 0.15


def test_usage_has_a_row_for_each_month_of_the_last_twelve(batch):
    usage, tenure = batch.usage, batch.customers["tenure"]
    months = np.clip(tenure, 1, 12)
    assert (usage["external_id"] == np.repeat(batch.customers["external_id"], months)).all()
    assert len(usage["month"]) == months.sum()
    ends = np.cumsum(months)
    assert set(usage["month"][ends - 1]) == {date(2026, 10, 1)}
    year = [date(2025, 11, 1), date(2025, 12, 1), *(date(2026, month, 1) for month in range(1, 11))]
    assert sorted(set(usage["month"])) == year
    first, second = usage["month"][:-1], usage["month"][1:]
    inside = np.ones(len(first), dtype=bool)
    inside[ends[:-1] - 1] = False
    assert (second[inside] > first[inside]).all()
    assert all(usage[name].min() >= 0 for name in MEASURES)


def test_usage_is_tied_to_the_plan(batch):
    months = np.clip(batch.customers["tenure"], 1, 12)
    spend, calls, data = (batch.usage[k] for k in ("montant_consommation", "nombre_appels", "volume_data"))
    charges = np.repeat(batch.customers["monthly_charges"], months)
    assert (spend >= charges).all()
    assert np.median(spend / charges) < 1.2
    assert np.corrcoef(spend, charges)[0, 1] > 0.8
    line = np.repeat(batch.customers["phone_service"], months)
    assert calls[~line].max() == 0
    net = np.repeat(batch.customers["internet_service"], months)
    assert np.median(data[net == "Fiber optic"]) > np.median(data[net == "DSL"]) > np.median(data[net == "No"])


def test_personas_differ_and_have_heavy_tails(batch):
    months = np.clip(batch.customers["tenure"], 1, 12)
    group = np.repeat(batch.truth.usage_group, months)
    line = np.repeat(batch.customers["phone_service"] & (batch.customers["internet_service"] == "Fiber optic"), months)
    assert set(group) == set(GROUPS)
    median = {
        name: {g: np.median(batch.usage[name][line & (group == g)]) for g in GROUPS}
        for name in ("nombre_appels", "volume_data", "nombre_sms")
    }
    assert max(median["nombre_appels"], key=median["nombre_appels"].get) == "talker"
    assert max(median["volume_data"], key=median["volume_data"].get) == "streamer"
    assert max(median["nombre_sms"], key=median["nombre_sms"].get) == "texter"
    calls = batch.usage["nombre_appels"][group == "talker"]
    assert calls.max() > 6 * np.median(calls)
    assert (batch.customers["age"][batch.truth.usage_group == "texter"]).mean() < batch.customers["age"].mean() - 5


def test_use_fades_before_leaving_for_a_share_of_the_leavers(batch):
    full = batch.customers["tenure"] >= 12
    months = np.clip(batch.customers["tenure"], 1, 12)
    data = batch.usage["volume_data"][np.repeat(full, months)].reshape(-1, 12)
    fading = data[:, -2:].mean(axis=1) < 0.65 * data[:, :8].mean(axis=1)
    left = batch.customers["churn_label"][full]
    assert 0.2 < fading[left].mean() < 0.5
    assert fading[~left].mean() < 0.15
