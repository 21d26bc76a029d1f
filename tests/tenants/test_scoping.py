"""No company in scope: an exception, never all rows. In a scope: that company's rows and no others."""

import threading

import pytest
from django_scopes import scope
from django_scopes.exceptions import ScopeError

from customers.models import Customer, Subscription
from tenants.models import Notification, Tenant
from tenants.scoping import current_tenant, tenant_scope


@pytest.fixture
def both(atlas, borealis):
    """One customer of each company."""
    with tenant_scope(atlas):
        ours = Customer.objects.create(external_id="A1")
    with tenant_scope(borealis):
        theirs = Customer.objects.create(external_id="B1")
    return ours, theirs


@pytest.mark.parametrize(
    "question",
    [
        lambda rows: rows.all(),
        lambda rows: rows.filter(pk=1),
        lambda rows: rows.get(pk=1),
        lambda rows: rows.first(),
        lambda rows: rows.count(),
        lambda rows: rows.exists(),
        lambda rows: rows.update(city=""),
        lambda rows: rows.create(external_id="x"),
        lambda rows: rows.bulk_create([Customer(external_id="x")]),
        lambda rows: rows.values_list("pk"),
        lambda rows: rows.aggregate(),
        lambda rows: rows.select_related("subscription"),
        lambda rows: rows.get_or_create(external_id="x"),
        lambda rows: rows.exclude(pk=1).exists(),
        lambda rows: rows.distinct(),
        lambda rows: rows.in_bulk(),
        lambda rows: rows.contains(Customer(pk=1)),
        lambda rows: rows.prefetch_related("usage"),
        lambda rows: rows.explain(),
        lambda rows: rows.none().count() or rows.all(),
    ],
)
def test_question_outside_a_company_raises(both, question):
    with pytest.raises(ScopeError):
        question(Customer.objects)


def test_row_cannot_be_saved_or_deleted_outside_a_company(both):
    with pytest.raises(ScopeError):
        Customer(external_id="x").save()
    with pytest.raises(ScopeError):
        both[0].save()
    with pytest.raises(ScopeError):
        both[0].delete()


def test_company_sees_its_own_rows_only(atlas, borealis, both):
    for tenant, number in ((atlas, "A1"), (borealis, "B1")):
        with tenant_scope(tenant):
            assert list(Customer.objects.values_list("external_id", flat=True)) == [number]
            assert Customer.objects.filter(external_id__in=["A1", "B1"]).count() == 1
            assert current_tenant() == tenant


def test_another_companys_row_does_not_exist_by_any_key(atlas, both):
    theirs = both[1]
    with tenant_scope(atlas):
        for key in (
            {"pk": theirs.pk},
            {"public_id": theirs.public_id},
            {"external_id": "B1"},
            {"tenant_id": theirs.tenant_id},
        ):
            assert not Customer.objects.filter(**key).exists()
            with pytest.raises(Customer.DoesNotExist):
                Customer.objects.get(**key)


@pytest.mark.parametrize("make", ["create", "save", "bulk_create", "get_or_create", "update_or_create"])
def test_new_row_belongs_to_the_company_in_scope(atlas, make):
    with tenant_scope(atlas):
        if make == "save":
            Customer(external_id="x").save()
        elif make == "bulk_create":
            Customer.objects.bulk_create([Customer(external_id="x")])
        else:
            getattr(Customer.objects, make)(external_id="x")
        assert Customer.objects.get().tenant_id == atlas.pk


@pytest.mark.parametrize(
    "make",
    [
        lambda **row: Customer.objects.create(**row),
        lambda **row: Customer(**row).save(),
        lambda **row: Customer.objects.bulk_create([Customer(**row)]),
    ],
)
def test_new_row_of_another_company_is_refused(atlas, borealis, make):
    with tenant_scope(atlas), pytest.raises(ScopeError):
        make(external_id="x", tenant=borealis)


def test_another_companys_row_in_hand_is_neither_saved_nor_deleted(atlas, both):
    theirs = both[1]
    with tenant_scope(atlas):
        theirs.city = "Sfax"
        with pytest.raises(ScopeError):
            theirs.save()
        with pytest.raises(ScopeError):
            theirs.delete()
    with tenant_scope(theirs.tenant):
        assert Customer.objects.get(pk=theirs.pk).city == ""


def test_update_and_delete_stop_at_the_companys_edge(atlas, borealis, both):
    with tenant_scope(atlas):
        assert Customer.objects.update(city="Sfax") == 1
        Customer.objects.all().delete()
        assert not Customer._base_manager.filter(tenant=atlas).exists()
    with tenant_scope(borealis):
        theirs = Customer.objects.get()
    assert (theirs.external_id, theirs.city) == ("B1", "")


@pytest.mark.parametrize("field", ["tenant", "tenant_id"])
def test_no_update_moves_a_row_to_another_company(atlas, borealis, both, field):
    with tenant_scope(atlas), pytest.raises(ScopeError):
        Customer.objects.update(**{field: borealis if field == "tenant" else borealis.pk})


def test_company_cannot_be_entered_from_inside_another(atlas, borealis):
    with tenant_scope(atlas):
        with pytest.raises(ScopeError), tenant_scope(borealis):
            pytest.fail("inside two companies")
        assert current_tenant() == atlas


def test_scope_of_no_company_sees_nothing(both):
    with scope(tenant=None), pytest.raises(ScopeError):
        Customer.objects.count()


def test_company_may_be_entered_again_from_inside_itself(atlas):
    with tenant_scope(atlas), tenant_scope(atlas):
        assert current_tenant() == atlas


@pytest.mark.parametrize("nonsense", [None, "atlas", 1, [], Tenant])
def test_scope_needs_a_real_company(db, nonsense):
    with pytest.raises(ScopeError), tenant_scope(nonsense):
        pytest.fail("inside nothing")


def test_unsaved_company_still_has_a_key_but_none_of_the_rows(db, both):
    with tenant_scope(Tenant(name="Nobody", slug="nobody")):
        assert not Customer.objects.exists()


def test_scope_ends_with_its_block_even_after_an_error(atlas):
    with pytest.raises(RuntimeError), tenant_scope(atlas):
        raise RuntimeError
    with pytest.raises(ScopeError):
        current_tenant()


def test_scope_is_not_inherited_by_another_thread(atlas):
    seen = []

    def look():
        try:
            seen.append(current_tenant())
        except ScopeError:
            seen.append(None)

    with tenant_scope(atlas):
        thread = threading.Thread(target=look)
        thread.start()
        thread.join()
    assert seen == [None]


def test_related_rows_stay_in_the_company(atlas, both):
    ours = both[0]
    with tenant_scope(atlas):
        Subscription.objects.create(customer=ours, tenure=3)
        assert ours.subscription.tenure == 3
        assert list(ours.usage.all()) == []
    with pytest.raises(ScopeError):
        list(ours.usage.all())


def test_notification_of_one_company_is_unseen_in_another(atlas, borealis):
    with tenant_scope(atlas):
        Notification.objects.create(code="import_finished")
    with tenant_scope(borealis):
        assert not Notification.objects.exists()
