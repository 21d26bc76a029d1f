"""What each person wants to be told of and how, and the mails that told them."""

from __future__ import annotations

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from .models import Notification, User
from .scoping import TenantModel


class NotificationSettings(TenantModel):
    """One person's choices in one company; without a row, and for a kind without a choice, the role's defaults hold.

    ``choices``: kind -> one of ``notice_kinds.Way``. ``version`` is raised by whatever changes what the bell shows without a
    new notification, so that polling can tell. ``*_stopped``: by the link in a mail; lifted when the person chooses anew.
    """

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    choices = models.JSONField(default=dict, blank=True)
    version = models.PositiveIntegerField(default=0)
    digests_stopped = models.BooleanField(default=False)
    mails_stopped = models.BooleanField(default=False)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["tenant", "user"], name="notification_settings_once")]


class NoticeMail(TenantModel):
    """A mail to one person about notifications: a row first, so that none is sent twice.

    ``period``: the notification's number (at once), the day or the week (digests); unique for a person. ``sending`` is
    committed before the server is spoken to: a row that a killed process left so may have arrived, and is never sent again.
    """

    class Cadence(models.TextChoices):
        NOW = "now", _("at once")
        DAILY = "daily", _("daily")
        WEEKLY = "weekly", _("weekly")

    class State(models.TextChoices):
        WAITING = "waiting", _("waiting")
        SENDING = "sending", _("sending")
        SENT = "sent", _("sent")
        EMPTY = "empty", _("nothing to tell")
        DROPPED = "dropped", _("not sent")

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    cadence = models.CharField(max_length=6, choices=Cadence)
    period = models.CharField(max_length=24)
    notification = models.ForeignKey(Notification, on_delete=models.CASCADE, null=True, related_name="+")
    after_id = models.BigIntegerField(default=0)  # a digest tells of notifications beyond this number …
    upto_id = models.BigIntegerField(default=0)  # … up to this one
    state = models.CharField(max_length=8, choices=State, default=State.WAITING)
    attempts = models.PositiveSmallIntegerField(default=0)
    not_before = models.DateTimeField(null=True)
    created_at = models.DateTimeField(default=timezone.now)
    sent_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["tenant", "user", "cadence", "period"], name="notice_mail_once"),
        ]
        indexes = [
            models.Index(
                fields=["tenant", "created_at"], name="notice_mail_waiting", condition=models.Q(state="waiting")
            )
        ]
