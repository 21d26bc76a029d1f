"""The sweeper's door."""

import contextlib

from celery import shared_task
from redis import RedisError

from . import broker, jobs


@shared_task(ignore_result=True, expires=60)
def sweep_jobs(**_: object) -> None:
    jobs.sweep()
    with contextlib.suppress(RedisError):
        if broker.has_broker():
            broker.say_swept()
