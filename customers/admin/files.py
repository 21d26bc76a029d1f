"""Imports and what they left behind, to look at; a remembered mapping may be forgotten."""

from __future__ import annotations

from django.contrib import admin
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from tenants.admin import ReadOnlyAdmin, TenantAdmin

from ..models import ColumnFinding, ColumnMapping, Import
from .reasons import NoAddition


@admin.register(Import)
class ImportAdmin(ReadOnlyAdmin):
    """What the import's own page shows as a page stands there: columns, refusals, dry run."""

    list_display = [
        "filename",
        "step",
        "state",
        "rows_read",
        "rows_created",
        "rows_updated",
        "rows_refused",
        "requested_at",
    ]
    list_filter = ["state", "step"]
    search_fields = ["filename"]
    date_hierarchy = "requested_at"
    fieldsets = [
        (None, {"fields": ["filename", "step", "state", "requested_by", "requested_at", "finished_at", "error_message"]}),
        (_("File"), {"fields": ["size_bytes", "kind", "encoding", "delimiter", "sheet", "total_rows"]}),
        (
            _("What was agreed"),
            {"fields": ["columns_understood", "columns_kept", "usage_month", "empty_clears", "is_attended", "is_dry"]},
        ),
        (
            _("What was written"),
            {
                "fields": [
                    "rows_read", "rows_created", "rows_updated", "rows_unchanged", "rows_refused", "months_written",
                    "undone_at",
                ]
            },
        ),
    ]  # fmt: skip
    view_on_site = staticmethod(lambda run: reverse("customers:import_detail", args=[run.public_id]))

    def get_queryset(self, request):
        return super().get_queryset(request).defer("proposal", "preview", "refusals", "unknown_values", "headers")

    @admin.display(description=_("columns understood"))
    def columns_understood(self, run: Import) -> str:
        return ", ".join(f"{header} → {target}" for header, target in run.columns.items()) or "–"

    @admin.display(description=_("kept as other fields"))
    def columns_kept(self, run: Import) -> str:
        return ", ".join(run.kept_columns) or "–"


@admin.register(ColumnMapping)
class ColumnMappingAdmin(NoAddition, TenantAdmin):
    """What files of a shape were agreed to mean. Forgotten, the next such file is asked about again."""

    list_display = ["filename", "column_count", "agreed_by", "agreed_at"]
    list_select_related = ["agreed_by"]
    search_fields = ["filename"]
    fields = ["filename", "columns", "agreed_by", "agreed_at"]
    readonly_fields = ["columns"]

    def has_change_permission(self, request, obj=None) -> bool:
        return False

    @admin.display(description=_("columns"))
    def column_count(self, mapping: ColumnMapping) -> int:
        return len(mapping.mapping.get("columns", {}))

    @admin.display(description=_("columns understood"))
    def columns(self, mapping: ColumnMapping) -> str:
        columns = mapping.mapping.get("columns", {})
        pairs = ((header, c["target"] if isinstance(c, dict) else c) for header, c in columns.items())
        return ", ".join(f"{header} → {target}" for header, target in pairs) or "–"


@admin.register(ColumnFinding)
class ColumnFindingAdmin(ReadOnlyAdmin):
    """What the leak watch found. It is overruled on the quality page, with a reason, not here."""

    list_display = ["column", "severity", "found_at", "overruled_by", "overruled_at"]
    list_filter = ["severity"]
    list_select_related = ["overruled_by"]
    search_fields = ["column__istartswith"]
    fields = ["column", "severity", "found_at", "overruled_by", "overruled_at", "overrule_reason"]
