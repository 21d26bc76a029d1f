"""Roll-ups, and rows that hang on a customer."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from django.utils import timezone

from core import bulk
from tenants.scoping import current_tenant

from .. import merge, selectors
from ..models import Customer, CustomerBase, Subscription


def refresh_customer_base(tell: Callable[[int, int], None] = lambda done, of: None) -> None:
    """Count the base once, and look which other fields it has, so that no page has to. ``tell`` hears of each part: together
    they take over two seconds for a million customers."""
    bulk.analyse(Customer)
    tell(1, 4)
    bulk.analyse(Subscription)
    tell(2, 4)
    counted = selectors.count_customers()
    tell(3, 4)
    facts = {**counted, "attributes": selectors.as_json(selectors.survey_attributes())}
    CustomerBase.objects.update_or_create(
        tenant=current_tenant(), defaults={"facts": facts, "computed_at": timezone.now()}
    )


def record_usage(*, rows: Iterable[Sequence]) -> int:
    """Months of use: ``(external_id, month, amount, calls, megabytes, texts)``; unknown customers are passed over."""
    return merge.append_usage(rows)


def record_interactions(*, rows: Iterable[Sequence]) -> int:
    """Contacts made or withheld: ``(external_id, campaign, kind, date, left)``; unknown customers are passed over."""
    return merge.append_interactions(rows)
