"""What a writer is told: typed facts of one customer, or of a kind of customers; never a score, a name or an address."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.utils.translation import gettext as _

from core.errors import Refused
from customers.models import Customer
from predictions import selectors as predictions
from predictions.models import Score
from predictions.wording import VALUES
from segmentation import selectors as segmentation
from segmentation import wording_personas
from segmentation.models import AllocatedOffer, Offer, Segment, SegmentMembership, SegmentProfile
from segmentation.services.allocations import usable_offers
from tenants.scoping import current_tenant

from ..models.messages import LANGUAGES
from ..outreach import writing
from . import messages, senders

TONES = tuple(writing.Tone)
_LOOKED_AT = 1_000  # customers of a segment whose reasons are counted
_TOLD = 4  # reasons that a segment's draft is told


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of a customer, looked up once: their score, and where they belong with that segment's portrait."""

    customer: Customer
    score: Score | None
    place: SegmentProfile | None

    @property
    def segment(self) -> Segment | None:
        return self.place.segment if self.place else None


def what_is_known(customer: Customer) -> Known:
    return Known(customer, predictions.score_of(customer), segmentation.segment_of(customer))


def offer_for(known: Known) -> tuple[Offer | None, str]:
    """The offer that this customer would get by mail, and where it comes from: "allocation", "segment", "all" or ""."""
    usable = usable_offers().filter(channel=Offer.Channel.EMAIL)
    newest = segmentation.newest_allocation()
    if newest is not None and newest.has_lines:
        line = AllocatedOffer.objects.filter(allocation=newest, customer=known.customer, offer__in=usable).first()
        if line is not None:
            return line.offer, "allocation"
    return _first_offer(known.segment)


def offer_for_segment(segment: Segment) -> Offer | None:
    """The first offer in use that goes to this segment by mail."""
    return _first_offer(segment)[0]


def _first_offer(segment: Segment | None) -> tuple[Offer | None, str]:
    usable = usable_offers().filter(channel=Offer.Channel.EMAIL)
    if segment is not None and (theirs := usable.filter(segments=segment).first()):
        return theirs, "segment"
    # One with conditions is for those whom they let in, which only an allocation has looked at.
    anybodys = usable.filter(segments=None).filter(rule={}).first()
    return anybodys, "all" if anybodys else ""


def facts_for_customer(known: Known, *, offer: Offer | None, language: str, tone: str = "warm") -> writing.Facts:
    """Typed facts of one customer: no score, no name, no address. Raises Refused: ``bad_tone``, ``bad_language``, ``bad_offer``."""
    plan = getattr(known.customer, "subscription", None)
    drivers = [entry["feature"] for entry in known.score.drivers if entry["effect"] > 0] if known.score else []
    return _facts(
        language=language,
        tone=tone,
        persona=known.segment.persona_code if known.segment else "",
        label=wording_personas.persona(known.segment) if known.segment else "",
        drivers=drivers,
        offer=_offer_facts(offer, language, charges=plan.monthly_charges if plan else None, is_of_one=True),
        plan=_plan_name(plan.contract) if plan else "",
        tenure_months=plan.tenure if plan else None,
    )


def _plan_name(contract: str) -> str:
    """A contract as a company calls its plans; how long one is bound ("Month-to-month") is no name to tell a customer."""
    return "" if contract in VALUES else contract


def facts_for_segment(segment: Segment, *, offer: Offer | None, language: str, tone: str = "warm") -> writing.Facts:
    """Facts of a kind of customers: nothing of any one of them. Raises Refused, as ``facts_for_customer``."""
    return _facts(
        language=language,
        tone=tone,
        persona=segment.persona_code,
        label=wording_personas.persona(segment),
        drivers=usual_drivers(segment),
        offer=_offer_facts(offer, language, charges=None, is_of_one=False),
    )


def _facts(*, language: str, tone: str, **known: Any) -> writing.Facts:
    if language not in LANGUAGES:
        raise Refused("bad_language", _("Messages are in French, English or Arabic."), field="language")
    if tone not in TONES:
        raise Refused("bad_tone", _("A tone is warm, formal or brief."), field="tone")
    company = senders.identity(messages.profile())["company"]
    try:
        return writing.Facts(language=language, tone=tone, company=company, **known)
    except writing.WritingRefused as error:
        raise Refused("bad_facts", _("Nothing can be written from this (%(code)s).") % {"code": error.code}) from error


def _offer_facts(
    offer: Offer | None, language: str, *, charges: Decimal | None, is_of_one: bool
) -> writing.OfferFacts | None:
    if offer is None:
        return None
    text = offer.texts.get(language, "")
    discount = Decimal(str(offer.discount)) if offer.discount else None
    currency = current_tenant().currency
    before = after = None
    if is_of_one and discount and charges:
        before, after = writing.Price(charges, currency), writing.Price(charges * (1 - discount), currency)
    try:
        return writing.OfferFacts(
            # A name is for colleagues where a text says the same for customers.
            name="" if text else offer.name,
            text=text,
            price_before=before,
            price_after=after,
            is_priced_for_each=bool(discount) and not is_of_one,
            discount=discount,
            valid_until=offer.valid_until,
        )
    except writing.WritingRefused as error:
        raise Refused("bad_offer", _("The offer's figures contradict each other."), field="offer") from error


def usual_drivers(segment: Segment) -> list[str]:
    """Features that raise the risk of most of its customers, the most usual first; from a thousand of them at most."""
    run, division = predictions.current_run(), segmentation.current_run()
    if run is None or division is None:
        return []
    members = SegmentMembership.objects.filter(segmentation=division, segment=segment).order_by("pk")
    keys = list(members.values_list("customer_id", flat=True)[:_LOOKED_AT])
    features = run.legend.get("features", [])
    counted: Counter[int] = Counter()
    rows = Score.objects.filter(run=run, customer_id__in=keys)
    for numbers in rows.values_list("driver_1", "driver_2", "driver_3"):
        counted.update(number for number in numbers if number > 0)  # negative: lowers the risk
    return [features[number - 1] for number, _n in counted.most_common(_TOLD)]


def language_of(customer: Customer) -> str:
    short = customer.language.lower()[:2]
    return short if short in LANGUAGES else first_language()


def first_language() -> str:
    locale = current_tenant().locale[:2]
    return locale if locale in LANGUAGES else "fr"
