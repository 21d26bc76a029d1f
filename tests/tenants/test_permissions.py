"""Who may do what: one table, and doors that read it."""

import ast
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace

import pytest
from django.core.exceptions import PermissionDenied
from rest_framework.exceptions import MethodNotAllowed

from tenants.models import Membership, Role
from tenants.permissions import CAPABILITIES, HasCapability, allows, requires

ROOT = Path(__file__).resolve().parents[2]
APPS = ("tenants", "customers", "predictions", "segmentation", "campaigns", "churnguard")
LADDER = ["viewer", "analyst", "operator", "admin", "owner"]


def test_every_role_is_in_the_table():
    assert set(CAPABILITIES) == set(Role.values)


@pytest.mark.parametrize(("lower", "higher"), list(pairwise(LADDER)))
def test_each_role_may_all_that_the_one_below_may_and_more(lower, higher):
    assert CAPABILITIES[lower] < CAPABILITIES[higher]


@pytest.mark.parametrize(
    ("capability", "lowest"),
    [
        ("view_customers", "viewer"),
        ("view_models", "viewer"),
        ("view_notifications", "viewer"),
        ("import_customers", "analyst"),
        ("export_customers", "analyst"),
        ("train_models", "analyst"),
        ("score_customers", "analyst"),
        ("curate_data", "operator"),
        ("erase_customers", "admin"),
        ("manage_members", "admin"),
        ("view_audit", "admin"),
        ("set_security", "owner"),
    ],
)
def test_capability_begins_at_its_role(capability, lowest):
    assert [role for role in LADDER if allows(role, capability)] == LADDER[LADDER.index(lowest) :]


def test_every_capability_opens_something():
    """One that no door asks for would still stand on the page of members as something that a role may do."""
    told = {"permissions.py", "wording.py", "wording_roles.py"}
    files = [path for app in APPS for path in (ROOT / app).rglob("*.py") if path.name not in told]
    said = {
        node.value
        for path in files
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    assert CAPABILITIES["owner"] - said == set()


@pytest.mark.parametrize(
    ("role", "capability"), [("nobody", "view_customers"), ("", "view_customers"), ("owner", "fly"), ("owner", "")]
)
def test_unknown_role_or_capability_is_refused(role, capability):
    assert not allows(role, capability)
    assert not Membership(role=role).can(capability)


def test_door_with_a_capability_that_nobody_holds_does_not_build():
    with pytest.raises(ValueError, match="Nobody holds"):
        requires("fly")


def request_of(role: str | None) -> SimpleNamespace:
    return SimpleNamespace(membership=Membership(role=role) if role else None, method="GET")


def test_page_opens_for_the_right_role_only():
    page = requires("train_models")(lambda request: "opened")
    assert page.capability == "train_models"
    assert page(request_of("analyst")) == "opened"
    for request in (request_of("viewer"), request_of(None), SimpleNamespace()):
        with pytest.raises(PermissionDenied):
            page(request)


@pytest.mark.parametrize(
    ("role", "capability", "method", "opens"),
    [
        ("viewer", "view_customers", "GET", True),
        ("viewer", "train_models", "GET", False),
        ("viewer", {"GET": "view_customers", "POST": "import_customers"}, "GET", True),
        ("viewer", {"GET": "view_customers", "POST": "import_customers"}, "POST", False),
        ("owner", {"GET": "view_customers"}, "DELETE", False),
        ("owner", None, "GET", False),
        (None, "view_customers", "GET", False),
    ],
)
def test_api_opens_by_the_same_table_and_is_closed_without_a_capability(role, capability, method, opens):
    inner = request_of(role)
    request = SimpleNamespace(_request=inner, method=method)
    view = SimpleNamespace(capability=capability, get=None, post=None, delete=None)
    assert HasCapability().has_permission(request, view) is opens


def test_method_that_the_view_does_not_have_is_not_allowed_to_anybody():
    view = SimpleNamespace(capability="view_customers", get=None)
    with pytest.raises(MethodNotAllowed):
        HasCapability().has_permission(SimpleNamespace(_request=request_of("owner"), method="DELETE"), view)
