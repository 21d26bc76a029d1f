"""Likely duplicates: the search for them, and the groups that it found, until a person merges or keeps them apart."""

from __future__ import annotations

import uuid

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from core.models import OPEN_STATES
from tenants.models import TenantJob, User
from tenants.scoping import TenantModel


class DuplicateSearch(TenantJob):
    """One look through the customers for people who stand there twice."""

    task_name = "customers.tasks.find_duplicates"

    customers = models.BigIntegerField(_("customers"), default=0)
    groups = models.PositiveIntegerField(_("groups found"), default=0)
    is_partial = models.BooleanField(_("more than are kept"), default=False)

    class Meta:
        verbose_name = _("search for duplicates")
        verbose_name_plural = _("searches for duplicates")
        ordering = ["-requested_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["tenant"], condition=models.Q(state__in=OPEN_STATES), name="duplicate_search_one_open"
            ),
        ]
        indexes = [models.Index(fields=["tenant", "-requested_at"], name="duplicate_search_newest")]

    def __str__(self) -> str:
        return f"{self.requested_at:%Y-%m-%d %H:%M}"


class DuplicateGroup(TenantModel):
    """Customers who are perhaps one person. Kept while dismissed, so that the next search does not ask again.

    ``fingerprint`` stands for what they share (an e-mail, a phone, a name and a city) without repeating it;
    ``members`` are keys of customers, the first twenty; ``also`` are further rules that found the same customers.
    """

    class Rule(models.TextChoices):
        EMAIL = "email", _("same e-mail")
        PHONE = "phone", _("same phone")
        NAME = "name", _("same name and city")

    public_id = models.UUIDField(_("identifier"), default=uuid.uuid4, unique=True, editable=False)
    rule = models.CharField(_("found by"), max_length=8, choices=Rule)
    also = models.JSONField(default=list)
    fingerprint = models.CharField(max_length=64)
    members = models.JSONField(default=list)
    size = models.PositiveIntegerField(_("customers"))
    found_at = models.DateTimeField(_("found"), default=timezone.now)
    dismissed_at = models.DateTimeField(_("kept apart"), null=True)
    dismissed_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, related_name="+")

    class Meta:
        verbose_name = _("likely duplicates")
        verbose_name_plural = _("likely duplicates")
        ordering = ["pk"]
        constraints = [models.UniqueConstraint(fields=["tenant", "rule", "fingerprint"], name="duplicate_group_once")]

    def __str__(self) -> str:
        return f"{self.rule}: {self.size}"
