"""Every scoped table and every part of one is closed by PostgreSQL itself: shut without a company, and to another's rows."""

from __future__ import annotations

import pytest
from django.apps import apps
from django.db import connection, models
from django_scopes import scope

from core import bulk, row_security
from customers.models import Customer
from tenants.scoping import TenantModel, tenant_scope

pytestmark = pytest.mark.postgres


@pytest.fixture(autouse=True)
def only_where_the_database_looks(db):
    if connection.vendor != "postgresql":
        pytest.skip("SQLite has no row-level security: rules 1 to 4 suffice there alone")


def counted(table: str) -> int:
    return bulk.fetch(f'SELECT count(*) FROM "{table}"')[0][0]


def test_role_is_one_that_policies_bind():
    assert row_security.bypasses() == ""


def test_every_scoped_table_and_part_is_covered(shared):
    """``shared`` has scores: a part made at run time is among them."""
    covered = {
        name: (enabled, forced, using, check)
        for name, enabled, forced, using, check in bulk.fetch(
            """SELECT c.relname, c.relrowsecurity, c.relforcerowsecurity, p.qual, p.with_check
               FROM pg_policies p JOIN pg_class c ON c.relname = p.tablename AND c.relnamespace = p.schemaname::regnamespace
               WHERE p.policyname = %s AND p.cmd = 'ALL' AND p.roles = '{public}'""",
            [row_security.POLICY],
        )
    }
    wanted = {m._meta.db_table for m in apps.get_models() if issubclass(m, TenantModel)}
    assert len(wanted) > 50
    assert wanted <= set(covered)
    parts = {name for (name,) in bulk.fetch("SELECT inhrelid::regclass::text FROM pg_inherits i JOIN pg_class c "
                                            "ON c.oid = i.inhrelid WHERE c.relkind = 'r'")}  # fmt: skip
    assert parts
    assert parts <= set(covered)
    for name, (enabled, forced, using, check) in covered.items():
        assert (enabled, forced) == (True, True), name
        assert using == check, name
        assert "app.tenant" in using and "NULLIF" in using, name
    assert row_security.uncovered() == []


def test_whatever_has_a_company_is_scoped_or_named_here():
    """Who belongs where is asked before a company is known: these two have no policy."""
    with_company = {
        m._meta.label
        for m in apps.get_models(include_auto_created=True)
        if any(isinstance(f, models.ForeignKey) and f.remote_field.model._meta.label == "tenants.Tenant"
               for f in m._meta.local_fields)
    }  # fmt: skip
    scoped = {m._meta.label for m in apps.get_models() if issubclass(m, TenantModel)}
    assert with_company - scoped <= {"tenants.Membership", "tenants.Invitation"}


def test_no_table_between_two_is_without_a_company():
    """Django's own table of many to many has no column of the company, so it could have no policy."""
    between = [
        m._meta.label
        for m in apps.get_models(include_auto_created=True)
        if m._meta.auto_created
        and any(issubclass(f.remote_field.model, TenantModel) for f in m._meta.local_fields if f.is_relation)
    ]
    assert between == []


def test_without_a_company_every_table_is_empty_and_none_fails(shared):
    with scope(tenant=None):
        for model in apps.get_models():
            if issubclass(model, TenantModel):
                assert counted(model._meta.db_table) == 0, model
    with tenant_scope(shared.cast.atlas):
        assert counted(Customer._meta.db_table) > 100


def test_with_a_company_every_table_shows_its_rows_only(shared):
    borealis = shared.cast.borealis
    with tenant_scope(borealis):
        Customer.objects.create(external_id="theirs")
        for model in apps.get_models():
            if issubclass(model, TenantModel):
                strays = bulk.fetch(
                    f'SELECT count(*) FROM "{model._meta.db_table}" WHERE tenant_id <> %s', [borealis.pk]
                )
                assert strays == [(0,)], model
        assert counted(Customer._meta.db_table) == 1


def test_part_asked_by_its_own_name_is_as_closed(shared):
    [(part,)] = bulk.fetch(
        """SELECT inhrelid::regclass::text FROM pg_inherits
           WHERE inhparent = 'predictions_score'::regclass AND inhrelid::regclass::text ~ '_[0-9]+$'"""
    )
    with scope(tenant=None):
        assert counted(part) == 0
    with tenant_scope(shared.cast.borealis):
        assert counted(part) == 0
    with tenant_scope(shared.cast.atlas):
        assert counted(part) > 100
