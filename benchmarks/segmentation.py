"""A million customers divided into segments, beside the floor of the same run: ``python -m benchmarks.segmentation``.

Runs on the server that DATABASE_URL names, else on SQLite. Every measurement is a process of its own. The floor is a bare
reading of the five features (COPY out, or the driver's rows), the fastest k-means of equal quality on ready arrays (ten
starts on 50,000 rows, one pass over everybody), and a bare writing of two numbers a customer (COPY in, or executemany) to a
table without an index. Ours goes from the claim to the moment at which everybody's segment is in force: log and scale,
imputation, lasting names, portraits, stakes, keys that cannot cross companies, the index. After that the same job gives
customers their personas and looks at other numbers of segments; that is told beside. At the end each endpoint is asked.
"""

from __future__ import annotations

import argparse
import functools
import os
import statistics
import sys
import time

from .databases import Databases
from .steps import OWNER, call, run

_K = 5
_ENDPOINTS = ("cluster_distribution", "feature_importance", "cluster_profiles", "segment_details")


_call = functools.partial(call, "segmentation")


# ---------------------------------------------------------------- one step, in its own process


def _load(options: argparse.Namespace) -> dict:
    """Customers with an age, and one month of use each: five groups of unequal size, heavy tails, a twentieth unknown."""
    import numpy as np
    from django.db import transaction

    from core import bulk
    from customers.models import Customer, UsageRecord
    from tenants.scoping import current_tenant

    r, n = np.random.default_rng(7), options.rows
    group = r.choice(_K, size=n, p=[0.1, 0.15, 0.2, 0.25, 0.3])
    centre = np.array([[52, 4.6, 5.2, 5.0, 1.5], [23, 3.4, 3.0, 8.6, 4.5], [38, 4.0, 4.4, 7.4, 3.0],
                       [61, 2.4, 3.8, 3.0, 1.0], [31, 2.6, 2.2, 5.6, 2.2]])[group]  # fmt: skip
    age = np.clip(centre[:, 0] + 5 * r.standard_normal(n), 16, 99).astype(int)
    use = np.exp(centre[:, 1:] + 0.35 * r.standard_t(5, size=(n, 4)))
    gone = r.random((n, 4)) < 0.05
    tenant = current_tenant()
    key = tenant.pk.hex if bulk._is_sqlite() else tenant.pk
    with transaction.atomic():
        day = "2026-01-01 00:00:00"
        people = (
            (f"{i:032x}", key, f"C{i}", "", "", "", "", "", "", "", a, "", "{}", day, day)
            for i, a in enumerate(age.tolist())
        )
        bulk.insert(
            Customer._meta.db_table,
            ["public_id", "tenant_id", "external_id", "first_name", "last_name", "email", "phone", "language", "city",
             "gender", "age", "persona", "attributes", "created_at", "updated_at"],
            people,
        )  # fmt: skip
    keys = list(Customer.objects.order_by("pk").values_list("pk", flat=True))
    with transaction.atomic():
        months = (
            (key, pk, "2026-06-01", *(None if lost else value for value, lost in zip(row, missing, strict=True)))
            for pk, row, missing in zip(keys, _typed(use), gone.tolist(), strict=True)
        )
        names = ["montant_consommation", "nombre_appels", "volume_data", "nombre_sms"]
        bulk.insert(UsageRecord._meta.db_table, ["tenant_id", "customer_id", "month", *names], months)
    bulk.analyse(Customer, UsageRecord)
    return {}


def _typed(use) -> list[tuple]:
    return [(round(a, 3), int(b), round(c, 2), int(d)) for a, b, c, d in use.tolist()]


def _floor(options: argparse.Namespace) -> dict:
    import numpy as np
    from django.db import connection, transaction
    from sklearn.cluster import KMeans

    from core import bulk, columnar
    from customers.models import UsageRecord
    from segmentation import features
    from segmentation.clustering.preparation import Preparation

    _rest()
    names = features.usual()
    parts = list(features.blocks(names, features.shown_scores()))
    keys, values = np.concatenate([p[0] for p in parts]), np.concatenate([p[1] for p in parts])
    ready = Preparation.learn(values, names, keys=keys).apply(values)
    del parts, values
    asked = UsageRecord.objects.order_by().values_list(
        "customer_id", "customer__age", "montant_consommation", "nombre_appels", "volume_data", "nombre_sms"
    )
    sql, params = asked.query.sql_with_params()
    times = {}

    def timed(name: str, work) -> object:
        began = time.perf_counter()
        found = work()
        times[name] = time.perf_counter() - began
        return found

    def read() -> None:
        with connection.cursor() as cursor:
            if connection.vendor == "sqlite":
                cursor.execute(sql, params)
                cursor.fetchall()
            else:
                with cursor.cursor.copy(f"COPY ({sql}) TO STDOUT (FORMAT csv)", params) as copy:
                    for _row in copy:
                        pass

    def group() -> np.ndarray:
        sample = ready[np.random.default_rng(0).choice(len(ready), min(50_000, len(ready)), replace=False)]
        return KMeans(_K, n_init=10, random_state=0, algorithm="lloyd").fit(sample).predict(ready)

    kind = "bigint, segment bigint" if connection.vendor == "postgresql" else "integer, segment integer"

    def write() -> None:
        with transaction.atomic():
            bulk.run(f"CREATE TABLE floor_segments (customer_id {kind})")
            columnar.insert("floor_segments", {"customer_id": keys, "segment": labels.astype(np.int64)})

    timed("read", read)
    labels = timed("group", group)
    timed("write", write)
    bulk.run("DROP TABLE floor_segments")
    return {"seconds": sum(times.values()), **times}


def _rest() -> None:
    """What the server does by itself in the week between two runs: the last one wrote a persona on everybody, and a vacuum
    that is still under way may hold up whoever adds a key, for a second."""
    from django.db import connection

    from core import bulk
    from customers.models import Customer

    if connection.vendor == "postgresql":
        bulk.run(f'VACUUM (ANALYZE) "{Customer._meta.db_table}"')


def _ours(options: argparse.Namespace) -> dict:
    from core import jobs
    from segmentation import services

    _warm()
    marks: dict[str, float] = {}
    seen = [0.0]

    def watch(job) -> None:
        now = time.perf_counter() - began
        seen.append(now)
        marks.setdefault(job.progress_note, now)
        if job.is_current:
            marks.setdefault("in force", now)

    run = services.open_run()
    began = time.perf_counter()
    with jobs.watching(watch):
        run = services.refresh_segments(run_id=run.pk, follow=False)
    seconds = time.perf_counter() - began
    gap = max(later - earlier for earlier, later in zip(seen, [*seen[1:], seconds], strict=True))
    sizes = [profile.size for profile in run.profiles.order_by("segment__number")]
    return {
        "seconds": seconds,
        "shown": marks["in force"],
        "gap": gap,
        "marks": marks,
        "sizes": sizes,
        "advised": run.advice.get("k"),
    }


def _warm() -> None:
    """What a worker has read before its first job."""
    import pyarrow.csv  # noqa: F401
    import sklearn.cluster  # noqa: F401
    from django.urls import reverse

    reverse("dashboard:dashboard")


def _endpoints(options: argparse.Namespace) -> dict:
    from django.test import Client

    from tenants.models import User

    client = Client(headers={"host": "localhost"})
    client.force_login(User.objects.get(email=OWNER))
    found = {}
    for name in _ENDPOINTS:
        times = []
        for _ in range(60):
            began = time.perf_counter()
            answer = client.get(f"/api/{name}")
            times.append(time.perf_counter() - began)
            assert answer.status_code == 200, answer.content
        found[name] = sorted(times[10:])[int(0.95 * 50)]
    return found


_STEPS = {"load": _load, "floor": _floor, "ours": _ours, "endpoints": _endpoints}


# ---------------------------------------------------------------- all of them, and the table


def _measure(options: argparse.Namespace) -> None:
    with Databases() as databases:
        environment = databases.fresh()
        _call("load", environment, rows=options.rows)
        print(f"\n{options.rows:,} customers x 5 features, {os.cpu_count()} cores, Python {sys.version.split()[0]}\n")
        print(
            "| floor, s | (read, k-means, write) | in force, s | ratio | whole job, s | memory, MB | longest gap, s |"
        )
        print("|---|---|---|---|---|---|---|", flush=True)
        ratios = []
        for _ in range(options.repeats):
            floor, ours = _call("floor", environment), _call("ours", environment)
            ratios.append(ours["shown"] / floor["seconds"])
            parts = ", ".join(f"{floor[name]:.1f}" for name in ("read", "group", "write"))
            print(
                f"| {floor['seconds']:.1f} | {parts} | {ours['shown']:.1f} | {ratios[-1]:.2f} | {ours['seconds']:.1f} "
                f"| {ours['peak']:,.0f} | {ours['gap']:.1f} |",
                flush=True,
            )
        marks = {note: round(at, 1) for note, at in ours["marks"].items()}
        print(
            f"\nMedian ratio {statistics.median(ratios):.2f}. {floor['engine']}. Sizes {ours['sizes']}. Marks {marks}."
        )
        told = _call("endpoints", environment)
        print("Endpoints, p95: " + ", ".join(f"{name} {1000 * told[name]:.0f} ms" for name in _ENDPOINTS) + ".")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--step", choices=_STEPS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.step:
        run(_STEPS, options)
    else:
        _measure(options)


if __name__ == "__main__":
    main()
