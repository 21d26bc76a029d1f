"""Invitations: an open seat for whoever reads the mails of one address.

The link holds chance that is kept as a hash only, and is signed, so that a made-up one costs no question. It is made by the
worker that writes the mail: no queue and no log ever holds it. It works once, for a week, as long as who sent it may
still give that role.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from datetime import timedelta
from uuid import UUID

from django.contrib.auth.password_validation import validate_password
from django.core import signing
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from core import rates
from core.errors import Refused

from . import members, services
from .models import Invitation, Membership, Tenant, User
from .roles import Role
from .scoping import current_tenant

LASTS = timedelta(days=7)
MOST_PENDING = 500
_MAILS = rates.Rate(200, 86_400)  # of one company: an account that was taken over must not become a sender of spam
_SIGNER = signing.Signer(salt="tenants.invitation", sep=".")


def invite(*, email: str, role: str, by: Membership) -> Invitation:
    """Open a seat in the company in scope; the mail is written by ``tasks.send_invitation``.

    Refused("bad_email" | "unknown_role" | "beyond_role" | "already_member" | "already_invited" | "too_many").
    """
    email = email.strip().lower()
    try:
        validate_email(email)
        Invitation._meta.get_field("email").run_validators(email)  # its length
    except ValidationError as error:
        raise Refused("bad_email", _("This is no e-mail address.")) from error
    _require_power(by, role)
    tenant = current_tenant()
    with transaction.atomic():
        Tenant.objects.select_for_update().get(pk=tenant.pk)
        if Membership.objects.filter(tenant=tenant, user=User.objects.of_address(email)).exists():
            raise Refused("already_member", _("Somebody with this address is in the company already."))
        pending = Invitation.objects.filter(accepted_at=None, withdrawn_at=None)
        if pending.filter(email=email).exists():
            raise Refused("already_invited", _("This address is invited already: send that invitation again."))
        if pending.count() >= MOST_PENDING:
            raise Refused(
                "too_many", _("There are %(most)s open invitations already: withdraw some.") % {"most": MOST_PENDING}
            )
        _take_a_mail()
        invitation = Invitation.objects.create(
            tenant=tenant,
            email=email,
            role=role,
            locale=get_language() or tenant.locale,
            invited_by=by.user,
            expires_at=timezone.now() + LASTS,
        )
        services.record("member_invited", invitation, actor=by.user, role=role)
    return invitation


def resend(*, invitation: Invitation, by: Membership) -> Invitation:
    """Have a new link written, for another week; the earlier one opens nothing from now on. Refused as ``invite``, or "over"."""
    with transaction.atomic():
        invitation = Invitation.objects.select_for_update().get(pk=invitation.pk)
        _require_power(by, invitation.role)
        if invitation.accepted_at or invitation.withdrawn_at:
            raise _over()
        _take_a_mail()
        invitation.digest, invitation.sent_at, invitation.failed_at = "", None, None
        invitation.expires_at = timezone.now() + LASTS
        invitation.invited_by, invitation.locale = by.user, get_language() or invitation.locale
        invitation.save()
        services.record("invitation_resent", invitation, actor=by.user)
    return invitation


def withdraw(*, invitation: Invitation, by: Membership) -> None:
    """The link opens nothing from now on. Withdrawing it again changes nothing."""
    _require_power(by, invitation.role)
    with transaction.atomic():
        open_ones = Invitation.objects.filter(pk=invitation.pk, accepted_at=None, withdrawn_at=None)
        if open_ones.update(withdrawn_at=timezone.now()):
            services.record("invitation_withdrawn", invitation, actor=by.user)


def write_link(invitation: Invitation) -> str:
    """The token of a new link; those before it open nothing any more. For the one who writes the mail."""
    secret = secrets.token_urlsafe(32)
    Invitation.objects.filter(pk=invitation.pk, accepted_at=None, withdrawn_at=None).update(digest=_digest(secret))
    return _SIGNER.sign(f"{invitation.tenant_id.hex}~{secret}")


def company_of(token: str) -> Tenant | None:
    """The company that a link of ours names; its scope is entered to ``find`` the invitation."""
    try:
        company, _mark, _secret = _SIGNER.unsign(token).partition("~")
        return Tenant.objects.filter(pk=UUID(company)).first()
    except (signing.BadSignature, ValueError):
        return None


def find(token: str) -> Invitation | None:
    """The open invitation of this link, in the company in scope; None where it was used, withdrawn, replaced or is too old."""
    digest = _digest(_SIGNER.unsign(token).partition("~")[2])
    found = (
        Invitation.objects.filter(digest=digest, accepted_at=None, withdrawn_at=None, expires_at__gt=timezone.now())
        .select_related("invited_by", "tenant")
        .first()
    )
    return found if found and hmac.compare_digest(found.digest, digest) else None


def account_of(invitation: Invitation) -> User | None:
    """Who has this address and a password already: they sign in, and take the seat as themselves."""
    user = User.objects.of_address(invitation.email)
    return user if user and user.has_usable_password() else None


def accept(*, invitation: Invitation, user: User) -> Membership:
    """The seat is taken by the person who has its address. Refused("not_yours" | "over" | "giver_gone" | "already_member")."""
    if user.email.casefold() != invitation.email.casefold():
        raise Refused("not_yours", _("This invitation is for another address."))
    if not user.is_active:
        raise Refused("not_yours", _("This account is closed."))
    with transaction.atomic():
        tenant = Tenant.objects.select_for_update().get(pk=current_tenant().pk)
        giver = Membership.objects.filter(tenant=tenant, user=invitation.invited_by, user__is_active=True).first()
        if giver is None or not members.may_give(giver, invitation.role):
            raise Refused(
                "giver_gone", _("Who invited you may no longer do so. Ask the company for another invitation.")
            )
        still_open = Invitation.objects.filter(
            pk=invitation.pk,
            digest=invitation.digest,
            accepted_at=None,
            withdrawn_at=None,
            expires_at__gt=timezone.now(),
        )
        if not still_open.update(accepted_at=timezone.now(), digest=""):
            raise _over()
        if Membership.objects.filter(tenant=tenant, user=user).exists():
            raise Refused("already_member", _("You are in this company already."))
        seat = Membership.objects.create(tenant=tenant, user=user, role=invitation.role)
        services.record(
            "member_joined",
            seat,
            actor=user,
            person=user.pk,
            role=seat.role,
            invitation=str(invitation.public_id),
            invited_by=invitation.invited_by_id,
        )
        services.notify("member_joined", member=str(user), role=seat.role)
    return seat


def accept_as_new(*, invitation: Invitation, name: str, password: str) -> Membership:
    """The same for who has no account, or none with a password: the link proves that the address is theirs.

    Refused as ``accept``, or "has_account" | "weak_password".
    """
    try:
        return _accept_as_new(invitation, name, password)
    except IntegrityError:  # the same link twice at once, or that of another company
        raise _has_account() from None


def _accept_as_new(invitation: Invitation, name: str, password: str) -> Membership:
    with transaction.atomic():
        if account_of(invitation) is not None:
            raise _has_account()
        user = User.objects.of_address(invitation.email) or User(email=invitation.email)
        user.name, user.locale = name.strip() or user.name, user.locale or get_language() or ""
        try:
            validate_password(password, user)
        except ValidationError as error:
            raise Refused("weak_password", " ".join(error.messages)) from error
        user.set_password(password)
        user.save()
        return accept(invitation=invitation, user=user)


def _require_power(by: Membership, role: str) -> None:
    if role not in Role.values:
        raise Refused("unknown_role", _("There is no role “%(role)s”.") % {"role": str(role)[:40]})
    if not members.may_give(by, role):
        raise Refused(
            "beyond_role",
            _("You cannot invite somebody as “%(role)s”: it reaches further than your own role.")
            % {"role": Role(role).label},
        )


def _take_a_mail() -> None:
    if rates.take(f"invitations/{current_tenant().pk}", _MAILS):
        raise Refused("too_many", _("The company has sent too many invitations today. Go on tomorrow."))


def _has_account() -> Refused:
    return Refused("has_account", _("This address has an account: sign in first."))


def _over() -> Refused:
    return Refused(
        "over", _("This invitation is over: it was used, withdrawn, replaced by a newer one, or is too old.")
    )


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
