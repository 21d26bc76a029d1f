"""What a column looks like, and how far it moved since last time: the facts behind the quality page, as JSON.

Drift is the population stability index on twenty quantile bins (or the commonest values), and Jensen and Shannon's
divergence. Two samples of one population differ too: their index times nm/(n+m) is about chi-squared with one degree less than
there are bins (Yurdakul and Naranjo, Statistical properties of the population stability index, Journal of Risk Model
Validation 14(4), 2020), so a column has moved only beyond both the customary 0.1 (0.25: much) and that distribution's 99.9 %.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field, fields
from functools import lru_cache

import numpy as np
import pandas as pd

from .cleaning import Wrong, parse_number
from .schema import UNKNOWN_VALUES

NUMERIC, CATEGORY, EMPTY = "numeric", "category", "empty"
BINS = 20
QUANTILES = (0.0, 0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99, 1.0)
MOVED, MOVED_MUCH = 0.1, 0.25
FEW_ROWS = 50  # on either side; fewer say nothing about drift
_Z = 3.5  # modified z-score of Iglewicz and Hoaglin (1993)
_REACH = 1e300
_FAR = 3.0  # times the interquartile range: Tukey's "far out"


@dataclass(frozen=True, slots=True)
class ColumnProfile:
    """One column. Counts are of all rows; ``quantiles``, ``histogram``, ``outliers`` and ``by_class`` of the sampled ones.

    fullness       share of rows with a value, 0 to 1
    distinct       number of values; an estimate (1 %) where not ``distinct_is_exact``
    quantiles      {"0.5": median, ...} for numbers
    histogram      {"edges": 21 numbers, "counts": 20 numbers}, between the 0.5 and 99.5 % quantiles, the ends holding the rest
    top            [[value, count], ...], at most 20, none where nearly every cell differs; each count too low by ``top_error`` at most
    outliers       {"count", "share", "low", "high", "examples"}: beyond both robust bounds; None where not numeric
    by_class       {"left": {...}, "stayed": {...}}: n, fullness, and median or shares of the commonest values
    bins           {"edges" or "values", "shares" (last one unknown), "rows"}: what the next profile is compared with
    drift          {"psi", "js", "threshold", "verdict": same | moved | moved_much | too_few | new_kind |
                   not_compared, "fullness_before"}; None without a previous profile, {"verdict": "new"} for a new column
    """

    kind: str
    rows: int
    known: int
    fullness: float
    distinct: int
    distinct_is_exact: bool
    mean: float | None = None
    minimum: float | None = None
    maximum: float | None = None
    quantiles: dict[str, float] = field(default_factory=dict)
    histogram: dict[str, list] | None = None
    top: list[list] = field(default_factory=list)
    top_error: int = 0
    outliers: dict[str, object] | None = None
    by_class: dict[str, dict] = field(default_factory=dict)
    bins: dict[str, object] = field(default_factory=dict)
    drift: dict[str, object] | None = None


@dataclass(frozen=True, slots=True)
class Profile:
    """A table: its columns, labels by class, duplicates by name and e-mail address, columns that are gone since last time."""

    rows: int
    sampled: int
    columns: dict[str, ColumnProfile]
    classes: dict[str, int] = field(default_factory=dict)
    duplicates: dict[str, object] | None = None
    gone: tuple[str, ...] = ()

    def to_json(self) -> dict[str, object]:
        return {"version": 1, **asdict(self), "gone": list(self.gone)}

    @classmethod
    def from_json(cls, data: dict) -> Profile:
        """Read what ``to_json`` wrote; fields that this version does not know are passed over. Raises ValueError."""
        if not isinstance(data, dict) or data.get("version") != 1 or not isinstance(data.get("columns"), dict):
            raise ValueError("this is no profile")
        known = {f.name for f in fields(ColumnProfile)}
        columns = {
            name: ColumnProfile(**{key: value for key, value in column.items() if key in known})
            for name, column in data["columns"].items()
        }
        return cls(
            data["rows"], data["sampled"], columns, data.get("classes", {}), data.get("duplicates"),
            tuple(data.get("gone", ())),
        )  # fmt: skip


def number_text(number: float) -> str:
    return str(int(number)) if float(number).is_integer() and abs(number) < 1e15 else repr(float(number))


def as_numbers(texts: list[str]) -> np.ndarray:
    """Texts as float64 [n], NaN where one is no number; decimal commas and grouped thousands are read as everywhere."""
    numbers = pd.to_numeric(pd.Series(texts, dtype=object), errors="coerce").to_numpy(dtype=np.float64, copy=True)
    lost = np.flatnonzero(np.isnan(numbers))
    if len(lost) and any(not math.isnan(_number(texts[i])) for i in lost[:20]):
        for i in lost:
            numbers[i] = _number(texts[i])
    return in_reach(numbers)


def in_reach(numbers: np.ndarray) -> np.ndarray:
    """The numbers (float64 [n]) with NaN for those beyond 1e300, of which a sum or a difference would be infinite."""
    with np.errstate(invalid="ignore"):
        return np.where(np.abs(numbers) <= _REACH, numbers, np.nan)


def _number(text: str) -> float:
    try:
        return float(parse_number(text))
    except Wrong:
        return math.nan


def describe(facts: dict, cells: pd.Series, left: np.ndarray | None) -> ColumnProfile:
    """A ColumnProfile from what was counted and a sample of cells [n]; ``left`` [n]: 1, 0 or NaN for each of them."""
    rows, known = facts["rows"], facts["known"]
    texts = _texts(cells)
    is_numeric = known > 0 and facts["numbers"] >= 0.95 * known
    common = {
        "rows": rows,
        "known": known,
        "fullness": known / rows if rows else 0.0,
        "distinct": facts["distinct"],
        "distinct_is_exact": facts["distinct_is_exact"],
        "top": [[value[:120], count] for value, count in facts["top"]],
        "top_error": facts["top_error"],
    }
    if not known:
        return ColumnProfile(EMPTY, **common)
    if not is_numeric:
        if known >= FEW_ROWS and facts["distinct"] > 0.5 * known:
            # Names and numbers of customers: nearly each stands once, so none is common and nothing can move
            return ColumnProfile(CATEGORY, **{**common, "top": [], "top_error": 0})
        values = [value for value, _ in facts["top"]]
        shares = _category_shares(texts, values)
        bins = {"values": values, "shares": shares.tolist(), "rows": len(texts)}
        return ColumnProfile(CATEGORY, **common, by_class=_classes_of_texts(texts, values[:5], left), bins=bins)
    numbers = as_numbers([text if text is not None else "" for text in texts])
    sample = numbers[~np.isnan(numbers)]
    common |= {name: facts[name] for name in ("mean", "minimum", "maximum")}
    if not len(sample):
        return ColumnProfile(NUMERIC, **common)
    edges = np.unique(np.quantile(sample, np.linspace(0, 1, BINS + 1)[1:-1]))
    bins = {"edges": edges.tolist(), "shares": _number_shares(numbers, edges).tolist(), "rows": len(numbers)}
    quantiles = {str(q): float(v) for q, v in zip(QUANTILES, np.quantile(sample, QUANTILES), strict=True)}
    quantiles["0.0"], quantiles["1.0"] = facts["minimum"], facts["maximum"]
    return ColumnProfile(
        NUMERIC,
        **common,
        quantiles=quantiles,
        histogram=_histogram(sample),
        outliers=_outliers(sample),
        by_class=_classes_of_numbers(numbers, left),
        bins=bins,
    )


def drift_since(before: ColumnProfile | None, now: ColumnProfile, cells: pd.Series) -> dict[str, object]:
    """How a column moved, its sampled cells [m] sorted into the bins of before. Unknown is a bin: emptier is a move too."""
    if before is None:
        return {"verdict": "new"}
    facts: dict[str, object] = {"fullness_before": before.fullness}
    if EMPTY in (now.kind, before.kind):
        return {**facts, "verdict": "same" if now.kind == before.kind else "moved_much"}
    if now.kind != before.kind:
        return {**facts, "verdict": "new_kind"}
    if not (before.bins and now.bins):
        return {**facts, "verdict": "not_compared"}
    n, m = int(before.bins["rows"]), len(cells)
    if min(n, m) < FEW_ROWS:
        return {**facts, "verdict": "too_few"}
    expected, texts = np.array(before.bins["shares"]), _texts(cells)
    if now.kind == NUMERIC:
        actual = _number_shares(as_numbers([text or "" for text in texts]), np.array(before.bins["edges"]))
    else:
        actual = _category_shares(texts, before.bins["values"])
    psi, js = stability_index(expected, actual, n, m), divergence(expected, actual)
    chance = chi_squared(0.999, max(1, int(((expected + actual) > 0).sum()) - 1)) * (1 / n + 1 / m)
    threshold = max(MOVED, chance)
    verdict = "same" if psi <= threshold else "moved_much" if psi > max(MOVED_MUCH, chance) else "moved"
    return {**facts, "psi": psi, "js": js, "threshold": threshold, "verdict": verdict}


def stability_index(expected: np.ndarray, actual: np.ndarray, n: int, m: int) -> float:
    """PSI of two rows of shares [k] of n and m rows; half a row stands in for an empty bin."""
    p, q = np.maximum(expected, 0.5 / n), np.maximum(actual, 0.5 / m)
    used = (expected + actual) > 0
    p, q = p[used] / p[used].sum(), q[used] / q[used].sum()
    return float(((p - q) * np.log(p / q)).sum())


def divergence(expected: np.ndarray, actual: np.ndarray) -> float:
    """Jensen and Shannon's divergence of two rows of shares [k], in bits: 0 (the same) to 1 (nothing in common)."""
    middle = (expected + actual) / 2
    parts = (
        np.where(s > 0, s * np.log2(np.where(s > 0, s, 1) / np.where(middle > 0, middle, 1)), 0)
        for s in (expected, actual)
    )
    return float(sum(part.sum() for part in parts) / 2)


@lru_cache(maxsize=256)
def chi_squared(share: float, degrees: int) -> float:
    """Quantile of chi-squared after Wilson and Hilferty (1931), within 3 % at the 99.9 % point."""
    from statistics import NormalDist

    a = 2 / (9 * degrees)
    return degrees * (1 - a + NormalDist().inv_cdf(share) * math.sqrt(a)) ** 3


# ---------------------------------------------------------------- parts


def _unknown(cell: object) -> bool:
    if cell is None or cell is pd.NA or cell is pd.NaT:
        return True
    if isinstance(cell, float | np.floating):
        return not math.isfinite(cell)
    return isinstance(cell, str) and cell.strip().casefold() in UNKNOWN_VALUES


def _texts(cells: pd.Series) -> list[str | None]:
    return [None if _unknown(cell) else _as_text(cell) for cell in cells]


def _as_text(cell: object) -> str:
    if isinstance(cell, float | np.floating):
        return number_text(float(cell))
    return str(cell).strip()


def _histogram(sample: np.ndarray) -> dict[str, list]:
    low, high = np.quantile(sample, [0.005, 0.995])
    if low == high:
        low, high = sample.min(), sample.max()
    if low + (high - low) / (2 * BINS) == low:  # one value, or so many digits that no bin lies between
        half = max(0.5, abs(low) / 100)
        low, high = low - half, low + half
    counts, edges = np.histogram(np.clip(sample, low, high), bins=BINS, range=(low, high))
    return {"edges": edges.tolist(), "counts": counts.tolist()}


def _outliers(sample: np.ndarray) -> dict[str, object]:
    """Values beyond both the modified z-score's and Tukey's far fences: a long tail alone is no row of outliers."""
    lower, median, upper = np.quantile(sample, [0.25, 0.5, 0.75])
    spread = 1.4826 * float(np.median(np.abs(sample - median)))
    reach = _FAR * (upper - lower)
    if spread == 0 or reach == 0:  # more than half the rows are alike: there is no measure of far
        return {"count": 0, "share": 0.0, "low": None, "high": None, "examples": []}
    low, high = min(median - _Z * spread, lower - reach), max(median + _Z * spread, upper + reach)
    far = sample[(sample < low) | (sample > high)]
    examples = sorted(set(far.tolist()), key=lambda value: -abs(value - median))[:5]
    return {
        "count": len(far), "share": len(far) / len(sample), "low": float(low), "high": float(high), "examples": examples,
    }  # fmt: skip


def _number_shares(numbers: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """Share of rows in each bin of float64 edges [e] (e + 1 of them), and last the share of unknown ones."""
    known = ~np.isnan(numbers)
    counts = np.bincount(np.searchsorted(edges, numbers[known], side="left"), minlength=len(edges) + 1)
    return np.append(counts, (~known).sum()) / max(1, len(numbers))


def _category_shares(texts: list[str | None], values: list[str]) -> np.ndarray:
    place = {value: i for i, value in enumerate(values)}
    counts = np.zeros(len(values) + 2)
    for text in texts:
        counts[-1 if text is None else place.get(text, len(values))] += 1
    return counts / max(1, len(texts))


def _classes_of_numbers(numbers: np.ndarray, left: np.ndarray | None) -> dict[str, dict]:
    found = {}
    for name, value in (("left", 1), ("stayed", 0)):
        part = numbers[left == value] if left is not None else np.empty(0)
        if not len(part):
            continue
        known = part[~np.isnan(part)]
        found[name] = {"n": len(part), "fullness": len(known) / len(part)}
        if len(known):
            found[name] |= {
                q: float(v)
                for q, v in zip(("q25", "median", "q75"), np.quantile(known, (0.25, 0.5, 0.75)), strict=True)
            }
    return found


def _classes_of_texts(texts: list[str | None], values: list[str], left: np.ndarray | None) -> dict[str, dict]:
    found = {}
    for name, value in (("left", 1), ("stayed", 0)):
        part = [texts[i] for i in np.flatnonzero(left == value)] if left is not None else []
        if part:
            known = sum(text is not None for text in part)
            shares = {v: part.count(v) / len(part) for v in values}
            found[name] = {"n": len(part), "fullness": known / len(part), "shares": shares}
    return found
