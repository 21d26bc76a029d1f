"""Frames in and out of the database: what goes in by the fast path comes out the same, on both engines."""

import datetime as dt
from contextlib import contextmanager
from decimal import Decimal

import pandas as pd
import pytest
from django.db import IntegrityError, connection, transaction
from django_scopes import scope, scopes_disabled

from core import bulk
from customers.models import Customer, Interaction, Subscription
from tenants.scoping import public_scope

pytestmark = pytest.mark.usefixtures("atlas_scope")

NAUGHTY = [
    "",
    "plain",
    "comma, and \"quotes\" and 'more'",
    "semi;colon\ttab|bar",
    "back\\slash \\N \\.",
    "line\nbreak\r\nand return",
    "نسرين بن صالح",
    "Éloïse – “café” 🙂",
    "NULL",
    "nan",
    "NA",
    "{}",
    "%s ?",
]

TYPES = {"number": "bigint", "name": "text", "amount": "decimal(12, 3)"}


def amount(value):
    """As the driver of this engine takes it: SQLite's knows no Decimal."""
    return str(value) if value is not None and connection.vendor == "sqlite" else value


def test_staged_rows_come_back_as_they_went_in():
    rows = [(i, text, amount(Decimal("12.345"))) for i, text in enumerate(NAUGHTY)]
    with bulk.stage("incoming_test", TYPES) as stage:
        stage.load(rows)
        found = stage.fetch("SELECT number, name, amount FROM {stage} ORDER BY number")
    assert [row[1] for row in found] == NAUGHTY
    assert {Decimal(str(row[2])) for row in found} == {Decimal("12.345")}


def test_unknown_stays_unknown_and_empty_stays_empty():
    with bulk.stage("incoming_test", TYPES) as stage:
        stage.load([(1, None, None), (2, "", amount(Decimal(0)))])
        found = stage.fetch("SELECT name, amount FROM {stage} ORDER BY number")
    assert found[0] == (None, None)
    assert found[1][0] == ""


def test_stage_can_be_loaded_with_nothing():
    with bulk.stage("incoming_test", TYPES) as stage:
        stage.load([])
        assert stage.fetch("SELECT COUNT(*) FROM {stage}") == [(0,)]


def test_run_says_how_many_rows_it_touched():
    with bulk.stage("incoming_test", TYPES) as stage:
        stage.load([(i, "x", None) for i in range(5)])
        assert stage.run("UPDATE {stage} SET name = %s WHERE number < %s", ["y", 3]) == 3


def test_stage_is_gone_afterwards_and_can_be_made_again():
    for _ in range(2):
        with transaction.atomic(), bulk.stage("incoming_test", TYPES) as stage:
            stage.load([(1, "x", None)])
            assert stage.fetch("SELECT COUNT(*) FROM {stage}") == [(1,)]


def test_failure_inside_a_stage_undoes_what_was_written(atlas):
    def half(stage):
        Customer.objects.create(external_id="half-done")
        raise RuntimeError

    with pytest.raises(RuntimeError), bulk.stage("incoming_test", TYPES) as stage:
        half(stage)
    assert not Customer.objects.exists()


def test_insert_takes_more_rows_than_one_block(monkeypatch):
    monkeypatch.setattr(bulk, "_SQLITE_BLOCK", 7)
    with bulk.stage("incoming_test", TYPES) as stage:
        assert bulk.insert(stage.name, list(TYPES), ((i, "x", None) for i in range(30))) == 30
        assert stage.fetch("SELECT COUNT(*), SUM(number) FROM {stage}") == [(30, sum(range(30)))]


def test_column_types_know_keys_texts_and_json():
    types = bulk.column_types(Customer, ["external_id", "tenant", "attributes", "senior_citizen"])
    assert list(types) == ["external_id", "tenant_id", "attributes", "senior_citizen"]
    assert all(types.values())


def test_frame_of_a_queryset_has_its_columns_and_values():
    for i, name in enumerate(NAUGHTY):
        customer = Customer.objects.create(
            external_id=f"C{i:02}", first_name=name, senior_citizen=[True, False, None][i % 3]
        )
        Subscription.objects.create(customer=customer, tenure=i if i % 2 else None, monthly_charges=Decimal("10.5") + i)
    rows = Customer.objects.order_by("pk").values_list(
        "id", "external_id", "first_name", "senior_citizen", "subscription__tenure", "subscription__monthly_charges"
    )
    frame = bulk.read_frame(rows)
    assert len(frame) == len(NAUGHTY)
    frame.columns = ["id", "external_id", "first_name", "senior", "tenure", "charges"]
    assert frame["first_name"].fillna("").tolist() == NAUGHTY
    assert pd.to_numeric(frame["charges"]).tolist() == [10.5 + i for i in range(len(NAUGHTY))]
    assert frame["tenure"].isna().tolist() == [i % 2 == 0 for i in range(len(NAUGHTY))]
    assert frame["senior"].isna().tolist() == [i % 3 == 2 for i in range(len(NAUGHTY))]


@pytest.mark.parametrize(
    "texts", [["007", "12"], ["true", "false"], ["2026-01-01", "2026-01-02"], ["1e5", "2"], ["t", "f"]]
)
def test_text_that_looks_like_something_else_stays_text(texts):
    for text in texts:
        Customer.objects.create(external_id=text, city=text)
    frame = bulk.read_frame(Customer.objects.order_by("pk").values_list("external_id", "city"))
    assert frame["external_id"].tolist() == texts
    assert frame["city"].tolist() == texts


def test_frame_of_nothing_has_the_columns_and_no_rows():
    frame = bulk.read_frame(Customer.objects.values_list("id", "external_id"))
    assert list(frame.columns) == ["id", "external_id"]
    assert frame.empty


def test_frame_sees_only_the_company_in_scope(borealis):
    Customer.objects.create(external_id="ours")
    with public_scope(borealis):
        Customer.objects.create(external_id="theirs")
    frame = bulk.read_frame(Customer.objects.values_list("id", "external_id"))
    assert frame["external_id"].tolist() == ["ours"]


def test_frame_of_a_filtered_queryset_binds_its_values():
    Customer.objects.create(external_id="O'Hara; --", city="Sfax")
    Customer.objects.create(external_id="other", city="Tunis")
    frame = bulk.read_frame(Customer.objects.filter(external_id="O'Hara; --").values_list("id", "city"))
    assert frame["city"].tolist() == ["Sfax"]


def test_frame_takes_dates_and_annotations(atlas):
    from django.db.models import Count

    from customers.models import UsageRecord

    customer = Customer.objects.create(external_id="C1")
    for month in (1, 2):
        UsageRecord.objects.create(customer=customer, month=dt.date(2026, month, 1), nombre_appels=month)
    rows = (
        UsageRecord.objects.order_by()
        .values("customer_id")
        .annotate(months=Count("pk"))
        .values_list("customer_id", "months")
    )
    frame = bulk.read_frame(rows)
    assert frame["months"].tolist() == [2]


def test_rows_proved_together_are_guarded_like_rows_one_by_one(atlas, borealis):
    ours = Customer.objects.create(external_id="ours")
    with tenant_scope_of(borealis):
        theirs = Customer.objects.create(external_id="theirs")
    for _ in range(2):  # the second time shows that a refusal leaves the guards as they were
        with pytest.raises(IntegrityError), transaction.atomic(), bulk.proved_together(Interaction):
            Interaction.objects.bulk_create(contact(c) for c in (ours, theirs))
            check_keys_now()
    with transaction.atomic(), bulk.proved_together(Interaction):
        Interaction.objects.bulk_create([contact(ours)])
    with pytest.raises(IntegrityError), transaction.atomic():
        Interaction.objects.bulk_create([contact(theirs)])
        check_keys_now()
    assert Interaction.objects.count() == 1


def contact(customer: Customer) -> Interaction:
    return Interaction(
        customer_id=customer.pk, campaign_code=str(customer.pk), kind="contacted", happened_on=dt.date(2026, 1, 1)
    )


def check_keys_now() -> None:
    if connection.vendor == "postgresql":
        bulk.run("SET CONSTRAINTS ALL IMMEDIATE")
        bulk.run("SET CONSTRAINTS ALL DEFERRED")


@contextmanager
def tenant_scope_of(tenant):
    """Another company's scope inside the module's own, which is left for the time."""
    with scopes_disabled(), scope(tenant=tenant):
        yield
