"""Every answer that any test gets from the API is held against the API's own description: status, kind, shape.

Installed by tests/conftest.py for the whole suite, so that an answer that nobody documented is red wherever it is first seen.
"""

from __future__ import annotations

import json
from functools import cache, wraps

import jsonschema_rs
from django.conf import settings
from django.test import Client
from django.urls import Resolver404, resolve

from core import openapi

SITE = "churnguard.urls"
PROBLEM = "application/problem+json"


def install() -> None:
    """Look at what ``django.test.Client`` brings back from /api; not where a client says ``is_watched = False``."""
    request = Client.request

    @wraps(request)
    def watched(self, **environ):
        response = request(self, **environ)
        method, path = response.request["REQUEST_METHOD"], response.request["PATH_INFO"]
        is_of_program = path.startswith("/api/") and "HTTP_HX_REQUEST" not in environ
        # A test's own addresses are described nowhere.
        is_looked_at = is_of_program and settings.ROOT_URLCONF == SITE and getattr(self, "is_watched", True)
        if is_looked_at and (wrong := faults(method, path, response)):
            raise AssertionError("\n".join(wrong))
        return response

    Client.request = watched


def faults(method: str, path: str, response) -> list[str]:
    """What of this answer the description does not say; empty where all is as it says."""
    status, kind = response.status_code, response.headers.get("Content-Type", "").partition(";")[0]
    told = f"{method} {path} answered {status}"
    route = route_of(path)
    if route == "api/docs":
        return []  # a page
    if status >= 500:
        return [] if kind == PROBLEM else [f"{told} as {kind}"]
    found = _problem_faults(told, status, kind, response) if status >= 400 else []
    documented = openapi.statuses(route, "GET" if method == "HEAD" else method) if route else set()
    if route and documented and status not in documented:
        found.append(f"{told}, which is not among the documented {sorted(documented)}")
    if route and not documented and status < 400 and method != "OPTIONS":
        found.append(f"{told}, and the description does not know it")
    if (
        status in documented
        and status < 400
        and kind == "application/json"
        and not response.streaming
        and method != "HEAD"
    ):
        found += [f"{told}: {error}" for error in shape_faults(route, method, status, response.content)]
    return found


def route_of(path: str) -> str:
    try:
        return resolve(path).route
    except Resolver404:
        return ""


def shape_faults(route: str, method: str, status: int, content: bytes) -> list[str]:
    validator = _validator(route, method, status)
    if validator is None:
        return ["a body where none is documented"]
    return [str(error)[:1500] for error in validator.iter_errors(json.loads(content))][:3]


def _problem_faults(told: str, status: int, kind: str, response) -> list[str]:
    if kind != PROBLEM:
        return [f"{told} as {kind} instead of {PROBLEM}"]
    if not response.content:  # HEAD
        return []
    body = json.loads(response.content)
    found = [f"{told}: {str(error)[:500]}" for error in _problem_validator().iter_errors(body)]
    if body.get("status") != status or not body.get("code"):
        found.append(f"{told} and says {body}")
    return found


@cache
def _problem_validator():
    return jsonschema_rs.validator_for({"$ref": "#/components/schemas/Problem", **_components()})


@cache
def _validator(route: str, method: str, status: int):
    answer = _operation(route, method)["responses"][str(status)]
    content = answer.get("content", {}).get("application/json")
    return jsonschema_rs.validator_for({"allOf": [content["schema"]], **_components()}) if content else None


def _operation(route: str, method: str) -> dict:
    return openapi.document()["paths"][openapi.path_of(route)][method.lower()]


def _components() -> dict:
    return {"components": {"schemas": openapi.document()["components"]["schemas"]}}
