from django.urls import path

from . import views

app_name = "system"

urlpatterns = [
    path("system", views.system, name="system"),
    path("system/jobs/<uuid:public_id>/again", views.retry_job, name="retry_job"),
]
