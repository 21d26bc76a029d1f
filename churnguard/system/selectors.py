"""What the page System shows: the installation's servers, and the jobs, mails and scores of the company in scope.

Whose job it is decides who sees it: queues, workers and the disk are everybody's, jobs and their reasons the company's own.
"""

from __future__ import annotations

import hashlib
import platform
import shutil
import time
from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from importlib.metadata import version

import redis
from django.conf import settings
from django.db import Error, connection
from django.db.models import UniqueConstraint
from django.utils import timezone

from core import broker, census, health
from core.jobs import job_models
from core.models import Job, JobState
from tenants.scoping import current_tenant

from ..keeping.standing import Keeping, keeping
from .stock import CompanyStock, company_stock
from .version import VERSION

KEPT_SECONDS = 3.0  # several people looking cost as much as one
NEWEST = 1_000
_SHOWN = (JobState.QUEUED, JobState.RUNNING, JobState.AWAITING, JobState.DEAD)
_DEAD_DAYS = 30
_MOST_DEAD = 20
_LATE_SECONDS = 60.0
_GIGABYTE = 1024**3


@dataclass(frozen=True, slots=True)
class Queue:
    """``messages`` and ``processes`` are the installation's (None: the broker does not say), ``since`` the company's."""

    name: str
    messages: int | None
    processes: int | None
    since: datetime | None


@dataclass(frozen=True, slots=True)
class Kind:
    """How many jobs of one kind are under way or rest; ``label`` names the model."""

    label: str
    running: int
    waiting: int
    awaiting: int
    dead: int


@dataclass(frozen=True, slots=True)
class DeadJob:
    """``is_overtaken``: a later one of its kind did the same work, so that trying again would only undo it."""

    label: str
    public_id: str
    about: str
    reason: str
    attempts: int
    finished_at: datetime | None
    is_overtaken: bool


@dataclass(frozen=True, slots=True)
class Standing:
    """Everything at one moment. ``sweeper``: ok, late, unknown."""

    parts: dict[str, str]
    sweeper: str
    queues: list[Queue]
    workers: list[broker.Worker]
    kinds: list[Kind]
    dead: list[DeadJob]
    company: CompanyStock
    disk_free: int
    disk_size: int
    keeping: Keeping
    versions: dict[str, str] = field(default_factory=dict)

    @property
    def seen(self) -> str:
        """Changes when something on the page does: not with the clock, and with the disk by the gigabyte."""
        here = [(worker.name, worker.is_here, worker.processes) for worker in self.workers]
        still = replace(self, workers=[], disk_free=self.disk_free // _GIGABYTE)
        return hashlib.blake2b(repr((still, here)).encode(), digest_size=8).hexdigest()

    @property
    def disk_share(self) -> float:
        return self.disk_free / self.disk_size if self.disk_size else 0.0

    @property
    def is_disk_short(self) -> bool:
        return self.disk_share < 0.1


_kept: dict[str, tuple[float, Standing]] = {}


def standing() -> Standing:
    """How things stand for the company in scope, as of at most three seconds ago."""
    key = str(current_tenant().pk)
    asked_at, found = _kept.get(key, (-1e9, None))
    if found is None or time.monotonic() - asked_at >= KEPT_SECONDS:
        found = _look()
        _kept[key] = (time.monotonic(), found)
    return found


def look_again() -> None:
    """Something was changed by hand: the next look must show it."""
    _kept.pop(str(current_tenant().pk), None)


def job_model(label: str) -> type[Job] | None:
    """The kind of job that a form names; None for anything else."""
    return next((model for model in job_models() if model._meta.label_lower == label), None)


def is_overtaken(job: Job) -> bool:
    """Whether a later job of this kind did the same work since: asked of kinds of which a company runs one at a time."""
    return _is_one_at_a_time(type(job)) and type(job).objects.filter(pk__gt=job.pk, state=JobState.SUCCEEDED).exists()


def _is_one_at_a_time(model: type[Job]) -> bool:
    rules = [rule for rule in model._meta.constraints if isinstance(rule, UniqueConstraint) and rule.condition]
    return any(tuple(rule.fields) == ("tenant",) for rule in rules)


def _look() -> Standing:
    waiting, workers, sweeper = _ask_broker()
    kinds, dead, since = _ask_jobs()
    usage = shutil.disk_usage(settings.VAR_DIR)
    queues = [
        Queue(
            name,
            waiting[name] if waiting else None,
            sum(w.processes for w in workers if w.is_here and name in w.queues) if waiting else None,
            since.get(name),
        )
        for name in broker.QUEUES
    ]
    return Standing(
        parts=health.health().parts,
        sweeper=sweeper,
        queues=queues,
        workers=workers,
        kinds=kinds,
        dead=dead,
        company=company_stock(),
        disk_free=usage.free,
        disk_size=usage.total,
        keeping=keeping(),
        versions=_versions(),
    )


def _ask_broker() -> tuple[dict[str, int] | None, list[broker.Worker], str]:
    if not broker.has_broker():
        return None, [], "unknown"
    try:
        swept = broker.swept_at()
        late = swept is not None and time.time() - swept > _LATE_SECONDS
        return broker.waiting(), broker.workers(), "unknown" if swept is None else "late" if late else "ok"
    except (redis.RedisError, OSError):
        return None, [], "unknown"


def _ask_jobs() -> tuple[list[Kind], list[DeadJob], dict[str, datetime]]:
    """One small question for each kind, over its newest thousand rows of this company."""
    kinds: list[Kind] = []
    dead: list[DeadJob] = []
    since: dict[str, datetime] = {}
    now = timezone.now()
    for model in job_models():
        newest = model.objects.order_by("-pk").values("pk")[:NEWEST]
        rows = model.objects.filter(pk__in=newest, state__in=_SHOWN).order_by()
        states: Counter[str] = Counter()
        for state, asked_at, not_before in rows.values_list("state", "requested_at", "not_before"):
            states[state] += 1
            due_at = not_before or asked_at
            if state == JobState.QUEUED and due_at <= now:
                queue = census.queue_of(model)
                since[queue] = min(since.get(queue, due_at), due_at)
        if states:
            kinds.append(
                Kind(
                    model._meta.label_lower,
                    states[JobState.RUNNING],
                    states[JobState.QUEUED],
                    states[JobState.AWAITING],
                    states[JobState.DEAD],
                )
            )
        if states[JobState.DEAD]:
            dead += _dead(model, now)
    dead.sort(key=lambda job: (job.finished_at or now, job.public_id), reverse=True)
    return kinds, dead[:_MOST_DEAD], since


def _dead(model: type[Job], now: datetime) -> list[DeadJob]:
    rows = model.objects.filter(state=JobState.DEAD, finished_at__gte=now - timedelta(days=_DEAD_DAYS))
    return [
        DeadJob(
            label=model._meta.label_lower,
            public_id=str(job.public_id),
            about=str(job),
            reason=job.error_message,
            attempts=job.attempts,
            finished_at=job.finished_at,
            is_overtaken=is_overtaken(job),
        )
        for job in rows.order_by("-pk")[:_MOST_DEAD]
    ]


def started_at(worker: broker.Worker) -> datetime:
    return datetime.fromtimestamp(worker.started_at, UTC)


def _versions() -> dict[str, str]:
    found = {"ChurnGuard": VERSION, "Python": platform.python_version()}
    found |= {name: version(name) for name in ("Django", "celery", "scikit-learn", "numpy")}
    try:
        number = ".".join(str(part) for part in connection.get_database_version())
        found["database"] = f"{connection.display_name} {number}"
        if broker.has_broker():
            found["broker"] = broker.version()
    except (Error, redis.RedisError, OSError):
        pass  # the part that does not answer is named above
    return found
