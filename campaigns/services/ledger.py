"""Questions about consent for pages and programs: what one customer said, how many agreed, which addresses are let alone."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from core import reasons
from core.errors import Refused
from core.parsing import is_unstorable
from customers import selectors as customers
from customers.models import Customer
from tenants import services as tenants
from tenants.models import User

from ..models import Campaign, ConsentEntry, SenderProfile, Suppression
from . import consent, keys, senders

COUNTED = 10_000  # lines that a page counts; beyond it says "more than"
FOUND = 20  # customers that a search shows
MOST_AT_ONCE = 1_000  # of one call of a program


# ---------------------------------------------------------------- one customer


@dataclass(frozen=True, slots=True)
class Standing:
    """Whether a customer may be written to. ``code``: agreed · by_contract · refused · never_asked · suppressed ·
    no_address; ``suppressions``: of the customer's address, the general one first."""

    code: str
    suppressions: tuple[Suppression, ...] = ()

    @property
    def may_be_written_to(self) -> bool:
        return self.code in ("agreed", "by_contract")


def standing(customer: Customer) -> Standing:
    """As it is asked at each send, but for caps and holdouts, which are a campaign's."""
    if not keys.is_address(customer.email):
        return Standing("no_address")
    rows = Suppression.objects.filter(address_key=keys.address_key(customer.email)).order_by("campaign_code", "pk")
    held = tuple(rows.select_related("by")[:20])
    said = consent.consented(0, 0, customers=[customer.pk]).get(customer.pk)
    if any(not one.campaign_code for one in held):
        return Standing("suppressed", held)
    if said is not None:
        return Standing("agreed" if said else "refused", held)
    basis = senders.sender().basis
    return Standing("by_contract" if basis == SenderProfile.Basis.CUSTOMERS else "never_asked", held)


def lines(customer: Customer) -> QuerySet[ConsentEntry]:
    """The customer's ledger; nothing is ever taken out of it."""
    return ConsentEntry.objects.filter(customer=customer).select_related("by")


def search(text: str) -> list[Customer] | None:
    """Customers whose number, name or e-mail begins with ``text``; None where there are too many to show."""
    found = customers.matching(text, limit=FOUND + 1)
    if found is None:
        return None
    return list(Customer.objects.filter(pk__in=found[:FOUND]).order_by("last_name", "first_name", "pk"))


def customer_of(public_id: UUID) -> Customer | None:
    return Customer.objects.filter(public_id=public_id).first()


def customer_by_key(key: int) -> Customer:
    return Customer.objects.get(pk=key)


def customers_by_number(numbers: list[str]) -> dict[str, int]:
    """Number -> key, of those there are. Raises Refused(``too_many``)."""
    if len(numbers) > MOST_AT_ONCE:
        raise Refused("too_many", _("At most %(most)s at a time: use a list for more.") % {"most": MOST_AT_ONCE})
    return dict(Customer.objects.filter(external_id__in=numbers).values_list("external_id", "pk"))


def record_by_hand(*, customer: Customer, is_granted: bool, note: str, actor: User) -> None:
    """A colleague writes down what a customer said. Raises Refused(``no_note``): how it is known belongs to it."""
    note = " ".join(note.split())
    if len(note) < 3:
        raise Refused("no_note", _("Say how you know, such as “by telephone” or “form of 3 May”."), field="note")
    consent.record_consent(
        customers=[customer.pk], is_granted=is_granted, source=ConsentEntry.Source.PERSON, actor=actor, note=note
    )


# ---------------------------------------------------------------- numbers


def counts() -> dict[str, int]:
    """Lines of the ledger that agree and that take back, and suppressed addresses by reason; each counted up to COUNTED + 1."""
    granted = {
        name: _bounded(ConsentEntry.objects.filter(is_granted=value)) for name, value in (("agreed", 1), ("refused", 0))
    }
    by_reason = {reason: _bounded(Suppression.objects.filter(reason=reason)) for reason in Suppression.Reason.values}
    return {**granted, **by_reason, "suppressed": _bounded(Suppression.objects.all())}


def _bounded(rows: QuerySet) -> int:
    return rows.order_by()[: COUNTED + 1].count()


# ---------------------------------------------------------------- addresses that are let alone


def suppressions(address: str = "") -> QuerySet[Suppression]:
    """Newest first; of one address where it is given, found by its keyed hash: the table holds no address."""
    rows = Suppression.objects.select_related("by")
    if not address.strip():
        return rows
    return rows.filter(address_key=keys.address_key_or_none(address) or "-")


def suppress_by_hand(*, address: str, reason: str, note: str, campaign_code: str = "", actor: User) -> bool:
    """Let an address alone because somebody asked. Returns whether it was news. Raises Refused: ``bad_address`` ·
    ``bad_reason`` · ``no_such_campaign``."""
    key = keys.address_key_or_none(address) if "@" in address else ""
    if not key:
        raise Refused("bad_address", _("This is no address."), field="address")
    if reason not in Suppression.Reason.values:
        raise Refused("bad_reason", _("Choose a reason."), field="reason")
    if campaign_code and not Campaign.objects.filter(code=campaign_code).exists():
        raise Refused("no_such_campaign", _("There is no such campaign."), field="campaign")
    with transaction.atomic():
        new = consent.suppress(
            address_keys=[key],
            reason=reason,
            campaign_code=campaign_code,
            source=" ".join(note.split()) or "person",
            actor=actor,
        )
        if new:
            tenants.record("address_suppressed", actor=actor, reason=reason, campaign=campaign_code)
    return bool(new)


def suppression_of(address_key: str, campaign_code: str) -> Suppression | None:
    if is_unstorable(address_key + campaign_code):
        return None
    return Suppression.objects.filter(address_key=address_key, campaign_code=campaign_code).first()


def unsuppress_by_hand(*, suppression: Suppression, reason: str, actor: User) -> None:
    """Raises Refused(``no_reason`` · ``reason_too_long``)."""
    reason = reasons.reason(" ".join(reason.split()), most=200)
    if len(reason) < 10:
        raise Refused(
            "no_reason", _("Say why this address may be written to again, in ten characters or more."), field="reason"
        )
    consent.unsuppress(suppression=suppression, actor=actor, reason=reason)
