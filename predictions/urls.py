from django.urls import path

from . import api, views

app_name = "predictions"

urlpatterns = [
    path("mlops", views.mlops, name="mlops"),
    path("mlops/train", views.start_training, name="start_training"),
    path("mlops/score", views.start_scoring, name="start_scoring"),
    path("mlops/versions/<int:number>", views.version_detail, name="version_detail"),
    path("mlops/trainings/<uuid:public_id>/cancel", views.cancel_training, name="cancel_training"),
    path("api/train", api.TrainView.as_view(), name="api_train"),
    path("api/jobs/<uuid:public_id>", api.JobView.as_view(), name="api_job"),
]
