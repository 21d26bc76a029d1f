"""What stands for ``{…}`` in one customer's mail: ready text, in the language of the mail."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from customers.models import Customer
from predictions.wording.drivers import VALUES
from segmentation.models import Offer, Segment

from ..outreach.writing import formats


def plan_name(contract: str | None) -> str:
    """A contract as a company calls its plans; how long one is bound ("Month-to-month") is no name to tell a customer."""
    return "" if contract is None or contract in VALUES else contract


def segment_name(segment: Segment | None) -> str:
    """What an operator calls the segment. "S3", or what the figures say of it, is nothing to tell a customer."""
    return segment.persona if segment is not None else ""


def offer_as_json(offer: Offer | None) -> dict[str, Any] | None:
    """An offer as a campaign freezes it."""
    if offer is None:
        return None
    return {
        "name": offer.name,
        "texts": offer.texts,
        "discount": offer.discount,
        "valid_until": offer.valid_until.isoformat() if offer.valid_until else None,
        "cost": str(offer.cost) if offer.cost is not None else None,
        "contact_cost": str(offer.contact_cost) if offer.contact_cost is not None else None,
    }


def offer_values(offer: Mapping[str, Any] | None, language: str) -> dict[str, str]:
    """What is the same for everybody who gets the offer."""
    if offer is None:
        return {}
    texts = offer.get("texts") or {}
    until = offer.get("valid_until")
    discount = offer.get("discount") or 0
    return {
        "offer_name": offer["name"],
        "offer_text": texts.get(language) or next((texts[code] for code in ("fr", "en", "ar") if texts.get(code)), ""),
        "offer_discount": formats.percent_text(Decimal(str(discount)), language) if discount else "",
        "offer_until": formats.day_text(date.fromisoformat(until), language) if until else "",
    }


@dataclass(slots=True)
class Person:
    """What a mail may say of a customer. ``contract`` and what follows: None where there is no subscription."""

    first_name: str
    last_name: str
    external_id: str
    churn_label: bool | None = None
    contract: str | None = None
    tenure: int | None = None
    monthly_charges: Decimal | None = None

    @property
    def full_name(self) -> str:
        return f"{self.first_name} {self.last_name}".strip()


def person_of(customer: Customer) -> Person:
    plan = getattr(customer, "subscription", None)
    told = (plan.contract, plan.tenure, plan.monthly_charges) if plan is not None else ()
    return Person(customer.first_name, customer.last_name, customer.external_id, customer.churn_label, *told)


def personal_values(
    person: Person,
    *,
    language: str,
    currency: str,
    offer: Mapping[str, Any] | None = None,
    segment_label: str = "",
) -> dict[str, str]:
    """What is this customer's own. The price is the monthly charge less the offer's discount."""
    found = {
        "first_name": person.first_name,
        "last_name": person.last_name,
        "full_name": person.full_name,
        "customer_number": person.external_id,
        "segment": segment_label,
        "plan": plan_name(person.contract),
    }
    if person.tenure is not None and person.tenure >= 24:
        found["tenure_years"] = str(person.tenure // 12)
    if offer is not None and person.monthly_charges is not None:
        price = person.monthly_charges * (1 - Decimal(str(offer.get("discount") or 0)))
        found["offer_price"] = formats.price_text(price, currency, language)
    return found


def values_for(
    customer: Customer,
    *,
    language: str,
    sender: Mapping[str, str],
    currency: str,
    offer: Mapping[str, Any] | Offer | None = None,
    segment_label: str = "",
    unsubscribe_url: str = "",
) -> dict[str, str]:
    """Everything that a template may name, for one customer: for previews."""
    told = offer_as_json(offer) if isinstance(offer, Offer) else offer
    return {
        **personal_values(
            person_of(customer), language=language, currency=currency, offer=told, segment_label=segment_label
        ),
        **offer_values(told, language),
        "company": sender["company"],
        "support_contact": sender.get("support_contact", ""),
        "unsubscribe_url": unsubscribe_url,
    }
