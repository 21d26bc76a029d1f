"""The API's description: OpenAPI 3.1 out of the routes and of what each endpoint declares (``core.operations``)."""

from __future__ import annotations

import inspect
import re
from functools import cache
from typing import Any

from django.urls.converters import IntConverter, UUIDConverter
from django.urls.resolvers import RoutePattern
from drf_spectacular.drainage import warn
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.openapi import AutoSchema

from . import operations, shapes
from .operations import JSON, Operation

PROBLEM_MEDIA = "application/problem+json"
KEY, SESSION = "key", "session"
SCHEMES: dict[str, dict[str, str]] = {
    KEY: {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "cg_…",
        "description": "An API key of a company: `Authorization: Bearer cg_…`. The names beside it are the scopes that the "
        "key needs.",
    },
    SESSION: {
        "type": "apiKey",
        "in": "cookie",
        "name": "sessionid",
        "description": "The session of a signed-in browser. Whatever changes something needs the header `X-CSRFToken` too.",
    },
}
_TAGS = {
    "tenants": "Workspace",
    "customers": "Customers",
    "predictions": "Predictions",
    "segmentation": "Segmentation",
    "campaigns": "Campaigns",
}
_IDEMPOTENCY = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "schema": {"type": "string", "minLength": 1, "maxLength": 200, "pattern": "^[!-~]+$"},
    "description": "A text of your own, one for each thing to be done: the same key again gives the answer that was given, "
    "for 24 hours, and does nothing a second time.",
}
_HEADERS = {
    401: {"WWW-Authenticate": "How to show who asks."},
    429: {"Retry-After": "Seconds until the next request is listened to."},
}
_COMMON = {400: "Unreadable", 401: "Unauthenticated", 403: "Forbidden", 404: "Absent", 411: "WithoutLength",
           413: "TooLarge", 415: "OtherKind", 429: "TooOften"}  # fmt: skip


class HouseSchema(AutoSchema):
    """One operation, from the view's declaration. What is not declared is a warning, and not guessed at."""

    def get_operation(self, path, path_regex, path_prefix, method, registry) -> dict[str, Any]:
        view, said = self.view, operations.declared(self.view, method)
        name = f"{type(view).__name__}.{method.lower()}"
        if said is None:
            warn(f"{name} ({method} {path}) says nothing about itself: decorate it with core.operations.operation.")
            said = Operation(answers={200: None})
        words = said.says or inspect.getdoc(getattr(view, method.lower())) or inspect.getdoc(type(view)) or ""
        if not words:
            warn(f"{name} has no docstring, which is its description.")
        takes_key = operations.takes_key(view, method)
        result = {
            "operationId": _identifier(method, path),
            "summary": _first_sentence(words),
            "description": words,
            "tags": [_tag(view)],
            "parameters": [
                *_path_parameters(path_regex),
                *_query_parameters(said),
                *([_IDEMPOTENCY] if takes_key else []),
            ],
            "security": [{KEY: [scope]} | {} for scope in _scopes(view, method)] + [{SESSION: []}],
            "responses": _responses(said, method=method, has_path="{" in path, takes_key=takes_key),
        }
        if said.body is not None:
            result["requestBody"] = {"required": said.needs_body, "content": {said.media: {"schema": said.body}}}
        if not result["parameters"]:
            del result["parameters"]
        return result


def complete(result: dict[str, Any], **_: object) -> dict[str, Any]:
    """Spectacular's last hook: named shapes, common refusals, schemes, and the groups that the operations are in."""
    problem = {PROBLEM_MEDIA: {"schema": shapes.PROBLEM}}
    common = {**operations.ALWAYS, **operations.WITH_PATH, **operations.WITH_BODY}
    result["components"] = {
        "schemas": shapes.all_named(),
        "responses": {
            _COMMON[status]: {"description": when, "content": problem, **_headers(_HEADERS.get(status, {}))}
            for status, when in common.items()
        },
        "securitySchemes": SCHEMES,
    }
    used = {tag for path in result["paths"].values() for one in path.values() for tag in one["tags"]}
    result["tags"] = [{"name": tag} for tag in (*_TAGS.values(), *sorted(used - set(_TAGS.values()))) if tag in used]
    return result


@cache
def document() -> dict[str, Any]:
    """The whole description. Made once in a process: nothing in it changes while it runs."""
    return SchemaGenerator().get_schema(request=None, public=True)


def statuses(route: str, method: str) -> set[int]:
    """The documented statuses of a route of the URLconf, such as ``api/jobs/<uuid:public_id>``; none where it has none."""
    found = document()["paths"].get(path_of(route), {}).get(method.lower(), {})
    return {int(status) for status in found.get("responses", {})}


def path_of(route: str) -> str:
    """A route as the description writes it."""
    return "/" + re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", route)


def _identifier(method: str, path: str) -> str:
    words = [word.strip("{}") if "{" not in word else f"by_{word.strip('{}')}" for word in path.split("/")[2:]]
    return "_".join([method.lower(), *words]).replace("-", "_")


def _first_sentence(words: str) -> str:
    """Up to the first full stop or colon, without the marks of code."""
    first = re.split(r"(?<=[^.])[.:;](?:\s|$)|\n\n", " ".join(words.split()), maxsplit=1)[0]
    return first.replace("``", "")[:120]


def _tag(view: object) -> str:
    package = type(view).__module__.split(".")[0]
    return getattr(view, "api_group", _TAGS.get(package, "About"))


def _scopes(view: object, method: str) -> list[str]:
    capability = getattr(view, "capability", None)
    if isinstance(capability, dict):
        capability = capability.get(method)
    return [capability] if capability else []


def _path_parameters(route: str) -> list[dict[str, Any]]:
    found = []
    for name, converter in RoutePattern(route).converters.items():
        schema = shapes.TEXT
        if isinstance(converter, UUIDConverter):
            schema = shapes.IDENTIFIER
        elif isinstance(converter, IntConverter):
            schema = shapes.COUNT
        found.append({"name": name, "in": "path", "required": True, "schema": schema})
    return found


def _query_parameters(said: Operation) -> list[dict[str, Any]]:
    found = []
    for name, shape in said.query.items():
        schema = {key: value for key, value in shape.items() if key not in ("required", "description")}
        words = {"description": shape["description"]} if "description" in shape else {}
        is_required = bool(shape.get("required") is True)
        found.append({"name": name, "in": "query", "required": is_required, "schema": schema, **words})
    return found


def _responses(said: Operation, *, method: str, has_path: bool, takes_key: bool) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for status, shape in said.answers.items():
        headers = dict(said.headers.get(status, {}))
        if takes_key:
            headers["Idempotency-Replayed"] = "true: this answer was given before, and nothing was done again."
        answer: dict[str, Any] = {"description": _MEANING.get(status, "Done.")}
        if shape is not None:
            media = said.answers_media.get(status, JSON)
            answer["content"] = {media: {"schema": shape}}
        found[str(status)] = answer | _headers(headers)
    common = operations.ALWAYS | operations.WITH_PATH | operations.WITH_BODY
    for status, when in operations.refusals(said, method=method, has_path=has_path, takes_key=takes_key).items():
        if common.get(status) == when:
            found[str(status)] = {"$ref": f"#/components/responses/{_COMMON[status]}"}
        else:
            found[str(status)] = {"description": when, "content": {PROBLEM_MEDIA: {"schema": shapes.PROBLEM}}}
    return found


_MEANING = {
    200: "Done; this is how it stands.",
    201: "Made.",
    202: "Taken on: the work goes on by itself, and `Location` says where to ask how far it is.",
    204: "Done; there is nothing more to say.",
    304: "Nothing changed since the answer of that `ETag`.",
}


def _headers(said: dict[str, str]) -> dict[str, Any]:
    if not said:
        return {}
    return {"headers": {name: {"description": words, "schema": shapes.TEXT} for name, words in said.items()}}
