from django.apps import AppConfig


class ChurnGuardConfig(AppConfig):
    name = "churnguard"
    verbose_name = "ChurnGuard"

    def ready(self) -> None:
        from . import pipeline

        pipeline.connect()
