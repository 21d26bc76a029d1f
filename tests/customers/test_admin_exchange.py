"""Tables out of the back office and corrections in: safe, within the company, all or nothing, with a reason."""

import csv
import io
import json
from decimal import Decimal

import pytest

from customers.admin import exchange, formats
from customers.models import Customer, CustomerChange, FormerNumber, Subscription, UsageRecord
from tenants.models import AuditEntry
from tenants.scoping import tenant_scope
from tests.customers.test_admin_curation import changes_of
from tests.everywhere import every

ROOT = "/admin/customers/"
CSV, XLSX, JSON = "0", "1", "2"


@pytest.fixture
def base(atlas) -> list[Customer]:
    with tenant_scope(atlas):
        customers = [
            Customer.objects.create(
                external_id=f"A{i}", first_name="Sami", last_name='=HYPERLINK("x")', city="Sfax", age=40 + i,
                phone="+216 20 123 456", churn_label=bool(i),
            )
            for i in range(3)
        ]  # fmt: skip
        for customer in customers:
            Subscription.objects.create(customer=customer, contract="One year", monthly_charges=Decimal("-0.5"))
            UsageRecord.objects.create(customer=customer, month="2026-01-01", nombre_appels=3)
        return customers


def export(client, table: str = "customer", form: str = CSV, query: str = ""):
    return client.post(f"{ROOT}{table}/export/{query}", {"format": form, "resource": "0"})


def rows_of(answer) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"))))


def upload(client, text: str | bytes, table: str = "customer", reason: str = "list of May", **more: str):
    file = io.BytesIO(text.encode() if isinstance(text, str) else text)
    file.name = "corrections.csv"
    return client.post(f"{ROOT}{table}/import/", {"import_file": file, "reason": reason, "format": "0"} | more)


def confirm(client, page, table: str = "customer", **changed: str):
    form = page.context["confirm_form"]
    data = {name: str(value) for name, value in form.initial.items() if value is not False} | changed
    return client.post(f"{ROOT}{table}/process_import/", data, follow=True)


# ---------------------------------------------------------------- out


def test_csv_holds_the_filtered_rows_and_nothing_that_a_spreadsheet_runs(client_for, cast, base):
    answer = export(client_for(cast.omar), query="?churn_label__exact=1")
    assert answer["Content-Type"].startswith("text/csv")
    assert "customers-atlas-telecom-" in answer["Content-Disposition"]
    rows = rows_of(answer)
    assert [row["external_id"] for row in rows] == ["A1", "A2"]
    assert rows[0]["last_name"] == '\'=HYPERLINK("x")'
    assert rows[0]["phone"] == "'+216 20 123 456"
    assert (rows[0]["churn_label"], rows[0]["age"]) == ("Yes", "41")


def test_numbers_stay_numbers_also_below_nought(client_for, cast, base):
    assert rows_of(export(client_for(cast.omar), "subscription"))[0]["monthly_charges"] == "-0.500"
    first = json.loads(export(client_for(cast.omar), "usagerecord", JSON).content)[0]
    assert (first["external_id"], first["month"], first["nombre_appels"]) == ("A0", "2026-01", 3)


def test_workbook_opens_with_text_as_text_and_numbers_as_numbers(client_for, cast, base):
    from openpyxl import load_workbook

    every(Customer).filter(pk=base[0].pk).update(city="Sf\x0bax")
    answer = export(client_for(cast.omar), form=XLSX)
    sheet = load_workbook(io.BytesIO(answer.content)).active
    header, first, *_rest = sheet.iter_rows(values_only=True)
    row = dict(zip(header, first, strict=True))
    assert (row["external_id"], row["age"], row["last_name"]) == ("A0", 40, '\'=HYPERLINK("x")')
    assert row["city"] == "Sf\ufffdax"
    assert not [cell for cells in sheet.iter_rows() for cell in cells if cell.data_type == "f"]


def test_export_is_written_in_the_trail_by_number_not_by_value(client_for, cast, base):
    export(client_for(cast.omar), query="?churn_label__exact=1")
    with tenant_scope(cast.atlas):
        entry = AuditEntry.objects.order_by("-sequence").first()
    assert (entry.verb, entry.actor) == ("customers_exported", cast.omar)
    assert entry.facts == {"table": "customer", "rows": 2, "filters": ["churn_label__exact"]}


def test_export_that_is_too_large_points_to_the_page_that_takes_any_number(client_for, cast, base, monkeypatch):
    monkeypatch.setattr(exchange, "MOST_EXPORTED", 2)
    client = client_for(cast.omar)
    answer = client.post(f"{ROOT}customer/export/", {"format": CSV, "resource": "0"}, follow=True)
    assert "export from the page of customers" in answer.content.decode()
    assert answer.redirect_chain


def test_another_company_exports_none_of_it(client_for, cast, base):
    assert rows_of(export(client_for(cast.charlie))) == []
    keys = ",".join(str(c.pk) for c in base)
    assert rows_of(export(client_for(cast.charlie), query=f"?id__in={keys}")) == []


def test_ticked_rows_are_exported_alone(client_for, cast, base):
    client = client_for(cast.omar)
    data = {"action": "export_selection", "_selected_action": [base[0].pk, base[2].pk], "index": "0"}
    answer = client.post(f"{ROOT}customer/", data)
    rows = rows_of(client.post(answer["Location"], {"format": CSV, "resource": "0"}))
    assert [row["external_id"] for row in rows] == ["A0", "A2"]


@pytest.mark.parametrize("items", [["1"], ["1", "2"]])
def test_rows_are_not_chosen_by_keys_in_the_form(client_for, cast, base, items):
    answer = client_for(cast.omar).post(
        f"{ROOT}customer/export/", {"format": CSV, "resource": "0", "export_items": items}
    )
    assert answer["Content-Type"].startswith("text/html")


@pytest.mark.parametrize("form", ["3", "-1", "yaml", ""])
def test_no_other_format_is_offered(client_for, cast, base, form):
    assert export(client_for(cast.omar), form=form)["Content-Type"].startswith("text/html")
    assert [f().get_title() for f in exchange.CorrectionsByFile.formats] == ["csv", "xlsx", "json"]
    assert [f().get_title() for f in exchange.CorrectionsByFile.formats if f().can_import()] == ["csv"]


# ---------------------------------------------------------------- in


def test_preview_shows_what_would_change_and_writes_nothing(client_for, cast, base):
    page = upload(client_for(cast.omar), "external_id,city,age\nA0,Tunis,40\nA1,Sfax,41\n")
    text = page.content.decode()
    assert "1 row would be corrected." in text
    assert "Tunis" in text
    assert (page.context["changed"], page.context["unchanged"]) == (1, 1)
    assert changes_of(cast.atlas) == []


def test_confirmed_corrections_are_written_with_their_reason(client_for, cast, base):
    client = client_for(cast.omar)
    page = upload(client, "external_id;city;churn_label\r\nA0;Tunis;oui\r\nA1;Béja;\r\n".encode("cp1252"))
    answer = confirm(client, page)
    assert "2 rows were corrected." in answer.content.decode()
    with tenant_scope(cast.atlas):
        assert list(Customer.objects.order_by("pk").values_list("city", "churn_label")) == [
            ("Tunis", True), ("Béja", True), ("Sfax", True)
        ]  # fmt: skip
        entry = AuditEntry.objects.order_by("-sequence").first()
    assert entry.facts == {
        "fields": ["churn_label", "city"],
        "customers": 2,
        "reason": "list of May",
        "source": "corrections.csv",
    }
    assert [c.before for c in changes_of(cast.atlas)] == [
        {"customer": {"city": "Sfax", "churn_label": False}},
        {"customer": {"city": "Sfax"}},
    ]


@pytest.mark.parametrize("table", ["customer", "subscription", "usagerecord"])
def test_export_then_import_is_the_identity(client_for, cast, base, table):
    client = client_for(cast.omar)
    page = upload(client, export(client, table).content, table, empty_clears="on")
    assert (page.context["changed"], page.context["unchanged"], page.context["refused"]) == (0, 3, 0)


def test_quoted_cell_of_our_own_export_comes_back_as_it_was(client_for, cast, base):
    client = client_for(cast.omar)
    confirm(client, upload(client, "external_id,last_name\nA0,'=1+1\nA1,'plain\n"))
    with tenant_scope(cast.atlas):
        assert list(Customer.objects.order_by("pk").values_list("last_name", flat=True)[:2]) == ["=1+1", "'plain"]


def test_empty_cell_leaves_what_is_there_unless_the_person_says_otherwise(client_for, cast, base):
    client = client_for(cast.omar)
    text = "external_id,city,age,churn_label\nA0,,,\n"
    assert upload(client, text).context["changed"] == 0
    confirm(client, upload(client, text, empty_clears="on"))
    with tenant_scope(cast.atlas):
        customer = Customer.objects.get(external_id="A0")
    assert (customer.city, customer.age, customer.churn_label) == ("", None, None)


def test_subscriptions_and_months_are_corrected_too(client_for, cast, base):
    client = client_for(cast.omar)
    text = 'external_id,contract,monthly_charges\nA0,deux ans,"25,5"\n'
    confirm(client, upload(client, text, "subscription"), "subscription")
    confirm(client, upload(client, "external_id,month,nombre_appels\nA0,01/2026,9\n", "usagerecord"), "usagerecord")
    with tenant_scope(cast.atlas):
        plan = Subscription.objects.get(customer=base[0])
        assert (plan.contract, plan.monthly_charges) == ("Two year", Decimal("25.5"))
        assert UsageRecord.objects.get(customer=base[0]).nombre_appels == 9
        assert {c.month is None for c in CustomerChange.objects.all()} == {True, False}


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("NOBODY,Tunis,40", "There is no such row"),
        ("A0,Tunis,old", "This is not a number"),
        ("A0,Tunis,-4", "below what this column allows"),
        (f"A0,{'x' * 121},40", "too long"),
        ("A1,Tunis,40\nA1,Beja,41", "stands on an earlier line"),
        ("OLD,Tunis,40", "was merged"),
    ],
)
def test_one_wrong_line_refuses_the_file_by_line_and_reason(client_for, cast, base, line, said):
    with tenant_scope(cast.atlas):
        FormerNumber.objects.create(external_id="OLD", customer=base[0])
    page = upload(client_for(cast.omar), f"external_id,city,age\nA2,Tunis,44\n{line}\n")
    assert said in page.content.decode()
    assert page.context["problems"][0][0] == (4 if "\n" in line else 3)
    assert "confirm_form" not in page.context
    assert changes_of(cast.atlas) == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("external_id,salary\nA0,3\n", "No such column is corrected here: salary"),
        ("city\nTunis\n", "The file needs the column external_id"),
        ("external_id,city\nA0\n", "Line 2 has 1 cells, the header 2"),
        ("external_id,city,city\nA0,a,b\n", "Two columns have the same name"),
        ("PK\x03\x04\x00\x00", "This is not a CSV file"),
        ("external_id,changed_by_import\nA0,3\n", "No such column is corrected here: changed_by_import"),
        ("external_id,tenant_id\nA0,3\n", "No such column is corrected here: tenant_id"),
    ],
)
def test_file_of_another_shape_is_refused_in_words(client_for, cast, base, text, said):
    page = upload(client_for(cast.omar), text)
    assert page.status_code == 200
    assert said in page.content.decode()
    assert changes_of(cast.atlas) == []


@pytest.mark.parametrize("text", ["", "\n\n", "external_id,city\n", "\ufeff"])
def test_empty_file_is_refused(client_for, cast, base, text):
    assert "confirm_form" not in upload(client_for(cast.omar), text).context


def test_file_that_is_too_long_or_too_large_is_refused(client_for, cast, base, monkeypatch):
    monkeypatch.setattr(formats, "MOST_CORRECTED", 2)
    page = upload(client_for(cast.omar), "external_id,city\nA0,a\nA1,b\nA2,c\n")
    assert "At most 2 corrections at a time" in page.content.decode()
    monkeypatch.setattr(exchange, "_MOST_BYTES", 10)
    assert "bring it in as an import" in upload(client_for(cast.omar), "external_id,city\nA0,a\n").content.decode()


def test_corrections_need_a_reason(client_for, cast, base):
    page = upload(client_for(cast.omar), "external_id,city\nA0,Tunis\n", reason=" ")
    assert "confirm_form" not in page.context
    client = client_for(cast.omar)
    confirm(client, upload(client, "external_id,city\nA0,Tunis\n"), reason="")
    assert changes_of(cast.atlas) == []


def test_another_companys_customers_cannot_be_addressed(client_for, cast, base):
    client = client_for(cast.charlie)
    client.cookies["django_language"] = "en"  # Borealis speaks French
    page = upload(client, "external_id,city\nA0,Montreal\n")
    assert "There is no such row" in page.content.decode()
    page = upload(client_for(cast.omar), "external_id,city\nA0,Tunis\n")
    stolen = confirm(client, page)
    assert "no longer kept here" in stolen.content.decode()
    assert changes_of(cast.atlas) == []


@pytest.mark.parametrize("name", ["../../etc/passwd", "x", "", "0" * 32])
def test_name_of_a_kept_file_leads_nowhere_else(client_for, cast, base, name):
    data = {"import_file_name": name, "original_file_name": "x.csv", "reason": "x", "format": "0", "resource": "0"}
    answer = client_for(cast.omar).post(f"{ROOT}customer/process_import/", data, follow=True)
    assert answer.status_code == 200
    assert changes_of(cast.atlas) == []


def test_what_was_changed_between_preview_and_writing_is_written_all_or_not_at_all(client_for, cast, base):
    client = client_for(cast.omar)
    page = upload(client, "external_id,city\nA0,Tunis\nA1,Tunis\n")
    every(Customer).filter(external_id="A1").delete()
    answer = confirm(client, page)
    assert "There is no such row" in answer.content.decode()
    assert changes_of(cast.atlas) == []
    assert every(Customer).get(external_id="A0").city == "Sfax"


def test_written_file_is_not_kept(client_for, cast, base, settings):
    client = client_for(cast.omar)
    page = upload(client, "external_id,city\nA0,Tunis\n")
    folder = settings.PRIVATE_ROOT / str(cast.atlas.pk) / "corrections"
    assert len(list(folder.iterdir())) == 1
    confirm(client, page)
    assert list(folder.iterdir()) == []


def test_django_keeps_no_log_of_its_own_beside_ours(client_for, cast, base):
    from django.contrib.admin.models import LogEntry

    client = client_for(cast.omar)
    confirm(client, upload(client, "external_id,city\nA0,Tunis\n"))
    assert not LogEntry.objects.exists()
