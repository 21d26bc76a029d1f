"""Alarms by mail, to the members who asked for them: a sentence each, in their own language, with the page to look at."""

from __future__ import annotations

import logging

from django.conf import settings
from django.core.mail import EmailMessage, get_connection
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext as _

from tenants.mail_hold import mail_hold
from tenants.notices import sentence
from tenants.scoping import current_tenant

from . import registry

logger = logging.getLogger(__name__)


def mail(code: str, facts: dict) -> int:
    """Send one alarm to each of its readers. Returns how many went; a server that refuses stops no job, and is logged."""
    tenant = current_tenant()
    if mail_hold() is not None:
        logger.warning("alarm %s is not mailed: mail is held back since the data were restored", code)
        return 0
    messages = []
    for reader in registry.alarm_readers():
        with translation.override(reader.locale or tenant.locale):
            parts = [sentence(code, facts)]
            if settings.PUBLIC_URL:
                parts.append(settings.PUBLIC_URL + reverse("predictions:drift"))
            parts.append(_("You asked for alarms by mail. The page “Models” ends them."))
            subject = _("ChurnGuard: an alarm for %(company)s") % {"company": " ".join(tenant.name.split())}
            messages.append(EmailMessage(subject=subject, body="\n\n".join(parts), to=[reader.email]))
    if not messages:
        return 0
    try:
        return get_connection().send_messages(messages) or 0
    except OSError as error:  # smtplib's own errors are among these
        logger.error("alarm %s could not be mailed: %s", code, error)
        return 0
