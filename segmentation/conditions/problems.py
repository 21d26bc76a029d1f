"""What is wrong with a rule: a code and the path of the node, for the page to mark and the API to answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

MOST = 50  # told at once


@dataclass(frozen=True, slots=True)
class Problem:
    """One fault. ``path``: keys and places from the root, "all.2.value"; empty for the whole rule.

    Codes, with their facts: not_json · too_large (most) · not_a_rule · empty_group · too_deep (most) · too_many_conditions
    (most) · unexpected (key) · field_missing · field_unknown (field) · operator_missing · operator_unknown (operator,
    allowed) · value_missing · value_unexpected · not_a_number · not_whole · too_many_decimals (most) · out_of_range (low,
    high) · not_yes_or_no · not_a_date · not_a_text · text_empty · text_too_long (most) · not_a_choice (value) · not_a_list ·
    list_empty · list_too_long (most) · not_a_pair · bounds_crossed
    """

    path: str
    code: str
    facts: Mapping[str, object] = field(default_factory=dict)

    def as_json(self) -> dict[str, object]:
        return {"path": self.path, "code": self.code, **({"facts": dict(self.facts)} if self.facts else {})}


class Invalid(ValueError):
    """A rule that cannot be used; ``problems``: all that is wrong with it, at most MOST."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = list(problems)[:MOST]
        super().__init__("; ".join(f"{p.path or '.'}: {p.code}" for p in self.problems))


class Wrong(Exception):
    """One value that cannot be used; ``place`` within the value, where it is a list."""

    def __init__(self, code: str, place: int | None = None, **facts: object) -> None:
        self.code, self.place, self.facts = code, place, facts
        super().__init__(code)
