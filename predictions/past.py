"""Answers "which model scored this customer on that day": from the scorings, the promotions and the scores still kept."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from django.utils import timezone

from customers.models import Customer

from . import registry, selectors
from .models import ModelVersion, Promotion, Score, ScoringRun


@dataclass(frozen=True, slots=True)
class ScoredThen:
    """What stood for a customer at the end of a day. run: the scoring shown then, None before the first; score: the
    customer's in it, None where it is not kept any more or the customer was not in it; changes: who took charge that day."""

    customer: Customer
    day: date
    run: ScoringRun | None
    in_charge: ModelVersion | None
    score: Score | None
    changes: tuple[Promotion, ...]

    @property
    def was_in_it(self) -> bool:
        """A scoring walks the customers by key, so whoever came after its last one was not in it."""
        return self.run is not None and self.customer.pk <= self.run.last_customer


def customer_of(number: str) -> Customer | None:
    """The customer of this number in the company in scope; another company's is as absent as one that is not."""
    return Customer.objects.filter(external_id=number.strip()).first()


def scored_on(customer: Customer, day: date) -> ScoredThen:
    """What was shown of a customer at the end of a day (now, of today), by the company's own clock."""
    begin = datetime.combine(day, time.min, tzinfo=timezone.get_current_timezone())
    end = min(begin + timedelta(days=1) - timedelta(microseconds=1), timezone.now())
    run = registry.run_shown_at(end)
    score = None
    if run is not None and run.has_scores:
        score = next((row for row in selectors.score_history(customer) if row.run_id == run.pk), None)
    changes = registry.promotion_list().filter(at__gte=begin, at__lte=end).order_by("at", "pk")
    return ScoredThen(customer, day, run, registry.version_in_charge_at(end), score, tuple(changes[:20]))
