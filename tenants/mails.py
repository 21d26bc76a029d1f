"""The two mails to people of ours that carry a secret link. Written by a worker, which alone ever holds the link."""

from __future__ import annotations

import logging

from django.conf import settings
from django.contrib.auth.forms import PasswordResetForm
from django.core.mail import send_mail
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone, translation

from . import invitations
from .models import Invitation, User

logger = logging.getLogger(__name__)


class _Reset(PasswordResetForm):
    """Also for who was given a seat and has no password yet: this is how they set their first one."""

    def get_users(self, email: str):
        user = User.objects.of_address(email)
        return [user] if user is not None and user.is_active else []


def send_invitation(*, invitation_id: int, site: str) -> None:
    """Write and send the mail, in the inviter's language. Twice: the second link holds. What is over is let alone.

    ``site``: where people reach it, such as ``https://churnguard.example.com``. A mail that does not leave is noted on the
    row, where the inviter sees it.
    """
    invitation = Invitation.objects.select_related("invited_by", "tenant").filter(pk=invitation_id).first()
    if invitation is None or invitation.accepted_at or invitation.withdrawn_at:
        return
    link = site + reverse("tenants:invitation", args=[invitations.write_link(invitation)])
    with translation.override(invitation.locale):
        context = {"invitation": invitation, "link": link}
        subject = " ".join(render_to_string("tenants/invitation_subject.txt", context).split())
        body = render_to_string("tenants/invitation_email.txt", context)
    try:
        send_mail(subject, body, settings.DEFAULT_FROM_EMAIL, [invitation.email])
    except OSError as error:  # a server that refuses (smtplib's errors are of this kind), or is not there
        logger.warning("An invitation did not leave: %s", type(error).__name__)
        Invitation.objects.filter(pk=invitation.pk).update(failed_at=timezone.now())
        return
    Invitation.objects.filter(pk=invitation.pk).update(sent_at=timezone.now(), failed_at=None)


def send_password_reset(*, email: str, host: str, is_secure: bool, language: str) -> None:
    """To whoever has this address; for an address that nobody has this does nothing. (Django logs a mail that does not leave.)"""
    form = _Reset({"email": email})
    if not form.is_valid():
        return
    with translation.override(language):
        form.save(
            domain_override=host,
            use_https=is_secure,
            subject_template_name="tenants/password_reset_subject.txt",
            email_template_name="tenants/password_reset_email.txt",
        )
