"""Campaigns and their recipients to look at: what they did is changed by nobody's hand."""

from __future__ import annotations

from django.contrib import admin

from tenants.admin import ReadOnlyAdmin

from .models import Campaign, Preparation, Recipient, Shift


@admin.register(Campaign)
class CampaignAdmin(ReadOnlyAdmin):
    list_display = ["name", "state", "offer", "message", "scheduled_at", "launched_at", "finished_at", "created_by"]
    list_filter = ["state"]
    search_fields = ["name", "code"]
    list_select_related = ["offer", "message", "created_by"]


@admin.register(Recipient)
class RecipientAdmin(ReadOnlyAdmin):
    list_display = ["campaign", "customer", "arm", "state", "language", "attempts", "sent_at", "reason"]
    list_filter = ["state", "arm"]
    list_select_related = ["campaign", "customer"]
    search_fields = ["customer__external_id"]
    searched_through = "customer"
    indexed_search = ("external_id", "last_name")
    ordering = ["-pk"]
    exclude = ["address_key", "shift", "fence"]


@admin.register(Preparation)
class PreparationAdmin(ReadOnlyAdmin):
    list_display = ["requested_at", "campaign", "kind", "state", "requested_by", "finished_at", "error_message"]
    list_filter = ["kind", "state"]
    list_select_related = ["campaign", "requested_by"]
    exclude = ["tally"]


@admin.register(Shift)
class ShiftAdmin(ReadOnlyAdmin):
    list_display = ["campaign", "number", "state", "mails", "attempts", "started_at", "finished_at", "error_message"]
    list_filter = ["state"]
    list_select_related = ["campaign"]
