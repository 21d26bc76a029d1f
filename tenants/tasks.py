"""The base of every task: the company's scope, entered from a required identifier (RULES 2)."""

from __future__ import annotations

import logging
from datetime import datetime

from celery import Task, shared_task
from django.utils import timezone, translation
from kombu.exceptions import OperationalError

from core import logs
from core.errors import Refused
from core.jobs import Cancelled, LeaseLost, NotClaimable

from . import account_mails, api_keys, idempotency, mails, notice_mail, notifying, sessions, webhook_delivery, webhooks
from .company import for_each
from .models import Tenant
from .scoping import tenant_scope

logger = logging.getLogger(__name__)


class TenantTask(Task):
    """Runs its body inside the company named by ``tenant_id``, in its language and time zone.

    Identifiers in a queue are untrusted: the body fetches its object again, inside the scope. How a job ended is
    written on its row by ``core.jobs``; the exceptions that say so are normal here and not logged as errors.
    """

    abstract = True

    def __call__(self, *args, tenant_id: str, **kwargs):
        tenant = Tenant.objects.get(pk=tenant_id)
        language, clock = translation.override(tenant.locale), timezone.override(tenant.time_zone)
        with tenant_scope(tenant), language, clock, logs.about(company_id=tenant.pk):
            try:
                return super().__call__(*args, **kwargs)
            except (NotClaimable, Cancelled, LeaseLost, Refused) as ending:
                return type(ending).__name__


@shared_task(base=TenantTask, ignore_result=True)
def deliver_webhook(*, job_id: int, **_: object) -> None:
    webhook_delivery.deliver(delivery_id=job_id)


@shared_task(ignore_result=True)
def forget_answers(**_: object) -> None:
    idempotency.forget_answers()


@shared_task(ignore_result=True)
def forget_sessions(**_: object) -> None:
    sessions.forget_expired()


@shared_task(base=TenantTask, ignore_result=True)
def send_invitation(*, invitation_id: int, site: str, **_: object) -> None:
    mails.send_invitation(invitation_id=invitation_id, site=site)


@shared_task(ignore_result=True)
def send_password_reset(*, email: str, host: str, is_secure: bool, language: str, **_: object) -> None:
    mails.send_password_reset(email=email, host=host, is_secure=is_secure, language=language)


@shared_task(bind=True, ignore_result=True, max_retries=4)
def send_account_mail(self, *, at: str, **said: object) -> None:
    """Tried again where the mail does not leave, for a quarter of an hour: nobody is there who would ask for another one."""
    try:
        account_mails.send(at=datetime.fromisoformat(at), **said)
    except OSError as error:  # a server that refuses (smtplib's errors are of this kind), or is not there
        logger.warning("A mail about a change of signing in did not leave: %s", type(error).__name__)
        if not self.request.called_directly and not self.request.is_eager:
            raise self.retry(exc=error, countdown=60 * 2**self.request.retries) from None


@shared_task(ignore_result=True, expires=30)
def mail_notices(**_: object) -> None:
    """Mails about notifications that wait, of every company."""
    for_each(lambda tenant: notice_mail.send_waiting())


@shared_task(ignore_result=True, expires=600)
def open_digests(**_: object) -> None:
    """The rows of digests whose hour has come, of every company; ``mail_notices`` sends them."""
    for_each(lambda tenant: notice_mail.open_digests())


@shared_task(ignore_result=True)
def keep_house(**_: object) -> None:
    """By night: keys about to end are told of, and what is older than is kept is forgotten."""
    for work in (api_keys.tell_of_ends, notifying.forget_notifications, webhooks.forget_events):
        for_each(lambda tenant, work=work: work())


def hand_over(task: Task, **kwargs: object) -> None:
    """Have a worker do this; where no broker answers it is done here and now, and the person waits a little longer."""
    broker = task.app.conf.broker_url
    if broker.startswith("memory:") and not task.app.conf.task_always_eager:
        task(**kwargs)
        return
    try:
        task.apply_async(kwargs=kwargs, retry=False)
    except (OSError, OperationalError):
        task(**kwargs)
