"""Who was in charge and why, what contacting is worth, what is watched, and what happens by itself."""

from __future__ import annotations

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from core.models import OPEN_STATES
from tenants.models import TenantJob, User
from tenants.scoping import TenantModel

from .models import ModelVersion, ScoringRun


class SurvivalModel(TenantModel):
    """When customers leave: the hazard model that a training left beside its version, sealed as that is."""

    version = models.OneToOneField(
        ModelVersion, on_delete=models.CASCADE, related_name="survival", verbose_name=_("model version")
    )
    figures = models.JSONField(_("figures"), default=dict)  # curves, calibration, Brier score against Kaplan-Meier
    refusal = models.JSONField(default=dict)  # {"code", "facts"}: why there is no model
    artefact_path = models.CharField(max_length=500, blank=True, editable=False)
    artefact_bytes = models.BigIntegerField(default=0, editable=False)
    artefact_sha256 = models.CharField(max_length=64, blank=True, editable=False)
    artefact_hmac = models.CharField(max_length=64, blank=True, editable=False)

    class Meta:
        verbose_name = _("survival model")
        verbose_name_plural = _("survival models")

    def __str__(self) -> str:
        return str(self.version)


class Promotion(TenantModel):
    """One line of who was put in charge, by whom and why. Append-only: with the scoring runs it answers which model
    scored a customer on a day."""

    class Kind(models.TextChoices):
        FIRST = "first", _("first model, by its gates")
        PROMOTED = "promoted", _("promoted")
        ROLLED_BACK = "rolled_back", _("rolled back")

    version = models.ForeignKey(
        ModelVersion, on_delete=models.CASCADE, related_name="promotions", verbose_name=_("put in charge")
    )
    before = models.ForeignKey(
        ModelVersion, on_delete=models.SET_NULL, null=True, related_name="+", verbose_name=_("in charge before")
    )
    kind = models.CharField(_("how"), max_length=12, choices=Kind)
    reason = models.TextField(_("reason"), blank=True)
    open_gates = models.JSONField(_("gates that were not green"), default=list)
    by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, related_name="+", verbose_name=_("by"))
    at = models.DateTimeField(_("at"), default=timezone.now)

    class Meta:
        verbose_name = _("promotion")
        verbose_name_plural = _("promotions")
        ordering = ["-at", "-pk"]
        indexes = [models.Index(fields=["tenant", "-at"], name="promotion_newest")]

    def __str__(self) -> str:
        return f"{self.version} · {self.get_kind_display()}"


class Economics(TenantModel):
    """What a contact costs and a kept customer is worth; one row for each company, none until somebody said so."""

    contact_cost = models.DecimalField(_("cost of one contact"), max_digits=10, decimal_places=3)
    offer_cost = models.DecimalField(_("cost of the offer, when it is taken"), max_digits=10, decimal_places=3)
    acceptance = models.FloatField(_("share of leavers who accept the offer and stay"))
    stayer_acceptance = models.FloatField(_("share of stayers who take the offer"), default=1.0)
    margin = models.FloatField(_("margin, as a share of charges"), default=0.5)
    horizon_months = models.PositiveSmallIntegerField(_("months that count"), default=12)
    discount_rate = models.FloatField(_("discount, a year"), default=0.1)
    set_at = models.DateTimeField(_("set"), default=timezone.now)
    set_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, related_name="+", verbose_name=_("by"))

    class Meta:
        verbose_name = _("economics")
        verbose_name_plural = _("economics")
        constraints = [models.UniqueConstraint(fields=["tenant"], name="economics_one")]

    def __str__(self) -> str:
        return f"{self.contact_cost} + {self.offer_cost}"


class ProfitRun(TenantJob):
    """What contacting the customers of one scoring would earn, by the company's own costs; and what it would have earned
    among those whose outcome is known."""

    task_name = "predictions.tasks.account_profit"

    scoring = models.ForeignKey(ScoringRun, on_delete=models.CASCADE, related_name="profits", verbose_name=_("scoring"))
    economics = models.JSONField(_("costs and values"), default=dict)
    curve = models.JSONField(_("expected"), default=dict)
    backtest = models.JSONField(_("measured"), default=dict)
    refusal = models.JSONField(default=dict)  # {"code", "facts"}: why there is no account

    class Meta:
        verbose_name = _("account of profit")
        verbose_name_plural = _("accounts of profit")
        ordering = ["-requested_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["tenant"], condition=models.Q(state__in=OPEN_STATES), name="profit_one_open"
            )
        ]
        indexes = [models.Index(fields=["tenant", "-requested_at"], name="profit_newest")]

    def __str__(self) -> str:
        return f"{self.requested_at:%Y-%m-%d %H:%M}"


class DriftReport(TenantJob):
    """Whether the customers of today are still those that the model in charge learned from, and how good it is likely to
    be on them; beside it, once outcomes are known, how good it was."""

    task_name = "predictions.tasks.check_drift"

    version = models.ForeignKey(ModelVersion, on_delete=models.CASCADE, related_name="+", verbose_name=_("model"))
    scoring = models.ForeignKey(
        ScoringRun, on_delete=models.SET_NULL, null=True, related_name="+", verbose_name=_("scoring")
    )
    verdict = models.CharField(_("verdict"), max_length=12, blank=True)  # stable, moved, moved_much, too_few
    customers = models.PositiveIntegerField(_("customers"), default=0)
    findings = models.JSONField(_("findings"), default=dict)  # learning.drift.Drift
    estimate = models.JSONField(_("estimated performance"), default=dict)  # learning.estimate.Estimate
    truth = models.JSONField(
        _("measured performance"), default=dict
    )  # learning.estimate.Realised; {} until it is known

    class Meta:
        verbose_name = _("drift report")
        verbose_name_plural = _("drift reports")
        ordering = ["-requested_at", "-pk"]
        constraints = [
            models.UniqueConstraint(fields=["tenant"], condition=models.Q(state__in=OPEN_STATES), name="drift_one_open")
        ]
        indexes = [models.Index(fields=["tenant", "-requested_at"], name="drift_newest")]

    def __str__(self) -> str:
        return f"{self.requested_at:%Y-%m-%d} {self.verdict}"


class Routine(TenantModel):
    """What happens by itself in a company, and when, by the company's own clock. No row: the defaults below."""

    scores_nightly = models.BooleanField(_("score everybody every night"), default=True)
    scoring_hour = models.PositiveSmallIntegerField(_("at (hour)"), default=3)
    checks_weekly = models.BooleanField(_("check for drift every week"), default=True)
    check_weekday = models.PositiveSmallIntegerField(_("on"), default=0)  # Monday
    retrains_monthly = models.BooleanField(_("train a challenger every month"), default=True)
    retrain_day = models.PositiveSmallIntegerField(_("on day"), default=1)
    last_scored_on = models.DateField(null=True, editable=False)
    last_checked_on = models.DateField(null=True, editable=False)
    last_retrained_on = models.DateField(null=True, editable=False)

    class Meta:
        verbose_name = _("routine")
        verbose_name_plural = _("routines")
        constraints = [
            models.UniqueConstraint(fields=["tenant"], name="routine_one"),
            models.CheckConstraint(condition=models.Q(scoring_hour__lte=23), name="routine_hour"),
            models.CheckConstraint(condition=models.Q(check_weekday__lte=6), name="routine_weekday"),
            models.CheckConstraint(condition=models.Q(retrain_day__gte=1, retrain_day__lte=28), name="routine_day"),
        ]

    def __str__(self) -> str:
        return f"{self.scoring_hour}:00"


class AlarmReader(TenantModel):
    """A person who asked for alarms (drift, a refused artefact, an estimate that missed) by mail as well."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+", verbose_name=_("person"))

    class Meta:
        verbose_name = _("reader of alarms")
        verbose_name_plural = _("readers of alarms")
        constraints = [models.UniqueConstraint(fields=["tenant", "user"], name="alarm_reader_once")]

    def __str__(self) -> str:
        return str(self.user)
