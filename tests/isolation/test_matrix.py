"""Each address, each method, each role: who may is let in, who may not is refused, and another company's row is no row.

What is expected comes from what the views declare, so an address is covered the day it is born.
"""

import logging

import pytest
from django.contrib import admin
from django.db import connection
from django.test import Client

from core import row_security
from customers.models import Customer
from tenants.scoping import tenant_scope

from .bodies import WORDS, known_bodies, references
from .checks import control_findings, ids_said, outsider_findings, role_findings, without_values
from .companies import LADDER
from .crawl import crawl
from .marks import Marks
from .places import Places, ask
from .routes import Route, routes, undeclared
from .rows import public_ids

ROUTES = list(routes())


@pytest.fixture(autouse=True)
def quiet():
    """Thousands of refusals are meant here: no lines about them."""
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


def customers_of(company) -> list[str]:
    with tenant_scope(company.tenant):
        return list(Customer.objects.values_list("external_id", flat=True))


def test_every_address_declares_who_may_use_it():
    assert undeclared(ROUTES) == []


def test_every_address_of_a_row_is_opened_by_one_of_ours(learned):
    assert control_findings(ROUTES, learned) == []


@pytest.mark.parametrize("role", [None, *LADDER])
def test_address_is_open_to_whom_it_declares_and_to_nobody_else(learned, companies, browser_of, role):
    client = browser_of(companies.ours.people[role] if role else None)
    findings = [line for route in ROUTES for line in role_findings(route, role, client, learned)]
    assert not findings, "\n".join(findings)


def test_another_companys_row_is_an_absent_row_to_an_owner(learned, companies, browser_of):
    client = browser_of(companies.theirs.people["owner"])
    findings = [line for route in ROUTES for line in outsider_findings(route, client, learned, companies.theirs)]
    assert not findings, "\n".join(findings)


def test_another_companys_row_is_an_absent_row_to_a_key(learned, companies):
    client = Client(headers={"Authorization": f"Bearer {companies.theirs.key}"})
    api = [route for route in ROUTES if route.is_api]
    findings = [line for route in api for line in outsider_findings(route, client, learned, companies.theirs)]
    assert not findings, "\n".join(findings)


# ---------------------------------------------------------------- ids in bodies and questions


def test_another_companys_ids_in_bodies_are_nobodys(learned, companies, browser_of):
    client = browser_of(companies.theirs.people["owner"])
    findings, our_ids = [], public_ids(companies.ours.tenant)
    assert len(our_ids) > 200
    # The control: with rows of the asker's own such a body is taken, so it is the foreign row that is refused.
    own = known_bodies(companies.theirs)["campaigns:api_bulk"]
    assert ask(client, "POST", "/api/campaign/bulk", own).status_code == 202
    for method, address, ours, nobodys in references(companies.ours, companies.theirs):
        answers = [ask(client, method, address, body, watched=companies.ours) for body in (ours, nobodys)]
        said = [without_values(answer, ours, nobodys) for answer in answers]
        findings += [f"{method} {address} {ours}: {said[0]} and {said[1]}"] if said[0] != said[1] else []
        said_of_ours = our_ids & ids_said(answers[0], ours)
        findings += [f"{method} {address} {ours} says {said_of_ours}"] if said_of_ours else []
        findings += [f"{method} {address} fails"] if answers[0].status_code >= 500 else []
        findings += [f"{method} {address} changes {answers[0].moved}"] if answers[0].moved else []
    assert not findings, "\n".join(findings)


def test_mixed_list_does_ones_own_part_and_names_the_rest(companies, browser_of):
    ours, theirs = (customers_of(company) for company in (companies.ours, companies.theirs))
    only_ours, only_theirs = sorted(set(ours) - set(theirs))[0], sorted(set(theirs) - set(ours))[0]
    body = {"customers": [only_theirs, only_ours], "is_granted": False}
    client = browser_of(companies.theirs.people["owner"])
    answer = ask(client, "POST", "/api/consents", body, watched=companies.ours)
    assert (answer.status_code, answer.moved) == (201, [])
    assert answer.json() == {"recorded": 1, "unknown": [only_ours]}


def test_actions_of_the_back_office_leave_anothers_rows_alone(companies, browser_of, rf):
    """Each action of each list, on one's own rows and another company's together."""
    client, findings, asked = browser_of(companies.theirs.people["owner"]), [], 0
    for model, page in admin.site._registry.items():
        if not getattr(model, "is_tenant_scoped", False):
            continue
        keys = []
        for company in (companies.theirs, companies.ours):
            with tenant_scope(company.tenant):
                keys += list(model.objects.order_by("pk").values_list("pk", flat=True)[:2])
        for action in [name for name, *_ in page._get_base_actions()]:
            address = f"/admin/{model._meta.app_label}/{model._meta.model_name}/"
            body = {"action": action, "_selected_action": keys, "post": "yes", "reason": WORDS, "field": "city"}
            answer = ask(client, "POST", address, body, watched=companies.ours)
            asked += 1
            findings += [f"{action} of {address} changes {answer.moved}"] if answer.moved else []
            findings += [f"{action} of {address} fails"] if answer.status_code >= 500 else []
    assert asked > 3
    assert not findings, "\n".join(findings)


# ---------------------------------------------------------------- the checks find what they look for


@pytest.fixture
def loose_site(settings, companies, browser_of):
    """The site with addresses as they must never be, and what the checks need: (their routes, our places, their owner)."""
    settings.ROOT_URLCONF = "tests.isolation.unscoped"
    client = browser_of(companies.ours.people["owner"])
    found = [route for route in routes() if "loose" in route.path]
    return found, Places(companies.ours, client), browser_of(companies.theirs.people["owner"])


@pytest.fixture
def loose(loose_site):
    """The same without the database's own wall, until the test's transaction is rolled back: as where there is none."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")  # else a table with checks to come may not be altered
        row_security.lift()
    return loose_site


def test_address_that_declares_nothing_is_found(loose):
    found, _places, _client = loose
    assert {line.split(" ")[0] for line in undeclared(found)} == {"loose_silent", "loose_api_silent"}


def test_address_that_looks_past_the_company_is_found(loose, companies):
    found, places, client = loose
    said = {route.name: outsider_findings(route, client, places, companies.theirs) for route in found}
    assert "is answered 200" in " ".join(said["loose_customer"])
    assert "changes customers_customer" in " ".join(said["loose_rename"])
    assert "is told 404, and of an absent one 404" in " ".join(said["loose_words"])
    assert "is answered 200" in " ".join(said["admin:customers_customer_change"])


@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has no row-level security")
def test_address_that_looks_past_the_company_sees_nothing_behind_the_databases_wall(loose_site, companies):
    found, places, client = loose_site
    looking = [route for route in found if route.name in ("loose_customer", "loose_rename", "loose_words")]
    assert len(looking) == 3
    assert [line for route in looking for line in outsider_findings(route, client, places, companies.theirs)] == []
    with tenant_scope(companies.ours.tenant):
        ours = {str(one) for one in Customer.objects.values_list("public_id", flat=True)}
    answered = {one["public_id"] for one in client.get("/api/loose").json()}
    assert answered and not answered & ours


def test_address_that_lets_in_whom_it_should_not_is_found(loose, companies, browser_of):
    found, places, _client = loose
    late = next(route for route in found if route.name == "loose_late")
    viewer = browser_of(companies.ours.people["viewer"])
    assert any("may not (manage_keys)" in line for line in role_findings(late, "viewer", viewer, places))


def test_address_that_no_row_opens_is_found(loose):
    found, places, _client = loose
    nowhere = Route("nowhere", "nowhere/<uuid:public_id>", found[0].view)
    assert control_findings([nowhere], places) == [
        "no row opens nowhere (nowhere/<uuid:public_id>): give the companies one"
    ]


def test_crawl_finds_what_an_unscoped_page_a_serializer_and_a_back_office_say(loose, companies):
    _found, _places, client = loose
    marks = Marks(companies.ours)
    marks.put()
    with tenant_scope(companies.ours.tenant):
        customer = Customer.objects.order_by("pk").first()
    starts = {
        "page": f"/loose/customer/{customer.public_id}",
        "serializer": "/api/loose",
        "back office": "/loose/admin/customers/customer/",
    }
    for what, start in starts.items():
        seen = crawl(client, [start], most=1)
        assert any(marks.seen_in(text) for text in seen.texts.values()), what
    assert not any(marks.seen_in(text) for text in crawl(client, ["/clients"], most=1).texts.values())
