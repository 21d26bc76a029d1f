"""Choosing a language: for the person when signed in, for the browser always, and never a way out to another site."""

import pytest

URL = "/language"


def test_anonymous_choice_is_kept_on_the_browser(client, db):
    answer = client.post(URL, {"language": "fr", "next": "/sign-in"})
    assert answer.status_code == 302
    assert answer["Location"] == "/sign-in"
    assert client.cookies["django_language"].value == "fr"
    assert client.get("/sign-in").headers["Content-Language"] == "fr"


def test_signed_in_choice_is_kept_with_the_person(client_for, alice):
    client_for(alice).post(URL, {"language": "fr"})
    alice.refresh_from_db()
    assert alice.locale == "fr"


@pytest.mark.parametrize("language", ["xx", "", "de", "../en", "f" * 500])
def test_unknown_language_changes_nothing(client_for, alice, language):
    client = client_for(alice)
    assert client.post(URL, {"language": language}).status_code == 302
    alice.refresh_from_db()
    assert alice.locale == ""
    assert "django_language" not in client.cookies


@pytest.mark.parametrize(
    "target", ["https://evil.example.com/", "//evil.example.com", "javascript:alert(1)", "\\\\evil", ""]
)
def test_address_of_another_site_is_not_followed(client, db, target):
    assert client.post(URL, {"language": "fr", "next": target})["Location"] == "/"


def test_choosing_is_a_post(client, db):
    assert client.get(URL).status_code == 405
