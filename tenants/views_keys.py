"""The page of API keys: which there are, a new one, which is shown once, and revoking."""

from __future__ import annotations

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from core.errors import Refused
from core.htmx import render_page

from . import api_keys, permissions, selectors
from .forms import KeyForm
from .models import ApiKey
from .permissions import requires
from .wording import SCOPES

_SHOWN = 200


@require_http_methods(["GET", "HEAD", "POST"])
@requires("manage_keys")
def key_list(request: HttpRequest) -> HttpResponse:
    """The keys of the company. A POST makes one and answers with it: no later page can show it again."""
    form, made = KeyForm(request.POST or None, membership=request.membership), None
    if request.method == "POST" and form.is_valid():
        said = form.cleaned_data
        try:
            key, text = api_keys.make_key(
                membership=request.membership, name=said["name"], scopes=said["scopes"], days=said["days"] or None
            )
        except Refused as refusal:
            form.add_error(None, refusal.message)
        else:
            form, made = KeyForm(membership=request.membership), {"key": key, "text": text}
    keys = list(selectors.api_keys()[:_SHOWN])
    roles = selectors.roles_of(request.tenant, {key.made_by_id for key in keys})
    context = {
        "form": form,
        "made": made,
        "address": request.build_absolute_uri("/api/"),
        "lines": [_line(key, roles.get(key.made_by_id)) for key in keys],
    }
    failed = request.method == "POST" and made is None
    return render_page(request, "tenants/keys.html", context, status=422 if failed else 200)


@require_POST
@requires("manage_keys")
def revoke_key(request: HttpRequest, public_id) -> HttpResponse:
    key = selectors.api_keys().filter(public_id=public_id).first()
    if key is None:
        raise Http404
    api_keys.revoke_key(key=key, actor=request.user)
    messages.success(request, _("“%(name)s” is revoked: it opens nothing any more.") % {"name": key.name})
    return redirect("tenants:key_list")


def _line(key: ApiKey, role: str | None) -> dict[str, object]:
    """A key as it stands: what it may do with its maker's role of now, and why it opens nothing where it does not."""
    given = api_keys.scopes_of(key)
    held = given & permissions.CAPABILITIES.get(role or "", frozenset())
    return {
        "key": key,
        "may": [SCOPES[name] for name in permissions.FOR_KEYS if name in held],
        "lost": [SCOPES[name] for name in permissions.FOR_KEYS if name in given - held] if role else [],
        "is_stopped": role is None,
        "works": key.is_open and role is not None,
    }
