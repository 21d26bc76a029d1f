"""No row may point at another company's row: proved by the database itself, for every key between scoped tables.

Row-level security does not check foreign keys, and SQLite has no row-level security at all. After each ``migrate``
this module makes sure that every foreign key between two models with a ``tenant`` has its guard: a composite foreign
key on PostgreSQL, a pair of triggers on SQLite. Generated from the models, so a new table has it from birth.
"""

from __future__ import annotations

from collections.abc import Iterator

from django.apps import apps
from django.db import connections, models

_MESSAGE = "FOREIGN KEY crosses companies"


def scoped_models() -> list[type[models.Model]]:
    return [m for m in apps.get_models() if getattr(m, "is_tenant_scoped", False) and m._meta.managed]


def scoped_keys() -> Iterator[tuple[type[models.Model], models.ForeignKey, type[models.Model]]]:
    """Every (model, foreign key, target) where both ends belong to a company."""
    scoped = set(scoped_models())
    for model in scoped_models():
        for field in model._meta.local_fields:
            if isinstance(field, models.ForeignKey) and field.related_model in scoped:
                yield model, field, field.related_model


def install_after_migrate(sender, using: str, **_: object) -> None:
    if sender.name != "core":
        return
    install(using)


def remove_before_migrate(sender, using: str, **_: object) -> None:
    """SQLite rebuilds a table to alter it, and a trigger that names it would stop that: they are put back afterwards."""
    connection = connections[using]
    if sender.name != "core" or connection.vendor != "sqlite":
        return
    with connection.cursor() as cursor:
        cursor.execute("SELECT name FROM sqlite_master WHERE type = 'trigger' AND sql LIKE %s", [f"%{_MESSAGE}%"])
        for (name,) in cursor.fetchall():
            cursor.execute(f'DROP TRIGGER "{name}"')


def install(using: str = "default") -> None:
    """Create what is missing. Safe to run at any time; keys whose tables do not exist yet are passed over."""
    connection = connections[using]
    tables = set(connection.introspection.table_names())
    with connection.cursor() as cursor:
        for model, field, target in scoped_keys():
            child, parent = model._meta.db_table, target._meta.db_table
            if child in tables and parent in tables:
                statements = _postgres if connection.vendor == "postgresql" else _sqlite
                for sql in statements(cursor, child, field.column, parent, target._meta.pk.column):
                    cursor.execute(sql)


def _name(child: str, column: str) -> str:
    return f"{child}_{column}_tenant"[:60]


def _sqlite(cursor, child: str, column: str, parent: str, key: str) -> Iterator[str]:
    for event in ("INSERT", f"UPDATE OF {column}, tenant_id"):
        suffix = event.split(" ")[0].lower()
        yield f"""
            CREATE TRIGGER IF NOT EXISTS "{_name(child, column)}_{suffix}" BEFORE {event} ON "{child}"
            WHEN NEW."{column}" IS NOT NULL AND NOT EXISTS (
                SELECT 1 FROM "{parent}" WHERE "{key}" = NEW."{column}" AND tenant_id = NEW.tenant_id)
            BEGIN SELECT RAISE(ABORT, '{_MESSAGE}: {child}.{column}'); END"""
    # What the composite key refuses on PostgreSQL: a parent that leaves its rows behind.
    yield f"""
        CREATE TRIGGER IF NOT EXISTS "{_name(parent, key)}_stays" BEFORE UPDATE OF tenant_id ON "{parent}"
        WHEN NEW.tenant_id IS NOT OLD.tenant_id
        BEGIN SELECT RAISE(ABORT, '{_MESSAGE}: {parent} never moves'); END"""


def _postgres(cursor, child: str, column: str, parent: str, key: str) -> Iterator[str]:
    unique, foreign = f"{parent}_tenant_key"[:60], _name(child, column)
    cursor.execute("SELECT conname FROM pg_constraint WHERE conname IN (%s, %s)", [unique, foreign])
    present = {row[0] for row in cursor.fetchall()}
    if unique not in present:
        yield f'ALTER TABLE "{parent}" ADD CONSTRAINT "{unique}" UNIQUE (tenant_id, "{key}")'
    if foreign not in present:
        yield (
            f'ALTER TABLE "{child}" ADD CONSTRAINT "{foreign}" FOREIGN KEY (tenant_id, "{column}") '
            f'REFERENCES "{parent}" (tenant_id, "{key}") DEFERRABLE INITIALLY DEFERRED'
        )
