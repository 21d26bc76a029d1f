"""The back office: Django's admin, opened by capability instead of ``is_staff``."""

from django.contrib.admin import AdminSite
from django.contrib.admin.apps import AdminConfig
from django.utils.translation import gettext_lazy as _


class ChurnGuardAdminSite(AdminSite):
    """Operators, admins and owners of a company curate its data here; nobody sees another company's."""

    site_header = _("ChurnGuard back office")
    site_title = "ChurnGuard"
    index_title = _("Data curation")
    site_url = "/dashboard"

    def has_permission(self, request) -> bool:
        user = request.user
        if not user.is_active or user.is_anonymous:
            return False
        membership = getattr(request, "membership", None)
        return user.is_superuser or (membership is not None and membership.can("curate_data"))


class ChurnGuardAdminConfig(AdminConfig):
    default_site = "churnguard.admin_site.ChurnGuardAdminSite"
