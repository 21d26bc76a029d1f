"""Learns whom to write to from past campaigns with holdouts, and says whether that is better than writing by risk."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats
from threadpoolctl import threadpool_limits

from campaigns.outreach.uplift.encoding import Encoding
from campaigns.outreach.uplift.learners import LEARNERS, RISK, Answers, Learner, deal, learn
from campaigns.outreach.uplift.lists import DO_NOT_DISTURB, NEITHER, PERSUADABLE, CustomerList, draw_lists, mean_of
from campaigns.outreach.uplift.ranking import Figure, Ranking, benefit_scores, difference, rank
from campaigns.outreach.uplift.refusal import UpliftRefused

FOLDS = 5
MIN_EXPERIMENTS = 2  # of one's own: one alone cannot show that what it taught carries over to another offer
MIN_OF_ARM = 300  # contacted, and held out, with a known outcome
MIN_OF_OUTCOME = 30  # leavers, and stayers, of either arm: six in every fold


@dataclass(frozen=True, slots=True)
class Report:
    """How the model did, all of it on customers that its models had not seen.

    method     the better of the two learners, by Qini: the one that is served
    choice     what to order customers by: that learner, or "risk" where it is not ready
    ready      whether the learner may decide; why_not: codes: too_few_experiments, qini_not_above_zero, risk_ranks_better
    qini_floor lower bound of the chosen learner's Qini, made lower for having chosen among two (Bonferroni)
    average    fall in the share of leavers that contact brings to everybody
    rankings   by method: t_learner, x_learner, risk
    over_risk  by how much the learner's Qini is above that of the order by risk
    """

    method: str
    choice: str
    ready: bool
    why_not: tuple[str, ...]
    qini_floor: float
    average: Figure
    rankings: dict[str, Ranking]
    over_risk: Figure
    persuadable: CustomerList | None
    do_not_disturb: CustomerList | None
    rows: int
    treated: int
    unknown: int
    experiments: int


@dataclass(frozen=True, slots=True, eq=False)
class UpliftModel:
    """Models of the folds, asked together; and what is known of them."""

    encoding: Encoding
    learners: tuple[Learner, ...]
    report: Report

    def benefit(self, features: pd.DataFrame) -> np.ndarray:
        """Predicted fall in the chance of leaving if contacted, float64 [n]: an order and a guide, nobody's promise."""
        values = self.encoding.apply(features)
        return np.mean([one.answer(values).benefit(self.report.method) for one in self.learners], axis=0)

    def risk(self, features: pd.DataFrame) -> np.ndarray:
        """Chance of leaving if left alone, float64 [n], by the held out of the experiments."""
        values = self.encoding.apply(features)
        return np.mean([one.alone.predict(values) for one in self.learners], axis=0)

    def kinds(self, benefit: np.ndarray) -> np.ndarray:
        """persuadable, do_not_disturb or neither (str object [n]) by predicted benefits; only lists that are proven."""
        kinds = np.full(len(benefit), NEITHER, dtype=object)
        listed, left_alone = self.report.persuadable, self.report.do_not_disturb
        if listed is not None and listed.proven:
            kinds[benefit >= listed.threshold] = PERSUADABLE
        if left_alone is not None and left_alone.proven:  # said last: doing no harm comes first
            kinds[benefit <= left_alone.threshold] = DO_NOT_DISTURB
        return kinds


@dataclass(frozen=True, slots=True, eq=False)
class Learned:
    """The model, and what was said of each row by models that had not seen it (float64 [n], NaN without an outcome):
    benefit of contact, risk if left alone; fold int64 [n], -1 without an outcome."""

    model: UpliftModel
    benefit: np.ndarray
    risk: np.ndarray
    fold: np.ndarray


def fit(
    features: pd.DataFrame,
    treated: np.ndarray,
    left: np.ndarray,
    *,
    propensity: float | np.ndarray,
    experiment: Sequence[object] | None = None,
    keys: Sequence[object] | None = None,
    seed: int = 0,
    worth: float = 0.0,
) -> Learned:
    """Learn from customers of past campaigns, held out or not; rows in any number of experiments.

    features    [n, k] as known on the day of each assignment; numbers, flags, texts; never anything from after it
    treated     bool [n], by the lot; left float [n]: 1 left, 0 stayed, NaN unknown
    propensity  chance of contact by that lot, one or float [n]; experiment: which campaign (None: one)
    keys        business numbers: a customer's rows stay in one fold (None: each row is somebody else)
    worth       the fall in the chance of leaving that pays for a contact
    Raises UpliftRefused. Same rows, same seed, same answer. Ten thousand rows: about 5 s.
    """
    treated, left = np.asarray(treated, dtype=bool), np.asarray(left, dtype=np.float64)
    chance = np.broadcast_to(np.asarray(propensity, dtype=np.float64), left.shape).copy()
    campaign = np.zeros(len(left), dtype=np.int64) if experiment is None else pd.factorize(np.asarray(experiment))[0]
    group = np.arange(len(left)) if keys is None else pd.factorize(np.asarray(keys, dtype=object))[0]
    _check(features, treated, left, chance, campaign, group)
    known = ~np.isnan(left)
    treated_known, left_known, chance_known = treated[known], left[known], chance[known]
    _require_enough(treated_known, left_known)
    encoding = Encoding.learn(features)
    values = encoding.apply(features)[known]
    strata = campaign[known] * 4 + treated_known * 2 + left_known.astype(np.int64)
    fold = deal(strata, group[known], FOLDS, seed)
    # Trees this small keep threads waiting for each other: 7,000 rows took 25 s on two busy cores, 4 s on one.
    with threadpool_limits(limits=1):
        learners, answers = _cross_fit(values, left_known, treated_known, chance_known, fold, seed)
    scores = benefit_scores(left_known, treated_known, chance_known, answers.if_contacted, answers.if_alone)
    experiments = len(np.unique(campaign[known]))
    report = _report(answers, scores, treated_known, experiments, seed, worth, unknown=int((~known).sum()))

    def spread(numbers: np.ndarray) -> np.ndarray:
        out = np.full(len(left), np.nan)
        out[known] = numbers
        return out

    folds = np.full(len(left), -1, dtype=np.int64)
    folds[known] = fold
    model = UpliftModel(encoding, learners, report)
    return Learned(model, spread(answers.benefit(report.method)), spread(answers.if_alone), folds)


def _cross_fit(
    values: np.ndarray, left: np.ndarray, treated: np.ndarray, propensity: np.ndarray, fold: np.ndarray, seed: int
) -> tuple[tuple[Learner, ...], Answers]:
    learners = []
    said = np.empty((3, len(left)))
    for number in range(FOLDS):
        inside = fold != number
        learner = learn(values[inside], left[inside], treated[inside], propensity[inside], seed * 1000 + number * 10)
        answer = learner.answer(values[~inside])
        said[:, ~inside] = answer.if_contacted, answer.if_alone, answer.x_benefit
        learners.append(learner)
    return tuple(learners), Answers(*said)


def _report(
    answers: Answers,
    scores: np.ndarray,
    treated: np.ndarray,
    experiments: int,
    seed: int,
    worth: float,
    *,
    unknown: int,
) -> Report:
    rankings = {method: rank(scores, answers.benefit(method), seed) for method in (*LEARNERS, RISK)}
    method = max(LEARNERS, key=lambda name: rankings[name].qini.estimate)
    best = rankings[method]
    floor = best.qini.estimate - float(stats.norm.isf(0.025 / len(LEARNERS))) * best.qini_error
    why_not = []
    if experiments < MIN_EXPERIMENTS:
        why_not.append("too_few_experiments")
    if floor <= 0:
        why_not.append("qini_not_above_zero")
    if rankings[RISK].qini.estimate >= best.qini.estimate:
        why_not.append("risk_ranks_better")
    persuadable, disturbed = draw_lists(answers.benefit(method), scores, treated, worth=worth)
    return Report(
        method=method,
        choice=RISK if why_not else method,
        ready=not why_not,
        why_not=tuple(why_not),
        qini_floor=floor,
        average=mean_of(scores),
        rankings=rankings,
        over_risk=difference(best, rankings[RISK]),
        persuadable=persuadable,
        do_not_disturb=disturbed,
        rows=len(scores),
        treated=int(treated.sum()),
        unknown=unknown,
        experiments=experiments,
    )


def _check(
    features: pd.DataFrame,
    treated: np.ndarray,
    left: np.ndarray,
    chance: np.ndarray,
    campaign: np.ndarray,
    group: np.ndarray,
) -> None:
    sizes = {"features": len(features), "treated": len(treated), "left": len(left)}
    sizes |= {"experiment": len(campaign), "keys": len(group)}
    if len(set(sizes.values())) > 1:
        raise UpliftRefused("unequal_lengths", "The columns do not go together.", **sizes)
    odd = left[~np.isnan(left) & ~np.isin(left, (0.0, 1.0))]
    if len(odd):
        raise UpliftRefused("not_an_outcome", "An outcome is 1 (left), 0 (stayed) or unknown.", value=float(odd[0]))
    outside = chance[~((chance > 0) & (chance < 1))]
    if len(outside):
        raise UpliftRefused(
            "not_a_propensity",
            "Everybody had some chance of being contacted, and some of being held out.",
            value=float(outside[0]),
        )


def _require_enough(treated: np.ndarray, left: np.ndarray) -> None:
    for name, arm in (("treated", treated), ("held_out", ~treated)):
        rows, leavers = int(arm.sum()), int(left[arm].sum())
        if rows < MIN_OF_ARM:
            raise UpliftRefused(
                f"too_few_{name}",
                f"{rows} {name} with a known outcome; {MIN_OF_ARM} are needed.",
                rows=rows,
                needed=MIN_OF_ARM,
            )
        for code, count in (("too_few_leavers", leavers), ("too_few_stayers", rows - leavers)):
            if count < MIN_OF_OUTCOME:
                raise UpliftRefused(
                    code,
                    f"{count} of {rows}; {MIN_OF_OUTCOME} are needed.",
                    arm=name,
                    rows=count,
                    needed=MIN_OF_OUTCOME,
                )
