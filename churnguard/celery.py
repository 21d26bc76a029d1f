"""The Celery application: queues ``default``, ``ml`` and ``mail``, and the beat table."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "churnguard.settings")

app = Celery("churnguard")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


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
        "forget-import-files": {"task": "churnguard.tasks.forget_import_files", "schedule": crontab(hour=3, minute=50)},
        "forget-changes": {"task": "churnguard.tasks.forget_changes", "schedule": crontab(hour=4, minute=10)},
        "start-due-campaigns": {"task": "churnguard.tasks.start_due_campaigns", "schedule": 30.0},
        "measure-due-campaigns": {"task": "churnguard.tasks.measure_due_campaigns", "schedule": 3_600.0},
        "forget-mailboxes": {"task": "churnguard.tasks.forget_mailboxes", "schedule": crontab(hour=4, minute=20)},
        # Scoring, drift and challengers, by each company's own clock
        "follow-routines": {"task": "churnguard.tasks.follow_routines", "schedule": 600.0},
    }
