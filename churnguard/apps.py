from django.apps import AppConfig


class ChurnGuardConfig(AppConfig):
    name = "churnguard"
    verbose_name = "ChurnGuard"

    def ready(self) -> None:
        from . import celery_app, pipeline

        # Now, not at a worker's start: every process that rings must know the tasks by name.
        celery_app.autodiscover_tasks(force=True)
        pipeline.connect()
