"""Two companies, made once for a module's tests; what a test changes is undone after it."""

import pytest
from django.test import Client

from .companies import two_companies
from .places import Places


@pytest.fixture(scope="module")
def built(django_db_setup, django_db_blocker, tmp_path_factory):
    folder = tmp_path_factory.mktemp("companies")
    with django_db_blocker.unblock(), two_companies(folder) as made, django_db_blocker.block():
        yield made


@pytest.fixture
def companies(built, db, settings):
    """The two companies within a test."""
    settings.PRIVATE_ROOT = built.private
    return built


@pytest.fixture
def browser_of():
    """``browser_of(person)``: a browser that is signed in; ``None``: one that is not."""

    def sign_in(person) -> Client:
        client = Client()
        if person is not None:
            client.force_login(person)
        return client

    return sign_in


@pytest.fixture(scope="module")
def places(built):
    """What opens the addresses of our company, learned once for all tests of a module: values only, no rows."""
    return Places(built.ours, Client())


@pytest.fixture
def learned(places, companies):
    places.client.force_login(companies.ours.people["owner"])
    return places
