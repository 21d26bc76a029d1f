"""Has a person told of a change of how they sign in; asked by the pages where it was made, once it is made."""

from __future__ import annotations

from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import get_language

from core.throttles import address_of

from . import browsers, tasks
from .account_mails import Change
from .models import User
from .sites import site_of


def tell(request: HttpRequest, user: User, change: Change) -> None:
    tasks.hand_over(
        tasks.send_account_mail,
        user_id=user.pk,
        change=change.value,
        at=timezone.now().isoformat(),
        browser=browsers.code_of(request.META.get("HTTP_USER_AGENT", "")),
        network=browsers.network_of(address_of(request)),
        by_operator=False,
        site=site_of(request),
        language=get_language(),
    )


def tell_by_operator(user: User, change: Change, *, site: str, language: str) -> None:
    """The same where no request made it: a command of whoever runs the server."""
    tasks.hand_over(
        tasks.send_account_mail,
        user_id=user.pk,
        change=change.value,
        at=timezone.now().isoformat(),
        browser="",
        network="",
        by_operator=True,
        site=site,
        language=language,
    )
