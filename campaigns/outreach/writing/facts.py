"""What a message is written from, and what is written: typed, frozen, cleaned, and without any score or risk."""

from __future__ import annotations

import datetime as dt
import re
import unicodedata
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from urllib.parse import urlsplit

from .formats import day_text, percent_text, price_text
from .refusal import WritingRefused
from .themes import Theme, themes_of

# Filled for each recipient by the message engine; a draft leaves them as they are.
PERSONAL = ("first_name", "last_name", "full_name", "customer_number", "support_contact", "unsubscribe_url")
# Only where that is known of everybody who gets the draft.
IF_KNOWN = ("tenure_years", "plan")
# Filled here, from the facts; the price stays a placeholder where it differs from customer to customer.
OF_THE_OFFER = ("company", "offer_name", "offer_text", "offer_price", "offer_discount", "offer_until")
_MOST = {"company": 80, "label": 80, "name": 120, "text": 600, "plan": 60, "price": 40, "link": 300}
_TOLERANCE = Decimal("0.01")  # of the price before: a price is often rounded to look well


class Language(StrEnum):
    FRENCH = "fr"
    ENGLISH = "en"
    ARABIC = "ar"


class Tone(StrEnum):
    WARM = "warm"
    FORMAL = "formal"
    BRIEF = "brief"


class How(StrEnum):
    """What a customer does to take an offer, or just to talk."""

    REPLY = "reply"
    CONTACT = "contact"  # {support_contact}
    SHOP = "shop"
    LINK = "link"


@dataclass(frozen=True, slots=True)
class Price:
    """A monthly price: ``amount`` in ``currency`` (ISO 4217), and ``text``, ready to print; empty: printed our way."""

    amount: Decimal
    currency: str = ""
    text: str = ""

    def __post_init__(self) -> None:
        try:
            amount = Decimal(str(self.amount))
        except InvalidOperation:
            amount = Decimal("NaN")
        if not amount.is_finite() or amount < 0:
            raise WritingRefused("bad_price", "a price is a number, zero or above", amount=str(self.amount))
        object.__setattr__(self, "amount", amount)
        object.__setattr__(self, "currency", plain(self.currency, 8))
        object.__setattr__(self, "text", plain(self.text, _MOST["price"]))

    def shown(self, language: Language) -> str:
        return self.text or price_text(self.amount, self.currency, language)


@dataclass(frozen=True, slots=True)
class OfferFacts:
    """An offer, in the draft's language. All but the name may be unknown.

    text        the company's own words for it, told as they are
    discount    share of the monthly price taken off, 0..1
    is_priced_for_each   the price after differs from customer to customer: {offer_price} stays in the draft
    how         what must be done to take it; how_text, the company's own words for that, goes before it
    """

    name: str = ""
    text: str = ""
    price_before: Price | None = None
    price_after: Price | None = None
    is_priced_for_each: bool = False
    discount: Decimal | None = None
    valid_until: dt.date | None = None
    how: How = How.CONTACT
    how_text: str = ""
    link: str = ""

    def __post_init__(self) -> None:
        for name, most in (("name", "name"), ("text", "text"), ("how_text", "text"), ("link", "link")):
            object.__setattr__(self, name, plain(getattr(self, name), _MOST[most]))
        object.__setattr__(self, "how", How(self.how))
        if self.link and (urlsplit(self.link).scheme != "https" or re.search(r"\s", self.link)):
            raise WritingRefused("bad_link", "the link to an offer begins with https://", link=self.link)
        if self.how is How.LINK and not self.link:
            raise WritingRefused("bad_link", "an offer that is taken by a link needs one", link="")
        if self.discount is not None:
            share = Decimal(str(self.discount))
            if not share.is_finite() or not 0 <= share <= 1:
                raise WritingRefused("bad_discount", "a discount is a share from 0 to 1", discount=str(share))
            # No discount is nothing to announce.
            object.__setattr__(self, "discount", share if share else None)
        self._check_prices()

    def _check_prices(self) -> None:
        before, after, share = self.price_before, self.price_after, self.discount
        if before is None or after is None or share is None:
            return
        if abs(before.amount * (1 - share) - after.amount) > max(before.amount * _TOLERANCE, Decimal("0.01")):
            raise WritingRefused(
                "prices_disagree",
                "the prices and the discount do not go together",
                before=str(before.amount),
                after=str(after.amount),
                discount=str(share),
            )


@dataclass(frozen=True, slots=True)
class Facts:
    """All that a writer knows. For a segment's draft neither ``plan`` nor ``tenure_months``: nothing personal.

    persona     the segment's code (data_hungry, loyal ...): it varies the prose, and is never told
    label       the segment's name among colleagues: a draft that tells it fails its checks
    drivers     features that weigh, the heaviest first; what they are about is answered, never told
    plan        from a customer's field: data, never trusted, and told by {plan} only
    """

    language: Language
    company: str
    tone: Tone = Tone.WARM
    persona: str = ""
    label: str = ""
    drivers: tuple[str, ...] = ()
    offer: OfferFacts | None = None
    plan: str = ""
    tenure_months: int | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "language", Language(self.language))
        object.__setattr__(self, "tone", Tone(self.tone))
        object.__setattr__(self, "company", plain(self.company, _MOST["company"]))
        object.__setattr__(self, "label", plain(self.label, _MOST["label"]))
        object.__setattr__(self, "plan", plain(self.plan, _MOST["plan"]))
        object.__setattr__(self, "drivers", tuple(self.drivers))
        if not self.company:
            raise WritingRefused("no_company", "nobody would sign the message")

    @property
    def themes(self) -> tuple[Theme, ...]:
        return themes_of(self.drivers)

    @property
    def tenure_years(self) -> int | None:
        return None if self.tenure_months is None else max(self.tenure_months, 0) // 12

    def values(self) -> dict[str, str]:
        """Placeholder -> what this draft puts there. What is not known is not among them."""
        found = {"company": self.company}
        offer = self.offer
        if offer is None:
            return found
        found["offer_name"], found["offer_text"] = offer.name, offer.text
        if offer.is_priced_for_each:
            found["offer_price"] = "{offer_price}"
        elif offer.price_after is not None:
            found["offer_price"] = offer.price_after.shown(self.language)
        if offer.price_before is not None:
            found["price_before"] = offer.price_before.shown(self.language)
        if offer.discount is not None:
            found["offer_discount"] = percent_text(offer.discount, self.language)
        if offer.valid_until is not None:
            found["offer_until"] = day_text(offer.valid_until, self.language)
        found["offer_link"] = offer.link
        return {name: value for name, value in found.items() if value}

    def may_stay(self) -> frozenset[str]:
        """Placeholders that a finished draft may hold."""
        known = {"tenure_years": (self.tenure_years or 0) >= 2, "plan": bool(self.plan)}
        stay = {*PERSONAL, *(name for name in IF_KNOWN if known[name])}
        return frozenset(stay | {"offer_price"} if self.offer and self.offer.is_priced_for_each else stay)


@dataclass(frozen=True, slots=True)
class Draft:
    """A message without its footer: plain text, paragraphs apart by an empty line. HTML is made of it elsewhere."""

    subject: str
    text: str
    language: Language
    source: str  # "built_in" | "server"


def plain(value: object, most: int) -> str:
    """One line of at most ``most`` characters, without controls, format characters or private ones."""
    kept = "".join(
        " " if ch.isspace() and ch not in "\u00a0\u202f" else ch
        for ch in str(value or "")[: most * 8]
        if ch.isspace() or unicodedata.category(ch)[0] != "C"
    )
    return re.sub(" {2,}", " ", kept).strip()[:most].rstrip()
