"""Celery's doors on this stage's services."""

import logging

from celery import shared_task

from core import jobs
from core.errors import Unreachable
from tenants.models import Tenant
from tenants.scoping import tenant_scope
from tenants.tasks import TenantTask

from . import services

logger = logging.getLogger(__name__)


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
    for tenant in Tenant.objects.iterator(chunk_size=200):
        try:
            with tenant_scope(tenant):
                for run in services.open_due_feeds():
                    jobs.ring(run)
        except Exception:  # one company's trouble is not the others'
            logger.exception("the feeds of %s", tenant.slug)
