"""What features are called, their values with units, and the labels of segments."""

from __future__ import annotations

from django.conf import settings
from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from core.templatetags.ui import money, percent
from customers.selectors import SERVICES
from customers.wording.features import feature_name as column_name

from .features import RISK

_OF_USE = {
    "montant_consommation": gettext_lazy("Spend a month"),
    "nombre_appels": gettext_lazy("Calls a month"),
    "volume_data": gettext_lazy("Data a month"),
    "nombre_sms": gettext_lazy("Text messages a month"),
    "nombre_recharges": gettext_lazy("Top-ups a month"),
    "nombre_reclamations": gettext_lazy("Complaints a month"),
    SERVICES: gettext_lazy("Number of services"),
    RISK: gettext_lazy("Risk of leaving"),
}
_MONEY = {"montant_consommation", "monthly_charges", "total_charges"}


def label(number: int) -> str:
    """S1, S2 … or as the setting SEGMENT_LABELS says; beyond its end the count goes on."""
    given = settings.SEGMENT_LABELS
    return given[number - 1] if number <= len(given) else f"S{number}"


def feature_name(name: str) -> str:
    return str(_OF_USE[name]) if name in _OF_USE else column_name(name)


def amount(name: str, value: float | None, currency: str = "") -> str:
    """A feature's value as people write it."""
    if value is None:
        return "–"
    if name == RISK:
        return percent(value)
    if name in _MONEY:
        return money(value, currency)
    if name == "volume_data":
        if abs(value) >= 1000:
            return _("%(n)s GB") % {"n": _number(value / 1000)}
        return _("%(n)s MB") % {"n": _number(value)}
    if name == "tenure":
        return _("%(range)s months") % {"range": _number(value)}
    if name == "age":
        return _("%(range)s years") % {"range": _number(value)}
    return _number(value)


def _number(value: float) -> str:
    size = abs(value)
    digits = 0 if size >= 100 or float(value).is_integer() else 1 if size >= 1 else 2
    return number_format(round(value, digits), digits, force_grouping=True)
