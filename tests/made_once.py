"""Rows that most tests begin with: made through the services once, then put there again as they were.

The cast takes a hundred statements, and three thousand tests want it.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Callable
from itertools import groupby
from typing import Generic, TypeVar

from django.db import connection, models

from tenants.scoping import TenantModel, public_scope
from tests.everywhere import every

_READS = re.compile(r"\s*(SELECT|SAVEPOINT|RELEASE|PRAGMA|SET|BEGIN)\b", re.IGNORECASE)
_INTO = re.compile(r'\s*INSERT INTO "(\w+)"')

Made = TypeVar("Made")


class MadeOnce(Generic[Made]):
    """``make()`` writes rows of ``tables`` alone (the first of them the companies), and only into an empty database is it
    spared: whoever has companies already gets theirs from the services, with keys of their own."""

    def __init__(self, make: Callable[[], Made], *tables: type[models.Model]) -> None:
        self._make, self._tables = make, tables
        self._made: Made | None = None
        self._rows: list[tuple[type[models.Model], list[models.Model]]] = []

    def __call__(self) -> Made:
        if self._tables[0]._base_manager.exists():
            return self._make()
        if self._made is None:
            return self._keep()
        for model, rows in self._rows:
            self._put(model, rows)
        return copy.deepcopy(self._made)

    def _keep(self) -> Made:
        known = {model._meta.db_table for model in self._tables}

        def watch(execute, sql, params, many, context):
            into = _INTO.match(sql)
            assert _READS.match(sql) or (into and into[1] in known), f"the rows put back would miss this: {sql[:200]}"
            return execute(sql, params, many, context)

        with connection.execute_wrapper(watch):
            made = self._make()
        self._rows = [(model, list(every(model))) for model in self._tables]
        self._made = copy.deepcopy(made)
        return made

    def _put(self, model: type[models.Model], rows: list[models.Model]) -> None:
        fresh = [copy.copy(row) for row in rows]
        if not issubclass(model, TenantModel):
            self._write(model, fresh)
            return
        companies = {company.pk: company for company in self._rows[0][1]}
        for key, group in groupby(fresh, key=lambda row: row.tenant_id):
            with public_scope(companies[key]):
                self._write(model, list(group))

    @staticmethod
    def _write(model: type[models.Model], rows: list[models.Model]) -> None:
        """As they were: ``bulk_create`` would take another moment for when they were made and changed."""
        model._base_manager.all()._insert(rows, fields=model._meta.concrete_fields, using=connection.alias, raw=True)
