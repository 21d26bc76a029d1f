"""The traits that feature names stand for, and the table of personas that are told by them."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

ALL_OVER = "usage"  # mean of all that is used: spend, calls, data, messages

# Name of a feature, without its statistic -> the trait, and whether it goes along with it (1) or against it (-1).
_TRAIT: dict[str, tuple[str, int]] = {
    "age": ("age", 1),
    "senior_citizen": ("age", 1),
    "montant_consommation": ("spend", 1),
    "monthly_charges": ("charges", 1),
    "total_charges": ("lifetime", 1),
    "nombre_appels": ("calls", 1),
    "volume_data": ("data", 1),
    "nombre_sms": ("messages", 1),
    "nombre_recharges": ("topups", 1),
    "nombre_reclamations": ("complaints", 1),
    "silence_days": ("silence", 1),
    "tenure": ("tenure", 1),
    "tenure_months": ("tenure", 1),
    "risk": ("risk", 1),
    "churn_risk": ("risk", 1),
    "probability": ("risk", 1),
    "services": ("services", 1),
    "service_count": ("services", 1),
    "number_of_services": ("services", 1),
    "dependents": ("family", 1),
    "partner": ("family", 1),
}
_STATISTIC = re.compile(r"_(last|mean|mean_\d+m|usual)$")
_USED = ("spend", "calls", "data", "messages")

# Alternatives of each persona: trait -> weight, above 0 high, below 0 low. All traits of an alternative must be at hand.
RULES: dict[str, tuple[dict[str, float], ...]] = {
    "data_hungry": ({"data": 1.0},),
    "talker": ({"calls": 1.0},),
    "texter": ({"messages": 1.0},),
    "big_spender": ({"spend": 1.0}, {"charges": 1.0}, {"spend": 1.0, "charges": 0.7}),
    "heavy_all_round": ({ALL_OVER: 1.2, "spend": 0.6, "data": 0.4, "calls": 0.4, "messages": 0.4},),
    "young_digital": (
        {"age": -1.0, "data": 0.8},
        {"age": -1.0, "messages": 0.8},
        {"age": -0.9, "data": 0.6, "messages": 0.6},
    ),
    "senior_quiet": ({"age": 1.0, ALL_OVER: -0.9},),
    "senior_talker": ({"age": 1.0, "calls": 0.9},),
    "price_sensitive": (
        {"spend": -1.0, "data": 0.3},
        {"spend": -0.9},
        {"charges": -0.9},
        {"charges": -1.0, "risk": 0.5},
        {"spend": -0.8, "topups": 0.5},
    ),
    "silent_loyal": ({ALL_OVER: -0.95}, {"tenure": 1.0, "services": -0.6}, {"tenure": 1.0, ALL_OVER: -0.8}),
    "loyal_valuable": (
        {"tenure": 1.0, "charges": 0.9},
        {"tenure": 1.0, "spend": 0.9},
        {"lifetime": 1.0, "tenure": 0.8},
    ),
    "loyal": ({"tenure": 0.9},),
    "newcomer": ({"tenure": -1.0},),
    "newcomer_at_risk": ({"tenure": -1.0, "risk": 0.9},),
    "valuable_at_risk": ({"charges": 1.0, "risk": 1.0}, {"spend": 1.0, "risk": 1.0}),
    "at_risk": ({"risk": 1.0},),
    "safe": ({"risk": -0.8},),
    "fading": ({"silence": 1.0},),
    "complainer": ({"complaints": 1.0},),
    "service_rich": ({"services": 1.0},),
    "service_light": ({"services": -0.9},),
    "family": ({"family": 1.0},),
}
PERSONAS: tuple[str, ...] = tuple(RULES)
# Like everybody; named after the one feature that stands out. Where segments are all alike the rest are group_1, group_2 ...
OTHER_PERSONAS = ("average", "standout")


def traits(names: Sequence[str], apart: np.ndarray) -> dict[str, np.ndarray]:
    """The traits at hand (float64 [k] each, standard deviations from the rest) of features (apart float64 [k, q]).

    Of several features of one trait the mean.
    """
    found: dict[str, list[np.ndarray]] = {}
    for at, name in enumerate(names):
        trait = trait_of(name)
        if trait is not None:
            found.setdefault(trait[0], []).append(trait[1] * apart[:, at])
    levels = {trait: np.mean(columns, axis=0) for trait, columns in found.items()}
    used = [levels[trait] for trait in _USED if trait in levels]
    if len(used) > 1:
        levels[ALL_OVER] = np.mean(used, axis=0)
    return levels


def trait_of(name: str) -> tuple[str, int] | None:
    """The trait of a feature's name, and its sign; None for an attribute that no rule knows."""
    return _TRAIT.get(name) or _TRAIT.get(_STATISTIC.sub("", name))
