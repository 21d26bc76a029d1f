"""What a driver is about, for the customer: a feature of the models as a matter that one can help with."""

from __future__ import annotations

import re
from collections.abc import Iterable
from enum import StrEnum


class Theme(StrEnum):
    PRICE = "price"
    CONTRACT = "contract"
    SUPPORT = "support"
    INTERNET = "internet"
    BEGINNINGS = "beginnings"
    BILLING = "billing"
    USE = "use"
    COMPLAINTS = "complaints"
    PROTECTION = "protection"
    ENTERTAINMENT = "entertainment"


# Who somebody is (age, gender, family) is no matter to write about, and stands in no theme.
_THEMES = {
    "monthly_charges": Theme.PRICE,
    "total_charges": Theme.PRICE,
    "montant_consommation": Theme.PRICE,
    "contract": Theme.CONTRACT,
    "tech_support": Theme.SUPPORT,
    "internet_service": Theme.INTERNET,
    "tenure": Theme.BEGINNINGS,
    "tenure_months": Theme.BEGINNINGS,
    "payment_method": Theme.BILLING,
    "paperless_billing": Theme.BILLING,
    "nombre_appels": Theme.USE,
    "volume_data": Theme.USE,
    "nombre_sms": Theme.USE,
    "nombre_recharges": Theme.USE,
    "silence_days": Theme.USE,
    "nombre_reclamations": Theme.COMPLAINTS,
    "online_security": Theme.PROTECTION,
    "online_backup": Theme.PROTECTION,
    "device_protection": Theme.PROTECTION,
    "streaming_tv": Theme.ENTERTAINMENT,
    "streaming_movies": Theme.ENTERTAINMENT,
}
_STATISTIC = re.compile(r"_(last|mean_3m|slope_3m|trend_3m)$")
_MOVES = ("_slope_3m", "_trend_3m")


def theme_of(feature: str) -> Theme | None:
    """What a feature is about; None where it is nothing that a message could help with."""
    if feature.startswith("montant_consommation") and feature.endswith(_MOVES):
        return Theme.USE  # spending less and less is using less and less, not paying too much
    return _THEMES.get(_STATISTIC.sub("", feature))


def themes_of(features: Iterable[str]) -> tuple[Theme, ...]:
    """The themes of the features that weigh, in their order, each once. A theme's own code is taken as it is."""
    codes = set(Theme)
    found = (Theme(name) if name in codes else theme_of(name) for name in features)
    return tuple(dict.fromkeys(theme for theme in found if theme is not None))
