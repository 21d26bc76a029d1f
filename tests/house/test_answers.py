"""What every answer carries: the browser's rules, no copy of customers' data in a cache, no leak in an error page."""

import re

import pytest
from django.conf import settings

from tests.everywhere import every

PAGES = [
    "/dashboard",
    "/clients",
    "/imports",
    "/quality",
    "/mlops",
    "/notifications",
    "/password",
    "/profile",
    "/members",
    "/profile/second-factor",
]


def policy_of(answer) -> dict[str, list[str]]:
    parts = [part.split() for part in answer.headers["Content-Security-Policy"].split(";") if part.strip()]
    return {name: values for name, *values in parts}


@pytest.mark.parametrize("page", [*PAGES, "/sign-in", "/password-reset", "/nowhere"])
def test_policy_is_strict_on_every_page(client_for, cast, page):
    answer = client_for(None if page in ("/sign-in", "/password-reset") else cast.alice).get(page)
    policy = policy_of(answer)
    assert policy["default-src"] == ["'none'"]
    assert policy["script-src"] == ["'self'"]
    assert policy["connect-src"] == ["'self'"]
    assert policy["frame-ancestors"] == ["'none'"]
    assert policy["base-uri"] == ["'none'"]
    assert policy["form-action"] == ["'self'"]
    everything = " ".join(" ".join(values) for values in policy.values())
    for loose in ("unsafe-inline", "unsafe-eval", "http:", "https:", "*", "strict-dynamic"):
        assert loose not in everything


@pytest.mark.parametrize("page", PAGES)
def test_page_of_a_signed_in_person_is_kept_by_no_cache(client_for, cast, page):
    answer = client_for(cast.alice).get(page)
    assert answer.status_code == 200
    assert "no-store" in answer.headers["Cache-Control"]
    assert "HX-Request" in answer.headers["Vary"]


@pytest.mark.parametrize("page", [*PAGES, "/sign-in"])
def test_other_headers_close_the_usual_holes(client_for, cast, page):
    headers = client_for(None if page == "/sign-in" else cast.alice).get(page).headers
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Referrer-Policy"] == "same-origin"
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert "camera=()" in headers["Permissions-Policy"]


@pytest.mark.parametrize("page", [*PAGES, "/sign-in"])
def test_page_asks_nothing_of_another_site(client_for, cast, page):
    text = client_for(None if page == "/sign-in" else cast.alice).get(page).content.decode()
    assert not re.findall(r"(?:src|href|action)=[\"'](?:https?:)?//(?!testserver)[^\"']+", text)
    assert "<script>" not in text
    assert not re.search(r"<[^>]+\s(?:onclick|onload|onerror|style)=", text)


@pytest.mark.parametrize("page", [*PAGES, "/sign-in"])
def test_page_is_a_whole_document_in_a_language_with_a_title(client_for, cast, page):
    text = client_for(None if page == "/sign-in" else cast.alice).get(page).content.decode()
    assert text.lstrip().lower().startswith("<!doctype html>")
    assert '<html lang="en"' in text
    assert text.count("<h1") == 1
    assert "<title>" in text
    assert 'name="viewport"' in text


def test_absent_page_and_another_companys_look_the_same(client_for, cast, imported):
    from customers.models import Customer

    hers = every(Customer).filter(tenant=cast.atlas).first().public_id
    client = client_for(cast.charlie)
    absent = client.get("/clients/00000000-0000-4000-8000-000000000000")
    anothers = client.get(f"/clients/{hers}")
    assert absent.status_code == anothers.status_code == 404
    token = re.compile(rb"[A-Za-z0-9]{64}")  # the CSRF token is written anew each time
    assert token.sub(b"", absent.content) == token.sub(b"", anothers.content)


def test_cookies_are_closed_to_scripts_and_other_sites():
    assert settings.SESSION_COOKIE_HTTPONLY
    assert settings.SESSION_COOKIE_SAMESITE == "Lax"
    assert settings.X_FRAME_OPTIONS == "DENY"


def test_static_files_are_served_by_us(client, db):
    from django.contrib.staticfiles import finders

    assert settings.STATIC_URL == "/static/"
    assert not [name for name in settings.STATICFILES_DIRS if str(name).startswith("http")]
    assert finders.find("nowhere.js") is None
