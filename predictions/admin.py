"""Models and their runs, to look at: what is computed is never typed."""

from __future__ import annotations

from django.contrib import admin

from tenants.admin import ReadOnlyAdmin

from .models import DriftReport, ModelVersion, ProfitRun, Promotion, ScoringRun, TrainingRun


@admin.register(ModelVersion)
class ModelVersionAdmin(ReadOnlyAdmin):
    list_display = ["number", "algorithm", "is_champion", "auc", "log_loss", "rows", "churners", "trained_at"]
    list_filter = ["is_champion", "algorithm"]
    search_fields = ["algorithm", "fingerprint"]

    @admin.display(description="ROC AUC")
    def auc(self, version: ModelVersion) -> str:
        return f"{version.metrics.get('roc_auc', 0):.3f}"

    @admin.display(description="log loss")
    def log_loss(self, version: ModelVersion) -> str:
        return f"{version.metrics.get('log_loss', 0):.3f}"


@admin.register(TrainingRun)
class TrainingRunAdmin(ReadOnlyAdmin):
    list_display = ["requested_at", "state", "attempts", "requested_by", "finished_at", "error_message"]
    list_filter = ["state"]


@admin.register(ScoringRun)
class ScoringRunAdmin(ReadOnlyAdmin):
    list_display = ["requested_at", "state", "version", "scored", "is_current", "finished_at"]
    list_filter = ["state", "is_current"]
    list_select_related = ["version"]


@admin.register(Promotion)
class PromotionAdmin(ReadOnlyAdmin):
    list_display = ["at", "version", "before", "kind", "by", "reason"]
    list_filter = ["kind"]
    list_select_related = ["version", "before", "by"]


@admin.register(DriftReport)
class DriftReportAdmin(ReadOnlyAdmin):
    list_display = ["requested_at", "state", "verdict", "version", "customers", "finished_at"]
    list_filter = ["state", "verdict"]
    list_select_related = ["version"]


@admin.register(ProfitRun)
class ProfitRunAdmin(ReadOnlyAdmin):
    list_display = ["requested_at", "state", "scoring", "requested_by", "finished_at"]
    list_filter = ["state"]
    list_select_related = ["scoring", "requested_by"]
