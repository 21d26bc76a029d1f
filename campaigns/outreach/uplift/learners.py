"""T- and X-learner: two ways to learn from lots how contact changes each customer's chance of leaving.

T-learner: one model of leaving among the contacted, one among the held out; the effect is their difference. X-learner: each
customer's outcome against what the other arm's model expected of them, learned again in each arm, and the two put
together so that the larger arm's outcomes count through the model of the smaller (Künzel, Sekhon, Bickel and Yu 2019,
"Metalearners for estimating heterogeneous treatment effects using machine learning", PNAS 116(10)).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from campaigns.outreach.uplift.trees import Trees, grow_chance, grow_number

T_LEARNER, X_LEARNER, RISK = "t_learner", "x_learner", "risk"
LEARNERS = (T_LEARNER, X_LEARNER)


@dataclass(frozen=True, slots=True, eq=False)
class Learner:
    """Models of one part of the customers. contacted, alone: chance of leaving in either arm; effect_contacted, effect_alone:
    change of that chance by contact, as learned in either arm; propensity: mean chance of contact in learning."""

    contacted: Trees
    alone: Trees
    effect_contacted: Trees
    effect_alone: Trees
    propensity: float

    def answer(self, values: np.ndarray) -> Answers:
        """What these models say of values float64 [n, k]."""
        if_contacted, if_alone = self.contacted.predict(values), self.alone.predict(values)
        change = self.propensity * self.effect_alone.predict(values)
        change += (1 - self.propensity) * self.effect_contacted.predict(values)
        return Answers(if_contacted, if_alone, np.clip(-change, -1, 1))


@dataclass(frozen=True, slots=True, eq=False)
class Answers:
    """float64 [n] each: chances of leaving if contacted and if left alone, and the X-learner's benefit of contact."""

    if_contacted: np.ndarray
    if_alone: np.ndarray
    x_benefit: np.ndarray

    def benefit(self, method: str) -> np.ndarray:
        """Fall in the chance of leaving that contact brings, by a learner; for RISK the chance of leaving if left alone."""
        if method == RISK:
            return self.if_alone
        return self.x_benefit if method == X_LEARNER else self.if_alone - self.if_contacted


def learn(values: np.ndarray, left: np.ndarray, treated: np.ndarray, propensity: np.ndarray, seed: int) -> Learner:
    """Learn from values float64 [n, k], left float64 [n] of 0 and 1, treated bool [n], propensity float64 [n]."""
    weight = _weights(treated, propensity)
    one, other = treated, ~treated
    weight1, weight0 = (None, None) if weight is None else (weight[one], weight[other])
    contacted = grow_chance(values[one], left[one], weight1, seed)
    alone = grow_chance(values[other], left[other], weight0, seed + 1)
    surprise_contacted = left[one] - alone.predict(values[one])
    surprise_alone = contacted.predict(values[other]) - left[other]
    return Learner(
        contacted=contacted,
        alone=alone,
        effect_contacted=grow_number(values[one], surprise_contacted, weight1, seed + 2),
        effect_alone=grow_number(values[other], surprise_alone, weight0, seed + 3),
        propensity=float(propensity.mean()),
    )


def _weights(treated: np.ndarray, propensity: np.ndarray) -> np.ndarray | None:
    """Each arm stands for all customers, though campaigns held out different shares; mean 1 in each arm. None where all
    held out the same (scikit-learn bins weighted rows at twice the time)."""
    if (propensity == propensity[0]).all():
        return None
    weight = 1 / np.where(treated, propensity, 1 - propensity)
    for arm in (treated, ~treated):
        weight[arm] /= weight[arm].mean()
    return weight


def deal(strata: np.ndarray, groups: np.ndarray, folds: int, seed: int) -> np.ndarray:
    """Fold (int64 [n]) of each row: the rows of a group together, and every stratum spread evenly over the folds.

    strata, groups int64 [n]; a group (a customer in several campaigns) counts in its first row's stratum.
    """
    _, first, place = np.unique(groups, return_index=True, return_inverse=True)
    order = np.lexsort((np.random.default_rng(seed).random(len(first)), strata[first]))
    fold = np.empty(len(first), dtype=np.int64)
    fold[order] = np.arange(len(first)) % folds
    return fold[place]
