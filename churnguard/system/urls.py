from django.urls import path

from . import releasing, views

app_name = "system"

urlpatterns = [
    path("system", views.system, name="system"),
    path("system/mail/release", releasing.release_mail, name="release_mail"),
    path("system/jobs/<uuid:public_id>/again", views.retry_job, name="retry_job"),
]
