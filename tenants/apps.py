from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class TenantsConfig(AppConfig):
    name = "tenants"
    verbose_name = _("Companies and people")

    def ready(self) -> None:
        from django.contrib.auth.signals import user_logged_in

        from core import companies
        from core.signals import job_buried

        from . import scoping, services, sessions

        user_logged_in.connect(sessions.begin, dispatch_uid="tenants.begin_session")
        job_buried.connect(services.tell_of_buried_job, dispatch_uid="tenants.tell_of_buried_job")
        companies.provide(scoping.every_company)
