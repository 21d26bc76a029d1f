"""Who of an audience may be written to now, and why the others may not: asked at the check, at the launch, and at each claim."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from django.utils import timezone

from customers.models import Customer
from predictions import selectors as predictions
from predictions.models import Score

from ..models import Campaign, SenderProfile, UpliftScore
from ..models.messages import LANGUAGES
from ..outreach import experiment
from . import consent, keys
from .audience import current_uplift

# In the order in which they are asked; the first that holds is the reason.
REASONS = (
    "no_address",
    "no_consent",
    "suppressed",
    "universal_control",
    "other_holdout",
    "capped",
    "do_not_disturb",
)


@dataclass(slots=True)
class Person:
    """One customer of an audience. ``reason`` "": may be written to."""

    pk: int
    number: str
    address: str
    address_key: str
    language: str
    monthly_charges: Decimal | None
    risk: float | None = None
    reason: str = ""


class Eligibility:
    """The questions of one campaign, block after block. ``first_sender``: as the company says now."""

    def __init__(self, sender: SenderProfile, campaign: Campaign | None, *, default_language: str = "fr") -> None:
        self.sender = sender
        self.campaign = campaign
        self.default_language = default_language
        self._run = predictions.current_run()
        uplift = current_uplift()
        self._uplift = uplift if uplift is not None and uplift.is_ready else None

    def people(self, keys_of: Sequence[int]) -> list[Person]:
        """The customers with these keys, rising, each with its reason."""
        rows = Customer.objects.filter(pk__in=keys_of).order_by("pk")
        found = [
            Person(
                pk=pk,
                number=number,
                address=address.strip(),
                address_key=keys.address_key(address) if keys.is_address(address) else "",
                language=self._language(language),
                monthly_charges=charges,
            )
            for pk, number, address, language, charges in rows.values_list(
                "pk", "external_id", "email", "language", "subscription__monthly_charges"
            )
        ]
        if not found:
            return []
        self._score(found)
        self._judge(found)
        return found

    def _language(self, known: str) -> str:
        short = known.lower()[:2]
        return short if short in LANGUAGES else self.default_language

    def _score(self, people: list[Person]) -> None:
        if self._run is None:
            return
        scores = Score.objects.filter(run=self._run, customer_id__gte=people[0].pk, customer_id__lte=people[-1].pk)
        risks = dict(scores.values_list("customer_id", "risk"))
        for one in people:
            one.risk = risks.get(one.pk)

    def _judge(self, people: list[Person]) -> None:
        first, last = people[0].pk, people[-1].pk
        code = self.campaign.code if self.campaign is not None else ""
        agreed = consent.consented(first, last)
        let_alone = consent.suppressed([one.address_key for one in people if one.address_key], code)
        often = consent.pressed(first, last, within_days=self.sender.within_days)
        elsewhere = consent.held_out_elsewhere(first, last, campaign=self.campaign)
        never = self._universal(people)
        disturbed = self._disturbed(first, last)
        needs_consent = self.sender.basis == SenderProfile.Basis.CONSENT
        for one in people:
            if not one.address_key:
                one.reason = "no_address"
            elif agreed.get(one.pk) is False or (needs_consent and one.pk not in agreed):
                one.reason = "no_consent"
            elif one.address_key in let_alone:
                one.reason = "suppressed"
            elif one.number in never:
                one.reason = "universal_control"
            elif one.pk in elsewhere:
                one.reason = "other_holdout"
            elif often.get(one.pk, 0) >= self.sender.most_mails:
                one.reason = "capped"
            elif one.pk in disturbed:
                one.reason = "do_not_disturb"

    def _universal(self, people: list[Person]) -> set[str]:
        """Customers whom nobody writes to in this quarter."""
        if not self.sender.universal_share:
            return set()
        numbers = [one.number for one in people]
        chosen = experiment.universal_control(
            numbers, salt=self.sender.salt, period=quarter(), share_held=self.sender.universal_share
        )
        return {number for number, is_in in zip(numbers, chosen, strict=True) if is_in}

    def _disturbed(self, first: int, last: int) -> set[int]:
        """Customers whom a mail makes leave, where that is proved."""
        if self._uplift is None:
            return set()
        rows = UpliftScore.objects.filter(
            run=self._uplift, customer_id__gte=first, customer_id__lte=last, group=UpliftScore.Group.DO_NOT_DISTURB
        )
        return set(rows.values_list("customer_id", flat=True))


def quarter() -> str:
    """The company's current quarter, such as ``2026Q4``."""
    today = timezone.localdate()
    return f"{today.year}Q{(today.month - 1) // 3 + 1}"
