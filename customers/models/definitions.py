"""What leaving means in a company: proposed, previewed on its own data, and adopted by a person."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from tenants.models import TenantJob, User


class ChurnDefinition(TenantJob):
    """One answer to "what does leaving mean here". Its job is the preview: how many would have left in each past month.

    At most one is ``adopted``; without one the label column of the files says who left, as it does where the adopted one
    is of kind LABEL. Days are kept as they were given; use is known by month (see customers.ingest.churning).
    """

    class Kind(models.TextChoices):
        LABEL = "label", _("the label column")
        CONTRACT_END = "contract_end", _("a contract’s end")
        SILENCE = "silence", _("silence")

    class Standing(models.TextChoices):
        DRAFT = "draft", _("proposed")
        ADOPTED = "adopted", _("adopted")
        RETIRED = "retired", _("no longer used")

    task_name = "customers.tasks.preview_definition"

    kind = models.CharField(_("leaving means"), max_length=12, choices=Kind)
    field = models.CharField(_("field with the contract’s end"), max_length=255, blank=True)
    grace_days = models.PositiveSmallIntegerField(_("days of grace"), default=0)
    silent_days = models.PositiveSmallIntegerField(_("silent days"), default=0)
    horizon_days = models.PositiveSmallIntegerField(_("horizon, in days"), default=0)
    gap_days = models.PositiveSmallIntegerField(_("gap, in days"), default=0)
    standing = models.CharField(_("standing"), max_length=8, choices=Standing, default=Standing.DRAFT)
    preview = models.JSONField(_("preview"), default=dict, blank=True, editable=False)  # see services.definitions
    adopted_by = models.ForeignKey(
        User, on_delete=models.SET_NULL, null=True, blank=True, related_name="+", verbose_name=_("adopted by")
    )
    adopted_at = models.DateTimeField(_("adopted on"), null=True, blank=True)
    adopt_reason = models.CharField(_("reason"), max_length=300, blank=True)
    retired_at = models.DateTimeField(_("given up on"), null=True, blank=True)

    class Meta:
        verbose_name = _("definition of leaving")
        verbose_name_plural = _("definitions of leaving")
        ordering = ["-requested_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["tenant"], condition=models.Q(standing="adopted"), name="churn_definition_one_adopted"
            ),
        ]
        indexes = [models.Index(fields=["tenant", "-requested_at"], name="churn_definition_newest")]

    def __str__(self) -> str:
        return self.kind

    @property
    def is_adopted(self) -> bool:
        return self.standing == self.Standing.ADOPTED

    @property
    def is_dated(self) -> bool:
        """Whether it says when somebody left, so that models can learn from customers as they were at a date."""
        return self.kind != self.Kind.LABEL

    @property
    def numbers(self) -> dict[str, object]:
        """What was chosen, and nothing that does not belong to the kind."""
        if self.kind == self.Kind.LABEL:
            return {"horizon_days": self.horizon_days} if self.horizon_days else {}
        own: dict[str, object] = (
            {"silent_days": self.silent_days}
            if self.kind == self.Kind.SILENCE
            else {"field": self.field, "grace_days": self.grace_days}
        )
        return {**own, "horizon_days": self.horizon_days, "gap_days": self.gap_days}
