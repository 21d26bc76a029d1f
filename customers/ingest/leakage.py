"""Finds the columns that know the answer before a model learns from them, and those from which nothing can be learned.

A column that was written after the customer left (a reason, a score, a closing date) makes any model look brilliant and be
useless. Evidence decides, a name only lowers the bar: an honest column of a telephone company rarely tells leavers from
stayers with an AUC above 0.85, a column written afterwards nearly always does. On five public files the best honest columns
reach 0.64 to 0.80 alone.

Kaufman, Rosset, Perlich, Stitelman: Leakage in data mining, ACM TKDD 6(4), 2012. Hanley, McNeil: The meaning and use of the
area under a ROC curve, Radiology 143, 1982 (the intervals).
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from pandas.api import types

from .celltypes import date_order
from .profiles import as_numbers
from .readiness import half_width
from .schema import UNKNOWN_VALUES, normalise_header

QUARANTINE, WARN, SET_ASIDE = "quarantine", "warn", "set_aside"

KNOWS = 0.95  # AUC alone that no honest column of one customer reaches
KNOWS_BY_NAME = 0.85  # with a name of an outcome ("status", "score")
KNOWS_BY_LEAVING = 0.80  # with a name of leaving itself ("churn risk", "exit date")
SUSPECT, SUSPECT_BY_NAME = 0.85, 0.70  # worth a look
PURE = 0.98  # share of leavers among the filled cells that makes them "filled only for leavers"
DETERMINES = 0.95  # share of the label's entropy that the column takes away
MIN_EACH = 20  # leavers and stayers; with fewer a column is perfect by luck too easily
MOST_LEFT, MOST_STAYED = 10_000, 20_000  # rows looked at: the interval of an AUC is then within a hundredth
_FOLDS = 5
_BINS = 20
_ODDS = 20.0  # times the base odds of leaving
_LUCK = 1e-9  # chance, among a thousand columns and their values, below which purity is no luck

# Whole words, in the header's own form (lower case, no accents, camel case cut).
_LEAVING = re.compile(
    r"\b(churn\w*|attrit\w*|exit(ed|s)?|cancel\w*|resil\w*|desabon\w*|depart|departure|left|leav\w*|quit\w*|closed|closure"
    r"|clotur\w*|terminat(ed|ion)|deactivat\w*|disconnect\w*|unsubscri\w*|winback|lost|perdu\w*|parti|sortie)\b"
)
_OUTCOME = re.compile(
    r"\b(reason\w*|motif\w*|raison\w*|status|statut\w*|etat|score\w*|scoring|categor\w+|outcome|result\w*|predict\w*|proba\w*"
    r"|risk|risque|target|label|conver\w+|respon\w+|response|satisfaction|end date|date (de )?fin|fin|last (day|bill|invoice)"
    r"|final\w*|classifier|propensity)\b"
)
_IDENTIFIER = re.compile(
    r"\b(id|uid|uuid|num|numero|number|no|code|key|ref|reference|matricule|msisdn|phone|telephone|email|mail)\b"
)


@dataclass(frozen=True, slots=True)
class Finding:
    """One column. ``severity``: QUARANTINE (kept from models until a person overrules), WARN (learned from, shown), or
    SET_ASIDE (nothing to learn from). ``evidence``: numbers for the sentence.

    ``codes``, the weightiest first: knows_the_answer, filled_only_for_leavers, filled_only_for_stayers,
    set_only_for_leavers (other than its commonest value), determined_by_the_label, named_like_leaving,
    named_like_an_outcome, suspiciously_good; set aside: identifier, constant, near_unique_text, all_missing.

    ``evidence``: auc, auc_low, auc_high (95 %), left, stayed (customers looked at), purity, filled, filled_left (customers
    with a value, leavers among them, of all rows), coverage (share of leavers), base_rate, information (0 to 1), distinct.
    """

    column: str
    codes: tuple[str, ...]
    severity: str
    evidence: dict[str, float] = field(default_factory=dict)

    def as_dict(self) -> dict[str, object]:
        return {
            "column": self.column,
            "codes": list(self.codes),
            "severity": self.severity,
            "evidence": dict(self.evidence),
        }


def watch(
    frame: pd.DataFrame,
    label: Sequence[object] | np.ndarray | pd.Series,
    *,
    names: Mapping[str, str] | None = None,
    seed: int = 0,
) -> list[Finding]:
    """Look at every column of a frame (n x k, cells as text or typed) against who left.

    ``label`` [n]: 1 or True left, 0 or False stayed, None or NaN unknown (those rows are passed over). ``names``: column ->
    the header it had in the company's file, where it is called otherwise here. At most 30,000 rows are looked at, the same
    for the same seed. Findings stand in the order quarantine, warn, set_aside, then of the frame. With fewer than MIN_EACH
    leavers or stayers only what can be set aside without a label is found. Raises ValueError where lengths differ.
    """
    answer = _answer(label)
    if len(answer) != len(frame):
        raise ValueError(f"{len(frame)} rows and {len(answer)} labels")
    left, stayed = np.flatnonzero(answer == 1), np.flatnonzero(answer == 0)
    generator = np.random.default_rng(seed)
    judged = len(left) >= MIN_EACH and len(stayed) >= MIN_EACH
    if judged:
        rows = np.sort(np.concatenate([_some(left, MOST_LEFT, generator), _some(stayed, MOST_STAYED, generator)]))
    else:
        rows = _some(np.arange(len(frame)), MOST_STAYED, generator)
    sample = frame.iloc[rows] if len(rows) < len(frame) else frame
    truth = answer[rows]
    weight = np.where(truth == 1, len(left) / max(1, (truth == 1).sum()), len(stayed) / max(1, (truth == 0).sum()))
    folds = generator.integers(_FOLDS, size=len(rows))
    findings = []
    for position, column in enumerate(map(str, frame.columns)):
        cells = _Cells(sample.iloc[:, position])
        header = (names or {}).get(column, column)
        aside = _set_aside(cells, header)
        finding = _judge(cells, header, truth, weight, folds) if judged else None
        # Text written afterwards is quarantined even where, all different, nothing could be learned from it
        keeps_verdict = aside == ["near_unique_text"] and finding is not None and finding[1] == QUARANTINE
        if aside and not keeps_verdict:
            finding = (aside, SET_ASIDE, {"distinct": cells.distinct})
        if finding is not None:
            findings.append(Finding(column, tuple(finding[0]), finding[1], _rounded(finding[2])))
    return sorted(findings, key=lambda f: (QUARANTINE, WARN, SET_ASIDE).index(f.severity))


class _Cells:
    """A column as codes (int64 [n], -1 unknown), and as numbers (float64 [n], NaN unknown) where it is numbers or days."""

    def __init__(self, column: pd.Series) -> None:
        text = not types.is_numeric_dtype(column.dtype) and not types.is_datetime64_any_dtype(column.dtype)
        try:
            codes, levels = pd.factorize(column)
        except TypeError:  # cells that cannot be hashed, such as lists
            codes, levels = pd.factorize(column.map(str))
        if text:
            blank = np.array([_is_blank(level) for level in levels] + [True])
            codes = np.where(blank[codes], -1, codes)
        self.codes = codes
        self.known = codes >= 0
        used = np.unique(codes[self.known])
        self.distinct = len(used)
        self.numbers: np.ndarray | None = None
        numbers = self._as_numbers(levels, used, text)
        if numbers is not None:
            self.numbers = np.append(numbers, np.nan)[codes]
        self.is_text = text and numbers is None
        self.is_whole = numbers is not None and bool(np.all(numbers[used] == np.floor(numbers[used])))
        self.is_one_word = not any(" " in str(levels[code]).strip() for code in used[:200])

    def _as_numbers(self, levels: pd.Index, used: np.ndarray, text: bool) -> np.ndarray | None:
        if types.is_datetime64_any_dtype(levels.dtype):
            return levels.to_numpy("datetime64[s]").astype(np.float64) / 86_400
        if not text:
            numbers = np.asarray(levels, dtype=np.float64)
            return np.where(np.isfinite(numbers), numbers, np.nan)
        if not len(used):
            return None
        known = [str(levels[code]).strip() for code in used]
        if (order := date_order(known[:50])) is not None:
            days = pd.to_datetime(pd.Series(known), errors="coerce", dayfirst=order == "dmy", format="mixed")
            found = days.to_numpy("datetime64[s]").astype(np.float64) / 86_400
            found = np.where(days.isna(), np.nan, found)
        else:
            found = as_numbers(known)
        if np.isfinite(found).mean() < 0.95:
            return None
        numbers = np.full(len(levels), np.nan)
        numbers[used] = np.where(np.isfinite(found), found, np.nan)
        return numbers


def _is_blank(level: object) -> bool:
    return (
        level is None
        or (isinstance(level, float) and math.isnan(level))
        or str(level).strip().casefold() in UNKNOWN_VALUES
    )


def _answer(label: Sequence[object] | np.ndarray | pd.Series) -> np.ndarray:
    answer = pd.to_numeric(pd.Series(list(label), dtype=object), errors="coerce").to_numpy(dtype=float, na_value=np.nan)
    if not np.isin(answer[~np.isnan(answer)], (0.0, 1.0)).all():
        raise ValueError("a label is 1 (left), 0 (stayed) or unknown")
    return answer


def _some(rows: np.ndarray, most: int, generator: np.random.Generator) -> np.ndarray:
    return rows if len(rows) <= most else generator.choice(rows, most, replace=False)


def _set_aside(cells: _Cells, header: str) -> list[str]:
    """Why nothing could be learned from a column, or []."""
    known = int(cells.known.sum())
    if known == 0:
        return ["all_missing"]
    if cells.distinct == 1:
        gaps = len(cells.known) - known
        return ["constant"] if min(known, gaps) < 10 else []
    if known < 50 or cells.distinct < 0.5 * known:
        return []
    named = _IDENTIFIER.search(normalise_header(header)) is not None
    unique = cells.distinct >= 0.99 * known
    if cells.is_text:
        return ["identifier"] if unique and (named or cells.is_one_word) else ["near_unique_text"]
    # Measures are near unique too: numbers are customer numbers when whole, all different and named so, or without gaps
    values = cells.numbers[cells.known]
    counts = unique and cells.is_whole and np.nanmax(values) - np.nanmin(values) <= 1.25 * known
    return ["identifier"] if counts or (unique and cells.is_whole and named) else []


_Judged = tuple[list[str], str, dict[str, float]]


def _judge(cells: _Cells, header: str, truth: np.ndarray, weight: np.ndarray, folds: np.ndarray) -> _Judged | None:
    if cells.distinct == 0:
        return None
    auc = _auc_of(cells, truth, folds)
    left, stayed = float((truth == 1).sum()), float((truth == 0).sum())
    error = half_width(auc, left, stayed)
    evidence = {
        "auc": auc,
        "auc_low": max(0.5, auc - error),
        "auc_high": min(1.0, auc + error),
        "left": left,
        "stayed": stayed,
    }
    codes: list[str] = []
    by_leaving = _LEAVING.search(normalise_header(header)) is not None
    by_name = by_leaving or _OUTCOME.search(normalise_header(header)) is not None
    if auc >= (KNOWS_BY_LEAVING if by_leaving else KNOWS_BY_NAME if by_name else KNOWS):
        codes.append("knows_the_answer")
    pure, facts = _purity(cells, truth, weight, PURE if not by_name else 0.95)
    codes += pure
    evidence |= facts
    information = _information(cells, truth, weight)
    if information >= DETERMINES:
        codes.append("determined_by_the_label")
        evidence["information"] = information
    severity = QUARANTINE if codes else WARN
    if not codes and auc >= (SUSPECT_BY_NAME if by_name else SUSPECT):
        codes.append("suspiciously_good")
    if not codes:
        return None
    if by_name:
        codes.append("named_like_leaving" if by_leaving else "named_like_an_outcome")
    return codes, severity, evidence


def _auc_of(cells: _Cells, truth: np.ndarray, folds: np.ndarray) -> float:
    """How well the column alone tells leavers from stayers, 0.5 to 1: by rank, and by the rate of its levels (of its
    twentieths, for numbers) learned on the other folds; unknown is a level of its own."""
    best = 0.5
    if cells.numbers is not None:
        known = ~np.isnan(cells.numbers)
        if known.any():
            # Unknown once below and once above all numbers: "0 days to the end" and "no end" are both answers.
            for fill in (-np.inf, np.inf) if not known.all() else (0.0,):
                rank_auc = _auc(np.where(known, cells.numbers, fill), truth)
                best = max(best, rank_auc, 1 - rank_auc)
            edges = np.unique(np.quantile(cells.numbers[known], np.linspace(0, 1, _BINS + 1)[1:-1]))
            levels = np.where(known, np.searchsorted(edges, cells.numbers, side="left"), len(edges) + 1)
        else:
            levels = np.zeros(len(truth), dtype=np.int64)
    else:
        levels = cells.codes + 1
    return max(best, _auc(_rates(levels, truth, folds), truth))


def _rates(levels: np.ndarray, truth: np.ndarray, folds: np.ndarray) -> np.ndarray:
    """For each row (float64 [n]) the share of leavers in its level among the other folds, drawn to the mean by one row."""
    n_levels = int(levels.max()) + 1
    places = folds * n_levels + levels
    rows = np.bincount(places, minlength=_FOLDS * n_levels).reshape(_FOLDS, n_levels)
    left = np.bincount(places, weights=truth, minlength=_FOLDS * n_levels).reshape(_FOLDS, n_levels)
    other_rows, other_left = rows.sum(axis=0) - rows, left.sum(axis=0) - left
    rate = (other_left + truth.mean()) / (other_rows + 1)
    return rate[folds, levels]


def _auc(score: np.ndarray, truth: np.ndarray) -> float:
    """Area under the ROC curve by midranks (Mann, Whitney)."""
    order = np.argsort(score, kind="stable")
    ordered = score[order]
    firsts = np.flatnonzero(np.append(True, ordered[1:] != ordered[:-1]))
    ends = np.append(firsts[1:], len(ordered))
    ranks = np.repeat((firsts + ends + 1) / 2, ends - firsts)
    left = truth[order] == 1
    n_left, n_stayed = left.sum(), (~left).sum()
    return float((ranks[left].sum() - n_left * (n_left + 1) / 2) / (n_left * n_stayed))


def _purity(cells: _Cells, truth: np.ndarray, weight: np.ndarray, pure: float) -> tuple[list[str], dict[str, float]]:
    """Cells that are there for leavers only, or for stayers only and for all of them."""
    total, left = weight.sum(), weight[truth == 1].sum()
    base = left / total
    masks = []
    if not cells.known.all():
        masks.append(("filled_only_for_leavers", cells.known))
    counts = np.bincount(cells.codes[cells.known], weights=weight[cells.known])
    usual = int(np.argmax(counts))
    if cells.distinct > 1 and counts[usual] > 0.5 * total:
        masks.append(("set_only_for_leavers", cells.known & (cells.codes != usual)))
    for code, mask in masks:
        filled, filled_left = weight[mask].sum(), weight[mask & (truth == 1)].sum()
        facts = {"filled": filled, "filled_left": filled_left, "base_rate": base, "coverage": filled_left / left}
        facts["purity"] = filled_left / filled if filled else 0.0
        seen = int((mask & (truth == 1)).sum())
        enough = seen >= 10 and seen * math.log(base) < math.log(_LUCK)
        if (
            enough
            and facts["purity"] >= pure
            and facts["coverage"] >= 0.01
            and _odds(facts["purity"]) >= _ODDS * _odds(base)
        ):
            return [code], facts
        if code == "filled_only_for_leavers" and filled:
            # A next renewal, say: everybody who stays has one, nobody who left. Both ways, or it may be a mere privilege.
            of_stayers = (filled - filled_left) / (total - left)
            if facts["purity"] <= 1 - pure and of_stayers >= 0.95 and facts["coverage"] <= 0.05:
                return ["filled_only_for_stayers"], facts
    return [], {}


def _odds(share: float) -> float:
    return share / (1 - share) if share < 1 else math.inf


def _information(cells: _Cells, truth: np.ndarray, weight: np.ndarray) -> float:
    """Share (0 to 1) of the label's entropy that knowing the column takes away; few levels only, else 0.

    Levels seen fewer than five times are counted together, so that rarity is not taken for knowledge.
    """
    if not 2 <= cells.distinct + (not cells.known.all()) <= 50:
        return 0.0
    levels = cells.codes + 1
    rare = np.bincount(levels) < 5
    levels = np.where(rare[levels], 0, levels)
    rows = np.bincount(levels, weights=weight)
    left = np.bincount(levels, weights=weight * truth, minlength=len(rows))
    share = np.divide(left, rows, out=np.zeros_like(left), where=rows > 0)
    whole = _entropy(np.array([left.sum() / rows.sum()]))[0]
    return float(1 - (rows * _entropy(share)).sum() / rows.sum() / whole) if whole > 0 else 0.0


def _entropy(share: np.ndarray) -> np.ndarray:
    inside = np.clip(share, 1e-300, 1 - 1e-16)
    return np.where((share <= 0) | (share >= 1), 0.0, -inside * np.log(inside) - (1 - inside) * np.log1p(-inside))


def _rounded(evidence: dict[str, float]) -> dict[str, float]:
    return {name: round(float(value), 4) for name, value in evidence.items()}
