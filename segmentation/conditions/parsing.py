"""From JSON to a rule: every fault is told with the path of its node, and nothing is unbounded."""

from __future__ import annotations

import json as codec

from .fields import WITHOUT_VALUE, Catalogue
from .nodes import All, Any, Condition, Node, Not, Tree
from .problems import MOST, Invalid, Problem, Wrong
from .values import read_value

DEEPEST = 4  # groups within groups; ``not`` is none
MOST_CONDITIONS = 50
LARGEST = 500_000  # characters of JSON: fifty lists of two hundred texts are half of it
_DEEPEST_JSON = 2 * DEEPEST + 2  # with a ``not`` around each
_GROUPS = {"all": All, "any": Any}


def parse(json: object, catalogue: Catalogue) -> Tree:
    """A rule from JSON, as text or read already. Raises Invalid, with all that is wrong."""
    reading = _Reading(catalogue)
    root = reading.node(_decoded(json) if isinstance(json, str) else json, (), 0)
    if reading.conditions > MOST_CONDITIONS:
        reading.problems.insert(0, Problem("", "too_many_conditions", {"most": MOST_CONDITIONS}))
    if reading.problems or root is None:
        raise Invalid(reading.problems)
    return Tree(root)


def _decoded(text: str) -> object:
    if len(text) > LARGEST:
        raise Invalid([Problem("", "too_large", {"most": LARGEST})])
    try:
        return codec.loads(text)
    except (ValueError, RecursionError):
        raise Invalid([Problem("", "not_json")]) from None


class _Reading:
    """One pass over the JSON: what was wrong so far, and how many conditions there were."""

    def __init__(self, catalogue: Catalogue) -> None:
        self.catalogue = catalogue
        self.problems: list[Problem] = []
        self.conditions = 0

    def wrong(self, path: tuple[object, ...], code: str, **facts: object) -> None:
        if len(self.problems) < MOST:
            self.problems.append(Problem(".".join(map(str, path)), code, facts))

    def node(self, given: object, path: tuple[object, ...], groups: int) -> Node | None:
        if not isinstance(given, dict):
            return self.wrong(path, "not_a_rule")
        if len(path) > 2 * _DEEPEST_JSON:
            return self.wrong(path, "too_deep", most=DEEPEST)
        kinds = [key for key in ("all", "any", "not") if key in given]
        if not kinds and "field" not in given and "is" not in given:
            return self.wrong(path, "not_a_rule")
        allowed = kinds[:1] or ["field", "is", "value"]
        for key in [key for key in given if key not in allowed][:3]:
            self.wrong(path, "unexpected", key=str(key)[:60])
        if not kinds:
            return self.condition(given, path)
        if kinds[0] == "not":
            child = self.node(given["not"], (*path, "not"), groups)
            return None if child is None else Not(child)
        return self.group(kinds[0], given[kinds[0]], (*path, kinds[0]), groups + 1)

    def group(self, sort: str, given: object, path: tuple[object, ...], groups: int) -> Node | None:
        if groups > DEEPEST:
            return self.wrong(path, "too_deep", most=DEEPEST)
        if not isinstance(given, list):
            return self.wrong(path, "not_a_list")
        if not given:
            return self.wrong(path, "empty_group")
        children = []
        for place, child in enumerate(given):
            if self.conditions > MOST_CONDITIONS or len(self.problems) >= MOST:
                break
            children.append(self.node(child, (*path, place), groups))
        return None if None in children else _GROUPS[sort](tuple(children))

    def condition(self, given: dict, path: tuple[object, ...]) -> Condition | None:
        self.conditions += 1
        code, operator = given.get("field"), given.get("is")
        if code in (None, ""):
            return self.wrong((*path, "field"), "field_missing")
        field = self.catalogue.get(code)
        if field is None:
            return self.wrong((*path, "field"), "field_unknown", field=str(code)[:120])
        if operator in (None, ""):
            return self.wrong((*path, "is"), "operator_missing")
        if operator not in field.offered:
            return self.wrong(
                (*path, "is"), "operator_unknown", operator=str(operator)[:60], allowed=list(field.offered)
            )
        value = given.get("value")
        if operator in WITHOUT_VALUE:
            return Condition(field, operator) if value is None else self.wrong((*path, "value"), "value_unexpected")
        if value is None:
            return self.wrong((*path, "value"), "value_missing")
        try:
            return Condition(field, operator, read_value(value, field, operator))
        except Wrong as wrong:
            place = () if wrong.place is None else (wrong.place,)
            return self.wrong((*path, "value", *place), wrong.code, **wrong.facts)
