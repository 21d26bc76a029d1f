"""What beat asks for by night: opens the job rows of every company and rings."""

from celery import shared_task

from core import jobs
from customers import services as customers
from predictions import services as predictions
from tenants.models import Tenant
from tenants.scoping import tenant_scope

from . import pipeline


@shared_task(ignore_result=True)
def score_every_company(**_: object) -> None:
    for tenant in Tenant.objects.iterator(chunk_size=200):
        with tenant_scope(tenant):
            if run := predictions.open_scoring():
                jobs.ring(run)


@shared_task(ignore_result=True, expires=60)
def catch_up_pipelines(**_: object) -> None:
    for tenant in Tenant.objects.iterator(chunk_size=200):
        with tenant_scope(tenant):
            pipeline.catch_up()


@shared_task(ignore_result=True)
def forget_import_files(**_: object) -> None:
    for tenant in Tenant.objects.iterator(chunk_size=200):
        with tenant_scope(tenant):
            while customers.forget_files():
                pass


@shared_task(ignore_result=True)
def forget_changes(**_: object) -> None:
    for tenant in Tenant.objects.iterator(chunk_size=200):
        with tenant_scope(tenant):
            customers.forget_changes()
