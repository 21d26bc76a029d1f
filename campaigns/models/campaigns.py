"""A campaign, and one row for each customer in it: the outbox and the experiment in one table."""

from __future__ import annotations

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from core.models import PublicId, TimeStamped
from customers.models import Customer
from segmentation.models import Offer
from tenants.models import User
from tenants.scoping import TenantModel, tenant_key

from .messages import MessageTemplate, TemplateVersion


class Audience(models.TextChoices):
    RISK = "risk", _("by risk")
    SEGMENT = "segment", _("a segment")
    RULE = "rule", _("a rule segment")
    LIST = "list", _("a list of customer numbers")
    PERSUADABLE = "persuadable", _("who is kept by being written to")


class Campaign(TenantModel, PublicId, TimeStamped):
    """A message with an offer for an audience, and how it is proved. What it sends is frozen when it is launched."""

    class State(models.TextChoices):
        DRAFT = "draft", pgettext_lazy("campaign", "draft")
        CHECKED = "checked", pgettext_lazy("campaign", "checked")
        APPROVED = "approved", pgettext_lazy("campaign", "approved")
        LAUNCHING = "launching", pgettext_lazy("campaign", "starting")
        RUNNING = "running", pgettext_lazy("campaign", "running")
        PAUSED = "paused", pgettext_lazy("campaign", "paused")
        FINISHED = "finished", pgettext_lazy("campaign", "finished")
        CANCELLED = "cancelled", pgettext_lazy("campaign", "cancelled")

    name = models.CharField(_("name"), max_length=120)
    code = models.CharField(max_length=60, editable=False)  # as customers.Interaction knows it
    state = models.CharField(_("state"), max_length=10, choices=State, default=State.DRAFT)
    audience = models.JSONField(_("audience"), default=dict)  # see services.audience
    offer = models.ForeignKey(Offer, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    message = models.ForeignKey(MessageTemplate, on_delete=models.PROTECT, null=True, related_name="+")
    rival = models.ForeignKey(MessageTemplate, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    rival_share = models.FloatField(_("share that gets the other message"), default=0.5)
    default_language = models.CharField(_("language where none is known"), max_length=2, default="fr")
    holdout = models.FloatField(
        _("share left alone"), default=0.10, validators=[MinValueValidator(0.0), MaxValueValidator(0.5)]
    )
    horizon_days = models.PositiveSmallIntegerField(
        _("days after which we look who stayed"), default=60, validators=[MinValueValidator(7), MaxValueValidator(365)]
    )
    scheduled_at = models.DateTimeField(_("starts at"), null=True, blank=True)
    per_hour = models.PositiveIntegerField(_("mails an hour at most"), null=True, blank=True)
    salt = models.CharField(max_length=64, editable=False)
    launches_itself = models.BooleanField(default=False, editable=False)  # a program asked for all steps at once

    # What was found and frozen
    checked = models.JSONField(default=dict, editable=False)  # what the page says before launch (services.checking)
    checked_at = models.DateTimeField(null=True, editable=False)
    frozen = models.JSONField(default=dict, editable=False)  # rule, offer and sender as they were at the launch
    version = models.ForeignKey(TemplateVersion, on_delete=models.PROTECT, null=True, editable=False, related_name="+")
    rival_version = models.ForeignKey(TemplateVersion, on_delete=models.PROTECT, null=True, editable=False, related_name="+")  # fmt: skip
    counts = models.JSONField(default=dict, editable=False)  # recipients by arm and state, as of counted_at
    counted_at = models.DateTimeField(null=True, editable=False)
    why_paused = models.JSONField(default=dict, editable=False)  # {"code", "facts"}
    result = models.JSONField(default=dict, editable=False)  # the newest measurement

    created_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, editable=False, related_name="+")
    approved_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, editable=False, related_name="+")
    approved_at = models.DateTimeField(null=True, editable=False)
    launched_at = models.DateTimeField(null=True, editable=False)
    finished_at = models.DateTimeField(null=True, editable=False)

    class Meta:
        verbose_name = _("campaign")
        verbose_name_plural = _("campaigns")
        ordering = ["-pk"]
        constraints = [
            models.UniqueConstraint(fields=["tenant", "name"], name="campaign_name"),
            models.UniqueConstraint(fields=["tenant", "code"], name="campaign_code"),
        ]
        indexes = [models.Index(fields=["tenant", "-id"], name="campaign_newest")]

    def __str__(self) -> str:
        return self.name

    @property
    def is_editable(self) -> bool:
        return self.state in (self.State.DRAFT, self.State.CHECKED)

    @property
    def is_begun(self) -> bool:
        return self.launched_at is not None


class Recipient(TenantModel):
    """One customer in one campaign. The treated are the outbox (RULES 16 to 18); the others are left alone, and compared."""

    class Arm(models.TextChoices):
        A = "a", _("written to")
        B = "b", _("written to, other message")
        HOLDOUT = "holdout", _("left alone")

    class State(models.TextChoices):
        QUEUED = "queued", _("waiting")
        CLAIMED = "claimed", _("taken by a sender")
        SENDING = "sending", _("being sent")
        SENT = "sent", _("sent")
        DEFERRED = "deferred", _("put off by the server")
        FAILED = "failed", _("failed")
        SUPPRESSED = "suppressed", _("not written to")
        UNCERTAIN = "uncertain", _("uncertain")
        CANCELLED = "cancelled", _("cancelled")
        HELD_OUT = "held_out", _("left alone")

    tenant = tenant_key(db_index=False)
    campaign = models.ForeignKey(Campaign, on_delete=models.CASCADE, related_name="recipients", db_index=False)
    customer = models.ForeignKey(Customer, on_delete=models.CASCADE, related_name="+", db_index=False)
    arm = models.CharField(_("arm"), max_length=8, choices=Arm)
    state = models.CharField(_("state"), max_length=10, choices=State)
    language = models.CharField(_("language"), max_length=2)
    address = models.CharField(_("address"), max_length=254)
    address_key = models.CharField(max_length=32)  # keyed hash: opt-outs find it (outreach.message)
    # Known before anybody was written to: narrows the interval, and is learned from
    risk = models.FloatField(null=True)
    monthly_charges = models.DecimalField(max_digits=12, decimal_places=3, null=True)
    shift = models.BigIntegerField(null=True)  # who claimed it …
    fence = models.PositiveIntegerField(default=0)  # … at which of its claims
    attempts = models.PositiveSmallIntegerField(default=0)
    not_before = models.DateTimeField(null=True)
    sent_at = models.DateTimeField(null=True)
    reply = models.CharField(_("the server's answer"), max_length=300, blank=True)
    reason = models.CharField(_("reason"), max_length=40, blank=True)  # a code: why not, why failed
    decided_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, db_index=False, related_name="+")

    class Meta:
        verbose_name = _("recipient")
        verbose_name_plural = _("recipients")
        constraints = [models.UniqueConstraint(fields=["campaign", "customer"], name="recipient_once")]
        indexes = [
            models.Index(fields=["campaign", "state", "id"], name="recipient_by_state"),
            models.Index(fields=["customer", "sent_at"], name="recipient_pressure"),
            models.Index(fields=["tenant", "address_key"], name="recipient_address"),
        ]

    def __str__(self) -> str:
        return f"{self.campaign_id} → {self.customer_id}"


OPEN = (Recipient.State.QUEUED, Recipient.State.CLAIMED, Recipient.State.DEFERRED)
WRITTEN = (Recipient.State.SENT, Recipient.State.UNCERTAIN)
