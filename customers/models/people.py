"""Customers, what they subscribe to, what they used, and how they were contacted."""

from __future__ import annotations

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from core.models import PublicId, TimeStamped
from core.prefix import Folded
from tenants.scoping import TenantModel, tenant_key


class Customer(TenantModel, PublicId, TimeStamped):
    """A person who is, or was, a customer of the company. ``churn_label`` is None while nobody knows."""

    external_id = models.CharField(_("customer number"), max_length=64)
    first_name = models.CharField(_("first name"), max_length=120, blank=True)
    last_name = models.CharField(_("last name"), max_length=120, blank=True)
    email = models.CharField(_("e-mail"), max_length=254, blank=True)
    phone = models.CharField(_("phone"), max_length=32, blank=True)
    language = models.CharField(_("language"), max_length=8, blank=True)
    city = models.CharField(_("city"), max_length=120, blank=True)
    gender = models.CharField(_("gender"), max_length=20, blank=True)
    senior_citizen = models.BooleanField(_("senior citizen"), null=True, blank=True)
    partner = models.BooleanField(_("partner"), null=True, blank=True)
    dependents = models.BooleanField(_("dependents"), null=True, blank=True)
    age = models.PositiveSmallIntegerField(_("age"), null=True, blank=True)
    churn_label = models.BooleanField(
        _("left"), null=True, blank=True, help_text=_("Yes: the customer left. Unknown: not told yet.")
    )
    persona = models.CharField(_("persona"), max_length=60, blank=True)
    attributes = models.JSONField(_("other fields"), default=dict, blank=True)
    # Keys of imports, without a foreign key: a million rows are written at a time. None: by hand, or before imports kept count.
    created_by_import = models.BigIntegerField(null=True, editable=False)
    changed_by_import = models.BigIntegerField(null=True, editable=False)

    class Meta:
        verbose_name = _("customer")
        verbose_name_plural = _("customers")
        ordering = ["pk"]
        constraints = [models.UniqueConstraint(fields=["tenant", "external_id"], name="customer_external_id")]
        # For the search by beginning: a page of a million customers must not read them all to find nobody.
        indexes = [
            models.Index(models.F("tenant"), Folded("external_id"), name="customer_by_number"),
            models.Index(models.F("tenant"), Folded("last_name"), name="customer_by_last_name"),
            models.Index(models.F("tenant"), Folded("first_name"), name="customer_by_first_name"),
            models.Index(models.F("tenant"), Folded("email"), name="customer_by_email"),
        ]

    def __str__(self) -> str:
        return f"{self.full_name} ({self.external_id})" if self.full_name else self.external_id

    @property
    def full_name(self) -> str:
        return f"{self.first_name} {self.last_name}".strip()

    @property
    def display_name(self) -> str:
        return self.full_name or self.external_id


class Subscription(TenantModel, TimeStamped):
    """What the customer pays for: the IBM Telco columns by their own names. ``tenure`` is in months."""

    tenant = tenant_key(db_index=False)  # the index below begins with it
    customer = models.OneToOneField(
        Customer, on_delete=models.CASCADE, primary_key=True, related_name="subscription", verbose_name=_("customer")
    )
    contract = models.CharField(_("contract"), max_length=60, blank=True)
    tenure = models.PositiveSmallIntegerField(_("tenure (months)"), null=True, blank=True)
    monthly_charges = models.DecimalField(_("monthly charges"), max_digits=12, decimal_places=3, null=True, blank=True)
    total_charges = models.DecimalField(_("total charges"), max_digits=14, decimal_places=3, null=True, blank=True)
    phone_service = models.BooleanField(_("phone service"), null=True, blank=True)
    multiple_lines = models.CharField(_("multiple lines"), max_length=60, blank=True)
    internet_service = models.CharField(_("internet service"), max_length=60, blank=True)
    online_security = models.CharField(_("online security"), max_length=60, blank=True)
    online_backup = models.CharField(_("online backup"), max_length=60, blank=True)
    device_protection = models.CharField(_("device protection"), max_length=60, blank=True)
    tech_support = models.CharField(_("tech support"), max_length=60, blank=True)
    streaming_tv = models.CharField(_("streaming TV"), max_length=60, blank=True)
    streaming_movies = models.CharField(_("streaming movies"), max_length=60, blank=True)
    paperless_billing = models.BooleanField(_("paperless billing"), null=True, blank=True)
    payment_method = models.CharField(_("payment method"), max_length=60, blank=True)

    class Meta:
        verbose_name = _("subscription")
        verbose_name_plural = _("subscriptions")
        indexes = [models.Index(fields=["tenant", "customer"], name="subscription_company")]

    def __str__(self) -> str:
        return f"{self.customer_id} · {self.contract}"


class UsageRecord(TenantModel):
    """One month of one customer's use, by the names of the segmentation document. Volume in megabytes."""

    tenant = tenant_key(db_index=False)  # the index of months begins with it
    customer = models.ForeignKey(Customer, on_delete=models.CASCADE, related_name="usage", verbose_name=_("customer"))
    month = models.DateField(_("month"), help_text=_("First day of the month."))
    montant_consommation = models.DecimalField(
        _("amount spent"), max_digits=12, decimal_places=3, null=True, blank=True
    )
    nombre_appels = models.PositiveIntegerField(_("calls"), null=True, blank=True)
    volume_data = models.FloatField(_("data volume (MB)"), null=True, blank=True)
    nombre_sms = models.PositiveIntegerField(_("text messages"), null=True, blank=True)
    nombre_recharges = models.PositiveIntegerField(_("top-ups"), null=True, blank=True)
    nombre_reclamations = models.PositiveIntegerField(_("complaints"), null=True, blank=True)
    created_by_import = models.BigIntegerField(null=True, editable=False)
    changed_by_import = models.BigIntegerField(null=True, editable=False)

    class Meta:
        verbose_name = _("month of use")
        verbose_name_plural = _("months of use")
        ordering = ["month"]
        constraints = [models.UniqueConstraint(fields=["tenant", "customer", "month"], name="usage_month")]
        # Which months there are: without it a question to every row, asked before each division and scoring.
        indexes = [models.Index(fields=["tenant", "month"], name="usage_by_month")]

    def __str__(self) -> str:
        return f"{self.customer_id} {self.month:%Y-%m}"


class Interaction(TenantModel):
    """A contact with a customer, or a contact withheld on purpose, and what came of it."""

    class Kind(models.TextChoices):
        CONTACTED = "contacted", _("contacted")
        HELD_OUT = "held_out", _("held out")

    customer = models.ForeignKey(
        Customer, on_delete=models.CASCADE, related_name="interactions", verbose_name=_("customer")
    )
    campaign_code = models.CharField(_("campaign"), max_length=60)
    kind = models.CharField(_("kind"), max_length=12, choices=Kind)
    happened_on = models.DateField(_("on"))
    left_within_horizon = models.BooleanField(_("left within the horizon"), null=True, blank=True)

    class Meta:
        verbose_name = _("interaction")
        verbose_name_plural = _("interactions")
        ordering = ["-happened_on"]
        constraints = [models.UniqueConstraint(fields=["tenant", "customer", "campaign_code"], name="interaction_once")]

    def __str__(self) -> str:
        return f"{self.campaign_code} {self.kind}"


class FormerNumber(TenantModel):
    """The number of a customer who was merged into another: the next file that still has it updates the one who stays."""

    external_id = models.CharField(_("former customer number"), max_length=64)
    customer = models.ForeignKey(
        Customer, on_delete=models.CASCADE, related_name="former_numbers", verbose_name=_("customer")
    )
    merged_at = models.DateTimeField(_("merged"), default=timezone.now)

    class Meta:
        verbose_name = _("former customer number")
        verbose_name_plural = _("former customer numbers")
        constraints = [models.UniqueConstraint(fields=["tenant", "external_id"], name="former_number")]

    def __str__(self) -> str:
        return self.external_id


class CustomerBase(TenantModel):
    """The roll-up that the dashboard reads: counts of the whole base, written at the end of each import."""

    computed_at = models.DateTimeField(default=timezone.now)
    facts = models.JSONField(default=dict)

    class Meta:
        verbose_name = _("customer base summary")
        constraints = [models.UniqueConstraint(fields=["tenant"], name="customer_base_one")]
