from django.urls import path

from . import views

app_name = "dashboard"

urlpatterns = [
    path("dashboard", views.dashboard, name="dashboard"),
    path("clients", views.client_list, name="client_list"),
    path("clients/export.csv", views.export_clients, name="export_clients"),
    path("clients/<uuid:public_id>", views.client_detail, name="client_detail"),
]
