"""How one person is told of each kind: their own choices over their role's defaults."""

from __future__ import annotations

from collections.abc import Mapping

from django.db import transaction
from django.db.models import F, Q
from django.utils.translation import gettext as _

from core.errors import Refused

from .models import Membership, NotificationSettings, User
from .notice_kinds import BY_NAME, KINDS, Kind, Way, kinds_for

_DIGESTS = (Way.DAILY, Way.WEEKLY)


def way_of(kind: Kind, role: str, chosen: NotificationSettings | None) -> str:
    """How somebody of this role is told of this kind; a stopped mail leaves the bell."""
    way = (chosen.choices if chosen else {}).get(kind.name, kind.default(role))
    if way not in Way.values:  # of a newer release
        way = kind.default(role)
    if chosen and ((chosen.digests_stopped and way in _DIGESTS) or (chosen.mails_stopped and way == Way.NOW)):
        return Way.BELL
    return way


def settings_of(user: User) -> NotificationSettings | None:
    """The person's row in the company in scope."""
    return NotificationSettings.objects.filter(user=user).first()


def ways_of(membership: Membership) -> dict[str, str]:
    """Kind -> way, for every kind that concerns this person's role. One query."""
    chosen = settings_of(membership.user)
    return {kind.name: way_of(kind, membership.role, chosen) for kind in kinds_for(membership.role)}


def out_of_sight(membership: Membership) -> Q:
    """Which notifications this person does not see: kinds they switched off, and what is everybody's but not for their role."""
    chosen = settings_of(membership.user)
    concerned = {kind.name for kind in kinds_for(membership.role)}
    off = [code for kind in KINDS if way_of(kind, membership.role, chosen) == Way.OFF for code in kind.codes]
    others = [code for kind in KINDS if kind.name not in concerned for code in kind.codes]
    return Q(code__in=off) | Q(recipient=None, code__in=others)


def choose(*, membership: Membership, ways: Mapping[str, str]) -> NotificationSettings:
    """Keep these choices; kinds that are not named stay as they were. Raises Refused("unknown_kind" | "unknown_way").

    To choose lifts what the link in a mail stopped: what was stopped and is not named anew is kept as the bell.
    """
    for name, way in ways.items():
        kind = BY_NAME.get(name)
        if kind is None or kind not in kinds_for(membership.role):
            raise Refused("unknown_kind", _("There is no kind of notification “%(name)s”.") % {"name": str(name)[:60]})
        if way not in Way.values:
            raise Refused("unknown_way", _("Nobody can be told this way: “%(way)s”.") % {"way": str(way)[:60]})
    with transaction.atomic():
        row, _made = NotificationSettings.objects.select_for_update().get_or_create(user=membership.user)
        if row.digests_stopped or row.mails_stopped:
            kept = {k.name: way_of(k, membership.role, row) for k in kinds_for(membership.role)}
            row.choices = {**row.choices, **kept}
        row.choices = {**row.choices, **ways}
        row.digests_stopped = row.mails_stopped = False
        row.version += 1
        row.save()
    return row


def stop_mails(*, user: User, digests: bool) -> None:
    """What the link in a mail asks: no more digests, or no more mails at once; the bell goes on."""
    with transaction.atomic():
        row, _made = NotificationSettings.objects.select_for_update().get_or_create(user=user)
        if digests:
            row.digests_stopped = True
        else:
            row.mails_stopped = True
        row.version += 1
        row.save()


def changed(user: User) -> None:
    """Say that this person's bell shows something else now, though nothing new was told."""
    row, made = NotificationSettings.objects.get_or_create(user=user, defaults={"version": 1})
    if not made:
        NotificationSettings.objects.filter(pk=row.pk).update(version=F("version") + 1)
