"""The bulk half of taking an import back: images into place, batch by batch, where nothing touched the row since."""

from __future__ import annotations

from django.db import connection, models
from django.utils import timezone

from core import bulk

from .models import Customer, CustomerChange, Subscription, UsageRecord

_CHANGE = CustomerChange._meta.db_table


def restore_customers(import_id: int, images: tuple[int, int], *, ours: list[str], theirs: list[str]) -> int:
    """Put back customers and subscriptions whose images have keys in ``images`` (first, last). Returns how many customers.

    Only rows that this import touched last are put back, each as its earliest image of this import has it.
    """
    touched = f'"{Customer._meta.db_table}" k, "{_CHANGE}" c'
    eligible = "c.brought_by_id = %s AND c.id BETWEEN %s AND %s AND c.month IS NULL AND " + _is_first("e.month IS NULL")
    # Whom this import brought as well will be removed, not restored.
    eligible += f""" AND NOT EXISTS (SELECT 1 FROM "{Customer._meta.db_table}" b
                     WHERE b.id = c.customer_id AND b.created_by_import = c.brought_by_id)"""
    params = [import_id, *images]
    if theirs:
        bulk.run(
            f"""UPDATE "{Subscription._meta.db_table}" AS t SET {_sets(Subscription, theirs, "subscription")},
                    updated_at = %s
                FROM {touched} WHERE {eligible} AND k.id = c.customer_id AND k.changed_by_import = %s
                  AND t.customer_id = k.id AND {_is_object()}""",
            [timezone.now(), *params, import_id],
        )
    bulk.run(
        f"""DELETE FROM "{Subscription._meta.db_table}" WHERE customer_id IN (
                SELECT k.id FROM {touched} WHERE {eligible} AND k.id = c.customer_id AND k.changed_by_import = %s
                AND NOT {_is_object()})""",
        [*params, import_id],
    )
    return bulk.run(
        f"""UPDATE "{Customer._meta.db_table}" AS t SET {_sets(Customer, [*ours, "attributes"], "customer")},
                changed_by_import = {_value("bigint", "changed_by_import")}, updated_at = %s
            FROM "{_CHANGE}" c WHERE {eligible} AND t.id = c.customer_id AND t.changed_by_import = %s""",
        [timezone.now(), *params, import_id],
    )


def restore_months(import_id: int, images: tuple[int, int], *, measures: list[str]) -> int:
    """The same for months of use."""
    eligible = "c.brought_by_id = %s AND c.id BETWEEN %s AND %s AND " + _is_first("e.month = c.month")
    return bulk.run(
        f"""UPDATE "{UsageRecord._meta.db_table}" AS t SET {_sets(UsageRecord, measures, "usage")},
                changed_by_import = {_value("bigint", "changed_by_import")}
            FROM "{_CHANGE}" c WHERE {eligible} AND t.customer_id = c.customer_id AND t.month = c.month
              AND t.changed_by_import = %s""",
        [import_id, *images, import_id],
    )


def _is_first(same: str) -> str:
    return f"""NOT EXISTS (SELECT 1 FROM "{_CHANGE}" e WHERE e.customer_id = c.customer_id
               AND e.brought_by_id = c.brought_by_id AND e.id < c.id AND {same})"""


def _is_object() -> str:
    if connection.vendor == "sqlite":
        return "COALESCE(json_type(c.before, '$.subscription'), 'null') = 'object'"
    return "COALESCE(jsonb_typeof(c.before->'subscription'), 'null') = 'object'"


def _sets(model: type[models.Model], columns: list[str], key: str) -> str:
    """``column = what the image holds``; a column that the image does not hold stays."""
    types = bulk.column_types(model, columns)
    pairs = []
    for column, kind in types.items():
        if connection.vendor == "sqlite":
            held = f"json_type(c.before, '$.{key}.{column}') IS NOT NULL"
        else:
            held = f"c.before->'{key}' ? '{column}'"
        pairs.append(f'"{column}" = CASE WHEN {held} THEN {_value(kind, key, column)} ELSE t."{column}" END')
    return ", ".join(pairs)


def _value(kind: str, *path: str) -> str:
    if connection.vendor == "sqlite":
        return f"json_extract(c.before, '$.{'.'.join(path)}')"
    *way, last = path
    holder = "c.before" + "".join(f"->'{step}'" for step in way)
    return f"({holder}->'{last}')" if kind == "jsonb" else f"({holder}->>'{last}')::{kind}"
