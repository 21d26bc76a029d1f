"""Numbers and categories out of the database: what comes is what is there, on both engines, and beside another reader."""

import itertools
from decimal import Decimal

import numpy as np
import pytest
from django.db import connection, transaction
from django.db.models import Avg, F

from core import alongside, bulk
from customers.models import Customer, Subscription, UsageRecord
from tenants.scoping import current_tenant, public_scope

TEXTS = ["", "plain", 'comma, "quotes"', "back\\slash \\N \\.", "نسرين", "🙂 tab\t", "NULL", "%s ?", "carriage\rreturn"]
AMOUNTS = ["0.001", "10.5", "-3.125", "999999999.999", "0", "19.99", "0.1", "70.35", "1234567.891"]


def people(texts: list[str]) -> None:
    for i, (text, paid) in enumerate(zip(texts, itertools.cycle(AMOUNTS), strict=False)):
        customer = Customer.objects.create(
            external_id=f"C{i:02}", city=text, senior_citizen=[True, False, None][i % 3], age=i if i % 2 else None
        )
        if i % 4:
            Subscription.objects.create(customer=customer, monthly_charges=Decimal(paid) if i % 5 else None)


def asked(*names: str):
    return Customer.objects.order_by("pk").values_list("id", *names)


@pytest.mark.usefixtures("atlas_scope")
class TestNumbers:
    def test_come_as_they_are_and_unknown_as_nan(self):
        people(TEXTS)
        found = bulk.read_numbers(asked("age", "senior_citizen", "partner", "subscription__monthly_charges"))
        rows = list(asked("age", "senior_citizen", "partner", "subscription__monthly_charges"))
        assert list(found) == ["id", "age", "senior_citizen", "partner", "subscription__monthly_charges"]
        for at, column in enumerate(found.values()):
            told = [float("nan") if row[at] is None else float(row[at]) for row in rows]
            np.testing.assert_array_equal(column, told)
        assert found["id"].dtype == np.int64
        assert {column.dtype for name, column in found.items() if name != "id"} == {np.dtype(np.float64)}

    def test_many_truths_are_told_apart(self):
        names = ("senior_citizen", "partner", "dependents", "churn_label")
        for i, states in enumerate(itertools.product([True, False, None], repeat=len(names))):
            Customer.objects.create(external_id=f"C{i:03}", **dict(zip(names, states, strict=True)))
        again = [f"{name}_{turn}" for turn in range(11) for name in names]  # more than one number holds
        rows = asked().annotate(**{name: F(name.rpartition("_")[0]) for name in again})
        found = bulk.read_numbers(rows.values_list("id", *again))
        for name in again:
            told = [
                np.nan if row is None else row
                for (row,) in Customer.objects.order_by("pk").values_list(name.rpartition("_")[0])
            ]
            np.testing.assert_array_equal(found[name], np.array(told, dtype=float))

    def test_mean_keeps_more_places_than_its_column(self):
        people(TEXTS)
        Subscription.objects.update(monthly_charges=Decimal("0.001"))
        Subscription.objects.filter(pk=Subscription.objects.order_by("pk").first().pk).update(
            monthly_charges=Decimal("0.002")
        )
        n = Subscription.objects.count()
        mean = Subscription.objects.values("tenant_id").annotate(mean=Avg("monthly_charges")).values_list("mean")
        assert bulk.read_numbers(mean)["mean"].tolist() == pytest.approx([0.001 * (n + 1) / n], rel=1e-9)

    def test_of_nobody_are_empty(self):
        found = bulk.read_numbers(asked("age", "senior_citizen"))
        assert [len(column) for column in found.values()] == [0, 0, 0]
        assert found["id"].dtype == np.int64

    def test_text_is_no_number(self):
        with pytest.raises(ValueError, match="numbers"):
            bulk.read_numbers(asked("city"))

    def test_are_those_of_the_company_in_scope(self, borealis):
        people(TEXTS[:3])
        with public_scope(borealis):
            Customer.objects.create(external_id="theirs", age=99)
        assert 99 not in bulk.read_numbers(asked("age"))["age"]


@pytest.mark.usefixtures("atlas_scope")
@pytest.mark.parametrize(
    "texts", [TEXTS, [*TEXTS, "line\nfeed", "\n"], ["", ""], []], ids=["plain", "line feeds", "empty", "nobody"]
)
def test_categories_say_what_plain_texts_say(texts):
    people(texts)
    frame = bulk.read_frame(asked("city", "senior_citizen", "age", "subscription__contract"), as_categories=True)
    assert list(frame.columns) == ["id", "city", "senior_citizen", "age", "subscription__contract"]
    told = [None if text == "" else text for text in texts]
    assert [None if text is np.nan else text for text in frame["city"].astype(object)] == told
    if texts:
        assert set(frame["city"].cat.categories) == set(told) - {None}
        assert frame["senior_citizen"].isna().tolist() == [i % 3 == 2 for i in range(len(texts))]
        assert frame["subscription__contract"].isna().all()


@pytest.mark.django_db(transaction=True)
class TestBesideAnother:
    @pytest.fixture(autouse=True)
    def scoped(self, atlas_scope): ...

    def test_reader_sees_the_company_and_what_the_caller_has_committed(self):
        people(TEXTS[:4])

        def readings():
            for _ in range(3):
                yield current_tenant().slug, Customer.objects.count()

        assert list(alongside.one_ahead(readings())) == [("atlas-telecom", 4)] * 3

    def test_reader_asks_on_its_own_connection_on_postgresql_only(self):
        mine = connection.connection

        def whose():
            connection.ensure_connection()
            yield connection.connection is mine

        assert list(alongside.one_ahead(whose())) == [connection.vendor == "sqlite"]
        with transaction.atomic():  # where another connection would not see the rows
            assert list(alongside.one_ahead(whose())) == [True]

    def test_error_reaches_the_caller(self):
        def failing():
            yield 1
            raise LookupError("gone")

        with pytest.raises(LookupError, match="gone"):
            list(alongside.one_ahead(failing()))

    def test_caller_who_stops_early_leaves_no_connection_behind(self):
        opened = []

        def endless():
            while True:
                connection.ensure_connection()
                opened.append(connection.connection)
                yield Customer.objects.count()

        reading = alongside.one_ahead(endless())
        assert next(reading) == 0
        reading.close()
        if connection.vendor == "postgresql":
            assert all(one.closed for one in opened)

    def test_halves_come_one_after_the_other(self):
        def counting(numbers):
            for number in numbers:
                yield number, Customer.objects.count()

        assert list(alongside.both(counting([1, 2]), counting([3, 4]))) == [(1, 0), (2, 0), (3, 0), (4, 0)]
        assert bulk.read_numbers(UsageRecord.objects.values_list("customer_id"))["customer_id"].tolist() == []
