"""Feeds, to look at; they are set up on their own pages, where credentials are asked for and never shown."""

from __future__ import annotations

from django.contrib import admin
from django.urls import reverse

from tenants.admin import ReadOnlyAdmin

from ..models import Feed


@admin.register(Feed)
class FeedAdmin(ReadOnlyAdmin):
    list_display = ["name", "kind", "is_active", "last_run_at", "next_run_at", "failures"]
    list_filter = ["kind", "is_active"]
    search_fields = ["name"]
    fields = [
        "name", "kind", "is_active", "paused_by_itself", "rhythm", "every_minutes", "weekday", "at", "review",
        "empty_clears", "next_run_at", "last_run_at", "failures", "created_by", "created_at",
    ]  # fmt: skip
    view_on_site = staticmethod(lambda feed: reverse("customers:feed_detail", args=[feed.public_id]))

    def get_queryset(self, request):
        return super().get_queryset(request).defer("secret", "options")
