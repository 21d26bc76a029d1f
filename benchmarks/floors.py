"""The floors: the least work that could give the same rows. They skip every check, choice and explanation."""

from __future__ import annotations

import io
import itertools
import os
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute
import pyarrow.csv
from django.db import connection, models, transaction
from django.utils import timezone

from core import bulk, columnar, row_security
from customers import selectors as customers
from customers.ingest.schema import BY_NAME, Kind, Table
from customers.models import Customer, Subscription
from predictions import learning
from predictions.models import Score
from tenants.scoping import current_tenant


def load_ready_rows(path: Path, *, keep: bool = False) -> None:
    """Parse by Arrow, then the engine's bulk path into our own indexed tables. Rolled back afterwards unless ``keep``.

    On PostgreSQL without row-level security: behind it no table is copied into, which makes a floor of it.
    """
    with row_security.lifted(), transaction.atomic():
        for model, table in _ready_tables(path):
            _append(model, table)
        _check_keys()
        if not keep:
            transaction.set_rollback(True)


def write_ready_rows_again(path: Path) -> None:
    """Parse by Arrow, then an upsert of every ready row, changed or not; rolled back afterwards."""
    known = pa.array(Customer.objects.order_by("pk").values_list("pk", flat=True))
    with transaction.atomic():
        for model, table in _ready_tables(path, keys=known):
            key = ("tenant_id", "external_id") if model is Customer else ("customer_id",)
            fields = {f.column: f for f in model._meta.local_fields}
            types = {n: fields[n].db_type(connection).replace("serial", "int") for n in table.column_names}
            with bulk.stage(f"floor_{model._meta.model_name}", types) as stage:
                _append(stage, table)
                columns = ", ".join(f'"{n}"' for n in table.column_names)
                written = [n for n in table.column_names if n not in ("id", "public_id", "created_at", *key)]
                changes = ", ".join(f'"{n}" = excluded."{n}"' for n in written)
                stage.run(
                    f'INSERT INTO "{model._meta.db_table}" ({columns}) SELECT {columns} FROM {{stage}} WHERE true '
                    f"ON CONFLICT ({', '.join(key)}) DO UPDATE SET {changes}"
                )
        _check_keys()
        transaction.set_rollback(True)


def _check_keys() -> None:
    """What a commit would check of foreign keys: rows that fail it are not there."""
    if connection.vendor == "postgresql":
        bulk.run("SET CONSTRAINTS ALL IMMEDIATE")


def _append(target: type[models.Model] | bulk.Stage, table: pa.Table) -> None:
    """COPY of a text that Arrow writes, which no Python touches; or executemany, whose rows must be Python's."""
    name = target.name if isinstance(target, bulk.Stage) else target._meta.db_table
    if connection.vendor == "sqlite":
        columns = [column.to_pylist() for column in table.columns]
        bulk.insert(name, table.column_names, zip(*columns, strict=True))
        return
    text = io.BytesIO()
    pa.csv.write_csv(table, text, pa.csv.WriteOptions(include_header=False))
    columns = ", ".join(f'"{n}"' for n in table.column_names)
    with connection.cursor() as cursor, cursor.copy(f'COPY "{name}" ({columns}) FROM STDIN (FORMAT csv)') as copy:
        copy.write(text.getbuffer())


def _ready_tables(path: Path, keys: pa.Array | None = None) -> list[tuple[type[models.Model], pa.Table]]:
    """Every column of both tables, typed. The file must be clean: the blanks of TotalCharges are all that is mended."""
    file = pa.csv.read_csv(path)
    header = {c.header: c for c in BY_NAME.values()}
    n = len(file)
    keys = pa.array(bulk.reserve_keys(Customer, n)) if keys is None else keys
    ready: dict[Table, dict[str, pa.Array]] = {
        Table.CUSTOMER: {"id": keys, "public_id": _identifiers(n)},
        Table.SUBSCRIPTION: {"customer_id": keys},
    }
    for name in file.column_names:
        column = header[name]
        ready[column.table][column.name] = _ready(file[name], column.kind)
    tenant = current_tenant().pk
    key = tenant.hex if connection.vendor == "sqlite" else str(tenant)
    shared = {
        "tenant_id": key,
        "created_at": str(timezone.now()),
        "updated_at": str(timezone.now()),
        "attributes": "{}",
    }
    tables = []
    for model, columns in ((Customer, ready[Table.CUSTOMER]), (Subscription, ready[Table.SUBSCRIPTION])):
        for field in model._meta.local_fields:
            if field.column not in columns:
                blank = pa.scalar(None, pa.string()) if field.null else shared.get(field.column, "")
                columns[field.column] = pa.repeat(blank, n)
        tables.append((model, pa.table(columns)))
    return tables


def _ready(column: pa.ChunkedArray, kind: Kind) -> pa.ChunkedArray:
    if kind is Kind.FLAG:
        return pa.compute.is_in(column.cast(pa.string()), value_set=pa.array(["Yes", "1"]))
    if kind in (Kind.INTEGER, Kind.MONEY, Kind.NUMBER) and pa.types.is_string(column.type):
        blank = pa.compute.equal(pa.compute.utf8_trim_whitespace(column), "")
        return pa.compute.if_else(blank, None, column).cast(pa.float64())
    return column.cast(pa.string()) if kind is Kind.TEXT else column


def _identifiers(n: int) -> pa.Array:
    random = os.urandom(16 * n).hex()
    return pa.array([random[at : at + 32] for at in range(0, 32 * n, 32)])


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
    names = [customers._PATHS[n] for n in customers.FEATURES]
    rows = bulk.read_frame(Customer.objects.values_list("id", *names))
    keys = rows["id"].to_numpy()
    rows.columns = ["id", *customers.FEATURES]
    probability = learning.score(fitted, rows, keys, top=0).probability
    run = Score.objects.values_list("run_id", flat=True).first() or _any_run()
    n = len(keys)
    with transaction.atomic():
        rows = {"customer_id": keys, "risk": probability, "is_out_of_fold": np.zeros(n, dtype=bool)}
        rows |= dict.fromkeys(("driver_1", "driver_2", "driver_3", "contract_code", "internet_code"), np.zeros(n, "i2"))
        facts = {"driver_facts": np.zeros(n, dtype="V0")}
        columnar.insert(Score._meta.db_table, {"tenant_id": tenant, "run_id": run, **rows, **facts})
        transaction.set_rollback(True)


def _any_run() -> int:
    from predictions.models import ScoringRun
    from predictions.selectors import champion

    version = champion()
    run = ScoringRun.objects.create(tenant=version.tenant, version=version, state="failed")
    return run.pk
