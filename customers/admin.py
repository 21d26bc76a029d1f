"""Curation: operators correct customers, subscriptions and months of use; imports are to look at."""

from __future__ import annotations

from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from tenants.admin import ReadOnlyAdmin, TenantAdmin

from .models import Customer, Import, Interaction, Subscription, UsageRecord

# Filters here are yes or no: Django's filter by the values of a text column would read the whole table to list them.


class SubscriptionInline(admin.StackedInline):
    model = Subscription
    extra = 0
    can_delete = False
    exclude = ["created_at"]

    def has_view_permission(self, request, obj=None) -> bool:
        return True

    has_add_permission = has_change_permission = has_view_permission


@admin.register(Customer)
class CustomerAdmin(TenantAdmin):
    list_display = ["external_id", "full_name", "city", "churn_label", "persona", "updated_at"]
    list_filter = ["churn_label", "senior_citizen", "partner", "dependents"]
    # Beginnings only: parts of words would read the whole table.
    search_fields = ["external_id__istartswith", "last_name__istartswith", "email__istartswith"]
    indexed_search = ("external_id", "last_name", "email")
    search_help_text = _("Beginning of the customer number, last name or e-mail")
    fieldsets = [
        (None, {"fields": ["external_id", ("first_name", "last_name"), ("email", "phone"), ("language", "city")]}),
        (_("Profile"), {"fields": [("gender", "age"), ("senior_citizen", "partner", "dependents")]}),
        (_("Outcome"), {"fields": ["churn_label", "persona", "attributes"]}),
    ]
    inlines = [SubscriptionInline]
    ordering = ["pk"]


@admin.register(Subscription)
class SubscriptionAdmin(TenantAdmin):
    list_display = ["customer", "contract", "internet_service", "tenure", "monthly_charges", "total_charges"]
    list_filter = ["phone_service", "paperless_billing"]
    list_select_related = ["customer"]
    search_fields = ["customer__external_id__istartswith"]
    indexed_search = ("external_id",)
    searched_through = "customer"
    raw_id_fields = ["customer"]
    readonly_fields = ["customer"]

    def has_add_permission(self, request) -> bool:
        return False  # on the customer's own page


@admin.register(UsageRecord)
class UsageRecordAdmin(TenantAdmin):
    list_display = ["customer", "month", "montant_consommation", "nombre_appels", "volume_data", "nombre_sms"]
    list_select_related = ["customer"]
    search_fields = ["customer__external_id__istartswith"]
    indexed_search = ("external_id",)
    searched_through = "customer"
    search_help_text = _("Beginning of the customer number")
    raw_id_fields = ["customer"]
    ordering = ["-pk"]


@admin.register(Interaction)
class InteractionAdmin(ReadOnlyAdmin):
    list_display = ["customer", "campaign_code", "kind", "happened_on", "left_within_horizon"]
    list_filter = ["kind"]
    ordering = ["-pk"]
    list_select_related = ["customer"]
    search_fields = ["customer__external_id__istartswith"]
    indexed_search = ("external_id",)
    searched_through = "customer"


@admin.register(Import)
class ImportAdmin(ReadOnlyAdmin):
    list_display = ["filename", "state", "rows_read", "rows_created", "rows_updated", "rows_refused", "requested_at"]
    list_filter = ["state"]
    search_fields = ["filename"]
    date_hierarchy = "requested_at"
    exclude = ["published_at", "error_code"]
