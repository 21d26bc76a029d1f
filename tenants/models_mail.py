"""Where a company's mail may leave from."""

from __future__ import annotations

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from .scoping import TenantModel


class MailPermit(TenantModel):
    """That this company's mail leaves from one installation. The row travels with a copy of the data, the installation's name
    does not: so a copy, however it was made, holds its mail back (``tenants.mail_hold``)."""

    instance = models.CharField(_("installation"), max_length=120)
    hold = models.CharField(
        _("restore"), max_length=60, blank=True
    )  # the last restore after which a person released it
    permitted_at = models.DateTimeField(_("since"), default=timezone.now)
    permitted_by = models.ForeignKey(
        "tenants.User",
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("released by"),
    )
    reason = models.CharField(_("reason"), max_length=300, blank=True)

    class Meta:
        verbose_name = _("permit to mail")
        verbose_name_plural = _("permits to mail")
        constraints = [models.UniqueConstraint(fields=["tenant"], name="mail_permit_once")]
