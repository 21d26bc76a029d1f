"""How good the product's probabilities are beside plain models: ``python -m benchmarks.quality FILE... --results var/quality``.

For each file, 5 x 5 repeated stratified folds, rows with equal columns in one fold. The whole engine learns from each
training part (``learning.fit``, with inner folds of its own) and scores the rest as customers it has never met; every peer
of ``benchmarks.peers`` does the same on the same rows. What each gave every row is kept in a JSON file a model after every fold,
so a run may be stopped and taken up again, and models may run side by side; ``--table`` prints the page of what there is.
"""

from __future__ import annotations

import argparse
import csv
import itertools
import json
import time
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.special import expit
from sklearn.model_selection import StratifiedGroupKFold
from threadpoolctl import threadpool_limits

from benchmarks import peers, quality_page
from customers.ingest import aliases, celltypes
from predictions import learning

FOLDS = 5
OURS = "churnguard"


# ---------------------------------------------------------------- the file, typed as an import types it


def read(path: Path, label: str) -> tuple[pd.DataFrame, np.ndarray]:
    """Frame (numbers float64, categories text or None) and label float64 [n]; ``label``: header, or "" for the last.

    Types are those that an import proposes; a category that differs for every row is a customer's number and is dropped.
    """
    with path.open(newline="", encoding="utf-8-sig") as file:
        headers, *rows = list(csv.reader(file))
    target = headers.index(label) if label else len(headers) - 1
    left = np.array([float(bool(aliases.flag_of(row[target]))) for row in rows])
    frame = {}
    for column in celltypes.sample_columns(headers, rows):
        if column.position == target:
            continue
        cells = pd.Series([row[column.position].strip() or None for row in rows], dtype=object)
        if celltypes.attribute_type(column) == celltypes.NUMBER:
            frame[column.header] = pd.to_numeric(cells, errors="coerce").astype("float64")
        elif column.distinct < len(rows):
            frame[column.header] = cells
    return pd.DataFrame(frame), left


def deal(frame: pd.DataFrame, label: np.ndarray, repeat: int) -> np.ndarray:
    """Fold (int64 [n]) of each row: scikit-learn's stratified folds, rows with equal columns together."""
    groups = pd.factorize(pd.util.hash_pandas_object(frame, index=False))[0]
    fold = np.empty(len(frame), dtype=np.int64)
    parts = StratifiedGroupKFold(FOLDS, shuffle=True, random_state=repeat).split(frame, label, groups)
    for number, (_, held) in enumerate(parts):
        fold[held] = number
    return fold


# ---------------------------------------------------------------- running


def ours(frame: pd.DataFrame, label: np.ndarray, other: pd.DataFrame, seed: int) -> tuple[np.ndarray, dict]:
    """Probabilities float64 [m] by the final model, and what served: its name and its trees."""
    fitted = learning.fit(frame, label, np.arange(len(frame)), seed=seed)
    scored = learning.score(fitted, other, len(frame) + np.arange(len(other)), top=0)
    assert not scored.unseen.any()
    trees = sum(len(grove.start) - 1 for _, grove in fitted.models[-1].groves)
    return expit(scored.logit), {"served": fitted.algorithm, "trees": trees}


def run(path: Path, label: str, name: str, repeats: int, store: Path) -> None:
    """Fit what is missing of one model, one fold after the other, and keep it in ``store``."""
    frame, left = read(path, label)
    done = json.loads(store.read_text()) if store.exists() else {}
    for repeat in range(repeats):
        fold = deal(frame, left, repeat) if any(f"{repeat}.{number}" not in done for number in range(FOLDS)) else None
        for number in range(FOLDS):
            if f"{repeat}.{number}" in done:
                continue
            held, seed = fold == number, repeat * FOLDS + number
            began, told = time.perf_counter(), {}
            if name == OURS:
                chance, told = ours(frame[~held], left[~held], frame[held], seed)
            else:
                chance = peers.PEERS[name][1](frame[~held], left[~held], frame[held], seed)
            seconds = time.perf_counter() - began
            done[f"{repeat}.{number}"] = {"seconds": seconds, **told, "chance": np.round(chance, 9).tolist()}
            loss = learning.evaluation.measure(left[held], chance)["log_loss"]
            print(path.stem, name, repeat, number, f"{loss:.4f} {seconds:.1f} s", told or "", flush=True)
            beside = store.with_suffix(".part")
            beside.write_text(json.dumps(done))
            beside.replace(store)


def tell(path: Path, label: str, repeats: int, folder: Path) -> str:
    """The file's section of the page, of what there is."""
    frame, left = read(path, label)
    names = {OURS: "**ChurnGuard**", **{name: title for name, (title, _) in peers.PEERS.items()}}
    stores = {name: folder / path.stem / f"{name}.json" for name in names}
    results = {name: json.loads(store.read_text()) for name, store in stores.items() if store.exists()}
    title = f"{path.name}: {len(left):,} rows, {frame.shape[1]} columns, {int(left.sum()):,} left"
    folds = {repeat: deal(frame, left, repeat) for repeat in range(repeats)}
    return quality_page.page(title, left, folds, results, names, OURS)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("files", type=Path, nargs="+", help="CSV files, one row a customer")
    parser.add_argument("--label", default="", help="header of the column that says who left; else the last one")
    parser.add_argument("--results", type=Path, default=Path("var/quality"), help="folder of the partial results")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--models", nargs="+", choices=[OURS, *peers.PEERS], default=[OURS, *peers.PEERS])
    parser.add_argument("--table", action="store_true", help="fit nothing; print the page of what there is")
    options = parser.parse_args()
    if options.table:
        for path in options.files:
            print(tell(path, options.label, options.repeats, options.results), end="\n\n")
        return
    with threadpool_limits(limits=1):
        for path, name in itertools.product(options.files, options.models):
            store = options.results / path.stem / f"{name}.json"
            store.parent.mkdir(parents=True, exist_ok=True)
            run(path, options.label, name, options.repeats, store)


if __name__ == "__main__":
    main()
