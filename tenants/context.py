"""What every page of the site shows around its own content."""

from __future__ import annotations

from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject


def workspace(request: HttpRequest) -> dict[str, object]:
    membership = getattr(request, "membership", None)
    if membership is None:
        return {"workspace": None, "membership": None, "can": {}, "workspaces": []}
    return {
        "workspace": membership.tenant,
        "membership": membership,
        "can": dict.fromkeys(membership.capabilities, True),
        # Asked for by whole pages only, so that a fragment pays no query for the switcher.
        "workspaces": SimpleLazyObject(
            lambda: list(request.user.memberships.select_related("tenant").order_by("tenant__name")[:50])
        ),
    }
