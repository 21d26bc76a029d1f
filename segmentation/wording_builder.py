"""What the builder of rules says: fields in their groups, comparisons, values, and what to know before an offer hangs on one."""

from __future__ import annotations

import json
from collections.abc import Iterable

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy

from tenants.scoping import current_tenant

from .conditions import Catalogue, Field, Kind, Problem, Tree
from .wording_conditions import field_name, option_words, problem, sentence

_GROUPS = {
    "person": gettext_lazy("Person"),
    "plan": gettext_lazy("Plan"),
    "risk": gettext_lazy("Risk"),
    "usage": pgettext_lazy("group of fields", "Use"),
    "segment": gettext_lazy("Segment"),
    "contacts": gettext_lazy("Past contacts"),
    "others": gettext_lazy("Other fields"),
}
_OPERATORS = {
    "equals": pgettext_lazy("condition", "is"),
    "not_equals": pgettext_lazy("condition", "is not"),
    "one_of": pgettext_lazy("condition", "is one of"),
    "none_of": pgettext_lazy("condition", "is none of"),
    "less": pgettext_lazy("condition", "is below"),
    "at_most": pgettext_lazy("condition", "is at most"),
    "more": pgettext_lazy("condition", "is above"),
    "at_least": pgettext_lazy("condition", "is at least"),
    "between": pgettext_lazy("condition", "is between"),
    "known": pgettext_lazy("condition", "is known"),
    "unknown": pgettext_lazy("condition", "is not known"),
    "before": pgettext_lazy("condition", "is before"),
    "after": pgettext_lazy("condition", "is after"),
    "last_days": pgettext_lazy("condition", "is within the last … days"),
    "next_days": pgettext_lazy("condition", "is within the coming … days"),
    "some": pgettext_lazy("condition", "is any at all"),
    "nothing": pgettext_lazy("condition", "is none at all"),
}


def builder(catalogue: Catalogue) -> dict[str, object]:
    """What the builder's script needs, as JSON: fields in their groups with operators and values, all in words."""
    groups: dict[str, list[dict[str, object]]] = {}
    for field in catalogue:
        groups.setdefault(field.group, []).append(_offered(field))
    return {
        "groups": [{"name": str(_GROUPS.get(code, code)), "fields": fields} for code, fields in groups.items()],
        "operators": {code: str(words) for code, words in _OPERATORS.items()},
    }


def _offered(field: Field) -> dict[str, object]:
    found: dict[str, object] = {
        "code": field.code,
        "name": field_name(field),
        "kind": str(field.kind),
        "operators": list(field.offered),
        "values": [[value, option_words(field, value)] for value, _words in field.values],
        "closed": field.is_closed,
    }
    if field.kind in (Kind.NUMBER, Kind.MONEY):
        found |= {"low": field.low, "high": field.high, "step": "1" if field.is_whole else "any", "unit": _unit(field)}
    note = offer_note(field)
    return found | ({"note": note} if note else {})


def _unit(field: Field) -> str:
    if field.unit == "money":
        return current_tenant().currency
    words = {"months": _("months"), "years": _("years"), "megabytes": _("MB"), "share": _("from 0 to 1")}
    return words.get(field.unit, "")


def offer_note(field: Field) -> str:
    """What to know of a field before an offer hangs on it."""
    if not field.decides_offer:
        return _("To look at only: no offer may be decided by it.")
    return _("An offer may hang on it only by a rule that a person approved.") if field.needs_approval else ""


def rule_form(
    rule: object, catalogue: Catalogue, *, tree: Tree | None = None, problems: Iterable[Problem] = ()
) -> dict[str, object]:
    """What ``segmentation/_conditions.html`` takes as ``rule``. ``rule``: JSON, or the text that somebody sent; ``tree``: the
    same, where it could be used."""
    text = rule if isinstance(rule, str) else json.dumps(rule, ensure_ascii=False, indent=2) if rule else ""
    return {
        "text": text,
        "sentence": sentence(tree, catalogue) if tree else "",
        "problems": problem_rows(problems),
        "builder": builder(catalogue),
    }


def problem_rows(problems: Iterable[Problem]) -> list[dict[str, str]]:
    """Faults for the page: where, which, and in words."""
    return [{"path": found.path, "code": found.code, "words": problem(found)} for found in problems]
