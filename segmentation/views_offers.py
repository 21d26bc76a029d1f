"""The pages about offers: what there is, one offer, and whom a budget would give which."""

from __future__ import annotations

import json

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from core import jobs
from core.errors import Refused
from core.htmx import render_page
from predictions import registry as economics
from predictions import selectors as predictions
from tenants.permissions import requires

from . import audiences, charts, conditions, export, selectors, services, wording_builder, wording_offers
from . import wording_conditions as words
from .forms import AllocationForm, OfferForm
from .models import AllocatedOffer, Allocation, Offer

_PAGE = "segmentation/offers.html"
_SHOWN_LINES = 20


@require_safe
@requires("view_customers")
def offers(request: HttpRequest) -> HttpResponse:
    """The offers, and the newest allocation; ``job`` is asked again while one runs."""
    if request.htmx and request.htmx.target == "job":
        job = selectors.open_allocation()
        response = render_page(request, f"{_PAGE}#job", {"job": job})
        if job is None:
            response["HX-Refresh"] = "true"
        return response
    return _offers_page(request, AllocationForm())


def _offers_page(request: HttpRequest, form: AllocationForm, *, status: int = 200) -> HttpResponse:
    currency = request.tenant.currency
    found = selectors.newest_allocation()
    context = {
        "rows": _rows(currency),
        "job": selectors.open_allocation(),
        "failed": _failed(found),
        "form": form,
        "has_scores": predictions.current_run() is not None,
        "economics": economics.economics(),
        **(_allocation(found, currency) if found else {}),
    }
    return render_page(request, _PAGE, context, status=status)


def _rows(currency: str) -> list[dict[str, object]]:
    found = list(selectors.offers())
    catalogue = audiences.catalogue() if any(offer.rule for offer in found) else None
    return [
        {
            "offer": offer,
            "text": wording_offers.text(offer),
            "terms": wording_offers.terms(offer, currency),
            "segments": [{"label": s.label, "colour": charts.colour(s.number)} for s in offer.segments.all()],
            "rule": _sentence(offer.rule, catalogue) if catalogue else "",
        }
        for offer in found
    ]


def _sentence(rule: object, catalogue: conditions.Catalogue) -> str:
    if not rule:
        return ""
    try:
        return words.sentence(conditions.parse(rule, catalogue), catalogue)
    except conditions.Invalid:
        return _("It asks a field that your data no longer has: nobody gets it until you change it.")


def _failed(found: Allocation | None) -> Allocation | None:
    """The newest attempt, where it failed after the allocation that is shown."""
    newest = Allocation.objects.order_by("-pk").first()
    return newest if newest and newest.error_message and newest != found else None


def _allocation(found: Allocation, currency: str) -> dict[str, object]:
    told = found.result
    lines = AllocatedOffer.objects.filter(allocation=found).select_related("customer", "offer")
    shown = list(lines.order_by("-expected_profit", "-pk")[:_SHOWN_LINES])
    return {
        "allocation": found,
        "told": told,
        "marginal": wording_offers.marginal(told, currency),
        "kept": wording_offers.kept(told["kept"]),
        "given": [
            {"name": then["name"], "count": count, "bound_by": bound}
            for then, count, bound in zip(found.offers_then, told["counts"], told["bound_by"], strict=True)
        ],
        "lines": shown,
        "curve_chart": charts.budgets(
            told["curve"], float(found.budget) if found.budget is not None else None, currency
        )
        if len(told["curve"]) > 1
        else None,
    }


@require_http_methods(["GET", "HEAD", "POST"])
@requires("edit_offers")
def new_offer(request: HttpRequest) -> HttpResponse:
    return _edit(request, None)


@require_http_methods(["GET", "HEAD", "POST"])
@requires("edit_offers")
def offer_detail(request: HttpRequest, public_id) -> HttpResponse:
    return _edit(request, _find(public_id))


def _edit(request: HttpRequest, offer: Offer | None) -> HttpResponse:
    if request.method != "POST":
        return _form_page(request, offer, OfferForm(offer=offer), offer.rule if offer else {})
    form, text = OfferForm(request.POST, offer=offer), request.POST.get("conditions", "").strip()
    rule: object = {} if _is_nothing(text) else text
    if form.is_valid() and (saved := form.save(actor=request.user, rule=rule)):
        messages.success(request, _("“%(name)s” is saved.") % {"name": saved.name})
        return redirect("segmentation:offers")
    return _form_page(request, offer, form, rule, status=422)


def _is_nothing(text: str) -> bool:
    """Whether the builder was left without a condition: the offer is for everybody."""
    try:
        return not text or _asks_nothing(json.loads(text))
    except (ValueError, RecursionError):
        return False


def _asks_nothing(node: object) -> bool:
    """Whether a rule holds nothing but rows in which no field was chosen: the builder offers an empty one to begin with."""
    if not isinstance(node, dict):
        return node is None
    for children in (node[join] for join in ("all", "any") if join in node):
        return isinstance(children, list) and all(map(_asks_nothing, children))
    return _asks_nothing(node["not"]) if "not" in node else node in ({}, {"field": ""})


def _form_page(request, offer, form, rule, *, status: int = 200) -> HttpResponse:
    catalogue, tree, problems = audiences.catalogue(), None, ()
    if rule:
        try:
            tree = conditions.parse(rule, catalogue)
        except conditions.Invalid as error:
            problems = error.problems
    context = {
        "offer": offer,
        "form": form,
        "rule": wording_builder.rule_form(rule or {"all": []}, catalogue, tree=tree, problems=problems),
        "count_url": reverse("segmentation:count_rule"),
        "currency": request.tenant.currency,
    }
    return render_page(request, "segmentation/offer.html", context, status=status)


@require_POST
@requires("edit_offers")
def delete_offer(request: HttpRequest, public_id) -> HttpResponse:
    offer = _find(public_id)
    services.delete_offer(offer=offer, actor=request.user)
    messages.info(request, _("“%(name)s” is deleted.") % {"name": offer.name})
    return redirect("segmentation:offers")


@require_POST
@requires("allocate_offers")
def allocate(request: HttpRequest) -> HttpResponse:
    """Ask who would be offered what for a budget; nobody is written to by it."""
    form = AllocationForm(request.POST)
    if not form.is_valid():
        return _offers_page(request, form, status=422)
    try:
        jobs.ring(services.open_allocation(requested_by=request.user, **form.cleaned_data))
    except Refused as refusal:
        messages.warning(request, refusal.message)
    return redirect("segmentation:offers")


@require_POST
@requires("allocate_offers")
def cancel_allocation(request: HttpRequest, public_id) -> HttpResponse:
    job = Allocation.objects.filter(public_id=public_id).first()
    if job is None:
        raise Http404
    jobs.cancel(job)
    messages.info(request, _("It stops at its next step."))
    return redirect("segmentation:offers")


@require_safe
@requires("export_customers")
def export_allocation(request: HttpRequest, public_id) -> StreamingHttpResponse:
    """Who is offered what, as CSV, a stretch of rows at a time."""
    found = Allocation.objects.filter(public_id=public_id, state="succeeded", has_lines=True).first()
    if found is None:
        raise Http404
    response = StreamingHttpResponse(export.lines(request.tenant, found), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = 'attachment; filename="allocation.csv"'
    return response


def _find(public_id) -> Offer:
    offer = selectors.offers().filter(public_id=public_id).first()
    if offer is None:
        raise Http404
    return offer
