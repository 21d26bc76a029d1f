"""Every address is guarded: by a capability, by being signed in, or it is on a list that says it is open."""

import pytest
from django.conf import settings
from django.urls import URLPattern, URLResolver, get_resolver

from tenants.permissions import CAPABILITIES, HasCapability

OPEN = {
    "livez",
    "readyz",
    "metrics",  # a token, or an address of the operator's own
    "tenants:sign_in",
    "tenants:sign_in_code",  # after the password
    "tenants:invitation",  # a sealed token names the company
    "tenants:password_reset",
    "tenants:password_reset_sent",
    "tenants:password_reset_confirm",
    "tenants:password_reset_done",
    "tenants:set_language",
    "tenants:stop_mails",  # a signed token names the person
    "campaigns:unsubscribe",  # a sealed token names the company
    "campaigns:click",
    "campaigns:open",
    "campaigns:mail_report",  # a provider's signature
}
SIGNED_IN_ONLY = {
    "home",  # leads to the dashboard
    "tenants:sign_out",
    "tenants:password_change",
    "tenants:switch_workspace",  # checks the membership row itself
    "tenants:profile",
    "tenants:set_picture",
    "tenants:picture",  # one's own, or of somebody in a company that both are in
    "tenants:end_session",
    "tenants:end_other_sessions",
    "tenants:leave_company",  # the company of the session, by one's own membership row
    "tenants:second_factor",
    "tenants:renew_recovery_codes",
    "tenants:end_second_factor",
}
HELD = set().union(*CAPABILITIES.values())


def walk(resolver=None, names=(), path="") -> list[tuple[str, str, object]]:
    found = []
    for entry in (resolver or get_resolver()).url_patterns:
        here = path + str(entry.pattern)
        if isinstance(entry, URLResolver):
            found += walk(entry, (*names, *filter(None, [entry.namespace])), here)
        elif isinstance(entry, URLPattern):
            found.append((":".join((*names, entry.name or here)), here, entry.callback))
    return found


DOORS = [door for door in walk() if not door[0].startswith("admin:")]


def is_api(view) -> bool:
    return hasattr(getattr(view, "cls", None), "permission_classes")


@pytest.mark.parametrize(("name", "path", "view"), DOORS, ids=[d[0] for d in DOORS])
def test_door_is_guarded_or_open_on_purpose(name, path, view):
    is_open = not getattr(view, "login_required", True)
    if is_api(view):
        assert view.cls.permission_classes == [HasCapability], "an API view keeps the house's permission"
        wanted = view.cls.capability
        held = set(wanted.values()) if isinstance(wanted, dict) else {wanted}
        assert held <= HELD
        methods = {m.upper() for m in ("get", "post", "put", "patch", "delete") if hasattr(view.cls, m)}
        assert not isinstance(wanted, dict) or set(wanted) >= methods, "every method names its capability"
    elif name in OPEN:
        assert is_open
    elif name in SIGNED_IN_ONLY:
        assert not is_open
    else:
        assert not is_open
        assert view.capability in HELD


def test_lists_name_no_door_that_is_gone():
    assert {name for name, *_ in DOORS} >= OPEN | SIGNED_IN_ONLY


def test_sources_addresses_stand_as_it_names_them():
    paths = {path for _, path, _ in DOORS}
    assert {
        "dashboard",
        "clients",
        "clients/<uuid:public_id>",
        "mlops",
        "api/train",
        "api/notifications",
        "imports",
        "retention/preview/<uuid:public_id>",
        "api/campaign/bulk",
    } <= paths


def test_numbers_of_rows_are_in_no_address():
    """Public identifiers only; numbers of model versions and of segments are counted in one company each."""
    numbered = {path for _, path, _ in DOORS if "<int:" in path}
    assert numbered == {
        "mlops/versions/<int:number>",
        "mlops/versions/<int:number>/promote",
        "api/models/<int:number>",
        "api/models/<int:number>/promote",
        "segments/<int:number>/persona",
        "messages/<uuid:public_id>/versions/<int:number>/mail",
    }


@pytest.mark.parametrize(("name", "path", "view"), DOORS, ids=[d[0] for d in DOORS])
def test_anonymous_gets_nothing_but_the_way_to_sign_in(client, db, name, path, view):
    if name in OPEN:
        return
    address = "/" + path.replace("<uuid:public_id>", "00000000-0000-4000-8000-000000000000").replace(
        "<int:number>", "1"
    )
    for method in ("get", "post"):
        answer = getattr(client, method)(address)
        if is_api(view):
            assert answer.status_code in (401, 403)
            assert answer.headers["Content-Type"] == "application/problem+json"
        else:
            assert (answer.status_code, answer["Location"].split("?")[0]) == (302, "/sign-in")


@pytest.mark.parametrize(("name", "path", "view"), DOORS, ids=[d[0] for d in DOORS])
def test_person_without_a_company_gets_nothing_that_is_a_companys(client_for, db, name, path, view):
    from tenants.models import User

    if name in OPEN | SIGNED_IN_ONLY:
        return
    client = client_for(User.objects.create_user("lone@example.com", "a-long-enough-password"))
    address = "/" + path.replace("<uuid:public_id>", "00000000-0000-4000-8000-000000000000").replace(
        "<int:number>", "1"
    )
    assert client.get(address).status_code in (403, 405)
    assert client.post(address).status_code in (403, 405)


def test_forged_request_is_refused(cast):
    from django.test import Client

    client = Client(enforce_csrf_checks=True)
    client.force_login(cast.alice)
    for address in (
        "/api/train",
        "/api/imports",
        "/mlops/train",
        "/imports/upload",
        "/notifications/read",
        "/sign-out",
    ):
        assert client.post(address).status_code == 403, address


def test_deny_by_default_is_switched_on():
    assert "core.middleware.LoginRequiredMiddleware" in settings.MIDDLEWARE
    assert settings.REST_FRAMEWORK["DEFAULT_PERMISSION_CLASSES"] == ["tenants.permissions.HasCapability"]


def test_back_office_is_for_those_who_curate(client_for, cast):
    for person, status in ((cast.omar, 200), (cast.alice, 200), (cast.bob, 403), (cast.anna, 403)):
        answer = client_for(person).get("/admin/", follow=True)
        assert answer.status_code == status, person
    answer = client_for(None).get("/admin/", follow=True)
    assert answer.redirect_chain[-1][0].startswith("/sign-in")


def test_probes_ask_nothing_of_anybody(client, db, django_assert_num_queries):
    with django_assert_num_queries(0):
        assert client.get("/livez").content == b"ok"
    assert client.get("/readyz").json()["database"] == "ok"
    assert client.post("/livez").status_code == 405
