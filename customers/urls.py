from django.urls import path

from . import api, views

app_name = "customers"

urlpatterns = [
    path("imports", views.import_list, name="import_list"),
    path("imports/upload", views.upload_import, name="upload_import"),
    path("imports/<uuid:public_id>", views.import_detail, name="import_detail"),
    path("imports/<uuid:public_id>/refused.csv", views.refused_rows, name="refused_rows"),
    path("imports/<uuid:public_id>/cancel", views.cancel_import, name="cancel_import"),
    path("api/imports", api.ImportsView.as_view(), name="api_imports"),
    path("api/imports/<uuid:public_id>", api.ImportView.as_view(), name="api_import"),
]
