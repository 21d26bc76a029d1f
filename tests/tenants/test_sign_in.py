"""Signing in and out, and the way back in for who forgot the password or never had one."""

import re

import pytest
from django.core import mail
from django.urls import reverse

from tenants import services
from tenants.scoping import tenant_scope
from tests.conftest import PASSWORD

SIGN_IN = "/sign-in"


def sign_in(client, email: str, password: str = PASSWORD, **extra):
    return client.post(SIGN_IN, {"username": email, "password": password, **extra})


@pytest.mark.parametrize("email", ["alice@atlas.example.com", " Alice@ATLAS.example.com "])
def test_right_password_opens_the_dashboard_whatever_the_case_of_the_address(client, cast, email):
    answer = sign_in(client, email)
    assert (answer.status_code, answer["Location"]) == (302, reverse("dashboard:dashboard"))
    assert int(client.session["_auth_user_id"]) == cast.alice.pk


@pytest.mark.parametrize(
    ("email", "password"),
    [("alice@atlas.example.com", "wrong"), ("nobody@example.com", PASSWORD), ("", ""), ("alice@atlas.example.com", "")],
)
def test_wrong_pair_shows_the_form_again_and_the_same_words(client, cast, email, password):
    answer = sign_in(client, email, password)
    assert answer.status_code == 200
    assert "_auth_user_id" not in client.session


def test_answer_does_not_say_whether_the_address_is_known(client, cast):
    said = [
        sign_in(client, email, "wrong").context["form"].errors.as_text()
        for email in ("alice@atlas.example.com", "no@example.com")
    ]
    assert said[0] == said[1] != ""


def test_person_who_was_shut_out_does_not_get_in(client, cast):
    cast.bob.is_active = False
    cast.bob.save()
    sign_in(client, cast.bob.email)
    assert "_auth_user_id" not in client.session


def test_page_that_was_asked_for_is_shown_after_signing_in(client, cast):
    answer = client.get("/clients?band=high")
    assert answer.status_code == 302
    target = answer["Location"]
    assert target.startswith(SIGN_IN + "?next=")
    answer = client.post(target, {"username": cast.alice.email, "password": PASSWORD})
    assert answer["Location"] == "/clients?band=high"


def test_address_of_another_site_is_not_followed_after_signing_in(client, cast):
    answer = sign_in(client, cast.alice.email, next="https://evil.example.com/")
    assert answer["Location"] == reverse("dashboard:dashboard")


def test_signed_in_person_is_not_asked_again(client_for, cast):
    assert client_for(cast.alice).get(SIGN_IN)["Location"] == reverse("dashboard:dashboard")


def test_signing_out_is_a_post_and_ends_the_session(client_for, cast):
    client = client_for(cast.alice)
    assert client.get("/sign-out").status_code == 405
    assert client.post("/sign-out")["Location"] == SIGN_IN
    assert client.get("/clients").status_code == 302


def test_session_starts_anew_at_signing_in(client, cast):
    client.get(SIGN_IN)
    session = client.session
    session["before"] = 1
    session.save()
    old = session.session_key
    client.cookies["sessionid"] = old
    sign_in(client, cast.alice.email)
    assert client.session.session_key != old


def ask_for_reset(client, email: str) -> str:
    """The address in the mail, or nothing."""
    answer = client.post("/password-reset", {"email": email})
    assert (answer.status_code, answer["Location"]) == (302, reverse("tenants:password_reset_sent"))
    if not mail.outbox:
        return ""
    found = re.search(r"https?://testserver(/password-reset/\S+)", mail.outbox[-1].body)
    assert found, mail.outbox[-1].body
    return found[1]


def test_forgotten_password_is_replaced_by_a_link_in_a_mail(client, cast):
    link = ask_for_reset(client, cast.alice.email)
    assert mail.outbox[0].to == [cast.alice.email]
    form = client.get(link, follow=True)
    assert form.status_code == 200
    done = client.post(
        form.redirect_chain[-1][0], {"new_password1": "a-brand-new-secret", "new_password2": "a-brand-new-secret"}
    )
    assert done["Location"] == reverse("tenants:password_reset_done")
    assert client.get(done["Location"]).status_code == 200
    cast.alice.refresh_from_db()
    assert cast.alice.check_password("a-brand-new-secret")
    assert client.get(link, follow=True).context["validlink"] is False, "the link works once"


def test_weak_new_password_is_refused(client, cast):
    form = client.get(ask_for_reset(client, cast.alice.email), follow=True)
    answer = client.post(form.redirect_chain[-1][0], {"new_password1": "short", "new_password2": "short"})
    assert answer.status_code == 200
    cast.alice.refresh_from_db()
    assert cast.alice.check_password(PASSWORD)


def test_unknown_address_gets_the_same_answer_and_no_mail(client, cast):
    assert ask_for_reset(client, "nobody@example.com") == ""


def test_invited_person_without_a_password_sets_one_by_the_same_way(client, cast):
    with tenant_scope(cast.atlas):
        invited = services.add_member(email="new@atlas.example.com", role="viewer").user
    assert not invited.has_usable_password()
    link = ask_for_reset(client, invited.email)
    assert link, "who never had a password must be able to set one"
    form = client.get(link, follow=True)
    client.post(
        form.redirect_chain[-1][0], {"new_password1": "a-brand-new-secret", "new_password2": "a-brand-new-secret"}
    )
    assert sign_in(client, invited.email, "a-brand-new-secret").status_code == 302


def test_person_who_was_shut_out_gets_no_mail(client, cast):
    cast.bob.is_active = False
    cast.bob.save()
    assert ask_for_reset(client, cast.bob.email) == ""


def test_password_is_changed_by_who_knows_the_old_one(client_for, cast):
    client = client_for(cast.alice)
    new = {"new_password1": "a-brand-new-secret", "new_password2": "a-brand-new-secret"}
    assert client.post("/password", {"old_password": "wrong", **new}).status_code == 200
    assert client.post("/password", {"old_password": PASSWORD, **new}).status_code == 302
    cast.alice.refresh_from_db()
    assert cast.alice.check_password("a-brand-new-secret")
