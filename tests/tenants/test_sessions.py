"""Where one is signed in: listed, ended, and refused when somebody keeps the cookie. Tabs of two companies do not mix."""

import re

import pytest
from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.backends.base import UpdateError
from django.test import Client
from django.utils import timezone

from tenants import browsers, members, services, sessions
from tenants.models import BrowserSession, Membership, Role
from tenants.scoping import tenant_scope
from tenants.session_store import SessionStore
from tests.conftest import PASSWORD
from tests.tenants.test_members import seat
from tests.tenants.test_sign_in import ask_for_reset, sign_in

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:143.0) Gecko/20100101 Firefox/143.0"
CHROME = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0 Safari/537.36"
PHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1 (KHTML, like Gecko) Version/18 Mobile Safari/604.1"
NEW = {"new_password1": "a-brand-new-secret", "new_password2": "a-brand-new-secret"}


def browser(person, agent: str = FIREFOX, **extra) -> Client:
    client = Client(headers={"user-agent": agent}, **extra)
    assert sign_in(client, person.email).status_code == 302
    return client


def replay(client: Client) -> Client:
    """Somebody who kept a copy of the cookie."""
    thief = Client()
    thief.cookies["sessionid"] = client.cookies["sessionid"].value
    return thief


def is_in(client: Client) -> bool:
    answer = client.get("/profile")
    assert answer.status_code == 200 or answer["Location"].startswith("/sign-in")
    return answer.status_code == 200


def others(client: Client) -> list:
    return [place for place in client.get("/profile").context["places"] if not place.is_this]


@pytest.mark.parametrize(
    ("agent", "name"),
    [
        (FIREFOX, "Firefox on Linux"),
        (CHROME, "Chrome on Windows"),
        (PHONE, "Safari on iPhone"),
        ("curl/8.1", "curl"),
        ("", "A browser that does not say what it is"),
        ("<script>alert(1)</script>", "A browser that does not say what it is"),
    ],
)
def test_browser_is_called_by_names_of_ours(agent, name):
    assert browsers.words(browsers.code_of(agent)) == name


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.77", "192.0.2.x"),
        ("2001:db8:1:2::5", "2001:db8:1::/48"),
        ("2001:db8:1:2::/64", "2001:db8:1::/48"),
        ("nonsense", ""),
    ],
)
def test_address_is_kept_coarse(address, network):
    assert browsers.network_of(address) == network


def test_places_are_listed_with_browser_network_and_this_one(cast):
    here = browser(cast.alice)
    browser(cast.alice, PHONE, REMOTE_ADDR="198.51.100.9")
    browser(cast.bob)
    places = here.get("/profile").context["places"]
    assert [(p.browser, p.address, p.is_this) for p in sorted(places, key=lambda p: not p.is_this)] == [
        ("Firefox on Linux", "127.0.0.x", True),
        ("Safari on iPhone", "198.51.100.x", False),
    ]


def test_page_shows_no_key_of_any_session(cast):
    here, there = browser(cast.alice), browser(cast.alice, PHONE)
    text = here.get("/profile").content.decode()
    for client in (here, there):
        assert client.cookies["sessionid"].value not in text


def test_one_place_is_ended_and_the_others_go_on(cast):
    here, there = browser(cast.alice), browser(cast.alice, PHONE)
    (place,) = others(here)
    assert here.post(f"/profile/sessions/{place.public_id}/end").status_code == 302
    assert (is_in(here), is_in(there), is_in(replay(there))) == (True, False, False)
    assert here.post(f"/profile/sessions/{place.public_id}/end").status_code == 404


def test_nobody_ends_a_session_of_somebody_else(cast):
    alice, bob = browser(cast.alice), browser(cast.bob)
    place = BrowserSession.objects.get(user=cast.alice)
    assert bob.post(f"/profile/sessions/{place.public_id}/end").status_code == 404
    assert is_in(alice)


def test_everywhere_else_is_ended(cast):
    here, *rest = [browser(cast.alice) for _ in range(3)]
    bob = browser(cast.bob)
    here.post("/profile/sessions/end-others")
    assert is_in(here) and is_in(bob)
    assert not any(is_in(client) for client in rest)


# ---------------------------------------------------------------- a cookie that somebody kept


@pytest.mark.parametrize("ending", ["sign-out", "password", "reset", "removed", "shut out", "account gone"])
def test_kept_cookie_opens_nothing_after(cast, client_for, ending):
    client = browser(cast.anna)
    thief = replay(client)
    assert is_in(thief)
    if ending == "sign-out":
        client.post("/sign-out")
    elif ending == "password":
        client.post("/password", {"old_password": PASSWORD, **NEW})
        assert is_in(client), "who changed it goes on"
        assert client.cookies["sessionid"].value != thief.cookies["sessionid"].value
    elif ending == "reset":
        stranger = Client()
        form = stranger.get(ask_for_reset(stranger, cast.anna.email), follow=True)
        assert stranger.post(form.redirect_chain[-1][0], NEW).status_code == 302
    elif ending == "removed":
        with tenant_scope(cast.atlas):
            members.remove_member(membership=seat(cast.anna), by=seat(cast.olfa))
    elif ending == "shut out":
        cast.anna.is_active = False
        cast.anna.save()
    else:
        cast.anna.delete()
    assert not is_in(thief)
    assert thief.get("/api/notifications").status_code == 401
    assert thief.get("/admin/").status_code == 302


def test_session_that_was_ended_is_not_written_anew_by_a_request_under_way(cast):
    """A request that began before the end of its session, and saves it after."""
    browser(cast.alice)
    under_way = SessionStore(BrowserSession.objects.get(user=cast.alice).session_key)
    under_way["x"] = 1
    sessions.end_all(cast.alice)
    with pytest.raises(UpdateError):
        under_way.save()
    assert not BrowserSession.objects.filter(user=cast.alice).exists()


def test_last_seen_is_written_once_in_some_minutes(cast, time_machine, django_assert_num_queries):
    time_machine.move_to("2026-03-01T12:00:00Z", tick=False)
    client = browser(cast.alice)
    first = BrowserSession.objects.get(user=cast.alice).seen_at
    time_machine.shift(60)
    client.get("/profile")
    assert BrowserSession.objects.get(user=cast.alice).seen_at == first
    time_machine.shift(300)
    client.get("/profile")
    assert BrowserSession.objects.get(user=cast.alice).seen_at == timezone.now()


def test_expired_rows_are_forgotten(cast, time_machine):
    time_machine.move_to("2026-03-01T12:00:00Z", tick=False)
    browser(cast.alice)
    time_machine.shift(15 * 86_400)
    kept = browser(cast.bob)
    assert sessions.forget_expired() == 1
    assert is_in(kept)


def test_own_session_is_ended_like_signing_out(cast):
    here = browser(cast.alice)
    kept = replay(here)
    place = BrowserSession.objects.get(user=cast.alice)
    assert here.post(f"/profile/sessions/{place.public_id}/end")["Location"] == "/sign-in"
    assert (is_in(here), is_in(kept)) == (False, False)


def test_new_password_by_mail_in_a_browser_that_is_signed_in(cast):
    here, there = browser(cast.alice), browser(cast.alice)
    form = here.get(ask_for_reset(here, cast.alice.email), follow=True)
    assert here.post(form.redirect_chain[-1][0], NEW).status_code == 302
    assert (is_in(here), is_in(there)) == (False, False)
    assert sign_in(here, cast.alice.email, NEW["new_password1"]).status_code == 302


# ---------------------------------------------------------------- tabs of two companies


@pytest.fixture
def diana(cast):
    """An admin at Atlas, and at Borealis."""
    for tenant in (cast.atlas, cast.borealis):
        with tenant_scope(tenant):
            member = services.add_member(email="diana@example.com", name="Diana", role=Role.ADMIN, password=PASSWORD)
    return member.user


def token_of(answer) -> str:
    return re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', answer.content.decode())[1]


def strict(person) -> Client:
    client = Client(enforce_csrf_checks=True)
    token = token_of(client.get("/sign-in"))
    form = {"username": person.email, "password": PASSWORD, "csrfmiddlewaretoken": token}
    assert client.post("/sign-in", form).status_code == 302
    return client


def switch(client: Client, slug: str, token: str):
    return client.post("/workspace", {"workspace": slug, "csrfmiddlewaretoken": token})


def test_form_of_one_company_sent_after_switching_to_another_writes_nowhere(cast, diana):
    client = strict(diana)
    page = client.get("/members")
    assert page.context["workspace"] == cast.atlas
    old = token_of(page)
    assert switch(client, "borealis-mobile", old).status_code == 302
    body = {"email": "x@example.com", "role": "viewer"}
    answer = client.post("/members", body | {"csrfmiddlewaretoken": old})
    assert answer.status_code == 403
    answer = client.post("/api/invitations", body, content_type="application/json", headers={"X-CSRFToken": old})
    assert answer.status_code == 403
    page = client.get("/members")
    assert page.context["workspace"] == cast.borealis
    assert page.context["pending"] == []
    client.post("/members", body | {"csrfmiddlewaretoken": token_of(page)})
    assert len(client.get("/members").context["pending"]) == 1
    switch(client, "atlas-telecom", token_of(client.get("/members")))
    assert client.get("/members").context["pending"] == []


def test_request_under_way_does_not_undo_a_switch(cast, diana, time_machine):
    """A bell that was asked for before the switch, and answers after it, writes "last seen" and no more."""
    time_machine.move_to("2026-03-01T12:00:00Z", tick=False)
    client = strict(diana)
    page = client.get("/members")
    time_machine.shift(600)
    under_way = SessionStore(client.cookies["sessionid"].value)
    assert under_way[sessions.WORKSPACE] == str(cast.atlas.pk)
    switch(client, "borealis-mobile", token_of(page))
    sessions.seen(under_way)
    assert not under_way.modified
    assert BrowserSession.objects.get(user=diana).seen_at == timezone.now()
    assert client.get("/members").context["workspace"] == cast.borealis


def test_switching_to_where_one_is_already_voids_no_form(cast, diana):
    client = strict(diana)
    old = token_of(client.get("/members"))
    switch(client, "atlas-telecom", old)
    assert switch(client, "borealis-mobile", old).status_code == 302


def test_form_of_a_company_that_one_has_left_is_not_written_into_another(client_for, cast, diana):
    client = client_for(diana)
    assert client.get("/members").context["workspace"] == cast.atlas
    Membership.objects.filter(user=diana, tenant=cast.atlas).delete()
    answer = client.post("/members", {"email": "x@example.com", "role": "viewer"})
    assert answer.status_code == 403
    assert "no longer in this company" in answer.content.decode()
    assert client.get("/members").context["workspace"] == cast.borealis
    assert client.get("/members").context["pending"] == []


def test_new_seat_in_another_company_does_not_move_the_open_pages(client_for, cast):
    """Aaa comes before Atlas by name: without a company in the session the first one would be taken."""
    client = client_for(cast.bob)
    client.get("/members")
    first = services.create_company(slug="aaa", name="Aaa")
    with tenant_scope(first):
        services.add_member(email=cast.bob.email, role=Role.OWNER)
    assert client.get("/members").context["workspace"] == cast.atlas


def test_session_begins_in_a_company_of_the_persons(client_for, cast, diana):
    client = client_for(diana)
    assert client.session[sessions.WORKSPACE] == str(cast.atlas.pk)
    assert client.session[SESSION_KEY] == str(diana.pk)
