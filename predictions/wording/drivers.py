"""Words for what moves one customer's risk: a fact, the customer's own value with its unit, and how much it weighs."""

from __future__ import annotations

from math import exp

from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from core.templatetags.ui import money
from customers.selectors import RECENT_CONTACTS
from customers.wording.features import feature_name

# Labels that come from files and that we know; others are shown as the company writes them.
VALUES = {
    "Yes": gettext_lazy("Yes"),
    "No": gettext_lazy("No"),
    "Male": gettext_lazy("Male"),
    "Female": gettext_lazy("Female"),
    "Month-to-month": gettext_lazy("Month-to-month"),
    "One year": gettext_lazy("One year"),
    "Two year": gettext_lazy("Two year"),
    "DSL": gettext_lazy("DSL"),
    "Fiber optic": gettext_lazy("Fiber optic"),
    "No internet service": gettext_lazy("No internet service"),
    "No phone service": gettext_lazy("No phone service"),
    "Electronic check": gettext_lazy("Electronic check"),
    "Mailed check": gettext_lazy("Mailed check"),
    "Bank transfer (automatic)": gettext_lazy("Bank transfer (automatic)"),
    "Credit card (automatic)": gettext_lazy("Credit card (automatic)"),
}


def value_name(value: object) -> str:
    return str(VALUES.get(value, value)) if isinstance(value, str) else str(value)


def driver(entry: dict, currency: str = "") -> dict[str, object]:
    """One driver for people: ``{"name", "value", "sentence", "effect", "raises", "odds", "strength"}``.

    ``odds``: by what factor this fact multiplies the odds of leaving, against the average customer.
    """
    name, effect = entry["feature"], float(entry["effect"])
    shown = _value(name, entry.get("value"), currency, is_date="days" in entry)
    raises = effect > 0
    size = abs(effect)
    strength = "strong" if size >= 0.7 else "medium" if size >= 0.3 else "slight"
    template = {
        (True, "strong"): _("%(name)s: %(value)s. This raises the risk a lot."),
        (True, "medium"): _("%(name)s: %(value)s. This raises the risk."),
        (True, "slight"): _("%(name)s: %(value)s. This raises the risk a little."),
        (False, "strong"): _("%(name)s: %(value)s. This lowers the risk a lot."),
        (False, "medium"): _("%(name)s: %(value)s. This lowers the risk."),
        (False, "slight"): _("%(name)s: %(value)s. This lowers the risk a little."),
    }[raises, strength]
    return {
        "feature": name,
        "name": feature_name(name),
        "value": shown,
        "effect": effect,
        "raises": raises,
        "odds": exp(effect),
        "strength": strength,
        "sentence": template % {"name": feature_name(name), "value": shown},
    }


_MONEY = {
    "monthly_charges",
    "total_charges",
    *(f"montant_consommation_{what}" for what in ("last", "mean_3m", "slope_3m")),
}


def _value(name: str, value: object, currency: str, *, is_date: bool) -> str:
    """A customer's own value in words, with its unit."""
    if value is None:
        return _("not known")
    if is_date:
        return _days_away(round(float(value)))
    if name.endswith("_trend_3m"):
        change = round(100 * (float(value) - 1))
        return _("%(n)s%% against the three months before") % {"n": f"{change:+d}"}
    if name.endswith("_slope_3m"):
        size = abs(float(value))
        shown = money(size, currency) if name in _MONEY else _number(size)
        return _("%(n)s a month") % {"n": ("+" if value > 0 else "−" if value < 0 else "") + shown}
    if name in _MONEY:
        return money(float(value), currency)
    if name == "tenure":
        return ngettext("%(n)s month", "%(n)s months", int(value)) % {"n": int(value)}
    if name == "silence_days":
        days = int(value)
        if not days:
            return _("used in the last month")
        return ngettext("%(n)s day without any use", "%(n)s days without any use", days) % {"n": days}
    if name == RECENT_CONTACTS:
        return _contacted(int(value))
    if isinstance(value, float):
        return _number(value)
    return value_name(value)


def _contacted(times: int) -> str:
    """How often somebody was written to within frames.contacts.CONTACT_DAYS."""
    said = {
        0: _("not contacted in the last six months"),
        1: _("contacted once in the last six months"),
        2: _("contacted twice in the last six months"),
    }
    if times in said:
        return said[times]
    return ngettext(
        "contacted %(n)s time in the last six months", "contacted %(n)s times in the last six months", times
    ) % {"n": times}


def _number(value: float) -> str:
    """Three digits or so, whatever the size: 0.034, 4.25, 41.3, 1,204."""
    size = abs(value)
    digits = 0 if value == int(value) or size >= 1000 else 1 if size >= 10 else 2 if size >= 0.1 else 4
    return number_format(round(value, digits), digits, force_grouping=True)


def _days_away(days: int) -> str:
    """A date as days before the last import (after it where negative)."""
    if not days:
        return _("on the day of the last import")
    if days > 0:
        return ngettext("%(n)s day before the last import", "%(n)s days before the last import", days) % {"n": days}
    return ngettext("%(n)s day after the last import", "%(n)s days after the last import", -days) % {"n": -days}
