"""Verbs about who is in a company: roles changed, people removed, the owner's rule about second factors.

Nobody gives or takes what they do not hold themselves, a company always keeps an owner, and each change is in the trail.
The company's row is locked first, so that two owners who demote each other at once are not both listened to.
"""

from __future__ import annotations

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from core.errors import Refused

from . import second_factor, services, sessions
from .models import ApiKey, Invitation, Membership, Tenant, User
from .permissions import CAPABILITIES
from .roles import Role
from .scoping import current_tenant


def may_give(by: Membership, role: str) -> bool:
    """Whether this person (or their key, within its scopes) holds all that the role would give."""
    return by.can("manage_members") and role in CAPABILITIES and CAPABILITIES[role] <= by.capabilities


def roles_to_give(by: Membership) -> list[Role]:
    """From the smallest."""
    return [role for role in reversed(Role) if may_give(by, role)]


def change_role(*, membership: Membership, role: str, by: Membership) -> Membership:
    """Give a member of the company in scope another role; from their next request on it holds, for their keys too.

    Refused("unknown_role" | "beyond_role" | "last_owner").
    """
    if role not in Role.values:
        raise Refused("unknown_role", _("There is no role “%(role)s”.") % {"role": role[:40]})
    with transaction.atomic():
        target, giver = _locked(membership, by)
        _require_power(giver, target.role, role)
        if target.role == role:
            return target
        if target.role == Role.OWNER:
            _require_another_owner(target)
        before, target.role = target.role, role
        target.save(update_fields=["role", "updated_at"])
        services.record("member_role_set", target, actor=giver.user, person=target.user_id, role=role, before=before)
    return target


def remove_member(*, membership: Membership, by: Membership) -> None:
    """Take a person out of the company in scope: their sessions end, their keys of this company are revoked, and the
    invitations that they sent are withdrawn.

    Who works in other companies too signs in there again. Refused("yourself" | "beyond_role" | "last_owner").
    """
    with transaction.atomic():
        target, giver = _locked(membership, by)
        if target.user_id == giver.user_id:
            raise Refused("yourself", _("You cannot remove yourself here: leave the company by your profile."))
        _require_power(giver, target.role)
        if target.role == Role.OWNER:
            _require_another_owner(target)
        _take_out(target, verb="member_removed", actor=giver.user)


def leave(*, membership: Membership) -> None:
    """A person takes themselves out of the company in scope, with all that a removal brings. The administrators are told.

    Refused("last_owner" | "beyond_role").
    """
    with transaction.atomic():
        target, _same = _locked(membership, membership)
        if is_last_owner(target):
            raise Refused("last_owner", last_owner_stays())
        _take_out(target, verb="member_left", actor=target.user)
        services.notify("member_left", member=str(target.user), role=target.role)


def is_last_owner(membership: Membership) -> bool:
    """Whether the company would have no owner who can sign in without this person."""
    others = Membership.objects.filter(tenant=membership.tenant_id, role=Role.OWNER, user__is_active=True)
    return membership.role == Role.OWNER and not others.exclude(pk=membership.pk).exists()


def last_owner_stays() -> str:
    return _(
        "You are the last owner of this company. Without one nobody could decide here: make somebody else an owner first."
    )


def _take_out(target: Membership, *, verb: str, actor: User) -> None:
    now = timezone.now()
    keys = ApiKey.objects.filter(made_by=target.user_id, revoked_at=None).update(revoked_at=now)
    pending = Invitation.objects.filter(invited_by=target.user_id, accepted_at=None, withdrawn_at=None)
    withdrawn = pending.update(withdrawn_at=now)
    services.record(
        verb,
        target,
        actor=actor,
        person=target.user_id,
        role=target.role,
        keys_revoked=keys,
        invitations_withdrawn=withdrawn,
    )
    sessions.end_all(target.user)
    target.delete()


def require_second_factor(*, by: Membership, required: bool) -> None:
    """The owner's switch. Refused("not_yours" | "yours_first")."""
    if not by.can("set_security"):
        raise Refused("not_yours", _("Only an owner of the company decides this."))
    if required and not second_factor.is_on(by.user):
        raise Refused("yours_first", _("Set up your own second factor first, so that you do not shut yourself out."))
    with transaction.atomic():
        tenant = Tenant.objects.select_for_update().get(pk=current_tenant().pk)
        if tenant.requires_second_factor == required:
            return
        tenant.requires_second_factor = required
        tenant.save(update_fields=["requires_second_factor", "updated_at"])
        services.record("second_factor_required" if required else "second_factor_optional", tenant, actor=by.user)


def _locked(membership: Membership, by: Membership) -> tuple[Membership, Membership]:
    """Both rows as they are now, with the company's row locked; Refused where either is gone."""
    tenant = Tenant.objects.select_for_update().get(pk=current_tenant().pk)
    rows = Membership.objects.filter(tenant=tenant, pk__in={membership.pk, by.pk}).select_related("user", "tenant")
    found = {row.pk: row for row in rows}
    if by.pk not in found:
        raise Refused("beyond_role", _("You are no longer in this company."))
    if membership.pk not in found:
        raise Refused("gone", _("This person is no longer in the company."))
    giver = found[by.pk]
    giver.narrowed_to = by.narrowed_to
    return found[membership.pk], giver


def _require_power(by: Membership, *roles: str) -> None:
    """Over who holds such a role, and to give it."""
    if beyond := [role for role in roles if not may_give(by, role)]:
        raise Refused(
            "beyond_role",
            _("Your own role does not reach as far as “%(role)s”: you can neither give nor take it.")
            % {"role": Role(beyond[0]).label},
        )


def _require_another_owner(leaving: Membership) -> None:
    if is_last_owner(leaving):
        raise Refused(
            "last_owner", _("This is the company's last owner: make somebody else an owner first, then try again.")
        )
