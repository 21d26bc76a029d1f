"""The bulk merge: what is new is created, what differs updated, what is the same not touched; on both engines."""

import datetime as dt
from decimal import Decimal

import pytest

from customers import merge
from customers.merge import Merged, merge_customers
from customers.models import Customer, Interaction, Subscription, UsageRecord
from tests.everywhere import every

pytestmark = pytest.mark.usefixtures("atlas_scope")

COLUMNS = ["external_id", "first_name", "senior_citizen", "churn_label", "tenure", "monthly_charges", "contract"]


def row(line: int, external_id: str, *values, **attributes) -> tuple:
    given = [*values, *[None] * (len(COLUMNS) - 1 - len(values))]
    return (line, external_id, *given, attributes)


ZOE = row(2, "C1", "Zoé", True, False, 12, Decimal("29.850"), "One year", colour="red")
ALI = row(3, "C2", "علي", None, True, None, None, None)


def stamps() -> dict:
    return {
        c.external_id: (c.updated_at, c.subscription.updated_at)
        for c in Customer.objects.select_related("subscription")
    }


def test_new_rows_are_created_in_both_tables():
    assert merge_customers(COLUMNS, [ZOE, ALI]) == Merged(created=2, updated=0, unchanged=0)
    zoe, ali = Customer.objects.select_related("subscription").order_by("pk")
    assert (zoe.external_id, zoe.first_name, zoe.senior_citizen, zoe.churn_label) == ("C1", "Zoé", True, False)
    assert zoe.attributes == {"colour": "red"}
    assert (zoe.subscription.tenure, zoe.subscription.monthly_charges) == (12, Decimal("29.850"))
    assert (zoe.last_name, zoe.email, zoe.age) == ("", "", None)
    assert (ali.first_name, ali.senior_citizen, ali.attributes) == ("علي", None, {})
    assert (ali.subscription.tenure, ali.subscription.contract) == (None, "")


def test_identifiers_are_uuids_of_their_own():
    merge_customers(COLUMNS, [row(i, f"C{i}") for i in range(50)])
    found = set(Customer.objects.values_list("public_id", flat=True))
    assert len(found) == 50
    assert {u.version for u in found} == {4}
    assert all(Customer.objects.filter(public_id=u).exists() for u in list(found)[:3])


def test_same_rows_again_are_unchanged_and_keep_their_time_stamps():
    merge_customers(COLUMNS, [ZOE, ALI])
    before = stamps()
    assert merge_customers(COLUMNS, [ZOE, ALI]) == Merged(0, 0, 2)
    assert stamps() == before


@pytest.mark.parametrize(
    ("changed", "theirs"),
    [
        (row(2, "C1", "Zoë"), False),
        (row(2, "C1", None, False), False),
        (row(2, "C1", None, None, True), False),
        (row(2, "C1", None, None, None, 13), True),
        (row(2, "C1", None, None, None, None, Decimal("29.851")), True),
        (row(2, "C1", None, None, None, None, None, "Two year"), True),
        (row(2, "C1", "Zoë", None, None, 13), True),
        (row(2, "C1", colour="blue"), False),
        (row(2, "C1", size=3), False),
    ],
)
def test_change_counts_once_and_touches_the_customer_and_what_differs(changed, theirs):
    """The customer's own row always: it says which import touched the customer last."""
    merge_customers(COLUMNS, [ZOE, ALI])
    before = stamps()
    assert merge_customers(COLUMNS, [changed, ALI]) == Merged(0, 1, 1)
    after = stamps()
    assert after["C2"] == before["C2"]
    assert after["C1"][0] > before["C1"][0]
    assert (after["C1"][1] > before["C1"][1]) == theirs


def test_unknown_leaves_the_old_value_in_place():
    merge_customers(COLUMNS, [ZOE])
    assert merge_customers(COLUMNS, [row(2, "C1", None, None, None, 13)]) == Merged(0, 1, 0)
    zoe = Customer.objects.select_related("subscription").get()
    assert (zoe.first_name, zoe.senior_citizen, zoe.churn_label, zoe.subscription.tenure) == ("Zoé", True, False, 13)
    assert (zoe.subscription.monthly_charges, zoe.subscription.contract) == (Decimal("29.850"), "One year")
    assert zoe.attributes == {"colour": "red"}


def test_other_fields_are_laid_over_the_old_ones():
    merge_customers(COLUMNS, [row(2, "C1", colour="red", size=1.5)])
    assert merge_customers(COLUMNS, [row(2, "C1", colour="blue", note="né à Sfax")]).updated == 1
    assert Customer.objects.get().attributes == {"colour": "blue", "size": 1.5, "note": "né à Sfax"}
    assert merge_customers(COLUMNS, [row(2, "C1", size=1.5)]) == Merged(0, 0, 1)


@pytest.mark.parametrize("value", ["a 'quote'", 'a "quote"', "%s {} \\ \n\t", "🙂", "'; DROP TABLE x; --", "é" * 100])
def test_naughty_text_is_only_text(value):
    rows = [row(2, value[:60], value[:100], colour=value)]
    assert merge_customers(COLUMNS, rows) == Merged(1, 0, 0)
    assert merge_customers(COLUMNS, rows) == Merged(0, 0, 1)
    customer = Customer.objects.get()
    assert (customer.external_id, customer.first_name, customer.attributes) == (
        value[:60],
        value[:100],
        {"colour": value},
    )


@pytest.mark.parametrize("value", [0.1, 1e-7, 1e300, 123456789012345, -0.5, 2.0])
def test_number_in_another_field_is_the_same_the_second_time(value):
    rows = [row(2, "C1", points=value)]
    merge_customers(COLUMNS, rows)
    assert merge_customers(COLUMNS, rows) == Merged(0, 0, 1)
    assert float(Customer.objects.get().attributes["points"]) == value  # PostgreSQL gives 1e300 back as a whole number


@pytest.mark.parametrize("amount", ["0.1", "0.001", "19.999", "99999999.999", "0", "118.750"])
def test_amount_is_the_same_the_second_time(amount):
    rows = [row(2, "C1", None, None, None, None, Decimal(amount).quantize(Decimal("0.001")))]
    merge_customers(COLUMNS, rows)
    assert merge_customers(COLUMNS, rows) == Merged(0, 0, 1)
    assert Subscription.objects.get().monthly_charges == Decimal(amount)


def test_batch_holds_new_changed_and_unchanged_rows_at_once():
    merge_customers(COLUMNS, [row(i, f"C{i}", tenure) for i, tenure in enumerate("abc")])
    batch = [row(0, "C0", "a"), row(1, "C1", "changed"), row(2, "C2", "c"), row(3, "C3", "new"), row(4, "C4")]
    assert merge_customers(COLUMNS, batch) == Merged(created=2, updated=1, unchanged=2)
    assert Subscription.objects.count() == Customer.objects.count() == 5


def test_file_without_subscription_columns_gives_everybody_a_subscription_once():
    columns = ["external_id", "first_name"]
    rows = [(2, "C1", "Zoé", {}), (3, "C2", None, {})]
    assert merge_customers(columns, rows) == Merged(2, 0, 0)
    assert merge_customers(columns, rows) == Merged(0, 0, 2)
    assert Subscription.objects.count() == 2


def test_customer_without_a_subscription_gets_one():
    Customer.objects.create(external_id="C1")
    merge_customers(COLUMNS, [ZOE])
    assert Subscription.objects.get().tenure == 12


def test_no_rows_change_nothing():
    assert merge_customers(COLUMNS, []) == Merged(0, 0, 0)


def test_merge_never_reaches_another_company(borealis):
    theirs = Customer(external_id="C1", first_name="Untouched", tenant=borealis)
    every(Customer).bulk_create([theirs])
    assert merge_customers(COLUMNS, [ZOE]) == Merged(1, 0, 0)
    assert merge_customers(COLUMNS, [ZOE]) == Merged(0, 0, 1)
    assert every(Customer).get(tenant=borealis).first_name == "Untouched"
    assert every(Customer).count() == 2


# ---------------------------------------------------------------- rows that hang on a customer


def test_months_of_use_are_written_once_and_anew_when_they_change():
    merge_customers(COLUMNS, [ZOE])
    january = dt.date(2026, 1, 1)
    assert merge.append_usage([("C1", january, 20.5, 12, 900.25, 3), ("nobody", january, 1, 1, 1, 1)]) == 1
    merge.append_usage([("C1", january, 21.5, 13, 901.25, 4)])
    usage = UsageRecord.objects.get()
    assert (usage.month, usage.montant_consommation, usage.nombre_appels) == (january, Decimal("21.5"), 13)
    assert (usage.volume_data, usage.nombre_sms) == (901.25, 4)


def test_contacts_are_written_once():
    merge_customers(COLUMNS, [ZOE])
    for left in (None, True):
        merge.append_interactions([("C1", "spring", "contacted", dt.date(2026, 3, 1), left)])
    contact = Interaction.objects.get()
    assert (contact.kind, contact.happened_on, contact.left_within_horizon) == ("contacted", dt.date(2026, 3, 1), True)


def test_use_and_contacts_stay_in_the_company(borealis):
    every(Customer).bulk_create([Customer(external_id="C1", tenant=borealis)])
    assert merge.append_usage([("C1", dt.date(2026, 1, 1), 1, 1, 1, 1)]) == 0
    assert not every(UsageRecord).exists()
