from django.urls import path

from . import views

app_name = "reference"

urlpatterns = [
    path("api/schema", views.SchemaView.as_view(), name="schema"),
    path("api/docs", views.docs, name="docs"),
]
