"""Pages of the imports: upload, progress, what was read, changed and refused."""

from __future__ import annotations

import csv
import io

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from core import jobs, tabular
from core.errors import Refused
from core.htmx import render_page
from tenants.permissions import requires

from . import selectors, services, wording
from .forms import UploadForm
from .models import Customer, Import, Subscription


def _import_or_404(public_id) -> Import:
    try:
        return selectors.import_list().get(public_id=public_id)
    except Import.DoesNotExist as absent:
        raise Http404 from absent


@require_safe
@requires("view_customers")
def import_list(request: HttpRequest) -> HttpResponse:
    """The newest imports and, for those who may, the door for a file."""
    return render_page(
        request,
        "customers/imports.html#imports",
        {"imports": list(selectors.import_list()[:50]), "form": UploadForm()},
    )


@require_POST
@requires("import_customers")
def upload_import(request: HttpRequest) -> HttpResponse:
    """Keep the file, open its job, show its bar. A file that is no table of customers is refused on the form."""
    form = UploadForm(request.POST, request.FILES)
    if form.is_valid():
        upload = form.cleaned_data["file"]
        try:
            run = services.open_import(
                upload=upload.file,
                filename=upload.name,
                requested_by=request.user,
                without_label=form.cleaned_data["without_label"],
            )
        except Refused as refusal:
            form.add_error("file", refusal.message)
        else:
            jobs.ring(run)
            return redirect("customers:import_detail", public_id=run.public_id)
    context = {"imports": list(selectors.import_list()[:50]), "form": form}
    return render_page(request, "customers/imports.html#upload", context, status=422)


@require_safe
@requires("view_customers")
def import_detail(request: HttpRequest, public_id) -> HttpResponse:
    """One import: its bar while it runs (the fragment ``job`` is asked again), then what it did."""
    run = _import_or_404(public_id)
    context = {
        "run": run,
        "job": run,
        "refusals": [{**r, "words": wording.reason(r["reason"])} for r in run.refusals],
        "columns": [
            {"name": _column_name(name), "header": header, "unknown": run.unknown_values.get(name, 0)}
            for name, header in run.mapping.items()
        ],
    }
    return render_page(request, "customers/import.html#job", context)


def _column_name(name: str) -> str:
    """What a column of ours is called on pages."""
    for model in (Customer, Subscription):
        if name in {field.name for field in model._meta.concrete_fields}:
            return str(model._meta.get_field(name).verbose_name)
    return name


@require_safe
@requires("import_customers")
def refused_rows(request: HttpRequest, public_id) -> HttpResponse:
    """The kept refusals as CSV: line, column, value, reason."""
    run = _import_or_404(public_id)
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow([_("line"), _("column"), _("value"), _("reason")])
    for row in run.refusals:
        writer.writerow(
            [row["line"], *map(tabular.safe_cell, (row["column"], row["value"], wording.reason(row["reason"])))]
        )
    response = HttpResponse(text.getvalue(), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="refused-{run.public_id}.csv"'
    return response


@require_POST
@requires("import_customers")
def cancel_import(request: HttpRequest, public_id) -> HttpResponse:
    run = _import_or_404(public_id)
    jobs.cancel(run)
    messages.info(request, _("The import stops at the next batch; what was already read stays."))
    return redirect("customers:import_detail", public_id=run.public_id)
