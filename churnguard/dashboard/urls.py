from django.urls import path

from . import api, api_what_if, outlook, views, what_if

app_name = "dashboard"

urlpatterns = [
    path("dashboard", views.dashboard, name="dashboard"),
    path("clients", views.client_list, name="client_list"),
    path("clients/export.csv", views.export_clients, name="export_clients"),
    path("clients/<uuid:public_id>", views.client_detail, name="client_detail"),
    path("clients/<uuid:public_id>/outlook", outlook.client_outlook, name="client_outlook"),
    path("api/customers", api.CustomersView.as_view(), name="api_customers"),
    path("api/customers/<str:number>", api.CustomerView.as_view(), name="api_customer"),
    path("api/customers/<str:number>/history", api.HistoryView.as_view(), name="api_customer_history"),
    path("api/customers/<str:number>/what-if", api_what_if.WhatIfView.as_view(), name="api_what_if"),
    path("clients/<uuid:public_id>/what-if", what_if.client_what_if, name="client_what_if"),
]
