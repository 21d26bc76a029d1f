"""The tables of ``benchmarks/quality.md``, from what ``benchmarks.quality`` has kept so far.

Differences are paired by fold. Folds of a repeated cross-validation share most of their training rows, so the variance of
a mean over J folds is taken as (1/J + test/train) times that of the folds (Nadeau and Bengio 2003, "Inference for the
generalization error"; Bouckaert and Frank 2004 for repeats).
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from scipy.special import expit
from scipy.special import logit as log_odds
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression

from predictions.learning.evaluation import measure

# What is judged, in words, and whether more is better
JUDGED = {"log_loss": ("log loss", -1), "roc_auc": ("ROC AUC", 1), "brier": ("Brier", -1), "ece": ("ECE", -1)}
SHOWN = ("roc_auc", "pr_auc", "log_loss", "brier", "ece")
_CLIP = 1e-7
Folds = dict[int, np.ndarray]  # of each repeat, the fold (int64 [n]) of each row
Results = dict[str, dict[str, dict]]  # model -> "repeat.fold" -> {"chance", "seconds", ...}


def corrected_error(apart: np.ndarray, folds: int) -> float:
    """Standard error of the mean of differences (float64 [J]) over J folds, of ``folds`` a repeat; NaN for one."""
    if len(apart) < 2:
        return float("nan")
    return float(np.sqrt((1 / len(apart) + 1 / (folds - 1)) * apart.var(ddof=1)))


def figures(label: np.ndarray, folds: Folds, done: dict[str, dict]) -> dict[str, dict[str, float]]:
    """Every metric of every fold that is done: "repeat.fold" -> metric -> value."""
    out = {}
    for key, kept in done.items():
        repeat, number = map(int, key.split("."))
        out[key] = measure(label[folds[repeat] == number], np.array(kept["chance"]))
    return out


def page(title: str, label: np.ndarray, folds: Folds, results: Results, names: dict[str, str], ours: str) -> str:
    """One file's section in Markdown. Only folds that ours has done count, so that all means are of the same rows."""
    each = int(next(iter(folds.values())).max()) + 1
    done = results.get(ours) or {key: None for kept in results.values() for key in kept}
    results = {name: {key: kept[key] for key in kept if key in done} for name, kept in results.items()}
    measured = {name: figures(label, folds, results[name]) for name in names if results.get(name)}
    lines = [f"## {title}", "", "| model | folds | ROC AUC | PR AUC | log loss | Brier | ECE | slope | fit, s |"]
    lines.append("|---|---|---|---|---|---|---|---|---|")
    for name, by_fold in measured.items():
        means = [f"{np.mean([one[metric] for one in by_fold.values()]):.4f}" for metric in SHOWN]
        seconds = np.median([kept["seconds"] for kept in results[name].values()])
        slopes = [slope(label, chance) for _, chance in _whole_repeats(label, folds, results[name])]
        shown = f"{np.mean(slopes):.2f}" if slopes else "–"
        lines.append(f"| {names[name]} | {len(by_fold)} | {' | '.join(means)} | {shown} | {seconds:.1f} |")
    if ours in measured:
        lines += ["", *_differences(measured, names, ours, each), "", *_calibrations(label, folds, results[ours], each)]
    return "\n".join(lines)


def _differences(measured: dict, names: dict[str, str], ours: str, each: int) -> list[str]:
    """Ours minus each peer's on the folds that both have, and what follows for each goal."""
    lines = ["| ours minus | folds | " + " | ".join(f"Δ {words}" for words, _ in JUDGED.values()) + " |"]
    lines.append("|---|---|" + "---|" * len(JUDGED))
    against: dict[str, tuple[float, str, float, float]] = {}
    for name in (one for one in measured if one != ours):
        shared = sorted(measured[ours].keys() & measured[name].keys())
        if not shared:
            continue
        cells = []
        for metric, (_, sign) in JUDGED.items():
            apart = np.array([measured[ours][key][metric] - measured[name][key][metric] for key in shared])
            mean, error = float(apart.mean()), corrected_error(apart, each)
            cells.append(f"{mean:+.4f} ± {error:.4f}")
            if metric not in against or sign * mean < against[metric][0]:
                against[metric] = (sign * mean, names[name], mean, error)
        lines.append(f"| {names[name]} | {len(shared)} | {' | '.join(cells)} |")
    lines += ["", "| goal | strongest peer | ours minus it | verdict |", "|---|---|---|---|"]
    for metric, (lead, peer, mean, error) in against.items():
        lines.append(f"| {JUDGED[metric][0]} | {peer} | {mean:+.4f} ± {error:.4f} | {verdict(lead, error)} |")
    return lines


def verdict(lead: float, error: float) -> str:
    """lead: how far ours is ahead of the strongest peer (negative: behind), with its standard error."""
    if lead > 2 * error:
        return "**ahead** by more than two standard errors"
    if lead >= 0:
        return "met: ahead, not proven"
    return "met: within one standard error" if lead >= -error else "**missed**"


# ---------------------------------------------------------------- calibration


def slope(label: np.ndarray, chance: np.ndarray) -> float:
    """Slope of the outcome on the log odds: below 1, the probabilities are too sure (Cox 1958)."""
    margin = log_odds(np.clip(chance, _CLIP, 1 - _CLIP))[:, None]
    return float(LogisticRegression(C=np.inf).fit(margin, label).coef_[0, 0])


def _whole_repeats(label: np.ndarray, folds: Folds, done: dict[str, dict]) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """(fold, held-out chance), both [n], of every repeat of which each fold is done."""
    for repeat, fold in folds.items():
        keys = [f"{repeat}.{number}" for number in range(int(fold.max()) + 1)]
        if all(key in done for key in keys):
            chance = np.empty(len(label))
            for number, key in enumerate(keys):
                chance[fold == number] = done[key]["chance"]
            yield fold, chance


def _calibrations(label: np.ndarray, folds: Folds, done: dict[str, dict], each: int) -> list[str]:
    """Ours as it is, and mended by a map learned from the other folds' held-out probabilities."""
    maps = {"as served": None, "sigmoid of the log odds": _sigmoid, "isotonic": _isotonic}
    rows: dict[str, list[tuple[float, float, float]]] = {name: [] for name in maps}
    apart: dict[str, list[float]] = {name: [] for name in maps}
    for fold, chance in _whole_repeats(label, folds, done):
        for name, learn in maps.items():
            mended = chance.copy()
            for number in range(each if learn else 0):
                held = fold == number
                mended[held] = learn(chance[~held], label[~held], chance[held])
            now = measure(label, mended)
            rows[name].append((now["log_loss"], now["ece"], slope(label, mended)))
            for number in range(each):
                held = fold == number
                losses = [measure(label[held], one[held])["log_loss"] for one in (mended, chance)]
                apart[name].append(losses[0] - losses[1])
    if not rows["as served"]:
        return []
    lines = ["| calibration | log loss | minus as served | ECE, all rows | slope |", "|---|---|---|---|---|"]
    for name, figures_of in rows.items():
        loss, ece, bend = np.mean(figures_of, axis=0)
        gap = np.array(apart[name])
        shown = f"{gap.mean():+.4f} ± {corrected_error(gap, each):.4f}" if maps[name] else "–"
        lines.append(f"| {name} | {loss:.4f} | {shown} | {ece:.4f} | {bend:.3f} |")
    return lines


def _sigmoid(chance: np.ndarray, label: np.ndarray, other: np.ndarray) -> np.ndarray:
    margin, asked = (log_odds(np.clip(one, _CLIP, 1 - _CLIP))[:, None] for one in (chance, other))
    model = LogisticRegression(C=np.inf).fit(margin, label)
    return expit(model.decision_function(asked))


def _isotonic(chance: np.ndarray, label: np.ndarray, other: np.ndarray) -> np.ndarray:
    return IsotonicRegression(out_of_bounds="clip", y_min=0, y_max=1).fit(chance, label).predict(other)
