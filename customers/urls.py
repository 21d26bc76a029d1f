from django.urls import path

from . import api, views, views_quality

app_name = "customers"

urlpatterns = [
    path("imports", views.import_list, name="import_list"),
    path("imports/upload", views.upload_import, name="upload_import"),
    path("imports/<uuid:public_id>", views.import_detail, name="import_detail"),
    path("imports/<uuid:public_id>/refused.csv", views.refused_rows, name="refused_rows"),
    path("imports/<uuid:public_id>/cancel", views.cancel_import, name="cancel_import"),
    path("quality", views_quality.quality, name="quality"),
    path("quality/<uuid:public_id>", views_quality.quality, name="quality_of_import"),
    path("quality/<uuid:public_id>/start", views_quality.start_profile, name="start_profile"),
    path("quality/<uuid:public_id>/cancel", views_quality.cancel_profile, name="cancel_profile"),
    path("api/quality", api.QualityView.as_view(), name="api_quality"),
    path("api/quality/<uuid:public_id>", api.QualityView.as_view(), name="api_quality_of_import"),
    path("api/readiness", api.ReadinessView.as_view(), name="api_readiness"),
    path("api/imports", api.ImportsView.as_view(), name="api_imports"),
    path("api/imports/<uuid:public_id>", api.ImportView.as_view(), name="api_import"),
]
