"""What every answer needs and no view should have to say."""

from __future__ import annotations

from django.contrib.auth import middleware as auth
from django.http import HttpResponse
from django.utils.cache import add_never_cache_headers, patch_vary_headers


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
        if request.htmx and response.status_code in (301, 302) and response.has_header("Location"):
            moved = HttpResponse(status=204)
            moved["HX-Redirect"] = response["Location"]
            moved.cookies = response.cookies
            patch_vary_headers(moved, ["HX-Request"])
            return moved
        return response


class LoginRequiredMiddleware(auth.LoginRequiredMiddleware):
    """Django's own deny-by-default; API views answer for themselves (they are closed by their permission class)."""

    def process_view(self, request, view_func, view_args, view_kwargs):
        if request.path_info.startswith("/static/"):
            return None
        return super().process_view(request, view_func, view_args, view_kwargs)
