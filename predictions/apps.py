from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class PredictionsConfig(AppConfig):
    name = "predictions"
    verbose_name = _("Predictions")

    def ready(self) -> None:
        from core.signals import job_buried

        from .services import scoring

        job_buried.connect(scoring.forget_buried, dispatch_uid="predictions.forget_buried")
