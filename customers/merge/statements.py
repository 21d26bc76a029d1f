"""What the merges share: the words of both engines, whom a company knows, what a batch came to."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass

from django.db import connection, models

from core import bulk
from tenants.scoping import current_tenant

from ..models import Customer, CustomerChange, UsageRecord

CUSTOMER, CHANGE = Customer._meta.db_table, CustomerChange._meta.db_table
_FLOATS = {field.column for field in UsageRecord._meta.local_fields if isinstance(field, models.FloatField)}


@dataclass(frozen=True, slots=True)
class Merged:
    """Counts of a batch; ``strangers``: lines of months whose customer is not known."""

    created: int = 0
    updated: int = 0
    unchanged: int = 0
    strangers: frozenset[int] = frozenset()


def is_sqlite() -> bool:
    return connection.vendor == "sqlite"


def tenant_key() -> object:
    """The key of the company in scope, as the driver takes it."""
    key = current_tenant().pk
    return key.hex if is_sqlite() else key


def known_customers(numbers: Iterable[str]) -> dict[str, int]:
    """Number -> key, for those of the company's customers who have one of these numbers."""
    # One parameter, however many: an array would be put together by Python, and a list of parameters has an end.
    chosen = "value FROM json_each(%s)" if is_sqlite() else "jsonb_array_elements_text(%s::jsonb)"
    return dict(
        bulk.fetch(
            f'SELECT external_id, id FROM "{CUSTOMER}" WHERE tenant_id = %s AND external_id IN (SELECT {chosen})',
            [tenant_key(), json.dumps(list(numbers), ensure_ascii=False)],
        )
    )


def or_empty(model: type[models.Model], column: str) -> str:
    """The staged value, or what the table holds for "nothing"."""
    return f's."{column}"' if model._meta.get_field(column).null else f"COALESCE(s.\"{column}\", '')"


def differs(model: type[models.Model], alias: str, columns: Iterable[str], *, clears: bool) -> list[str]:
    """Conditions under which the staged row ``s`` changes the row that ``alias`` names, one for each column."""
    unequal = "IS NOT" if is_sqlite() else "IS DISTINCT FROM"
    if clears:
        return [f'{alias}."{c}" {unequal} {or_empty(model, c)}' for c in columns]
    return [f'(s."{c}" IS NOT NULL AND {alias}."{c}" {unequal} s."{c}")' for c in columns]


def any_of(conditions: Iterable[str]) -> str:
    return f"({' OR '.join(conditions) or '1 = 0'})"


def changes(model: type[models.Model], columns: Iterable[str], *, clears: bool) -> list[str]:
    """``column = staged value``; an unknown one leaves the old value in place or, with ``clears``, empties it."""
    if clears:
        return [f'"{c}" = {or_empty(model, c)}' for c in columns]
    return [f'"{c}" = COALESCE(s."{c}", t."{c}")' for c in columns]


def json_object(alias: str, columns: Iterable[str], **others: str) -> str:
    """A JSON object of a row's columns, and of others by name and expression, in the engine's own words."""
    build = "json_object" if is_sqlite() else "jsonb_build_object"
    pairs = [f"'{c}', {_exactly(alias, c)}" for c in columns]
    pairs += [f"'{name}', {expression}" for name, expression in others.items()]
    return f"{build}({', '.join(pairs)})"


def _exactly(alias: str, column: str) -> str:
    """The column's value; SQLite writes fifteen digits of a float into JSON, and a float may need seventeen to come back."""
    value = f'{alias}."{column}"'
    if column not in _FLOATS or not is_sqlite():
        return value
    return f"json(CASE WHEN {value} IS NULL THEN 'null' ELSE quote({value}) END)"


def new_identifier() -> str:
    """A random version 4 UUID as the engine keeps one, another in each row."""
    if not is_sqlite():
        return "gen_random_uuid()"
    return "lower(hex(randomblob(6)) || '4' || substr(hex(randomblob(2)), 2) || 'a' || substr(hex(randomblob(8)), 2))"
