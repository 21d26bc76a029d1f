from django.apps import AppConfig


class CoreConfig(AppConfig):
    name = "core"
    verbose_name = "Kernel"

    def ready(self) -> None:
        from django.db.models.signals import post_migrate

        from . import guards

        post_migrate.connect(guards.install_after_migrate, dispatch_uid="core.guards")
