"""The back office's base, and the admin of people, notifications and the trail.

Rows come through the scoped manager, so the company in scope is the only one there is. Who may do what is asked of the
capability table, not of Django's permissions: one table for pages, API and admin.
"""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.contrib.auth.models import Group
from django.core.paginator import Paginator
from django.http import HttpResponseRedirect
from django.urls import reverse
from django.utils.functional import cached_property

from core import prefix
from core.errors import Refused

from . import members, services
from .models import ApiKey, AuditEntry, Membership, Notification, Tenant, User

_SEARCHED_ROWS = 200  # of each column: who finds more types another letter


class CappedPaginator(Paginator):
    """Counts at most ten thousand rows: an exact count of a million customers would cost every page of the list."""

    MAXIMUM = 10_000

    @cached_property
    def count(self) -> int:
        return len(self.object_list.order_by().values_list("pk", flat=True)[: self.MAXIMUM])


class TenantAdmin(admin.ModelAdmin):
    """Rows of the company in scope, for those who may curate its data. Each save writes one line in the trail."""

    capability = "curate_data"
    paginator = CappedPaginator
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER  # each would count the whole table
    indexed_search: tuple[str, ...] = ()
    searched_through = ""  # the key to the table that holds the searched columns; empty: this table

    def get_search_results(self, request, queryset, search_term):
        """Beginnings named in ``indexed_search`` are looked up by their indexes; else Django's own search."""
        columns = self.indexed_search
        term = search_term.strip()
        if not columns or not term:
            return super().get_search_results(request, queryset, search_term)
        keys: set[int] = set()
        through = self.searched_through
        searched = queryset.model._meta.get_field(through).related_model.objects.all() if through else queryset
        for column in columns:
            found = prefix.starting(searched, column, term).order_by()
            keys.update(found.values_list("pk", flat=True)[:_SEARCHED_ROWS])
        return queryset.filter(**{f"{through or 'pk'}__in": keys}), False

    list_per_page = 50

    def _may(self, request) -> bool:
        membership = getattr(request, "membership", None)
        return membership is not None and membership.can(self.capability)

    def has_module_permission(self, request) -> bool:
        return self._may(request)

    def has_view_permission(self, request, obj=None) -> bool:
        return self._may(request)

    def has_add_permission(self, request) -> bool:
        return self._may(request)

    def has_change_permission(self, request, obj=None) -> bool:
        return self._may(request)

    def has_delete_permission(self, request, obj=None) -> bool:
        return self._may(request)

    def formfield_for_foreignkey(self, db_field, request, **kwargs: Any):
        # The default asks _base_manager-like querysets of the related model; the scope must hold for choices too.
        if getattr(db_field.related_model, "is_tenant_scoped", False):
            kwargs["queryset"] = db_field.related_model.objects.all()
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def save_model(self, request, obj, form, change) -> None:
        super().save_model(request, obj, form, change)
        if form.changed_data:
            services.record(
                "curated" if change else "created_by_hand", obj, actor=request.user, fields=sorted(form.changed_data)
            )

    def delete_model(self, request, obj) -> None:
        services.record("deleted_by_hand", obj, actor=request.user)
        super().delete_model(request, obj)

    def delete_queryset(self, request, queryset) -> None:
        for obj in queryset:
            self.delete_model(request, obj)

    def log_addition(self, request, obj, message):
        """Django's own log has no company: the trail holds what was done."""

    def log_change(self, request, obj, message):
        """See log_addition."""

    def log_deletions(self, request, queryset):
        """See log_addition."""


class ReadOnlyAdmin(TenantAdmin):
    """Tables that the product computes: to look at, not to change."""

    def has_add_permission(self, request) -> bool:
        return False

    def has_change_permission(self, request, obj=None) -> bool:
        return False

    def has_delete_permission(self, request, obj=None) -> bool:
        return False


@admin.register(Notification)
class NotificationAdmin(ReadOnlyAdmin):
    list_display = ["created_at", "level", "sentence", "recipient"]
    list_filter = ["level", "code"]
    date_hierarchy = "created_at"


@admin.register(AuditEntry)
class AuditEntryAdmin(ReadOnlyAdmin):
    capability = "view_audit"
    list_display = ["sequence", "at", "actor", "verb", "object_type", "object_id"]
    list_filter = ["verb", "object_type"]
    search_fields = ["object_id", "actor__email"]
    date_hierarchy = "at"


@admin.register(ApiKey)
class ApiKeyAdmin(ReadOnlyAdmin):
    """Keys are made and revoked on their own page; the hash is shown nowhere."""

    capability = "manage_keys"
    list_display = ["name", "prefix", "made_by", "created_at", "expires_at", "last_used_at", "revoked_at"]
    search_fields = ["name", "prefix"]
    fields = ["name", "prefix", "scopes", "made_by", "created_at", "expires_at", "last_used_at", "revoked_at"]


@admin.register(User)
class UserAdmin(ReadOnlyAdmin):
    """People of the company in scope, to look at: a person may belong to other companies too, and is theirs to rename."""

    capability = "manage_members"
    list_display = ["email", "name", "is_active", "last_login"]
    list_filter = ["memberships__role"]
    search_fields = ["email", "name"]
    fields = ["email", "name", "locale", "avatar_url", "is_active", "last_login", "date_joined"]

    def get_queryset(self, request):
        return super().get_queryset(request).filter(memberships__tenant=request.tenant)


@admin.register(Membership)
class MembershipAdmin(TenantAdmin):
    """Who is in the company, with which role: changed by who may give both the role that was and the one that comes.

    It asks the same verbs as the page of members, so no rule of theirs has a second door.
    """

    capability = "manage_members"
    list_display = ["user", "role", "created_at"]
    list_filter = ["role"]
    search_fields = ["user__email", "user__name"]
    fields = ["user", "role"]
    readonly_fields = ["user"]

    def get_queryset(self, request):
        return super().get_queryset(request).filter(tenant=request.tenant).select_related("user", "tenant")

    def has_add_permission(self, request) -> bool:
        return False

    def has_change_permission(self, request, obj=None) -> bool:
        return super().has_change_permission(request, obj) and self._reaches(request, obj)

    def has_delete_permission(self, request, obj=None) -> bool:
        own = obj is not None and obj.user_id == request.user.pk
        return super().has_delete_permission(request, obj) and not own and self._reaches(request, obj)

    @staticmethod
    def _reaches(request, obj) -> bool:
        # The form holds the new role by the time that it is saved: what counts is the one that stands in the table.
        role = obj and Membership.objects.filter(pk=obj.pk).values_list("role", flat=True).first()
        return not role or members.may_give(request.membership, role)

    def formfield_for_choice_field(self, db_field, request, **kwargs: Any):
        if db_field.name == "role":
            kwargs["choices"] = [(role.value, role.label) for role in members.roles_to_give(request.membership)]
        return super().formfield_for_choice_field(db_field, request, **kwargs)

    def save_model(self, request, obj, form, change) -> None:
        members.change_role(membership=obj, role=obj.role, by=request.membership)

    def delete_model(self, request, obj) -> None:
        members.remove_member(membership=obj, by=request.membership)

    def changeform_view(self, request, *args, **kwargs):
        return self._or_say_why(request, super().changeform_view, *args, **kwargs)

    def delete_view(self, request, *args, **kwargs):
        return self._or_say_why(request, super().delete_view, *args, **kwargs)

    @staticmethod
    def _or_say_why(request, view, *args, **kwargs):
        """A refusal undoes what the view did (it runs in one transaction) and is told on the list."""
        try:
            return view(request, *args, **kwargs)
        except Refused as refusal:
            messages.error(request, refusal.message)
            return HttpResponseRedirect(reverse("admin:tenants_membership_changelist"))


@admin.register(Tenant)
class TenantSettingsAdmin(TenantAdmin):
    """The company's own settings."""

    capability = "manage_workspace"
    list_display = ["name", "slug", "locale", "time_zone", "currency"]
    fields = ["name", "slug", "locale", "time_zone", "currency", "risk_medium", "risk_high"]
    readonly_fields = ["slug"]

    def get_queryset(self, request):
        return super().get_queryset(request).filter(pk=request.tenant.pk)

    def has_add_permission(self, request) -> bool:
        return False

    def has_delete_permission(self, request, obj=None) -> bool:
        return False


admin.site.disable_action("delete_selected")
admin.site.unregister(Group)  # rights come from roles in a company; a group would promise some and give none
