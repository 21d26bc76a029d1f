"""What every answer needs and no view should have to say."""

from __future__ import annotations

from django.conf import settings
from django.contrib.auth import middleware as auth
from django.http import HttpResponse, JsonResponse
from django.shortcuts import resolve_url
from django.utils.cache import add_never_cache_headers, patch_vary_headers
from django.utils.translation import gettext as _

_FORM_BYTES = 1 << 20  # what a form adds around its file


class FragmentMiddleware:
    """Fragments and pages share addresses: caches must tell them apart, and a redirect must move the whole page."""

    def __init__(self, get_response) -> None:
        self.get_response = get_response

    def __call__(self, request):
        response = self.get_response(request)
        patch_vary_headers(response, ["HX-Request"])
        if request.user.is_authenticated and not response.has_header("Cache-Control"):
            # Pages hold customers' data: no copy may stay in a shared browser.
            add_never_cache_headers(response)
            response["Cache-Control"] = "no-store, private"
        to = response.get("Location") if response.status_code in (301, 302) else None
        if response.status_code in (401, 403) and not request.user.is_authenticated:
            to = resolve_url(settings.LOGIN_URL)  # a fragment asked for after the session ended
        if request.htmx and to:
            moved = HttpResponse(status=204)
            moved["HX-Redirect"] = to
            moved.cookies = response.cookies
            patch_vary_headers(moved, ["HX-Request"])
            return moved
        return response


class BodyLimitMiddleware:
    """Refuses a body that says it is too large before anything reads it (RULES 28)."""

    def __init__(self, get_response) -> None:
        self.get_response = get_response

    def __call__(self, request):
        try:
            length = int(request.META.get("CONTENT_LENGTH") or 0)
        except ValueError:
            length = 0
        if length > settings.UPLOAD_MAX_BYTES + _FORM_BYTES:
            message = _("This is larger than %(maximum)s MB, the most that is taken.") % {
                "maximum": settings.UPLOAD_MAX_BYTES // 2**20
            }
            if request.path_info.startswith("/api/"):
                body = {"status": 413, "code": "too_large", "detail": message}
                return JsonResponse(body, status=413, content_type="application/problem+json")
            return HttpResponse(message, status=413, content_type="text/plain; charset=utf-8")
        return self.get_response(request)


class LoginRequiredMiddleware(auth.LoginRequiredMiddleware):
    """Django's own deny-by-default; API views answer for themselves (they are closed by their permission class)."""

    def process_view(self, request, view_func, view_args, view_kwargs):
        if request.path_info.startswith("/static/"):
            return None
        return super().process_view(request, view_func, view_args, view_kwargs)
