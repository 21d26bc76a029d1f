"""What contacting would have brought, on customers whose outcome is known and whom the model had not seen.

Who left and who stayed is measured. That a leaver accepts at the given rate, and what a customer is worth, stays the company's
word: only a campaign with a holdout can measure those. Everything here takes label (float [n]: 1 left, 0 stayed, NaN
unknown), chance (float64 [n], out of fold) and value (float64 [n], NaN unknown); a customer with an unknown is left out
and counted. Intervals are the middle 95 % of a weighted (multinomial) bootstrap over customers, whom to contact being
settled by chance and value before the outcome is looked at: nothing is chosen in hindsight unless it is named so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from predictions.learning.empc import empc_of_each
from predictions.learning.evidence import require_labels
from predictions.learning.profit import Economics, ProfitCurve, expected_profit, profit_curve, require_known, unequal

DRAWS = 500
MIN_LEAVERS = 10  # among the contacted; measured: with 5 the interval holds the truth in 91 of 100, with 12 in 94
_BATCH = 25
_EDGES = (0.025, 0.975)


@dataclass(frozen=True, slots=True)
class Backtest:
    """What was expected of contacting the best share, and what it would have brought.

    promised     the expected profit curve on these rows; its best share is the one that was tried
    customers, share, profit, low, high    the measured curve: int64 and float64 [m], at the promised curve's points; low
                 and high float64 [m]: 95 % for each point by itself
    contacted, leavers    how many the best share holds, and how many of them left
    realised     money that contacting them would have brought, between realised_low and realised_high; beside it
                 promised.best.profit is what the model expected
    break_even   [acceptance, low, high]: below this acceptance the same contacts would have lost money (None: too few)
    verdict      gain | loss | unclear (nought lies in the interval) | too_few_leavers (under MIN_LEAVERS contacted:
                 the interval says little) | nobody (no one was worth contacting)
    rows, left_out    customers with label, chance and value, and those without
    """

    promised: ProfitCurve
    customers: np.ndarray
    share: np.ndarray
    profit: np.ndarray
    low: np.ndarray
    high: np.ndarray
    contacted: int
    leavers: int
    realised: float
    realised_low: float
    realised_high: float
    break_even: tuple[float, float, float] | None
    verdict: str
    rows: int
    left_out: int


@dataclass(frozen=True, slots=True)
class Contender:
    """One candidate's profit, each figure with (low, high).

    empc         money for each customer of the base, at the mean known value; flattering on few customers, as any
                 measure is that finds its own best cuts (docs/profit.md has the size of it)
    profit       money from contacting whom the candidate itself finds worth it; contacted: how many those are
    ..._difference   this one minus the best by that figure, paired, with its interval; nought for the best
    hindsight    the most that any share, chosen after the outcome, would have brought: flattering too
    ties         the interval of profit_difference holds nought: the best is not proven better
    """

    name: str
    empc: float
    empc_interval: tuple[float, float]
    empc_difference: float
    empc_difference_interval: tuple[float, float]
    profit: float
    profit_interval: tuple[float, float]
    profit_difference: float
    profit_difference_interval: tuple[float, float]
    contacted: int
    hindsight: float
    ties: bool


def backtest(
    label: np.ndarray,
    chance: np.ndarray,
    value: np.ndarray,
    economics: Economics,
    *,
    seed: int,
    draws: int = DRAWS,
    heartbeat: Callable[[], None] = lambda: None,
) -> Backtest:
    """Contact whom chance and value say, then look at who left.

    Raises NotEnoughEvidence where too few are labelled (require_labels), ProfitRefused as profit_curve() does.
    """
    known = _usable(label, [chance], value, economics)
    label, chance, value = (np.asarray(one, dtype=np.float64)[known] for one in (label, chance, value))
    promised = profit_curve(chance, value, economics)
    expected, gain = expected_profit(chance, value, economics), expected_profit(label, value, economics)
    order = np.lexsort((gain, -expected))  # rows that tie in both are alike, so the file's order does not matter
    expected, gain, label, value = expected[order], gain[order], label[order], value[order]
    rows, best = len(gain), promised.best.customers
    ends = np.r_[np.flatnonzero(np.diff(expected)), rows - 1]  # inside a tie the curve is straight
    kept = (label * (value - economics.offer_cost))[:best]
    measured = _curve(np.ones(rows), gain, ends, promised.share)
    realised = float(gain[:best].sum())
    curves, sums = np.empty((draws, len(promised.share))), np.empty((draws, 2))
    for draw, weight in enumerate(_weights(rows, seed, draws, heartbeat)):
        curves[draw] = _curve(weight, gain, ends, promised.share)
        sums[draw] = weight[:best] @ gain[:best], weight[:best] @ kept
    low, high = np.quantile(curves, _EDGES, axis=0)
    realised_low, realised_high = (float(edge) for edge in np.quantile(sums[:, 0], _EDGES))
    leavers = int(label[:best].sum())
    return Backtest(
        promised=promised,
        customers=promised.customers,
        share=promised.share,
        profit=measured,
        low=low,
        high=high,
        contacted=best,
        leavers=leavers,
        realised=realised,
        realised_low=realised_low,
        realised_high=realised_high,
        break_even=_break_even(realised, float(kept.sum()), sums, economics) if leavers >= MIN_LEAVERS else None,
        verdict=_verdict(best, leavers, realised_low, realised_high),
        rows=rows,
        left_out=len(known) - rows,
    )


def compare_profit(
    label: np.ndarray,
    chances: Mapping[str, np.ndarray],
    value: np.ndarray,
    economics: Economics,
    seed: int,
    *,
    draws: int = DRAWS,
    heartbeat: Callable[[], None] = lambda: None,
) -> list[Contender]:
    """Candidates by profit, best first; chances: name -> float64 [n]. Every one is tried on the same rows: those where
    label, value and all chances are known. Errors as for backtest()."""
    known = _usable(label, list(chances.values()), value, economics)
    label, value = np.asarray(label, dtype=np.float64)[known], np.asarray(value, dtype=np.float64)[known]
    each = [np.asarray(chance, dtype=np.float64)[known] for chance in chances.values()]
    gain, clv = expected_profit(label, value, economics), float(value.mean())
    expected = [expected_profit(chance, value, economics) for chance in each]
    # both figures are sums of what each customer adds. The cuts are held: finding them again in each draw was measured
    # to change the coverage of a difference by nothing (97 and 97 of 100 at 300 rows), and costs a sort a draw
    added = {
        "empc": np.column_stack([empc_of_each(label, chance, clv, economics) for chance in each]) / len(label),
        "profit": np.column_stack([np.where(one > 0, gain, 0.0) for one in expected]),
    }
    for figure in list(added):
        best = int(added[figure].sum(axis=0).argmax())
        added[f"{figure}_difference"] = added[figure] - added[figure][:, [best]]
    told = np.hstack(list(added.values()))  # [n, 4 figures of each candidate]
    drawn = np.array([weight @ told for weight in _weights(len(label), seed, draws, heartbeat)])
    total, low, high = (
        edge.reshape(len(added), -1) for edge in (told.sum(axis=0), *np.quantile(drawn, _EDGES, axis=0))
    )
    table = []
    for place, name in enumerate(chances):
        figures: dict[str, object] = {}
        for row, figure in enumerate(added):
            figures[figure] = float(total[row, place])
            figures[f"{figure}_interval"] = (float(low[row, place]), float(high[row, place]))
        table.append(
            Contender(
                name=name,
                contacted=int((expected[place] > 0).sum()),
                hindsight=_hindsight(expected[place], gain),
                ties=bool(high[-1, place] >= 0),
                **figures,
            )
        )
    return sorted(table, key=lambda row: -row.profit)


def _usable(label: np.ndarray, chances: list[np.ndarray], value: np.ndarray, economics: Economics) -> np.ndarray:
    """Rows of which everything is known, bool [n]; refuses what cannot be measured on."""
    label = np.asarray(label, dtype=np.float64)
    require_labels(label)
    expected = [expected_profit(chance, value, economics) for chance in chances]
    if not expected or len(expected[0]) != len(label):
        raise unequal(label=len(label), chance=len(expected[0]) if expected else 0)
    known = ~np.isnan(label) & ~np.isnan(expected).any(axis=0)
    require_known(len(label), int(known.sum()))
    require_labels(label[known])
    return known


def _weights(rows: int, seed: int, draws: int, heartbeat: Callable[[], None]) -> Iterator[np.ndarray]:
    """How often each row stands in a sample of as many rows drawn with replacement, float64 [rows]."""
    rng = np.random.default_rng(seed)
    for draw in range(draws):
        if draw % _BATCH == 0:
            heartbeat()
        yield np.bincount(rng.integers(0, rows, rows), minlength=rows).astype(np.float64)


def _curve(weight: np.ndarray, gain: np.ndarray, ends: np.ndarray, share: np.ndarray) -> np.ndarray:
    """Cumulative gain at each share of the weighted rows, float64 [m]."""
    taken, total = np.cumsum(weight)[ends], np.cumsum(weight * gain)[ends]
    return np.interp(share * taken[-1], np.r_[0.0, taken], np.r_[0.0, total])


def _break_even(realised: float, kept: float, sums: np.ndarray, economics: Economics) -> tuple[float, float, float]:
    """What was earned is acceptance * kept - cost; sums float64 [draws, 2]: earned and kept in each draw."""
    least = np.divide(sums[:, 0], sums[:, 1], out=np.full(len(sums), -np.inf), where=sums[:, 1] > 0)
    low, high = np.quantile(economics.acceptance - least, _EDGES, method="inverted_cdf")
    return economics.acceptance - realised / kept, float(low), float(high)


def _verdict(contacted: int, leavers: int, low: float, high: float) -> str:
    if not contacted:
        return "nobody"
    if leavers < MIN_LEAVERS:
        return "too_few_leavers"
    return "gain" if low > 0 else "loss" if high < 0 else "unclear"


def _hindsight(expected: np.ndarray, gain: np.ndarray) -> float:
    """The highest point of the measured curve; a cut never parts equal expectations."""
    order = np.argsort(-expected, kind="stable")
    ends = np.r_[np.flatnonzero(np.diff(expected[order])), len(order) - 1]
    return max(0.0, float(np.cumsum(gain[order])[ends].max()))
