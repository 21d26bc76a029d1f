"""Questions about companies and people."""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

from django.db.models import Case, Exists, OuterRef, Q, QuerySet, When

from .models import ApiKey, Invitation, Membership, Notification, NotificationRead, SecondFactor, Tenant, User


def get_membership(user: User, *, wanted: str | None = None) -> Membership | None:
    """The person's place in the company they chose, else in their first one. Always a row, never a claim."""
    order: list = ["tenant__name"]
    try:
        order.insert(0, Case(When(tenant_id=UUID(str(wanted)), then=0), default=1))
    except ValueError:  # no company was chosen
        pass
    found = Membership.objects.filter(user=user).select_related("tenant").order_by(*order).first()
    if found is not None:
        found.user = user  # known already: no page asks for the person again
    return found


def get_tenant(slug: str) -> Tenant:
    return Tenant.objects.get(slug=slug)


def member_emails(tenant: Tenant) -> QuerySet:
    return tenant.memberships.select_related("user").order_by("user__email")


def members(tenant: Tenant) -> QuerySet[Membership]:
    """Who is in the company, each with ``has_second_factor``."""
    factor = SecondFactor.objects.filter(user=OuterRef("user"), confirmed_at__isnull=False)
    return tenant.memberships.select_related("user").annotate(has_second_factor=Exists(factor))


def pending_invitations() -> QuerySet[Invitation]:
    """Those of the company in scope that nobody has taken yet, newest first; also those that are too old by now."""
    return Invitation.objects.filter(accepted_at=None, withdrawn_at=None).select_related("invited_by").order_by("-pk")


def notifications_for(user: User) -> QuerySet[Notification]:
    """What this person was told in the company in scope, newest first, each with ``is_read``."""
    read = NotificationRead.objects.filter(notification=OuterRef("pk"), user=user)
    return Notification.objects.filter(Q(recipient=None) | Q(recipient=user)).annotate(is_read=Exists(read))


def unread_count(user: User) -> int:
    """At most 100: the bell says "99+" beyond, and no count runs over a long history."""
    return notifications_for(user).filter(is_read=False)[:100].count()


def api_keys() -> QuerySet[ApiKey]:
    """The keys of the company in scope, newest first, each with its maker."""
    return ApiKey.objects.select_related("made_by").order_by("-pk")


def roles_of(tenant: Tenant, people: Iterable[int]) -> dict[int, str]:
    """The roles of these people in the company now; who is no longer in it, or was shut out, is missing."""
    rows = Membership.objects.filter(tenant=tenant, user__in=list(people), user__is_active=True)
    return dict(rows.values_list("user_id", "role"))
