"""Celery's doors on this stage's services."""

from celery import shared_task

from core import jobs
from core.errors import Unreachable
from tenants.company import for_each
from tenants.models import Tenant
from tenants.tasks import TenantTask

from . import services


@shared_task(base=TenantTask, ignore_result=True)
def run_import(*, job_id: int, **_: object) -> None:
    services.run_import(import_id=job_id)


@shared_task(base=TenantTask, ignore_result=True)
def profile_import(*, job_id: int, **_: object) -> None:
    services.profile_import(profile_id=job_id)


@shared_task(base=TenantTask, ignore_result=True)
def preview_definition(*, job_id: int, **_: object) -> None:
    services.preview_definition(definition_id=job_id)


@shared_task(base=TenantTask, ignore_result=True)
def find_duplicates(*, job_id: int, **_: object) -> None:
    services.find_duplicates(search_id=job_id)


@shared_task(base=TenantTask, ignore_result=True)
def run_feed(*, job_id: int, **_: object) -> None:
    try:
        services.run_feed(run_id=job_id)
    except Unreachable:
        return  # its row waits for another try
    finally:
        if following := services.open_following_run(run_id=job_id):
            jobs.ring(following)


@shared_task(ignore_result=True, expires=60)
def run_due_feeds(**_: object) -> None:
    """Beat's door: every minute, the feeds of every company that are due."""
    for_each(_run_feeds)


def _run_feeds(tenant: Tenant) -> None:
    for run in services.open_due_feeds():
        jobs.ring(run)
