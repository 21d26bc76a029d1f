"""What every answer needs and no view should have to say."""

from __future__ import annotations

import logging
import time

from django.conf import settings
from django.contrib.auth import middleware as auth
from django.http import HttpRequest, HttpResponse
from django.shortcuts import resolve_url
from django.utils.cache import add_never_cache_headers, patch_vary_headers
from django.utils.translation import gettext as _

from . import logs, metrics, views

logger = logging.getLogger("churnguard.requests")

_FORM_BYTES = 1 << 20  # what a form adds around its file
_PROBES = {"/livez": views.livez, "/readyz": views.readyz, "/metrics": views.metrics}


class ObservedMiddleware:
    """First of all: gives the request its identifier, and says in a line and in figures what became of it.

    Also answers the probes itself: whoever asks them knows neither our host names nor TLS, and /livez asks nobody.
    """

    def __init__(self, get_response) -> None:
        self.get_response = get_response

    def __call__(self, request):
        request.request_id = logs.request_id(request.headers.get("X-Request-ID", ""))
        started = time.perf_counter()
        probe = _PROBES.get(request.path_info)
        with logs.about(request_id=request.request_id):
            response = probe(request) if probe else self.get_response(request)
            self._note(request, response, time.perf_counter() - started, is_probe=bool(probe))
        response["X-Request-ID"] = request.request_id
        if probe:
            response["X-Content-Type-Options"] = "nosniff"
        return response

    @staticmethod
    def _note(request: HttpRequest, response: HttpResponse, seconds: float, *, is_probe: bool) -> None:
        match = request.resolver_match
        # Names only: an address may hold a token, and its question mark a customer's name.
        route = request.path_info[1:] if is_probe else match.view_name if match else "none"
        if not is_probe and match is None and request.path_info.startswith(f"/{settings.STATIC_URL.strip('/')}/"):
            return  # served before any view, by the hundred
        metrics.note_request(route=route, method=request.method, status=response.status_code, seconds=seconds)
        if is_probe:
            return
        membership = getattr(request, "membership", None)
        whose = {"company_id": str(membership.tenant_id), "user_id": membership.user_id} if membership else {}
        facts = {"method": request.method, "route": route, "status": response.status_code}
        logger.info("answered", extra={"facts": {**whose, **facts, "ms": round(1000 * seconds, 1)}})


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
            return _refuse(request, 413, "too_large", message)
        return self.get_response(request)


class ReadableMiddleware:
    """Refuses programs' addresses with NUL, at which PostgreSQL raises wherever they end up, and bodies of unsaid length. A
    page is shown as if the NUL were not there: nobody types one.

    A WSGI server hands a body of unsaid length on as no body at all: an empty one means something to some endpoints.
    """

    def __init__(self, get_response) -> None:
        self.get_response = get_response

    def __call__(self, request):
        query = request.META.get("QUERY_STRING", "")
        if "%00" in query or "\x00" in query + request.path_info:
            if views.is_of_program(request):
                return views.problem(400, "unstorable_text", _("The address holds NUL, which is no text."))
            request.META["QUERY_STRING"] = query.replace("%00", "").replace("\x00", "")
        if request.META.get("HTTP_TRANSFER_ENCODING") and not request.META.get("CONTENT_LENGTH"):
            return _refuse(request, 411, "length_required", _("Send the body with its Content-Length."))
        return self.get_response(request)


def _refuse(request: HttpRequest, status: int, code: str, message: str) -> HttpResponse:
    if views.is_of_program(request):
        return views.problem(status, code, message)
    return HttpResponse(message, status=status, content_type="text/plain; charset=utf-8")


class LoginRequiredMiddleware(auth.LoginRequiredMiddleware):
    """Django's own deny-by-default; API views answer for themselves (they are closed by their permission class)."""

    def process_view(self, request, view_func, view_args, view_kwargs):
        if request.path_info.startswith("/static/"):
            return None
        return super().process_view(request, view_func, view_args, view_kwargs)
