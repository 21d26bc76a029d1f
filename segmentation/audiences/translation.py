"""A rule as one question to the database, which answers as ``conditions.evaluate`` does.

``not`` is pushed down to the conditions, so that above them there are only and, or. There SQL's third answer does no harm:
NULL counts as no. A negated comparison says outright that who has no known value is in.
"""

from __future__ import annotations

from datetime import date

from django.db.models import Q, QuerySet
from django.db.models.expressions import Combinable
from django.utils import timezone

from customers.models import Customer

from ..conditions import All, Condition, Kind, Node, Not, Tree
from ..conditions.evaluation import comparable, window
from ..conditions.fields import DAYS
from .sources import Rows, comparison, source_of


class Translation:
    """``aliases``: the expressions to compare, by name; ``where``: who is in."""

    def __init__(self, tree: Tree, today: date) -> None:
        self._today = today
        self._names: dict[str, str] = {}
        self._rows: dict[str, Rows] = {}
        self.aliases: dict[str, Combinable] = {}
        self.where = self._node(tree.root, negated=False)

    def _node(self, node: Node, *, negated: bool) -> Q:
        if isinstance(node, Not):
            return self._node(node.child, negated=not negated)
        if isinstance(node, Condition):
            return self._condition(node, negated=negated)
        parts = [self._node(child, negated=negated) for child in node.children]
        found = parts[0]
        for part in parts[1:]:
            found = found & part if isinstance(node, All) is not negated else found | part
        return found

    def _condition(self, condition: Condition, *, negated: bool) -> Q:
        code = condition.field.code
        if code not in self._names and code not in self._rows:
            self._find(condition)
        if code in self._rows:
            found = self._exists(self._rows[code], condition)
            return ~found if negated else found
        name = self._names[code]
        found = comparison(name, *self._compared(condition))
        if not negated:
            return found
        return ~found if condition.operator in ("known", "unknown") else ~found | Q(**{f"{name}__isnull": True})

    def _find(self, condition: Condition) -> None:
        source = source_of(condition.field)
        if isinstance(source, Rows):
            self._rows[condition.field.code] = source
        else:
            name = self._names[condition.field.code] = f"asked_{len(self._names)}"
            self.aliases[name] = source

    @staticmethod
    def _exists(rows: Rows, condition: Condition) -> Q:
        if condition.operator in ("known", "some"):
            return Q(rows.exist())
        if condition.operator in ("unknown", "nothing"):
            return ~Q(rows.exist())
        if condition.field.kind is Kind.SEGMENT and condition.operator == "none_of":
            return ~Q(rows.exist(condition))
        return Q(rows.exist(condition))

    def _compared(self, condition: Condition) -> tuple[str, object]:
        """The operator and the value as the database compares it."""
        field, value = condition.field, condition.value
        if condition.operator in DAYS:
            return "between", window(condition, self._today)
        if isinstance(value, tuple):
            return condition.operator, [comparable(one, field) for one in value]
        return condition.operator, comparable(value, field)


def matching(tree: Tree, *, today: date | None = None) -> QuerySet[Customer]:
    """The customers of the company in scope who are in: one question, in no order. For jobs; pages count and sample."""
    return narrowed(Customer.objects.order_by(), tree, today)


def narrowed(customers: QuerySet[Customer], tree: Tree, today: date | None = None) -> QuerySet[Customer]:
    """Those of the customers who are in."""
    asked = Translation(tree, today or timezone.localdate())
    return customers.alias(**asked.aliases).filter(asked.where)
