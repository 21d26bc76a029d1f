"""What a person meets who acts on the riskiest customers first: lift by tenth, a threshold's confusion, the top 100.

Everything takes label (float64 [n] of 0 and 1) and chance (float64 [n] in 0..1) of customers whom the model had
not seen, and returns plain values for JSON. Intervals are Wilson's at 95 %, with the cut taken as given. Customers
told the same chance are ordered at random: the order of a file often knows who left.
"""

from __future__ import annotations

import numpy as np

from predictions.learning.evaluation import wilson

TENTHS = 10
WORRIED = 100  # about what a small team can call in a week
_FEW = 1_000  # with fewer customers than this, the hundred become a tenth of them


def riskiest_first(chance: np.ndarray, seed: int) -> np.ndarray:
    """Row numbers (int64 [n]) from the riskiest down, ties at random."""
    return np.lexsort((np.random.default_rng(seed).random(len(chance)), -chance))


def lift_table(label: np.ndarray, chance: np.ndarray, *, seed: int) -> list[dict[str, float]]:
    """Customers in ten parts, the riskiest first.

    For each part: customers, left, rate [low, high], lift (rate over the rate of all; its interval is the rate's over
    the rate of all), capture: the share of all who left that is in this part and those before it [low, high].
    """
    order, total, rows = riskiest_first(chance, seed), int(label.sum()), []
    base, caught = label.mean(), 0
    for number, members in enumerate(np.array_split(order, min(TENTHS, len(order))), start=1):
        left = int(label[members].sum())
        caught += left
        low, high = wilson(left, len(members))
        capture_low, capture_high = wilson(caught, total)
        rows.append(
            {
                "part": number,
                "customers": len(members),
                "left": left,
                "rate": left / len(members),
                "low": low,
                "high": high,
                "lift": float(left / len(members) / base),
                "lift_low": float(low / base),
                "lift_high": float(high / base),
                "capture": caught / total,
                "capture_low": capture_low,
                "capture_high": capture_high,
            }
        )
    return rows


def most_worried(label: np.ndarray, chance: np.ndarray, *, seed: int) -> dict[str, float]:
    """ "Of the n customers that it is most worried about, so many left": n, left, share [low, high]."""
    n = min(len(label), WORRIED if len(label) >= _FEW else max(1, len(label) // 10))
    left = int(label[riskiest_first(chance, seed)[:n]].sum())
    low, high = wilson(left, n)
    return {"customers": n, "left": left, "share": left / n, "low": low, "high": high}


def base_rate_threshold(label: np.ndarray, chance: np.ndarray) -> float:
    """The chance at or above which as many customers lie as left, as nearly as ties allow."""
    left = int(label.sum())
    falling = np.sort(chance)[::-1]
    with_ties = falling[max(left, 1) - 1]
    above = falling[falling > with_ties]
    if above.size and left - above.size < int((falling >= with_ties).sum()) - left:
        return float(above[-1])
    return float(with_ties)


def confusion(label: np.ndarray, chance: np.ndarray, threshold: float, *, rule: str) -> dict[str, object]:
    """Who is called at risk (chance at or above the threshold) against who left.

    rule ("base_rate", "half", "given") is passed on; counts; metrics: precision, recall, specificity, accuracy,
    selected, each with its interval, or None where there is nobody to divide by.
    """
    called, left = chance >= threshold, label == 1
    hits, alarms = int((called & left).sum()), int((called & ~left).sum())
    missed = int(left.sum()) - hits
    quiet = len(label) - hits - alarms - missed
    shares = {
        "precision": (hits, hits + alarms),
        "recall": (hits, hits + missed),
        "specificity": (quiet, quiet + alarms),
        "accuracy": (hits + quiet, len(label)),
        "selected": (hits + alarms, len(label)),
    }
    return {
        "rule": rule,
        "threshold": float(threshold),
        "true_positives": hits,
        "false_positives": alarms,
        "false_negatives": missed,
        "true_negatives": quiet,
        "metrics": {name: part / of if of else None for name, (part, of) in shares.items()},
        "intervals": {name: list(wilson(part, of)) if of else None for name, (part, of) in shares.items()},
    }


def confusions(label: np.ndarray, chance: np.ndarray, given: float | None = None) -> list[dict[str, object]]:
    """The confusion where as many are called as left, at one half, and at the caller's threshold where there is one."""
    told = [("base_rate", base_rate_threshold(label, chance)), ("half", 0.5)]
    told += [] if given is None else [("given", given)]
    return [confusion(label, chance, threshold, rule=rule) for rule, threshold in told]
