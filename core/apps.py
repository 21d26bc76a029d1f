from django.apps import AppConfig


class CoreConfig(AppConfig):
    name = "core"
    verbose_name = "Kernel"

    def ready(self) -> None:
        from django.db.models.signals import post_migrate, pre_migrate

        from . import guards

        pre_migrate.connect(guards.remove_before_migrate, dispatch_uid="core.guards.remove")
        post_migrate.connect(guards.install_after_migrate, dispatch_uid="core.guards")
