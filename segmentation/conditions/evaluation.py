"""What a rule means: whether one customer is in the audience. The database's answer must be this one, for every rule."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import date, timedelta

from .fields import Field, Kind, folded
from .nodes import All, Any, Condition, Node, Not, Tree


def evaluate(tree: Tree, record: Mapping[str, object], today: date) -> bool:
    """``record``: code of a field -> its value, None where unknown (an empty text is); of kind segment a set of codes."""
    return _holds(tree.root, record, today)


def _holds(node: Node, record: Mapping[str, object], today: date) -> bool:
    if isinstance(node, All):
        return all(_holds(child, record, today) for child in node.children)
    if isinstance(node, Any):
        return any(_holds(child, record, today) for child in node.children)
    if isinstance(node, Not):
        return not _holds(node.child, record, today)
    found = record.get(node.field.code)
    if node.field.kind is Kind.SEGMENT:
        return _belongs(node, found or ())
    is_known = found is not None and found != ""
    if node.operator in ("known", "unknown"):
        return is_known is (node.operator == "known")
    return is_known and _compares(node, found, today)


def _belongs(node: Condition, found: Collection[str]) -> bool:
    if node.operator in ("some", "nothing"):
        return bool(found) is (node.operator == "some")
    return bool(set(node.value) & set(found)) is (node.operator == "one_of")


def _compares(node: Condition, found: object, today: date) -> bool:
    found, value = comparable(found, node.field), node.value
    if isinstance(value, str):
        value = comparable(value, node.field)
    match node.operator:
        case "equals":
            return found == value
        case "not_equals":
            return found != value
        case "one_of":
            return found in {comparable(one, node.field) for one in value}
        case "none_of":
            return found not in {comparable(one, node.field) for one in value}
        case "less" | "before":
            return found < value
        case "at_most":
            return found <= value
        case "more" | "after":
            return found > value
        case "at_least":
            return found >= value
        case "between":
            return value[0] <= found <= value[1]
        case "last_days" | "next_days":
            low, high = window(node, today)
            return low <= found <= high
    raise ValueError(node.operator)


def comparable(value: object, field: Field) -> object:
    """A value as it is compared: days as ISO text, labels and texts without the case of A to Z."""
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, str) and field.folds and field.kind in (Kind.CATEGORY, Kind.TEXT):
        return folded(value)
    return value


def window(node: Condition, today: date) -> tuple[str, str]:
    """The first and the last day, both counting, of "within the last (or coming) N days"."""
    other = today + timedelta(days=node.value if node.operator == "next_days" else -node.value)
    low, high = sorted((today, other))
    return low.isoformat(), high.isoformat()
