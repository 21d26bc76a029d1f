"""Pages of the imports: the upload, then one page for each import through columns, dry run, writing and taking back."""

from __future__ import annotations

from django.conf import settings
from django.contrib import messages
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from core import jobs
from core.errors import Refused
from core.htmx import render_page
from tenants.permissions import requires

from . import columns_page, selectors, services, wizard
from .columns_page import Chosen
from .forms import MappingForm, SheetForm, UploadForm
from .models import Import

_NEWEST = 50


def _import_or_404(public_id) -> Import:
    try:
        # The proposal is large with many columns, and read only where it is shown: a bar asks every second.
        return selectors.import_list().defer("proposal").get(public_id=public_id)
    except Import.DoesNotExist as absent:
        raise Http404 from absent


def _list_context(form: UploadForm) -> dict[str, object]:
    # What the columns were and what was refused is not shown in a list, and may be large.
    newest = selectors.import_list().defer("proposal", "preview", "refusals", "mapping", "headers")[:_NEWEST]
    return {"imports": list(newest), "form": form}


@require_safe
@requires("view_customers")
def import_list(request: HttpRequest) -> HttpResponse:
    """The newest imports and, for those who may, the door for a file."""
    return render_page(request, "customers/imports.html#imports", _list_context(UploadForm()))


@require_POST
@requires("import_customers")
def upload_import(request: HttpRequest) -> HttpResponse:
    """Keep the file, open its import, show it. A small file that is no table is refused on the form."""
    form = UploadForm(request.POST, request.FILES)
    if form.is_valid():
        upload = form.cleaned_data["file"]
        try:
            run = services.open_import(
                upload=upload.file, filename=upload.name, requested_by=request.user, attended=True
            )
        except Refused as refusal:
            form.add_error("file", refusal.message)
        else:
            _ring(run)
            return redirect("customers:import_detail", public_id=run.public_id)
    return render_page(request, "customers/imports.html#upload", _list_context(form), status=422)


def _ring(run: Import) -> None:
    """Call a worker, unless the next thing is a person's to do."""
    if run.is_open:
        jobs.ring(run)


@require_safe
@requires("view_customers")
def import_detail(request: HttpRequest, public_id) -> HttpResponse:
    """One import: its bar while it runs (the fragment ``job`` is asked again), else what a person decides next."""
    return _show(request, _import_or_404(public_id))


def _show(request: HttpRequest, run: Import, chosen: Chosen | None = None, *, status: int = 200) -> HttpResponse:
    stage = wizard.stage(run)
    context: dict[str, object] = {"run": run, "job": run, "stage": stage, "steps": wizard.steps(run)}
    if stage == "columns":
        context |= columns_page.columns_page(run, chosen or columns_page.chosen_of(run))
    elif stage == "dry_run":
        context |= wizard.dry_run_page(run)
    elif stage != "working":
        context |= wizard.result_page(run)
    return render_page(request, "customers/import.html#job", context, status=status)


# ---------------------------------------------------------------- what a person decides


@require_POST
@requires("import_customers")
def map_import(request: HttpRequest, public_id) -> HttpResponse:
    """Take the columns as they were chosen and start the dry run; what cannot be is said beside what was chosen."""
    run = _import_or_404(public_id)
    if wizard.stage(run) != "columns":
        return _moved_on(request, run, _("The import is at another step now: look at it again."))
    form = MappingForm(
        request.POST, columns=run.proposal.get("columns", []), whole_labels=columns_page.whole_labels(run)
    )
    try:
        if form.is_valid():
            services.map_import(
                run=run,
                mapping=form.mapping(),
                actor=request.user,
                empty_clears=form.cleaned_data["empty_clears"],
                usage_month=form.cleaned_data["usage_month"],
            )
            _ring(run)
            return redirect("customers:import_detail", public_id=run.public_id)
        place, problem = form.complaint()
        places = {place.removeprefix("usage_")}
    except Refused as refusal:
        if refusal.code in wizard.MOVED_ON:
            return _moved_on(request, run, refusal.message)
        problem, places = refusal.message, columns_page.places_of(refusal.code, refusal.facts)
    chosen = Chosen(
        form.mapping(), bool(request.POST.get("empty_clears")), request.POST.get("usage_month", ""), problem, places
    )
    return _show(request, run, chosen, status=422)


@require_safe
@requires("view_customers")
def label_values(request: HttpRequest, public_id) -> HttpResponse:
    """What each value of the column named by ``label`` (its position) would mean: a fragment of the columns page."""
    run = _import_or_404(public_id)
    position = request.GET.get("label", "")
    card = None
    if position.isdecimal() and run.proposal.get("columns"):
        card = columns_page.label_card(run, int(position), columns_page.chosen_of(run))
    return render(request, "customers/_label.html", {"label": card, "run": run})


@require_POST
@requires("import_customers")
def choose_sheet(request: HttpRequest, public_id) -> HttpResponse:
    """Read another sheet of the workbook."""
    run = _import_or_404(public_id)
    form = SheetForm(request.POST)
    sheet = form.cleaned_data["sheet"] if form.is_valid() else ""
    return _decide(request, run, lambda: services.choose_sheet(run=run, sheet=sheet))


@require_POST
@requires("import_customers")
def agree_import(request: HttpRequest, public_id) -> HttpResponse:
    """Write what the dry run showed."""
    run = _import_or_404(public_id)
    return _decide(request, run, lambda: services.agree_import(run=run, actor=request.user))


@require_POST
@requires("import_customers")
def remap_import(request: HttpRequest, public_id) -> HttpResponse:
    """Back to the columns."""
    run = _import_or_404(public_id)
    return _decide(request, run, lambda: services.remap_import(run=run))


@require_POST
@requires("import_customers")
def discard_import(request: HttpRequest, public_id) -> HttpResponse:
    """Give the import up before anything was written."""
    run = _import_or_404(public_id)
    return _decide(request, run, lambda: services.discard_import(run=run, actor=request.user))


@require_POST
@requires("import_customers")
def undo_import(request: HttpRequest, public_id) -> HttpResponse:
    """Take a written import back."""
    run = _import_or_404(public_id)
    return _decide(request, run, lambda: services.undo_import(run=run, actor=request.user))


@require_POST
@requires("import_customers")
def cancel_import(request: HttpRequest, public_id) -> HttpResponse:
    """Stop a running import; one that waits for a person is given up."""
    run = _import_or_404(public_id)
    if run.is_awaiting:
        return _decide(request, run, lambda: services.discard_import(run=run, actor=request.user))
    jobs.cancel(run)
    if wizard.writes(run):
        messages.info(request, _("The import stops at the next batch; what was written before stays."))
    else:
        messages.info(request, _("The import stops; nothing was written."))
    return redirect("customers:import_detail", public_id=run.public_id)


def _decide(request: HttpRequest, run: Import, decision) -> HttpResponse:
    """Carry a decision out and show what comes of it; one that comes too late is told so."""
    try:
        _ring(decision())
    except Refused as refusal:
        return _moved_on(request, run, refusal.message)
    return redirect("customers:import_detail", public_id=run.public_id)


def _moved_on(request: HttpRequest, run: Import, sentence: str) -> HttpResponse:
    messages.warning(request, sentence)
    return redirect("customers:import_detail", public_id=run.public_id)


# ---------------------------------------------------------------- the refused rows


@require_safe
@requires("import_customers")
def refused_rows(request: HttpRequest, public_id) -> FileResponse:
    """Every refused row as it stood in the file, after its line, column and reason: to mend and load again."""
    return refused_file(_import_or_404(public_id))


def refused_file(run: Import) -> FileResponse:
    """The file of refused rows of an import that its reader may see. Raises Http404 where nothing was refused."""
    path = settings.PRIVATE_ROOT / run.refused_path
    if not run.refused_path or not path.is_file():
        raise Http404
    return FileResponse(
        path.open("rb"),
        as_attachment=True,
        filename=f"refused-{run.public_id}.csv",
        content_type="text/csv; charset=utf-8",
    )
