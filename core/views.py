"""Pages for what went wrong, the two probes, and the figures."""

from __future__ import annotations

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.views import defaults
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from . import health
from . import metrics as figures


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    if is_of_program(request):
        return problem(403, "csrf_failed", "The CSRF token is missing or wrong.")
    return render(request, "403_csrf.html", status=403)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """What Django itself refuses to read: a wrong host name, a thousand fields, a form that breaks off."""
    if is_of_program(request):
        return problem(400, "bad_request", "The request cannot be read.")
    return defaults.bad_request(request, exception)


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    if is_of_program(request):
        return problem(403, "permission_denied", "You do not have permission to perform this action.")
    return defaults.permission_denied(request, exception)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """A page for a person, a problem for a program."""
    if is_of_program(request):
        return problem(404, "not_found", "There is nothing at this address.")
    return defaults.page_not_found(request, exception)


def server_error(request: HttpRequest) -> HttpResponse:
    if is_of_program(request):
        return problem(500, "error", "Something went wrong on our side; it was logged.")
    return defaults.server_error(request)


def is_of_program(request: HttpRequest) -> bool:
    """Whether a program asks, which reads no pages. The page that describes the API is one for people."""
    return request.path_info.startswith("/api/") and request.path_info != "/api/docs"


def problem(status: int, code: str, detail: str) -> JsonResponse:
    """The API's one form of error, where no API view was reached."""
    body = {"status": status, "code": code, "detail": detail}
    return JsonResponse(body, status=status, content_type="application/problem+json")


@login_not_required
@require_safe
@never_cache
def livez(request: HttpRequest) -> HttpResponse:
    """Alive: asks nothing of anybody."""
    return HttpResponse("ok", content_type="text/plain")


@login_not_required
@require_safe
@never_cache
def readyz(request: HttpRequest) -> HttpResponse:
    """Ready for requests: database, migrations and broker are as they should be, and nobody asked the site to stop."""
    found = health.health()
    response = JsonResponse({"ready": found.is_ready, **found.parts}, status=200 if found.is_ready else 503)
    response._has_been_logged = True  # core.health writes a line when it changes; Django would for each probe
    return response


@login_not_required
@require_safe
@never_cache
def metrics(request: HttpRequest) -> HttpResponse:
    """Figures for Prometheus, to whoever may read them: by a token, or from an address of the operator's own."""
    if not figures.may_read(request):
        return HttpResponse(
            "Not for you: see docs/watching.md.\n", status=403, content_type="text/plain; charset=utf-8"
        )
    return HttpResponse(figures.exposition(), content_type=figures.CONTENT_TYPE)
