"""How many jobs there are of each kind and in each state, over all companies; for those who run the site.

No question here grows with the history: each looks at the newest rows of its table, on PostgreSQL at those of each
company. Waiting and running jobs are among them, since the sweeper ends what nobody ends.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from fnmatch import fnmatch
from typing import Any

from django.conf import settings
from django.db.models import Count, Min, Q, QuerySet
from django.db.models.functions import Coalesce
from django.utils import timezone

from . import companies
from .jobs import job_models
from .models import Job, JobState

NEWEST = 5_000


@dataclass(frozen=True, slots=True)
class KindOfJob:
    """``kind`` is the model's label (customers.import), ``waiting_since`` the oldest one whose time has come."""

    kind: str
    queue: str
    states: dict[str, int] = field(default_factory=dict)
    waiting_since: datetime | None = None


def queue_of(model: type[Job]) -> str:
    """The queue that this kind of job is rung on."""
    for pattern, route in settings.CELERY_TASK_ROUTES.items():
        if fnmatch(model.task_name, pattern):
            return route["queue"]
    return settings.CELERY_TASK_DEFAULT_QUEUE


def census() -> list[KindOfJob]:
    """One entry for each kind, also where there is no job: a small question a kind, on PostgreSQL for each company."""
    now = timezone.now()
    models = job_models()
    states: list[Counter[str]] = [Counter() for _model in models]
    since: list[list[datetime]] = [[] for _model in models]
    for company in companies.each():
        with company:
            for place, model in enumerate(models):
                for row in _counted(model, now):
                    states[place][row["state"]] += row["number"]
                    since[place] += [row["since"]] if row["since"] else []
    return [
        KindOfJob(model._meta.label_lower, queue_of(model), dict(counts), min(waiting, default=None))
        for model, counts, waiting in zip(models, states, since, strict=True)
    ]


def _counted(model: type[Job], now: datetime) -> QuerySet[Job, dict[str, Any]]:
    """state, number, since (the oldest whose time has come) of those that the database shows."""
    newest = model._base_manager.order_by("-pk").values("pk")[:NEWEST]
    rows = model._base_manager.filter(pk__in=newest).order_by()
    due = Q(state=JobState.QUEUED) & (Q(not_before=None) | Q(not_before__lte=now))
    return rows.values("state").annotate(
        number=Count("pk"), since=Min(Coalesce("not_before", "requested_at"), filter=due)
    )
