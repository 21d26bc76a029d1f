"""A mail within a page: in a sandboxed frame, under a policy that lets nothing in or out; as whom it is read, and with which offer."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING
from uuid import UUID

from csp.constants import NONE, SELF
from csp.decorators import csp, csp_update
from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.clickjacking import xframe_options_sameorigin

from customers import selectors as customers
from customers.models import Customer
from segmentation.models import Offer

if TYPE_CHECKING:
    from .outreach.message import Rendered

_FOUND_SHOWN = 12  # customers to choose from

# Mail programs know styles in the tags only. No script, no address of anybody's, no form, no way out of the frame.
_POLICY = {
    "default-src": [NONE],
    "style-src": ["'unsafe-inline'"],
    "img-src": ["data:"],
    "base-uri": [NONE],
    "form-action": [NONE],
    "frame-ancestors": [SELF],
    "sandbox": True,
}


def holds_mail(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """For a page that has a mail's frame in it."""
    return csp_update({"frame-src": [SELF]})(view)


def is_mail(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """For the document in the frame."""

    @wraps(view)
    def closed(request: HttpRequest, *args: object, **kwargs: object) -> HttpResponse:
        response = view(request, *args, **kwargs)
        response["Cache-Control"] = "no-store, private"
        return response

    return csp(_POLICY)(xframe_options_sameorigin(closed))


def document(mail: Rendered) -> HttpResponse:
    return HttpResponse(mail.html, content_type="text/html; charset=utf-8")


# ---------------------------------------------------------------- as whom


def chosen_customer(given: str) -> Customer | None:
    """The customer that was chosen, by identifier; None for somebody of whom nothing is known. Raises Http404."""
    wanted = _identifier(given)
    if wanted is None:
        return None
    found = Customer.objects.select_related("subscription").filter(public_id=wanted).first()
    if found is None:
        raise Http404
    return found


def chosen_offer(given: str) -> Offer | None:
    wanted = _identifier(given)
    return Offer.objects.filter(public_id=wanted).first() if wanted else None


def some_customers(chosen: Customer | None = None) -> list[Customer]:
    """A few to choose from, the chosen one first."""
    found = list(Customer.objects.order_by("pk")[:5])
    return [chosen, *(one for one in found if one.pk != chosen.pk)] if chosen is not None else found


def matching_customers(text: str) -> list[Customer]:
    """Customers whose number, name or e-mail begins so; where there are very many, by the number alone."""
    keys = customers.matching(text)
    rows = (
        Customer.objects.filter(pk__in=keys[:_FOUND_SHOWN])
        if keys is not None
        else Customer.objects.filter(external_id__istartswith=text)
    )
    return list(rows.order_by("pk")[:_FOUND_SHOWN])


def _identifier(given: str) -> UUID | None:
    try:
        return UUID(given)
    except ValueError:
        return None
