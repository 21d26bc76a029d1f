"""The Celery application: queues ``default``, ``ml`` and ``mail``, and the beat table."""

import contextlib
import logging
import logging.config
import os
import time

from celery import Celery, signals

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "churnguard.settings")

logger = logging.getLogger(__name__)

app = Celery("churnguard")


@app.on_configure.connect
def read_settings(**_: object) -> None:
    """Worker and beat end with a line, not with a trace, where the settings cannot be."""
    from core.starting import require_settings

    require_settings()


app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@signals.setup_logging.connect
def log_as_the_site_does(**_: object) -> None:
    """Workers and beat log by the site's settings: Celery would bring handlers of its own."""
    from django.conf import settings

    logging.config.dictConfig(settings.LOGGING)


@signals.worker_init.connect
@signals.beat_init.connect
def refuse_known_passwords(**_: object) -> None:
    from . import known_passwords

    known_passwords.refuse()


@signals.worker_ready.connect
def say_that_a_worker_is_here(sender, **_: object) -> None:
    """Now and every ten seconds, by the worker's own loop: one that hangs falls silent."""
    from redis import RedisError

    from core import broker

    if not broker.has_broker():
        return
    facts = {
        "queues": tuple(sorted(sender.app.amqp.queues.consume_from)),
        "processes": sender.controller.concurrency or 1,
        "started_at": time.time(),
    }

    def say() -> None:
        try:
            broker.say_worker(sender.hostname, **facts)
        except RedisError:
            logger.warning("the broker did not hear that this worker is here")

    say()
    sender.timer.call_repeatedly(broker.SEEN_EVERY_SECONDS, say)


@signals.worker_shutdown.connect
def say_that_a_worker_went(sender, **_: object) -> None:
    from redis import RedisError

    from core import broker

    with contextlib.suppress(RedisError):
        if broker.has_broker():
            broker.say_worker_gone(sender.hostname)


@signals.task_postrun.connect
def note_this_process(task, **_: object) -> None:
    """What a worker's process needs, for the figures of its machine."""
    from core import metrics

    if not task.request.is_eager:
        metrics.note_process("worker")


@app.on_after_configure.connect
def set_beat_table(sender: Celery, **_: object) -> None:
    """What runs by itself, and when. Times are UTC; each entry is safe to run twice."""
    from celery.schedules import crontab
    from django.conf import settings

    sender.conf.beat_schedule = {
        # The doorbell of last resort: republishes jobs whose message or worker was lost.
        "sweep-jobs": {"task": "core.tasks.sweep_jobs", "schedule": settings.JOB_SWEEP_SECONDS},
        "catch-up-pipelines": {"task": "churnguard.tasks.catch_up_pipelines", "schedule": 60.0},
        "run-due-feeds": {"task": "customers.tasks.run_due_feeds", "schedule": 60.0},
        "forget-answers": {"task": "tenants.tasks.forget_answers", "schedule": crontab(hour=3, minute=40)},
        "forget-sessions": {"task": "tenants.tasks.forget_sessions", "schedule": crontab(hour=3, minute=45)},
        "mail-notices": {"task": "tenants.tasks.mail_notices", "schedule": 30.0},
        "open-digests": {"task": "tenants.tasks.open_digests", "schedule": 600.0},
        "keep-tenants-house": {"task": "tenants.tasks.keep_house", "schedule": crontab(hour=3, minute=30)},
        "forget-import-files": {"task": "churnguard.tasks.forget_import_files", "schedule": crontab(hour=3, minute=50)},
        "forget-changes": {"task": "churnguard.tasks.forget_changes", "schedule": crontab(hour=4, minute=10)},
        "start-due-campaigns": {"task": "churnguard.tasks.start_due_campaigns", "schedule": 30.0},
        "measure-due-campaigns": {"task": "churnguard.tasks.measure_due_campaigns", "schedule": 3_600.0},
        "forget-mailboxes": {"task": "churnguard.tasks.forget_mailboxes", "schedule": crontab(hour=4, minute=20)},
        "keep-backups": {"task": "churnguard.tasks.keep_backups", "schedule": 60.0},
        # Scoring, drift and challengers, by each company's own clock
        "follow-routines": {"task": "churnguard.tasks.follow_routines", "schedule": 600.0},
    }
