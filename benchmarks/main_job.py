"""The main job (import, train, score) beside its floors: ``python -m benchmarks.main_job [--sizes 10000 100000]``.

Runs on the database that DATABASE_URL names, else on a SQLite file of its own, in a company made for the run. Prints a
table in Markdown. The floors are the least that any program could do on the same machine in the same minute:

- import: parse the same file with Arrow, and put its ready rows into the same indexed tables by the engine's bulk path;
- load again: the same parse, and an upsert of all ready rows, whether they changed or not;
- train: the source's forest, five folds and one final fit, on a ready one-hot matrix, with no measures and no choice;
- score: read the columns by one statement, predict with the same model on ready values, write risk by the bulk path.
"""

from __future__ import annotations

import argparse
import gc
import os
import resource
import sys
import tempfile
import time
import uuid
from collections.abc import Callable
from pathlib import Path


def _prepare() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "churnguard.settings")
    os.environ["VAR_DIR"] = tempfile.mkdtemp(prefix="churnguard-benchmark-")
    import django

    django.setup()
    from django.core.management import call_command

    call_command("migrate", verbosity=0)


def clock(work: Callable[[], object], repeats: int = 1) -> tuple[float, object]:
    """The best of some runs, in seconds, and the last result."""
    best, result = float("inf"), None
    for _ in range(repeats):
        gc.collect()
        began = time.perf_counter()
        result = work()
        best = min(best, time.perf_counter() - began)
    return best, result


def measure(size: int) -> list[tuple[str, float, float]]:
    """Rows of (step, product's seconds, floor's seconds) for one size."""
    from customers import samples
    from customers import services as customers
    from predictions import selectors
    from predictions import services as predictions
    from tenants import services as tenants
    from tenants.scoping import tenant_scope

    from . import floors

    folder = Path(tempfile.mkdtemp(prefix="churnguard-benchmark-"))
    path = samples.write_sample_file(path=folder / "customers.csv", customers=size, seed=11)
    slug = f"bench-{uuid.uuid4().hex[:8]}"
    tenant = tenants.create_company(slug=slug, name=slug)
    rows = []
    with tenant_scope(tenant):

        def bring() -> object:
            return customers.run_import(import_id=customers.open_import(path=path).pk, follow=False)

        floor, _ = clock(lambda: floors.load_ready_rows(path))
        ours, _ = clock(bring)
        rows.append(("import, all new", ours, floor))
        ours, _ = clock(bring, 2)
        floor, _ = clock(lambda: floors.write_ready_rows_again(path), 2)
        rows.append(("import again, nothing changed", ours, floor))
        samples.record_sample_history(customers=size, seed=11)
        floor, _ = clock(floors.forest_on_ready_matrix)
        ours, _ = clock(lambda: predictions.train_model(run_id=predictions.open_training().pk, follow=False))
        rows.append(("train (nine candidates, five folds, measures)", ours, floor))
        fitted = predictions.load_model(selectors.champion())
        floor, _ = clock(lambda: floors.bare_scoring(fitted), 2)
        ours, _ = clock(lambda: predictions.score_customers(run_id=predictions.require_scoring().pk, follow=False), 2)
        rows.append(("score everybody, three reasons each", ours, floor))
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", type=int, nargs="+", default=[10_000, 100_000])
    options = parser.parse_args()
    _prepare()
    from django.db import connection

    print(f"\n{connection.display_name}, {os.cpu_count()} cores, Python {sys.version.split()[0]}\n")
    print("| customers | step | s | floor, s | ratio |")
    print("|---|---|---|---|---|")
    for size in options.sizes:
        for step, ours, floor in measure(size):
            print(f"| {size:,} | {step} | {ours:.2f} | {floor:.2f} | {ours / floor:.1f} |", flush=True)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"\nPeak memory {peak:,.0f} MB.")


if __name__ == "__main__":
    main()
