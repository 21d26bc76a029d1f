"""Who calls the API by key: what the middleware found in the ``Authorization`` header, told to DRF."""

from __future__ import annotations

from django.utils.translation import gettext as _
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed, Throttled

from core import throttles

from . import api_keys

REALM = 'Bearer realm="ChurnGuard"'


class KeyAuthentication(BaseAuthentication):
    """``Authorization: Bearer cg_…``. The request acts for the key's maker, in the key's company, within its scopes.

    Who sends a key is judged by it alone: a session beside it is not looked at, and there is no cookie to forge with. An
    address that sends wrong ones is soon answered 429.
    """

    def authenticate(self, request):
        inner = request._request
        refusal = getattr(inner, "key_refusal", "")
        if refusal:
            if wait := throttles.take_failure(inner):
                raise Throttled(wait)
            raise AuthenticationFailed(_reasons()[refusal], code=refusal)
        key = getattr(inner, "api_key", None)
        if key is None:
            return None
        api_keys.mark_used(key)
        return key.made_by, key

    def authenticate_header(self, request) -> str:
        refused = getattr(request._request, "key_refusal", "")
        return f'{REALM}, error="invalid_token"' if refused else REALM


def _reasons() -> dict[str, str]:
    return {
        "invalid_key": _("This is no key of ours: look whether it was copied whole."),
        "key_revoked": _("This key was revoked."),
        "key_expired": _("This key is past its end: make a new one."),
        "key_stopped": _("Who made this key is no longer in the company, so it opens nothing."),
    }
