"""A cookie that was copied is worth nothing once its person signed out, changed the password or lost the place."""

import pytest
from django.test import Client

from tenants.models import ApiKey, Membership, Role, User
from tests.conftest import PASSWORD
from tests.everywhere import every
from tests.tenants.test_sign_in import sign_in

from .checks import is_refused

NEW = "a-brand-new-secret"
DOORS = ("/dashboard", "/clients", "/api/notifications", "/admin/", "/workspace/keys")


@pytest.fixture
def alice(cast) -> Client:
    """A browser in which Alice typed her password."""
    client = Client()
    assert sign_in(client, cast.alice.email).status_code == 302
    return client


def copied(client: Client) -> Client:
    """Another browser with the same cookies."""
    thief = Client()
    for name, morsel in client.cookies.items():
        thief.cookies[name] = morsel.value
    return thief


def opened(client: Client) -> list[str]:
    return [door for door in DOORS if not is_refused(client.get(door))]


def test_copied_cookie_opens_what_its_person_may_until_then(alice):
    """The control of the tests below."""
    assert opened(copied(alice)) == list(DOORS)


def test_cookie_is_void_after_signing_out(alice):
    thief = copied(alice)
    assert alice.post("/sign-out").status_code == 302
    assert opened(thief) == []


def test_cookie_of_before_signing_in_is_not_that_of_after(cast):
    """A session that somebody planted is not the one that a password then opens."""
    planted = Client()
    planted.get("/sign-in")
    session = planted.session
    session["planted"] = True
    session.save()
    thief = copied(planted)
    assert sign_in(planted, cast.alice.email).status_code == 302
    assert opened(thief) == []


def test_other_cookies_are_void_after_a_new_password_and_this_one_goes_on(cast, alice):
    elsewhere = Client()
    sign_in(elsewhere, cast.alice.email)
    thief = copied(alice)
    body = {"old_password": PASSWORD, "new_password1": NEW, "new_password2": NEW}
    assert alice.post("/password", body).status_code == 302
    assert opened(alice) == list(DOORS)
    assert opened(elsewhere) == opened(thief) == []


def test_cookies_are_void_after_a_password_that_was_set_for_the_person(cast, alice):
    cast.alice.set_password(NEW)
    cast.alice.save()
    assert opened(alice) == []


def test_cookie_opens_nothing_of_a_company_that_let_the_person_go(cast, alice):
    Membership.objects.filter(user=cast.alice).delete()
    assert opened(alice) == []


def test_cookie_opens_what_the_new_role_may_and_no_more(cast, alice):
    Membership.objects.filter(user=cast.alice).update(role=Role.VIEWER)
    assert opened(alice) == ["/dashboard", "/clients", "/api/notifications"]


def test_cookies_of_a_person_who_was_shut_out_are_void(cast, alice):
    User.objects.filter(pk=cast.alice.pk).update(is_active=False)
    assert opened(alice) == []


@pytest.mark.parametrize("damage", ["x", "", "0" * 32, "../../etc/passwd", "a" * 5000, "'; DROP TABLE django_session"])
def test_cookie_that_is_none_opens_nothing(cast, damage):
    client = Client()
    client.cookies["sessionid"] = damage
    assert opened(client) == []


def test_what_is_asked_with_a_void_cookie_changes_nothing(cast, alice):
    thief = copied(alice)
    alice.post("/sign-out")
    before = Membership.objects.count(), cast.atlas.updated_at
    for address in ("/workspace/keys", "/api/train", "/imports/upload", "/sign-out", "/language"):
        thief.post(address, {"name": "x", "scopes": ["view_customers"], "days": "30"})
    cast.atlas.refresh_from_db()
    assert (Membership.objects.count(), cast.atlas.updated_at) == before
    assert not every(ApiKey).exists()
