"""The sweeper's door."""

from celery import shared_task

from . import jobs


@shared_task(ignore_result=True, expires=60)
def sweep_jobs(**_: object) -> None:
    jobs.sweep()
