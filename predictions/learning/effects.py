"""What each column does in a model, measured on learned customers by the models that had not seen them.

``permutation_importance``: how much worse the chances get when a column is broken (Breiman 2001, "Random forests";
Fisher, Rudin and Dominici 2019, "All models are wrong, but many are useful"). Of two columns that say the same,
each covers for the other and both look small.

``dependence``: the mean chance as one column goes over its values and all others stay (Friedman 2001, "Greedy function
approximation"), with the band that single customers' curves fill (Goldstein et al. 2015, "Peeking inside the black
box"). It says what the model would say, not what would happen.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
from scipy.special import expit

from predictions.learning.columns import NUMERIC
from predictions.learning.evaluation import losses
from predictions.learning.features import Feature
from predictions.learning.fitted import Fitted

TOP = 8  # features whose dependence is told
POINTS = 20  # values of each
SPARSE = 30  # a point near which fewer customers lie than this is to be shown in grey
_ROWS = 10_000
_CURVES = 2_000  # customers whose curves are averaged
_FEWEST = (500, 200)  # rows and curves even where trees are many and columns too
_WORK = 1e8  # rows x trees that each of the two may cost: some two seconds
_TOGETHER = 5_000  # rows asked in one call
_REPEATS = {True: 5, False: 2}  # additive or not: tables cost next to nothing

Heartbeat = Callable[[], None]


def permutation_importance(
    fitted: Fitted, values: np.ndarray, label: np.ndarray, *, seed: int, heartbeat: Heartbeat = lambda: None
) -> list[dict[str, float | str]]:
    """For each feature, in their order: what log loss rises by when its values are dealt anew among held-out rows.

    values float64 [n, k] and label float64 [n]: the learned rows, in the order of ``fitted.learned_keys``.
    feature; loss_increase, the mean of folds and repeats; error, its standard error (over folds or over customers,
    whichever is the larger); share of all increases above nought.
    """
    in_trees, repeats = _in_trees(fitted), _REPEATS[fitted.is_additive]
    some = spread(len(values), _affordable(fitted, len(in_trees) * repeats, _ROWS, _FEWEST[0]))
    values, label, which = values[some], label[some], fitted.learned_folds[some].astype(np.int64)
    base, parts = fitted.additive_part(values, which)
    trees = fitted.tree_part(values, which)
    before = base + parts.sum(axis=1) + trees
    rng, told = np.random.default_rng(seed), []
    deals = [_dealt_within(which, rng) for _ in range(repeats)]
    broken = [(j, values[dealt, j]) for j in sorted(in_trees) for dealt in deals]
    answers = _asked(fitted, values, which, broken, heartbeat)  # taken below in this very order
    folds = np.bincount(which)
    for j, feature in enumerate(fitted.features):
        heartbeat()
        worse = np.zeros(len(values))
        for dealt in deals:
            after = before - parts[:, j] + parts[dealt, j]  # the same fold's model, so its part moves with the value
            if j in in_trees:
                after += next(answers) - trees
            worse += (losses(label, after) - losses(label, before)) / repeats
        means = np.bincount(which, worse)[folds > 0] / folds[folds > 0]
        over_rows = float(worse.std(ddof=1) / np.sqrt(len(worse)))
        over_folds = float(means.std(ddof=1) / np.sqrt(len(means))) if len(means) > 1 else 0.0
        told.append(
            {
                "feature": feature.name,
                "loss_increase": float(worse.mean()),
                "error": max(over_rows, over_folds),
            }
        )
    total = sum(max(row["loss_increase"], 0.0) for row in told)
    return [row | {"share": max(row["loss_increase"], 0.0) / total if total > 0 else 0.0} for row in told]


def dependence(
    fitted: Fitted, values: np.ndarray, chosen: Sequence[int], *, heartbeat: Heartbeat = lambda: None
) -> list[dict]:
    """How the chance goes along each chosen feature (positions); values float64 [n, k] as above.

    feature, kind; customers whose curves were averaged; average of their chances as they are; points; left_out (levels
    beyond the POINTS commonest). A point: kind "number", "level", "other" or "unknown"; value; chance, with low and
    high: where the middle 80 % of the curves run; n and share of customers nearest to it; density, share by unit of the
    column (numbers only, else None); sparse.
    """
    in_trees = _in_trees(fitted)
    some = spread(
        len(values), _affordable(fitted, len(in_trees.intersection(chosen)) * (POINTS + 1), _CURVES, _FEWEST[1])
    )
    rows, which = values[some], fitted.learned_folds[some].astype(np.int64)
    base, parts = fitted.additive_part(rows, which)
    trees = fitted.tree_part(rows, which)
    logit = base + parts.sum(axis=1) + trees
    told = []
    for j in chosen:
        heartbeat()
        feature = fitted.features[j]
        grid = _grid(feature, values[:, j])
        curves = (logit - parts[:, j])[:, None] + _effect(fitted, j, grid)[which]
        if j in in_trees:
            asked = [(j, np.full(len(rows), value)) for value in grid]
            curves += np.column_stack(list(_asked(fitted, rows, which, asked, heartbeat))) - trees[:, None]
        chance = expit(curves)
        low, high = np.quantile(chance, (0.1, 0.9), axis=0)
        told.append(
            {
                "feature": feature.name,
                "kind": feature.kind,
                "customers": len(rows),
                "average": float(expit(logit).mean()),
                "points": [
                    point | {"chance": float(mean), "low": float(least), "high": float(most)}
                    for point, mean, least, most in zip(
                        _points(feature, values[:, j], grid), chance.mean(axis=0), low, high, strict=True
                    )
                ],
                "left_out": max(0, len(feature.levels) - POINTS),
            }
        )
    return told


def _effect(fitted: Fitted, j: int, grid: np.ndarray) -> np.ndarray:
    """The tables' contribution of feature j at each value of the grid, by each model: float64 [models, grid]."""
    models = len(fitted.models)
    asked = np.repeat(fitted.encoder.reference[None, :], models * len(grid), axis=0)
    asked[:, j] = np.tile(grid, models)
    _, parts = fitted.additive_part(asked, np.repeat(np.arange(models), len(grid)))
    return parts[:, j].reshape(models, len(grid))


def _asked(
    fitted: Fitted, rows: np.ndarray, which: np.ndarray, asked: Sequence[tuple[int, np.ndarray]], heartbeat: Heartbeat
) -> Iterator[np.ndarray]:
    """What the trees add for the rows with one column replaced: float64 [rows] for each (column, its new values).

    Several are asked at a time, since of a few rows a call costs more than what it computes.
    """
    together = max(1, _TOGETHER // len(rows))
    for start in range(0, len(asked), together):
        heartbeat()
        some = asked[start : start + together]
        moved = np.tile(rows, (len(some), 1))
        for at, (j, column) in enumerate(some):
            moved[at * len(rows) : (at + 1) * len(rows), j] = column
        yield from fitted.tree_part(moved, np.tile(which, len(some))).reshape(len(some), len(rows))


def _grid(feature: Feature, column: np.ndarray) -> np.ndarray:
    """Values to ask about: levels, or numbers at evenly spaced ranks (all of them if few); NaN last if it was met."""
    if feature.kind == NUMERIC:
        known = np.unique(column[~np.isnan(column)])
        if len(known) > POINTS:
            ranks = np.linspace(0, 1, POINTS)
            known = np.unique(np.quantile(column[~np.isnan(column)], ranks, method="nearest"))
    else:
        kept = min(len(feature.levels), POINTS)
        known = np.arange(kept + 0.0)
        if feature.has_rare:
            known = np.r_[known, float(len(feature.levels))]
    return np.r_[known, np.nan] if np.isnan(column).any() else known


def _points(feature: Feature, column: np.ndarray, grid: np.ndarray) -> list[dict[str, object]]:
    """What each value of the grid is, and how many of the customers (column float64 [n]) lie nearest to it."""
    known = grid[~np.isnan(grid)]
    if feature.kind == NUMERIC:
        borders = (known[1:] + known[:-1]) / 2
        inside = column[~np.isnan(column)]
        counts = np.bincount(np.searchsorted(borders, inside), minlength=len(known))
        width = np.diff(np.r_[known[:1], borders, known[-1:]])
    else:
        counts = np.array([int((column == code).sum()) for code in known])
        width = np.zeros(len(known))
    points = []
    for value, n, wide in zip(known, counts, width, strict=True):
        text = feature.text(value)
        kind = "number" if feature.kind == NUMERIC else "other" if text is None else "level"
        # float32 is what features keep: its shortest writing is the number as the company wrote it
        point = {"kind": kind, "value": float(str(np.float32(value))) if kind == "number" else text}
        points.append(point | _seen(int(n), len(column), float(wide)))
    if len(known) < len(grid):
        points.append({"kind": "unknown", "value": None} | _seen(int(np.isnan(column).sum()), len(column), 0.0))
    return points


def _seen(n: int, of: int, width: float) -> dict[str, object]:
    return {"n": n, "share": n / of, "density": n / of / width if width > 0 else None, "sparse": n < SPARSE}


def _in_trees(fitted: Fitted) -> set[int]:
    """Positions of the features that some tree splits on, itself or in a sum."""
    used: set[int] = set()
    k = len(fitted.features)
    for model in fitted.models:
        for _, grove in model.groves:
            for column in np.unique(grove.column[grove.column >= 0]).tolist():
                used.update((column,) if column < k else grove.sums[column - k])
    return used


def _affordable(fitted: Fitted, asked: int, most: int, fewest: int) -> int:
    """Rows for which the trees can be asked so many times."""
    trees = max(sum(len(grove.start) - 1 for _, grove in model.groves) for model in fitted.models)
    return int(np.clip(_WORK / max(1, asked * trees), fewest, most))


def spread(n: int, most: int) -> np.ndarray:
    """At most so many row numbers, evenly spaced."""
    return np.unique(np.linspace(0, n - 1, min(most, n)).astype(np.int64))


def _dealt_within(which: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A permutation of the rows that keeps every row in its fold."""
    order = np.argsort(which, kind="stable")
    dealt = np.empty(len(which), dtype=np.int64)
    dealt[order] = np.lexsort((rng.random(len(which)), which))
    return dealt
