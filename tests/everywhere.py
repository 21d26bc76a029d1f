"""A test's view over all companies at once, which the product does not have: PostgreSQL shows one company's rows at a time.

``every(Model)`` answers what ``Model._base_manager`` would: a few of a manager's methods, put to each company and put together.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from django.db import models

from core import companies
from tenants.scoping import TenantModel, public_scope

_CHAINED = ("filter", "exclude", "order_by", "values", "values_list", "select_related", "all")


class Everywhere:
    def __init__(self, model: type[models.Model], *steps: Callable[[Any], Any]) -> None:
        self._model, self._steps = model, steps

    def __getattr__(self, name: str) -> Callable[..., Everywhere]:
        if name not in _CHAINED:
            raise AttributeError(name)
        return lambda *given, **named: Everywhere(
            self._model, *self._steps, lambda rows: getattr(rows, name)(*given, **named)
        )

    def _asked(self, ask: Callable[[Any], Any]) -> list[Any]:
        """What each company answers, one after another; of a table of no company, one answer."""
        if not issubclass(self._model, TenantModel):
            return [ask(self._rows())]
        answers = []
        for company in companies.each():
            with company:
                answers.append(ask(self._rows()))
        return answers

    def _rows(self) -> Any:
        rows = self._model._base_manager.all()
        for step in self._steps:
            rows = step(rows)
        return rows

    def __iter__(self) -> Iterator[Any]:
        return iter([row for rows in self._asked(list) for row in rows])

    def get(self, *given: Any, **named: Any) -> Any:
        found = list(self.filter(*given, **named)) if given or named else list(self)
        if not found:
            raise self._model.DoesNotExist
        if len(found) > 1:
            raise self._model.MultipleObjectsReturned
        return found[0]

    def first(self) -> Any:
        return next(iter(self), None)

    def count(self) -> int:
        return sum(self._asked(lambda rows: rows.count()))

    def exists(self) -> bool:
        return self.count() > 0

    def update(self, **fields: Any) -> int:
        return sum(self._asked(lambda rows: rows.update(**fields)))

    def delete(self) -> int:
        return sum(self._asked(lambda rows: rows.delete()[0]))

    def bulk_create(self, rows: list[Any]) -> list[Any]:
        """Each in its own company."""
        for row in rows:
            with public_scope(row.tenant):
                self._model._base_manager.bulk_create([row])
        return rows


def every(model: type[models.Model]) -> Everywhere:
    return Everywhere(model)
