"""Celery's doors on this stage's services. They run on the queue ``mail``."""

from celery import shared_task

from tenants.tasks import TenantTask

from . import services


@shared_task(base=TenantTask, ignore_result=True)
def prepare_campaign(*, job_id: int, **_: object) -> None:
    services.prepare_campaign(preparation_id=job_id)


# A shift takes as long as its campaign; what it must not outlive is checked row by row.
@shared_task(base=TenantTask, ignore_result=True)
def send_mail(*, job_id: int, **_: object) -> None:
    services.send_mail(shift_id=job_id)


@shared_task(base=TenantTask, ignore_result=True)
def measure_campaign(*, job_id: int, **_: object) -> None:
    services.measure_campaign(measurement_id=job_id)


@shared_task(base=TenantTask, ignore_result=True)
def learn_uplift(*, job_id: int, **_: object) -> None:
    services.learn_uplift(run_id=job_id)


@shared_task(base=TenantTask, ignore_result=True)
def import_opt_outs(*, job_id: int, **_: object) -> None:
    services.import_opt_outs(import_id=job_id)
