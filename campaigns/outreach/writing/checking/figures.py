"""Prices, shares, dates and any other number in digits: only the offer's own may stand in a draft."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from functools import lru_cache

from ..facts import Facts
from .sentences import Failure, Sentence, folded, normal

_GROUPS = r"\d{1,3}(?: \d{3})+(?!\d)|\d{1,3}(?:[.,'’٬]\d{3})+|\d+"
_NUMBER = re.compile(rf"(?:{_GROUPS})(?:[.,٫]\d+)?|\d+")

# Every spelling -> one code. Folded as sentences are.
_CURRENCIES = {
    "TND": "tnd dt dinar dinars دينار دنانير دينارا د.ت millime millimes مليم",
    "DZD": "dzd da د.ج",
    "MAD": "mad dh dirham dirhams درهم دراهم د.م",
    "EUR": "eur euro euros € يورو اورو",
    "USD": "usd dollar dollars $ دولار",
    "GBP": "gbp £ pound pounds livre livres",
    "SAR": "sar riyal riyals ريال",
    "XOF": "xof cfa fcfa",
    "LYD": "lyd",
}
_CURRENCY_OF = {spelling: code for code, spellings in _CURRENCIES.items() for spelling in folded(spellings).split()}
_CURRENCY = re.compile(
    "|".join(
        rf"(?<!\w){re.escape(spelling)}(?!\w)" if spelling[-1].isalpha() else re.escape(spelling)
        for spelling in sorted(_CURRENCY_OF, key=len, reverse=True)
    )
)
_PERCENT = re.compile(r"^\s?(?:%|٪|pour[ -]?cents?|p\.\s?cent|per ?cent|percent|بالمئه|بالمائه|في المئه|في المائه)")
_UNIT = re.compile(r"^[ \-]?([^\W\d_]+)")

_MONTH_NAMES = (
    "janvier january jan janv يناير جانفي",
    "février february feb févr fev fevrier فبراير فيفري",
    "mars march mar مارس",
    "avril april apr avr ابريل افريل نيسان",
    "mai may مايو ماي ايار",
    "juin june jun يونيو جوان حزيران",
    "juillet july jul juil يوليو جويليه تموز",
    "août aout august aug اغسطس اوت اب",
    "septembre september sep sept سبتمبر ايلول",
    "octobre october oct اكتوبر",
    "novembre november nov نوفمبر",
    "décembre december dec déc decembre ديسمبر",
)
MONTH_OF = {name: at + 1 for at, names in enumerate(_MONTH_NAMES) for name in folded(names).split()}
_MONTH = "|".join(sorted(MONTH_OF, key=len, reverse=True))
_DATES = (
    re.compile(r"(?<!\d)(?P<y>\d{4})[-/.](?P<m>\d{1,2})[-/.](?P<d>\d{1,2})(?!\d)"),
    re.compile(r"(?<!\d)(?P<d>\d{1,2})\s?[-/.]\s?(?P<m>\d{1,2})\s?[-/.]\s?(?P<y>\d{4}|\d{2})(?!\d)"),
    re.compile(rf"(?<!\d)(?P<d>\d{{1,2}})(?:er|st|nd|rd|th)?(?: of)? (?P<n>{_MONTH})\.?(?:,? (?P<y>\d{{4}}))?(?![\w])"),
    re.compile(rf"(?<!\w)(?P<n>{_MONTH})\.? (?P<d>\d{{1,2}})(?:st|nd|rd|th)?(?:,? (?P<y>\d{{4}}))?(?!\w)"),
    re.compile(rf"(?<!\w)(?P<n>{_MONTH}) (?P<y>\d{{4}})(?!\w)"),
    re.compile(r"(?<![\d/])(?P<d>\d{1,2})/(?P<m>\d{1,2})(?![\d/])"),
)


@dataclass(frozen=True, slots=True)
class Figure:
    """What one number says: kind price | percent | date | number. ``values``: all that its digits may mean."""

    kind: str
    written: str
    values: frozenset[Decimal]
    unit: str = ""  # a currency's code, or the word that follows, as far as it tells what is counted
    date: tuple[int | None, int, int | None] | None = None  # year, month, day


def figures_of(text: str) -> list[Figure]:
    """All figures of a text, dates first."""
    text = folded(text)
    found: list[Figure] = []
    for pattern in _DATES:
        for match in pattern.finditer(text):
            parts = match.groupdict()
            month = MONTH_OF[parts["n"]] if parts.get("n") else int(parts["m"])
            year = int(parts["y"]) if parts.get("y") else None
            year = 2000 + year if year is not None and year < 100 else year
            day = int(parts["d"]) if parts.get("d") else None
            found.append(Figure("date", match[0].strip(), frozenset(), "", (year, month, day)))
        text = pattern.sub(" · ", text)
    for match in _NUMBER.finditer(text):
        found.append(_read(match[0], text[max(0, match.start() - 8) : match.start()], text[match.end() :]))
    return found


def check_figures(sentence: Sentence, facts: Facts) -> Iterator[Failure]:
    """Figures that are neither the offer's nor the company's own."""
    known = _own(facts)
    for figure in figures_of(sentence.read):
        if not any(_same(figure, one) for one in known):
            yield sentence.failure("figure", figure=figure.written, kind=figure.kind)


@lru_cache(maxsize=32)
def _own(facts: Facts) -> tuple[Figure, ...]:
    """The offer's own figures: its prices, discount and date, and whatever the company itself wrote of it."""
    offer, found = facts.offer, []
    for text in (facts.company, *((offer.name, offer.text, offer.how_text) if offer else ())):
        found += figures_of(normal(text))
    if offer is None:
        return tuple(found)
    for price in (offer.price_before, offer.price_after):
        if price is not None:
            found.append(Figure("price", "", frozenset({price.amount}), _currency(price.currency or price.text)))
    if offer.discount is not None:
        found.append(Figure("percent", "", frozenset({offer.discount * 100})))
    if offer.valid_until is not None:
        day: dt.date = offer.valid_until
        found.append(Figure("date", "", frozenset(), "", (day.year, day.month, day.day)))
    return tuple(found)


def _same(said: Figure, own: Figure) -> bool:
    if said.kind != own.kind:
        return False
    if said.kind == "date":
        # A year may be left out; a day may not, for the month alone would promise more.
        return said.date[1:] == own.date[1:] and said.date[0] in (None, own.date[0])
    return bool(said.values & own.values) and (said.unit == own.unit or (said.kind == "price" and not own.unit))


def _read(digits: str, before: str, after: str) -> Figure:
    values = _values(digits)
    if _PERCENT.match(after) or before.rstrip().endswith(("%", "٪")):
        return Figure("percent", f"{digits}%", values)
    near = _CURRENCY.match(after.lstrip()[:12]) or re.search(rf"(?:{_CURRENCY.pattern})\s?$", before)
    if near:
        return Figure("price", f"{digits} {near[0].strip()}", values, _CURRENCY_OF[near[0].strip()])
    unit = _UNIT.match(after)
    word = unit[1] if unit else ""
    return Figure("number", f"{digits} {word}".strip(), values, _stem(word))


def _stem(word: str) -> str:
    word = word.removeprefix("ال")
    return word[:-1] if len(word) > 3 and word.endswith(("s", "x")) else word


def _values(digits: str) -> frozenset[Decimal]:
    """29,900 is 29.9 to some and 29900 to others: both. 1 234,50 is one thing only."""
    text = re.sub(r"[ '’٬]", "", digits).replace("٫", ",")
    readings = {text.replace(",", "").replace(".", "")} if not re.search(r"[.,]\d+$", text) else set()
    if match := re.fullmatch(r"(.*)[.,](\d+)", text):
        whole, rest = match[1].replace(",", "").replace(".", ""), match[2]
        readings.add(f"{whole}.{rest}")
        if len(rest) == 3:
            readings.add(f"{whole}{rest}")
    found = set()
    for one in readings:
        try:
            found.add(Decimal(one))
        except InvalidOperation:
            continue
    return frozenset(found)


def _currency(text: str) -> str:
    match = _CURRENCY.search(folded(text))
    return _CURRENCY_OF[match[0]] if match else ""
