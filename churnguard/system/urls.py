from django.urls import path

from . import api, releasing, views

app_name = "system"

urlpatterns = [
    path("system", views.system, name="system"),
    path("system/mail/release", releasing.release_mail, name="release_mail"),
    path("system/jobs/<uuid:public_id>/again", views.retry_job, name="retry_job"),
    path("api/jobs", api.JobsView.as_view(), name="api_jobs"),
    path("api/jobs/<str:kind>/<uuid:public_id>", api.JobView.as_view(), name="api_job_of_kind"),
    path("api/jobs/<str:kind>/<uuid:public_id>/stop", api.StopJobView.as_view(), name="api_stop_job"),
    path("api/jobs/<str:kind>/<uuid:public_id>/retry", api.RetryJobView.as_view(), name="api_retry_job"),
]
