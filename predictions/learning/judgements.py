"""The judgements behind the gates: each a small pure function over Evidence, answering (state, reason, facts).

state is "passed", "issue" or "cannot_judge"; reason names the case; facts are plain JSON, enough for a sentence.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from predictions.learning.comparison import Paired
from predictions.learning.evidence import FEW_CHURNERS
from predictions.learning.fitted import Report

PASSED, ISSUE, CANNOT_JUDGE = "passed", "issue", "cannot_judge"
Judgement = tuple[str, str, dict[str, Any]]

SURE = 2.0  # standard errors
KEPT = 0.5  # of what a model gains on its own customers, at least half must hold for others
LEARNED = 0.01  # a gain on its own customers below this share of the baseline's loss is nothing to judge
TOO_GOOD_AUC = 0.99
TOO_GOOD_SHARE = 0.9  # of all importance in one column
ECE_ROOM = 0.02
SLOPES = (0.8, 1.25)
AUC_WIDTH = 0.1
SLICE_ROOM = 0.1  # of ROC AUC


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a model is judged by. forced_in: columns that the leak watch kept away and a person forced in.

    champion: the challenger's paired comparison with the model in charge (challenger minus champion); None where no
    model is in charge.
    """

    report: Report
    forced_in: tuple[str, ...] = ()
    champion: Paired | None = None


def beats_the_baseline(evidence: Evidence) -> Judgement:
    """Is it better than telling everybody the base rate, by two standard errors of log loss, and in ROC AUC?"""
    told, area = evidence.report.choice.get("facts", {}), evidence.report.intervals.get("roc_auc")
    if "gain" not in told or "gain_error" not in told or not area:
        return CANNOT_JUDGE, "not_measured", {}
    facts = {name: told[name] for name in ("gain", "gain_error", "baseline_log_loss")}
    facts |= {"roc_auc": evidence.report.metrics["roc_auc"], "low": area[0], "high": area[1]}
    if told["gain"] <= SURE * told["gain_error"]:
        return ISSUE, "no_gain", facts
    if area[0] <= 0.5:
        return ISSUE, "no_order", facts
    return PASSED, "better", facts


def holds_for_others(evidence: Evidence) -> Judgement:
    """How much of what it gains on its own customers is left on those it had not seen? At least half must be."""
    training, error = evidence.report.training, evidence.report.choice.get("facts", {}).get("gain_error")
    if not training or error is None:
        return CANNOT_JUDGE, "not_measured", {}
    own, others = (training["baseline"] - training[name] for name in ("log_loss", "out_of_fold"))
    facts = dict(training) | {
        "relative_gap": (training["out_of_fold"] - training["log_loss"]) / training["out_of_fold"]
    }
    if own < LEARNED * training["baseline"]:
        return CANNOT_JUDGE, "nothing_learned", facts
    low, kept, high = ((others + by * error) / own for by in (-SURE, 0.0, SURE))
    facts |= {"kept": kept, "low": low, "high": high, "needed": KEPT}
    if high < KEPT:
        return ISSUE, "overfit", facts
    if low < KEPT:
        return CANNOT_JUDGE, "too_uncertain", facts
    return PASSED, "holds", facts


def is_not_leaking(evidence: Evidence) -> Judgement:
    """Was a column that knows the answer forced in, or is the model too good to be true by one column alone?"""
    if evidence.forced_in:
        return ISSUE, "forced_in", {"columns": list(evidence.forced_in), "named": ", ".join(evidence.forced_in)}
    area, permutation = evidence.report.metrics["roc_auc"], evidence.report.permutation
    if area <= TOO_GOOD_AUC:
        return PASSED, "plausible", {"roc_auc": area}
    if not permutation:
        return CANNOT_JUDGE, "not_measured", {"roc_auc": area}
    first = max(permutation, key=lambda row: row["share"])
    facts = {"roc_auc": area, "column": first["feature"], "share": first["share"]}
    return (ISSUE, "too_good", facts) if first["share"] > TOO_GOOD_SHARE else (PASSED, "many_columns", facts)


def is_calibrated(evidence: Evidence) -> Judgement:
    """Do as many leave as it says? By ece above what luck gives, and by the slope of label on log odds."""
    report = evidence.report
    if not report.ece_by_luck:
        return CANNOT_JUDGE, "not_measured", {}
    ece, luck, line = report.metrics["ece"], report.ece_by_luck, report.calibration_line
    facts = {"ece": ece, "by_luck": luck["expected"], "allowed": max(luck["expected"] + ECE_ROOM, luck["high"])}
    facts |= {name: line.get(name) for name in ("slope", "slope_low", "slope_high")}
    if ece > facts["allowed"]:
        return ISSUE, "ece", facts
    if not line:
        return PASSED, "flat", facts
    if line["slope_high"] < SLOPES[0] or line["slope_low"] > SLOPES[1]:
        return ISSUE, "overconfident" if line["slope_high"] < SLOPES[0] else "underconfident", facts
    if line["slope_low"] < SLOPES[0] and line["slope_high"] > SLOPES[1]:
        return CANNOT_JUDGE, "too_uncertain", facts
    return PASSED, "calibrated", facts


def treats_people_alike(evidence: Evidence) -> Judgement:
    """Is a group of people called at risk, found or told of in a measurably different way than the largest?"""
    told = [(column, group) for column in evidence.report.fairness for group in column["groups"]]
    judged = [(column, group) for column, group in told if group["state"] == "judged"]
    unfair = [
        {"column": column["column"], "group": group["name"], "reference": column["reference"], "measure": name}
        | {fact: measure[fact] for fact in ("value", "low", "high")}
        | {"rate": group["rate"], "reference_rate": _rate_of_reference(column)}
        for column, group in judged
        for name, measure in group["measures"].items()
        if measure["verdict"] == ISSUE
    ]
    open_ = [m for _, group in judged for m in group["measures"].values() if m["verdict"] == "cannot_tell"]
    facts = {"groups": len(judged), "issues": unfair, "open": len(open_)}
    facts["named"] = ", ".join(dict.fromkeys(f"{one['column']}: {one['group']}" for one in unfair))
    if unfair:
        return ISSUE, "unfair", facts
    if not judged:
        return CANNOT_JUDGE, "no_groups", facts
    return (CANNOT_JUDGE, "too_uncertain", facts) if open_ else (PASSED, "alike", facts)


def rests_on_enough(evidence: Evidence) -> Judgement:
    """Did enough customers leave to know how good it is?"""
    low, high = evidence.report.intervals["roc_auc"]
    churners = evidence.report.counts["churners"]
    facts = {"churners": churners, "needed": FEW_CHURNERS, "low": low, "high": high, "width": high - low}
    if churners < FEW_CHURNERS:
        return ISSUE, "few_churners", facts
    return (ISSUE, "wide_interval", facts) if high - low > AUC_WIDTH else (PASSED, "enough", facts)


def beats_the_champion(evidence: Evidence) -> Judgement:
    """Is it worse than the model in charge, by two standard errors of the paired difference in log loss?"""
    paired = evidence.champion
    if paired is None:
        return CANNOT_JUDGE, "no_champion", {}
    facts = paired.as_dict()
    if paired.rows < 2:
        return CANNOT_JUDGE, "nobody_in_common", facts
    room = SURE * paired.log_loss_error
    if paired.log_loss > room:
        return ISSUE, "worse", facts
    return (PASSED, "better", facts) if paired.log_loss < -room else (CANNOT_JUDGE, "no_better", facts)


def serves_every_slice(evidence: Evidence) -> Judgement:
    """Is there a part of the base whose order it knows much less of than of the whole?

    Where customers are alike in what matters there is less to order: "narrow_slice" says that the model does there what
    its own chances promise (if_true), "poor_slice" that it does not even that.
    """
    whole = evidence.report.metrics["roc_auc"]
    judged = [(s["column"], g) for s in evidence.report.slices for g in s["groups"] if g["state"] == "judged"]
    poor = [
        {"column": column, "group": group["name"], "kind": group["kind"], "n": group["n"]}
        | {"roc_auc": group["metrics"]["roc_auc"], "low": low, "high": high, "if_true": group.get("roc_auc_if_true")}
        for column, group in judged
        for low, high in (group["intervals"]["roc_auc"],)
        if high < whole - SLICE_ROOM
    ]
    facts = {"roc_auc": whole, "groups": len(judged), "issues": poor}
    facts["named"] = ", ".join(f"{one['column']}: {one['group'] or one['kind']}" for one in poor)
    if not judged:
        return CANNOT_JUDGE, "no_groups", facts
    if not poor:
        return PASSED, "alike", facts
    broken = any(one["if_true"] is None or one["high"] < one["if_true"] for one in poor)
    return ISSUE, "poor_slice" if broken else "narrow_slice", facts


def _rate_of_reference(column: dict) -> float | None:
    return next((group["rate"] for group in column["groups"] if group["state"] == "reference"), None)
