"""People of the company for programs: who is in it, what they may do, invitations; and who is asking."""

from __future__ import annotations

from django.http import Http404
from rest_framework.exceptions import ValidationError
from rest_framework.response import Response
from rest_framework.reverse import reverse
from rest_framework.views import APIView

from core import keyset
from core.operations import operation

from . import api_shapes as shapes
from . import invitations, members, selectors, tasks
from .idempotency import idempotent
from .models import Invitation, Membership
from .sites import site_of

PAGE_SIZE = 100
_BY_ADDRESS = keyset.Order("user__email", descending=False)
_BY_NEWEST = keyset.Order("pk")
_PAGE = {"after": shapes.AFTER}
_LOCATION = {"Location": "Where the invitation is."}
_ROLES = "The role reaches further than the caller's own (`beyond_role`)"
_MAILS = "the company has sent too many today (`too_many`)"


class MeView(APIView):
    capability = {"GET": "view_members"}

    @operation(answers={200: shapes.ME})
    def get(self, request):
        """Who asks, in which company, and what they may do here; for a key, its maker and what its scopes leave of their role."""
        seat = request._request.membership
        key = request._request.api_key
        return Response(
            {
                "email": request.user.email,
                "name": request.user.name,
                "language": request.user.locale or None,
                "time_zone": request.user.time_zone or seat.tenant.time_zone,
                "company": {"id": str(seat.tenant_id), "name": seat.tenant.name, "short_name": seat.tenant.slug},
                "role": seat.role,
                "capabilities": sorted(seat.capabilities),
                "key": {"id": str(key.public_id), "name": key.name} if key else None,
            }
        )


class MembersView(APIView):
    capability = {"GET": "view_members"}

    @operation(answers={200: shapes.MEMBERS}, query=_PAGE)
    def get(self, request):
        """The members by address, a hundred a page: ``next`` is the address of the following ones."""
        rows = selectors.members(request._request.tenant)
        return _listed(request, "members", rows, _BY_ADDRESS, _member, "tenants:api_members")


class MemberView(APIView):
    capability = {"GET": "view_members", "PATCH": "manage_members", "DELETE": "manage_members"}

    @operation(answers={200: shapes.MEMBER}, says="One member.")
    def get(self, request, public_id):
        return Response(_member(request, _seat(request, public_id)))

    @operation(
        body=shapes.ROLE_BODY,
        answers={200: shapes.MEMBER},
        refuses={
            422: f"There is no such role (`unknown_role`). {_ROLES}, the old one or the new. It is the company's last owner "
            "(`last_owner`)."
        },
        says="Give a member another role: it holds from their next request on, for their keys too.",
    )
    def patch(self, request, public_id):
        role = _body(request, {"role"})["role"]
        seat = members.change_role(membership=_seat(request, public_id), role=role, by=request._request.membership)
        return Response(_member(request, _seat(request, seat.public_id)))

    @operation(
        answers={204: None},
        refuses={422: f"It is the caller (`yourself`), or the company's last owner (`last_owner`). {_ROLES}."},
    )
    def delete(self, request, public_id):
        """Take the person out: their sessions end and their keys of this company are revoked."""
        members.remove_member(membership=_seat(request, public_id), by=request._request.membership)
        return Response(status=204)


class InvitationsView(APIView):
    capability = {"GET": "manage_members", "POST": "manage_members"}

    @operation(answers={200: shapes.INVITATIONS}, query=_PAGE)
    def get(self, request):
        """The open invitations, newest first, a hundred a page. No link is shown: only the mail has it."""
        rows = selectors.pending_invitations()
        return _listed(request, "invitations", rows, _BY_NEWEST, _invitation, "tenants:api_invitations")

    @operation(
        body=shapes.INVITE,
        answers={201: shapes.INVITATION},
        headers={201: _LOCATION},
        refuses={
            422: "The address is none (`bad_email`), is in the company (`already_member`) or invited already "
            f"(`already_invited`). There is no such role (`unknown_role`). {_ROLES}. Too many invitations are open, or {_MAILS}."
        },
    )
    @idempotent
    def post(self, request):
        """Invite somebody: a mail with a link goes to them, which opens the seat for a week."""
        body = _body(request, {"email", "role"})
        invitation = invitations.invite(by=request._request.membership, **body)
        _send(request, invitation)
        said = _invitation(request, invitation)
        return Response(said, status=201, headers={"Location": said["url"]})


class InvitationView(APIView):
    capability = {"GET": "manage_members", "DELETE": "manage_members"}

    @operation(answers={200: shapes.INVITATION}, says="One open invitation.")
    def get(self, request, public_id):
        return Response(_invitation(request, _open_invitation(public_id)))

    @operation(answers={204: None}, refuses={422: f"{_ROLES}."})
    def delete(self, request, public_id):
        """Withdraw it: its link opens nothing from now on."""
        invitations.withdraw(invitation=_open_invitation(public_id), by=request._request.membership)
        return Response(status=204)


class ResendView(APIView):
    capability = {"POST": "manage_members"}

    @operation(
        answers={202: shapes.INVITATION},
        headers={202: _LOCATION},
        refuses={422: f"{_ROLES}. It was used or withdrawn meanwhile (`over`), or {_MAILS}."},
    )
    @idempotent
    def post(self, request, public_id):
        """Mail a new link; the earlier one opens nothing from now on."""
        invitation = invitations.resend(invitation=_open_invitation(public_id), by=request._request.membership)
        _send(request, invitation)
        said = _invitation(request, invitation)
        return Response(said, status=202, headers={"Location": said["url"]})


def _listed(request, name: str, rows, order: keyset.Order, shown, route: str) -> Response:
    page = keyset.paginate(rows, order, after=str(request.query_params.get("after", "")), size=PAGE_SIZE)
    here = reverse(route, request=request)
    return Response(
        {
            name: [shown(request, row) for row in page.rows],
            "next": f"{here}?after={page.after}" if page.after else None,
        }
    )


def _member(request, seat: Membership) -> dict[str, object]:
    return {
        "id": str(seat.public_id),
        "url": reverse("tenants:api_member", args=[seat.public_id], request=request),
        "email": seat.user.email,
        "name": seat.user.name,
        "role": seat.role,
        "since": seat.created_at,
        "second_factor": seat.has_second_factor,
        "is_active": seat.user.is_active,
    }


def _invitation(request, invitation: Invitation) -> dict[str, object]:
    return {
        "id": str(invitation.public_id),
        "url": reverse("tenants:api_invitation", args=[invitation.public_id], request=request),
        "email": invitation.email,
        "role": invitation.role,
        "invited_by": invitation.invited_by.email,
        "made_at": invitation.created_at,
        "sent_at": invitation.sent_at,
        "expires_at": invitation.expires_at,
        "is_expired": invitation.is_expired,
    }


def _seat(request, public_id) -> Membership:
    seat = selectors.members(request._request.tenant).filter(public_id=public_id).first()
    if seat is None:
        raise Http404
    return seat


def _open_invitation(public_id) -> Invitation:
    invitation = selectors.pending_invitations().filter(public_id=public_id).first()
    if invitation is None:
        raise Http404
    return invitation


def _send(request, invitation: Invitation) -> None:
    tasks.hand_over(
        tasks.send_invitation,
        tenant_id=str(invitation.tenant_id),
        invitation_id=invitation.pk,
        site=site_of(request._request),
    )


def _body(request, fields: set[str]) -> dict[str, str]:
    """Exactly these fields, each a text; 400 by the field for anything else."""
    body = request.data
    if not hasattr(body, "get"):
        raise ValidationError(["a JSON object"])
    if unknown := sorted(set(body) - fields):
        raise ValidationError({name: ["no such field"] for name in unknown})
    wrong = {
        name: ["is missing" if name not in body else "a text"] for name in fields if not isinstance(body.get(name), str)
    }
    if wrong:
        raise ValidationError(wrong)
    return {name: body[name] for name in fields}
