"""The filter on one of the other fields that a company keeps of its customers, and these fields in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
from django import forms
from django.http import QueryDict
from django.utils.dateparse import parse_date
from django.utils.formats import date_format
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext, pgettext_lazy

from customers.selectors import Attribute, attribute_cells
from customers.wording.quality import number
from predictions.wording import value_name

_DAY_ZERO = date(2000, 1, 1)
NAMES = (
    "field",
    "of",
    "value",
    "low",
    "high",
)  # of the address; ``of``: the field that value, low and high were shown for


@dataclass(frozen=True, slots=True)
class FieldFilter:
    """What a person asked of one other field: a value of a category, yes or no, or a reach of numbers or days."""

    field: Attribute
    value: str = ""
    low: float | date | None = None
    high: float | date | None = None

    def fits(self, texts: Sequence[str]) -> np.ndarray:
        """Which customers fit (bool [n]), from their attributes as JSON. A cell not of the field's type never does."""
        cells = attribute_cells(texts, self.field, _DAY_ZERO)
        if self.field.kind == "flag":
            return cells == ("Yes" if self.value == "yes" else "No")
        if self.field.kind == "category":
            wanted = self.value.casefold()
            return np.array([cell is not None and cell.strip().casefold() == wanted for cell in cells], dtype=bool)
        low, high = self.low, self.high
        if self.field.kind == "date":
            cells = -cells
            low, high = ((day - _DAY_ZERO).days if day else None for day in (low, high))
        fit = ~np.isnan(cells)
        if low is not None:
            fit &= cells >= low
        if high is not None:
            fit &= cells <= high
        return fit


def without_stale(data: QueryDict) -> QueryDict:
    """The address without a value or bounds that were given while another field was chosen: they count for nothing."""
    if data.get("of", data.get("field")) == data.get("field"):
        return data
    data = data.copy()
    for name in ("value", "low", "high"):
        data.pop(name, None)
    return data


def form_fields(data: Mapping[str, str], known: Sequence[Attribute]) -> dict[str, forms.Field]:
    """Which field, and what may be asked of the one that is chosen; nothing where the company has no other fields."""
    if not known:
        return {}
    choices = [("", _("No other field")), *((a.name, a.name) for a in known)]
    found: dict[str, forms.Field] = {
        "field": forms.ChoiceField(label=_("Other field"), required=False, choices=choices)
    }
    chosen = next((a for a in known if a.name == data.get("field")), None)
    return found | (_inputs(chosen) if chosen else {})


def _inputs(chosen: Attribute) -> dict[str, forms.Field]:
    if chosen.kind in ("number", "date"):
        return {
            "low": _bound(chosen, pgettext_lazy("of a range", "From")),
            "high": _bound(chosen, pgettext_lazy("of a range", "To")),
        }
    if chosen.kind == "category" and not chosen.is_complete:
        return {"value": forms.CharField(label=_("Value"), required=False, max_length=200)}
    words = {"yes": _("Yes"), "no": _("No")} if chosen.kind == "flag" else {v: value_name(v) for v in chosen.values}
    choices = [("", _("Any value")), *words.items()]
    return {"value": forms.ChoiceField(label=_("Value"), required=False, choices=choices)}


def _bound(chosen: Attribute, label: str) -> forms.Field:
    if chosen.kind == "date":
        day = forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
        return forms.DateField(label=label, required=False, input_formats=["%Y-%m-%d"], widget=day)
    number_input = forms.NumberInput(attrs={"step": "any"})
    return forms.FloatField(label=label, required=False, widget=number_input)


def wanted(cleaned: Mapping[str, object], known: Sequence[Attribute]) -> FieldFilter | None:
    """The filter that was asked for; None where no field is chosen, or nothing is asked of it."""
    chosen = next((a for a in known if a.name == cleaned.get("field")), None)
    if chosen is None:
        return None
    value, low, high = str(cleaned.get("value") or ""), cleaned.get("low"), cleaned.get("high")
    if not value and low is None and high is None:
        return None
    return FieldFilter(chosen, value.strip(), low, high)


def chip(asked: FieldFilter) -> dict[str, object]:
    """What the filter asks, with the parameters that drop it."""
    if asked.value:
        flags = {"yes": _("Yes"), "no": _("No")}
        words = value_name(asked.value) if asked.field.kind == "category" else flags[asked.value]
        words = f"{asked.field.name}{pgettext('between a name and its value', ': ')}{words}"
    else:
        low, high = (None if bound is None else _shown(bound) for bound in (asked.low, asked.high))
        reach = f"{low}–{high}" if low and high else f"≥ {low}" if low else f"≤ {high}"
        words = f"{asked.field.name} {reach}"
    return {"words": words, "drop": dict.fromkeys(NAMES)}


def _shown(value: object) -> str:
    return date_format(value, "SHORT_DATE_FORMAT") if isinstance(value, date) else number(value)


def in_words(attributes: Mapping[str, object], known: Sequence[Attribute]) -> list[tuple[str, str]]:
    """A customer's other fields, name and words, in the order of their names."""
    kinds = {a.name: a.kind for a in known}
    rows = []
    for name in sorted(attributes):
        cell = attributes[name]
        if isinstance(cell, bool):
            words = value_name("Yes" if cell else "No")
        elif isinstance(cell, int | float):
            words = number(cell)
        elif kinds.get(name) == "date" and isinstance(cell, str) and (day := _day(cell)):
            words = date_format(day)
        else:
            words = value_name(str(cell))
        if cell not in (None, ""):
            rows.append((name, words))
    return rows


def _day(text: str) -> date | None:
    """The day of an ISO date, as the import writes dates."""
    try:
        return parse_date(text)
    except ValueError:
        return None
