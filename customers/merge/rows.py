"""Rows that hang on a customer: months of use, contacts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from django.db import models, transaction
from django.utils import timezone

from core import bulk

from ..models import Customer, Interaction, UsageRecord
from .statements import (
    CHANGE,
    CUSTOMER,
    Merged,
    any_of,
    changes,
    differs,
    json_object,
    known_customers,
    tenant_key,
)

_USAGE = UsageRecord._meta.db_table


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
    types = {"customer_id": "bigint", **bulk.column_types(UsageRecord, ["month", *measures])}
    with transaction.atomic():
        known = known_customers({row[1] for row in rows})
        strangers = frozenset(row[0] for row in rows if row[1] not in known)
        if not known:
            return Merged(strangers=strangers)
        with (
            bulk.stage("incoming_months", types) as stage,
            bulk.stage("changed_months", {**types, "usage_id": "bigint"}) as changed,
        ):
            stage.load((known[row[1]], *row[2:]) for row in rows if row[1] in known)
            stage.analyse("customer_id")
            _compare_months(stage, changed, measures, clears=empty_clears)
            written, updated = changed.fetch("SELECT COUNT(*), COUNT(usage_id) FROM {stage}")[0]
            if write and written:
                _write_months(changed, measures, import_id, clears=empty_clears, has_old=updated > 0)
    created = written - updated
    return Merged(created, updated, len(rows) - len(strangers) - created - updated, strangers)


def _compare_months(stage: bulk.Stage, changed: bulk.Stage, measures: Sequence[str], *, clears: bool) -> None:
    """Copy the months that are new or change something. ``usage_id`` is null for those that are new.

    A month of which nothing is known is none: it may empty an old one, and makes no new one.
    """
    changed.run(
        f"""INSERT INTO {{stage}} SELECT s.*, t.id
            FROM {stage.name} s LEFT JOIN "{_USAGE}" t
              ON t.tenant_id = %s AND t.customer_id = s.customer_id AND t.month = s.month
            WHERE {any_of(differs(UsageRecord, "t", measures, clears=clears))}""",
        [tenant_key()],
    )


def _write_months(
    changed: bulk.Stage, measures: Sequence[str], import_id: int | None, *, clears: bool, has_old: bool
) -> None:
    if has_old and import_id is not None:
        image = json_object("t", ["changed_by_import"], usage=json_object("t", measures))
        changed.run(
            f"""INSERT INTO "{CHANGE}" (tenant_id, customer_id, kind, at, brought_by_id, reason, month, before)
                SELECT %s, t.customer_id, 'import', %s, %s, '', t.month, {image}
                FROM {{stage}} s JOIN "{_USAGE}" t ON t.id = s.usage_id ORDER BY t.id""",
            [tenant_key(), timezone.now(), import_id],
        )
    if has_old:
        sets = [*changes(UsageRecord, measures, clears=clears), "changed_by_import = %s"]
        changed.run(
            f"""UPDATE "{_USAGE}" AS t SET {", ".join(sets)} FROM {{stage}} s WHERE t.id = s.usage_id""", [import_id]
        )
    names = ", ".join(f'"{c}"' for c in measures)
    changed.run(
        f"""INSERT INTO "{_USAGE}" (tenant_id, customer_id, month, {names}, created_by_import, changed_by_import)
            SELECT %s, s.customer_id, s.month, {", ".join(f's."{c}"' for c in measures)}, %s, %s
            FROM {{stage}} s WHERE s.usage_id IS NULL""",
        [tenant_key(), import_id, import_id],
    )


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


def _append(model: type[models.Model], columns: list[str], key: tuple[str, ...], rows: Iterable[Sequence]) -> int:
    types = {
        **bulk.column_types(Customer, ["external_id"]),
        **bulk.column_types(model, columns),
    }
    names = ", ".join(f'"{c}"' for c in columns)
    updates = ", ".join(f'"{c}" = excluded."{c}"' for c in columns if c not in key)
    with bulk.stage(f"incoming_{model._meta.model_name}", types) as stage:
        stage.load(rows)
        stage.analyse("external_id")
        return stage.run(
            f"""INSERT INTO "{model._meta.db_table}" (tenant_id, customer_id, {names})
                SELECT c.tenant_id, c.id, {", ".join(f's."{c}"' for c in columns)} FROM {{stage}} s
                JOIN "{CUSTOMER}" c ON c.tenant_id = %s AND c.external_id = s.external_id WHERE true
                ON CONFLICT (tenant_id, {", ".join(key)}) DO UPDATE SET {updates}""",
            [tenant_key()],
        )
