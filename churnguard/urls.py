"""Every address of the product. The source's paths stand exactly as it names them."""

from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView

from core import views as core

urlpatterns = [
    path("", RedirectView.as_view(pattern_name="dashboard:dashboard"), name="home"),
    path("", include("tenants.urls")),
    path("", include("churnguard.dashboard.urls")),
    path("", include("customers.urls")),
    path("", include("predictions.urls")),
    path("", include("segmentation.urls")),
    path("", include("campaigns.urls")),
    path("", include("churnguard.system.urls")),
    path("", include("churnguard.reference.urls")),
    path("admin/", admin.site.urls),
    path("livez", core.livez, name="livez"),
    path("readyz", core.readyz, name="readyz"),
    path("metrics", core.metrics, name="metrics"),
]

handler400 = "core.views.bad_request"
handler403 = "core.views.forbidden"
handler404 = "core.views.not_found"
handler500 = "core.views.server_error"
