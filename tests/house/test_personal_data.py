"""Personal data is inventoried: every column of text is somebody's or nobody's by declaration, and the page says the same."""

from pathlib import Path

import pytest
from django.core.management import call_command
from django.db import models

from churnguard import personal_data
from core.inventory import ALL, Goes, Whose, held
from customers.models import Customer
from tenants.models import User
from tenants.scoping import TenantModel, tenant_scope

PAGE = Path(__file__).resolve().parents[2] / "docs" / "personal-data.md"


def test_inventory_says_of_every_column_whose_it_is():
    assert personal_data.problems() == []


def test_page_is_that_of_the_inventory(capsys):
    call_command("personal_data")
    assert PAGE.read_text(encoding="utf-8") == capsys.readouterr().out, (
        "manage.py personal_data > docs/personal-data.md"
    )


def test_every_column_of_text_of_a_person_or_a_customer_stands_on_the_page():
    text = PAGE.read_text(encoding="utf-8")
    for column in ("first_name", "email", "phone", "address", "last_note", "actor_key"):
        assert f"`{column}`" in text


@pytest.fixture
def table(request):
    """A table that somebody added without thinking of this; it is never made."""

    def made(**columns) -> type[models.Model]:
        name = f"Added{abs(hash(request.node.nodeid))}"
        meta = type("Meta", (), {"app_label": "customers", "managed": False})
        model = type(name, (TenantModel,), {"__module__": "customers.models", "Meta": meta, **columns})
        request.addfinalizer(lambda: model._meta.apps.all_models["customers"].pop(name.lower(), None))
        request.addfinalizer(model._meta.apps.clear_cache)
        return model

    return made


def said_of(model, *lines) -> list[str]:
    name = model._meta.label
    return [line.removeprefix(name) for line in personal_data.problems([model], lines) if line.startswith(name)]


@pytest.mark.parametrize(
    "column",
    [models.CharField(max_length=9), models.TextField(), models.JSONField(), models.BinaryField(), models.EmailField()],
)
def test_new_column_of_text_that_nobody_declared_is_found(table, column):
    model = table(remark=column, number=models.IntegerField())
    assert said_of(model) == [".remark is not declared: say in personal.py whose it is, or that it is nobody's"]
    line = held(model._meta.label, "remark", Whose.ANYBODY, "why", Goes.STAYS, "long")
    assert said_of(model, line) == []


def test_table_that_hangs_on_a_customer_is_found_without_any_text(table):
    model = table(customer=models.ForeignKey(Customer, models.CASCADE, related_name="+"), number=models.IntegerField())
    assert said_of(model) == [" hangs on a customer and says nothing of them"]
    assert said_of(model, held(model._meta.label, ALL, Whose.CUSTOMER, "why", Goes.WITH_CUSTOMER, "long")) == []


@pytest.mark.parametrize("goes", [Goes.WITH_CUSTOMER, Goes.WITH_PERSON])
def test_erasure_that_the_keys_do_not_do_is_found(table, goes):
    loose = {
        "customer": models.ForeignKey(Customer, models.SET_NULL, null=True, related_name="+"),
        "by": models.ForeignKey(User, models.SET_NULL, null=True, related_name="+"),
        "text": models.TextField(),
    }
    model = table(**loose)
    line = held(model._meta.label, "text", Whose.ANYBODY, "why", goes, "long")
    assert said_of(model, line) == [f": its rows do not go {goes}"]


def test_a_declaration_of_nothing_is_found(table):
    model = table(text=models.TextField())
    name = model._meta.label
    twice = held(name, "text", Whose.ANYBODY, "why", Goes.STAYS, "long")
    gone = held(name, "gone", Whose.ANYBODY, "why", Goes.STAYS, "long", setting="NO_SUCH_DAYS")
    assert said_of(model, twice, twice, gone) == [
        ".gone: there is no such column", ".text is declared twice", ": no setting NO_SUCH_DAYS",
    ]  # fmt: skip
    assert "customers.Nowhere: there is no such table" in personal_data.problems(
        [model], [held("customers.Nowhere", "x", Whose.ANYBODY, "why", Goes.STAYS, "long")]
    )


def test_erased_customer_leaves_no_row_in_any_table_that_promises_so(shared):
    """What the page says of the keys, done: with every table that goes with a customer filled as the whole world of tests has it."""
    with tenant_scope(shared.cast.atlas):
        customer = Customer.objects.order_by("pk").first()
        hanging = [
            (model, field.name)
            for model in personal_data.tables()
            for field in model._meta.concrete_fields
            if field.related_model is Customer
        ]
        before = [name for model, name in hanging if model.objects.filter(**{name: customer.pk}).exists()]
        assert len(before) >= 2
        key = customer.pk
        customer.delete()
        assert [m._meta.label for m, name in hanging if m.objects.filter(**{name: key}).exists()] == []
