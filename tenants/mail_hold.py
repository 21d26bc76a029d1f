"""Whether the company in scope may mail from here. After a restore, or in a copy of the data on another installation, a person
must say so first (RULES 19): some of what is about to go out may have gone out since from where the data were.

Held is what goes out by itself or to customers: campaigns, test mails, digests, alarms. What somebody asks for at that very
moment to get in (a new password, an invitation) is not.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from core import instance, reasons
from core.errors import Refused

from .models import User
from .models_mail import MailPermit
from .scoping import current_tenant

RESTORED, ANOTHER_INSTANCE = "restored", "another_instance"
_SHORTEST_REASON = 10


@dataclass(frozen=True, slots=True)
class Hold:
    """``code``: restored or another_instance; ``since`` and ``snapshot`` are known of a restore."""

    code: str
    since: datetime | None = None
    snapshot: str = ""


def mail_hold() -> Hold | None:
    """Why nothing is mailed for the company in scope; None where mail may go. One small question."""
    return _held(MailPermit.objects.first(), instance.restored())


def require_mail() -> None:
    """Raises Refused("mail_held") where nothing may be mailed."""
    if (hold := mail_hold()) is not None:
        raise Refused("mail_held", words(hold))


def permit_mail() -> Hold | None:
    """The same, and where mail may go the installation is noted: from then on a copy elsewhere knows that it is one."""
    row, mark = MailPermit.objects.first(), instance.restored()
    if (hold := _held(row, mark)) is None and row is None:
        try:
            with transaction.atomic():
                MailPermit.objects.create(
                    tenant=current_tenant(), instance=instance.instance_id(), hold=mark.hold if mark else ""
                )
        except IntegrityError:  # another process asked at the same moment
            return mail_hold()
    return hold


def release_mail(*, actor: User | None, reason: str) -> MailPermit:
    """A person says that mail may leave from here. Refused("no_reason" | "reason_too_long" | "not_held")."""
    from .services import record

    reason = reasons.reason(" ".join(reason.split()))
    if len(reason) < _SHORTEST_REASON:
        raise Refused("no_reason", _("Say in a few words why mail may go out from here."), field="reason")
    mark = instance.restored()
    with transaction.atomic():
        row = MailPermit.objects.select_for_update().first()
        hold = _held(row, mark)
        if hold is None:
            raise Refused("not_held", _("Mail is not held back."))
        row = row or MailPermit(tenant=current_tenant())
        row.instance, row.hold = instance.instance_id(), mark.hold if mark else ""
        row.permitted_at, row.permitted_by, row.reason = timezone.now(), actor, reason
        row.save()
        record("mail_released", row, actor=actor, why=hold.code, snapshot=hold.snapshot, reason=reason)
    return row


def words(hold: Hold) -> str:
    """Why mail is held back, and who ends it."""
    if hold.code == RESTORED:
        return _(
            "These data were brought back from a backup, so nothing is mailed until somebody who knows releases it on the page System."
        )
    return _(
        "These data come from another installation, so nothing is mailed from here until somebody who knows releases it on the page System."
    )


def _held(row: MailPermit | None, mark: instance.Restored | None) -> Hold | None:
    is_released = row is not None and mark is not None and row.hold == mark.hold
    if mark is not None and not is_released and (row is not None or current_tenant().created_at <= mark.at):
        return Hold(RESTORED, mark.at, mark.snapshot)
    if row is not None and row.instance != instance.instance_id():
        return Hold(ANOTHER_INSTANCE)
    return None
