"""Which facts about a customer a company can act on, and which are given."""

from __future__ import annotations

LEVERS = (
    "contract",
    "monthly_charges",
    "payment_method",
    "internet_service",
    "tech_support",
    "online_security",
    "online_backup",
    "device_protection",
    "paperless_billing",
    "streaming_tv",
    "streaming_movies",
    "multiple_lines",
    "phone_service",
)  # fmt: skip  what one thinks of first, first
# What a customer is, did, or paid, and how often they were written to: what another mail does is for a holdout to say. Complaints are what came of something that one could act on, not a lever themselves.
_GIVEN = frozenset(
    {
        "gender",
        "senior_citizen",
        "partner",
        "dependents",
        "age",
        "tenure",
        "total_charges",
        "silence_days",
        "recent_contacts",
    }
)
_OF_USE = (
    "montant_consommation_", "nombre_appels_", "volume_data_", "nombre_sms_", "nombre_recharges_", "nombre_reclamations_",
)  # fmt: skip


def actionable(name: str) -> bool | None:
    """Whether one can act on a feature; None for other fields, of which only the company knows."""
    if name in LEVERS:
        return True
    if name in _GIVEN or name.startswith(_OF_USE):
        return False
    return None
