"""A row of every table for a company, whatever the table: what no stage made by itself is made here from its columns.

``fill()`` adds what is missing, ``digest()`` says in one word per table what is in it. Both work in the company in scope.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import re
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from decimal import Decimal

from django.apps import apps
from django.db import connection, models, transaction
from django.utils import timezone

from tenants.models import Membership, Tenant, User
from tenants.models_people import BrowserSession, Picture, RecoveryCode, SecondFactor
from tenants.scoping import current_tenant, tenant_scope

_WRITES = re.compile(r"(?:INSERT (?:OR \w+ )?INTO|UPDATE|DELETE FROM)\s+\"(\w+)\"")
FUTURE = dt.timedelta(days=30)


def scoped_models() -> list[type[models.Model]]:
    """Every table whose rows belong to one company each."""
    return [model for model in apps.get_models() if getattr(model, "is_tenant_scoped", False)]


def fill() -> list[type[models.Model]]:
    """Give the company in scope a row of every table that has none; the tables that got one.

    Raises AssertionError for a table that cannot be filled from its columns: it then needs a door of its own here.
    """
    filled: list[type[models.Model]] = []
    waiting = [model for model in scoped_models() if not model.objects.exists()]
    while waiting:
        ready = [model for model in waiting if not any(need in waiting for need in _needs(model) if need is not model)]
        assert ready, f"these tables wait for each other: {waiting}"
        for model in ready:
            _add(model)
            filled.append(model)
        waiting = [model for model in waiting if model not in ready]
    return filled


def _needs(model: type[models.Model]) -> list[type[models.Model]]:
    return [field.related_model for field in model._meta.local_fields if field.is_relation and not field.null]


def _add(model: type[models.Model]) -> None:
    values = {}
    for field in model._meta.local_fields:
        if (field.primary_key and not field.is_relation) or field.name == "tenant":
            continue
        if field.is_relation:
            values[field.name] = _somebody(field)
        elif not field.has_default() and not field.null:
            values[field.name] = _value(field)
    try:
        with transaction.atomic():
            model.objects.bulk_create([model(**values)])  # past save(): some tables are written by their service alone
    except Exception as error:
        raise AssertionError(f"{model._meta.label} got no row: {error}") from error


def _somebody(field: models.Field):
    """A row that the key may point to: of this company, a person of it, and one that nobody else points to if need be."""
    target = field.related_model
    if target is User:
        return User.objects.filter(memberships__tenant=current_tenant()).order_by("pk").first()
    if field.null and not getattr(target, "is_tenant_scoped", False):
        return None
    rows = target.objects.order_by("pk")
    if field.unique:
        rows = rows.exclude(pk__in=field.model.objects.exclude(**{f"{field.name}__isnull": True}).values(field.name))
    return rows.first()


def _value(field: models.Field) -> object:
    if field.choices:
        return next(value for value, _label in field.flatchoices)
    match field:
        case models.BooleanField():
            return False
        case models.DecimalField():
            return Decimal(1)
        case models.FloatField():
            return 0.5
        case models.IntegerField():
            return 1
        case models.DateTimeField():
            return timezone.now() + FUTURE
        case models.DateField():
            return timezone.now().date()
        case models.TimeField():
            return dt.time(9)
        case models.UUIDField():
            return uuid.uuid4()
        case models.JSONField():
            return {}
        case models.BinaryField():
            return b""
    return ""


def tables() -> dict[str, models.QuerySet]:
    """The rows of the company in scope, and the company, its people and their places: name in the database -> rows."""
    tenant = current_tenant()
    found = {model._meta.db_table: model.objects.all() for model in scoped_models()}
    found[Tenant._meta.db_table] = Tenant.objects.filter(pk=tenant.pk)
    found[User._meta.db_table] = User.objects.filter(memberships__tenant=tenant)
    return found | {rows.model._meta.db_table: rows for rows in of_people()}


def of_people() -> list[models.QuerySet]:
    """What hangs on the people of the company in scope: their places, and what belongs to no company."""
    tenant = current_tenant()
    hanging = (BrowserSession, SecondFactor, RecoveryCode, Picture)
    return [
        Membership.objects.filter(tenant=tenant),
        *(model.objects.filter(user__memberships__tenant=tenant) for model in hanging),
    ]


def public_ids(tenant: Tenant) -> set[str]:
    """The public identifiers of all rows of a company."""
    with tenant_scope(tenant):
        named = [
            rows for rows in tables().values() if any(f.name == "public_id" for f in rows.model._meta.local_fields)
        ]
        return {str(found) for rows in named for found in rows.values_list("public_id", flat=True)}


def digest(names: Iterable[str] | None = None) -> dict[str, str]:
    """What those tables (None: all of ``tables()``) hold for the company in scope: name -> a hash of its rows."""
    return {name: _hash(rows) for name, rows in tables().items() if names is None or name in names}


def _hash(rows: models.QuerySet) -> str:
    total = hashlib.sha256()
    for row in rows.order_by("pk").values_list():
        total.update(repr([bytes(v) if isinstance(v, memoryview) else v for v in row]).encode())
    return total.hexdigest()


def changed(before: dict[str, str], after: dict[str, str]) -> list[str]:
    """The tables of ``after`` whose rows are not what they were before."""
    return sorted(name for name in after if before[name] != after[name])


@contextmanager
def written() -> Iterator[set[str]]:
    """The names of the tables that anything in the block writes to."""
    names: set[str] = set()

    def watch(execute, sql, params, many, context):
        names.update(_WRITES.findall(sql))
        return execute(sql, params, many, context)

    with connection.execute_wrapper(watch):
        yield names
