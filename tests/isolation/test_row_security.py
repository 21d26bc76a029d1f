"""What PostgreSQL itself refuses to a statement that forgot its company, or names another: as the role that the site has."""

from __future__ import annotations

import datetime as dt

import pytest
from django.core.management import call_command
from django.db import ProgrammingError, connection, connections, transaction
from django_scopes import scope

from churnguard.dashboard import export
from core import bulk, checks, companies, prefix, row_security
from core.postgresql import setting
from customers.models import Customer, Import, Subscription
from predictions.selectors import ClientFilter
from tenants.models import Notification
from tenants.scoping import public_scope, tenant_scope

pytestmark = pytest.mark.postgres


@pytest.fixture(autouse=True)
def only_where_the_database_looks(db):
    if connection.vendor != "postgresql":
        pytest.skip("SQLite has no row-level security: rules 1 to 4 suffice there alone")


@pytest.fixture
def both(atlas, borealis):
    """A customer, a subscription and a notice of each company."""
    made = {}
    for tenant in (atlas, borealis):
        with tenant_scope(tenant):
            customer = Customer.objects.create(external_id=f"{tenant.slug}-1")
            Subscription.objects.create(customer=customer, contract="Two year")
            Notification.objects.create(code="import_finished")
            made[tenant.pk] = customer
    return made


def counted(table: str) -> int:
    return bulk.fetch(f'SELECT count(*) FROM "{table}"')[0][0]


# ---------------------------------------------------------------- writing


def test_row_of_another_company_is_not_inserted(atlas, borealis, both):
    with tenant_scope(atlas), pytest.raises(ProgrammingError, match="row-level security"), transaction.atomic():
        Notification._base_manager.bulk_create([Notification(tenant=borealis, code="x")])


def test_row_is_not_inserted_without_a_company(atlas, both):
    with scope(tenant=None), pytest.raises(ProgrammingError, match="row-level security"), transaction.atomic():
        Notification._base_manager.bulk_create([Notification(tenant=atlas, code="x")])


def test_row_is_not_moved_to_another_company(atlas, borealis, both):
    with tenant_scope(atlas):
        with pytest.raises(ProgrammingError, match="row-level security"), transaction.atomic():
            bulk.run("UPDATE tenants_notification SET tenant_id = %s", [borealis.pk])
        assert counted("tenants_notification") == 1


def test_rows_of_another_company_are_neither_changed_nor_deleted(atlas, borealis, both):
    with tenant_scope(atlas):
        assert bulk.run("UPDATE customers_customer SET city = 'Sfax'") == 1
        assert bulk.run("DELETE FROM tenants_notification") == 1
    with tenant_scope(borealis):
        assert bulk.fetch("SELECT city FROM customers_customer") == [("",)]
        assert counted("tenants_notification") == 1


def test_bulk_rows_of_another_company_are_refused(atlas, borealis, both):
    """COPY obeys no policy, so it fills a temporary table; what is inserted from there obeys."""
    columns, moment = (
        ("tenant_id", "code", "facts", "level", "url", "created_at"),
        dt.datetime(2026, 1, 1, tzinfo=dt.UTC),
    )
    with tenant_scope(atlas):
        assert bulk.insert("tenants_notification", columns, [(atlas.pk, "x", "{}", "info", "", moment)]) == 1
        with pytest.raises(ProgrammingError, match="row-level security"), transaction.atomic():
            bulk.insert("tenants_notification", columns, [(borealis.pk, "x", "{}", "info", "", moment)])
        assert counted("tenants_notification") == 2


# ---------------------------------------------------------------- the setting


def test_company_is_said_anew_when_the_scope_changes_within_a_transaction(atlas, borealis, both):
    for tenant in (atlas, borealis, atlas):
        with public_scope(tenant):
            assert bulk.fetch("SELECT tenant_id FROM customers_customer") == [(tenant.pk,)]
    with scope(tenant=None):
        assert bulk.fetch("SELECT tenant_id FROM customers_customer") == []


def test_company_is_said_anew_after_a_savepoint_took_it_back(atlas, borealis, both):
    with tenant_scope(atlas):
        assert counted("customers_customer") == 1
        with pytest.raises(ZeroDivisionError), transaction.atomic(), public_scope(borealis):
            assert bulk.fetch("SELECT tenant_id FROM customers_customer") == [(borealis.pk,)]
            raise ZeroDivisionError
        assert bulk.fetch("SELECT tenant_id FROM customers_customer") == [(atlas.pk,)]
    with public_scope(borealis):
        with pytest.raises(ProgrammingError), transaction.atomic(), public_scope(atlas):
            bulk.fetch("SELECT nothing FROM customers_customer")
        assert bulk.fetch("SELECT tenant_id FROM customers_customer") == [(borealis.pk,)]


def test_company_is_said_anew_where_saying_it_failed_on_our_side(atlas, borealis, both):
    """Refused before anything was sent, the transaction goes on; what is in force is still the company before."""
    with tenant_scope(atlas):
        assert counted("customers_customer") == 1
        with public_scope(borealis):
            with pytest.raises(ProgrammingError):
                bulk.fetch("SELECT tenant_id FROM customers_customer WHERE id = %s AND city = %s", [1])
            assert bulk.fetch("SELECT tenant_id FROM customers_customer") == [(borealis.pk,)]


@pytest.mark.django_db(transaction=True)
class TestOutsideATransaction:
    """Every statement is its own transaction, and the session goes on to whoever comes next."""

    def said(self) -> str:
        with connection.connection.cursor() as cursor:  # past our own cursors
            return (
                super(type(cursor), cursor).execute(f"SELECT current_setting('{setting.NAME}', true)").fetchone()[0]
                or ""
            )

    def test_each_kind_of_question_sees_the_company_and_leaves_nothing(self, both, atlas):
        table = Customer._meta.db_table
        prepared = bulk.Prepared(f'SELECT tenant_id FROM "{table}" WHERE id > %s')
        kinds = {
            "plain": lambda: Customer.objects.values_list("tenant_id", flat=True),
            "named cursor": lambda: Customer.objects.values_list("tenant_id", flat=True).iterator(chunk_size=1),
            "prepared": lambda: [row[0] for row in prepared.fetch((0,))],
            "copy": lambda: bulk.read_frame(Customer.objects.values_list("tenant_id"))["tenant_id"],
            "raw": lambda: [row[0] for row in bulk.fetch(f'SELECT tenant_id FROM "{table}"')],
        }
        for name, ask in kinds.items():
            with tenant_scope(atlas):
                assert [str(key) for key in ask()] == [str(atlas.pk)], name
            assert self.said() == "", name
            assert counted(table) == 0, name
        with tenant_scope(atlas):
            assert bulk.read_numbers(Customer.objects.values_list("id"))["id"].tolist() == [both[atlas.pk].pk]
        assert prepared.fetch((0,)) == []

    def test_many_values_at_once_see_the_company(self, both, atlas, borealis):
        with tenant_scope(atlas), connection.cursor() as cursor:
            keys = [(both[tenant.pk].pk,) for tenant in (atlas, borealis)]
            cursor.executemany("UPDATE customers_customer SET city = 'Sfax' WHERE id = %s", keys)
        with tenant_scope(borealis):
            assert Customer.objects.get().city == ""
        with tenant_scope(atlas):
            assert Customer.objects.get().city == "Sfax"

    def test_a_failed_statement_leaves_nothing(self, both, atlas):
        with tenant_scope(atlas), pytest.raises(ProgrammingError):
            bulk.fetch("SELECT nothing FROM customers_customer")
        assert (self.said(), counted("customers_customer")) == ("", 0)

    def test_streamed_export_leaves_nothing_on_the_connection(self, both, atlas):
        backend = bulk.fetch("SELECT pg_backend_pid()")
        lines = export.lines(atlas, ClientFilter())
        first = next(lines)
        assert counted("customers_customer") == 0  # between two blocks nobody's company is in force
        text = first + "".join(lines)
        assert "atlas-telecom-1" in text and "borealis" not in text
        assert (self.said(), counted("customers_customer")) == ("", 0)
        assert bulk.fetch("SELECT pg_backend_pid()") == backend

    def test_whole_transaction_knows_the_company_and_its_end_forgets_it(self, both, atlas, borealis):
        for tenant in (atlas, borealis):
            with tenant_scope(tenant), transaction.atomic():
                assert bulk.fetch("SELECT tenant_id FROM customers_customer") == [(tenant.pk,)]
                assert self.said() == str(tenant.pk)
            assert self.said() == ""

    def test_company_costs_no_statement_of_its_own(self, both, atlas, django_assert_num_queries):
        with tenant_scope(atlas), django_assert_num_queries(2):
            list(Customer.objects.all())
            list(Customer.objects.all())

    def test_pooled_connection_serves_the_next_without_a_trace(self, both, atlas, settings):
        """One connection of a real pool, taken by one company and then by nobody."""
        pytest.importorskip("psycopg_pool")
        shared = connections.create_connection("default")
        shared.settings_dict = {**connection.settings_dict, "CONN_MAX_AGE": 0, "CONN_HEALTH_CHECKS": False,
                                "OPTIONS": {**connection.settings_dict["OPTIONS"], "pool": {"min_size": 1, "max_size": 1}}}  # fmt: skip
        shared.alias = "pooled"
        asked = "SELECT pg_backend_pid(), count(*) FROM customers_customer"
        try:
            with tenant_scope(atlas), shared.cursor() as cursor:
                backend, seen = cursor.execute(asked).fetchone()
            shared.close()
            with shared.cursor() as cursor:
                assert cursor.execute(asked).fetchone() == (backend, 0)
            assert seen == 1
        finally:
            shared.close()
            shared.close_pool()


# ---------------------------------------------------------------- around it


def test_all_companies_are_seen_one_after_another(atlas, borealis, both):
    found = []
    for company in companies.each():
        with company:
            found += Customer._base_manager.values_list("external_id", flat=True)
    assert sorted(found) == ["atlas-telecom-1", "borealis-mobile-1"]
    with tenant_scope(atlas):  # the System page asks from inside a company
        for company in companies.each():
            with company:
                assert Import._base_manager.count() == 0
        assert bulk.fetch("SELECT tenant_id FROM customers_customer") == [(atlas.pk,)]


@pytest.mark.django_db(transaction=True)
def test_table_laid_bare_is_told_and_covered_again():
    bulk.run("ALTER TABLE customers_customer NO FORCE ROW LEVEL SECURITY")
    bulk.run("DROP POLICY company ON customers_import")
    try:
        assert row_security.uncovered() == ["customers_customer", "customers_import"]
        assert [message.id for message in checks.row_security_binds()] == ["core.W002", "core.I001"]
    finally:
        call_command("migrate", verbosity=0)
    assert row_security.uncovered() == []
    assert [message.id for message in checks.row_security_binds()] == ["core.I001"]
    assert bulk.fetch("SELECT count(*) FROM pg_policies WHERE tablename = 'customers_import'") == [(1,)]


@pytest.mark.django_db(transaction=True)
def test_owner_sees_every_company_while_the_walls_are_lifted_and_not_after(both):
    with row_security.lifted():
        assert counted("customers_customer") == 2
    assert counted("customers_customer") == 0


def test_search_by_beginning_is_answered_by_its_index_in_spite_of_the_policy(atlas, both):
    [(is_leakproof,)] = bulk.fetch(
        "SELECT proleakproof FROM pg_proc WHERE oid = 'pg_catalog.lower(text)'::regprocedure"
    )
    if not is_leakproof:
        pytest.skip("a superuser has not said that lower() tells nobody what it saw: manage.py database_roles")
    # Rows and what the planner knows of them: of an empty table it knows what other tests left there, and any index will do.
    with tenant_scope(atlas):
        Customer.objects.bulk_create(
            Customer(tenant=atlas, external_id=f"E{n}", email=f"{n}@atlas.example.com") for n in range(2_000)
        )
        bulk.run("ANALYZE customers_customer")
        plan = prefix.starting(Customer.objects.all(), "email", "amel").order_by().explain()
    assert "customer_by_email" in plan
    assert "lower(" in next(line for line in plan.splitlines() if "Index Cond" in line)
