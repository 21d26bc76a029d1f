"""The named bulk path of this stage: a batch of clean rows into customers and subscriptions by set statements.

One temporary table, then "what is new, what differs" in the database itself: rows that do not change are not written,
so loading a file again costs little and leaves ``updated_at`` alone.
"""

from __future__ import annotations

import json
import os
import uuid
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from django.db import connection, models
from django.utils import timezone

from core import bulk
from tenants.scoping import current_tenant

from .ingest.schema import BY_NAME, Table
from .models import Customer, Interaction, Subscription, UsageRecord

_CUSTOMER, _SUBSCRIPTION = Customer._meta.db_table, Subscription._meta.db_table


@dataclass(frozen=True, slots=True)
class Merged:
    created: int
    updated: int
    unchanged: int


def merge_customers(columns: Sequence[str], rows: Sequence[tuple]) -> Merged:
    """Upsert a batch by (company, external_id).

    ``rows``: ``(line, *values in the order of columns, attributes)``; ``columns`` starts with ``external_id``. None is
    "unknown" and leaves an old value in place. Ids are unique in the batch. Runs in one transaction.
    """
    if not rows:
        return Merged(0, 0, 0)
    tenant = _key(current_tenant().pk)
    ours = [c for c in columns if BY_NAME[c].table is Table.CUSTOMER and c != "external_id"]
    theirs = [c for c in columns if BY_NAME[c].table is Table.SUBSCRIPTION]
    has_attributes = any(row[-1] for row in rows)
    types = {
        "line": "bigint",
        **bulk.column_types(Customer, ["external_id", *ours]),
        **bulk.column_types(Subscription, theirs),
        "attributes": bulk.column_types(Customer, ["attributes"])["attributes"],
        "public_id": bulk.column_types(Customer, ["public_id"])["public_id"],
    }
    order = ["line", "external_id", *columns[1:], "attributes", "public_id"]
    with bulk.stage(
        "incoming_customers",
        {**{c: types[c] for c in order}, "customer_id": "bigint", "our_change": "integer", "their_change": "integer"},
    ) as stage:
        bulk.insert(stage.name, order, _prepared(rows))
        _index(stage)
        _compare(stage, tenant, ours, theirs, has_attributes)
        differs = "our_change = 1 OR their_change = 1" + (" OR their_change IS NULL" if theirs else "")
        counted = stage.fetch(
            f"""SELECT COUNT(*), SUM(CASE WHEN customer_id IS NULL THEN 1 ELSE 0 END),
                       SUM(CASE WHEN customer_id IS NOT NULL AND ({differs}) THEN 1 ELSE 0 END) FROM {{stage}}"""
        )[0]
        total, created, updated = (int(n or 0) for n in counted)
        if created:
            _create(stage, tenant, ours)
        if updated:
            _update(stage, ours, theirs, has_attributes)
        _create_subscriptions(stage, tenant, theirs)
    return Merged(created, updated, total - created - updated)


def _prepared(rows: Sequence[tuple]) -> Iterator[tuple]:
    """Each row with its attributes as JSON and an identifier of its own. Both drivers take the rest as it is."""
    random = os.urandom(16 * len(rows)).hex()
    for at, row in enumerate(rows):
        attributes = row[-1]
        digits = random[32 * at : 32 * at + 32]
        yield (
            *row[:-1],
            json.dumps(attributes, ensure_ascii=False) if attributes else "{}",
            f"{digits[:12]}4{digits[13:16]}a{digits[17:]}",  # the marks of a version 4 UUID
        )


def _key(value: uuid.UUID) -> object:
    return value.hex if connection.vendor == "sqlite" else value


def _index(stage: bulk.Stage) -> None:
    if connection.vendor == "postgresql":
        stage.run("ANALYZE {stage}")


def _differs(column: str) -> str:
    unequal = "IS NOT" if connection.vendor == "sqlite" else "IS DISTINCT FROM"
    return f's."{column}" IS NOT NULL AND t."{column}" {unequal} s."{column}"'


def _merged_attributes() -> tuple[str, str]:
    """(old attributes overlaid with the new ones, whether that differs from the old)."""
    if connection.vendor == "sqlite":
        merged = "json_patch(t.attributes, s.attributes)"
        return merged, f"json(t.attributes) IS NOT {merged}"
    return "t.attributes || s.attributes", "t.attributes IS DISTINCT FROM (t.attributes || s.attributes)"


def _compare(stage: bulk.Stage, tenant: object, ours: list[str], theirs: list[str], has_attributes: bool) -> None:
    """Fill customer_id (null: new), our_change and their_change (1: something differs; null: no subscription yet)."""
    changes = [f"({_differs(c)})" for c in ours]
    if has_attributes:
        changes.append(f"({_merged_attributes()[1]})")
    changed = " OR ".join(changes) or "1 = 0"
    stage.run(
        f"""UPDATE {{stage}} AS s SET customer_id = t.id, our_change = CASE WHEN {changed} THEN 1 ELSE 0 END
            FROM "{_CUSTOMER}" t WHERE t.tenant_id = %s AND t.external_id = s.external_id""",
        [tenant],
    )
    changed = " OR ".join(f"({_differs(c)})" for c in theirs) or "1 = 0"
    stage.run(
        f"""UPDATE {{stage}} AS s SET their_change = CASE WHEN {changed} THEN 1 ELSE 0 END
            FROM "{_SUBSCRIPTION}" t WHERE t.customer_id = s.customer_id"""
    )


def _create(stage: bulk.Stage, tenant: object, ours: list[str]) -> None:
    now = timezone.now()
    names, values = _columns(Customer, ours, without={"id", "external_id", "public_id", "attributes"})
    stage.run(
        f"""INSERT INTO "{_CUSTOMER}"
                (tenant_id, external_id, public_id, created_at, updated_at, attributes, {names})
            SELECT %s, s.external_id, s.public_id, %s, %s, s.attributes, {values}
            FROM {{stage}} s WHERE s.customer_id IS NULL ORDER BY s.line""",
        [tenant, now, now],
    )
    stage.run(
        f"""UPDATE {{stage}} AS s SET customer_id = t.id, our_change = 0 FROM "{_CUSTOMER}" t
            WHERE s.customer_id IS NULL AND t.tenant_id = %s AND t.external_id = s.external_id""",
        [tenant],
    )


def _columns(model: type[models.Model], staged: list[str], *, without: set[str]) -> tuple[str, str]:
    """The table's own columns and what to put in them for a new row: the staged value, else unknown or empty text."""
    names, values = [], []
    for field in model._meta.local_fields:
        if field.column in without | {"tenant_id", "created_at", "updated_at"}:
            continue
        value = f's."{field.column}"' if field.column in staged else "NULL"
        names.append(f'"{field.column}"')
        values.append(value if field.null else f"COALESCE({value}, '')")
    return ", ".join(names), ", ".join(values)


def _update(stage: bulk.Stage, ours: list[str], theirs: list[str], has_attributes: bool) -> None:
    now = timezone.now()
    for table, key, columns, flag in (
        (_CUSTOMER, "id", ours, "our_change"),
        (_SUBSCRIPTION, "customer_id", theirs, "their_change"),
    ):
        sets = [f'"{c}" = COALESCE(s."{c}", t."{c}")' for c in columns]
        if table == _CUSTOMER and has_attributes:
            sets.append(f"attributes = {_merged_attributes()[0]}")
        if sets:
            stage.run(
                f"""UPDATE "{table}" AS t SET {", ".join(sets)}, updated_at = %s
                    FROM {{stage}} s WHERE t."{key}" = s.customer_id AND s.{flag} = 1""",
                [now],
            )


def _create_subscriptions(stage: bulk.Stage, tenant: object, theirs: list[str]) -> None:
    """A subscription for everybody who has none: their_change stays null where none was found."""
    now = timezone.now()
    names, values = _columns(Subscription, theirs, without={"customer_id"})
    stage.run(
        f"""INSERT INTO "{_SUBSCRIPTION}" (customer_id, tenant_id, created_at, updated_at, {names})
            SELECT s.customer_id, %s, %s, %s, {values} FROM {{stage}} s WHERE s.their_change IS NULL ORDER BY s.line""",
        [tenant, now, now],
    )


# ---------------------------------------------------------------- rows that hang on a customer


def append_usage(rows: Iterable[Sequence]) -> int:
    """``(external_id, month, amount, calls, megabytes, texts)`` rows; a month that is known is written anew."""
    return _append(
        UsageRecord,
        ["month", "montant_consommation", "nombre_appels", "volume_data", "nombre_sms"],
        ("customer_id", "month"),
        rows,
    )


def append_interactions(rows: Iterable[Sequence]) -> int:
    """``(external_id, campaign, kind, date, left)`` rows; a contact that is known is written anew."""
    columns = ["campaign_code", "kind", "happened_on", "left_within_horizon"]
    return _append(Interaction, columns, ("customer_id", "campaign_code"), rows)


def _append(model, columns: list[str], key: tuple[str, ...], rows: Iterable[Sequence]) -> int:
    tenant = _key(current_tenant().pk)
    table = model._meta.db_table
    types = {
        "external_id": bulk.column_types(Customer, ["external_id"])["external_id"],
        **bulk.column_types(model, columns),
    }
    names = ", ".join(f'"{c}"' for c in columns)
    changes = ", ".join(f'"{c}" = excluded."{c}"' for c in columns if c not in key)
    with bulk.stage(f"incoming_{model._meta.model_name}", types) as stage:
        stage.load(rows)
        _index(stage)
        return stage.run(
            f"""INSERT INTO "{table}" (tenant_id, customer_id, {names})
                SELECT c.tenant_id, c.id, {", ".join(f's."{c}"' for c in columns)} FROM {{stage}} s
                JOIN "{_CUSTOMER}" c ON c.tenant_id = %s AND c.external_id = s.external_id WHERE true
                ON CONFLICT (tenant_id, {", ".join(key)}) DO UPDATE SET {changes}""",
            [tenant],
        )
