"""Who calls the API. A module of its own, since DRF reads it while its views are still being imported."""

from __future__ import annotations

from rest_framework import authentication, exceptions


class SessionAuthentication(authentication.SessionAuthentication):
    """The pages' session, for their own scripts and for a signed-in browser; who is not signed in gets 401, not 403."""

    def authenticate_header(self, request) -> str:
        return "Session"

    def enforce_csrf(self, request) -> None:
        """With a code of its own: a script that forgot the token must not look for a role that it lacks."""
        try:
            super().enforce_csrf(request)
        except exceptions.PermissionDenied as refused:
            raise exceptions.PermissionDenied(str(refused.detail), code="csrf_failed") from refused
