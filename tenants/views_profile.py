"""One's own page: name, picture, language, clock, and where one is signed in."""

from __future__ import annotations

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import logout
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from core.errors import Refused
from core.htmx import render_page

from . import members, pictures, second_factor, sessions
from .clocks import clock_of
from .forms_people import PictureForm, ProfileForm
from .models import User


@require_http_methods(["GET", "HEAD", "POST"])
def profile(request: HttpRequest) -> HttpResponse:
    person = User.objects.get(pk=request.user.pk)  # a form that is refused must not show in the page's head
    form = ProfileForm(request.POST or None, instance=person)
    if request.method == "POST" and form.is_valid():
        form.save()
        response = redirect("tenants:profile")
        if not person.locale:  # nor does this browser insist on one then
            response.delete_cookie("django_language")
        messages.success(request, _("Your profile is saved."))
        return response
    return _page(request, form, PictureForm(), status=422 if request.method == "POST" else 200)


@require_POST
def set_picture(request: HttpRequest) -> HttpResponse:
    """A new picture, or none any more (``remove``)."""
    if "remove" in request.POST:
        pictures.remove_picture(user=request.user)
        messages.success(request, _("Your picture is removed."))
        return redirect("tenants:profile")
    form = PictureForm(request.POST, request.FILES)
    if form.is_valid():
        try:
            pictures.set_picture(user=request.user, upload=form.cleaned_data["picture"])
        except Refused as refusal:
            form.add_error("picture", refusal.message)
        else:
            messages.success(request, _("Your picture is saved."))
            return redirect("tenants:profile")
    return _page(request, ProfileForm(instance=request.user), form, status=422)


@require_safe
def picture(request: HttpRequest, public_id) -> HttpResponse:
    """A picture of somebody in a company that the reader is in too; else 404. Its address changes with the picture."""
    found = pictures.visible_to(request.user, public_id)
    if found is None:
        raise Http404
    response = HttpResponse(bytes(found.content), content_type=pictures.CONTENT_TYPE)
    response["Content-Disposition"] = "inline; filename=picture.webp"
    response["Cache-Control"] = "private, max-age=86400"
    return response


@require_POST
def end_session(request: HttpRequest, public_id) -> HttpResponse:
    if public_id == sessions.public_id_of(request.session):
        logout(request)
        return redirect(settings.LOGIN_URL)
    if not sessions.end(request.user, public_id):
        raise Http404
    messages.success(request, _("That browser is signed out."))
    return redirect("tenants:profile")


@require_POST
def end_other_sessions(request: HttpRequest) -> HttpResponse:
    ended = sessions.end_all(request.user, but=request.session.session_key)
    words = ngettext("%(n)s other browser is signed out.", "%(n)s other browsers are signed out.", ended)
    messages.success(request, words % {"n": ended})
    return redirect("tenants:profile")


@require_http_methods(["GET", "HEAD", "POST"])
def leave_company(request: HttpRequest) -> HttpResponse:
    """Out of the company of this session. Asks first, in plain words; a POST does it. (Another company is switched to first: so no
    address names one, and the page shows which.)"""
    seat = request.membership
    if seat is None:
        raise PermissionDenied
    refusal = members.last_owner_stays() if members.is_last_owner(seat) else ""
    if request.method == "POST":
        try:
            members.leave(membership=seat)
        except Refused as refused:
            refusal = refused.message
        else:
            logout(request)
            return redirect(f"{reverse(settings.LOGIN_URL)}?left=1")
    context = {"seat": seat, "person": request.user, "refusal": refusal}
    return render_page(request, "tenants/leave.html", context, status=422 if request.method == "POST" else 200)


def _page(request: HttpRequest, form: ProfileForm, picture_form: PictureForm, *, status: int) -> HttpResponse:
    context = {
        "form": form,
        "picture_form": picture_form,
        "places": sessions.places(request.user, this=request.session.session_key),
        "has_second_factor": second_factor.is_on(request.user),
        "seats": list(request.user.memberships.select_related("tenant").order_by("tenant__name")[:50]),
    }
    with timezone.override(clock_of(request)):
        return render_page(request, "tenants/profile.html", context, status=status)
