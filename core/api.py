"""Errors for programs: one shape (RFC 9457 problem details) for everything that goes wrong in the API."""

from __future__ import annotations

from django.core.exceptions import PermissionDenied, RequestDataTooBig
from django.http import Http404
from rest_framework import exceptions, status
from rest_framework.response import Response
from rest_framework.views import exception_handler

from .errors import Refused
from .parsing import TooLarge


def problem(error: Exception, context: dict) -> Response | None:
    """DRF's exception handler: ``{"status", "code", "detail", "errors"?}`` with the right status."""
    if isinstance(error, Refused):
        body = {
            "status": 422,
            "code": error.code,
            "detail": error.message,
            **({"facts": error.facts} if error.facts else {}),
        }
        return _answer(body, status.HTTP_422_UNPROCESSABLE_ENTITY)
    if isinstance(error, Http404):
        error = exceptions.NotFound()
    elif isinstance(error, PermissionDenied):
        error = exceptions.PermissionDenied()
    elif isinstance(error, RequestDataTooBig):  # where the session's check had read the body first
        error = TooLarge()
    response = exception_handler(error, context)
    if response is None:
        return None
    body = {"status": response.status_code, "code": getattr(error, "default_code", "error")}
    if isinstance(error, exceptions.ValidationError):
        body |= {"code": "invalid", "detail": "Some fields are wrong.", "errors": error.detail}
    else:
        body["detail"] = str(getattr(error, "detail", error))
        codes = error.get_codes() if isinstance(error, exceptions.APIException) else None
        if isinstance(codes, str):
            body["code"] = codes
    headers = {k: response[k] for k in ("WWW-Authenticate", "Retry-After") if response.has_header(k)}
    return _answer(body, response.status_code, headers)


def problem_response(code: int, name: str, detail: str) -> Response:
    """A problem that is returned rather than raised."""
    return _answer({"status": code, "code": name, "detail": detail}, code)


def replayed(body: object, code: int, headers: dict[str, str]) -> Response:
    """An answer that was given before, in the very form that it had then."""
    return _answer(body, code, headers) if code >= 400 else Response(body, status=code, headers=headers)


def _answer(body: object, code: int, headers: dict | None = None) -> Response:
    return Response(body, status=code, headers=headers, content_type="application/problem+json")
