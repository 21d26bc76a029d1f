"""``POST /api/train`` and the address of a job."""

from __future__ import annotations

from django.http import Http404
from rest_framework.response import Response
from rest_framework.reverse import reverse
from rest_framework.views import APIView

from core import bodies, jobs
from core.models import Job
from core.operations import operation
from core.shapes import ACCEPTED
from customers.models import Import
from tenants.idempotency import idempotent
from tenants.models import TenantJob

from . import services
from .api_shapes import JOB
from .models import DriftReport, ProfitRun, ScoringRun, TrainingRun

# What a kind of job is called, where its model's name would not do.
KINDS: dict[type[TenantJob], str] = {
    TrainingRun: "training",
    ScoringRun: "scoring",
    Import: "import",
    DriftReport: "drift_check",
    ProfitRun: "profit",
}


class TrainView(APIView):
    capability = "train_models"

    @operation(
        answers={202: ACCEPTED},
        headers={202: {"Location": "The address of the job."}},
        refuses={422: "There is too little to learn from."},
    )
    @idempotent
    def post(self, request):
        """Ask for a training: 202 with the job's address; the open one where one is open already."""
        run = services.open_training(requested_by=request.user)
        jobs.ring(run)
        address = reverse("predictions:api_job", args=[run.public_id], request=request)
        return bodies.accepted(run, address)


class JobView(APIView):
    capability = "view_models"

    @operation(answers={200: JOB})
    def get(self, request, public_id):
        """A job of any kind: state, progress (0 to 1), the step, an estimate in seconds, the error."""
        for model in jobs.job_models():
            job = model.objects.filter(public_id=public_id).first()
            if job is not None:
                return Response(job_as_json(job))
        raise Http404


def kind_of(model: type[Job]) -> str:
    """What programs call a kind of job."""
    return KINDS.get(model, model._meta.model_name)


def job_as_json(job: Job) -> dict[str, object]:
    return {
        "job": str(job.public_id),
        "kind": kind_of(type(job)),
        "state": job.state,
        "progress": job.fraction,
        "step": job.progress_note,
        "seconds_left": job.seconds_left,
        "attempts": job.attempts,
        "error": {"code": job.error_code, "detail": job.error_message} if job.error_code else None,
        "requested_at": job.requested_at,
        "finished_at": job.finished_at,
    }
