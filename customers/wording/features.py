"""What a column that models learn from is called: standard fields, trends of use, contacts, and other fields by their headers."""

from __future__ import annotations

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

_STANDARD = {
    "gender": gettext_lazy("Gender"),
    "senior_citizen": gettext_lazy("Senior citizen"),
    "partner": gettext_lazy("Partner"),
    "dependents": gettext_lazy("Dependents"),
    "age": gettext_lazy("Age"),
    "tenure": gettext_lazy("Tenure"),
    "contract": gettext_lazy("Contract"),
    "monthly_charges": gettext_lazy("Monthly charges"),
    "total_charges": gettext_lazy("Total charges"),
    "phone_service": gettext_lazy("Phone service"),
    "multiple_lines": gettext_lazy("Multiple lines"),
    "internet_service": gettext_lazy("Internet service"),
    "online_security": gettext_lazy("Online security"),
    "online_backup": gettext_lazy("Online backup"),
    "device_protection": gettext_lazy("Device protection"),
    "tech_support": gettext_lazy("Tech support"),
    "streaming_tv": gettext_lazy("Streaming TV"),
    "streaming_movies": gettext_lazy("Streaming movies"),
    "paperless_billing": gettext_lazy("Paperless billing"),
    "payment_method": gettext_lazy("Payment method"),
}
_TRENDS = {
    "montant_consommation_last": gettext_lazy("Spend, last month"),
    "montant_consommation_mean_3m": gettext_lazy("Spend, last three months"),
    "montant_consommation_slope_3m": gettext_lazy("Spend, slope over three months"),
    "montant_consommation_trend_3m": gettext_lazy("Trend of spend"),
    "nombre_appels_last": gettext_lazy("Calls, last month"),
    "nombre_appels_mean_3m": gettext_lazy("Calls, last three months"),
    "nombre_appels_slope_3m": gettext_lazy("Calls, slope over three months"),
    "nombre_appels_trend_3m": gettext_lazy("Trend of calls"),
    "volume_data_last": gettext_lazy("Data, last month"),
    "volume_data_mean_3m": gettext_lazy("Data, last three months"),
    "volume_data_slope_3m": gettext_lazy("Data, slope over three months"),
    "volume_data_trend_3m": gettext_lazy("Trend of data"),
    "nombre_sms_last": gettext_lazy("Text messages, last month"),
    "nombre_sms_mean_3m": gettext_lazy("Text messages, last three months"),
    "nombre_sms_slope_3m": gettext_lazy("Text messages, slope over three months"),
    "nombre_sms_trend_3m": gettext_lazy("Trend of text messages"),
    "nombre_recharges_last": gettext_lazy("Top-ups, last month"),
    "nombre_recharges_mean_3m": gettext_lazy("Top-ups, last three months"),
    "nombre_recharges_slope_3m": gettext_lazy("Top-ups, slope over three months"),
    "nombre_recharges_trend_3m": gettext_lazy("Trend of top-ups"),
    "nombre_reclamations_last": gettext_lazy("Complaints, last month"),
    "nombre_reclamations_mean_3m": gettext_lazy("Complaints, last three months"),
    "nombre_reclamations_slope_3m": gettext_lazy("Complaints, slope over three months"),
    "nombre_reclamations_trend_3m": gettext_lazy("Trend of complaints"),
    "silence_days": gettext_lazy("Silence"),
}
_CAMPAIGNS = {"recent_contacts": gettext_lazy("Contacts"), "campaign_standing": gettext_lazy("Campaigns before")}
_MARK = " (other field)"  # see frames.attributes.column_names


def feature_name(name: str) -> str:
    """A column's name for people; an other field in quotes, as the company wrote its header."""
    known = _STANDARD.get(name) or _TRENDS.get(name) or _CAMPAIGNS.get(name)
    if known is not None:
        return str(known)
    if name.endswith(_MARK):
        return _("“%(header)s” (other field)") % {"header": name.removesuffix(_MARK)}
    return _("“%(header)s”") % {"header": name}


def trend_name(name: str) -> str | None:
    """What a trend of use is called; None for any other column."""
    return str(_TRENDS[name]) if name in _TRENDS else None
