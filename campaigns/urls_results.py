"""Addresses of results and of whom to write to."""

from django.urls import path

from . import api_results, views_results

urlpatterns = [
    path("campaigns/whom", views_results.whom, name="uplift"),
    path("campaigns/whom/learn", views_results.learn, name="learn_uplift"),
    path("campaigns/<uuid:public_id>/results", views_results.results, name="results"),
    path("campaigns/<uuid:public_id>/measure", views_results.measure, name="measure"),
    path("api/campaign/<uuid:public_id>/results", api_results.ResultsView.as_view(), name="api_results"),
    path("api/uplift", api_results.UpliftView.as_view(), name="api_uplift"),
]
