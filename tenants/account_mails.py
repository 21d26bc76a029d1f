"""A mail to a person about a change of how they sign in: what, when, from where, and what to do if it was not them.

Who holds a stolen session or password changes these things in silence otherwise. The mail holds no secret; its links are the
doors that everybody knows.
"""

from __future__ import annotations

import logging
from datetime import datetime
from zoneinfo import ZoneInfo

from django.conf import settings
from django.core.mail import send_mail
from django.db import models
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.translation import gettext_lazy as _

from . import browsers, selectors
from .models import User

logger = logging.getLogger(__name__)


class Change(models.TextChoices):
    """What may have changed; its label is the subject of the mail."""

    PASSWORD = "password", _("Your password was changed")
    FACTOR_ON = "factor_on", _("Your second factor was switched on")
    FACTOR_OFF = "factor_off", _("Your second factor was switched off")
    CODES = "codes", _("Your recovery codes were made anew")


def send(
    *, user_id: int, change: str, at: datetime, browser: str, network: str, by_operator: bool, site: str, language: str
) -> None:
    """Write and send it, by the person's clock and in their language. Raises OSError where it does not leave.

    ``browser``, ``network``: as ``browsers`` calls them, coarse. ``by_operator``: it was done on the server. ``site``: where
    people reach it; empty where that is not known. ``language``: where the person has chosen none.
    """
    user = User.objects.filter(pk=user_id, is_active=True).first()
    if user is None:
        return
    seat = selectors.get_membership(user)
    zone = user.time_zone or (seat.tenant.time_zone if seat else "") or settings.TIME_ZONE
    with translation.override(user.locale or language), timezone.override(ZoneInfo(zone)):
        subject = str(Change(change).label)
        context = {
            "person": user,
            "change": change,
            "what": subject,
            "at": at,
            "zone": zone.replace("_", " "),
            "by_operator": by_operator,
            "browser": browsers.words(browser),
            "network": network,
            "reset": site + reverse("tenants:password_reset") if site else "",
            "profile": site + reverse("tenants:profile") if site else "",
        }
        body = render_to_string("tenants/account_email.txt", context)
        send_mail(f"ChurnGuard – {subject}", body, settings.DEFAULT_FROM_EMAIL, [user.email])
    logger.info(
        "A mail about a change of signing in went out.", extra={"facts": {"user_id": user.pk, "change": change}}
    )
