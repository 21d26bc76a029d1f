"""What an endpoint of the API says about itself: its body, its parameters, its answers, what it refuses.

    @operation(body=body({"name": text(80)}), answers={201: OFFER}, refuses={409: "There is one of this name."})
    @idempotent
    def post(self, request): ...

The rest is known without being said: who may call it (``capability``), the statuses that any endpoint answers, those of an
``Idempotency-Key``, the path's own parameters. An endpoint without it is a warning of ``manage.py spectacular``, and red.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from .shapes import Shape

JSON = "application/json"
MULTIPART = "multipart/form-data"

# Whatever is asked, these may be the answer.
ALWAYS: Mapping[int, str] = {
    400: "The request cannot be read: what is wrong stands in `errors`, by the field, or in `code`.",
    401: "No key and no session, or a key that opens nothing.",
    403: "The role or the key does not allow it (`permission_denied`), or a session came without its CSRF token (`csrf_failed`).",
    429: "Asked too often: `Retry-After` says when to come back.",
}
WITH_PATH: Mapping[int, str] = {404: "There is nothing at this address, or it is another company's."}
WITH_BODY: Mapping[int, str] = {
    411: "The body came without its length.",
    413: "The body is larger than is taken.",
    415: "The body is of another kind than this endpoint reads.",
}
WITH_KEY: Mapping[int, str] = {
    409: "The first request with this Idempotency-Key is still being answered (`in_progress`).",
    422: "This Idempotency-Key came with another request before (`idempotency_key_reused`).",
}


@dataclass(frozen=True, slots=True)
class Operation:
    """What was declared. ``answers``: status -> shape; None: no body."""

    answers: Mapping[int, Shape | None]
    body: Shape | None = None
    media: str = JSON
    answers_media: Mapping[int, str] = field(default_factory=dict)
    needs_body: bool = True
    query: Mapping[str, Shape] = field(default_factory=dict)
    headers: Mapping[int, Mapping[str, str]] = field(default_factory=dict)
    refuses: Mapping[int, str] = field(default_factory=dict)
    says: str = ""


def described(
    *,
    answers: Mapping[int, Shape | None],
    body: Shape | None = None,
    media: str = JSON,
    answers_media: Mapping[int, str] | None = None,
    needs_body: bool = True,
    query: Mapping[str, Shape] | None = None,
    headers: Mapping[int, Mapping[str, str]] | None = None,
    refuses: Mapping[int, str] | None = None,
    says: str = "",
) -> Operation:
    """A description. Views whose methods are inherited keep theirs in ``described = {"GET": described(…)}``.

    ``body``: the shape of what is sent, ``needs_body`` False where nothing may be sent as well. ``query``: parameters by name;
    one is required where its shape says ``"required": True``. ``headers``: of an answer, by status, with a sentence each.
    ``refuses``: statuses above 399 with when they come. ``says``: in place of the method's docstring. ``answers_media``: where
    an answer is not JSON.
    """

    return Operation(
        answers=answers,
        body=body,
        media=media,
        answers_media=answers_media or {},
        needs_body=needs_body,
        query=query or {},
        headers=headers or {},
        refuses=refuses or {},
        says=inspect.cleandoc(says),
    )


def operation(**said: Any) -> Callable[[Callable], Callable]:
    """Declare a method of an API view, by the arguments of ``described``."""
    found = described(**said)

    def declare(method: Callable) -> Callable:
        method.operation = found
        return method

    return declare


def declared(view: object, method: str) -> Operation | None:
    """What a view (or its class) says of an HTTP method; None where it says nothing."""
    own = getattr(view, "described", {}).get(method.upper())
    return own or getattr(getattr(view, method.lower(), None), "operation", None)


def takes_key(view: object, method: str) -> bool:
    return getattr(getattr(view, method.lower(), None), "is_idempotent", False)


def refusals(said: Operation, *, method: str, has_path: bool, takes_key: bool) -> dict[int, str]:
    """Every status above 399 that the operation may answer, and when."""
    found = dict(ALWAYS)
    if has_path:
        found |= WITH_PATH
    if method.upper() in ("POST", "PUT", "PATCH") or said.body is not None:
        found |= WITH_BODY
    if takes_key:
        found |= WITH_KEY
    for status, when in said.refuses.items():
        found[status] = f"{when} {found[status]}" if status in WITH_KEY and status in found else when
    return dict(sorted(found.items()))
