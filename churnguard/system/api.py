"""Jobs of all kinds for programs: one list, one job, stopping one, trying a given-up one again."""

from __future__ import annotations

import base64
import heapq
import json
from collections.abc import Iterator, Mapping

from django.core.exceptions import PermissionDenied
from django.http import Http404
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.response import Response
from rest_framework.reverse import reverse
from rest_framework.views import APIView

from campaigns.models import OptOutImport, Preparation
from core import bodies, jobs
from core.api import problem_response
from core.errors import Refused
from core.models import Job, JobState
from core.operations import operation
from core.serialized import query_of
from core.shapes import ADDRESS, many, maybe, named, record, says
from customers import services as customers
from customers.models import ChurnDefinition, FeedRun, Import, QualityProfile
from predictions.api import job_as_json, kind_of
from predictions.api_shapes import JOB_FIELDS
from predictions.models import DriftReport, TrainingRun
from segmentation.models import Allocation, Segmentation
from tenants.idempotency import idempotent
from tenants.models import User

from . import retrying, selectors

_LARGEST_KEY = 2**63 - 1
_COLUMNS = (
    "public_id", "state", "progress_done", "progress_total", "progress_note", "attempts", "started_at", "requested_at",
    "finished_at", "error_code", "error_message", "cancel_requested", "not_before",
)  # fmt: skip
_OWN_COLUMNS = ("step", "kind")  # of some kinds: they decide whether it can be stopped

# Who may stop which kind of job, as on its page; kinds that stand nowhere here end by themselves.
STOPPED_BY: Mapping[type[Job], str] = {
    Import: "import_customers",
    QualityProfile: "import_customers",
    FeedRun: "curate_data",
    ChurnDefinition: "propose_churn_definition",
    TrainingRun: "train_models",
    DriftReport: "score_customers",
    Segmentation: "refresh_segments",
    Allocation: "allocate_offers",
    Preparation: "compose_campaigns",
    OptOutImport: "record_consent",
}


class JobsQuery(bodies.PageQuery):
    """Only some of the jobs."""

    kind = serializers.CharField(required=False, max_length=60, help_text="Only jobs of this kind.")
    state = serializers.ChoiceField(choices=JobState.choices, required=False, help_text="Only jobs in it.")


GROUP = "Jobs"
_JOB = named(
    "JobOfKind",
    record(
        JOB_FIELDS
        | {
            "url": ADDRESS,
            "stop": says(maybe(ADDRESS), "Where to ask it to stop, where that may be done now."),
            "retry": says(maybe(ADDRESS), "Where to have it tried again, where that may be done now."),
        }
    ),
)
_JOBS = record(
    {
        "jobs": many(_JOB, at_most=bodies.LARGEST_PAGE),
        "next": says(maybe(ADDRESS), "Where the following ones are; null on the last page."),
    }
)


class JobsView(APIView):
    capability = "view_models"
    api_group = GROUP

    @operation(query=query_of(JobsQuery), answers={200: _JOBS})
    def get(self, request):
        """The company's jobs of all kinds, the newest first."""
        asked = bodies.ask(request, JobsQuery)
        kinds = kinds_by_name()
        if "kind" in asked:
            if asked["kind"] not in kinds:
                raise ValidationError({"kind": [f"one of {', '.join(sorted(kinds))}"]})
            kinds = {asked["kind"]: kinds[asked["kind"]]}
        passed = _read_cursor(asked.get("after", ""))
        newest = heapq.merge(
            *(_newest(model, name, passed, asked) for name, model in kinds.items()),
            key=lambda pair: pair[0].requested_at,
            reverse=True,
        )
        shown, more = [], False
        for job, name in newest:
            if len(shown) == asked["limit"]:
                more = True
                break
            shown.append(job)
            passed = passed | {name: job.pk}
        following = bodies.next_address(request, _write_cursor(passed)) if more else None
        return Response({"jobs": [_job(request, job) for job in shown], "next": following})


class JobView(APIView):
    capability = "view_models"
    api_group = GROUP

    @operation(answers={200: _JOB})
    def get(self, request, kind, public_id):
        """One job by its kind and identifier."""
        return Response(_job(request, _find(kind, public_id)))


class StopJobView(APIView):
    capability = "view_models"  # which else it takes depends on the kind
    api_group = GROUP

    @operation(answers={200: _JOB}, refuses={409: "The job is over, or ends by itself.", 422: "It moved on meanwhile."})
    @idempotent
    def post(self, request, kind, public_id):
        """Ask a job to stop: one that waits does at once, one that runs at its next step. 403 without the right to start its
        kind, 409 where it is over, or of a kind that ends by itself."""
        job = _find(kind, public_id)
        needed = STOPPED_BY.get(type(job))
        if needed and not request._request.membership.can(needed):
            raise PermissionDenied
        if not _can_stop(job):
            return problem_response(409, "not_stoppable", "This job is over, or it ends by itself.")
        _stop(job, request.user)
        return Response(_job(request, _find(kind, public_id)))


class RetryJobView(APIView):
    capability = "retry_jobs"
    api_group = GROUP

    @operation(answers={200: _JOB}, refuses={409: "The job was not given up, or a later one has done its work."})
    @idempotent
    def post(self, request, kind, public_id):
        """Try a job again that was given up. 409 where it is not, or a later one has done its work."""
        job = _find(kind, public_id)
        try:
            retrying.try_again(job=job, actor=request.user)
        except Refused as refusal:
            return problem_response(409, refusal.code, refusal.message)
        jobs.ring(job)
        selectors.look_again()
        return Response(_job(request, _find(kind, public_id)))


def kinds_by_name() -> dict[str, type[Job]]:
    return {kind_of(model): model for model in jobs.job_models()}


def _newest(model: type[Job], name: str, passed: Mapping[str, int], asked: Mapping) -> Iterator[tuple[Job, str]]:
    """The newest of one kind that were not passed yet, as many as a page may need. By key: every table has it in order."""
    own = [column.name for column in model._meta.concrete_fields if column.name in _OWN_COLUMNS]
    rows = model.objects.only(*_COLUMNS, *own).order_by("-pk")
    if name in passed:
        rows = rows.filter(pk__lt=passed[name])
    if "state" in asked:
        rows = rows.filter(state=asked["state"])
    return ((job, name) for job in rows[: asked["limit"] + 1])


def _write_cursor(passed: Mapping[str, int]) -> str:
    return base64.urlsafe_b64encode(json.dumps(passed, sort_keys=True).encode()).decode().rstrip("=")


def _read_cursor(cursor: str) -> dict[str, int]:
    """How far each kind was shown. Raises ValidationError for anything else."""
    if not cursor:
        return {}
    try:
        passed = json.loads(base64.urlsafe_b64decode(cursor.encode("ascii") + b"=" * (-len(cursor) % 4)))
        known = isinstance(passed, dict) and set(passed) <= set(kinds_by_name())
        if known and all(type(key) is int and 0 <= key <= _LARGEST_KEY for key in passed.values()):
            return passed
    except (ValueError, RecursionError):
        pass
    raise ValidationError({"after": ["not a place in this list"]})


def _find(kind: str, public_id) -> Job:
    model = kinds_by_name().get(kind)
    job = model.objects.filter(public_id=public_id).first() if model else None
    if job is None:
        raise Http404
    return job


def _can_stop(job: Job) -> bool:
    if type(job) not in STOPPED_BY or not (job.is_open or job.is_awaiting) or job.cancel_requested:
        return False
    if isinstance(job, Preparation):
        return job.kind == Preparation.Kind.CHECK  # a launch is stopped by cancelling its campaign
    return not (isinstance(job, Import) and job.step == "undo")


def _stop(job: Job, actor: User) -> None:
    if isinstance(job, Import) and job.is_awaiting:
        customers.discard_import(run=job, actor=actor)
    elif isinstance(job, FeedRun):
        customers.stop_feed_run(run=job, actor=actor)
    else:
        jobs.cancel(job)


def _job(request, job: Job) -> dict[str, object]:
    where = [kind_of(type(job)), job.public_id]

    def address(name: str) -> str:
        return reverse(f"system:{name}", args=where, request=request)

    can = request._request.membership.can
    needed = STOPPED_BY.get(type(job), "")
    is_dead = job.state == JobState.DEAD
    return job_as_json(job) | {
        "url": address("api_job_of_kind"),
        "stop": address("api_stop_job") if needed and can(needed) and _can_stop(job) else None,
        "retry": address("api_retry_job") if is_dead and can("retry_jobs") else None,
    }
