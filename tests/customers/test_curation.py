"""Corrections by hand: validated, with a reason, kept as it was before, and left alone when an import is taken back."""

import datetime as dt
from decimal import Decimal

import pytest
from django.core.exceptions import ValidationError
from django.utils import timezone, translation

from core.errors import Refused
from customers import services
from customers.history import customer_history
from customers.models import Customer, CustomerBase, CustomerChange, FormerNumber, Import, Subscription, UsageRecord
from tenants.models import AuditEntry
from tenants.scoping import tenant_scope

JANUARY = dt.date(2026, 1, 1)


@pytest.fixture
def sami(atlas_scope) -> Customer:
    customer = Customer.objects.create(
        external_id="A1", first_name="Sami", city="Sfax", churn_label=False, changed_by_import=7, created_by_import=7
    )
    Subscription.objects.create(customer=customer, contract="Month-to-month", monthly_charges=Decimal("20.5"))
    services.refresh_customer_base()
    return customer


def correct(customer, actor, reason="told on the phone", **changes):
    return services.correct_customer(customer=customer, changes=changes, actor=actor, reason=reason)


def roll_up() -> dict[str, object]:
    """What the roll-up says of customers and money (its census of other fields is taken by imports)."""
    facts = CustomerBase.objects.get().facts
    return {name: facts[name] for name in ("customers", "left", "stayed", "unknown", "monthly_revenue")}


def last_entry() -> AuditEntry:
    return AuditEntry.objects.order_by("-sequence").first()


# ---------------------------------------------------------------- one correction


def test_correction_is_written_with_what_stood_there_before(sami, alice):
    corrected = correct(sami, alice, city="Tunis", age=44)
    assert (corrected.city, corrected.age) == ("Tunis", 44)
    change = CustomerChange.objects.get()
    assert (change.kind, change.actor, change.reason) == ("correction", alice, "told on the phone")
    assert change.before == {"customer": {"city": "Sfax", "age": None}}


def test_trail_names_fields_and_reason_and_no_values(sami, alice):
    correct(sami, alice, city="Tunis")
    entry = last_entry()
    assert (entry.verb, entry.object_id, entry.actor) == ("customer_corrected", str(sami.public_id), alice)
    assert entry.facts == {"fields": ["city"], "reason": "told on the phone"}


def test_import_taken_back_later_leaves_the_correction_alone(sami, alice):
    assert correct(sami, alice, city="Tunis").changed_by_import is None


def test_customer_and_subscription_are_corrected_in_one_breath(sami, alice):
    services.correct_customer(
        customer=sami, changes={"city": "Tunis"}, subscription={"contract": "One year"}, actor=alice, reason="letter"
    )
    assert CustomerChange.objects.get().before == {
        "customer": {"city": "Sfax"},
        "subscription": {"contract": "Month-to-month"},
    }
    assert Subscription.objects.get(customer=sami).contract == "One year"


def test_subscription_that_was_missing_is_added(atlas_scope, alice):
    bare = Customer.objects.create(external_id="B")
    services.correct_customer(
        customer=bare, changes={}, subscription={"contract": "One year"}, actor=alice, reason="letter"
    )
    assert Subscription.objects.get(customer=bare).contract == "One year"
    assert CustomerChange.objects.get().before == {"subscription": None}


def test_month_of_use_is_corrected(sami, alice):
    usage = UsageRecord.objects.create(customer=sami, month=JANUARY, nombre_appels=3, changed_by_import=7)
    services.correct_usage(usage=usage, changes={"nombre_appels": 5}, actor=alice, reason="counted again")
    usage.refresh_from_db()
    assert (usage.nombre_appels, usage.changed_by_import) == (5, None)
    change = CustomerChange.objects.get()
    assert (change.month, change.before) == (JANUARY, {"usage": {"nombre_appels": 3}})


@pytest.mark.parametrize("reason", ["", "   ", "\n"])
def test_correction_without_a_reason_is_refused(sami, alice, reason):
    with pytest.raises(Refused) as refused:
        correct(sami, alice, reason=reason, city="Tunis")
    assert refused.value.code == "no_reason"
    sami.refresh_from_db()
    assert sami.city == "Sfax"
    assert not CustomerChange.objects.exists()


@pytest.mark.parametrize(
    "changes",
    [{"age": -1}, {"age": "old"}, {"city": "x" * 121}, {"external_id": ""}, {"churn_label": "maybe"}],
)
def test_value_that_a_field_cannot_hold_changes_nothing(sami, alice, changes):
    with pytest.raises(ValidationError):
        correct(sami, alice, **changes)
    assert not CustomerChange.objects.exists()


def test_number_of_another_customer_is_refused(sami, alice):
    other = Customer.objects.create(external_id="A2")
    FormerNumber.objects.create(external_id="A0", customer=other)
    for number in ("A2", "A0"):
        with pytest.raises(ValidationError):
            correct(sami, alice, external_id=number)


def test_correction_to_what_stands_there_already_writes_nothing(sami, alice):
    before = AuditEntry.objects.count()
    correct(sami, alice, city="Sfax")
    assert not CustomerChange.objects.exists()
    assert AuditEntry.objects.count() == before


def test_only_the_named_field_is_written(sami, alice):
    """Somebody else's correction of another field, made meanwhile, stays."""
    stale = Customer.objects.get(pk=sami.pk)
    correct(sami, alice, city="Tunis")
    correct(stale, alice, age=30)
    sami.refresh_from_db()
    assert (sami.city, sami.age) == ("Tunis", 30)


def test_another_companys_customer_cannot_be_corrected(cast, atlas, borealis):
    with tenant_scope(borealis):
        theirs = Customer.objects.create(external_id="X", city="Montreal")
    with tenant_scope(atlas), pytest.raises(Refused) as refused:
        services.correct_customer(customer=theirs, changes={"city": "Tunis"}, actor=cast.alice, reason="no business")
    assert refused.value.code == "gone"
    theirs.refresh_from_db()
    assert theirs.city == "Montreal"


def test_many_rows_are_corrected_all_or_none(sami, alice):
    other = Customer.objects.create(external_id="A2")
    good = services.Correction(sami, {"city": "Tunis"})
    with pytest.raises(ValidationError):
        services.correct_rows(
            corrections=[good, services.Correction(other, {"age": -3})], actor=alice, reason="from a list"
        )
    sami.refresh_from_db()
    assert sami.city == "Sfax"
    corrections = [good, services.Correction(other, {"age": 3})]
    assert services.correct_rows(corrections=corrections, actor=alice, reason="from a list", source="list.csv") == 2
    assert last_entry().facts == {
        "fields": ["age", "city"],
        "customers": 2,
        "reason": "from a list",
        "source": "list.csv",
    }


# ---------------------------------------------------------------- the roll-up follows


def test_roll_up_follows_label_and_charges_without_counting_the_base(sami, alice):
    Customer.objects.create(external_id="A2", churn_label=None)
    services.refresh_customer_base()
    correct(sami, alice, churn_label=True)
    services.correct_selection(
        customers=[Customer.objects.get(external_id="A2").pk], correction="mark_stayed", actor=alice, reason="called"
    )
    counted = roll_up()
    assert (counted["left"], counted["stayed"], counted["unknown"], counted["monthly_revenue"]) == (1, 1, 0, 0.0)
    correct(sami, alice, churn_label=False)
    services.correct_customer(
        customer=sami, changes={}, subscription={"monthly_charges": Decimal("30.25")}, actor=alice, reason="invoice"
    )
    followed = roll_up()
    services.refresh_customer_base()
    assert followed == roll_up()


def test_roll_up_follows_customers_who_come_and_go_by_hand(sami, alice):
    services.add_customer(customer=Customer(external_id="NEW", churn_label=True), actor=alice)
    services.erase_customer(customer=sami, actor=alice, reason="asked for it")
    followed = roll_up()
    services.refresh_customer_base()
    assert followed == roll_up()


# ---------------------------------------------------------------- many at once


@pytest.mark.parametrize(
    ("correction", "field", "value"),
    [
        ("mark_left", "churn_label", True),
        ("mark_stayed", "churn_label", False),
        ("forget_label", "churn_label", None),
        ("clear_persona", "persona", ""),
    ],
)
def test_selection_is_corrected_with_a_history_row_for_each_that_changed(atlas_scope, alice, correction, field, value):
    old = {"churn_label": not value, "persona": "Fidèle"}[field]
    rows = [Customer.objects.create(external_id=str(i), **{field: old}, changed_by_import=4) for i in range(3)]
    already = Customer.objects.create(external_id="same", **{field: value}, changed_by_import=4)
    count = services.correct_selection(
        customers=[c.pk for c in [*rows, already]], correction=correction, actor=alice, reason="survey of May"
    )
    assert count == 3
    assert set(Customer.objects.filter(pk__in=[c.pk for c in rows]).values_list(field, "changed_by_import")) == {
        (value, None)
    }
    assert list(CustomerChange.objects.values_list("reason", flat=True)) == ["survey of May"] * 3
    assert CustomerChange.objects.first().before == {"customer": {field: old}}
    already.refresh_from_db()
    assert already.changed_by_import == 4
    assert last_entry().facts == {
        "correction": correction,
        "fields": [field],
        "customers": 3,
        "reason": "survey of May",
    }


def test_selection_is_written_by_set_statements(atlas_scope, alice, django_assert_max_num_queries):
    rows = [Customer(external_id=str(i)) for i in range(1200)]
    Customer.objects.bulk_create(rows)
    keys = list(Customer.objects.values_list("pk", flat=True))
    with django_assert_max_num_queries(30):
        assert (
            services.correct_selection(customers=keys, correction="mark_left", actor=alice, reason="closed branch")
            == 1200
        )


def test_selection_that_is_too_large_or_without_reason_is_refused(atlas_scope, alice):
    with pytest.raises(Refused) as refused:
        services.correct_selection(
            customers=range(services.MOST_AT_ONCE + 1), correction="mark_left", actor=alice, reason="all of them"
        )
    assert refused.value.code == "too_many_selected"
    assert "10,000" in refused.value.message
    with pytest.raises(Refused):
        services.correct_selection(customers=[1], correction="mark_left", actor=alice, reason=" ")


def test_selection_holds_no_other_companys_customers(cast, atlas, borealis):
    with tenant_scope(borealis):
        theirs = Customer.objects.create(external_id="X", churn_label=False)
    with tenant_scope(atlas):
        changed = services.correct_selection(
            customers=[theirs.pk], correction="mark_left", actor=cast.alice, reason="no business"
        )
    assert changed == 0
    theirs.refresh_from_db()
    assert theirs.churn_label is False


# ---------------------------------------------------------------- erasing


def test_erased_customer_leaves_identifier_and_reason_in_the_trail(sami, alice):
    correct(sami, alice, city="Tunis")
    services.erase_customer(customer=sami, actor=alice, reason="asked by letter")
    assert not Customer.objects.exists()
    assert not CustomerChange.objects.exists()
    entry = last_entry()
    assert (entry.verb, entry.object_id) == ("customer_erased", str(sami.public_id))
    assert entry.facts == {"reason": "asked by letter"}


# ---------------------------------------------------------------- history


def titles(history) -> list[str]:
    return [entry.title for entry in history.entries]


def words(history) -> list[tuple[str, str, str]]:
    return [(c.label, c.before, c.after) for entry in history.entries for c in entry.changes]


def test_history_says_what_each_change_found_and_left(sami, alice):
    run = Import.objects.create(filename="customers.csv", state="succeeded")
    CustomerChange.objects.create(
        customer=sami,
        kind="import",
        brought_by=run,
        before={
            "customer": {"city": "Gabes", "churn_label": 0},
            "subscription": {"monthly_charges": 18, "contract": "Month-to-month"},
            "changed_by_import": None,
        },
    )
    correct(sami, alice, city="Tunis")
    services.correct_customer(
        customer=sami,
        changes={"city": "Bizerte"},
        subscription={"contract": "One year"},
        actor=alice,
        reason="moved house",
    )
    history = customer_history(sami.__class__.objects.get(pk=sami.pk))
    assert titles(history) == [
        "Alice corrected the customer",
        "Alice corrected the customer",
        "Import of customers.csv",
        "Created",
    ]
    assert words(history) == [
        ("City", "Tunis", "Bizerte"),
        ("Contract", "Month-to-month", "One year"),
        ("City", "Sfax", "Tunis"),
        ("City", "Gabes", "Sfax"),
        ("Monthly charges", "18", "20.5"),
    ]
    assert history.entries[0].reason == "moved house"
    with translation.override("fr"):
        assert ("Contrat", "Sans engagement", "Un an") in words(customer_history(Customer.objects.get(pk=sami.pk)))


def test_history_of_a_real_import_names_the_file_and_only_what_changed(atlas_scope, imported, tmp_path):
    from tests.conftest import import_file, write_csv

    customer = Customer.objects.select_related("subscription").first()
    was = customer.city
    path = write_csv(
        tmp_path / "moved.csv", "customerID,City,gender", f"{customer.external_id},Elsewhere,{customer.gender}"
    )
    import_file(path)
    history = customer_history(Customer.objects.get(pk=customer.pk))
    assert titles(history) == ["Import of moved.csv", "Created by the import of customers.csv"]
    assert words(history) == [("City", was or "–", "Elsewhere")]


def test_history_tells_months_and_other_fields_by_their_names(sami, alice):
    Customer.objects.filter(pk=sami.pk).update(attributes={"Region": "South", "Shop": 3})
    usage = services.add_usage(usage=UsageRecord(customer=sami, month=JANUARY, nombre_appels=3), actor=alice)
    services.correct_usage(usage=usage, changes={"nombre_appels": 1250}, actor=alice, reason="counted again")
    fresh = Customer.objects.get(pk=sami.pk)
    correct(fresh, alice, attributes={"Region": "North", "Shop": 3})
    services.remove_usage(usage=UsageRecord.objects.get(), actor=alice, reason="not theirs")
    history = customer_history(fresh.__class__.objects.get(pk=sami.pk))
    assert titles(history)[:4] == [
        "Alice removed a month of use",
        "Alice corrected the customer",
        "Alice corrected a month of use",
        "Alice added a month of use",
    ]
    assert words(history) == [
        ("Calls", "1250", "–"),
        ("Region", "South", "North"),
        ("Calls", "3", "1250"),
        ("Calls", "–", "3"),
    ]
    assert history.entries[0].month == "January 2026"


def test_long_history_is_cut_and_says_so(sami, alice, django_assert_max_num_queries):
    for age in range(20, 30):
        correct(sami, alice, age=age)
    with django_assert_max_num_queries(4):
        history = customer_history(Customer.objects.get(pk=sami.pk), limit=4)
    assert len(history.entries) == 4
    assert history.has_more
    assert words(history)[-1] == ("Age", "25", "26")


def test_history_of_another_companys_customer_is_empty(cast, atlas, borealis):
    with tenant_scope(atlas):
        ours = Customer.objects.create(external_id="A1", city="Sfax")
        services.correct_customer(customer=ours, changes={"city": "Tunis"}, actor=cast.alice, reason="phone")
    with tenant_scope(borealis):
        assert [e.kind for e in customer_history(ours).entries] == ["created"]


# ---------------------------------------------------------------- what is forgotten by night


def test_only_old_images_of_imports_are_forgotten(sami, alice, settings):
    settings.IMPORT_UNDO_DAYS = 90
    days = dt.timedelta(days=1)
    now = timezone.now()
    old = Import.objects.create(filename="old.csv", state="succeeded", finished_at=now - 91 * days)
    new = Import.objects.create(filename="new.csv", state="succeeded", finished_at=now - 89 * days)
    image = {"customer": {"city": "Gabes"}}
    for run in (old, old, new):
        CustomerChange.objects.create(customer=sami, kind="import", brought_by=run, before=image)
    CustomerChange.objects.create(customer=sami, kind="import", at=now - 91 * days, before=image)
    for kind in ("correction", "merge"):
        CustomerChange.objects.create(customer=sami, kind=kind, at=now - 400 * days, before=image)
    assert services.forget_changes() == 3
    assert set(CustomerChange.objects.values_list("kind", "brought_by")) == {
        ("import", new.pk), ("correction", None), ("merge", None)
    }  # fmt: skip
    assert services.forget_changes() == 0


def test_night_forgets_for_every_company(cast, atlas, borealis):
    from churnguard import celery_app
    from churnguard.tasks import forget_changes

    long_ago = timezone.now() - dt.timedelta(days=1000)
    for tenant in (atlas, borealis):
        with tenant_scope(tenant):
            customer = Customer.objects.create(external_id="A1")
            CustomerChange.objects.create(customer=customer, kind="import", at=long_ago, before={"customer": {}})
    forget_changes()
    for tenant in (atlas, borealis):
        with tenant_scope(tenant):
            assert not CustomerChange.objects.exists()
    assert "churnguard.tasks.forget_changes" in {entry["task"] for entry in celery_app.conf.beat_schedule.values()}
