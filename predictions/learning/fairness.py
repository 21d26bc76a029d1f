"""Does the model treat groups of people alike? Three measures of each group against the largest, with a verdict.

selection_ratio         share called at risk, over the reference group's: fair within 0.8 to 1.25 (the "four-fifths
                        rule" of the US Uniform Guidelines of 1978, and its inverse: being called may be a favour or not)
opportunity_difference  share of those who left that was called, minus the reference's: fair within 0.1 (equal
                        opportunity; Hardt, Price and Srebro 2016)
calibration_difference  told minus met, minus the reference's: fair within 0.1

A verdict is given only where the whole interval lies on one side: "passed" inside what is fair, "issue" outside
it, otherwise "cannot_tell". Groups that leave at different rates cannot pass every measure at once (Chouldechova
2017; Kleinberg et al. 2016), so the groups' own rates are told beside the verdicts.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from predictions.learning.slices import Groups, gap, groups_of, is_enough

PROTECTED = ("gender", "senior_citizen")
FAIR = {
    "selection_ratio": (0.8, 1.25),
    "opportunity_difference": (-0.1, 0.1),
    "calibration_difference": (-0.1, 0.1),
}
_DRAWS = 4_000


def fairness(
    label: np.ndarray,
    chance: np.ndarray,
    threshold: float,
    frame: pd.DataFrame,
    protected: Sequence[str] = PROTECTED,
    *,
    seed: int,
) -> list[dict]:
    """For each protected column that the frame (n rows) has: {"column", "reference", "groups"}.

    A group: kind, name, n, churners, rate, state ("judged", "too_few"), and if judged, measures: for each of FAIR
    value, low, high, fair [low, high], verdict. Intervals hold for all groups of a column together (Bonferroni).
    """
    out = []
    for name in dict.fromkeys(protected):
        groups = groups_of(frame, name)
        if groups is not None:
            out.append(_column(label, chance, threshold, groups, seed))
    return out


def _column(label: np.ndarray, chance: np.ndarray, threshold: float, groups: Groups, seed: int) -> dict:
    rng = np.random.default_rng(seed)
    real = [number for number, kind in enumerate(groups.kinds) if kind in ("level", "band")]
    members = {number: groups.code == number for number in real}
    enough = [number for number in real if is_enough(label[members[number]])]
    largest = max(enough, key=lambda number: (int(members[number].sum()), -number), default=None)
    drawn = {number: _Drawn(label[members[number]], chance[members[number]], threshold, rng) for number in enough}
    tail = 0.025 / max(1, len(enough) - 1)
    told = []
    for number in real:
        some = label[members[number]]
        row = groups.title(number) | {"n": len(some), "churners": int(some.sum()), "rate": float(some.mean())}
        if number == largest:
            row |= {"state": "reference", "measures": {}}
        elif number not in drawn:
            row |= {"state": "too_few", "measures": {}}
        else:
            row |= {"state": "judged", "measures": _against(drawn[number], drawn[largest], tail)}
        told.append(row)
    return {"column": groups.column, "reference": None if largest is None else groups.names[largest], "groups": told}


class _Drawn:
    """A group's selection rate, opportunity and calibration gap: as seen, and as they might have been [_DRAWS].

    The shares are drawn from their posterior under Jeffreys' prior (Brown, Cai and DasGupta 2001), a smooth bootstrap
    of counts which does not claim certainty where a count is nought; the gap from its normal limit.
    """

    def __init__(self, label: np.ndarray, chance: np.ndarray, threshold: float, rng: np.random.Generator) -> None:
        called, n, left = chance >= threshold, len(label), int(label.sum())
        chosen, hits = int(called.sum()), int((called & (label == 1)).sum())
        off, error = gap(label, chance)
        self.seen = (chosen / n, hits / left, off)
        self.might = (
            rng.beta(chosen + 0.5, n - chosen + 0.5, _DRAWS),
            rng.beta(hits + 0.5, left - hits + 0.5, _DRAWS),
            rng.normal(off, error, _DRAWS),
        )


def _against(group: _Drawn, reference: _Drawn, tail: float) -> dict[str, dict[str, object]]:
    measures: dict[str, dict[str, object]] = {}
    for at, (name, fair) in enumerate(FAIR.items()):
        if name == "selection_ratio":
            value = group.seen[at] / reference.seen[at] if reference.seen[at] else None
            drawn = group.might[at] / reference.might[at]
        else:
            value, drawn = group.seen[at] - reference.seen[at], group.might[at] - reference.might[at]
        low, high = (float(edge) for edge in np.quantile(drawn, (tail, 1 - tail)))
        if fair[0] <= low and high <= fair[1]:
            verdict = "passed"
        elif high < fair[0] or low > fair[1]:
            verdict = "issue"
        else:
            verdict = "cannot_tell"
        measures[name] = {"value": value, "low": low, "high": high, "fair": list(fair), "verdict": verdict}
    return measures
