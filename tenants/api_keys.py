"""Keys for programs: made once, kept as a hash, opened at each request, revoked for good.

A key reads ``cg_<prefix>_<company>_<secret>``: the company's identifier stands in it so that its row is looked for inside
that company's scope, like every other row (a key that names another company finds nothing there). 43 characters of 62 are
256 bits of chance, so a plain SHA-256 cannot be turned round and no slow hash is needed.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import string
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import Q
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from core.errors import Refused

from . import permissions, selectors, services
from .models import ApiKey, Level, Membership, Notification, Tenant, User
from .scoping import current_tenant, tenant_scope

MOST_OPEN = 100  # keys of one company that are neither revoked nor past their end
LONGEST_DAYS = 3650
TOLD_BEFORE = timedelta(days=7)
WRITTEN_EVERY = timedelta(minutes=1)  # "last used" is a hint for people: not worth a write at each request

_LETTERS = string.ascii_letters + string.digits
_SHAPE = re.compile(r"cg_([a-z0-9]{8})_([0-9a-f]{32})_[A-Za-z0-9]{43}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Opened:
    """A key that fits, and the place in the company that it acts from."""

    key: ApiKey
    membership: Membership


class KeyRefused(Exception):
    """A key that opens nothing. ``code``: invalid_key | key_revoked | key_expired | key_stopped.

    The last three are said only to who holds the whole key.
    """

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def make_key(
    *, membership: Membership, name: str, scopes: Iterable[str], days: int | None = None
) -> tuple[ApiKey, str]:
    """A new key of the company in scope, and its text, which nobody can show again.

    ``days``: until it ends; None: it does not. Refused("no_name" | "bad_days" | "no_scopes" | "unknown_scopes" |
    "beyond_role" | "too_many_keys").
    """
    tenant, name, wanted = current_tenant(), name.strip(), list(dict.fromkeys(scopes))
    if not name or len(name) > 80:
        raise Refused("no_name", _("Give the key a name of at most 80 characters: which program has it?"))
    if days is not None and not 1 <= days <= LONGEST_DAYS:
        raise Refused("bad_days", _("A key ends after 1 to %(most)s days, or never.") % {"most": LONGEST_DAYS})
    _check_scopes(membership, wanted)
    now = timezone.now()
    with transaction.atomic():
        Tenant.objects.select_for_update().get(pk=tenant.pk)  # two at once count each other
        still_open = ApiKey.objects.filter(revoked_at=None).filter(Q(expires_at=None) | Q(expires_at__gt=now))
        if still_open.count() >= MOST_OPEN:
            raise Refused("too_many_keys", _("There are %(most)s keys already: revoke some.") % {"most": MOST_OPEN})
        prefix = _new_prefix()
        text = f"cg_{prefix}_{tenant.pk.hex}_{_chance(43)}"
        key = ApiKey.objects.create(
            tenant=tenant,
            name=name,
            prefix=prefix,
            digest=_digest(text),
            scopes=wanted,
            made_by=membership.user,
            expires_at=now + timedelta(days=days) if days else None,
        )
        services.record("api_key_made", key, actor=membership.user, scopes=wanted, days=days)
    return key, text


def revoke_key(*, key: ApiKey, actor: User) -> ApiKey:
    """From the next request on the key opens nothing. Revoking it again changes nothing."""
    with transaction.atomic():
        if ApiKey.objects.filter(pk=key.pk, revoked_at=None).update(revoked_at=timezone.now()):
            services.record("api_key_revoked", key, actor=actor)
    key.refresh_from_db()
    return key


def tell_of_ends() -> int:
    """Ring the bell once for each key of the company in scope that ends within a week. Returns for how many.

    Its maker is told where they are still here, else everybody who looks after keys.
    """
    now = timezone.now()
    ending = ApiKey.objects.filter(revoked_at=None, expires_at__gt=now, expires_at__lte=now + TOLD_BEFORE)
    keys = {str(key.public_id): key for key in ending.select_related("made_by").order_by("pk")[:MOST_OPEN]}
    told = Notification.objects.filter(code="key_expires", facts__key__in=list(keys)).values_list("facts", flat=True)
    for known in [facts["key"] for facts in told]:
        keys.pop(known, None)
    here = selectors.roles_of(current_tenant(), {key.made_by_id for key in keys.values()})
    for public_id, key in keys.items():
        services.notify(
            "key_expires",
            recipient=key.made_by if key.made_by_id in here else None,
            level=Level.WARNING,
            url=reverse("tenants:key_list"),
            key=public_id,
            name=key.name,
            days=max((key.expires_at - now).days, 1),
        )
    return len(keys)


def open_key(text: str) -> Opened:
    """The key of this text with the place that it acts from, narrowed to its scopes. Raises KeyRefused.

    The role is that of the maker now: who was given a smaller one, or was removed, takes their keys along.
    """
    shape = _SHAPE.fullmatch(text)
    tenant = Tenant.objects.filter(pk=UUID(shape[2])).first() if shape else None
    if shape is None or tenant is None:
        raise KeyRefused("invalid_key")
    with tenant_scope(tenant):
        key = ApiKey.objects.select_related("made_by").filter(prefix=shape[1]).first()
    if key is None or not hmac.compare_digest(key.digest, _digest(text)):
        raise KeyRefused("invalid_key")
    if key.revoked_at is not None:
        raise KeyRefused("key_revoked")
    if key.is_expired:
        raise KeyRefused("key_expired")
    membership = Membership.objects.filter(tenant=tenant, user=key.made_by).first()
    if membership is None or not key.made_by.is_active:
        raise KeyRefused("key_stopped")
    membership.tenant, membership.user = tenant, key.made_by
    membership.narrowed_to = scopes_of(key)
    return Opened(key, membership)


def scopes_of(key: ApiKey) -> frozenset[str]:
    """What the key was given, whatever its maker's role; nothing that keys may no longer hold.

    Any key reads what the API is: a program must be able to ask how to ask.
    """
    return frozenset(key.scopes) & frozenset(permissions.FOR_KEYS) | {"read_api"}


def mark_used(key: ApiKey) -> None:
    """Write when the key was used, at most once a minute whoever else writes it at the same time."""
    now = timezone.now()
    stale = now - WRITTEN_EVERY
    if key.last_used_at is not None and key.last_used_at > stale:
        return
    older = Q(last_used_at=None) | Q(last_used_at__lte=stale)
    ApiKey.objects.filter(older, pk=key.pk).update(last_used_at=now)
    key.last_used_at = now


def _check_scopes(membership: Membership, wanted: list[str]) -> None:
    if not wanted:
        raise Refused("no_scopes", _("Choose at least one thing that the key may do."))
    if unknown := sorted(set(wanted) - set(permissions.FOR_KEYS)):
        raise Refused("unknown_scopes", _("No key can be given this: %(names)s.") % {"names": ", ".join(unknown)})
    if beyond := sorted(set(wanted) - membership.capabilities):
        raise Refused("beyond_role", _("Your own role does not allow this: %(names)s.") % {"names": ", ".join(beyond)})


def _new_prefix() -> str:
    while True:
        prefix = "".join(secrets.choice(string.ascii_lowercase + string.digits) for _i in range(8))
        if not ApiKey.objects.filter(prefix=prefix).exists():
            return prefix


def _chance(length: int) -> str:
    return "".join(secrets.choice(_LETTERS) for _i in range(length))


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("ascii")).hexdigest()
