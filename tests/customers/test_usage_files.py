"""Months of use: as a file of their own, as columns of the customers' file, and as months that describe the customer too."""

from datetime import date
from decimal import Decimal

import pytest
from django.utils import timezone

from core.errors import Refused
from customers.models import Customer, UsageRecord
from customers.services import writing
from tests.conftest import import_file, write_csv
from tests.customers.bases import agreed, base, checked, counts

pytestmark = pytest.mark.usefixtures("atlas_scope")

CUSTOMERS = ("customerID,tenure,Churn", "C1,1,Yes", "C2,2,No", "C3,3,No")


@pytest.fixture
def three(tmp_path):
    return import_file(write_csv(tmp_path / "customers.csv", *CUSTOMERS))


def months(*names: str) -> list[tuple]:
    return list(
        UsageRecord.objects.order_by("customer__external_id", "month").values_list(
            "customer__external_id", "month", *names
        )
    )


# ---------------------------------------------------------------- a file of months


@pytest.mark.parametrize(
    ("header", "january", "february"),
    [
        ("month", "2026-01", "2026-02"),
        ("mois", "01/2026", "02/2026"),
        ("month", "202601", "202602"),
        ("mois", "janvier 2026", "févr. 2026"),
        ("month", "Jan-26", "Feb-26"),
        ("période", "2026-01-31", "2026-02-28"),
        ("mois de facturation", "31/01/2026", "28/02/2026"),
        ("billing month", "2026-01-01 00:00:00", "2026-02-01 00:00:00"),
    ],
)
def test_month_is_read_in_every_usual_spelling(tmp_path, three, header, january, february):
    lines = (f"customerID,{header},nombre_appels", f"C1,{january},12", f"C1,{february},7", f"C2,{january},0")
    run = import_file(write_csv(tmp_path / "usage.csv", *lines))
    assert counts(run) == (3, 3, 0, 0, 0)
    assert run.months_written == 3
    assert months("nombre_appels") == [
        ("C1", date(2026, 1, 1), 12),
        ("C1", date(2026, 2, 1), 7),
        ("C2", date(2026, 1, 1), 0),
    ]


def test_all_measures_are_read_by_french_and_english_names(tmp_path, three):
    french = (
        "id client;mois;montant consommé;nb appels;volume data;sms;recharges;réclamations",
        "C1;2026-01;29,855;12;1024,5;3;2;1",
    )
    english = (
        "customer id,month,amount spent,calls,data usage,texts,top-ups,complaints",
        "C2,2026-01,29.855,12,1024.5,3,2,1",
    )
    names = (
        "montant_consommation", "nombre_appels", "volume_data", "nombre_sms", "nombre_recharges", "nombre_reclamations",
    )  # fmt: skip
    import_file(write_csv(tmp_path / "fr.csv", *french))
    import_file(write_csv(tmp_path / "en.csv", *english))
    values = (Decimal("29.855"), 12, 1024.5, 3, 2, 1)
    assert months(*names) == [("C1", date(2026, 1, 1), *values), ("C2", date(2026, 1, 1), *values)]


def test_complaints_of_a_customers_file_are_no_measure_of_a_month(tmp_path):
    lines = ("customerID,Churn,Complaints,Recharges", "C1,Yes,1,7", "C2,No,0,8", "C3,No,2,9")
    run = import_file(write_csv(tmp_path / "a.csv", *lines))
    assert run.kept_columns == ["Complaints", "Recharges"]
    assert not UsageRecord.objects.exists()


def test_unknown_customer_is_refused_by_line(tmp_path, three):
    lines = ("customerID,month,nombre_sms", "C1,2026-01,1", "X9,2026-01,2", "C2,2026-01,3", "X9,2026-02,4")
    path = write_csv(tmp_path / "usage.csv", *lines)
    run = checked(path)
    assert counts(run.preview) == (4, 2, 0, 0, 2)
    assert run.preview["months"] == 2
    run = import_file(path)
    assert counts(run) == (4, 2, 0, 0, 2)
    assert run.refusals == [
        {"line": 3, "column": "customerID", "value": "X9", "reason": "unknown_customer"},
        {"line": 5, "column": "customerID", "value": "X9", "reason": "unknown_customer"},
    ]
    assert Customer.objects.count() == 3


def test_same_month_twice_is_refused_by_line(tmp_path, three):
    lines = ("customerID,month,nombre_sms", "C1,2026-01,1", "C1,01/2026,2")
    run = import_file(write_csv(tmp_path / "usage.csv", *lines))
    assert [(r["line"], r["reason"]) for r in run.refusals] == [(3, "duplicate_month")]
    assert months("nombre_sms") == [("C1", date(2026, 1, 1), 1)]


@pytest.mark.parametrize(
    ("cells", "column", "reason"),
    [
        ("C1,,1,1", "month", "no_month"),
        ("C1,2026-02,-1,1", "nombre_sms", "too_small"),
        ("C1,2026-02,99999999999,1", "nombre_sms", "too_large"),
        ("C1,2026-02,1,1e30", "montant_consommation", "too_large"),
        ("C1,2026-02,1.5,1", "nombre_sms", "not_whole"),
    ],
)
def test_what_no_month_can_hold_is_refused_by_line(tmp_path, three, cells, column, reason):
    good = [f"C2,2026-{month:02},1,1" for month in range(1, 13)]
    lines = ("customerID,month,nombre_sms,montant_consommation", *good, cells)
    run = import_file(write_csv(tmp_path / "usage.csv", *lines))
    assert [(r["line"], r["column"], r["reason"]) for r in run.refusals] == [(14, column, reason)]
    assert run.months_written == 12


def test_months_again_change_nothing_and_a_changed_one_only_itself(tmp_path, three):
    lines = ["customerID,month,nombre_sms,volume_data", "C1,2026-01,1,0.1", "C1,2026-02,2,", "C2,2026-01,3,7"]
    path = write_csv(tmp_path / "usage.csv", *lines)
    import_file(path)
    before = base()
    again = import_file(path)
    assert counts(again) == (3, 0, 0, 3, 0)
    assert again.months_written == 0
    assert base() == before
    lines[2] = "C1,2026-02,,0.30000000000000004"
    changed = import_file(write_csv(tmp_path / "changed.csv", *lines))
    assert counts(changed) == (3, 0, 1, 2, 0)
    assert months("nombre_sms", "volume_data")[1] == ("C1", date(2026, 2, 1), 2, 0.30000000000000004)


def test_months_need_a_customer_number(tmp_path, three):
    path = write_csv(tmp_path / "usage.csv", "month,nombre_sms", "2026-01,1", "2026-02,2")
    with pytest.raises(Refused, match="a column must say which customer"):
        import_file(path, id_column="row_hash")


def test_file_of_numbers_and_months_alone_brings_nothing_and_says_so(tmp_path, three):
    path = write_csv(tmp_path / "usage.csv", "customerID,month", "C1,2026-01", "C2,2026-02")
    with pytest.raises(Refused, match="nothing to bring in"):
        import_file(path)


# ---------------------------------------------------------------- columns of the customers' file

WITH_USE = (
    "customerID,Churn,age,montant_consommation,nombre_appels,volume_data,nombre_sms,nombre_recharges,nombre_reclamations",
    "C1,Yes,41,29.85,12,1024.5,3,2,1",
    "C2,No,,,,,,,",
)


def test_columns_of_use_speak_of_the_month_that_is_said(tmp_path):
    run = import_file(write_csv(tmp_path / "a.csv", *WITH_USE), usage_month=date(2026, 6, 17))
    assert counts(run) == (2, 2, 0, 0, 0)
    assert run.months_written == 1
    assert Customer.objects.get(external_id="C1").age == 41
    measures = (
        "montant_consommation", "nombre_appels", "volume_data", "nombre_sms", "nombre_recharges", "nombre_reclamations",
    )  # fmt: skip
    assert months(*measures) == [("C1", date(2026, 6, 1), Decimal("29.850"), 12, 1024.5, 3, 2, 1)]


def test_columns_of_use_without_a_month_speak_of_the_last_whole_one(tmp_path):
    run = import_file(write_csv(tmp_path / "a.csv", *WITH_USE))
    today = timezone.localdate()
    last = date(today.year, today.month, 1)
    last = date(last.year - (last.month == 1), (last.month - 2) % 12 + 1, 1)
    assert run.usage_month == last
    assert [row[1] for row in months()] == [last]


def test_next_months_file_adds_a_month(tmp_path):
    for month in (6, 7):
        import_file(write_csv(tmp_path / "a.csv", *WITH_USE), usage_month=date(2026, month, 1))
    assert [row[1].month for row in months()] == [6, 7]


def test_dry_run_counts_months_of_customers_who_are_new(tmp_path):
    run = checked(write_csv(tmp_path / "a.csv", *WITH_USE), usage_month=date(2026, 6, 1))
    assert counts(run.preview) == (2, 2, 0, 0, 0)
    assert run.preview["months"] == 1
    assert run.usage_month == date(2026, 6, 1)


# ---------------------------------------------------------------- months that describe the customer too

PANEL = (
    "customerID,month,City,Churn,tenure,nombre_sms",
    "C1,2026-01,Tunis,No,10,1",
    "C2,2026-01,Sfax,No,5,2",
    "C3,2026-03,Gabès,No,1,9",
    "C1,2026-02,Tunis,No,11,3",
    "C2,2026-02,Sfax,Yes,6,",
    "C1,2026-03,Bizerte,No,12,5",
)


@pytest.mark.parametrize("batch", [1, 2, 4, 20_000])
@pytest.mark.parametrize("order", [1, -1])
def test_newest_month_describes_the_customer_wherever_it_stands(tmp_path, monkeypatch, batch, order):
    monkeypatch.setattr(writing, "BATCH_ROWS", batch)
    path = write_csv(tmp_path / "panel.csv", PANEL[0], *PANEL[1:][::order])
    previewed = checked(path).preview
    run = import_file(path)
    assert counts(run) == counts(previewed) == (6, 3, 0, 0, 0)
    assert run.months_written == previewed["months"] == 5
    found = Customer.objects.order_by("external_id").values_list(
        "external_id", "city", "churn_label", "subscription__tenure"
    )
    assert list(found) == [("C1", "Bizerte", False, 12), ("C2", "Sfax", True, 6), ("C3", "Gabès", False, 1)]
    assert [(n, m.month, sms) for n, m, sms in months("nombre_sms")] == [
        ("C1", 1, 1), ("C1", 2, 3), ("C1", 3, 5), ("C2", 1, 2), ("C3", 3, 9),
    ]  # fmt: skip
    before = base()
    again = import_file(path)
    assert counts(again) == (6, 0, 0, 3, 0)
    assert again.months_written == 0
    assert base() == before


def test_refused_newest_month_leaves_the_word_to_the_one_before(tmp_path):
    lines = (*PANEL, *(f"D{i},2026-01,Sousse,No,1,1" for i in range(20)), "C3,2026-04,Tozeur,No,-1,1")
    run = import_file(write_csv(tmp_path / "panel.csv", *lines))
    assert run.rows_refused == 1
    assert Customer.objects.get(external_id="C3").city == "Gabès"


def test_snapshots_without_measures_bring_customers_and_no_months(tmp_path):
    lines = ("customerID,month,City,Churn", "C1,2026-01,Tunis,No", "C1,2026-02,Sfax,Yes", "C2,2026-01,Gabès,No")
    run = import_file(write_csv(tmp_path / "panel.csv", *lines))
    assert counts(run) == (3, 2, 0, 0, 0)
    assert dict(Customer.objects.values_list("external_id", "city")) == {"C1": "Sfax", "C2": "Gabès"}
    assert not UsageRecord.objects.exists()


def test_person_agrees_to_a_panel_and_gets_what_was_shown(tmp_path, alice):
    run = agreed(write_csv(tmp_path / "panel.csv", *PANEL), actor=alice)
    assert counts(run) == counts(run.preview)
    assert run.proposal["grain"] == "customer_month"
    assert run.preview["labels"] == {"left": 1, "stayed": 2, "unknown": 0}
