"""Long work of this stage: look before a launch, freeze the audience, send, measure, learn whom to write to."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from core.models import OPEN_STATES
from customers.models import Customer
from tenants.models import TenantJob
from tenants.scoping import TenantModel, tenant_key

from .campaigns import Campaign


class Preparation(TenantJob):
    """A pass over the audience: to count who would get it (check), or to write who will (launch)."""

    class Kind(models.TextChoices):
        CHECK = "check", _("check")
        LAUNCH = "launch", _("launch")

    task_name = "campaigns.tasks.prepare_campaign"

    campaign = models.ForeignKey(Campaign, on_delete=models.CASCADE, related_name="preparations")
    kind = models.CharField(_("kind"), max_length=6, choices=Kind)
    last_customer = models.BigIntegerField(default=0, editable=False)  # checkpoint of a launch
    tally = models.JSONField(default=dict, editable=False)  # counts up to the checkpoint

    class Meta:
        verbose_name = _("preparation of a campaign")
        verbose_name_plural = _("preparations of campaigns")
        ordering = ["-requested_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "campaign"],
                condition=models.Q(state__in=OPEN_STATES),
                name="preparation_one_open",
            )
        ]

    def __str__(self) -> str:
        return f"{self.campaign_id} {self.kind}"


class Shift(TenantJob):
    """One sender process's work on one campaign. Several run side by side; each takes what nobody has taken."""

    task_name = "campaigns.tasks.send_mail"

    campaign = models.ForeignKey(Campaign, on_delete=models.CASCADE, related_name="shifts")
    number = models.PositiveSmallIntegerField(_("number"))
    mails = models.PositiveIntegerField(_("mails"), default=0)
    epoch = models.CharField(max_length=80, blank=True, editable=False)  # core.durable, when it claimed
    resting = models.JSONField(default=dict)  # {"code", "facts"}: why it waits (quiet hours, cap, the server)

    class Meta:
        verbose_name = _("shift of a sender")
        verbose_name_plural = _("shifts of senders")
        ordering = ["number"]
        constraints = [models.UniqueConstraint(fields=["tenant", "campaign", "number"], name="shift_once")]

    def __str__(self) -> str:
        return f"{self.campaign_id} · {self.number}"


class Measurement(TenantJob):
    """Who stayed, among those written to and among those left alone."""

    task_name = "campaigns.tasks.measure_campaign"

    campaign = models.ForeignKey(Campaign, on_delete=models.CASCADE, related_name="measurements")
    result = models.JSONField(default=dict)
    is_final = models.BooleanField(default=False)

    class Meta:
        verbose_name = _("measurement of a campaign")
        verbose_name_plural = _("measurements of campaigns")
        ordering = ["-requested_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "campaign"],
                condition=models.Q(state__in=OPEN_STATES),
                name="measurement_one_open",
            )
        ]

    def __str__(self) -> str:
        return f"{self.campaign_id} {self.requested_at:%Y-%m-%d}"


class UpliftRun(TenantJob):
    """Learned from the company's own experiments: whom a mail keeps, and whom it makes leave."""

    task_name = "campaigns.tasks.learn_uplift"

    is_current = models.BooleanField(_("in force"), default=False)
    is_ready = models.BooleanField(_("proved"), default=False)  # the lower bound of Qini is above zero
    result = models.JSONField(default=dict)
    customers = models.PositiveIntegerField(_("customers"), default=0)

    class Meta:
        verbose_name = _("learning whom to write to")
        verbose_name_plural = _("learnings whom to write to")
        ordering = ["-requested_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["tenant"], condition=models.Q(state__in=OPEN_STATES), name="uplift_one_open"
            ),
            models.UniqueConstraint(fields=["tenant"], condition=models.Q(is_current=True), name="uplift_one_current"),
        ]

    def __str__(self) -> str:
        return f"{self.requested_at:%Y-%m-%d %H:%M}"


class UpliftScore(TenantModel):
    """By how much a mail lowers a customer's chance to leave, as one run estimates it. Below zero: it makes them leave."""

    class Group(models.TextChoices):
        PERSUADABLE = "persuadable", _("kept by being written to")
        DO_NOT_DISTURB = "do_not_disturb", _("leaves when written to")
        OTHER = "other", _("no difference shown")

    tenant = tenant_key(db_index=False)
    run = models.ForeignKey(UpliftRun, on_delete=models.CASCADE, related_name="scores", db_index=False)
    customer = models.ForeignKey(Customer, on_delete=models.CASCADE, related_name="+", db_index=False)
    effect = models.FloatField(_("fewer leave, of those written to"))
    group = models.CharField(_("group"), max_length=14, choices=Group, default=Group.OTHER)

    class Meta:
        verbose_name = _("uplift of a customer")
        verbose_name_plural = _("uplift of customers")
        constraints = [models.UniqueConstraint(fields=["customer", "run"], name="uplift_once")]
        indexes = [models.Index(fields=["run", "group", "-effect", "-id"], name="uplift_by_group")]

    def __str__(self) -> str:
        return f"{self.customer_id}: {self.effect:.3f}"
