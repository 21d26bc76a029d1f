"""Each address, each method, each role: who may is let in, who may not is refused, and another company's row is no row.

What is expected comes from what the views declare, so an address is covered the day it is born.
"""

import logging

import pytest
from django.test import Client

from .checks import control_findings, outsider_findings, role_findings
from .companies import LADDER
from .places import Places
from .routes import routes, undeclared

ROUTES = list(routes())


@pytest.fixture(autouse=True)
def quiet():
    """Thousands of refusals are meant here: no lines about them."""
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


@pytest.fixture(scope="module")
def places(built):
    """What opens the addresses of our company, learned once for all tests: values only, no rows."""
    client = Client()
    return Places(built.ours, client)


@pytest.fixture
def learned(places, companies):
    places.client.force_login(companies.ours.people["owner"])
    return places


def test_every_address_declares_who_may_use_it():
    assert undeclared(ROUTES) == []


def test_every_address_of_a_row_is_opened_by_one_of_ours(learned):
    assert control_findings(ROUTES, learned) == []


@pytest.mark.parametrize("role", [None, *LADDER])
def test_address_is_open_to_whom_it_declares_and_to_nobody_else(learned, companies, browser_of, role):
    client = browser_of(companies.ours.people[role] if role else None)
    assert [line for route in ROUTES for line in role_findings(route, role, client, learned)] == []


def test_another_companys_row_is_an_absent_row_to_an_owner(learned, companies, browser_of):
    client = browser_of(companies.theirs.people["owner"])
    assert [line for route in ROUTES for line in outsider_findings(route, client, learned)] == []


def test_another_companys_row_is_an_absent_row_to_a_key(learned, companies):
    client = Client(headers={"Authorization": f"Bearer {companies.theirs.key}"})
    api = [route for route in ROUTES if route.is_api]
    assert [line for route in api for line in outsider_findings(route, client, learned)] == []
