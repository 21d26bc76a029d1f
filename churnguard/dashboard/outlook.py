"""What lies ahead of one customer: a panel of their page, asked for by itself, since a cold model takes a while to read."""

from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_safe

from core.errors import Refused
from core.templatetags.ui import percent
from customers import selectors as customers
from customers.models import Customer
from predictions.services import outlooks
from tenants.permissions import requires


@require_safe
@requires("view_customers")
def client_outlook(request: HttpRequest, public_id) -> HttpResponse:
    """The chance of still being here, the time left, and what may be lost. htmx gets the panel, a browser a page with it."""
    customer = customer_or_404(public_id)
    context: dict[str, object] = {"customer": customer}
    try:
        ahead = outlooks.outlook_of(customer)
    except Refused as refusal:
        context["refusal"] = refusal.message
    else:
        context["ahead"] = _in_words(ahead) if ahead else None
        context["reason"] = "" if ahead else _why_none(customer)
    return render_panel(request, "dashboard/_outlook.html", _("What lies ahead"), context)


def customer_or_404(public_id) -> Customer:
    try:
        return customers.get_customer(public_id)
    except Customer.DoesNotExist as absent:
        raise Http404 from absent


def render_panel(request: HttpRequest, panel: str, title: str, context: dict) -> HttpResponse:
    """A panel of a customer's page: by itself for htmx, within a page of its own for a browser."""
    if request.htmx and not request.htmx.boosted:
        return render(request, panel, context)
    return render(request, "dashboard/client_panel.html", {**context, "panel": panel, "title": title})


def _in_words(ahead: outlooks.Ahead) -> dict[str, object]:
    months = ahead.median_months
    if months is None:
        median = _("How long half of customers like this one stay is more than the data can tell.")
    else:
        median = ngettext(
            "Half of customers like this one leave within %(n)s month.",
            "Half of customers like this one leave within %(n)s months.",
            months,
        ) % {"n": months}
    return {
        "here": [
            {
                "label": ngettext("in %(n)s month", "in %(n)s months", n) % {"n": n},
                "words": _chance(chance),
                "percent": round(100 * chance),
                "tone": "low" if chance >= 0.8 else "medium" if chance >= 0.5 else "high",
            }
            for n, chance in ahead.here.items()
        ],
        "median": median,
        "value_at_risk": ahead.value_at_risk,
        "expected_months": ahead.expected_months,
        "assumed_months": ahead.assumed_months,
        "unseen": ahead.unseen,
        "is_proven": ahead.is_proven,
    }


def _chance(chance: float) -> str:
    """Whole percents; never "0 %" or "100 %" of what nobody can be sure of."""
    if chance < 0.005:
        return f"< {percent(0.01)}"
    return f"> {percent(0.99)}" if chance > 0.995 else percent(chance)


def _why_none(customer: Customer) -> str:
    if customer.churn_label:
        return _("This customer left: nothing lies ahead.")
    if not outlooks.has_outlooks(outlooks.version_shown()):
        return _("The model in charge has not learned when customers leave: tenures, and who left, have to be known.")
    return _("Nothing can be told of this customer: their tenure is not known, or they are gone already.")
