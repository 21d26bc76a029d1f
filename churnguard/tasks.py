"""What beat asks for by night: opens the job rows of every company and rings."""

from celery import shared_task

from core import jobs
from customers import services as customers
from predictions import services as predictions
from segmentation import services as segmentation
from tenants.models import Tenant
from tenants.scoping import tenant_scope

from . import pipeline


@shared_task(ignore_result=True, expires=600)
def follow_routines(**_: object) -> None:
    """Open what is due by each company's own clock: scoring, the check for drift, a challenger, segments."""
    for tenant in Tenant.objects.iterator(chunk_size=200):
        with tenant_scope(tenant):
            due = predictions.take_due()
            if due.scoring and (run := predictions.open_scoring()):
                jobs.ring(run)
            if due.check and (report := predictions.open_check()):
                jobs.ring(report)
            if due.training and predictions.may_learn():
                jobs.ring(predictions.open_training())
            if segmentation.is_due():
                jobs.ring(segmentation.open_run())


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
