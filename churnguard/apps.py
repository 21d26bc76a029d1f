from django.apps import AppConfig


class ChurnGuardConfig(AppConfig):
    name = "churnguard"
    verbose_name = "ChurnGuard"

    def ready(self) -> None:
        from core import metrics
        from customers.wording.features import feature_name
        from tenants import notices

        from . import announcing, celery_app, pipeline
        from .keeping import figures
        from .system import stock

        # Now, not at a worker's start: every process that rings must know the tasks by name.
        celery_app.autodiscover_tasks(force=True)
        pipeline.connect()
        announcing.connect()
        notices.name_columns_by(feature_name)
        metrics.provide("stock", stock.metrics)
        metrics.provide("backups", figures.metrics)
