"""Learning whom to write to from the synthetic carrier's past campaigns, against the truth that was planted."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import roc_auc_score

from campaigns.outreach.uplift import DO_NOT_DISTURB, PERSUADABLE, UpliftRefused, artefact, fit, storage, trees
from campaigns.outreach.uplift.encoding import Encoding
from customers.ingest.synthetic import Carrier

FEATURES = (
    "gender senior_citizen partner dependents age tenure phone_service multiple_lines internet_service online_security "
    "online_backup device_protection tech_support streaming_tv streaming_movies contract paperless_billing payment_method "
    "monthly_charges total_charges"
).split()


@lru_cache(maxsize=2)
def past(seed: int, customers: int) -> pd.DataFrame:
    """Everybody who was in a campaign, with the planted truth."""
    (batch,) = Carrier(seed).batches(customers=customers, size=customers)
    frames = [pd.DataFrame(table) for table in (batch.outreach, batch.customers, batch.truth.columns())]
    return frames[0].merge(frames[1], on="external_id").merge(frames[2], on="external_id")


@lru_cache(maxsize=1)
def learned():
    rows = past(12, 20_000)
    return fit(
        rows[FEATURES],
        rows["treated"],
        rows["left"],
        propensity=0.8,
        experiment=rows["campaign"],
        keys=rows["external_id"],
    )


def bootstrapped(measure_of, n, draws=200):
    """Ends of the 95 % interval of a figure over customers."""
    rng = np.random.default_rng(0)
    return np.quantile([measure_of(rng.integers(0, n, n)) for _ in range(draws)], (0.025, 0.975))


def test_model_is_ready_and_better_than_risk():
    report = learned().model.report
    assert report.ready and report.choice == report.method != "risk" and report.why_not == ()
    assert report.qini_floor > 0
    assert report.over_risk.low > 0
    assert report.experiments == 3 and report.rows == len(past(12, 20_000)) and report.unknown == 0
    for ranking in report.rankings.values():
        assert ranking.low[50] <= ranking.gain[50] <= ranking.high[50]


def test_average_effect_is_the_planted_one():
    rows, average = past(12, 20_000), learned().model.report.average
    true = float((rows["risk_if_left_alone"] - rows["risk_if_contacted"]).mean())
    assert average.low <= true <= average.high


@pytest.mark.parametrize(("kind", "sign"), [(PERSUADABLE, 1), (DO_NOT_DISTURB, -1)])
def test_uplift_finds_the_planted_kinds_better_than_risk_does(kind, sign):
    """By how much: area under the curve of telling them from the others, with its interval over customers."""
    planted = (past(12, 20_000)["kind"] == kind).to_numpy()
    by_uplift, by_risk = sign * learned().benefit, sign * learned().risk

    def lead(rows):
        return roc_auc_score(planted[rows], by_uplift[rows]) - roc_auc_score(planted[rows], by_risk[rows])

    low, _ = bootstrapped(lead, len(planted), draws=60)
    assert low > 0.05
    assert roc_auc_score(planted, by_uplift) > 0.75


def test_lists_hold_those_whom_contact_really_helps_and_harms():
    rows, report = past(12, 20_000), learned().model.report
    true = (rows["risk_if_left_alone"] - rows["risk_if_contacted"]).to_numpy()
    kinds = learned().model.kinds(learned().benefit)
    assert report.persuadable.proven and report.do_not_disturb.proven
    assert true[kinds == PERSUADABLE].mean() > 0.04
    assert true[kinds == DO_NOT_DISTURB].mean() < -0.03
    for one, kind in ((report.persuadable, PERSUADABLE), (report.do_not_disturb, DO_NOT_DISTURB)):
        assert one.effect.low <= true[kinds == kind].mean() <= one.effect.high


def test_lists_carry_over_to_customers_of_another_year():
    later = past(13, 6000)
    true = (later["risk_if_left_alone"] - later["risk_if_contacted"]).to_numpy()
    model = learned().model
    kinds = model.kinds(model.benefit(later[FEATURES]))
    assert true[kinds == PERSUADABLE].mean() > 0.04 > -0.03 > true[kinds == DO_NOT_DISTURB].mean()
    risk = model.risk(later[FEATURES])
    most_at_risk = risk >= np.quantile(risk, 1 - (kinds == PERSUADABLE).mean())
    assert true[kinds == PERSUADABLE].mean() > true[most_at_risk].mean() + 0.01


def test_list_that_is_not_proven_is_no_list():
    report = learned().model.report
    unproven = replace(report.persuadable, proven=False), replace(report.do_not_disturb, proven=False)
    model = replace(learned().model, report=replace(report, persuadable=unproven[0], do_not_disturb=unproven[1]))
    assert set(model.kinds(learned().benefit)) == {"neither"}


def small(n=1600, seed=1, **changes):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=n)
    treated = rng.random(n) < 0.5
    left = (rng.random(n) < np.clip(0.3 + 0.15 * x * treated, 0.02, 0.98)).astype(float)
    features = pd.DataFrame({"x": x, "plan": rng.choice(["a", "b"], n), "noise": rng.normal(size=n)})
    return {"features": features, "treated": treated, "left": left, "propensity": 0.5} | changes


@lru_cache(maxsize=1)
def learned_of_few():
    return fit(**small())


def test_same_rows_and_seed_give_the_same_answer_and_unknown_outcomes_are_left_out():
    one, other = learned_of_few(), fit(**small())
    assert (one.benefit == other.benefit).all()
    lacking = small()
    lacking["left"][:40] = np.nan
    found = fit(**lacking)
    assert found.model.report.unknown == 40 and found.model.report.rows == 1560
    assert np.isnan(found.benefit[:40]).all() and (found.fold[:40] == -1).all()


def test_one_experiment_is_not_enough_to_decide():
    report = learned_of_few().model.report
    assert not report.ready and "too_few_experiments" in report.why_not and report.choice == "risk"


@pytest.mark.slow
def test_lots_that_mean_nothing_hardly_ever_make_a_model_ready():
    rows, ready = past(12, 20_000), 0
    for seed in range(20):
        rng = np.random.default_rng(seed)
        treated = rng.random(len(rows)) < 0.8  # drawn anew: nothing hangs on it
        report = fit(
            rows[FEATURES], treated, rows["left"], propensity=0.8, experiment=rows["campaign"], seed=seed
        ).model.report
        ready += report.ready
    assert ready <= 3


def test_state_and_sealed_bytes_give_the_same_model_back():
    model = learned_of_few().model
    later = small(seed=2)["features"]
    again = storage.from_state(storage.to_state(model))
    assert (again.benefit(later) == model.benefit(later)).all()
    content, seal = artefact.dump(model, secret=b"key", tenant="atlas", version=3)
    loaded = artefact.load(content, seal.as_dict(), secrets=[b"new", b"key"], tenant="atlas", version=3)
    assert (loaded.benefit(later) == model.benefit(later)).all()
    assert loaded.report.persuadable == model.report.persuadable
    assert loaded.report.rankings["risk"].qini == model.report.rankings["risk"].qini
    assert loaded.encoding == model.encoding

    def refusal(content, **changes):
        asked = {"secrets": [b"key"], "tenant": "atlas", "version": 3} | changes
        with pytest.raises(artefact.ArtefactRefused) as caught:
            artefact.load(content, seal, **asked)
        return caught.value.reason

    assert refusal(content[:-1]) == "size"
    assert refusal(content[:-1] + bytes([content[-1] ^ 1])) == "digest"
    assert refusal(content, tenant="borealis") == refusal(content, version=2) == "seal"
    assert refusal(content, secrets=[b"other"]) == "seal"


def test_our_trees_answer_as_scikit_learn_does():
    rng = np.random.default_rng(3)
    values = rng.normal(size=(900, 4))
    values[rng.random((900, 4)) < 0.1] = np.nan
    label = (rng.random(900) < 1 / (1 + np.exp(-np.nan_to_num(values[:, 0])))).astype(float)
    theirs = HistGradientBoostingClassifier(**trees._recipe(900, 5)).fit(values, label)
    ours = trees.grow_chance(values, label, None, 5)
    assert ours.predict(values) == pytest.approx(theirs.predict_proba(values)[:, 1], abs=1e-9)


def test_columns_of_any_kind_are_encoded_and_strange_ones_set_aside():
    n = 400
    rng = np.random.default_rng(4)
    frame = pd.DataFrame(
        {
            "amount": rng.normal(size=n),
            "flag": rng.random(n) < 0.5,
            "plan": pd.Categorical(rng.choice(["a", "b", "c"], n)),
            "maybe": pd.Series(rng.choice([1.5, 2.5], n), dtype=object).where(rng.random(n) < 0.9, None),
            "name": [f"N{i}" for i in range(n)],
            "always": "x",
            "one": 1,
        }
    )
    encoding = Encoding.learn(frame)
    assert [column.name for column in encoding.columns] == ["amount", "flag", "plan", "maybe"]
    assert dict(encoding.set_aside) == {"name": "identity", "always": "all_same", "one": "all_same"}
    later = encoding.apply(frame[["plan"]].astype(object).replace("c", "never seen")[:5])
    assert later.shape == (5, 6) and np.isnan(later[:, 0]).all() and set(later[:, 2:5].ravel()) <= {0.0, 1.0}


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"left": np.zeros(10)}, "unequal_lengths"),
        ({"left": np.full(1600, 2.0)}, "not_an_outcome"),
        ({"propensity": 1.0}, "not_a_propensity"),
        ({"treated": np.arange(1600) < 1400}, "too_few_held_out"),
        ({"treated": np.arange(1600) < 100}, "too_few_treated"),
        ({"left": np.zeros(1600)}, "too_few_leavers"),
        ({"left": np.ones(1600)}, "too_few_stayers"),
        ({"features": pd.DataFrame({"same": np.ones(1600)})}, "no_features"),
    ],
)
def test_what_cannot_be_learned_from_is_refused(changes, code):
    with pytest.raises(UpliftRefused) as caught:
        fit(**small(**changes))
    assert caught.value.code == code
