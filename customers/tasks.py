"""Celery's doors on this stage's services."""

from celery import shared_task

from tenants.tasks import TenantTask

from . import services


@shared_task(base=TenantTask, ignore_result=True)
def run_import(*, job_id: int, **_: object) -> None:
    services.run_import(import_id=job_id)


@shared_task(base=TenantTask, ignore_result=True)
def profile_import(*, job_id: int, **_: object) -> None:
    services.profile_import(profile_id=job_id)
