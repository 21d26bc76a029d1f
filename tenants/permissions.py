"""Who may do what: one table, asked by pages, API and admin alike."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps

from django.core.exceptions import PermissionDenied
from django.utils.translation import gettext as _
from rest_framework.exceptions import MethodNotAllowed
from rest_framework.permissions import BasePermission

_VIEWER = {"read_api", "view_customers", "view_models", "view_notifications", "view_campaigns", "view_members"}
_ANALYST = _VIEWER | {
    "import_customers",
    "train_models",
    "score_customers",
    "export_customers",
    "propose_churn_definition",
    "set_economics",
    "refresh_segments",
    "save_rule_segments",
    "allocate_offers",
    "compose_campaigns",
    "write_messages",
}
_OPERATOR = _ANALYST | {
    "curate_data",
    "promote_models",
    "set_routine",
    "name_segments",
    "edit_offers",
    "approve_campaigns",
    "run_campaigns",
    "record_consent",
    "view_system",
    "retry_jobs",
    "release_mail",
}
_ADMIN = _OPERATOR | {
    "erase_customers",
    "manage_members",
    "manage_workspace",
    "manage_feeds",
    "manage_keys",
    "manage_webhooks",
    "view_audit",
    "adopt_churn_definition",
    "set_sender",
}
_OWNER = _ADMIN | {"set_security"}

CAPABILITIES: dict[str, frozenset[str]] = {
    "viewer": frozenset(_VIEWER),
    "analyst": frozenset(_ANALYST),
    "operator": frozenset(_OPERATOR),
    "admin": frozenset(_ADMIN),
    "owner": frozenset(_OWNER),
}

# What a program's key may be given: whatever the API asks for, and nothing that only a person does on a page. A key that
# could make keys would outlive its own revocation; one that manages members invites and removes those only who may no
# more than itself (``members.may_give``).
FOR_KEYS: tuple[str, ...] = (
    "view_customers",
    "view_models",
    "view_campaigns",
    "view_notifications",
    "import_customers",
    "train_models",
    "score_customers",
    "set_economics",
    "refresh_segments",
    "save_rule_segments",
    "allocate_offers",
    "write_messages",
    "compose_campaigns",
    "propose_churn_definition",
    "edit_offers",
    "retry_jobs",
    "curate_data",
    "promote_models",
    "set_routine",
    "name_segments",
    "record_consent",
    "approve_campaigns",
    "run_campaigns",
    "adopt_churn_definition",
    "erase_customers",
    "view_members",
    "manage_members",
    "manage_webhooks",
    "manage_feeds",
    "set_sender",
)


def allows(role: str, capability: str) -> bool:
    return capability in CAPABILITIES.get(role, frozenset())


def requires(capability: str) -> Callable:
    """Guard a page: signed in (by the middleware), a member of a company, and allowed by role; else 403."""
    if not any(capability in held for held in CAPABILITIES.values()):
        raise ValueError(f"Nobody holds the capability {capability!r}.")

    def decorate(view: Callable) -> Callable:
        @wraps(view)
        def guarded(request, *args, **kwargs):
            membership = getattr(request, "membership", None)
            if membership is None or not membership.can(capability):
                raise PermissionDenied
            return view(request, *args, **kwargs)

        guarded.capability = capability
        return guarded

    return decorate


class HasCapability(BasePermission):
    """The same for the API. A view names ``capability`` (or one for each method); one that names none is closed.

    The membership of a request by key holds no more than the key's scopes, so a key is asked by the same line.
    """

    def has_permission(self, request, view) -> bool:
        if getattr(request._request, "second_factor_wanted", False):
            self.code, self.message = "second_factor_wanted", _("This company asks for a second factor: set yours up.")
        membership = getattr(request._request, "membership", None)
        if membership is None:
            return False
        method = "GET" if request.method == "HEAD" else request.method
        if not hasattr(view, method.lower()):
            raise MethodNotAllowed(method)  # nobody may, and a role would be looked for in vain
        capability = getattr(view, "capability", None)
        if isinstance(capability, dict):
            capability = capability.get(method)
        return bool(capability and membership.can(capability))
