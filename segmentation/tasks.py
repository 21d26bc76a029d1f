"""Celery's doors on this stage's services. They run on the queue ``ml``."""

from celery import shared_task

from tenants.tasks import TenantTask

from . import services


@shared_task(base=TenantTask, ignore_result=True)
def refresh_segments(*, job_id: int, **_: object) -> None:
    services.refresh_segments(run_id=job_id)


@shared_task(base=TenantTask, ignore_result=True)
def assign_newcomers(*, job_id: int, **_: object) -> None:
    services.assign_newcomers(assignment_id=job_id)


@shared_task(base=TenantTask, ignore_result=True)
def allocate_offers(*, job_id: int, **_: object) -> None:
    services.allocate_offers(allocation_id=job_id)
