from django.urls import path

from . import (
    api,
    api_drift,
    api_models,
    api_profit,
    api_score,
    views,
    views_drift,
    views_profit,
    views_promotion,
    views_when,
)

app_name = "predictions"

urlpatterns = [
    path("mlops", views.mlops, name="mlops"),
    path("mlops/train", views.start_training, name="start_training"),
    path("mlops/score", views.start_scoring, name="start_scoring"),
    path("mlops/versions/<int:number>", views.version_detail, name="version_detail"),
    path("mlops/versions/<int:number>/promote", views_promotion.promote, name="promote"),
    path("mlops/roll-back", views_promotion.roll_back, name="roll_back"),
    path("mlops/compare", views.compare, name="compare"),
    path("mlops/routine", views_promotion.set_routine, name="set_routine"),
    path("mlops/alarms", views_promotion.read_alarms, name="read_alarms"),
    path("mlops/trainings/<uuid:public_id>/cancel", views.cancel_training, name="cancel_training"),
    path("mlops/drift", views_drift.drift, name="drift"),
    path("mlops/drift/check", views_drift.start_check, name="start_check"),
    path("mlops/drift/checks/<uuid:public_id>/cancel", views_drift.cancel_check, name="cancel_check"),
    path("mlops/when", views_when.when, name="when"),
    path("api/drift", api_drift.DriftView.as_view(), name="api_drift"),
    path("api/drift/checks", api_drift.DriftChecksView.as_view(), name="api_drift_checks"),
    path("api/survival", api_drift.SurvivalView.as_view(), name="api_survival"),
    path("mlops/profit", views_profit.profit, name="profit"),
    path("mlops/profit/economics", views_profit.set_economics, name="set_economics"),
    path("mlops/profit/account", views_profit.open_account, name="open_account"),
    path("api/profit", api_profit.ProfitView.as_view(), name="api_profit"),
    path("api/profit/economics", api_profit.EconomicsView.as_view(), name="api_economics"),
    path("api/models", api_models.ModelsView.as_view(), name="api_models"),
    path("api/models/roll-back", api_models.RollBackView.as_view(), name="api_roll_back"),
    path("api/models/<int:number>", api_models.ModelView.as_view(), name="api_model"),
    path("api/models/<int:number>/promote", api_models.PromoteView.as_view(), name="api_promote"),
    path("api/score", api_score.ScoreView.as_view(), name="api_score"),
    path("api/train", api.TrainView.as_view(), name="api_train"),
    path("api/jobs/<uuid:public_id>", api.JobView.as_view(), name="api_job"),
]
