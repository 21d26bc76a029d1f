"""A million customers scored, beside the floor of the same run: ``python -m benchmarks.scoring [--rows 1000000]``.

Runs on the server that DATABASE_URL names, else on SQLite. Every measurement is a process of its own. The floor is a bare
reading of the champion's columns (COPY out, or the driver's rows), its fastest exact prediction on ready arrays, and a
bare writing of two numbers a customer (COPY in, or executemany) to a table without an index. Ours is the whole job:
out-of-fold for learned customers, roll-up, the columns that lists filter by, indexes, keys that cannot cross companies,
without reasons and with the three strongest of everybody. ``--trees`` puts deeper trees in charge instead of the additive
blend. The source's way, on so many customers as ``--source`` says, is a default forest on a one-hot frame of ORM objects and
``bulk_update``. At the end one customer is scored at a time through the API, beside a request that does nothing.
"""

from __future__ import annotations

import argparse
import functools
import os
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

from .databases import Databases
from .steps import OWNER, call, run

_LEARNED = 20_000
_REQUESTS = 300


_call = functools.partial(call, "scoring")


# ---------------------------------------------------------------- one step, in its own process


def _load(options: argparse.Namespace) -> dict:
    from core import bulk
    from customers.models import Customer, Subscription

    from . import floors
    from .table_files import write_pair

    folder = Path(options.folder)
    first, changed = write_pair(folder, rows=options.rows)
    floors.load_ready_rows(first, keep=True)
    bulk.analyse(Customer, Subscription)
    first.unlink()
    changed.unlink()
    return {}


def _train(options: argparse.Namespace) -> dict:
    """The product's own training on some of the customers, with the runners that the measurement is about."""
    from predictions import services
    from predictions.learning import race
    from predictions.learning.blend import Verdict
    from predictions.services import training

    kept = {"logistic", "trees_15"} if options.trees else {"logistic", "splines", "stumps"}
    every = race.runners
    race.runners = lambda rows: tuple(c for c in every(rows) if c.name in kept)
    if options.trees:
        race.judge = lambda additive, free: Verdict(False, 0.0, 0.0, 0.0)
    training.MAX_TRAINING_ROWS = _LEARNED
    version = services.train_model(run_id=services.open_training().pk, follow=False)
    return {"algorithm": version.algorithm}


def _spent() -> float:
    """Seconds of processor that this process and, where it runs on this machine, its database server have used."""
    import resource

    from django.db import connection

    used = resource.getrusage(resource.RUSAGE_SELF)
    ours = used.ru_utime + used.ru_stime
    if connection.vendor != "postgresql":
        return ours
    from core import bulk

    [(backend,)] = bulk.fetch("SELECT pg_backend_pid()")
    try:
        server = _ticks(backend)
        helpers = _ticks(int(server[1]))  # those of index builds end as children of the server's first process
    except OSError:
        return ours
    return ours + (int(server[11]) + int(server[12]) + int(helpers[13]) + int(helpers[14])) / os.sysconf("SC_CLK_TCK")


def _ticks(process: int) -> list[str]:
    return Path(f"/proc/{process}/stat").read_text(encoding="ascii").rpartition(")")[2].split()


def _floor(options: argparse.Namespace) -> dict:
    """Read bare, predict on ready arrays, write bare."""
    import numpy as np
    import pandas as pd
    from django.db import connection, transaction
    from scipy.special import expit

    from core import bulk, columnar
    from customers import selectors as customers
    from customers.models import Customer
    from predictions import selectors, services
    from predictions.learning.tabulated import Tabulated

    fitted = services.load_model(selectors.champion())
    engine, names = Tabulated(fitted), [f.name for f in fitted.features]
    frames = customers.feature_frames(only=names, as_categories=True)
    ready = [(frame["id"].to_numpy(), fitted.encoder.encode(frame)) for frame in frames]
    parts, spent = {}, _spent()

    def timed(name: str, work: Callable[[], object]) -> object:
        began = time.perf_counter()
        result = work()
        parts[name] = time.perf_counter() - began
        return result

    plan = {f.name for f in Customer._meta.get_field("subscription").related_model._meta.local_fields}
    paths = [f"subscription__{name}" if name in plan else name for name in names]
    asked = Customer.objects.order_by().values_list("id", "churn_label", *paths)
    sql, params = asked.query.sql_with_params()

    def read() -> None:
        with connection.cursor() as cursor:
            if connection.vendor == "sqlite":
                cursor.execute(sql, params)
                cursor.fetchall()
            else:
                with cursor.cursor.copy(f"COPY ({sql}) TO STDOUT (FORMAT csv)", params) as copy:
                    for _row in copy:
                        pass

    def predict() -> pd.Series:
        return [expit(engine.logit(values, fitted.which(keys))) for keys, values in ready]

    timed("read", read)
    risks = timed("predict", predict)
    kind = "bigint, risk double precision" if connection.vendor == "postgresql" else "integer, risk real"

    def write() -> None:
        with transaction.atomic():
            bulk.run(f"CREATE TABLE floor_scores (customer_id {kind})")
            for (keys, _), risk in zip(ready, risks, strict=True):
                columnar.insert("floor_scores", {"customer_id": keys, "risk": risk})

    timed("write", write)
    spent = _spent() - spent
    bulk.run("DROP TABLE floor_scores")
    assert sum(map(len, risks)) == np.sum([len(keys) for keys, _ in ready])
    return {"seconds": sum(parts.values()), "cpu": spent, **parts, "rows": sum(map(len, risks))}


def _ours(options: argparse.Namespace) -> dict:
    """The whole job, with the longest time for which its row showed one and the same progress."""
    from core import jobs
    from predictions import services

    seen = [0.0]
    _warm()
    run = services.require_scoring()
    began, spent = time.perf_counter(), _spent()
    shown: list[float] = []

    def watch(job) -> None:
        seen.append(time.perf_counter() - began)
        if job.is_current and not shown:
            shown.extend((seen[-1], _spent() - spent))

    with jobs.watching(watch):
        run = services.score_customers(run_id=run.pk, follow=False, reasons=options.reasons)
    seconds, used = time.perf_counter() - began, _spent() - spent
    gap = max(later - earlier for earlier, later in zip(seen, [*seen[1:], seconds], strict=True))
    return {"seconds": seconds, "cpu": used, "shown": shown[0], "shown_cpu": shown[1], "gap": gap, "rows": run.scored}


def _warm() -> None:
    """What a worker has read before its first job: pages' addresses for the bell, Arrow."""
    import pyarrow.csv  # noqa: F401
    from django.urls import reverse

    reverse("dashboard:dashboard")


def _source(options: argparse.Namespace) -> dict:
    """ORM objects to a frame, one-hot, the default forest, ``bulk_update``; the forest is fitted before the clock starts."""
    import pandas as pd
    from sklearn.ensemble import RandomForestClassifier

    from customers import selectors as customers
    from customers.models import Customer
    from predictions import selectors
    from predictions.models import Score

    run = selectors.current_run()
    names = list(customers.FEATURES)
    plan = {f.name for f in Customer._meta.get_field("subscription").related_model._meta.local_fields}

    def one_hot(rows: list[Customer]) -> pd.DataFrame:
        cells = [{n: getattr(c.subscription if n in plan else c, n) for n in names} for c in rows]
        frame = pd.DataFrame(cells)
        for name in ("monthly_charges", "total_charges"):
            frame[name] = frame[name].astype(float)
        return pd.get_dummies(frame).fillna(0)

    base = Customer.objects.select_related("subscription").order_by("pk")
    few = list(base[:_LEARNED])
    learned = one_hot(few)
    forest = RandomForestClassifier(random_state=0).fit(learned, [bool(c.churn_label) for c in few])
    began = time.perf_counter()
    rows = list(base[: options.source])
    chance = forest.predict_proba(one_hot(rows).reindex(columns=learned.columns, fill_value=0))[:, 1]
    kept = {row.customer_id: row for row in Score.objects.filter(run=run, customer_id__lte=rows[-1].pk)}
    for customer, risk in zip(rows, chance.tolist(), strict=True):
        kept[customer.pk].risk = risk
    Score.objects.bulk_update(kept.values(), ["risk"], batch_size=1000)
    return {"seconds": time.perf_counter() - began, "rows": len(rows)}


def _one_at_a_time(options: argparse.Namespace) -> dict:
    """Scores with reasons through the API, beside a request that does nothing."""
    from django.test import Client

    from customers.models import Customer
    from tenants.models import User

    client = Client(headers={"host": "localhost"})
    client.force_login(User.objects.get(email=OWNER))
    numbers = list(Customer.objects.order_by("external_id").values_list("external_id", flat=True)[:_REQUESTS])
    fields = {"contract": "Month-to-month", "tenure": 3, "monthly_charges": 89.5, "internet_service": "Fiber optic"}
    works = {
        "nothing": lambda number: client.get("/livez"),
        "customer": lambda number: client.post("/api/score", {"customer": number}, "application/json"),
        "stranger": lambda number: client.post("/api/score", {"fields": fields}, "application/json"),
    }
    taken: dict[str, list[float]] = {name: [] for name in works}
    for number in [*numbers[:10], *numbers]:
        for name, work in works.items():
            began = time.perf_counter()
            answer = work(number)
            taken[name].append(time.perf_counter() - began)
            if answer.status_code != 200:
                raise RuntimeError(f"{name} answered {answer.status_code}: {answer.content[:300]}")
    return {name: sorted(times[10:])[int(0.95 * len(numbers))] for name, times in taken.items()}


_STEPS = {
    "load": _load,
    "train": _train,
    "floor": _floor,
    "ours": _ours,
    "source": _source,
    "one": _one_at_a_time,
}


# ---------------------------------------------------------------- all of them, and the tables


def _measure(options: argparse.Namespace) -> None:
    flags = {"trees": True} if options.trees else {}
    with Databases() as databases:
        environment = databases.fresh()
        _call("load", environment, rows=options.rows, folder=databases.folder)
        champion = _call("train", environment, **flags)["algorithm"]
        print(f"\n{options.rows:,} customers, {champion}, {os.cpu_count()} cores, Python {sys.version.split()[0]}\n")
        print("| | floor, s | (read, predict, write) | of processor | all scores shown, s | of processor | ratio "
              "| of processor | lists sorted too, s | ratio | memory, MB | longest gap, s |")  # fmt: skip
        print("|---|---|---|---|---|---|---|---|---|---|---|---|", flush=True)
        ratios: dict[str, list[tuple[float, ...]]] = {"without reasons": [], "three reasons of everybody": []}
        for _ in range(options.repeats):
            floor = _call("floor", environment)
            for title, wanted in (("without reasons", {}), ("three reasons of everybody", {"reasons": True})):
                ours = _call("ours", environment, **wanted)
                ratios[title].append(
                    (
                        ours["shown"] / floor["seconds"],
                        ours["shown_cpu"] / floor["cpu"],
                        ours["seconds"] / floor["seconds"],
                    )
                )
                _print_row(title, floor, ours, ratios[title][-1])
        for title, found in ratios.items():
            wall, cpu, whole = (statistics.median(column) for column in zip(*found, strict=True))
            print(f"| {title}, median | | | | | | **{wall:.2f}** | **{cpu:.2f}** | | {whole:.2f} | | |", flush=True)
        print(f"\n{floor['engine']}.\n")
        if options.source:
            _print_source(options, environment, databases)
        one = _call("one", environment)
        print(
            f"\nOne at a time, p95: nothing {1000 * one['nothing']:.1f} ms, a customer of the base "
            f"{1000 * one['customer']:.1f} ms, a stranger {1000 * one['stranger']:.1f} ms."
        )


def _print_row(title: str, floor: dict, ours: dict, ratio: tuple[float, ...]) -> None:
    parts = ", ".join(f"{floor[name]:.1f}" for name in ("read", "predict", "write"))
    print(
        f"| {title} | {floor['seconds']:.1f} | {parts} | {floor['cpu']:.1f} | {ours['shown']:.1f} | {ours['shown_cpu']:.1f} "
        f"| {ratio[0]:.2f} | {ratio[1]:.2f} | {ours['seconds']:.1f} | {ratio[2]:.2f} | {ours['peak']:,.0f} | {ours['gap']:.1f} |",
        flush=True,
    )


def _print_source(options: argparse.Namespace, environment: dict[str, str], databases: Databases) -> None:
    """Side by side in a base of that size."""
    small = databases.fresh()
    _call("load", small, rows=options.source, folder=databases.folder)
    _call("train", small)
    ours = [_call("ours", small, reasons=True) for _ in range(5)]
    theirs = _call("source", small)["seconds"]
    shown, whole = (statistics.median(run[name] for run in ours) for name in ("shown", "seconds"))
    print(
        f"{options.source:,} customers: in force with reasons after {shown:.2f} s, all four lists sorted after {whole:.2f}; the "
        f"source's way, risks only, {theirs:.1f} s: {theirs / shown:.0f} and {theirs / whole:.0f} times as long."
    )
    databases.forget(small)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--source", type=int, default=100_000, help="customers for the source's way; 0 leaves it out")
    parser.add_argument("--trees", action="store_true", help="deeper trees in charge instead of the additive blend")
    parser.add_argument("--step", choices=_STEPS, help=argparse.SUPPRESS)
    parser.add_argument("--folder", help=argparse.SUPPRESS)
    parser.add_argument("--reasons", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.step:
        run(_STEPS, options)
    else:
        _measure(options)


if __name__ == "__main__":
    main()
