"""Abstract bases: time stamps, public identifiers, and the Job row that every long piece of work is first."""

from __future__ import annotations

import uuid

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _


class TimeStamped(models.Model):
    created_at = models.DateTimeField(_("created"), default=timezone.now, editable=False)
    updated_at = models.DateTimeField(_("updated"), auto_now=True)

    class Meta:
        abstract = True


class PublicId(models.Model):
    """A UUID for addresses and the API, so that no row count is readable from a URL."""

    public_id = models.UUIDField(_("identifier"), default=uuid.uuid4, unique=True, editable=False)

    class Meta:
        abstract = True


class JobState(models.TextChoices):
    QUEUED = "queued", _("waiting")
    RUNNING = "running", _("running")
    AWAITING = "awaiting", _("waits for you")
    SUCCEEDED = "succeeded", _("finished")
    FAILED = "failed", _("failed")
    DEAD = "dead", _("given up")
    CANCELLED = "cancelled", _("cancelled")


OPEN_STATES = (JobState.QUEUED, JobState.RUNNING)


class Job(PublicId):
    """A long piece of work: a row first, a message second (RULES 10).

    ``token`` fences: each claim raises it, and a worker writes only while the row still holds its own, so one that
    was thought dead and comes back changes nothing. Only ``core.jobs`` writes these columns.
    """

    task_name: str = ""  # the Celery task that runs this kind of job

    state = models.CharField(_("state"), max_length=10, choices=JobState, default=JobState.QUEUED)
    progress_done = models.BigIntegerField(_("done"), default=0)
    progress_total = models.BigIntegerField(_("of"), default=0)
    progress_note = models.CharField(_("step"), max_length=200, blank=True)
    attempts = models.PositiveSmallIntegerField(_("attempts"), default=0)
    token = models.PositiveIntegerField(default=0, editable=False)
    lease_until = models.DateTimeField(null=True, editable=False)
    not_before = models.DateTimeField(null=True, editable=False)
    published_at = models.DateTimeField(null=True, editable=False)
    cancel_requested = models.BooleanField(_("cancellation asked"), default=False)
    error_code = models.CharField(_("error"), max_length=60, blank=True)
    error_message = models.TextField(_("reason"), blank=True)
    requested_at = models.DateTimeField(_("asked"), default=timezone.now, editable=False)
    started_at = models.DateTimeField(_("started"), null=True, editable=False)
    finished_at = models.DateTimeField(_("finished"), null=True, editable=False)

    class Meta:
        abstract = True

    @property
    def is_open(self) -> bool:
        return self.state in OPEN_STATES

    @property
    def is_awaiting(self) -> bool:
        """Whether it rests until a person decides: neither open nor over."""
        return self.state == JobState.AWAITING

    @property
    def fraction(self) -> float:
        """Progress between 0 and 1; a finished job is 1 whatever was counted."""
        if self.state == JobState.SUCCEEDED:
            return 1.0
        return min(self.progress_done / self.progress_total, 1.0) if self.progress_total else 0.0

    @property
    def percent(self) -> int:
        return round(100 * self.fraction)

    @property
    def seconds_left(self) -> float | None:
        """An estimate from the pace so far; None until a twentieth is done."""
        if self.state != JobState.RUNNING or not self.started_at or self.fraction < 0.05:
            return None
        spent = (timezone.now() - self.started_at).total_seconds()
        return spent * (1 - self.fraction) / self.fraction

    def message(self) -> dict[str, object]:
        """What a queue carries: identifiers only."""
        return {"job_id": self.pk}
