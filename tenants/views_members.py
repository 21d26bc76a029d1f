"""The page of members: who is here and what each may do, new people by invitation, other roles, removal."""

from __future__ import annotations

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from core import keyset
from core.errors import Refused
from core.htmx import render_page

from . import invitations, members, selectors, tasks, wording_roles
from .clocks import clock_of
from .forms_people import InviteForm, role_choices
from .models import Invitation, Membership, Role
from .permissions import requires
from .sites import site_of

PAGE_SIZE = 50
BY_ADDRESS = keyset.Order("user__email", descending=False)
_PENDING_SHOWN = 100


@require_http_methods(["GET", "HEAD", "POST"])
@requires("view_members")
def member_list(request: HttpRequest) -> HttpResponse:
    """The members; a POST invites one more."""
    by, form, status = request.membership, None, 200
    if by.can("manage_members"):
        form = InviteForm(request.POST or None, by=by)
    if request.method == "POST":
        if form is None:
            raise PermissionDenied(_("Only administrators and owners invite."))
        status = 422
        if form.is_valid():
            try:
                invitation = invitations.invite(by=by, **form.cleaned_data)
            except Refused as refusal:
                form.add_error(None, refusal.message)
            else:
                _send(request, invitation)
                messages.success(request, _("An invitation is on its way to %(email)s.") % {"email": invitation.email})
                return redirect("tenants:member_list")
    with timezone.override(clock_of(request)):
        return render_page(request, "tenants/members.html#people", _context(request, form), status=status)


def _context(request: HttpRequest, form: InviteForm | None) -> dict[str, object]:
    by, asked = request.membership, request.GET
    page = keyset.paginate(
        selectors.members(request.tenant),
        BY_ADDRESS,
        after=asked.get("after", ""),
        before=asked.get("before", ""),
        size=PAGE_SIZE,
    )
    choices = role_choices(by) if by.can("manage_members") else []
    given = {role for role, _words in choices}
    lines = [
        {
            "seat": seat,
            "person": seat.user,
            "is_you": seat.user_id == request.user.pk,
            "may_change": seat.role in given,
            "may_remove": seat.role in given and seat.user_id != request.user.pk,
        }
        for seat in page.rows
    ]
    return {
        "lines": lines,
        "page": page,
        "choices": choices,
        "form": form,
        "pending": [_pending(one, given) for one in selectors.pending_invitations()[:_PENDING_SHOWN]] if given else [],
        "roles": [(Role(role), wording_roles.ROLES[role]) for role in wording_roles.COLUMNS],
        "table": wording_roles.table(),
        "is_required": request.tenant.requires_second_factor,
    }


def _pending(invitation: Invitation, given: set[str]) -> dict[str, object]:
    return {"invitation": invitation, "may_change": invitation.role in given}


@require_POST
@requires("manage_members")
def change_role(request: HttpRequest, public_id) -> HttpResponse:
    seat = _seat(request, public_id)
    try:
        seat = members.change_role(membership=seat, role=request.POST.get("role", ""), by=request.membership)
    except Refused as refusal:
        return _refuse(request, refusal.message)
    messages.success(request, _("%(name)s is %(role)s now.") % {"name": seat.user, "role": seat.get_role_display()})
    return redirect("tenants:member_list")


@require_http_methods(["GET", "HEAD", "POST"])
@requires("manage_members")
def remove_member(request: HttpRequest, public_id) -> HttpResponse:
    """Asks first, in plain words; a POST does it."""
    seat = _seat(request, public_id)
    if request.method != "POST":
        return render_page(request, "tenants/member_remove.html", {"seat": seat, "person": seat.user})
    try:
        members.remove_member(membership=seat, by=request.membership)
    except Refused as refusal:
        return _refuse(request, refusal.message)
    messages.success(request, _("%(name)s is no longer in the company.") % {"name": seat.user})
    return redirect("tenants:member_list")


@require_POST
@requires("manage_members")
def resend_invitation(request: HttpRequest, public_id) -> HttpResponse:
    try:
        invitation = invitations.resend(invitation=_invitation(public_id), by=request.membership)
    except Refused as refusal:
        return _refuse(request, refusal.message)
    _send(request, invitation)
    messages.success(
        request, _("A new link is on its way to %(email)s; the earlier one is void.") % {"email": invitation.email}
    )
    return redirect("tenants:member_list")


@require_POST
@requires("manage_members")
def withdraw_invitation(request: HttpRequest, public_id) -> HttpResponse:
    invitation = _invitation(public_id)
    try:
        invitations.withdraw(invitation=invitation, by=request.membership)
    except Refused as refusal:
        return _refuse(request, refusal.message)
    messages.success(request, _("The invitation of %(email)s is withdrawn.") % {"email": invitation.email})
    return redirect("tenants:member_list")


@require_POST
@requires("set_security")
def set_second_factor_rule(request: HttpRequest) -> HttpResponse:
    required = request.POST.get("required") == "1"
    try:
        members.require_second_factor(by=request.membership, required=required)
    except Refused as refusal:
        return _refuse(request, refusal.message)
    messages.success(
        request,
        _("From now on everybody here signs in with a second factor.")
        if required
        else _("A second factor is each member's own choice now."),
    )
    return redirect("tenants:member_list")


def _send(request: HttpRequest, invitation: Invitation) -> None:
    tasks.hand_over(
        tasks.send_invitation,
        tenant_id=str(invitation.tenant_id),
        invitation_id=invitation.pk,
        site=site_of(request),
    )


def _seat(request: HttpRequest, public_id) -> Membership:
    seat = selectors.members(request.tenant).filter(public_id=public_id).first()
    if seat is None:
        raise Http404
    return seat


def _invitation(public_id) -> Invitation:
    invitation = selectors.pending_invitations().filter(public_id=public_id).first()
    if invitation is None:
        raise Http404
    return invitation


def _refuse(request: HttpRequest, words: str) -> HttpResponse:
    messages.error(request, words)
    return redirect("tenants:member_list")
