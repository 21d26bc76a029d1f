"""The public files, whole, by the command: each comes in, and again changes nothing."""

import pytest

from customers.models import Customer, Subscription
from tenants.scoping import tenant_scope
from tests.conftest import count_rows
from tests.customers.bases import IBM_TELCO, base, command, counts, kept_files
from tests.customers.ingest.tables import DATA

pytestmark = pytest.mark.walled

WITHOUT_NUMBERS = [
    ("mlc_churn/mlc_churn.csv", 5_000, ()),
    ("iranian_churn/customer_churn.csv", 3_150, ()),
    ("hillstrom/hillstrom.csv", 64_000, ("--without-label",)),
]


def at_hand(name: str):
    path = DATA / name
    if not path.exists():
        pytest.skip(f"../shared/data/{name} is not on this machine")
    return path


def test_ibm_telco_comes_in_whole_and_again_unchanged(atlas):
    path = at_hand("ibm_telco/Telco-Customer-Churn.csv")
    assert path == IBM_TELCO
    result = command(path)
    assert counts(result) == (7043, 7043, 0, 0, 0)
    assert result["unknown"] == {"total_charges": 11}
    assert result["kept_columns"] == []
    with tenant_scope(atlas):
        assert Customer.objects.filter(churn_label=True).count() == 1_869
        unknown = Subscription.objects.filter(total_charges=None)
        assert (unknown.count(), set(unknown.values_list("tenure", flat=True))) == (11, {0})
        before = dict(Customer.objects.values_list("pk", "updated_at"))
    assert counts(command(path)) == (7043, 0, 0, 7043, 0)
    with tenant_scope(atlas):
        assert dict(Customer.objects.values_list("pk", "updated_at")) == before


def test_dry_run_of_ibm_telco_writes_nothing_at_all(atlas):
    path = at_hand("ibm_telco/Telco-Customer-Churn.csv")
    before = count_rows()
    result = command(path, "--dry-run")
    assert result["dry_run"] is True
    assert counts(result) == (7043, 7043, 0, 0, 0)
    assert result["labels"] == {"left": 1_869, "stayed": 5_174, "unknown": 0}
    assert count_rows() == before
    assert kept_files() == []


@pytest.mark.parametrize(
    ("name", "rows", "options"),
    [pytest.param(*case, marks=pytest.mark.slow if case[1] > 10_000 else ()) for case in WITHOUT_NUMBERS],
)
def test_file_without_numbers_comes_in_by_the_hash_of_its_rows(atlas, name, rows, options):
    path = at_hand(name)
    result = command(path, "--id-column", "row_hash", *options)
    assert counts(result) == (rows, rows, 0, 0, 0)
    with tenant_scope(atlas):
        before = base()
        assert len(before["customers"]) == rows
    assert counts(command(path, "--id-column", "row_hash", *options)) == (rows, 0, 0, rows, 0)
    assert counts(command(path, *options)) == (rows, 0, 0, rows, 0), "the mapping was remembered"
    with tenant_scope(atlas):
        assert base() == before


def test_iranian_file_keeps_copies_apart_and_its_complaints_beside(atlas):
    path = at_hand("iranian_churn/customer_churn.csv")
    result = command(path, "--id-column", "row_hash")
    assert "Complaints" in result["kept_columns"]
    with tenant_scope(atlas):
        copies = Customer.objects.filter(external_id__endswith="-2")
        assert copies.exists()
        assert Customer.objects.filter(external_id=copies.first().external_id[:-2]).exists()
        assert Customer.objects.filter(churn_label=True).count() == 495
