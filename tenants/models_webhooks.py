"""Where a company has its events sent, the events, and each delivery of one to the other."""

from __future__ import annotations

import uuid

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from core.models import JobState, PublicId

from .models import TenantJob, User
from .scoping import TenantModel

NOTE_LENGTH = 500  # of what a receiver answered
EVENTS = ("import.finished", "training.finished", "scoring.finished", "drift.alarm", "campaign.finished")


class WebhookEndpoint(TenantModel, PublicId):
    """An https address of the company's own. Its secret is sealed (``core.secrets``) for this row alone.

    ``failures`` counts failed attempts in a row since ``failing_since``; ``stopped_by_itself``: switched off over them.
    """

    url = models.CharField(_("address"), max_length=500)
    description = models.CharField(_("what it is for"), max_length=120, blank=True)
    events = models.JSONField(_("events"), default=list)
    secret_sealed = models.TextField(editable=False)
    previous_sealed = models.TextField(blank=True, editable=False)
    previous_until = models.DateTimeField(null=True, editable=False)
    is_active = models.BooleanField(_("in use"), default=True)
    stopped_by_itself = models.BooleanField(default=False, editable=False)
    failures = models.PositiveIntegerField(default=0, editable=False)
    failing_since = models.DateTimeField(null=True, editable=False)
    delivered_at = models.DateTimeField(_("last delivered"), null=True, editable=False)
    created_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, editable=False, related_name="+")
    created_at = models.DateTimeField(_("made"), default=timezone.now, editable=False)

    class Meta:
        verbose_name = _("webhook")
        verbose_name_plural = _("webhooks")
        ordering = ["-pk"]

    def __str__(self) -> str:
        return self.description or self.url

    @property
    def secret_scope(self) -> str:
        return f"{self.tenant_id}/webhook/{self.public_id}"


class WebhookEvent(TenantModel, PublicId):
    """A fact that endpoints asked for, told once: ``kind`` and ``subject`` (whose fact it is) name it.

    ``payload`` holds identifiers, counts and a link, no personal data.
    """

    kind = models.CharField(max_length=40)
    subject = models.CharField(max_length=64)
    payload = models.JSONField(default=dict)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        verbose_name = _("event")
        verbose_name_plural = _("events")
        constraints = [models.UniqueConstraint(fields=["tenant", "kind", "subject"], name="webhook_event_once")]

    def __str__(self) -> str:
        return self.kind

    @property
    def message_id(self) -> str:
        """The ``webhook-id``: the same at every attempt and at every endpoint."""
        return f"msg_{self.public_id.hex}"


class WebhookDelivery(TenantJob):
    """One event on its way to one endpoint: a job that rests between attempts, for about a day.

    ``tries`` counts attempts over all rests (the job's own ``attempts`` count a single stretch's workers).
    """

    task_name = "tenants.tasks.deliver_webhook"

    endpoint = models.ForeignKey(WebhookEndpoint, on_delete=models.CASCADE, editable=False, related_name="+")
    event = models.ForeignKey(WebhookEvent, on_delete=models.CASCADE, editable=False, related_name="+")
    tries = models.PositiveSmallIntegerField(default=0, editable=False)
    last_status = models.PositiveSmallIntegerField(null=True, editable=False)
    last_note = models.CharField(max_length=NOTE_LENGTH, blank=True, editable=False)
    last_tried_at = models.DateTimeField(null=True, editable=False)
    last_took_ms = models.PositiveIntegerField(null=True, editable=False)

    class Meta(TenantJob.Meta):
        verbose_name = _("webhook delivery")
        verbose_name_plural = _("webhook deliveries")
        constraints = [models.UniqueConstraint(fields=["tenant", "event", "endpoint"], name="webhook_delivery_once")]
        indexes = [
            models.Index(fields=["tenant", "endpoint", "-id"], name="webhook_delivery_newest"),
            # What the sweeper asks every few seconds, of a table that keeps what has ended for weeks.
            models.Index(
                fields=["requested_at"],
                name="webhook_delivery_open",
                condition=models.Q(state__in=(JobState.QUEUED, JobState.RUNNING)),
            ),
        ]

    def __str__(self) -> str:
        """Not the address, which may hold a token: operators read this who may not see it."""
        return str(self.public_id)[:8]


def new_subject() -> str:
    """For an event that is nobody's fact, such as a test."""
    return uuid.uuid4().hex
