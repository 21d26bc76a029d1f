"""A mail about notifications as text and HTML, in the person's language, with the link that ends such mails."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from django.conf import settings
from django.core import signing
from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.translation import ngettext

from .models import Membership, NoticeMail, Notification, Tenant, User
from .notice_kinds import KIND_OF, KINDS, kinds_for
from .notice_settings import settings_of, way_of
from .noticeboard import notices_of

_SALT = "tenants.notice_letters.stop"
_MOST = 50  # lines of one digest


@dataclass(frozen=True, slots=True)
class Stop:
    """What a link in a mail ends, and whose it is."""

    tenant: Tenant
    user: User
    digests: bool


def letter_for(row: NoticeMail, member: Membership, tenant: Tenant, connection) -> EmailMultiAlternatives | None:
    """The mail of this row; None where there is nothing to tell, or the person wants it no longer."""
    digest = row.cadence != NoticeMail.Cadence.NOW
    zone = getattr(member.user, "time_zone", "") or tenant.time_zone
    with translation.override(member.user.locale or tenant.locale), timezone.override(zone):
        told = _told(row, member)
        if not told:
            return None
        company = " ".join(tenant.name.split())
        if digest:
            subject = ngettext("%(company)s: %(n)s notification", "%(company)s: %(n)s notifications", len(told)) % {
                "company": company,
                "n": f"{_MOST}+" if len(told) > _MOST else len(told),
            }
        else:
            subject = f"{company}: {' '.join(told[0].sentence.split())}"[:180]
        stop = stop_address(tenant, member.user, digests=digest)
        context = {
            "subject": subject,
            "company": company,
            "groups": _grouped(told[:_MOST]),
            "is_cut": len(told) > _MOST,
            "cadence": row.cadence,
            "site": settings.PUBLIC_URL,
            "page": settings.PUBLIC_URL and settings.PUBLIC_URL + reverse("tenants:notification_list"),
            "choices": settings.PUBLIC_URL and settings.PUBLIC_URL + reverse("tenants:notification_settings"),
            "stop": stop,
            "language": translation.get_language(),
        }
        mail = EmailMultiAlternatives(
            subject=subject,
            body=render_to_string("tenants/mails/notices.txt", context),
            to=[member.user.email],
            connection=connection,
            headers=_headers(stop),
        )
        mail.attach_alternative(render_to_string("tenants/mails/notices.htm", context), "text/html")
    return mail


def _told(row: NoticeMail, member: Membership) -> list[Notification]:
    """The notifications of this mail, newest first: still unread, and still wanted so. One more than is shown."""
    chosen = settings_of(member.user)
    # A notification to one person may be of a kind that is not for everybody of their role.
    kinds = KINDS if row.cadence == NoticeMail.Cadence.NOW else kinds_for(member.role)
    wanted = [code for kind in kinds if way_of(kind, member.role, chosen) == row.cadence for code in kind.codes]
    rows = notices_of(member).filter(is_read=False, code__in=wanted)
    if row.cadence == NoticeMail.Cadence.NOW:
        return list(rows.filter(pk=row.notification_id))
    return list(rows.filter(pk__gt=row.after_id, pk__lte=row.upto_id).order_by("-pk")[: _MOST + 1])


def _grouped(told: list[Notification]) -> list[dict[str, object]]:
    groups: dict[str, dict[str, object]] = {}
    for notification in told:
        kind = KIND_OF[notification.code]
        group = groups.setdefault(kind.name, {"label": kind.label, "lines": []})
        # By the address that notes it as read: else what somebody followed from here would come again in the next digest.
        opens = f"{reverse('tenants:open_notification')}?id={notification.pk}"
        url = settings.PUBLIC_URL + opens if settings.PUBLIC_URL and notification.url else ""
        group["lines"].append({"note": notification, "text": notification.sentence, "url": url})
    return list(groups.values())


def _headers(stop: str) -> dict[str, str]:
    automatic = {"Auto-Submitted": "auto-generated"}
    if not stop:
        return automatic
    return automatic | {"List-Unsubscribe": f"<{stop}>", "List-Unsubscribe-Post": "List-Unsubscribe=One-Click"}


def stop_address(tenant: Tenant, user: User, *, digests: bool) -> str:
    """The address of the link; empty where the site does not know its own. Good for ever, and under an earlier MAIL_KEY."""
    if not settings.PUBLIC_URL:
        return ""
    said = {"company": tenant.pk.hex, "person": user.pk, "digests": digests}
    token = signing.dumps(said, key=settings.MAIL_KEY, salt=_SALT)
    return settings.PUBLIC_URL + reverse("tenants:stop_mails", args=[token])


def read_stop(token: str) -> Stop | None:
    """Whose mails the link ends; None where it is not one of ours or they are gone."""
    try:
        said = signing.loads(token, key=settings.MAIL_KEY, salt=_SALT, fallback_keys=settings.MAIL_KEY_FALLBACKS)
        tenant = Tenant.objects.filter(pk=UUID(said["company"])).first()
        user = User.objects.filter(pk=said["person"]).first()
        digests = bool(said["digests"])
    except (signing.BadSignature, KeyError, TypeError, ValueError):
        return None
    if tenant is None or user is None or not Membership.objects.filter(tenant=tenant, user=user).exists():
        return None
    return Stop(tenant, user, digests)
