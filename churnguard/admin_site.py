"""The back office: Django's admin, opened by capability instead of ``is_staff``."""

from django.contrib.admin import AdminSite
from django.contrib.admin.apps import AdminConfig
from django.core.exceptions import PermissionDenied
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext_lazy as _


class ChurnGuardAdminSite(AdminSite):
    """Operators, admins and owners of a company curate its data here; nobody sees another company's."""

    site_header = _("ChurnGuard back office")
    site_title = "ChurnGuard"
    index_title = _("Data curation")
    site_url = "/dashboard"

    def login(self, request, extra_context=None):
        """One sign-in for the whole site; who is signed in and may not curate is told so."""
        if request.user.is_authenticated:
            if self.has_permission(request):
                return redirect("admin:index")
            raise PermissionDenied
        from django.contrib.auth.views import redirect_to_login

        return redirect_to_login(request.GET.get("next") or reverse("admin:index"))

    def logout(self, request, extra_context=None):
        # Imported here: these views need the app registry, which is not ready when this module is read.
        from django.contrib.auth.views import LogoutView

        return LogoutView.as_view()(request)

    def password_change(self, request, extra_context=None):
        return redirect("tenants:password_change")

    def has_permission(self, request) -> bool:
        user = request.user
        if not user.is_active or user.is_anonymous:
            return False
        membership = getattr(request, "membership", None)
        return user.is_superuser or (membership is not None and membership.can("curate_data"))


class ChurnGuardAdminConfig(AdminConfig):
    default_site = "churnguard.admin_site.ChurnGuardAdminSite"
