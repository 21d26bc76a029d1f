"""What belongs to people: how they come in (sessions, second factor, invitations) and their picture.

A person may work in several companies, so these tables belong to none of them; an invitation belongs to the company that
invites.
"""

from __future__ import annotations

import hashlib
import uuid

from django.conf import settings
from django.contrib.sessions.base_session import AbstractBaseSession
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from core.models import PublicId

from .roles import Role
from .scoping import TenantModel


class BrowserSession(AbstractBaseSession):
    """A browser that is signed in, or is about to be. Who deletes the row ends it: its cookie opens nothing any more.

    ``address`` is coarse (a network, not a machine); both it and ``browser`` are written when the person signs in.
    """

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, null=True, editable=False, related_name="+"
    )
    browser = models.CharField(max_length=80, blank=True)
    address = models.CharField(max_length=50, blank=True)
    signed_in_at = models.DateTimeField(null=True)
    seen_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name = _("session")
        verbose_name_plural = _("sessions")
        indexes = [models.Index(fields=["user", "-seen_at"], name="session_of_person")]

    @classmethod
    def get_session_store_class(cls):
        from .session_store import SessionStore

        return SessionStore

    @property
    def public_id(self) -> uuid.UUID:
        """What a page may say of it: the key itself is the cookie, and is shown to nobody."""
        return uuid.UUID(bytes=hashlib.sha256(f"session {self.session_key}".encode()).digest()[:16])


class SecondFactor(models.Model):
    """An authenticator app of one person. The secret is sealed; ``last_step`` keeps a code from being used twice."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="second_factor")
    secret = models.CharField(max_length=300, editable=False)
    last_step = models.BigIntegerField(default=0, editable=False)  # number of the half minute of the last code taken
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    confirmed_at = models.DateTimeField(null=True, editable=False)  # null: being set up, and not asked for

    class Meta:
        verbose_name = _("second factor")
        verbose_name_plural = _("second factors")

    @property
    def secret_scope(self) -> str:
        return f"person/{self.user_id}/second-factor"


class RecoveryCode(models.Model):
    """A code on paper, for who lost their phone: good once, kept as a hash (80 bits of chance need no slow one)."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="recovery_codes")
    digest = models.CharField(max_length=64, editable=False)
    used_at = models.DateTimeField(null=True, editable=False)

    class Meta:
        verbose_name = _("recovery code")
        verbose_name_plural = _("recovery codes")


class Picture(PublicId):
    """A person's picture as we wrote it anew: square, small, without what a camera adds. A new one has a new address."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="picture")
    content = models.BinaryField()
    made_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        verbose_name = _("picture")
        verbose_name_plural = _("pictures")


class Invitation(TenantModel, PublicId):
    """An open seat for whoever reads the mails of one address. Only a hash of the link is kept, and only of the last one."""

    email = models.EmailField(_("e-mail"))
    role = models.CharField(_("role"), max_length=10, choices=Role)
    locale = models.CharField(_("language"), max_length=8)  # the inviter's: the mail is written in it
    invited_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+", verbose_name=_("invited by")
    )
    digest = models.CharField(max_length=64, blank=True, editable=False)  # empty until the mail is written
    created_at = models.DateTimeField(_("made"), default=timezone.now, editable=False)
    expires_at = models.DateTimeField(_("ends"))
    sent_at = models.DateTimeField(_("sent"), null=True, editable=False)
    failed_at = models.DateTimeField(null=True, editable=False)  # the last mail did not leave
    accepted_at = models.DateTimeField(_("accepted"), null=True, editable=False)
    withdrawn_at = models.DateTimeField(_("withdrawn"), null=True, editable=False)

    class Meta:
        verbose_name = _("invitation")
        verbose_name_plural = _("invitations")
        ordering = ["-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "email"],
                condition=models.Q(accepted_at=None, withdrawn_at=None),
                name="invitation_pending_once",
            )
        ]

    def __str__(self) -> str:
        return f"{self.email} ({self.get_role_display()})"

    @property
    def is_expired(self) -> bool:
        return self.expires_at <= timezone.now()
