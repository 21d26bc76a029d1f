"""Runs that divide the customers, the segments that keep their names from run to run, who belongs where, and offers."""

from __future__ import annotations

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from core.models import OPEN_STATES, PublicId
from customers.models import Customer
from tenants.models import TenantJob, User
from tenants.scoping import TenantModel, tenant_key


class Segmentation(TenantJob):
    """One division of all customers. A company has at most one open and one current; what a page shows stands here."""

    task_name = "segmentation.tasks.refresh_segments"

    k = models.PositiveSmallIntegerField(_("number of segments asked for"), null=True)  # None: as many as are in use
    features = models.JSONField(_("features asked for"), default=list, blank=True)  # []: as before, else the usual ones
    seed = models.PositiveIntegerField(_("seed"), default=0)
    is_current = models.BooleanField(_("current"), default=False)
    has_members = models.BooleanField(_("members kept"), default=True)
    customers = models.PositiveIntegerField(_("customers"), default=0)
    last_customer = models.BigIntegerField(default=0, editable=False)  # the highest key among those divided
    state_of_engine = models.JSONField(default=dict, editable=False)  # preparation and centres: assigns newcomers
    figures = models.JSONField(_("figures"), default=dict)  # features, their importance, points for charts, imputed
    flow = models.JSONField(_("moves"), default=dict)  # from the run before: who went where, how stable it was
    advice = models.JSONField(_("advice"), default=dict)  # quality for each k, a recommendation, whether clusters exist
    refusal = models.JSONField(default=dict)  # {"code", "facts"}: why there is no advice

    class Meta:
        verbose_name = _("segmentation")
        verbose_name_plural = _("segmentations")
        ordering = ["-requested_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["tenant"], condition=models.Q(state__in=OPEN_STATES), name="segmentation_one_open"
            ),
            models.UniqueConstraint(
                fields=["tenant"], condition=models.Q(is_current=True), name="segmentation_one_current"
            ),
        ]
        indexes = [models.Index(fields=["tenant", "-requested_at"], name="segmentation_newest")]

    def __str__(self) -> str:
        return f"{self.requested_at:%Y-%m-%d %H:%M}"


class Segment(TenantModel, PublicId):
    """A segment by its lasting name: S3 of this week is S3 of last week. ``number`` 3 is S3, and is never given again."""

    number = models.PositiveSmallIntegerField(_("number"))
    label = models.CharField(_("label"), max_length=40)
    persona = models.CharField(
        _("persona"), max_length=60, blank=True
    )  # as an operator says; blank: as the figures say
    persona_code = models.CharField(max_length=160, blank=True, editable=False)  # what the figures say
    personas_written = models.JSONField(default=list, editable=False)  # every name that it gave to customers
    is_retired = models.BooleanField(_("no longer found"), default=False)
    offers_seeded = models.BooleanField(default=False, editable=False)  # the setting's offers were given once
    renamed_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, editable=False, related_name="+")

    class Meta:
        verbose_name = _("segment")
        verbose_name_plural = _("segments")
        ordering = ["number"]
        constraints = [models.UniqueConstraint(fields=["tenant", "number"], name="segment_number")]

    def __str__(self) -> str:
        return self.label


class SegmentProfile(TenantModel):
    """What a segment was in one run: size, means, what sets it apart, and what it stands to lose."""

    segmentation = models.ForeignKey(Segmentation, on_delete=models.CASCADE, related_name="profiles")
    segment = models.ForeignKey(Segment, on_delete=models.CASCADE, related_name="profiles")
    size = models.PositiveIntegerField(_("customers"), default=0)
    percentage = models.FloatField(_("share of the customers, in percent"), default=0.0)
    mean_values = models.JSONField(_("means"), default=dict)  # feature -> mean in its own unit, None where nobody knows
    scaled = models.JSONField(default=dict)  # feature -> 0..1, for the radar
    quartiles = models.JSONField(default=dict)  # feature -> [low fence, Q1, median, Q3, high fence]
    portrait = models.JSONField(default=dict)  # what sets it apart, strongest first (clustering.personas)
    stakes = models.JSONField(default=dict)  # mean risk, risk bands, charges and charges at risk; {}: no scores yet

    class Meta:
        verbose_name = _("portrait of a segment")
        verbose_name_plural = _("portraits of segments")
        ordering = ["segment__number"]
        constraints = [
            models.UniqueConstraint(fields=["tenant", "segmentation", "segment"], name="segment_profile_once")
        ]

    def __str__(self) -> str:
        return f"{self.segment} · {self.size}"


class SegmentMembership(TenantModel):
    """Where a customer belongs in one run. Written a run at a time; on PostgreSQL each run's rows are a partition."""

    tenant = tenant_key(db_index=False)  # always read by run, and a million are written at a time
    segmentation = models.ForeignKey(Segmentation, on_delete=models.CASCADE, related_name="memberships", db_index=False)
    customer = models.ForeignKey(Customer, on_delete=models.CASCADE, related_name="+", db_index=False)
    segment = models.ForeignKey(Segment, on_delete=models.CASCADE, related_name="+", db_index=False)

    class Meta:
        verbose_name = _("membership of a segment")
        verbose_name_plural = _("memberships of segments")
        constraints = [models.UniqueConstraint(fields=["customer", "segmentation"], name="segment_membership_once")]

    def __str__(self) -> str:
        return f"{self.customer_id} in {self.segment_id}"


class Assignment(TenantJob):
    """Newcomers put where they belong by the current segmentation, after an import."""

    task_name = "segmentation.tasks.assign_newcomers"

    assigned = models.PositiveIntegerField(_("customers assigned"), default=0)

    class Meta:
        verbose_name = _("assignment of newcomers")
        verbose_name_plural = _("assignments of newcomers")
        ordering = ["-requested_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["tenant"], condition=models.Q(state__in=OPEN_STATES), name="assignment_one_open"
            )
        ]

    def __str__(self) -> str:
        return f"{self.requested_at:%Y-%m-%d %H:%M}"


class RuleSegment(TenantModel, PublicId):
    """An audience by conditions (segmentation.conditions), under a name that campaigns know."""

    name = models.CharField(_("name"), max_length=120)
    rule = models.JSONField(_("conditions"), default=dict)
    created_at = models.DateTimeField(_("created"), default=timezone.now, editable=False)
    updated_at = models.DateTimeField(_("changed"), auto_now=True)
    created_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, editable=False, related_name="+")

    class Meta:
        verbose_name = _("rule segment")
        verbose_name_plural = _("rule segments")
        ordering = ["name"]
        constraints = [models.UniqueConstraint(fields=["tenant", "name"], name="rule_segment_name")]

    def __str__(self) -> str:
        return self.name


class Offer(TenantModel, PublicId):
    """What a customer may be offered, what it costs us, and to whom it may go."""

    class Channel(models.TextChoices):
        EMAIL = "email", _("e-mail")
        SMS = "sms", _("text message")
        CALL = "call", _("call")
        SHOP = "shop", _("shop")

    name = models.CharField(_("name"), max_length=120)
    texts = models.JSONField(_("text in each language"), default=dict, blank=True)  # {"fr": …, "en": …, "ar": …}
    # Empty figures are those of the company's economics: nothing is reckoned with that nobody said.
    cost = models.DecimalField(
        _("cost to us, once it is taken"), max_digits=10, decimal_places=3, null=True, blank=True,
        validators=[MinValueValidator(0)],
    )  # fmt: skip
    contact_cost = models.DecimalField(
        _("cost of making the offer"), max_digits=10, decimal_places=3, null=True, blank=True,
        validators=[MinValueValidator(0)],
    )  # fmt: skip
    discount = models.FloatField(
        _("price effect: share taken off the monthly charge"), default=0.0, help_text=_("0.1: a tenth less to pay."),
        validators=[MinValueValidator(0.0), MaxValueValidator(1.0)],
    )  # fmt: skip
    acceptance = models.FloatField(
        _("share of leavers who accept and stay"), null=True, blank=True,
        help_text=_("Your own estimate until a campaign has measured it."),
        validators=[MinValueValidator(0.0), MaxValueValidator(1.0)],
    )  # fmt: skip
    channel = models.CharField(_("channel"), max_length=8, choices=Channel, default=Channel.EMAIL)
    rule = models.JSONField(_("who may have it"), default=dict, blank=True)  # segmentation.conditions; {}: everybody
    age_rule_approved_by = models.ForeignKey(
        User, on_delete=models.SET_NULL, null=True, blank=True, editable=False, related_name="+"
    )  # somebody approved that the rule asks for age
    stock = models.PositiveIntegerField(_("how many there are"), null=True, blank=True)
    valid_from = models.DateField(_("valid from"), null=True, blank=True)
    valid_until = models.DateField(_("valid until"), null=True, blank=True)
    is_active = models.BooleanField(_("in use"), default=True)
    position = models.PositiveSmallIntegerField(_("order"), default=0)
    segments = models.ManyToManyField(Segment, through="OfferSegment", related_name="offers", blank=True)
    created_at = models.DateTimeField(_("created"), default=timezone.now, editable=False)
    updated_at = models.DateTimeField(_("changed"), auto_now=True)

    class Meta:
        verbose_name = _("offer")
        verbose_name_plural = _("offers")
        ordering = ["position", "pk"]
        constraints = [
            models.UniqueConstraint(fields=["tenant", "name"], name="offer_name"),
            models.CheckConstraint(
                condition=models.Q(acceptance=None) | models.Q(acceptance__gte=0, acceptance__lte=1),
                name="offer_acceptance_is_a_share",
            ),
            models.CheckConstraint(
                condition=models.Q(discount__gte=0, discount__lte=1), name="offer_discount_is_a_share"
            ),
        ]

    def __str__(self) -> str:
        return self.name


class OfferSegment(TenantModel):
    """An offer that a segment carries. An offer without any is for everybody whom its rule lets have it."""

    offer = models.ForeignKey(Offer, on_delete=models.CASCADE)
    segment = models.ForeignKey(Segment, on_delete=models.CASCADE)

    class Meta:
        verbose_name = _("offer of a segment")
        verbose_name_plural = _("offers of segments")
        constraints = [models.UniqueConstraint(fields=["tenant", "offer", "segment"], name="offer_segment_once")]

    def __str__(self) -> str:
        return f"{self.offer} · {self.segment}"


class Allocation(TenantJob):
    """Offers given to customers within a budget, by expected profit; a proposal, nobody is written to by it."""

    task_name = "segmentation.tasks.allocate_offers"

    budget = models.DecimalField(_("budget"), max_digits=14, decimal_places=3, null=True)  # None: no limit
    most_customers = models.PositiveIntegerField(_("customers at most"), null=True)
    offers_then = models.JSONField(default=list)  # the offers as they were reckoned with
    economics = models.JSONField(default=dict)
    result = models.JSONField(_("result"), default=dict)
    has_lines = models.BooleanField(default=True)

    class Meta:
        verbose_name = _("allocation of offers")
        verbose_name_plural = _("allocations of offers")
        ordering = ["-requested_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["tenant"], condition=models.Q(state__in=OPEN_STATES), name="allocation_one_open"
            )
        ]
        indexes = [models.Index(fields=["tenant", "-requested_at"], name="allocation_newest")]

    def __str__(self) -> str:
        return f"{self.requested_at:%Y-%m-%d %H:%M}"


class AllocatedOffer(TenantModel):
    """One customer's offer in an allocation, with what is expected of it."""

    tenant = tenant_key(db_index=False)
    allocation = models.ForeignKey(Allocation, on_delete=models.CASCADE, related_name="lines", db_index=False)
    customer = models.ForeignKey(Customer, on_delete=models.CASCADE, related_name="+", verbose_name=_("customer"))
    offer = models.ForeignKey(
        Offer, on_delete=models.CASCADE, related_name="+", db_index=False, verbose_name=_("offer")
    )
    expected_profit = models.FloatField(_("expected profit"))
    expected_cost = models.FloatField(_("expected cost"))
    kept_chance = models.FloatField(_("chance that it keeps the customer"))

    class Meta:
        verbose_name = _("allocated offer")
        verbose_name_plural = _("allocated offers")
        constraints = [models.UniqueConstraint(fields=["allocation", "customer"], name="allocated_once")]
        indexes = [models.Index(fields=["allocation", "-expected_profit", "-id"], name="allocated_by_profit")]

    def __str__(self) -> str:
        return f"{self.customer_id}: {self.offer_id}"
