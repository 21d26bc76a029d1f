"""Imports, and the quality of what they brought, for programs."""

from __future__ import annotations

from django import forms
from django.http import Http404
from rest_framework.exceptions import ValidationError
from rest_framework.response import Response
from rest_framework.reverse import reverse
from rest_framework.views import APIView

from core import jobs
from core.api import problem_response
from core.errors import Refused
from core.operations import MULTIPART, operation
from core.parsing import MultiPartParser
from tenants.idempotency import idempotent

from . import api_shapes as shapes
from . import selectors, services, wizard
from .forms import ProgramUploadForm, SheetForm, mapping_of_body
from .models import Import, QualityProfile
from .views import refused_file

_WHERE = {202: {"Location": "The address of the import."}}
_DECIDED = {200: shapes.IMPORT, 202: shapes.IMPORT}
_REFUSES = {409: "The import has moved on: this comes too late.", 422: "It cannot be done so; `code` says why."}


class ImportsView(APIView):
    capability = {"GET": "view_customers", "POST": "import_customers"}
    parser_classes = [MultiPartParser]

    @operation(answers={200: shapes.IMPORTS})
    def get(self, request):
        """The fifty newest imports, in short."""
        newest = selectors.import_list().defer("proposal", "preview", "refusals", "mapping", "headers")[:50]
        return Response({"imports": [_brief(request, run) for run in newest]})

    @operation(
        body=shapes.UPLOAD,
        media=MULTIPART,
        answers={202: shapes.IMPORT},
        headers=_WHERE,
        refuses={422: "The file cannot be customers, or is not read as was said."},
    )
    @idempotent
    def post(self, request):
        """Bring in a file (multipart, field ``file``): 202 with the job's address, 422 where it cannot be customers.

        Goes through to the end by itself, unless ``attended`` (it then waits for mapping and agree) or ``dry_run`` (it
        stops before it writes).
        """
        form = ProgramUploadForm(request.data, request.FILES)
        if not form.is_valid():
            raise ValidationError(form.errors)
        said = form.cleaned_data
        run = services.open_import(
            upload=said["file"].file,
            filename=said["file"].name,
            requested_by=request.user,
            attended=said["attended"],
            dry=said["dry_run"],
            sheet=said["sheet"],
            mapping=said["mapping"],
            id_column=said["id_column"],
            label_column=said["label_column"],
            label_yes=request.data.getlist("label_yes"),
            without_label=said["without_label"],
            empty_clears=said["empty_means_empty"],
            usage_month=said["usage_month"],
        )
        return _accepted(request, run)


class ImportView(APIView):
    capability = "view_customers"

    @operation(answers={200: shapes.IMPORT})
    def get(self, request, public_id):
        """One import: state, step, progress, what was proposed, agreed and counted, and what may be done with it next."""
        return Response(_as_json(request, _find(public_id)))


class MappingView(APIView):
    capability = "import_customers"

    @operation(body=shapes.MAPPING, needs_body=False, answers=_DECIDED, headers=_WHERE, refuses=_REFUSES)
    @idempotent
    def post(self, request, public_id):
        """Agree on the columns and start the dry run. An empty body agrees to what was proposed."""
        return self.put(request, public_id)

    @operation(
        body=shapes.MAPPING,
        needs_body=False,
        answers=_DECIDED,
        headers=_WHERE,
        refuses=_REFUSES,
        says="The same as POST.",
    )
    def put(self, request, public_id):
        run = _find(public_id)
        try:
            said = mapping_of_body(request.data)
        except forms.ValidationError as error:
            raise ValidationError(error.messages) from error
        said["mapping"] = said["mapping"] or run.mapping
        return _decide(request, lambda: services.map_import(run=run, actor=request.user, **said))


class AgreeView(APIView):
    capability = "import_customers"

    @operation(answers=_DECIDED, headers=_WHERE, refuses=_REFUSES)
    @idempotent
    def post(self, request, public_id):
        """Write what the dry run counted."""
        run = _find(public_id)
        return _decide(request, lambda: services.agree_import(run=run, actor=request.user))


class SheetView(APIView):
    capability = "import_customers"

    @operation(body=shapes.SHEET, answers=_DECIDED, headers=_WHERE, refuses=_REFUSES)
    @idempotent
    def post(self, request, public_id):
        """Read another sheet of the workbook: ``{"sheet": name}``."""
        run = _find(public_id)
        form = SheetForm(request.data if isinstance(request.data, dict) else {})
        if not form.is_valid():
            raise ValidationError(form.errors)
        return _decide(request, lambda: services.choose_sheet(run=run, sheet=form.cleaned_data["sheet"]))


class DiscardView(APIView):
    capability = "import_customers"

    @operation(answers=_DECIDED, headers=_WHERE, refuses=_REFUSES)
    def post(self, request, public_id):
        """Give up an import that waits."""
        run = _find(public_id)
        return _decide(request, lambda: services.discard_import(run=run, actor=request.user))


class UndoView(APIView):
    capability = "import_customers"

    @operation(answers=_DECIDED, headers=_WHERE, refuses=_REFUSES)
    @idempotent
    def post(self, request, public_id):
        """Take a written import back."""
        run = _find(public_id)
        return _decide(request, lambda: services.undo_import(run=run, actor=request.user))


class RefusedRowsView(APIView):
    capability = "import_customers"

    @operation(answers={200: shapes.CSV}, answers_media={200: "text/csv"})
    def get(self, request, public_id):
        """The refused rows as CSV, to mend and load again."""
        return refused_file(_find(public_id))


def _find(public_id) -> Import:
    run = selectors.import_list().filter(public_id=public_id).first()
    if run is None:
        raise Http404
    return run


def _decide(request, decision) -> Response:
    """Carry a decision out: 202 where work follows, 409 where it comes too late. Other refusals are 422."""
    try:
        run = decision()
    except Refused as refusal:
        if refusal.code in wizard.MOVED_ON:
            return problem_response(409, refusal.code, refusal.message)
        raise
    return _accepted(request, run) if run.is_open else Response(_as_json(request, run))


def _accepted(request, run: Import) -> Response:
    if run.is_open:
        jobs.ring(run)
    return Response(_as_json(request, run), status=202, headers={"Location": _address(request, run)})


def _address(request, run: Import, name: str = "api_import") -> str:
    return reverse(f"customers:{name}", args=[run.public_id], request=request)


def _brief(request, run: Import) -> dict[str, object]:
    return {
        "id": str(run.public_id),
        "url": _address(request, run),
        "page": _address(request, run, "import_detail"),
        "filename": run.filename,
        "state": run.state,
        "step": run.step,
        "progress": run.fraction,
        "error": {"code": run.error_code, "detail": run.error_message} if run.error_code else None,
    }


def _as_json(request, run: Import) -> dict[str, object]:
    hidden = ("mapping", "choices")  # agreed meanwhile, or what the caller said itself
    proposal = {name: value for name, value in run.proposal.items() if name not in hidden}
    return {
        **_brief(request, run),
        "attended": run.is_attended,
        "dry_run": run.is_dry,
        "rows": run.total_rows,
        "sheet": run.sheet,
        "sheets": run.sheets,
        "notes": run.notes,
        "proposal": proposal or None,
        "mapping": run.ordered_mapping or None,
        "empty_means_empty": run.empty_clears,
        "usage_month": run.usage_month.strftime("%Y-%m") if run.usage_month else None,
        "preview": run.preview or None,
        "result": run.result(),
        "undone": {"at": run.undone_at, **run.undo_result} if run.undone_at else None,
        "actions": {name: _address(request, run, f"api_{name}") for name in wizard.actions(run)},
    }


class QualityView(APIView):
    capability = "view_customers"

    @operation(
        answers={200: shapes.QUALITY}, refuses={404: "No import’s quality is known yet, or there is no such import."}
    )
    def get(self, request, public_id=None):
        """What the newest import's file brought, or the named one's: state, progress and, once finished, every column."""
        profiles = selectors.profile_list()
        if public_id:
            profiles = profiles.filter(brought_by__public_id=public_id)
        job = profiles.first()
        if job is None:
            raise Http404
        return Response(_quality_as_json(request, job))


class ReadinessView(APIView):
    capability = "view_customers"

    @operation(answers={200: shapes.READINESS})
    def get(self, request):
        """Whether there is enough to learn from: verdict, each bar with what is missing, and both in words."""
        return Response(services.readiness())


def _quality_as_json(request, job: QualityProfile) -> dict[str, object]:
    done = job.state == "succeeded"
    profile = job.profile if done else {}
    findings = selectors.finding_list()
    return {
        "import": _address(request, job.brought_by),
        "filename": job.brought_by.filename,
        "compared_with": _address(request, job.compared_with) if job.compared_with else None,
        "state": job.state,
        "progress": job.fraction,
        "error": {"code": job.error_code, "detail": job.error_message} if job.error_code else None,
        "summary": job.summary if done else None,
        "duplicates": profile.get("duplicates"),
        "columns": {name: _column_as_json(column) for name, column in profile.get("columns", {}).items()},
        "findings": [
            {
                "column": finding.column,
                "verdict": finding.severity,
                "codes": finding.codes,
                "evidence": finding.evidence,
                "overruled": finding.overruled_at,
            }
            for finding in findings
        ],
    }


def _column_as_json(column: dict[str, object]) -> dict[str, object]:
    """Without ``bins``, which serve the next comparison only."""
    return {name: value for name, value in column.items() if name != "bins"}
