"""A large file through the product's own door, beside its floor: ``python -m benchmarks.import_rows [--rows 1000000]``.

Runs on the server that DATABASE_URL names, else on SQLite. Every measurement is a process of its own. The floor of new
rows is the file parsed by Arrow and its ready rows put into our own indexed tables by COPY or executemany, in a database of
its own; the floor of rows that are known is an upsert of all of them. Ours goes from ``open_import`` (which copies the
file) to the end of ``run_import``, in which the file is read by its limited child, cleaned, compared and written, batch
by batch, with what it changed kept for undo, while the site is asked for pages. ``attended`` adds the dry run that a
person would look at.
"""

from __future__ import annotations

import argparse
import functools
import os
import sys
import time
from pathlib import Path

from .databases import Databases
from .steps import OWNER, call, run

_ROWS = 1_000_000


_call = functools.partial(call, "import_rows")


# ---------------------------------------------------------------- one step, in its own process


def _write_files(options: argparse.Namespace) -> dict:
    from .table_files import write_pair

    write_pair(Path(options.file), rows=options.rows)
    return {}


def _floor(options: argparse.Namespace) -> dict:
    from . import floors

    began = time.perf_counter()
    floors.load_ready_rows(Path(options.file), keep=True)
    return {"seconds": time.perf_counter() - began}


def _floor_again(options: argparse.Namespace) -> dict:
    from . import floors

    began = time.perf_counter()
    floors.write_ready_rows_again(Path(options.file))
    return {"seconds": time.perf_counter() - began}


def _alone(options: argparse.Namespace) -> dict:
    """Unattended: read and written by one job."""
    from customers import services

    child = _measure_child()
    began = time.perf_counter()
    run = services.open_import(path=Path(options.file))
    opened = time.perf_counter() - began
    with _beside(run) as seen:
        began = time.perf_counter()
        run = services.run_import(import_id=run.pk, follow=False)
        seconds = opened + time.perf_counter() - began
    counts = {name: getattr(run, f"rows_{name}") for name in ("created", "updated", "unchanged", "refused")}
    return {"seconds": seconds, **child, **counts, **seen}


def _attended(options: argparse.Namespace) -> dict:
    """A person agrees to the columns, looks at the dry run, and agrees: three stretches of work."""
    from customers import services

    child = _measure_child()
    stretches = {}

    def stretch(name: str, work) -> None:
        began = time.perf_counter()
        work()
        stretches[name] = stretches.get(name, 0.0) + time.perf_counter() - began

    runs = []
    stretch("read", lambda: runs.append(services.open_import(path=Path(options.file), attended=True)))
    run = runs[0]
    with _beside(run) as seen:
        stretch("read", lambda: services.run_import(import_id=run.pk, follow=False))
        run.refresh_from_db()
        services.map_import(run=run, mapping=run.mapping, actor=None)
        stretch("check", lambda: services.run_import(import_id=run.pk, follow=False))
        run.refresh_from_db()
        services.agree_import(run=run, actor=None)
        stretch("write", lambda: services.run_import(import_id=run.pk, follow=False))
    run.refresh_from_db()
    if (run.rows_created, run.preview["created"]) != (run.total_rows, run.total_rows):
        raise RuntimeError(f"not all rows are new: {run.result()}")
    return {"seconds": sum(stretches.values()), **stretches, **child, **seen}


def _beside(run):
    """The import watched from beside, by a member of the company."""
    from tenants.models import User

    from .watching import watched

    return watched(run.pk, User.objects.get(email=OWNER).pk)


def _measure_child() -> dict:
    """Seconds and peak memory of the limited child are put here when it has read the file."""
    from customers.services import reading

    seen: dict = {}
    normalise = reading.sandbox.normalise

    def timed(*arguments, **options):
        began = time.perf_counter()
        table = normalise(*arguments, **options)
        seen.update(child_seconds=time.perf_counter() - began, child_peak=table.peak_memory)
        return table

    reading.sandbox.normalise = timed
    return seen


_STEPS = {"files": _write_files, "floor": _floor, "floor_again": _floor_again, "alone": _alone, "attended": _attended}


# ---------------------------------------------------------------- all of them, and the tables


def _measure(options: argparse.Namespace) -> None:
    with Databases() as databases:
        environment = databases.fresh()
        _call("files", environment, file=databases.folder, rows=options.rows)
        first, changed = databases.folder / "customers.csv", databases.folder / "changed.csv"
        print(f"\n{options.rows:,} rows x 21 columns, {first.stat().st_size / 2**20:,.0f} MB, {_machine()}\n")
        print("| | floor, s | ours, s | ratio | child, s | memory, MB | of the child | longest gap, s "
              "| page, p95 ms | /livez | small write |")  # fmt: skip
        print("|---|---|---|---|---|---|---|---|---|---|---|", flush=True)
        for _ in range(options.repeats):
            floor = _call("floor", environment, file=first)
            again = _call("floor_again", environment, file=first)
            databases.forget(environment)
            ours = databases.fresh()
            for title, path, least in (
                ("all new", first, floor),
                ("again, nothing changed", first, again),
                ("a tenth changed", changed, again),
            ):
                _print_row(title, _call("alone", ours, file=path), least)
            databases.forget(ours)
            ours = databases.fresh()
            attended = _call("attended", ours, file=first)
            _print_row("all new, attended", attended, floor)
            databases.forget(ours)
            environment = databases.fresh()
        print(
            f"\nAttended: read {attended['read']:.1f} s, dry run {attended['check']:.1f} s, write {attended['write']:.1f} s."
            f" {floor['engine']}."
        )


def _print_row(title: str, ours: dict, floor: dict) -> None:
    cells = [
        title,
        f"{floor['seconds']:.1f}",
        f"{ours['seconds']:.1f}",
        f"{ours['seconds'] / floor['seconds']:.2f}",
        f"{ours['child_seconds']:.1f}",
        f"{ours['peak']:,.0f}",
        f"{ours['child_peak'] / 2**20:,.0f}",
        f"{ours['gap']:.1f}",
        *(f"{1000 * ours[f'{name}_p95']:.0f}" for name in ("page", "livez", "write")),
    ]
    print(f"| {' | '.join(cells)} |", flush=True)


def _machine() -> str:
    return f"{os.cpu_count()} cores, Python {sys.version.split()[0]}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=_ROWS)
    parser.add_argument("--repeats", type=int, default=1)
    parser.add_argument("--step", choices=_STEPS, help=argparse.SUPPRESS)
    parser.add_argument("--file", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.step:
        run(_STEPS, options)
    else:
        _measure(options)


if __name__ == "__main__":
    main()
