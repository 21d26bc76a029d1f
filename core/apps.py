from django.apps import AppConfig


class CoreConfig(AppConfig):
    name = "core"
    verbose_name = "Kernel"

    def ready(self) -> None:
        from django.conf import settings
        from django.core.checks import register
        from django.db.models.signals import post_migrate, pre_migrate

        from . import checks, guards, rates, row_security

        # A rate that cannot be read stops the start, not the first person who comes.
        for text in (*settings.REST_FRAMEWORK["DEFAULT_THROTTLE_RATES"].values(), *settings.SIGN_IN_RATES.values()):
            rates.rate_of(text)

        # A tag of its own: before a migration is tried again after a failure, settings are checked without the tables.
        register(checks.row_security_binds, "row_security", deploy=True)
        pre_migrate.connect(guards.remove_before_migrate, dispatch_uid="core.guards.remove")
        pre_migrate.connect(row_security.lift_before_migrate, dispatch_uid="core.row_security.lift")
        post_migrate.connect(guards.install_after_migrate, dispatch_uid="core.guards")
        # After the guards: a key is checked against the rows that are there, by an owner who sees them.
        post_migrate.connect(row_security.install_after_migrate, dispatch_uid="core.row_security")
