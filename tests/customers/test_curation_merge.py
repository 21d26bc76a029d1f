"""Two rows for one person become one: values chosen, months and contacts united, scores and history kept."""

import datetime as dt
from decimal import Decimal

import pytest

from core.errors import Refused
from customers import services
from customers.history import customer_history
from customers.models import (
    Customer,
    CustomerBase,
    CustomerChange,
    DuplicateGroup,
    FormerNumber,
    Interaction,
    Subscription,
    UsageRecord,
)
from predictions.models import ModelVersion, Score, ScoringRun
from tenants.models import AuditEntry
from tenants.scoping import tenant_scope

JANUARY, FEBRUARY = dt.date(2026, 1, 1), dt.date(2026, 2, 1)


@pytest.fixture
def two(atlas_scope) -> tuple[Customer, Customer]:
    kept = Customer.objects.create(
        external_id="A1", first_name="Sami", city="Sfax", churn_label=False, attributes={"Region": "South", "Shop": 3}
    )
    gone = Customer.objects.create(
        external_id="A2",
        first_name="Samy",
        email="sami@example.com",
        age=44,
        attributes={"Region": "North", "Tag": "x"},
    )
    Subscription.objects.create(customer=kept, contract="One year")
    Subscription.objects.create(customer=gone, contract="Two year", monthly_charges=Decimal("20.5"))
    return kept, gone


def roll_up() -> dict[str, object]:
    """What the roll-up says of customers and money (its census of other fields is taken by imports)."""
    facts = CustomerBase.objects.get().facts
    return {name: facts[name] for name in ("customers", "left", "stayed", "unknown", "monthly_revenue")}


def merge(kept, gone, actor, **choices):
    chosen = {key.replace("__", "."): side for key, side in choices.items()}
    return services.merge_customers(kept=kept, gone=gone, choices=chosen, actor=actor, reason="same passport")


def test_one_who_stays_keeps_their_values_and_takes_what_they_lacked(two, alice):
    merged = merge(*two, alice)
    assert (merged.external_id, merged.first_name, merged.city) == ("A1", "Sami", "Sfax")
    assert (merged.email, merged.age) == ("sami@example.com", 44)
    assert merged.attributes == {"Region": "South", "Shop": 3, "Tag": "x"}
    plan = Subscription.objects.get()
    assert (plan.customer, plan.contract, plan.monthly_charges) == (merged, "One year", Decimal("20.5"))
    assert list(Customer.objects.all()) == [merged]


def test_person_chooses_field_by_field(two, alice):
    merged = merge(
        *two,
        alice,
        customer__first_name="gone",
        customer__email="kept",
        subscription__contract="gone",
        attributes__Region="gone",
    )
    assert (merged.first_name, merged.email, merged.attributes["Region"]) == ("Samy", "", "North")
    assert merged.subscription.contract == "Two year"


def test_subscription_of_the_one_who_goes_moves_where_there_was_none(two, alice):
    kept, gone = two
    Subscription.objects.filter(customer=kept).delete()
    merge(kept, gone, alice)
    assert Subscription.objects.get(customer=kept).contract == "Two year"


def test_months_are_united_and_that_of_the_one_who_stays_wins(two, alice):
    kept, gone = two
    UsageRecord.objects.create(customer=kept, month=JANUARY, nombre_appels=1, changed_by_import=5)
    UsageRecord.objects.create(customer=gone, month=JANUARY, nombre_appels=9)
    UsageRecord.objects.create(customer=gone, month=FEBRUARY, nombre_appels=2, changed_by_import=5)
    plan = services.plan_merge(kept=kept, gone=gone)
    assert (plan.months_moved, plan.months_dropped) == (1, 1)
    merge(kept, gone, alice)
    found = UsageRecord.objects.order_by("month").values_list("customer", "month", "nombre_appels", "changed_by_import")
    assert list(found) == [(kept.pk, JANUARY, 1, None), (kept.pk, FEBRUARY, 2, None)]
    image = CustomerChange.objects.get(kind="merge").before["gone"]
    assert image["usage"]["2026-01-01"]["nombre_appels"] == 9


def test_contacts_move_but_one_campaign_counts_once(two, alice):
    kept, gone = two
    day = dt.date(2026, 3, 1)
    for customer, code, kind in (
        (kept, "spring", "contacted"),
        (gone, "spring", "held_out"),
        (gone, "may", "contacted"),
    ):
        Interaction.objects.create(customer=customer, campaign_code=code, kind=kind, happened_on=day)
    merge(kept, gone, alice)
    assert set(Interaction.objects.values_list("customer", "campaign_code", "kind")) == {
        (kept.pk, "spring", "contacted"),
        (kept.pk, "may", "contacted"),
    }
    image = CustomerChange.objects.get(kind="merge").before["gone"]
    assert image["interactions"] == [["spring", "held_out", "2026-03-01", None]]


def test_label_conflict_is_decided_by_a_person(two, alice):
    kept, gone = two
    Customer.objects.filter(pk=gone.pk).update(churn_label=True)
    gone.refresh_from_db()
    with pytest.raises(Refused) as refused:
        merge(kept, gone, alice)
    assert refused.value.code == "label_conflict"
    assert Customer.objects.count() == 2
    assert merge(kept, gone, alice, customer__churn_label="gone").churn_label is True


def test_label_that_only_one_knows_needs_no_decision(two, alice):
    kept, gone = two
    assert merge(gone, kept, alice).churn_label is False


def test_former_number_leads_to_the_one_who_stays_through_every_merge(two, alice):
    kept, gone = two
    third = Customer.objects.create(external_id="A3")
    merge(gone, third, alice)
    merge(kept, gone, alice)
    assert dict(FormerNumber.objects.values_list("external_id", "customer")) == {"A2": kept.pk, "A3": kept.pk}


def test_next_file_with_the_old_number_updates_the_one_who_stays(two, alice, tmp_path):
    from tests.conftest import import_file, write_csv

    kept, gone = two
    merge(kept, gone, alice, customer__churn_label="kept")
    import_file(write_csv(tmp_path / "next.csv", "customerID,City", "A2,Tunis"), without_label=True)
    assert list(Customer.objects.values_list("external_id", "city")) == [("A1", "Tunis")]


def test_merge_leaves_both_as_they_were_in_the_history_and_ids_in_the_trail(two, alice):
    kept, gone = two
    merge(kept, gone, alice)
    change = CustomerChange.objects.get(kind="merge")
    assert (change.customer_id, change.actor, change.reason) == (kept.pk, alice, "same passport")
    assert change.before["customer"]["email"] == ""
    assert change.before["gone"]["customer"]["email"] == "sami@example.com"
    assert change.before["gone"]["subscription"]["monthly_charges"] == "20.500"
    entry = AuditEntry.objects.order_by("-sequence").first()
    assert (entry.verb, entry.object_id) == ("customers_merged", str(kept.public_id))
    assert entry.facts["gone"] == str(gone.public_id)
    assert "customer.email" in entry.facts["taken"]
    assert "sami@example.com" not in str(entry.facts)


def test_history_of_both_stays_readable_under_the_number_of_then(two, alice):
    kept, gone = two
    services.correct_customer(customer=gone, changes={"city": "Gabes"}, actor=alice, reason="letter")
    services.correct_customer(customer=gone, changes={"city": "Beja"}, actor=alice, reason="second letter")
    services.correct_customer(customer=kept, changes={"age": 40}, actor=alice, reason="passport")
    gone.refresh_from_db()
    merged = merge(kept, gone, alice)
    told = [
        (e.title, e.number, [(c.label, c.before, c.after) for c in e.changes]) for e in customer_history(merged).entries
    ]
    assert told[0][0] == "Alice merged customer A2 into this one"
    assert ("E-mail", "–", "sami@example.com") in told[0][2]
    assert told[1:4] == [
        ("Alice corrected the customer", "", [("Age", "–", "40")]),
        ("Alice corrected the customer", "A2", [("City", "Gabes", "Beja")]),
        ("Alice corrected the customer", "A2", [("City", "–", "Gabes")]),
    ]


def test_scores_of_the_one_who_goes_pass_over_where_the_other_has_none(two, alice):
    kept, gone = two
    version = ModelVersion.objects.create(number=1, algorithm="x", artefact_path="x")
    runs = [ScoringRun.objects.create(version=version, state="succeeded") for _ in range(3)]
    for customer, run, risk in ((kept, 0, 0.1), (gone, 0, 0.9), (gone, 1, 0.8), (kept, 2, 0.3)):
        Score.objects.create(run=runs[run], customer=customer, risk=risk)
    merge(kept, gone, alice)
    scores = Score.objects.order_by("run").values_list("run", "customer", "risk")
    assert list(scores) == [(runs[0].pk, kept.pk, 0.1), (runs[1].pk, kept.pk, 0.8), (runs[2].pk, kept.pk, 0.3)]


def test_every_table_that_hangs_on_a_customer_is_thought_of_by_the_merge():
    """A new table with a key to the customer must say here what becomes of its rows."""
    moved = {"Subscription", "UsageRecord", "Interaction", "FormerNumber", "CustomerChange", "Score"}
    # Whoever stays keeps the place and the offer that they have (tests/segmentation/test_departures.py).
    moved |= {"SegmentMembership", "AllocatedOffer"}
    # Places in campaigns and lines of consent move; drafts and the uplift of who goes end with them (tests/campaigns/test_merging.py).
    moved |= {"Recipient", "ConsentEntry", "Draft", "UpliftScore"}
    hanging = {relation.related_model.__name__ for relation in Customer._meta.related_objects}
    hanging |= {
        r.related_model.__name__
        for r in Customer._meta.get_fields(include_hidden=True)
        if r.auto_created and r.is_relation
    }
    assert hanging == moved


def test_roll_up_and_groups_follow(two, alice):
    kept, gone = two
    services.refresh_customer_base()
    third = Customer.objects.create(external_id="A3")
    services.refresh_customer_base()
    for rule, members in (("email", [kept.pk, gone.pk]), ("phone", [gone.pk, kept.pk, third.pk])):
        DuplicateGroup.objects.create(rule=rule, fingerprint=rule, members=members, size=len(members))
    merge(kept, gone, alice)
    assert list(DuplicateGroup.objects.values_list("rule", "members", "size")) == [("phone", [kept.pk, third.pk], 2)]
    followed = roll_up()
    services.refresh_customer_base()
    assert followed == roll_up()


@pytest.mark.parametrize("reason", ["", "  "])
def test_merge_needs_a_reason(two, alice, reason):
    with pytest.raises(Refused) as refused:
        services.merge_customers(kept=two[0], gone=two[1], choices={}, actor=alice, reason=reason)
    assert refused.value.code == "no_reason"
    assert Customer.objects.count() == 2


def test_customer_is_not_merged_with_themselves_nor_with_somebody_gone(two, alice):
    kept, gone = two
    with pytest.raises(Refused) as refused:
        merge(kept, kept, alice)
    assert refused.value.code == "same_customer"
    stale = Customer.objects.get(pk=gone.pk)
    merge(kept, gone, alice)
    with pytest.raises(Refused) as refused:
        merge(kept, stale, alice)
    assert refused.value.code == "gone"


def test_choice_that_is_none_of_the_two_is_refused(two, alice):
    with pytest.raises(Refused):
        merge(*two, alice, customer__city="mine")


def test_customers_of_two_companies_are_never_merged(cast, atlas, borealis):
    with tenant_scope(borealis):
        theirs = Customer.objects.create(external_id="X")
    with tenant_scope(atlas):
        ours = Customer.objects.create(external_id="A1")
        for kept, gone in ((ours, theirs), (theirs, ours)):
            with pytest.raises(Refused) as refused:
                merge(kept, gone, cast.alice)
            assert refused.value.code == "gone"


def test_import_taken_back_leaves_the_merged_customer_alone(atlas_scope, alice, tmp_path):
    from tests.conftest import import_file, write_csv

    run = import_file(
        write_csv(tmp_path / "both.csv", "customerID,City,Churn", "A1,Sfax,No", "A2,Gabes,Yes", "A3,Beja,Yes")
    )
    kept, gone = (Customer.objects.get(external_id=number) for number in ("A1", "A2"))
    merge(kept, gone, alice, customer__churn_label="kept")
    services.undo_import(run=run, actor=alice)
    services.run_import(import_id=run.pk, follow=False)
    assert list(Customer.objects.values_list("external_id", "city")) == [("A1", "Sfax")]
