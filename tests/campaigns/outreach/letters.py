"""Facts that tests of the writer share: one company, its offers in three languages."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

from campaigns.outreach.writing import Facts, OfferFacts, Price

LANGUAGES = ("fr", "en", "ar")
LINK = "https://atlas.tn/offre?c=12"
NAMES = {
    "fr": ("Fibre Sérénité", "Débit relevé pendant 3 mois."),
    "en": ("Steady Fibre", "A faster line for 3 months."),
    "ar": ("فيبر الراحة", "سرعة أعلى لمدة 3 أشهر."),
}


def tnd(amount: str) -> Price:
    return Price(Decimal(amount), "TND")


def offer_in(language: str, **changes) -> OfferFacts:
    name, text = NAMES[language]
    given = {
        "name": name,
        "text": text,
        "price_before": tnd("40"),
        "price_after": tnd("32"),
        "discount": Decimal("0.2"),
        "valid_until": dt.date(2026, 12, 1),
    }
    return OfferFacts(**{**given, **changes})


def facts_in(language: str, **changes) -> Facts:
    given = {
        "company": "Atlas Télécom",
        "persona": "loyal",
        "label": "Price sensitive",
        "drivers": ("monthly_charges", "tech_support"),
        "offer": offer_in(language),
    }
    return Facts(language, **{**given, **changes})
