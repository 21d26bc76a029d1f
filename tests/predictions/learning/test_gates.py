"""Every gate says yes to an honest model, no where something is wrong, and "cannot judge" where it cannot."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from predictions import learning
from predictions.learning import gates
from predictions.learning.comparison import Paired
from predictions.learning.gates import Evidence
from tests.predictions.learning import planted


@pytest.fixture(scope="session")
def honest(additive_fitted):
    """The report of a good model, made to look as if it rested on many customers; its tenure bands are narrow."""
    report = additive_fitted.report
    report = replace(report, slices=[one for one in report.slices if one["column"] == "contract"])
    return replace(
        report,
        counts={"rows": 8000, "churners": 2000, "customers": 8000},
        intervals=report.intervals | {"roc_auc": [0.8, 0.83]},
    )


def judged(report, **more) -> dict[str, gates.Verdict]:
    return {verdict.code: verdict for verdict in gates.judge(Evidence(report, **more))}


def paired(difference: float, error: float = 0.001, rows: int = 900) -> Paired:
    return Paired(rows, 300, difference, error, difference - 2 * error, difference + 2 * error, 0.0, -0.01, 0.01)


def test_an_honest_model_may_serve(additive_fitted, honest):
    verdicts = judged(honest)
    assert {code for code, verdict in verdicts.items() if verdict.state == "issue"} == set()
    assert {code for code, verdict in verdicts.items() if verdict.state == "passed"} >= {
        "baseline", "overfit", "leak", "calibration", "evidence", "slices",
    }  # fmt: skip
    assert gates.may_serve(verdicts.values())
    assert gates.may_serve(gates.judge(Evidence(additive_fitted.report)))


@pytest.mark.parametrize("seed", range(5))
def test_shuffled_labels_are_not_let_through(race_of, seed):
    race_of("logistic", "stumps", "trees_15")
    frame, label, keys = planted.additive(600, seed=seed)
    frame["gender"] = np.random.default_rng(seed).choice(["f", "m"], len(frame))
    shuffled = np.random.default_rng(seed).permutation(label)
    verdicts = judged(learning.fit(frame, shuffled, keys, seed=seed).report)
    assert (verdicts["baseline"].state, verdicts["baseline"].severity) == ("issue", "blocks")
    assert verdicts["overfit"].state in ("issue", "cannot_judge")
    assert verdicts["leak"].state == "passed"
    assert not gates.may_serve(verdicts.values())
    assert all(gates.sentence(verdict) for verdict in verdicts.values())


def test_a_gain_that_could_be_luck_blocks(honest):
    facts = honest.choice["facts"] | {"gain": 0.01, "gain_error": 0.0051}
    verdict = judged(replace(honest, choice={"code": "", "facts": facts}))["baseline"]
    assert (verdict.state, verdict.reason, verdict.blocks) == ("issue", "no_gain", True)
    no_order = judged(replace(honest, intervals=honest.intervals | {"roc_auc": [0.49, 0.58]}))["baseline"]
    assert (no_order.reason, no_order.blocks) == ("no_order", True)


def test_what_is_learned_by_heart_is_overfit(honest):
    error = honest.choice["facts"]["gain_error"]

    def training(own: float, others: float):
        told = {"log_loss": own, "out_of_fold": others, "baseline": 0.6, "rows": 800}
        return judged(replace(honest, training=told))["overfit"]

    assert training(0.4, 0.42).state == "passed"
    by_heart = training(0.01, 0.55)
    assert (by_heart.state, by_heart.severity) == ("issue", "warns")
    assert by_heart.facts["kept"] == pytest.approx(0.05 / 0.59)
    assert by_heart.facts["relative_gap"] == pytest.approx(0.54 / 0.55)
    assert training(0.4, 0.5 + error / 2).reason == "too_uncertain"
    assert training(0.599, 0.601).reason == "nothing_learned"


def test_a_forest_that_learns_by_heart_is_caught_in_a_real_training(race_of):
    """Its loss on its own rows is told by the final model, so what it knows by heart shows."""
    race_of("logistic", "trees_31")
    frame, label, keys = planted.crossed(400)
    report = learning.fit(frame, label, keys).report
    assert report.training["log_loss"] < report.training["out_of_fold"] < report.training["baseline"]
    assert report.training["out_of_fold"] == pytest.approx(report.metrics["log_loss"])


def test_forced_columns_and_models_too_good_to_be_true_are_told(honest):
    forced = judged(honest, forced_in=("cancel_code", "status"))["leak"]
    assert (forced.state, forced.severity, forced.facts["columns"]) == ("issue", "warns", ["cancel_code", "status"])
    assert "cancel_code, status" in gates.sentence(forced)


def test_a_column_that_knows_the_answer_is_caught(race_of):
    race_of("logistic", "stumps")
    frame, label, keys = planted.additive(600)
    rng = np.random.default_rng(0)
    frame["closing fee"] = label * 10 + rng.normal(0, 2.2, len(label))
    verdict = judged(learning.fit(frame, label, keys).report)["leak"]
    assert (verdict.state, verdict.reason, verdict.facts["column"]) == ("issue", "too_good", "closing fee")
    shared = [{"feature": name, "loss_increase": 0.1, "error": 0.01, "share": 0.5} for name in "ab"]
    report = learning.fit(frame, label, keys).report
    assert judged(replace(report, permutation=shared))["leak"].state == "passed"


def test_bad_calibration_warns(honest):
    wrong = [
        replace(honest, metrics=honest.metrics | {"ece": 0.15}),
        replace(honest, calibration_line=honest.calibration_line | {"slope_low": 0.5, "slope_high": 0.7}),
        replace(honest, calibration_line=honest.calibration_line | {"slope_low": 1.3, "slope_high": 1.6}),
    ]
    assert [judged(report)["calibration"].reason for report in wrong] == ["ece", "overconfident", "underconfident"]
    for report in wrong:
        assert (judged(report)["calibration"].state, judged(report)["calibration"].severity) == ("issue", "warns")
    wide = replace(honest, calibration_line=honest.calibration_line | {"slope_low": 0.5, "slope_high": 1.5})
    assert judged(wide)["calibration"].state == "cannot_judge"


def test_an_unfair_group_is_named_with_its_rates(honest):
    measure = {"value": 0.5, "low": 0.4, "high": 0.6, "fair": [0.8, 1.25], "verdict": "issue"}
    group = {"kind": "level", "name": "m", "n": 300, "churners": 90, "rate": 0.3}
    column = {
        "column": "gender",
        "reference": "f",
        "groups": [
            {**group, "name": "f", "rate": 0.4, "state": "reference", "measures": {}},
            {**group, "state": "judged", "measures": {"selection_ratio": measure}},
        ],
    }
    verdict = judged(replace(honest, fairness=[column]))["fairness"]
    assert (verdict.state, verdict.severity) == ("issue", "warns")
    assert verdict.facts["issues"][0] == {
        "column": "gender", "group": "m", "reference": "f", "measure": "selection_ratio",
        "value": 0.5, "low": 0.4, "high": 0.6, "rate": 0.3, "reference_rate": 0.4,
    }  # fmt: skip
    measure["verdict"] = "cannot_tell"
    assert judged(replace(honest, fairness=[column]))["fairness"].state == "cannot_judge"
    assert judged(replace(honest, fairness=[]))["fairness"].reason == "no_groups"


def test_too_little_evidence_is_said(honest):
    few = replace(honest, counts=honest.counts | {"churners": 99})
    assert judged(few)["evidence"].reason == "few_churners"
    wide = replace(honest, intervals=honest.intervals | {"roc_auc": [0.7, 0.81]})
    assert judged(wide)["evidence"].reason == "wide_interval"


@pytest.mark.parametrize(
    ("champion", "state", "reason", "blocks"),
    [
        (None, "cannot_judge", "no_champion", False),
        (paired(0.01), "issue", "worse", True),
        (paired(0.0019), "cannot_judge", "no_better", False),
        (paired(-0.0019), "cannot_judge", "no_better", False),
        (paired(-0.01), "passed", "better", False),
        (paired(float("nan"), float("nan"), rows=0), "cannot_judge", "nobody_in_common", False),
    ],
)
def test_a_challenger_is_held_against_the_champion(honest, champion, state, reason, blocks):
    verdict = judged(honest, champion=champion)["champion"]
    assert (verdict.state, verdict.reason, verdict.blocks) == (state, reason, blocks)
    assert gates.may_serve(judged(honest, champion=champion).values()) is not blocks
    assert json.dumps(verdict.facts, allow_nan=False) and gates.sentence(verdict)


def test_a_part_of_the_base_that_is_ranked_badly_is_named(honest):
    def slices(high: float, promised: float):
        told = {"metrics": {"roc_auc": high - 0.05}, "intervals": {"roc_auc": [high - 0.1, high]}}
        group = {"kind": "level", "name": "fibre", "n": 500, "churners": 90, "rate": 0.2, "state": "judged", **told}
        group["roc_auc_if_true"] = promised
        return replace(honest, slices=[{"column": "internet", "groups": [group]}])

    whole = honest.metrics["roc_auc"]
    poor = judged(slices(whole - 0.11, whole))["slices"]
    assert (poor.state, poor.severity, poor.facts["named"]) == ("issue", "warns", "internet: fibre")
    assert poor.reason == "poor_slice"
    assert judged(slices(whole - 0.11, whole - 0.12))["slices"].reason == "narrow_slice"
    assert judged(slices(whole - 0.09, whole))["slices"].state == "passed"


def test_every_reason_has_words_and_every_verdict_is_plain(honest, crossed_fitted):
    for report in (honest, crossed_fitted.report):
        for verdict in gates.judge(Evidence(report)):
            assert json.dumps(verdict.facts, allow_nan=False)
            assert "{" not in gates.sentence(verdict)
    assert judged(crossed_fitted.report)["slices"].reason == "no_groups"
    assert len({gate.code for gate in gates.GATES}) == len(gates.GATES) == 8


def test_a_report_of_an_earlier_release_is_judged_as_far_as_it_goes(honest):
    new = (
        "calibration_line", "ece_by_luck", "lift", "worried", "confusion", "slices", "fairness", "permutation",
        "dependence", "training",
    )  # fmt: skip
    old = replace(honest, **{name: type(getattr(honest, name))() for name in new})
    verdicts = judged(old, champion=paired(-0.01))
    states = {code: verdict.state for code, verdict in verdicts.items()}
    assert states == {
        "baseline": "passed", "overfit": "cannot_judge", "leak": "passed", "calibration": "cannot_judge",
        "fairness": "cannot_judge", "evidence": "passed", "champion": "passed", "slices": "cannot_judge",
    }  # fmt: skip
    assert gates.may_serve(verdicts.values())
    without = replace(old, choice={"code": "", "facts": {}})
    assert not gates.may_serve(judged(without).values()), "what a blocking gate cannot judge blocks"
