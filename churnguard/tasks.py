"""What beat asks for by night: opens the job rows of every company and rings."""

from celery import shared_task
from django.utils import timezone

from campaigns import services as campaigns
from core import jobs
from customers import services as customers
from predictions import services as predictions
from segmentation import services as segmentation
from tenants.company import for_each
from tenants.models import Tenant

from . import announcing, pipeline
from .keeping import nightly


@shared_task(ignore_result=True, expires=600)
def follow_routines(**_: object) -> None:
    """Open what is due by each company's own clock: scoring, the check for drift, a challenger, segments."""
    for_each(_follow_routine)


def _follow_routine(tenant: Tenant) -> None:
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
    for_each(lambda tenant: pipeline.catch_up())
    for_each(lambda tenant: announcing.catch_up())


@shared_task(ignore_result=True)
def forget_import_files(**_: object) -> None:
    for_each(_forget_files)


def _forget_files(tenant: Tenant) -> None:
    while customers.forget_files():
        pass


@shared_task(ignore_result=True)
def forget_changes(**_: object) -> None:
    for_each(lambda tenant: customers.forget_changes())


@shared_task(ignore_result=True, expires=60)
def start_due_campaigns(**_: object) -> None:
    """Campaigns whose hour has come; one that is long past asks a person."""
    for_each(_start_campaigns)


def _start_campaigns(tenant: Tenant) -> None:
    with timezone.override(tenant.time_zone):
        for launch in campaigns.start_due():
            jobs.ring(launch)


@shared_task(ignore_result=True, expires=3_000)
def measure_due_campaigns(**_: object) -> None:
    for_each(_measure_campaigns)


def _measure_campaigns(tenant: Tenant) -> None:
    with timezone.override(tenant.time_zone):
        for job in campaigns.open_due_measurements():
            jobs.ring(job)


@shared_task(ignore_result=True)
def forget_mailboxes(**_: object) -> None:
    """Mails of the mailbox inside, and features kept for campaigns that were measured long ago."""
    for_each(lambda tenant: campaigns.forget_mailbox())
    for_each(lambda tenant: campaigns.tidy_snapshots())


# A large dump takes hours; a message that comes again meanwhile finds the store busy.
@shared_task(ignore_result=True, expires=50, soft_time_limit=6 * 3600, time_limit=6 * 3600 + 60)
def keep_backups(**_: object) -> None:
    """Backups and trial restores that are due, settings that changed."""
    nightly.keep()
