"""The imports for programs."""

from __future__ import annotations

from django.http import Http404
from rest_framework.parsers import MultiPartParser
from rest_framework.response import Response
from rest_framework.reverse import reverse
from rest_framework.views import APIView

from core import jobs
from tenants.idempotency import idempotent

from . import selectors, services
from .forms import UploadForm
from .models import Import, QualityProfile


class ImportsView(APIView):
    capability = {"GET": "view_customers", "POST": "import_customers"}
    parser_classes = [MultiPartParser]

    def get(self, request):
        """The fifty newest imports."""
        return Response({"imports": [_as_json(request, run) for run in selectors.import_list()[:50]]})

    @idempotent
    def post(self, request):
        """Bring in a file (multipart, field ``file``): 202 with the job's address, 422 where it cannot be customers."""
        form = UploadForm(request.data, request.FILES)
        if not form.is_valid():
            from rest_framework.exceptions import ValidationError

            raise ValidationError(form.errors)
        upload = form.cleaned_data["file"]
        run = services.open_import(
            upload=upload.file,
            filename=upload.name,
            requested_by=request.user,
            without_label=form.cleaned_data["without_label"],
        )
        jobs.ring(run)
        return Response(_as_json(request, run), status=202, headers={"Location": _address(request, run)})


class ImportView(APIView):
    capability = "view_customers"

    def get(self, request, public_id):
        """One import: state, progress and, once finished, its result."""
        run = selectors.import_list().filter(public_id=public_id).first()
        if run is None:
            raise Http404
        return Response(_as_json(request, run))


def _address(request, run: Import) -> str:
    return reverse("customers:api_import", args=[run.public_id], request=request)


def _as_json(request, run: Import) -> dict[str, object]:
    return {
        "id": str(run.public_id),
        "url": _address(request, run),
        "filename": run.filename,
        "state": run.state,
        "progress": run.fraction,
        "error": {"code": run.error_code, "detail": run.error_message} if run.error_code else None,
        "result": run.result(),
    }


class QualityView(APIView):
    capability = "view_customers"

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
