"""Celery's doors on this stage's services. They run on the queue ``ml``."""

from celery import shared_task

from tenants.tasks import TenantTask

from . import services


@shared_task(base=TenantTask, ignore_result=True)
def train_model(*, job_id: int, **_: object) -> None:
    services.train_model(run_id=job_id)


@shared_task(base=TenantTask, ignore_result=True)
def score_customers(*, job_id: int, **_: object) -> None:
    services.score_customers(run_id=job_id)


@shared_task(base=TenantTask, ignore_result=True)
def check_drift(*, job_id: int, **_: object) -> None:
    services.check_drift(report_id=job_id)


@shared_task(base=TenantTask, ignore_result=True)
def account_profit(*, job_id: int, **_: object) -> None:
    services.account_profit(run_id=job_id)
