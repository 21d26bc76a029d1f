"""The pages about consent: what we may do, one customer's ledger, addresses that are let alone, and lists of them."""

from __future__ import annotations

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST, require_safe

from core import jobs
from core.errors import Refused
from core.htmx import render_page
from core.keyset import Order, paginate
from customers.models import Customer
from tenants.permissions import requires

from . import wording_sender as words
from .forms_consent import ListForm, RecordForm, SuppressForm
from .models import OptOutImport, Suppression
from .services import ledger, optouts, senders

_NEWEST = Order("pk", descending=True)
_PAGE = 30


@require_safe
@requires("view_campaigns")
def consent(request: HttpRequest) -> HttpResponse:
    """What the company may do, in words and numbers; ``results`` is the search for a customer."""
    text = request.GET.get("q", "").strip()[:120]
    context: dict[str, object] = {"q": text, "found": None, "too_many": False}
    if text:
        found = ledger.search(text)
        context |= {"found": found, "too_many": found is None}
    if not (request.htmx and request.htmx.target == "results"):
        counts = ledger.counts()
        context |= {
            "sender": senders.sender(),
            "agreed": words.bounded(counts["agreed"], ledger.COUNTED),
            "refused": words.bounded(counts["refused"], ledger.COUNTED),
            "suppressed": words.bounded(counts["suppressed"], ledger.COUNTED),
            "reasons": [
                {"label": reason.label, "count": words.bounded(counts[reason.value], ledger.COUNTED)}
                for reason in Suppression.Reason
                if counts[reason.value]
            ],
        }
    return render_page(request, "campaigns/consent/consent.html#results", context)


@require_safe
@requires("view_campaigns")
def customer_consent(request: HttpRequest, public_id) -> HttpResponse:
    """One customer: whether we may write, and everything that was ever said about it."""
    return _customer_page(request, _customer(public_id), RecordForm())


def _customer_page(request: HttpRequest, customer: Customer, form: RecordForm, *, status: int = 200) -> HttpResponse:
    standing = ledger.standing(customer)
    page = paginate(
        ledger.lines(customer),
        _NEWEST,
        after=request.GET.get("after", ""),
        before=request.GET.get("before", ""),
        size=_PAGE,
    )
    context = {
        "customer": customer,
        "standing": standing,
        "standing_words": words.standing(standing.code),
        "page": page,
        "form": form,
    }
    return render_page(request, "campaigns/consent/customer.html#ledger", context, status=status)


@require_POST
@requires("record_consent")
def record_consent(request: HttpRequest, public_id) -> HttpResponse:
    customer, form = _customer(public_id), RecordForm(request.POST)
    if form.is_valid():
        try:
            ledger.record_by_hand(
                customer=customer,
                is_granted=form.cleaned_data["answer"] == "yes",
                note=form.cleaned_data["note"],
                actor=request.user,
            )
        except Refused as refusal:
            form.add_error("note", refusal.message)
        else:
            messages.success(request, _("It stands in the ledger."))
            return redirect("campaigns:customer_consent", public_id=customer.public_id)
    return _customer_page(request, customer, form, status=422)


def _customer(public_id) -> Customer:
    customer = ledger.customer_of(public_id)
    if customer is None:
        raise Http404
    return customer


# ---------------------------------------------------------------- addresses that are let alone


@sensitive_post_parameters("address")
@require_safe
@requires("view_campaigns")
def suppressions(request: HttpRequest) -> HttpResponse:
    return _suppressions_page(request, SuppressForm())


def _suppressions_page(request: HttpRequest, form: SuppressForm, *, status: int = 200) -> HttpResponse:
    address = request.GET.get("address", "").strip()[:320]
    page = paginate(
        ledger.suppressions(address),
        _NEWEST,
        after=request.GET.get("after", ""),
        before=request.GET.get("before", ""),
        size=_PAGE,
    )
    context = {"address": address, "page": page, "form": form}
    return render_page(request, "campaigns/consent/suppressions.html#results", context, status=status)


@sensitive_post_parameters("address")
@require_POST
@requires("record_consent")
def suppress(request: HttpRequest) -> HttpResponse:
    form = SuppressForm(request.POST)
    if form.is_valid():
        try:
            is_new = ledger.suppress_by_hand(actor=request.user, **form.cleaned_data)
        except Refused as refusal:
            field = str(refusal.facts.get("field", ""))
            form.add_error(field if field in form.fields else None, refusal.message)
        else:
            said = _("The address is let alone from now on.") if is_new else _("The address was let alone already.")
            messages.success(request, said)
            return redirect("campaigns:suppressions")
    return _suppressions_page(request, form, status=422)


@require_POST
@requires("record_consent")
def unsuppress(request: HttpRequest) -> HttpResponse:
    """Take an address off, with a reason; it is named by its key, for the address itself is not known."""
    held = ledger.suppression_of(request.POST.get("key", "")[:32], request.POST.get("campaign", "")[:60])
    if held is None:
        raise Http404
    try:
        ledger.unsuppress_by_hand(suppression=held, reason=request.POST.get("reason", ""), actor=request.user)
    except Refused as refusal:
        messages.error(request, refusal.message)
    else:
        messages.info(request, _("The address may be written to again. The customer must agree anew."))
    return redirect("campaigns:suppressions")


# ---------------------------------------------------------------- lists


@require_safe
@requires("view_campaigns")
def consent_lists(request: HttpRequest) -> HttpResponse:
    """Lists that were taken in; ``job`` is asked again while one is read."""
    if request.htmx and request.htmx.target == "job":
        job = optouts.open_list()
        response = render_page(request, "campaigns/consent/lists.html#job", {"job": job})
        if job is None:
            response["HX-Refresh"] = "true"
        return response
    return _lists_page(request, ListForm())


def _lists_page(request: HttpRequest, form: ListForm, *, status: int = 200) -> HttpResponse:
    rows = [
        {
            "job": job,
            "words": words.list_result(job.kind, job.result),
            "named": [
                {"line": one["line"], "reason": words.line_reason(one["reason"])} for one in job.result.get("named", [])
            ],
            "more": max(0, job.result.get("refused", 0) - len(job.result.get("named", []))),
        }
        for job in optouts.lists()
    ]
    job = next((row["job"] for row in rows if row["job"].is_open), None)
    context = {"rows": rows, "job": job, "form": form}
    return render_page(request, "campaigns/consent/lists.html", context, status=status)


@require_POST
@requires("record_consent")
def import_list(request: HttpRequest) -> HttpResponse:
    form = ListForm(request.POST, request.FILES)
    if form.is_valid():
        upload = form.cleaned_data["file"]
        try:
            job = optouts.open_import(
                upload=upload.file,
                file_name=upload.name,
                kind=form.cleaned_data["kind"],
                note=form.cleaned_data["note"],
                requested_by=request.user,
            )
        except Refused as refusal:
            form.add_error(str(refusal.facts.get("field") or "file"), refusal.message)
        else:
            jobs.ring(job)
            return redirect("campaigns:consent_lists")
    return _lists_page(request, form, status=422)


@require_POST
@requires("record_consent")
def stop_list(request: HttpRequest, public_id) -> HttpResponse:
    job = OptOutImport.objects.filter(public_id=public_id).first()
    if job is None:
        raise Http404
    jobs.cancel(job)
    messages.info(request, _("It stops at its next step. What was taken in stays."))
    return redirect("campaigns:consent_lists")
