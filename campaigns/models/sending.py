"""How a company sends: who it says it is, through which server, how fast, and when it keeps quiet."""

from __future__ import annotations

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from core.models import PublicId
from tenants.models import User
from tenants.scoping import TenantModel


class SenderProfile(TenantModel):
    """One row for each company; none until somebody says so, and then mail goes to the mailbox inside the product."""

    class Transport(models.TextChoices):
        MAILBOX = "mailbox", _("the mailbox inside ChurnGuard: nothing leaves")
        SMTP = "smtp", _("an SMTP server")
        PROVIDER = "provider", _("a mail provider by its API")

    class Security(models.TextChoices):
        STARTTLS = "starttls", _("STARTTLS")
        TLS = "tls", _("TLS from the first byte")
        NONE = "none", _("none: only for a server on this machine")

    class Basis(models.TextChoices):
        CONSENT = "consent", _("only who agreed")
        CUSTOMERS = "customers", _("every customer who did not object")

    # Who we say we are
    from_name = models.CharField(_("sender's name"), max_length=120, blank=True)
    from_address = models.CharField(_("sender's address"), max_length=254, blank=True)
    reply_to = models.CharField(_("answers go to"), max_length=254, blank=True)
    postal_address = models.CharField(_("postal address"), max_length=300, blank=True)
    support_contact = models.CharField(_("where customers get help"), max_length=200, blank=True)

    # Through which server
    transport = models.CharField(_("how mail leaves"), max_length=10, choices=Transport, default=Transport.MAILBOX)
    host = models.CharField(_("server"), max_length=253, blank=True)
    port = models.PositiveIntegerField(_("port"), default=587, validators=[MaxValueValidator(65535)])
    security = models.CharField(_("encryption"), max_length=10, choices=Security, default=Security.STARTTLS)
    username = models.CharField(_("user name"), max_length=254, blank=True)
    sealed_password = models.TextField(blank=True, editable=False)  # core.secrets
    provider = models.CharField(_("provider"), max_length=30, blank=True)  # of channels.provider.PROVIDERS
    sealed_provider_settings = models.TextField(blank=True, editable=False)  # JSON: keys of its API
    webhook_key_hash = models.CharField(max_length=64, blank=True, editable=False)  # who may report bounces
    dkim_selector = models.CharField(_("DKIM selector"), max_length=63, blank=True)
    domain_report = models.JSONField(default=dict, editable=False)  # the newest look at SPF, DKIM and DMARC
    domain_checked_at = models.DateTimeField(null=True, editable=False)

    # How fast
    per_second = models.FloatField(
        _("mails a second at most"), default=20.0, validators=[MinValueValidator(0.01), MaxValueValidator(10_000)]
    )
    daily_cap = models.PositiveIntegerField(_("mails a day at most"), null=True, blank=True)
    ramps_up = models.BooleanField(_("begin slowly: a new sender that writes to everybody at once is taken for spam"), default=True)  # fmt: skip

    # Whom and when
    basis = models.CharField(_("whom we may write to"), max_length=10, choices=Basis, default=Basis.CONSENT)
    basis_reason = models.CharField(_("why we may"), max_length=300, blank=True)
    basis_set_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, editable=False, related_name="+")
    most_mails = models.PositiveSmallIntegerField(_("mails at most"), default=2, validators=[MinValueValidator(1)])
    within_days = models.PositiveSmallIntegerField(_("within days"), default=30, validators=[MinValueValidator(1)])
    quiet_from = models.TimeField(_("quiet from"), null=True, blank=True)
    quiet_until = models.TimeField(_("quiet until"), null=True, blank=True)
    quiet_weekdays = models.JSONField(_("days without mail"), default=list, blank=True)  # 0: Monday
    keeps_holidays = models.BooleanField(_("no mail on public holidays"), default=True)
    keeps_ramadan = models.BooleanField(_("no mail around iftar in Ramadan"), default=True)
    tracks_links = models.BooleanField(_("count clicks on links"), default=False)
    tracks_opens = models.BooleanField(_("count opens"), default=False)

    # What is proved, and who writes
    holdout_share = models.FloatField(
        _("share left alone in each campaign"), default=0.10, validators=[MinValueValidator(0.0), MaxValueValidator(0.5)]
    )  # fmt: skip
    universal_share = models.FloatField(
        _("share never written to in a quarter"), default=0.0, validators=[MinValueValidator(0.0), MaxValueValidator(0.2)]
    )  # fmt: skip
    salt = models.CharField(max_length=64, editable=False)
    uses_server_writer = models.BooleanField(_("ask the writer's server for drafts"), default=False)
    personal_drafts = models.BooleanField(_("drafts for one customer may carry what is known of them"), default=False)
    monthly_tokens = models.PositiveIntegerField(_("tokens a month at most"), default=200_000)
    updated_at = models.DateTimeField(_("changed"), auto_now=True)

    class Meta:
        verbose_name = _("sender")
        verbose_name_plural = _("senders")
        constraints = [models.UniqueConstraint(fields=["tenant"], name="sender_one")]

    def __str__(self) -> str:
        return self.from_address or self.get_transport_display()

    @property
    def is_real(self) -> bool:
        """Whether mail leaves this machine."""
        return self.transport != self.Transport.MAILBOX


class SendingDay(TenantModel):
    """How many mails left on a day of the company's own calendar: for the daily cap and the ramp-up."""

    day = models.DateField()
    mails = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["tenant", "day"], name="sending_day_once")]

    def __str__(self) -> str:
        return f"{self.day}: {self.mails}"


class MailboxMessage(TenantModel, PublicId):
    """A mail as it would have gone out, kept inside the product: the default way of sending, and test mails."""

    recipient = models.OneToOneField(
        "campaigns.Recipient", on_delete=models.CASCADE, null=True, related_name="mailbox_message"
    )
    address = models.CharField(_("to"), max_length=254)
    subject = models.CharField(_("subject"), max_length=300)
    content = models.BinaryField()  # the message as bytes, zlib
    is_test = models.BooleanField(_("test"), default=False)
    at = models.DateTimeField(_("at"), default=timezone.now)

    class Meta:
        verbose_name = _("mail in the mailbox")
        verbose_name_plural = _("mailbox")
        ordering = ["-pk"]
        indexes = [models.Index(fields=["tenant", "-id"], name="mailbox_newest")]

    def __str__(self) -> str:
        return self.subject
