"""The front pages: the dashboard, the customers by risk, one customer."""

from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from core.htmx import render_page
from customers import selectors as customers
from customers.history import customer_history
from customers.models import Customer
from predictions import selectors as predictions
from predictions import wording
from predictions.services import outlooks
from predictions.wording.actionable import actionable
from segmentation import selectors as segmentation
from segmentation.wording_personas import persona
from tenants import noticeboard
from tenants import services as tenants_services
from tenants.permissions import requires

from . import charts, export, other_fields, selectors
from .forms import ClientFilterForm

PAGE_SIZE = 50
SHOWN_CHANGES = 20


@require_safe
@requires("view_customers")
def dashboard(request: HttpRequest) -> HttpResponse:
    """The base at a glance. While a job is open its bar (the fragment ``job``) is asked again; at its end the page is."""
    if request.htmx and request.htmx.target == "job":
        job = selectors.get_open_job()
        response = render_page(
            request, "dashboard/dashboard.html#job", {"job": job, "job_words": selectors.job_words(job)}
        )
        if job is None:
            response["HX-Refresh"] = "true"
        return response
    found = selectors.get_overview(request.tenant.currency)
    context: dict[str, object] = {"found": found, "job": found.job, "job_words": selectors.job_words(found.job)}
    if found.run:
        context |= {
            "risk_chart": charts.risk_distribution(found.run),
            "contract_chart": charts.churn_by_contract(found.run),
            "tenure_chart": charts.churn_by_tenure(found.run),
            "drivers_chart": charts.top_drivers(found.run),
        }
    context["notifications"] = list(noticeboard.notices_of(request.membership).order_by("-pk")[:4])
    return render_page(request, "dashboard/dashboard.html", context)


@require_safe
@requires("view_customers")
def client_list(request: HttpRequest) -> HttpResponse:
    """The customers by risk. The address holds the state; htmx swaps the fragment ``results``, and ``otherfield`` with
    the inputs that suit the other field that was chosen."""
    run = predictions.current_run()
    form = ClientFilterForm(request.GET, run=run, known=customers.known_attributes(), segments=segmentation.segments())
    if request.htmx and request.htmx.target == "otherfield":
        return render_page(request, "dashboard/clients.html#otherfield", {"form": form})
    wanted = form.wanted()
    position = {name: request.GET.get(name, "") for name in ("after", "before")}
    sifted = selectors.client_page(
        wanted, form.wanted_driver, form.wanted_field, form.wanted_segment, **position, size=PAGE_SIZE
    )
    page = sifted.page
    currency = request.tenant.currency
    context = {
        "form": form,
        "run": run,
        "page": page,
        "sifted": sifted,
        "rows": [selectors.as_row(row, run, currency) for row in page.rows],
        "sort": wanted.sort,
        "is_empty_base": not page.rows and not customers.customer_base()["customers"],
    }
    return render_page(request, "dashboard/clients.html#results", context)


@require_safe
@requires("export_customers")
def export_clients(request: HttpRequest) -> HttpResponse:
    """The same list as a file, with the same filters, as long as it is."""
    form = ClientFilterForm(
        request.GET,
        run=predictions.current_run(),
        known=customers.known_attributes(),
        segments=segmentation.segments(),
    )
    wanted = form.wanted()
    # Which filters, not their values: a search may be a name.
    tenants_services.record(
        "customers_exported", actor=request.user, filters=sorted(k for k, v in request.GET.items() if v)
    )
    response = StreamingHttpResponse(
        export.lines(request.tenant, wanted, form.wanted_driver, form.wanted_field, form.wanted_segment),
        content_type="text/csv; charset=utf-8",
    )
    response["Content-Disposition"] = (
        f'attachment; filename="customers-{request.tenant.slug}-{timezone.localdate():%Y-%m-%d}.csv"'
    )
    return response


@require_safe
@requires("view_customers")
def client_detail(request: HttpRequest, public_id) -> HttpResponse:
    """One customer: who, what they pay for, how they use it, their risk and why."""
    try:
        customer = customers.get_customer(public_id)
    except Customer.DoesNotExist as absent:
        raise Http404 from absent
    currency = request.tenant.currency
    score = predictions.score_of(customer)
    context = {
        "customer": customer,
        "initials": selectors.initials(customer),
        "algorithm": wording.algorithm(score.run.version.algorithm) if score else "",
        "facts": [*selectors.profile(customer), *_segment(customer)],
        "others": other_fields.in_words(customer.attributes, customers.known_attributes()),
        "plan": selectors.plan(customer, currency),
        "usage": charts.usage(customers.usage_by_month(customer), currency),
        "score": score,
        "band": score.run.band(score.risk) if score else "",
        "gauge": selectors.gauge(score) if score else None,
        "drivers": [_driver(d, currency) for d in score.drivers] if score else [],
        # Both panels are asked for by the page: a model that is not in memory yet would keep it waiting.
        "has_outlook": bool(score) and not customer.churn_label and outlooks.has_outlooks(score.run.version),
        "has_what_if": bool(score) and not customer.churn_label,
        "history_chart": charts.risk_history(predictions.score_history(customer)),
        "interactions": list(customer.interactions.all()[:50]),
        "history": customer_history(customer, limit=SHOWN_CHANGES),
    }
    return render_page(request, "dashboard/client.html", context)


def _segment(customer: Customer) -> list[tuple[str, str]]:
    """Where the customer belongs, label and words; nothing while there are no segments."""
    found = segmentation.segment_of(customer)
    return [(_("Segment"), f"{found.segment.label} · {persona(found.segment)}")] if found else []


def _driver(entry: dict, currency: str) -> dict[str, object]:
    """A driver in words, and whether one can act on it."""
    return {**wording.driver(entry, currency), "actionable": actionable(entry["feature"])}
