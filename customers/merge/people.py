"""Customers and their subscriptions: a batch that is new goes in, a batch that is known is compared first."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from django.db import models, transaction
from django.utils import timezone

from core import bulk

from ..ingest.schema import BY_NAME, Table
from ..models import Customer, Subscription
from .statements import (
    CHANGE,
    CUSTOMER,
    Merged,
    any_of,
    changes,
    differs,
    is_sqlite,
    json_object,
    known_customers,
    new_identifier,
    or_empty,
    tenant_key,
)

_SUBSCRIPTION = Subscription._meta.db_table


@dataclass(frozen=True, slots=True)
class _Batch:
    """What the statements need to know of one merge of customers. ``columns``: those of the rows, in their order."""

    tenant: object
    import_id: int | None
    columns: list[str]
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
    has_attributes = any(row[-1] for row in rows)
    batch = _Batch(tenant_key(), import_id, list(columns), ours, theirs, has_attributes, empty_clears)
    with transaction.atomic():
        known = known_customers(row[1] for row in rows)
        new = [row for row in rows if row[1] not in known] if known else rows
        updated = _revise(batch, [row for row in rows if row[1] in known], known, write=write) if known else 0
        if new and write:
            _create(batch, new)
    return Merged(len(new), updated, len(rows) - len(new) - updated)


def _stage(name: str, batch: _Batch, **others: str) -> bulk.stage:
    types = {
        **bulk.column_types(Customer, ["external_id", *batch.ours]),
        **bulk.column_types(Subscription, batch.theirs),
    }
    staged = {"customer_id": "bigint", **{c: types[c] for c in batch.columns}}
    if batch.has_attributes:
        staged |= bulk.column_types(Customer, ["attributes"])
    return bulk.stage(name, staged | others)


def _keyed(batch: _Batch, rows: Sequence[tuple], keys: Sequence[int], *, keeps_nulls: bool) -> Iterator[tuple]:
    """The rows with their customer's key before and their other fields as JSON. The drivers take the rest as it is."""
    if not batch.has_attributes:
        return ((key, *row[1:-1]) for key, row in zip(keys, rows, strict=True))
    return ((key, *row[1:-1], _as_json(row[-1], keeps_nulls)) for key, row in zip(keys, rows, strict=True))


def _as_json(attributes: dict, keeps_nulls: bool) -> str:
    if not keeps_nulls:
        attributes = {name: value for name, value in attributes.items() if value is not None}
    return json.dumps(attributes, ensure_ascii=False) if attributes else "{}"


# ---------------------------------------------------------------- customers who are new


def _create(batch: _Batch, rows: Sequence[tuple]) -> None:
    # Known beforehand, the keys serve both tables: nobody has to be looked up again for the subscription.
    keys = bulk.reserve_keys(Customer, len(rows))
    with _stage("new_customers", batch) as stage:
        stage.load(_keyed(batch, rows, keys, keeps_nulls=False))
        _insert_customers(stage, batch)
        _insert_subscriptions(stage, batch)


def _insert_customers(stage: bulk.Stage, batch: _Batch) -> None:
    attributes = "s.attributes" if batch.has_attributes else "'{}'"
    _insert(
        stage,
        Customer,
        {"id": "s.customer_id", "public_id": new_identifier(), "attributes": attributes},
        ["external_id", *batch.ours],
        {"tenant_id": batch.tenant, "created_by_import": batch.import_id, "changed_by_import": batch.import_id},
    )


def _insert_subscriptions(stage: bulk.Stage, batch: _Batch, where: str = "") -> None:
    _insert(stage, Subscription, {"customer_id": "s.customer_id"}, batch.theirs, {"tenant_id": batch.tenant}, where)


def _insert(
    stage: bulk.Stage,
    model: type[models.Model],
    given: dict[str, str],
    staged: list[str],
    bound: dict[str, object],
    where: str = "",
) -> None:
    """Append a row for each staged one. ``given``: column -> expression; ``bound``: column -> value; columns that are neither,
    nor staged, are unknown or empty."""
    now = timezone.now()
    bound = {**bound, "created_at": now, "updated_at": now}
    values = dict(given)
    for field in model._meta.local_fields:
        if field.column not in (*given, *bound):
            values[field.column] = or_empty(model, field.column) if field.column in staged else _nothing(field)
    names = ", ".join(f'"{column}"' for column in (*bound, *values))
    stage.run(
        f"""INSERT INTO "{model._meta.db_table}" ({names})
            SELECT {", ".join(["%s"] * len(bound))}, {", ".join(values.values())}
            FROM {{stage}} s {where}""",
        list(bound.values()),
    )


def _nothing(field: models.Field) -> str:
    return "NULL" if field.null else "''"


# ---------------------------------------------------------------- customers who are known


def _revise(batch: _Batch, rows: Sequence[tuple], known: dict[str, int], *, write: bool) -> int:
    """Compare, and write what differs. Returns how many customers it is."""
    with (
        _stage("known_customers", batch) as stage,
        _stage("changed_customers", batch, our_change="boolean", their_change="boolean") as changed,
    ):
        stage.load(_keyed(batch, rows, [known[row[1]] for row in rows], keeps_nulls=batch.clears))
        stage.analyse("customer_id")
        if not _compare(stage, changed, batch):
            return 0
        counts = "(s.our_change OR s.their_change OR s.their_change IS NULL)"
        updated = changed.fetch(f"SELECT COUNT(*) FROM {{stage}} s WHERE {counts}")[0][0]
        if write:
            changed.analyse("customer_id")
            if updated and batch.import_id is not None:
                _keep_images(changed, batch, counts)
            if updated:
                _update(changed, batch, counts)
            _insert_subscriptions(changed, batch, "WHERE s.their_change IS NULL")
    return updated


def _compare(stage: bulk.Stage, changed: bulk.Stage, batch: _Batch) -> int:
    """Copy the rows that change something. ``their_change`` is null where the customer has no subscription yet."""
    conditions = differs(Customer, "t", batch.ours, clears=batch.clears)
    if batch.has_attributes:
        conditions.append(f"({_merged_attributes()[1]})")
    ours, theirs = any_of(conditions), any_of(differs(Subscription, "p", batch.theirs, clears=batch.clears))
    return changed.run(
        f"""INSERT INTO {{stage}}
            SELECT s.*, {ours}, CASE WHEN p.customer_id IS NOT NULL THEN {theirs} END
            FROM {stage.name} s JOIN "{CUSTOMER}" t ON t.id = s.customer_id
            LEFT JOIN "{_SUBSCRIPTION}" p ON p.customer_id = s.customer_id
            WHERE p.customer_id IS NULL OR {ours} OR {theirs}"""
    )


def _merged_attributes() -> tuple[str, str]:
    """(old attributes overlaid with the new ones, nulls taking the old away; whether that differs from the old)."""
    if is_sqlite():
        merged = "json_patch(t.attributes, s.attributes)"
        return merged, f"json(t.attributes) IS NOT {merged}"
    merged = "jsonb_strip_nulls(t.attributes || s.attributes)"
    return merged, f"t.attributes IS DISTINCT FROM {merged}"


def _keep_images(changed: bulk.Stage, batch: _Batch, counts: str) -> None:
    """What the rows that will change hold now."""
    others = {}
    if batch.has_attributes:
        others["attributes"] = "json(t.attributes)" if is_sqlite() else "t.attributes"
    ours, theirs = json_object("t", batch.ours, **others), json_object("p", batch.theirs)
    if is_sqlite():
        theirs = f"json(CASE WHEN p.customer_id IS NOT NULL THEN {theirs} END)"  # else it would be taken for a text
    else:
        theirs = f"CASE WHEN p.customer_id IS NOT NULL THEN {theirs} END"
    image = json_object("t", ["changed_by_import"], customer=ours, subscription=theirs)
    changed.run(
        f"""INSERT INTO "{CHANGE}" (tenant_id, customer_id, kind, at, brought_by_id, reason, before)
            SELECT %s, t.id, 'import', %s, %s, '', {image}
            FROM {{stage}} s JOIN "{CUSTOMER}" t ON t.id = s.customer_id
            LEFT JOIN "{_SUBSCRIPTION}" p ON p.customer_id = t.id
            WHERE {counts} ORDER BY t.id""",
        [batch.tenant, timezone.now(), batch.import_id],
    )


def _update(changed: bulk.Stage, batch: _Batch, counts: str) -> None:
    now = timezone.now()
    # Also where only the subscription changed: a customer says which import touched it last.
    sets = [*changes(Customer, batch.ours, clears=batch.clears), "changed_by_import = %s", "updated_at = %s"]
    if batch.has_attributes:
        sets.append(f"attributes = {_merged_attributes()[0]}")
    changed.run(
        f"""UPDATE "{CUSTOMER}" AS t SET {", ".join(sets)}
            FROM {{stage}} s WHERE t.id = s.customer_id AND {counts}""",
        [batch.import_id, now],
    )
    if batch.theirs:
        sets = [*changes(Subscription, batch.theirs, clears=batch.clears), "updated_at = %s"]
        changed.run(
            f"""UPDATE "{_SUBSCRIPTION}" AS t SET {", ".join(sets)}
                FROM {{stage}} s WHERE t.customer_id = s.customer_id AND s.their_change""",
            [now],
        )
