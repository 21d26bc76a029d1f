"""The floors: the least work that could give the same rows. They skip every check, choice and explanation."""

from __future__ import annotations

import itertools
import uuid
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.csv
from django.db import connection, transaction
from django.utils import timezone

from core import bulk
from customers import selectors as customers
from customers.ingest.schema import BY_NAME, Kind, Table
from customers.models import Customer, Subscription
from predictions import learning
from predictions.models import Score
from tenants.scoping import current_tenant


def parse(path: Path) -> pd.DataFrame:
    """The file as a typed frame by the fastest reader installed."""
    return pyarrow.csv.read_csv(path).to_pandas()


def load_ready_rows(path: Path) -> None:
    """Parse, then the engine's bulk path into tables like ours with the same indexes; rolled back afterwards."""
    parse(path)
    ours, theirs = _ready_tuples(path)
    with transaction.atomic():
        bulk.insert(Customer._meta.db_table, list(ours[0]), ours[1])
        bulk.insert(Subscription._meta.db_table, list(theirs[0]), theirs[1])
        transaction.set_rollback(True)


def write_ready_rows_again(path: Path) -> None:
    """Parse, then an upsert of every ready row, changed or not; rolled back afterwards."""
    parse(path)
    ours, theirs = _ready_tuples(path)
    with transaction.atomic():
        for model, (names, rows), key in (
            (Customer, ours, ("tenant_id", "external_id")),
            (Subscription, theirs, ("customer_id",)),
        ):
            written = [n for n in names if n not in ("id", "public_id", "created_at")]
            if model is Subscription:
                # Ready rows carry the keys that the customers have, as an upsert by key would.
                known = Customer.objects.order_by("pk").values_list("pk", flat=True)
                at = names.index("customer_id")
                rows = [(*r[:at], pk, *r[at + 1 :]) for r, pk in zip(rows, known, strict=True)]
            fields = {f.column: f for f in model._meta.local_fields}
            types = {n: fields[n].db_type(connection).replace("serial", "int") for n in names}
            with bulk.stage(f"floor_{model._meta.model_name}", types) as stage:
                stage.load(rows)
                columns = ", ".join(f'"{n}"' for n in names)
                changes = ", ".join(f'"{n}" = excluded."{n}"' for n in written if n not in key)
                stage.run(
                    f'INSERT INTO "{model._meta.db_table}" ({columns}) SELECT {columns} FROM {{stage}} WHERE true '
                    f"ON CONFLICT ({', '.join(key)}) DO UPDATE SET {changes}"
                )
        transaction.set_rollback(True)


def _ready_tuples(path: Path):
    """Rows with every value already typed: building them is counted, cleaning is not."""
    frame = pd.read_csv(path, dtype=str, keep_default_na=False)
    header = {c.header: c for c in BY_NAME.values()}
    frame.columns = [header[h].name for h in frame.columns]
    tenant, now = current_tenant().pk, timezone.now()
    sqlite = connection.vendor == "sqlite"
    first = (Customer._base_manager.order_by("-pk").values_list("pk", flat=True).first() or 0) + 1_000_000
    key = tenant.hex if sqlite else tenant
    stamp = str(now) if sqlite else now

    def cell(name: str) -> list:
        column, kind = frame[name].tolist(), BY_NAME[name].kind
        if kind is Kind.FLAG:
            return [v in ("Yes", "1") for v in column]
        if kind in (Kind.INTEGER, Kind.MONEY, Kind.NUMBER):
            return [v if v.strip() else None for v in column]
        return column

    n = len(frame)
    ids = range(first, first + n)
    shared = {"tenant_id": [key] * n, "created_at": [stamp] * n, "updated_at": [stamp] * n}
    one = {"id": ids, **shared, "persona": [""] * n, "attributes": ["{}"] * n}
    one["public_id"] = [uuid.uuid4().hex for _ in ids] if sqlite else [uuid.uuid4() for _ in ids]
    two = {"customer_id": ids, **shared}
    for name in frame.columns:
        target = one if BY_NAME[name].table is Table.CUSTOMER else two
        target[name] = cell(name)
    return [(tuple(t), list(zip(*t.values(), strict=True))) for t in (one, two)]


def forest_on_ready_matrix() -> None:
    """The source's forest on a one-hot matrix: five folds and a final fit."""
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.model_selection import StratifiedKFold

    frame = pd.concat(customers.feature_frames(labelled_only=True), ignore_index=True)
    label = frame.pop("label").to_numpy().astype(int)
    matrix = pd.get_dummies(frame.drop(columns="id")).fillna(0).to_numpy(dtype=np.float32)
    folds = StratifiedKFold(5, shuffle=True, random_state=0).split(matrix, label)
    for rows in itertools.chain((train for train, _ in folds), [np.arange(len(label))]):
        RandomForestClassifier(random_state=0, n_jobs=-1).fit(matrix[rows], label[rows])


def bare_scoring(fitted) -> None:
    """Read every customer's columns, predict on encoded values without reasons, write risks; rolled back afterwards."""
    tenant = current_tenant().pk
    key = tenant.hex if connection.vendor == "sqlite" else tenant
    names = [customers._PATHS[n] for n in customers.FEATURES]
    rows = bulk.read_frame(Customer.objects.values_list("id", *names))
    keys = rows["id"].to_numpy()
    rows.columns = ["id", *customers.FEATURES]
    probability = learning.score(fitted, rows, keys, top=0).probability
    run = Score.objects.values_list("run_id", flat=True).first() or _any_run()
    columns = (
        "tenant_id",
        "run_id",
        "customer_id",
        "risk",
        "is_out_of_fold",
        "drivers",
        "contract",
        "internet_service",
    )
    with transaction.atomic():
        bulk.insert(
            Score._meta.db_table,
            columns,
            ((key, run, k, p, False, "[]", "", "") for k, p in zip(keys.tolist(), probability.tolist(), strict=True)),
        )
        transaction.set_rollback(True)


def _any_run() -> int:
    from predictions.models import ScoringRun
    from predictions.selectors import champion

    version = champion()
    run = ScoringRun.objects.create(tenant=version.tenant, version=version, state="failed")
    return run.pk
