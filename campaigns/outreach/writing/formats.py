"""Prices, shares and dates as each language prints them; in Arabic with the digits of the Maghreb, 0 to 9."""

from __future__ import annotations

import datetime as dt
from decimal import ROUND_HALF_UP, Decimal

NBSP = "\u00a0"
_DECIMALS = {"TND": 3, "LYD": 3, "KWD": 3, "BHD": 3, "OMR": 3, "JOD": 3, "JPY": 0, "XOF": 0, "XAF": 0}
_ARABIC_NAMES = {"TND": "د.ت", "MAD": "د.م.", "DZD": "د.ج", "EUR": "يورو", "USD": "دولار"}

MONTHS = {
    "fr": tuple("janvier février mars avril mai juin juillet août septembre octobre novembre décembre".split()),
    "en": tuple("January February March April May June July August September October November December".split()),
    # as Tunisia writes them
    "ar": tuple("جانفي فيفري مارس أفريل ماي جوان جويلية أوت سبتمبر أكتوبر نوفمبر ديسمبر".split()),
}


def price_text(amount: Decimal, currency: str, language: str) -> str:
    """29,900 TND; TND 29.900; 29,900 د.ت: the currency's own decimals, none where an amount is round without them."""
    digits = _DECIMALS.get(currency, 2)
    rounded = amount.quantize(Decimal(1).scaleb(-digits), rounding=ROUND_HALF_UP)
    whole = rounded == rounded.to_integral_value()
    printed = f"{rounded:,.{0 if whole else digits}f}"
    if language == "en":
        return f"{currency}{NBSP}{printed}".strip()
    printed = printed.replace(",", NBSP).replace(".", ",")
    name = _ARABIC_NAMES.get(currency, currency) if language == "ar" else currency
    return f"{printed}{NBSP}{name}".strip()


def percent_text(share: Decimal, language: str) -> str:
    """0.2 -> 20 %, 20%; at most two decimals."""
    percent = (share * 100).quantize(Decimal("0.01"), rounding=ROUND_HALF_UP).normalize()
    printed = f"{percent:f}" if language == "en" else f"{percent:f}".replace(".", ",")
    return f"{printed}{NBSP}%" if language == "fr" else f"{printed}%"


def day_text(day: dt.date, language: str) -> str:
    """31 décembre 2026, 31 December 2026, 31 ديسمبر 2026; the first is 1er in French."""
    number = "1er" if language == "fr" and day.day == 1 else str(day.day)
    return NBSP.join((number, MONTHS[language][day.month - 1], str(day.year)))


def typeset_french(text: str) -> str:
    """The apostrophe, and the spaces that a line must not break at, as French typography asks for."""
    text = text.replace("'", "’").replace("« ", f"«{NBSP}").replace(" »", f"{NBSP}»")
    for mark in ":;!?%":
        text = text.replace(f" {mark}", f"{NBSP}{mark}")
    return text
