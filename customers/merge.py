"""The named bulk path of this stage: a batch of clean rows into customers, subscriptions and months by set statements.

One temporary table, then "what is new, what differs" in the database itself: rows that do not change are not written,
so loading a file again costs little and leaves ``updated_at`` alone. What an import changes is kept first as it was
(CustomerChange), so that the import can be taken back. With ``write=False`` it only counts: the dry run.
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
from .models import Customer, CustomerChange, Interaction, Subscription, UsageRecord

_CUSTOMER, _SUBSCRIPTION = Customer._meta.db_table, Subscription._meta.db_table
_USAGE, _CHANGE = UsageRecord._meta.db_table, CustomerChange._meta.db_table
_BOOKKEEPING = {"created_by_import", "changed_by_import"}


@dataclass(frozen=True, slots=True)
class Merged:
    """Counts of a batch; ``strangers``: lines of months whose customer is not known."""

    created: int = 0
    updated: int = 0
    unchanged: int = 0
    strangers: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class _Batch:
    """What the statements need to know of one merge of customers."""

    tenant: object
    import_id: int | None
    ours: list[str]
    theirs: list[str]
    has_attributes: bool
    clears: bool  # an empty cell empties the old value


def split_columns(columns: Sequence[str]) -> tuple[list[str], list[str]]:
    """(columns of the customer, of the subscription) among the standard fields, without the number."""
    ours = [c for c in columns if BY_NAME[c].table is Table.CUSTOMER and c != "external_id"]
    return ours, [c for c in columns if BY_NAME[c].table is Table.SUBSCRIPTION]


def merge_customers(
    columns: Sequence[str],
    rows: Sequence[tuple],
    *,
    import_id: int | None = None,
    empty_clears: bool = False,
    write: bool = True,
) -> Merged:
    """Upsert a batch by (company, external_id).

    ``rows``: ``(line, *values in the order of columns, attributes)``; ``columns`` starts with ``external_id``. None is
    "unknown" and leaves an old value in place unless ``empty_clears``. Ids are unique in the batch. Runs in one transaction.
    """
    if not rows:
        return Merged()
    ours, theirs = split_columns(columns)
    batch = _Batch(_key(current_tenant().pk), import_id, ours, theirs, any(row[-1] for row in rows), empty_clears)
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
        bulk.insert(stage.name, order, _prepared(rows, keeps_nulls=empty_clears))
        _index(stage)
        _compare(stage, batch)
        differs = "our_change = 1 OR their_change = 1" + (" OR their_change IS NULL" if theirs else "")
        counted = stage.fetch(
            f"""SELECT COUNT(*), SUM(CASE WHEN customer_id IS NULL THEN 1 ELSE 0 END),
                       SUM(CASE WHEN customer_id IS NOT NULL AND ({differs}) THEN 1 ELSE 0 END) FROM {{stage}}"""
        )[0]
        total, created, updated = (int(n or 0) for n in counted)
        if write:
            if updated:
                _keep_images(stage, batch, differs)
                _update(stage, batch, differs)
            if created:
                _create(stage, batch)
            _create_subscriptions(stage, batch)
    return Merged(created, updated, total - created - updated)


def _prepared(rows: Sequence[tuple], *, keeps_nulls: bool) -> Iterator[tuple]:
    """Each row with its attributes as JSON and an identifier of its own. Both drivers take the rest as it is."""
    random = os.urandom(16 * len(rows)).hex()
    for at, row in enumerate(rows):
        attributes = row[-1]
        if attributes and not keeps_nulls:
            attributes = {name: value for name, value in attributes.items() if value is not None}
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


def _unequal() -> str:
    return "IS NOT" if connection.vendor == "sqlite" else "IS DISTINCT FROM"


def _differs(model: type[models.Model], column: str, clears: bool) -> str:
    if clears:
        return f't."{column}" {_unequal()} {_or_empty(model, column)}'
    return f's."{column}" IS NOT NULL AND t."{column}" {_unequal()} s."{column}"'


def _or_empty(model: type[models.Model], column: str) -> str:
    """The staged value, or what the table holds for "nothing"."""
    return f's."{column}"' if model._meta.get_field(column).null else f"COALESCE(s.\"{column}\", '')"


def _merged_attributes() -> tuple[str, str]:
    """(old attributes overlaid with the new ones, nulls taking the old away; whether that differs from the old)."""
    if connection.vendor == "sqlite":
        merged = "json_patch(t.attributes, s.attributes)"
        return merged, f"json(t.attributes) IS NOT {merged}"
    merged = "jsonb_strip_nulls(t.attributes || s.attributes)"
    return merged, f"t.attributes IS DISTINCT FROM {merged}"


def _compare(stage: bulk.Stage, batch: _Batch) -> None:
    """Fill customer_id (null: new), our_change and their_change (1: something differs; null: no subscription yet)."""
    changes = [f"({_differs(Customer, c, batch.clears)})" for c in batch.ours]
    if batch.has_attributes:
        changes.append(f"({_merged_attributes()[1]})")
    changed = " OR ".join(changes) or "1 = 0"
    stage.run(
        f"""UPDATE {{stage}} AS s SET customer_id = t.id, our_change = CASE WHEN {changed} THEN 1 ELSE 0 END
            FROM "{_CUSTOMER}" t WHERE t.tenant_id = %s AND t.external_id = s.external_id""",
        [batch.tenant],
    )
    changed = " OR ".join(f"({_differs(Subscription, c, batch.clears)})" for c in batch.theirs) or "1 = 0"
    stage.run(
        f"""UPDATE {{stage}} AS s SET their_change = CASE WHEN {changed} THEN 1 ELSE 0 END
            FROM "{_SUBSCRIPTION}" t WHERE t.customer_id = s.customer_id"""
    )


def _object(alias: str, columns: Iterable[str], *, raw: str = "") -> str:
    """A JSON object of columns, in the engine's own words. ``raw``: a column that holds JSON already."""
    build = "json_object" if connection.vendor == "sqlite" else "jsonb_build_object"
    pairs = [f"'{c}', {alias}.\"{c}\"" for c in columns]
    if raw:
        pairs.append(f"'{raw}', " + (f"json({alias}.{raw})" if connection.vendor == "sqlite" else f"{alias}.{raw}"))
    return f"{build}({', '.join(pairs)})"


def _keep_images(stage: bulk.Stage, batch: _Batch, differs: str) -> None:
    """What the rows that will change hold now."""
    if batch.import_id is None:
        return
    build = "json_object" if connection.vendor == "sqlite" else "jsonb_build_object"
    nothing = "NULL" if connection.vendor == "sqlite" else "NULL::jsonb"
    ours = _object("t", batch.ours, raw="attributes" if batch.has_attributes else "")
    theirs = f"CASE WHEN p.customer_id IS NULL THEN {nothing} ELSE {_object('p', batch.theirs)} END"
    if connection.vendor == "sqlite":
        theirs = f"json({theirs})"  # else SQLite would take the object for a text
    stage.run(
        f"""INSERT INTO "{_CHANGE}" (tenant_id, customer_id, kind, at, brought_by_id, reason, before)
            SELECT %s, t.id, 'import', %s, %s, '',
                   {build}('customer', {ours}, 'subscription', {theirs}, 'changed_by_import', t.changed_by_import)
            FROM {{stage}} s JOIN "{_CUSTOMER}" t ON t.id = s.customer_id
            LEFT JOIN "{_SUBSCRIPTION}" p ON p.customer_id = t.id
            WHERE {differs} ORDER BY s.line""",
        [batch.tenant, timezone.now(), batch.import_id],
    )


def _create(stage: bulk.Stage, batch: _Batch) -> None:
    now = timezone.now()
    names, values = _columns(
        Customer, batch.ours, without={"id", "external_id", "public_id", "attributes", *_BOOKKEEPING}
    )
    attributes = "s.attributes"
    if batch.clears and batch.has_attributes:  # a null takes an old value away; here there is none
        attributes = (
            "json_patch('{}', s.attributes)" if connection.vendor == "sqlite" else "jsonb_strip_nulls(s.attributes)"
        )
    stage.run(
        f"""INSERT INTO "{_CUSTOMER}" (tenant_id, external_id, public_id, created_at, updated_at, attributes,
                                       created_by_import, changed_by_import, {names})
            SELECT %s, s.external_id, s.public_id, %s, %s, {attributes}, %s, %s, {values}
            FROM {{stage}} s WHERE s.customer_id IS NULL ORDER BY s.line""",
        [batch.tenant, now, now, batch.import_id, batch.import_id],
    )
    stage.run(
        f"""UPDATE {{stage}} AS s SET customer_id = t.id, our_change = 0 FROM "{_CUSTOMER}" t
            WHERE s.customer_id IS NULL AND t.tenant_id = %s AND t.external_id = s.external_id""",
        [batch.tenant],
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


def _update(stage: bulk.Stage, batch: _Batch, differs: str) -> None:
    now = timezone.now()
    for model, columns in ((Customer, batch.ours), (Subscription, batch.theirs)):
        sets = [
            f'"{c}" = {_or_empty(model, c)}' if batch.clears else f'"{c}" = COALESCE(s."{c}", t."{c}")' for c in columns
        ]
        if model is Customer:
            # Also where only the subscription changed: a customer says which import touched it last.
            sets.append("changed_by_import = %s")
            if batch.has_attributes:
                sets.append(f"attributes = {_merged_attributes()[0]}")
            key, condition, params = "id", differs, [batch.import_id, now]
        else:
            key, condition, params = "customer_id", "s.their_change = 1", [now]
        if columns or model is Customer:
            stage.run(
                f"""UPDATE "{model._meta.db_table}" AS t SET {", ".join(sets)}, updated_at = %s
                    FROM {{stage}} s WHERE t."{key}" = s.customer_id AND ({condition})""",
                params,
            )


def _create_subscriptions(stage: bulk.Stage, batch: _Batch) -> None:
    """A subscription for everybody who has none: their_change stays null where none was found."""
    now = timezone.now()
    names, values = _columns(Subscription, batch.theirs, without={"customer_id"})
    stage.run(
        f"""INSERT INTO "{_SUBSCRIPTION}" (customer_id, tenant_id, created_at, updated_at, {names})
            SELECT s.customer_id, %s, %s, %s, {values} FROM {{stage}} s WHERE s.their_change IS NULL ORDER BY s.line""",
        [batch.tenant, now, now],
    )


# ---------------------------------------------------------------- rows that hang on a customer


def merge_months(
    measures: Sequence[str],
    rows: Sequence[tuple],
    *,
    import_id: int | None = None,
    empty_clears: bool = False,
    write: bool = True,
) -> Merged:
    """Upsert months of use: ``rows`` are ``(line, external_id, month, *values in the order of measures)``.

    Unknown values leave old ones in place unless ``empty_clears``. Lines of unknown customers come back as ``strangers``.
    """
    if not rows:
        return Merged()
    tenant = _key(current_tenant().pk)
    types = {
        "line": "bigint",
        "external_id": bulk.column_types(Customer, ["external_id"])["external_id"],
        **bulk.column_types(UsageRecord, ["month", *measures]),
        "customer_id": "bigint",
        "usage_id": "bigint",
        "change": "integer",
    }
    with bulk.stage("incoming_months", types) as stage:
        bulk.insert(stage.name, list(types)[:-3], rows)
        _index(stage)
        stage.run(
            f"""UPDATE {{stage}} AS s SET customer_id = t.id FROM "{_CUSTOMER}" t
                WHERE t.tenant_id = %s AND t.external_id = s.external_id""",
            [tenant],
        )
        changed = " OR ".join(f"({_differs(UsageRecord, c, empty_clears)})" for c in measures) or "1 = 0"
        stage.run(
            f"""UPDATE {{stage}} AS s SET usage_id = t.id, change = CASE WHEN {changed} THEN 1 ELSE 0 END
                FROM "{_USAGE}" t WHERE t.tenant_id = %s AND t.customer_id = s.customer_id AND t.month = s.month""",
            [tenant],
        )
        strangers = frozenset(line for (line,) in stage.fetch("SELECT line FROM {stage} WHERE customer_id IS NULL"))
        created, updated = (
            int(n or 0)
            for n in stage.fetch(
                f"""SELECT SUM(CASE WHEN {_is_new_month(measures)} THEN 1 ELSE 0 END),
                           SUM(CASE WHEN change = 1 THEN 1 ELSE 0 END) FROM {{stage}} s"""
            )[0]
        )
        if write:
            _write_months(stage, measures, tenant, import_id, empty_clears)
    return Merged(created, updated, len(rows) - len(strangers) - created - updated, strangers)


def _write_months(
    stage: bulk.Stage, measures: Sequence[str], tenant: object, import_id: int | None, clears: bool
) -> None:
    names = ", ".join(f'"{c}"' for c in measures)
    if import_id is not None:
        build = "json_object" if connection.vendor == "sqlite" else "jsonb_build_object"
        stage.run(
            f"""INSERT INTO "{_CHANGE}" (tenant_id, customer_id, kind, at, brought_by_id, reason, month, before)
                SELECT %s, t.customer_id, 'import', %s, %s, '', t.month,
                       {build}('usage', {_object("t", measures)}, 'changed_by_import', t.changed_by_import)
                FROM {{stage}} s JOIN "{_USAGE}" t ON t.id = s.usage_id WHERE s.change = 1 ORDER BY s.line""",
            [tenant, timezone.now(), import_id],
        )
    sets = [f'"{c}" = s."{c}"' if clears else f'"{c}" = COALESCE(s."{c}", t."{c}")' for c in measures]
    stage.run(
        f"""UPDATE "{_USAGE}" AS t SET {", ".join([*sets, "changed_by_import = %s"])}
            FROM {{stage}} s WHERE t.id = s.usage_id AND s.change = 1""",
        [import_id],
    )
    stage.run(
        f"""INSERT INTO "{_USAGE}" (tenant_id, customer_id, month, {names}, created_by_import, changed_by_import)
            SELECT %s, s.customer_id, s.month, {", ".join(f's."{c}"' for c in measures)}, %s, %s
            FROM {{stage}} s WHERE {_is_new_month(measures)} ORDER BY s.line""",
        [tenant, import_id, import_id],
    )


def _is_new_month(measures: Sequence[str]) -> str:
    """A month of which nothing is known is none: it may empty an old one, and makes no new one."""
    known = " OR ".join(f's."{c}" IS NOT NULL' for c in measures)
    return f"s.usage_id IS NULL AND s.customer_id IS NOT NULL AND ({known})"


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
