"""Paging by key: walked forwards or backwards it is the full sorted list, whatever the ties, the unknowns and the cursor."""

import base64
import json
from decimal import Decimal
from types import SimpleNamespace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core import keyset
from core.keyset import Order, paginate
from customers.models import Customer, Subscription

pytestmark = pytest.mark.usefixtures("atlas_scope")

TENURES = [5, None, 5, 0, 72, None, 5, 1, 0, 33]
CHARGES = [
    Decimal("20.5"),
    Decimal("20.5"),
    None,
    Decimal("0.001"),
    Decimal("99999.999"),
    None,
    Decimal("7"),
    Decimal("20.5"),
]


def make(tenures=TENURES, charges=CHARGES) -> None:
    for i, tenure in enumerate(tenures):
        customer = Customer.objects.create(external_id=f"C{i:03}", age=tenure)
        charge = charges[i % len(charges)] if charges else None
        Subscription.objects.create(customer=customer, tenure=tenure, monthly_charges=charge)


def rows_of(column: str):
    return Customer.objects.select_related("subscription") if "__" in column else Customer.objects.all()


def sort_by_hand(column: str, *, descending: bool) -> list[int]:
    def value(row):
        return row.subscription_value if column != "pk" else row.pk

    rows = list(rows_of(column))
    for row in rows:
        found = row
        for name in column.split("__"):
            found = getattr(found, name)
        row.subscription_value = found
    known = [r for r in rows if value(r) is not None]
    unknown = [r for r in rows if value(r) is None]
    known.sort(key=lambda r: (value(r), r.pk), reverse=descending)
    unknown.sort(key=lambda r: r.pk, reverse=descending)
    return [r.pk for r in known + unknown]


def walk(column: str, *, descending: bool, size: int) -> tuple[list[int], str]:
    """All keys page by page, and the cursor back from the last page."""
    order, found, after, before = Order(column, descending), [], "", ""
    while True:
        page = paginate(rows_of(column), order, after=after, size=size)
        found += [row.pk for row in page.rows]
        if not page.after:
            return found, page.before
        after, before = page.after, page.before
        assert len(page.rows) == size
        assert len(found) < 1000, f"paging does not end ({before})"


def walk_back(column: str, cursor: str, *, descending: bool, size: int) -> list[int]:
    order, found = Order(column, descending), []
    while cursor:
        page = paginate(rows_of(column), order, before=cursor, size=size)
        found = [row.pk for row in page.rows] + found
        cursor = page.before
        assert len(found) < 1000
    return found


@pytest.mark.parametrize(
    "column", ["age", "external_id", "pk", "subscription__tenure", "subscription__monthly_charges"]
)
@pytest.mark.parametrize("descending", [True, False])
@pytest.mark.parametrize("size", [1, 3, 10])
def test_pages_one_after_another_are_the_whole_sorted_list(column, descending, size):
    make()
    wanted = sort_by_hand(column, descending=descending)
    found, _ = walk(column, descending=descending, size=size)
    assert found == wanted


@pytest.mark.parametrize("column", ["age", "external_id", "pk", "subscription__monthly_charges"])
@pytest.mark.parametrize("descending", [True, False])
def test_walking_back_from_the_last_page_shows_the_same_pages(column, descending):
    make()
    found, back = walk(column, descending=descending, size=3)
    last = len(found) - (len(found) % 3 or 3)
    assert walk_back(column, back, descending=descending, size=3) == found[:last]


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    tenures=st.lists(st.one_of(st.none(), st.integers(0, 4)), max_size=14),
    descending=st.booleans(),
    size=st.integers(1, 5),
)
def test_any_mixture_of_ties_and_unknowns_pages_completely(tenures, descending, size):
    Customer.objects.all().delete()
    make(tenures, charges=[])
    found, back = walk("age", descending=descending, size=size)
    assert found == sort_by_hand("age", descending=descending)
    if back:
        last = len(found) - (len(found) % size or size)
        assert walk_back("age", back, descending=descending, size=size) == found[:last]


def test_first_page_has_no_way_back_and_the_last_no_way_on():
    make()
    first = paginate(Customer.objects.all(), Order("age"), size=4)
    assert first.before == ""
    assert first.after
    last = paginate(Customer.objects.all(), Order("age"), size=50)
    assert (last.before, last.after) == ("", "")


def test_no_rows_make_an_empty_page():
    page = paginate(Customer.objects.all(), Order("age"))
    assert (page.rows, page.after, page.before) == ([], "", "")


def test_rows_added_while_a_person_pages_are_neither_repeated_nor_hide_others():
    make()
    order = Order("age", descending=True)
    first = paginate(Customer.objects.all(), order, size=4)
    Customer.objects.create(external_id="new", age=100)
    second = paginate(Customer.objects.all(), order, after=first.after, size=4)
    assert not {r.pk for r in first.rows} & {r.pk for r in second.rows}


def forged(*parts: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(list(parts)).encode()).decode().rstrip("=")


@pytest.mark.parametrize(
    "cursor",
    [
        "x",
        "!!!!",
        "é",
        "\x00",
        "A" * 2000,
        forged("external_id", "v", "C001", 1),  # another order's
        forged("age", "v", 5, "1"),
        forged("age", "v", 5, 10**30),
        forged("age", "v", 5, -(10**30)),
        forged("age", "v", 5, True),
        forged("age", "v", 10**40, 1),
        forged("age", "v", -5, 1),
        forged("age", "v", 5.5, 1),
        forged("age", "v", "five", 1),
        forged("age", "v", "", 1),
        forged("age", "v", [5], 1),
        forged("age", "v", {"a": 1}, 1),
        forged("age", "v", True, 1),
        forged("age", "d", "NaN", 1),
        forged("age", "d", "sNaN", 1),
        forged("age", "d", "Infinity", 1),
        forged("age", "d", "1E+999999", 1),
        forged("age", "d", None, 1),
        forged("age", "v", float("nan"), 1),
        forged("age", "v", float("inf"), 1),
        forged("age", "v"),
        forged("age", "x", 5, 1),
        base64.urlsafe_b64encode(b"5").decode(),
        base64.urlsafe_b64encode(b'{"a": 1}').decode(),
        base64.urlsafe_b64encode(b"\xff\xfe").decode(),
        base64.urlsafe_b64encode(b"[" * 1_400).decode(),
    ],
)
@pytest.mark.parametrize("direction", ["after", "before"])
def test_edited_cursor_never_fails(cursor, direction):
    make()
    page = paginate(Customer.objects.all(), Order("age"), size=4, **{direction: cursor})
    assert len(page.rows) <= 4


@pytest.mark.parametrize("value", ["NaN", "sNaN", "-Infinity", "1E+999999", "1E-999999", "x"])
def test_edited_amount_in_a_cursor_never_fails(value):
    make()
    cursor = forged("subscription__monthly_charges", "d", value, 1)
    rows = Customer.objects.select_related("subscription")
    assert len(paginate(rows, Order("subscription__monthly_charges"), after=cursor, size=4).rows) <= 4


@pytest.mark.parametrize("value", ["a\x00b", "'; DROP TABLE customers_customer; --", "\ud800", 5, "x" * 5000])
def test_edited_text_in_a_cursor_never_fails(value):
    make()
    page = paginate(
        Customer.objects.all(),
        Order("external_id", descending=False),
        after=forged("external_id", "v", value, 1),
        size=4,
    )
    assert len(page.rows) <= 4
    assert Customer.objects.count() == len(TENURES)


def test_amounts_in_a_cursor_stay_exact():
    row = SimpleNamespace(pk=3, amount=Decimal("0.100"))
    assert keyset._decode(keyset.cursor_of(row, Order("amount")), Order("amount")) == (Decimal("0.100"), 3)
