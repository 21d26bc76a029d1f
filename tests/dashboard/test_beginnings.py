"""Pages of a company that has only begun: no customers yet, or customers and no model."""

import pytest

from customers.models import Customer
from tenants.scoping import tenant_scope
from tests.conftest import CUSTOMERS
from tests.dashboard.conftest import shown, walk
from tests.dashboard.test_pages import PAGES


@pytest.mark.parametrize("address", [p[0] for p in PAGES if not p[2]])
def test_page_of_an_empty_company_says_what_to_do(client_for, cast, address):
    answer = client_for(cast.alice).get(address)
    assert answer.status_code == 200
    assert answer.content.decode().count("<h1") == 1


def test_page_of_a_company_with_customers_and_no_model_works(client_for, imported, cast):
    client = client_for(cast.alice)
    for address in ("/dashboard", "/clients", "/mlops", "/imports", f"/imports/{imported.public_id}"):
        assert client.get(address).status_code == 200
    with tenant_scope(cast.atlas):
        customer = Customer.objects.first()
    assert client.get(f"/clients/{customer.public_id}").status_code == 200


def test_scoring_without_a_model_says_so(client_for, cast):
    answer = client_for(cast.alice).post("/mlops/score", follow=True)
    assert "train one first" in answer.content.decode()


def test_list_before_any_scoring_shows_customers(bob_reads, imported):
    assert len(shown(bob_reads.get("/clients?churned=all"))) == 50
    assert len(walk(bob_reads, "churned=all&sort=-tenure")) == CUSTOMERS
