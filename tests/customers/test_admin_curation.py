"""The back office's own pages: corrections ask why, selections are counted first, duplicates are compared, history is told."""

import re

import pytest
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME

from customers import services
from customers.admin import selection
from customers.models import (
    ColumnMapping,
    Customer,
    CustomerChange,
    DuplicateGroup,
    DuplicateSearch,
    FormerNumber,
    Subscription,
    UsageRecord,
)
from tenants.models import AuditEntry
from tenants.scoping import tenant_scope
from tests.everywhere import every

LIST = "/admin/customers/customer/"


@pytest.fixture
def sami(atlas) -> Customer:
    with tenant_scope(atlas):
        customer = Customer.objects.create(
            external_id="A1", first_name="Sami", last_name="Trabelsi", city="Sfax", email="sami@example.com"
        )
        Subscription.objects.create(customer=customer, contract="Month-to-month")
        return customer


@pytest.fixture
def twin(atlas, sami) -> Customer:
    with tenant_scope(atlas):
        return Customer.objects.create(external_id="A2", first_name="Samy", city="Tunis", email="sami@example.com")


def form_of(client, address: str, **changes: str) -> dict[str, str]:
    """What a browser would post: every field of the page's form as it stands, with some changed."""
    context = client.get(address).context
    data = {}
    forms = [context["adminform"].form]
    for inline in context.get("inline_admin_formsets", []):
        forms += [inline.formset.management_form, *inline.formset.forms]
    for form in forms:
        for bound in form:
            value = bound.value()
            data[bound.html_name] = "" if value is None else value
            if bound.field.show_hidden_initial:
                data[bound.html_initial_name] = data[bound.html_name]
    data = {name: {True: "true", False: "false"}.get(v, v) if isinstance(v, bool) else v for name, v in data.items()}
    return data | changes


def changes_of(atlas) -> list[CustomerChange]:
    with tenant_scope(atlas):
        return list(CustomerChange.objects.order_by("pk"))


# ---------------------------------------------------------------- correcting one


def test_correction_of_customer_and_subscription_is_one_change_with_its_reason(client_for, cast, sami):
    client = client_for(cast.omar)
    address = f"{LIST}{sami.pk}/change/"
    data = form_of(client, address, city="Tunis", reason="told on the phone", **{"subscription-0-contract": "One year"})
    assert client.post(address, data).status_code == 302
    (change,) = changes_of(cast.atlas)
    assert change.before == {"customer": {"city": "Sfax"}, "subscription": {"contract": "Month-to-month"}}
    assert (change.actor, change.reason) == (cast.omar, "told on the phone")


@pytest.mark.parametrize("changed", [{"city": "Tunis"}, {"subscription-0-contract": "One year"}])
def test_correction_without_a_reason_comes_back_with_a_sentence(client_for, cast, sami, changed):
    client = client_for(cast.omar)
    address = f"{LIST}{sami.pk}/change/"
    answer = client.post(address, form_of(client, address, **changed))
    assert answer.status_code == 200
    assert "Say why" in answer.content.decode()
    assert changes_of(cast.atlas) == []


def test_form_that_changes_nothing_needs_no_reason(client_for, cast, sami):
    client = client_for(cast.omar)
    address = f"{LIST}{sami.pk}/change/"
    assert client.post(address, form_of(client, address)).status_code == 302
    assert changes_of(cast.atlas) == []


def test_number_that_is_taken_comes_back_with_a_sentence(client_for, cast, sami, twin):
    client = client_for(cast.omar)
    address = f"{LIST}{sami.pk}/change/"
    answer = client.post(address, form_of(client, address, external_id="A2", reason="typing error"))
    assert answer.status_code == 200
    assert "Another customer has this number" in answer.content.decode()


@pytest.mark.parametrize("attributes", ["[1]", '"text"', '{"a": {"b": 1}}', '{"a": [1]}'])
def test_other_fields_are_plain_values(client_for, cast, sami, attributes):
    client = client_for(cast.omar)
    address = f"{LIST}{sami.pk}/change/"
    answer = client.post(address, form_of(client, address, attributes=attributes, reason="cleaning up"))
    assert "plain values" in answer.content.decode()
    assert changes_of(cast.atlas) == []


def test_customer_is_added_by_hand_with_a_subscription(client_for, cast, sami):
    client = client_for(cast.omar)
    data = form_of(client, f"{LIST}add/", external_id="NEW", **{"subscription-0-contract": "One year"})
    assert "reason" not in client.get(f"{LIST}add/").context["adminform"].fieldsets[-1][1]["fields"]
    data |= {"subscription-TOTAL_FORMS": "1"}
    assert client.post(f"{LIST}add/", data).status_code == 302
    with tenant_scope(cast.atlas):
        assert Subscription.objects.get(customer__external_id="NEW").contract == "One year"
        assert AuditEntry.objects.order_by("-sequence").first().verb == "created_by_hand"
    taken = client.post(f"{LIST}add/", data)
    assert taken.status_code == 200
    assert "Another customer has this number" in taken.content.decode()


def test_month_of_use_is_corrected_added_and_removed_with_a_reason(client_for, cast, sami):
    client = client_for(cast.omar)
    root = "/admin/customers/usagerecord/"
    assert (
        client.post(f"{root}add/", {"customer": sami.pk, "month": "2026-01-17", "nombre_appels": 3}).status_code == 302
    )
    with tenant_scope(cast.atlas):
        usage = UsageRecord.objects.get()
    assert usage.month.day == 1
    twice = client.post(f"{root}add/", {"customer": sami.pk, "month": "2026-01-20"})
    assert "This month of this customer is known already" in twice.content.decode()
    address = f"{root}{usage.pk}/change/"
    client.post(address, form_of(client, address, nombre_appels="5", reason="counted again"))
    assert client.post(f"{root}{usage.pk}/delete/", {"post": "yes"}).status_code == 302
    with tenant_scope(cast.atlas):
        assert UsageRecord.objects.get().nombre_appels == 5
    client.post(f"{root}{usage.pk}/delete/", {"post": "yes", "reason": "not theirs"})
    with tenant_scope(cast.atlas):
        assert not UsageRecord.objects.exists()
    assert [c.reason for c in changes_of(cast.atlas)] == ["", "counted again", "not theirs"]


def test_customer_is_erased_by_admins_with_a_reason_and_not_by_operators(client_for, cast, sami):
    address = f"{LIST}{sami.pk}/delete/"
    assert client_for(cast.omar).post(address, {"post": "yes", "reason": "x"}).status_code == 403
    client = client_for(cast.alice)
    page = client.get(address)
    assert page.status_code == 200
    assert "subscription" in page.content.decode()
    answer = client.post(address, {"post": "yes"}, follow=True)
    assert "Say why" in answer.content.decode()
    client.post(address, {"post": "yes", "reason": "asked by letter"})
    with tenant_scope(cast.atlas):
        assert not Customer.objects.exists()
        entry = AuditEntry.objects.order_by("-sequence").first()
    assert (entry.verb, entry.actor, entry.facts) == ("customer_erased", cast.alice, {"reason": "asked by letter"})


# ---------------------------------------------------------------- many at once


@pytest.fixture
def ten(atlas) -> list[Customer]:
    with tenant_scope(atlas):
        return [Customer.objects.create(external_id=f"T{i}", first_name=f"Person{i}", persona="x") for i in range(10)]


def ask(client, action: str, customers, **more: str):
    data = {"action": action, ACTION_CHECKBOX_NAME: [c.pk for c in customers], "index": "0", "select_across": "0"}
    return client.post(LIST, data | more)


def confirm(client, page, reason: str):
    """Press the button of the page that asked why."""
    text = page.content.decode()
    form = text[text.index('name="shown"') - 2000 :]
    data: dict[str, list[str]] = {"reason": [reason]}
    for name, value in re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', form):
        data.setdefault(name, []).append(value)
    return client.post(LIST, data, follow=True)


def test_selection_asks_why_with_the_number_and_names_and_then_writes(client_for, cast, ten):
    client = client_for(cast.omar)
    page = ask(client, "mark_left", ten[:3])
    text = page.content.decode()
    assert "3 customers are selected" in text
    assert "Person0" in text
    assert changes_of(cast.atlas) == []
    answer = confirm(client, page, "closed branch")
    assert "3 customers were changed." in answer.content.decode()
    with tenant_scope(cast.atlas):
        assert Customer.objects.filter(churn_label=True).count() == 3
    assert {c.reason for c in changes_of(cast.atlas)} == {"closed branch"}


def test_selection_without_a_reason_asks_again(client_for, cast, ten):
    client = client_for(cast.omar)
    answer = confirm(client, ask(client, "clear_persona", ten), "  ")
    assert "Say why" in answer.content.decode()
    assert changes_of(cast.atlas) == []


def test_all_of_a_filtered_list_are_meant_and_a_changed_list_asks_again(client_for, cast, ten):
    client = client_for(cast.omar)
    page = ask(client, "mark_stayed", ten[:1], select_across="1")
    assert "10 customers are selected" in page.content.decode()
    with tenant_scope(cast.atlas):
        Customer.objects.create(external_id="LATE")
    again = confirm(client, page, "survey")
    assert "The list changed meanwhile" in again.content.decode()
    assert changes_of(cast.atlas) == []
    confirm(client, again, "survey")
    assert len(changes_of(cast.atlas)) == 11


def test_selection_that_is_too_large_is_refused_in_words(client_for, cast, ten, monkeypatch):
    monkeypatch.setattr(selection.services, "MOST_AT_ONCE", 5)
    monkeypatch.setattr("customers.services.selections.MOST_AT_ONCE", 5)
    client = client_for(cast.omar)
    answer = client.post(
        LIST,
        {"action": "mark_left", ACTION_CHECKBOX_NAME: ten[0].pk, "index": "0", "select_across": "1"},
        follow=True,
    )
    assert "More than 5 customers are selected" in answer.content.decode()


def test_selection_of_another_companys_customers_selects_nobody(client_for, cast, ten):
    client = client_for(cast.charlie)
    client.cookies["django_language"] = "en"  # Borealis speaks French
    page = ask(client, "mark_left", ten)
    assert "0 customers are selected" in page.content.decode()
    confirm(client_for(cast.charlie), page, "no business")
    assert changes_of(cast.atlas) == []


# ---------------------------------------------------------------- duplicates and merging


def test_operator_looks_for_duplicates_compares_and_merges(client_for, cast, sami, twin):
    client = client_for(cast.omar)
    page = client.get(f"{LIST}duplicates/")
    assert "Nobody looked for duplicates yet" in page.content.decode()
    answer = client.post(f"{LIST}duplicates/search/", follow=True)
    assert answer["Refresh"] == "2"
    with tenant_scope(cast.atlas):
        services.find_duplicates(search_id=DuplicateSearch.objects.get().pk)
    page = client.get(f"{LIST}duplicates/")
    assert "Refresh" not in page
    assert "Same e-mail" in page.content.decode()
    merge = f"{LIST}merge/?kept={sami.public_id}&gone={twin.public_id}"
    assert "Samy" in client.get(merge).content.decode()
    refused = client.post(merge, {"field-customer.city": "gone"})
    assert refused.status_code == 422
    assert "Say why" in refused.content.decode()
    done = client.post(merge, {"field-customer.city": "gone", "reason": "same passport"}, follow=True)
    assert "A2 is Sami Trabelsi (A1) now" in done.content.decode()
    with tenant_scope(cast.atlas):
        assert list(Customer.objects.values_list("external_id", "city")) == [("A1", "Tunis")]
        assert FormerNumber.objects.get().external_id == "A2"


def test_two_ticked_customers_are_taken_to_the_comparison(client_for, cast, sami, twin, ten):
    client = client_for(cast.omar)
    answer = ask(client, "merge_two", [sami, twin])
    assert answer.status_code == 302
    assert answer["Location"] == f"{LIST}merge/?kept={sami.public_id}&gone={twin.public_id}"
    answer = client.post(
        LIST, {"action": "merge_two", ACTION_CHECKBOX_NAME: [c.pk for c in ten], "index": "0"}, follow=True
    )
    assert "Select exactly two customers" in answer.content.decode()


def test_label_conflict_has_no_choice_made_beforehand(client_for, cast, sami, twin):
    every(Customer).filter(pk=sami.pk).update(churn_label=True)
    every(Customer).filter(pk=twin.pk).update(churn_label=False)
    client = client_for(cast.omar)
    merge = f"{LIST}merge/?kept={sami.public_id}&gone={twin.public_id}"
    (row,) = [r for r in client.get(merge).context["rows"] if r["key"] == "customer.churn_label"]
    assert (row["chosen"], row["must_choose"]) == ("", True)
    answer = client.post(merge, {"reason": "same passport"})
    assert "say which is true" in answer.content.decode()


def test_kept_apart_is_asked_no_more(client_for, cast, sami, twin):
    with tenant_scope(cast.atlas):
        group = DuplicateGroup.objects.create(rule="email", fingerprint="x", members=[sami.pk, twin.pk], size=2)
    address = f"{LIST}duplicates/{group.pk}/apart/"
    assert client_for(cast.charlie).post(address).status_code == 404
    client = client_for(cast.omar)
    assert client.get(address).status_code == 405
    page = client.post(address, follow=True)
    assert page.context["groups"] == []
    group.refresh_from_db()
    assert group.dismissed_by == cast.omar


@pytest.mark.parametrize("person", ["anna", "bob"])
def test_who_may_not_curate_reaches_none_of_these_pages(client_for, cast, sami, twin, person):
    client = client_for(getattr(cast, person))
    for address in (
        f"{LIST}duplicates/",
        f"{LIST}merge/?kept={sami.public_id}&gone={twin.public_id}",
        f"{LIST}{sami.pk}/history/",
        f"{LIST}export/",
        f"{LIST}import/",
    ):
        assert client.get(address, follow=True).status_code == 403, address
    assert client.post(f"{LIST}duplicates/search/", follow=True).status_code == 403
    with tenant_scope(cast.atlas):
        assert not DuplicateSearch.objects.exists()


@pytest.mark.parametrize("query", ["kept={theirs}&gone={ours}", "kept={ours}&gone={theirs}", "kept=1&gone=2", ""])
def test_merge_of_a_customer_who_is_not_the_companys_is_not_there(client_for, cast, sami, query):
    with tenant_scope(cast.borealis):
        theirs = Customer.objects.create(external_id="X")
    query = query.format(ours=sami.public_id, theirs=theirs.public_id)
    assert client_for(cast.omar).get(f"{LIST}merge/?{query}").status_code == 404


# ---------------------------------------------------------------- history


def test_history_is_told_in_the_back_office_and_on_the_customers_page(client_for, cast, sami):
    with tenant_scope(cast.atlas):
        services.correct_customer(
            customer=sami,
            changes={"city": "<b>Tunis</b>"},
            subscription={"contract": "One year"},
            actor=cast.omar,
            reason="moved house",
        )
    for person, address in ((cast.omar, f"{LIST}{sami.pk}/history/"), (cast.bob, f"/clients/{sami.public_id}")):
        text = client_for(person).get(address).content.decode()
        assert "Omar corrected the customer" in text
        assert "Month-to-month" in text
        assert "moved house" in text
        assert "&lt;b&gt;Tunis" in text
        assert "<b>Tunis" not in text
    assert client_for(cast.charlie).get(f"{LIST}{sami.pk}/history/").status_code == 404
    with tenant_scope(cast.atlas):
        plan = Subscription.objects.get()
    answer = client_for(cast.omar).get(f"/admin/customers/subscription/{plan.pk}/history/")
    assert answer["Location"] == f"{LIST}{sami.pk}/history/"


def test_history_in_french(client_for, cast, sami):
    with tenant_scope(cast.atlas):
        services.correct_customer(customer=sami, changes={"city": "Tunis"}, actor=cast.omar, reason="courrier")
    cast.omar.locale = "fr"
    cast.omar.save()
    assert "Ville" in client_for(cast.omar).get(f"{LIST}{sami.pk}/history/").content.decode()


# ---------------------------------------------------------------- what else is there to look at


def test_remembered_mapping_and_former_number_may_be_forgotten_not_changed(client_for, cast, sami):
    with tenant_scope(cast.atlas):
        mapping = ColumnMapping.objects.create(
            shape_key="x", filename="base.csv", mapping={"columns": {"Ville": {"target": "city"}}}
        )
        number = FormerNumber.objects.create(external_id="OLD", customer=sami)
    client = client_for(cast.omar)
    for row, seen in ((mapping, "Ville → city"), (number, "OLD")):
        root = f"/admin/customers/{row._meta.model_name}/"
        assert seen in client.get(f"{root}{row.pk}/change/").content.decode()
        assert client.get(f"{root}add/").status_code == 403
        assert client.post(f"{root}{row.pk}/change/", {}).status_code == 403
        assert client_for(cast.charlie).post(f"{root}{row.pk}/delete/", {"post": "yes"}).status_code in (302, 404)
        client.post(f"{root}{row.pk}/delete/", {"post": "yes"})
        assert not every(type(row)).filter(pk=row.pk).exists()


def test_imports_page_in_the_back_office_shows_words_and_no_raw_json(client_for, cast, imported):
    text = client_for(cast.omar).get(f"/admin/customers/import/{imported.pk}/change/").content.decode()
    assert "customerID → external_id" in text
    assert "&quot;columns&quot;" not in text
    assert "shape_key" not in text


@pytest.mark.parametrize(
    "page", ["", "duplicates/", "export/", "import/", "{pk}/change/", "{pk}/history/", "{pk}/delete/", "merge"]
)
def test_pages_keep_the_browsers_rules(client_for, cast, sami, twin, page):
    address = f"{LIST}merge/?kept={sami.public_id}&gone={twin.public_id}" if page == "merge" else LIST + page
    answer = client_for(cast.alice).get(address.format(pk=sami.pk))
    text = answer.content.decode()
    assert answer.status_code == 200
    assert "unsafe" not in answer["Content-Security-Policy"]
    assert not re.search(r"<script(?![^>]*\bsrc)(?![^>]*application/json)", text)
    assert not re.search(r"<style|\sstyle=|\son[a-z]+=\"", text)
    assert "no-store" in answer["Cache-Control"]
