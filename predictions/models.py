"""Training runs, the versions they leave, who was in charge, scoring runs, the scores (appended a run at a time, never
updated), and what is watched: drift, profit, routines."""

from __future__ import annotations

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from core.models import OPEN_STATES, PublicId
from customers.models import Customer
from tenants.models import TenantJob, User
from tenants.scoping import TenantModel, tenant_key

from . import packing


class TrainingRun(TenantJob):
    """One training. A company has at most one open at a time."""

    task_name = "predictions.tasks.train_model"

    seed = models.PositiveIntegerField(_("seed"), default=0)
    then_score = models.BooleanField(_("score everybody afterwards"), default=True)

    class Meta:
        verbose_name = _("training")
        verbose_name_plural = _("trainings")
        ordering = ["-requested_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["tenant"], condition=models.Q(state__in=OPEN_STATES), name="training_one_open"
            )
        ]
        indexes = [models.Index(fields=["tenant", "-requested_at"], name="training_newest")]

    def __str__(self) -> str:
        return f"{self.requested_at:%Y-%m-%d %H:%M}"


class ModelVersion(TenantModel, PublicId):
    """What a training left: its measures on customers it had not seen, and a sealed artefact (RULES 22, 23)."""

    number = models.PositiveIntegerField(_("version"))
    run = models.OneToOneField(TrainingRun, on_delete=models.SET_NULL, null=True, related_name="version")
    algorithm = models.CharField(_("algorithm"), max_length=120)
    metrics = models.JSONField(_("metrics"), default=dict)
    details = models.JSONField(_("details"), default=dict)  # intervals, candidates, calibration, importance, features
    rows = models.PositiveIntegerField(_("customers learned from"), default=0)
    churners = models.PositiveIntegerField(_("of whom left"), default=0)
    fingerprint = models.CharField(_("data fingerprint"), max_length=64, blank=True)
    seed = models.PositiveIntegerField(_("seed"), default=0)
    libraries = models.JSONField(_("library versions"), default=dict)
    artefact_path = models.CharField(max_length=500, editable=False)
    artefact_bytes = models.BigIntegerField(default=0, editable=False)
    artefact_sha256 = models.CharField(max_length=64, editable=False)
    artefact_hmac = models.CharField(max_length=64, editable=False)
    is_champion = models.BooleanField(_("in charge"), default=False)
    gates = models.JSONField(_("gates"), default=list)  # learning.gates.Verdict, one each
    reference = models.JSONField(default=dict, editable=False)  # learning.histograms.Reference: what drift is from
    trained_at = models.DateTimeField(_("trained"), default=timezone.now)
    trained_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")

    class Meta:
        verbose_name = _("model version")
        verbose_name_plural = _("model versions")
        ordering = ["-number"]
        constraints = [
            models.UniqueConstraint(fields=["tenant", "number"], name="version_number"),
            models.UniqueConstraint(
                fields=["tenant"], condition=models.Q(is_champion=True), name="version_one_champion"
            ),
        ]

    def __str__(self) -> str:
        return f"v{self.number} · {self.algorithm}"


class ScoringRun(TenantJob):
    """One pass over every customer. One run of a company is current: a pointer, so that nothing is updated in place."""

    task_name = "predictions.tasks.score_customers"

    version = models.ForeignKey(ModelVersion, on_delete=models.CASCADE, related_name="runs", verbose_name=_("model"))
    is_current = models.BooleanField(_("current"), default=False)
    has_scores = models.BooleanField(_("scores kept"), default=True)
    scored = models.PositiveIntegerField(_("customers scored"), default=0)
    risk_medium = models.FloatField(_("medium risk from"), default=0.3)
    risk_high = models.FloatField(_("high risk from"), default=0.6)
    summary = models.JSONField(_("roll-up"), default=dict)
    legend = models.JSONField(default=dict, editable=False)  # what the numbers in its scores stand for (packing)
    last_customer = models.BigIntegerField(default=0, editable=False)  # the highest key among those scored

    class Meta:
        verbose_name = _("scoring")
        verbose_name_plural = _("scorings")
        ordering = ["-requested_at"]
        constraints = [
            models.UniqueConstraint(fields=["tenant"], condition=models.Q(is_current=True), name="scoring_one_current"),
            models.UniqueConstraint(
                fields=["tenant"], condition=models.Q(state__in=OPEN_STATES), name="scoring_one_open"
            ),
        ]
        indexes = [models.Index(fields=["tenant", "-requested_at"], name="scoring_newest")]

    def __str__(self) -> str:
        return f"{self.requested_at:%Y-%m-%d %H:%M}"

    def band(self, risk: float) -> str:
        return "high" if risk >= self.risk_high else "medium" if risk >= self.risk_medium else "low"

    def text(self, column: str, code: int) -> str:
        """The text that a score's code of a column stands for; empty for unknown."""
        return self.legend["texts"][column][code - 1] if code else ""

    def code(self, column: str, text: str) -> int | None:
        """The code of a text, where this run has met it."""
        texts = self.legend.get("texts", {}).get(column, [])
        return texts.index(text) + 1 if text in texts else None

    @property
    def bands(self) -> dict[str, int]:
        return self.summary.get("bands", {"low": 0, "medium": 0, "high": 0})


class Score(TenantModel):
    """One customer's risk in one run, its strongest drivers, and the few columns that lists filter and sort by.

    Carrying those columns keeps a filtered, sorted page at a fraction of a millisecond for a million customers; a join
    costs over a second where the filter and the order disagree. Texts and drivers are numbers that the run's legend
    explains (docs/adr/0004-scores-by-run.md). On PostgreSQL each run's rows are a partition.
    """

    tenant = tenant_key(db_index=False)  # always read by run, and a million are written at a time
    run = models.ForeignKey(
        ScoringRun, on_delete=models.CASCADE, related_name="scores", verbose_name=_("scoring"), db_index=False
    )
    customer = models.ForeignKey(
        Customer, on_delete=models.CASCADE, related_name="+", verbose_name=_("customer"), db_index=False
    )
    risk = models.FloatField(_("risk"))
    is_out_of_fold = models.BooleanField(_("scored by a fold that had not seen it"), default=False)
    # Feature numbers in the run's legend, from 1; negative where it lowers the risk, 0 where there is none (packing).
    driver_1 = models.SmallIntegerField(default=0, editable=False)
    driver_2 = models.SmallIntegerField(default=0, editable=False)
    driver_3 = models.SmallIntegerField(default=0, editable=False)
    driver_facts = models.BinaryField(default=b"")
    contract_code = models.SmallIntegerField(default=0, editable=False)  # from 1; 0 is unknown
    internet_code = models.SmallIntegerField(default=0, editable=False)
    tenure = models.PositiveSmallIntegerField(null=True)
    monthly_charges = models.DecimalField(max_digits=12, decimal_places=3, null=True)
    senior_citizen = models.BooleanField(null=True)
    churn_label = models.BooleanField(null=True)

    class Meta:
        verbose_name = _("score")
        verbose_name_plural = _("scores")
        constraints = [models.UniqueConstraint(fields=["customer", "run"], name="score_once")]
        # The orders of its lists are indexed a run at a time, once its rows are there: services.orders.

    def __str__(self) -> str:
        return f"{self.customer_id}: {self.risk:.3f}"

    @property
    def drivers(self) -> list[dict[str, object]]:
        """The strongest facts, strongest first: [{"feature", "value", "effect"}]; "days" where a value counts days."""
        numbers = (self.driver_1, self.driver_2, self.driver_3)
        return packing.unpack(numbers, bytes(self.driver_facts), self.run.legend) if any(numbers) else []

    @property
    def contract(self) -> str:
        return self.run.text("contract", self.contract_code)

    @property
    def internet_service(self) -> str:
        return self.run.text("internet_service", self.internet_code)


from .stewardship import (  # noqa: E402  its tables point to those above
    AlarmReader,
    DriftReport,
    Economics,
    ProfitRun,
    Promotion,
    Routine,
    SurvivalModel,
)

__all__ = [
    "AlarmReader", "DriftReport", "Economics", "ModelVersion", "ProfitRun", "Promotion", "Routine", "Score", "ScoringRun",
    "SurvivalModel", "TrainingRun",
]  # fmt: skip
