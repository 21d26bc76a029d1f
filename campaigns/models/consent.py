"""Who may be written to, who asked not to be, and what servers and scanners reported."""

from __future__ import annotations

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from customers.models import Customer
from tenants.models import TenantJob, User
from tenants.scoping import TenantModel

from .campaigns import Campaign, Recipient


class ConsentEntry(TenantModel):
    """One line of the ledger: a customer agreed, or took it back. Append-only; the newest line counts."""

    class Channel(models.TextChoices):
        EMAIL = "email", _("e-mail")

    class Purpose(models.TextChoices):
        MARKETING = "marketing", _("offers")

    class Source(models.TextChoices):
        IMPORT = "import", _("a file")
        PERSON = "person", _("a colleague")
        UNSUBSCRIBE = "unsubscribe", _("the unsubscribe link")
        API = "api", _("a program")
        CONTRACT = "contract", _("the contract")

    customer = models.ForeignKey(Customer, on_delete=models.CASCADE, related_name="+", db_index=False)
    channel = models.CharField(_("channel"), max_length=8, choices=Channel, default=Channel.EMAIL)
    purpose = models.CharField(_("purpose"), max_length=12, choices=Purpose, default=Purpose.MARKETING)
    is_granted = models.BooleanField(_("agreed"))
    source = models.CharField(_("source"), max_length=12, choices=Source)
    note = models.CharField(_("note"), max_length=200, blank=True)
    by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, editable=False, related_name="+")
    at = models.DateTimeField(_("at"), default=timezone.now)

    class Meta:
        verbose_name = _("line of the consent ledger")
        verbose_name_plural = _("consent ledger")
        ordering = ["-pk"]
        indexes = [models.Index(fields=["customer", "channel", "purpose", "-id"], name="consent_newest")]

    def __str__(self) -> str:
        return f"{self.customer_id} {'+' if self.is_granted else '-'}"


class Suppression(TenantModel):
    """An address that is not written to, by its keyed hash: it outlives the customer's erasure and the next import."""

    class Reason(models.TextChoices):
        UNSUBSCRIBED = "unsubscribed", _("unsubscribed")
        BOUNCED = "bounced", _("the address does not exist")
        COMPLAINED = "complained", _("marked it as spam")
        IMPORTED = "imported", _("on an opt-out list")
        MANUAL = "manual", _("asked a colleague")

    address_key = models.CharField(max_length=32)
    campaign_code = models.CharField(_("only for the campaign"), max_length=60, blank=True)  # "": for all
    reason = models.CharField(_("reason"), max_length=12, choices=Reason)
    source = models.CharField(_("source"), max_length=60, blank=True)
    by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, editable=False, related_name="+")
    at = models.DateTimeField(_("at"), default=timezone.now)

    class Meta:
        verbose_name = _("suppressed address")
        verbose_name_plural = _("suppressed addresses")
        ordering = ["-pk"]
        constraints = [
            models.UniqueConstraint(fields=["tenant", "address_key", "campaign_code"], name="suppression_once")
        ]

    def __str__(self) -> str:
        return self.address_key


class OptOutImport(TenantJob):
    """A list of addresses or customer numbers that are not to be written to, or of customers who agreed."""

    class Kind(models.TextChoices):
        OPT_OUT = "opt_out", _("not to be written to")
        OPT_IN = "opt_in", _("agreed to be written to")

    task_name = "campaigns.tasks.import_opt_outs"

    kind = models.CharField(_("kind"), max_length=8, choices=Kind, default=Kind.OPT_OUT)
    file_name = models.CharField(_("file"), max_length=200)
    file_path = models.CharField(max_length=500, editable=False)
    note = models.CharField(_("note"), max_length=200, blank=True)
    last_line = models.PositiveIntegerField(default=0, editable=False)
    result = models.JSONField(default=dict)  # lines, suppressed, unknown, refused: [{line, reason}]

    class Meta:
        verbose_name = _("list of consents")
        verbose_name_plural = _("lists of consents")
        ordering = ["-requested_at"]

    def __str__(self) -> str:
        return self.file_name


class DeliverySignal(TenantModel):
    """What came back about a mail: a bounce, a complaint, an open, a click. Signals of delivery, never of success."""

    class Kind(models.TextChoices):
        OPENED = "opened", _("opened")
        CLICKED = "clicked", _("clicked")
        HARD_BOUNCE = "hard_bounce", _("bounced for good")
        SOFT_BOUNCE = "soft_bounce", _("bounced for now")
        COMPLAINT = "complaint", _("complained")

    campaign = models.ForeignKey(Campaign, on_delete=models.CASCADE, null=True, related_name="signals", db_index=False)
    recipient = models.ForeignKey(Recipient, on_delete=models.CASCADE, null=True, related_name="signals")
    kind = models.CharField(_("kind"), max_length=12, choices=Kind)
    link = models.PositiveSmallIntegerField(null=True)
    is_machine = models.BooleanField(_("by a scanner"), default=False)
    detail = models.CharField(_("detail"), max_length=300, blank=True)
    at = models.DateTimeField(_("at"), default=timezone.now)

    class Meta:
        verbose_name = _("delivery signal")
        verbose_name_plural = _("delivery signals")
        ordering = ["-pk"]
        indexes = [models.Index(fields=["campaign", "kind", "is_machine"], name="signal_by_kind")]

    def __str__(self) -> str:
        return self.kind
