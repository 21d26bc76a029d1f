"""Errors for programs have one shape, whatever went wrong."""

import pytest
from django.core.exceptions import PermissionDenied
from django.http import Http404
from rest_framework import exceptions

from core.api import problem
from core.errors import Refused


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (Refused("no_id", "No customer number."), 422, "no_id"),
        (Http404(), 404, "not_found"),
        (PermissionDenied(), 403, "permission_denied"),
        (exceptions.NotAuthenticated(), 401, "not_authenticated"),
        (exceptions.MethodNotAllowed("PUT"), 405, "method_not_allowed"),
        (exceptions.UnsupportedMediaType("text/x"), 415, "unsupported_media_type"),
        (exceptions.ParseError(), 400, "parse_error"),
    ],
)
def test_every_error_answers_with_status_code_and_detail(error, status, code):
    answer = problem(error, {})
    assert answer.status_code == status
    assert answer.content_type == "application/problem+json"
    assert answer.data["status"] == status
    assert answer.data["code"] == code
    assert isinstance(answer.data["detail"], str)
    assert answer.data["detail"]


def test_refusal_carries_its_facts():
    answer = problem(Refused("too_large", "Too large.", maximum=512), {})
    assert answer.data["facts"] == {"maximum": 512}
    assert answer.data["detail"] == "Too large."


def test_wrong_fields_are_named():
    answer = problem(exceptions.ValidationError({"file": ["Missing."]}), {})
    assert (answer.status_code, answer.data["code"]) == (400, "invalid")
    assert answer.data["errors"] == {"file": ["Missing."]}


def test_too_many_requests_say_when_to_come_back():
    answer = problem(exceptions.Throttled(wait=12), {})
    assert answer.status_code == 429
    assert answer["Retry-After"] == "12"


def test_unforeseen_error_is_not_dressed_up():
    assert problem(ZeroDivisionError(), {}) is None
