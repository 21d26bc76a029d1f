"""How many are in an audience, soon enough for a page: all of them where there are few, else by a sample of keys.

A sample of keys is drawn from the reach of the company's keys, always the same one, so that two rules are held against the
same customers and a figure does not tremble while somebody types. What it costs does not grow with the company.
"""

from __future__ import annotations

import random
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from math import sqrt

from django.db.models import Case, QuerySet, Sum, When
from django.db.models import Count as Number
from django.utils import timezone

from customers import selectors as customers
from customers.models import Customer, Subscription

from ..conditions import All, Any, Condition, Node, Tree
from .translation import Translation, matching, narrowed

DRAWN = 20_000  # keys; up to as many customers are counted one by one
_WORK = 400_000  # conditions looked at for one figure: a long rule is held against fewer customers
_FEWEST = 4_000
_Z = 1.959964  # for 95 %
_SEED = 2024
_PATIENCE = 0.8  # seconds, as the first keys foretell


@dataclass(frozen=True, slots=True)
class Count:
    """``customers`` of ``total`` are in. Where that is an estimate, from ``looked`` of them: with 95 % between low and high."""

    customers: int
    low: int
    high: int
    total: int
    looked: int
    is_exact: bool


def count(tree: Tree) -> Count:
    """At most about a second, however many customers there are."""
    most = _looked_at(tree)
    total = _size(most)
    if total <= most or _is_anchored(tree.root):
        found = matching(tree).count()
        return Count(found, found, found, max(total, found), total, True)
    total = max(total, int(customers.customer_base()["customers"]))
    looked, found = _estimated(tree, _keys(most))
    if not looked:
        return Count(0, 0, total, total, 0, False)
    low, high = wilson(found, looked)
    # Of those looked at one knows: there are as many at least who are in, and who are not.
    low, high = max(round(low * total), found), min(round(high * total), total - (looked - found))
    return Count(min(max(round(found / looked * total), low), high), low, high, total, looked, False)


def _estimated(tree: Tree, keys: Sequence[int]) -> tuple[int, int]:
    """How many were looked at, and how many of them are in: of all these keys, or of the first where more would keep a page
    waiting (a rule that asks much, a machine that has other work)."""
    today, began = timezone.localdate(), time.monotonic()
    looked, found = _tally(_among(keys[:_FEWEST]), tree, today)
    if len(keys) > _FEWEST and (time.monotonic() - began) * len(keys) / _FEWEST < _PATIENCE:
        others = _tally(_among(keys[_FEWEST:]), tree, today)
        looked, found = looked + others[0], found + others[1]
    return looked, found


def _tally(drawn: QuerySet[Customer], tree: Tree, today: date) -> tuple[int, int]:
    """How many were drawn, and how many of them are in, in one question. A case for each customer keeps the planner from
    beginning elsewhere: it costs as much as customers were drawn, whatever the rule asks."""
    asked = Translation(tree, today)
    is_in = Case(When(asked.where, then=1), default=0)
    told = drawn.alias(**asked.aliases).annotate(is_in=is_in).aggregate(looked=Number("pk"), found=Sum("is_in"))
    return told["looked"], told["found"] or 0


def sample(tree: Tree, limit: int = 5) -> list[Customer]:
    """A few who are in, for a look; of a large company found among those that are counted, so perhaps none of a rare kind."""
    most = _looked_at(tree)
    is_small = _size(most) <= most or _is_anchored(tree.root)
    found = matching(tree) if is_small else narrowed(_among(_keys(most)[:_FEWEST]), tree)
    return list(found.order_by("pk")[: min(limit, 50)])


def wilson(found: int, looked: int) -> tuple[float, float]:
    """Wilson's interval for a share, 95 %."""
    share, z2 = found / looked, _Z * _Z
    middle = (share + z2 / (2 * looked)) / (1 + z2 / looked)
    reach = _Z / (1 + z2 / looked) * sqrt(share * (1 - share) / looked + z2 / (4 * looked * looked))
    return max(middle - reach, 0.0), min(middle + reach, 1.0)


def _looked_at(tree: Tree) -> int:
    conditions = sum(1 for _ in tree.conditions())
    return min(DRAWN, max(_FEWEST, _WORK // conditions))


def _size(most: int) -> int:
    """How many customers there are, if not more than ``most``; else some more than that."""
    return Customer.objects.order_by()[: most + 1].count()


def _keys(most: int) -> Sequence[int]:
    """Keys drawn by lot, and the beginning of them is drawn by lot too. Gaps make the customers fewer, and no less fairly
    drawn."""
    first, last = _reach()
    reach = range(first, last + 1)
    return random.Random(_SEED).sample(reach, min(most, len(reach)))  # noqa: S311 - the same each time


def _among(keys: Sequence[int]) -> QuerySet[Customer]:
    return Customer.objects.filter(pk__in=keys).order_by()


def _reach() -> tuple[int, int]:
    """The first and the last key: by the index of subscriptions, which begins with the company. Imports give everybody one."""
    for rows, column in ((Subscription.objects, "customer_id"), (Customer.objects, "pk")):
        keys = rows.order_by(column).values_list(column, flat=True)
        first = keys.first()
        if first is not None:
            return first, rows.order_by(f"-{column}").values_list(column, flat=True).first()
    return 1, 0


def _is_anchored(node: Node) -> bool:
    """Whether named customer numbers bound the answer: an index finds these."""
    if isinstance(node, Condition):
        return node.field.code == "external_id" and node.operator in ("equals", "one_of")
    if isinstance(node, All):
        return any(map(_is_anchored, node.children))
    return isinstance(node, Any) and all(map(_is_anchored, node.children))
