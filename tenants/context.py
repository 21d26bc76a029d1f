"""What every page of the site shows around its own content."""

from __future__ import annotations

from django.http import HttpRequest

from . import permissions


def workspace(request: HttpRequest) -> dict[str, object]:
    membership = getattr(request, "membership", None)
    if membership is None:
        return {"workspace": None, "membership": None, "can": {}}
    held = permissions.CAPABILITIES.get(membership.role, frozenset())
    return {"workspace": membership.tenant, "membership": membership, "can": dict.fromkeys(held, True)}
