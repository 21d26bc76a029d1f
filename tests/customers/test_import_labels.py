"""Who left, in the words of any company; other fields with their types; and empty cells, which say nothing or "empty"."""

from datetime import date
from decimal import Decimal

import pytest

from core.errors import Refused
from customers.models import Customer, UsageRecord
from tests.conftest import import_file, write_csv
from tests.customers.bases import checked, counts

pytestmark = pytest.mark.usefixtures("atlas_scope")


def labels() -> dict[str, bool | None]:
    return dict(Customer.objects.values_list("external_id", "churn_label"))


def file_of(tmp_path, header: str, *values: str, name: str = "a.csv"):
    """A file of customers C1, C2, … whose second column holds these values."""
    return write_csv(tmp_path / name, f"customerID,{header}", *(f"C{i},{v}" for i, v in enumerate(values, 1)))


# ---------------------------------------------------------------- who left


@pytest.mark.parametrize(
    ("header", "left", "stayed"),
    [
        ("Customer Status", ["Churned"], ["Stayed", "Joined"]),
        ("Churn", ["1"], ["0"]),
        ("Churn", ["1.0"], ["0.0"]),
        ("Churn", ["Yes", "yes"], ["No"]),
        ("churn", ["True."], ["False."]),
        ("Attrition_Flag", ["Attrited Customer"], ["Existing Customer"]),
        ("Exited", ["1"], ["0"]),
        ("Résilié", ["Oui"], ["Non"]),
        ("Statut client", ["Résilié"], ["Actif"]),
        ("Date de résiliation", ["2026-03-04", "05/03/2026"], [""]),
    ],
)
def test_label_speaks_for_itself(tmp_path, header, left, stayed):
    values = (left * 4)[:4] + (stayed * 4)[:4]
    import_file(file_of(tmp_path, header, *values))
    assert list(labels().values()) == [True] * 4 + [False] * 4


def test_column_of_who_is_still_there_is_read_the_other_way_round(tmp_path):
    import_file(file_of(tmp_path, "is_active", "0", "1", "1"), label_column="is_active")
    assert labels() == {"C1": True, "C2": False, "C3": False}


def test_who_suspended_is_not_known_to_have_left(tmp_path):
    import_file(file_of(tmp_path, "Statut", "Résilié", "Actif", "Suspendu", ""))
    assert labels() == {"C1": True, "C2": False, "C3": None, "C4": None}


def test_person_may_say_otherwise(tmp_path):
    path = file_of(tmp_path, "Customer Status", "Churned", "Stayed", "Joined")
    import_file(path, label_column="Customer Status", label_yes=["Churned", "Joined"])
    assert labels() == {"C1": True, "C2": False, "C3": True}


def test_value_nobody_spoke_of_is_refused_by_line(tmp_path):
    mapping = {
        "columns": {"customerID": "external_id", "Etat": "churn_label"},
        "label": {"yes": ["rouge"], "no": ["vert"], "unknown": ["gris"]},
    }
    run = import_file(file_of(tmp_path, "Etat", "rouge", "Vert", "gris", "", "bleu"), mapping=mapping)
    assert labels() == {"C1": True, "C2": False, "C3": None, "C4": None}
    assert run.refusals == [{"line": 6, "column": "Etat", "value": "bleu", "reason": "not_yes_or_no"}]


def test_label_that_says_nothing_by_itself_is_asked_for(tmp_path):
    with pytest.raises(Refused, match="Say which values of “Churn” mean that the customer left") as refused:
        import_file(file_of(tmp_path, "Churn", "rouge", "vert", "rouge"))
    assert refused.value.code == "label_yes_missing"


def test_dry_run_counts_who_left(tmp_path):
    run = checked(file_of(tmp_path, "Customer Status", "Churned", "Stayed", "Joined", ""))
    assert run.preview["labels"] == {"left": 1, "stayed": 2, "unknown": 1}


@pytest.mark.parametrize("values", [("No", "No"), ("Yes", "Yes")])
def test_first_file_in_which_all_are_alike_is_refused(tmp_path, values):
    with pytest.raises(Refused, match="everybody has the same answer in the column “Churn”"):
        import_file(file_of(tmp_path, "Churn", *values))
    import_file(file_of(tmp_path, "Churn", "Yes", "No"))
    assert counts(import_file(file_of(tmp_path, "Churn", *values)))[0] == 2, "later files may be of one kind"


# ---------------------------------------------------------------- other fields and their types


def test_other_fields_are_kept_by_type_and_nothing_is_lost(tmp_path):
    path = write_csv(
        tmp_path / "a.csv",
        "customerID;Churn;Points;Solde;Zone;Carte;Inscrit;Code",
        "C1;Yes;12;1 234,5;Nord;oui;04/03/2026;007",
        "C2;No;7;0,1;Sud;non;25/12/2025;012",
        *(f"D{i};No;{i};{i},25;Est;oui;13/0{i}/2026;00{i}" for i in range(1, 10)),
        *(f"E{i};No;{i};{i};Est;non;14/0{i}/2026;00{i}" for i in range(1, 10)),
        "C3;No;beaucoup;?;;peut-être;bientôt;",
    )
    run = import_file(path)
    assert run.rows_refused == 0
    kinds = {h: c.get("type") for h, c in run.mapping["columns"].items() if c["target"] == "attribute"}
    assert kinds == {
        "Points": "number", "Solde": "number", "Zone": "category", "Carte": "category", "Inscrit": "date",
        "Code": "category",
    }  # fmt: skip
    assert Customer.objects.get(external_id="C1").attributes == {
        "Points": 12, "Solde": 1234.5, "Zone": "Nord", "Carte": "oui", "Inscrit": "2026-03-04", "Code": "007",
    }  # fmt: skip
    assert Customer.objects.get(external_id="C3").attributes == {
        "Points": "beaucoup", "Carte": "peut-être", "Inscrit": "bientôt",
    }  # fmt: skip


def test_yes_or_no_beside_our_fields_is_one(tmp_path):
    path = write_csv(tmp_path / "a.csv", "customerID,Churn,Carte", "C1,Yes,oui", "C2,No,Non", "C3,No,")
    import_file(path)
    assert [c.attributes for c in Customer.objects.order_by("pk")] == [{"Carte": True}, {"Carte": False}, {}]


def test_dates_are_read_as_the_column_writes_them(tmp_path):
    rows = [f"C{i},{'Yes' if i % 2 else 'No'},03/{i:02}/2026,{i:02}/03/2026" for i in range(1, 29)]
    import_file(write_csv(tmp_path / "a.csv", "customerID,Churn,US,EU", *rows))
    assert Customer.objects.get(external_id="C4").attributes == {"US": "2026-03-04", "EU": "2026-03-04"}
    assert Customer.objects.get(external_id="C28").attributes == {"US": "2026-03-28", "EU": "2026-03-28"}


def test_type_said_by_a_person_holds(tmp_path):
    mapping = {
        "columns": {
            "customerID": "external_id",
            "Churn": "churn_label",
            "Zone": {"target": "attribute", "type": "category"},
        },
        "label": {"yes": ["Yes"]},
    }
    import_file(write_csv(tmp_path / "a.csv", "customerID,Churn,Zone", "C1,Yes,1", "C2,No,2"), mapping=mapping)
    assert Customer.objects.get(external_id="C1").attributes == {"Zone": "1"}


# ---------------------------------------------------------------- empty cells

FULL = (
    "customerID,City,Partner,tenure,MonthlyCharges,Contract,Churn,Zone,Carte,nombre_sms,volume_data",
    "C1,Tunis,Yes,12,29.85,One year,Yes,Nord,oui,7,1.5",
    "C2,Sfax,No,3,19.9,Two year,No,Sud,non,8,2.5",
)
EMPTY = (FULL[0], "C1,,,,,,,,,,", "C2,Gabès,,4,,,,,oui,9,")
JUNE = date(2026, 6, 1)


def known() -> list[tuple]:
    customers = Customer.objects.order_by("external_id").select_related("subscription")
    return [
        (
            c.city, c.partner, c.churn_label, c.subscription.tenure, c.subscription.monthly_charges,
            c.subscription.contract, c.attributes, c.usage.get().nombre_sms, c.usage.get().volume_data,
        )
        for c in customers
    ]  # fmt: skip


@pytest.fixture
def filled(tmp_path):
    import_file(write_csv(tmp_path / "full.csv", *FULL), usage_month=JUNE)
    return write_csv(tmp_path / "empty.csv", *EMPTY)


def test_empty_cell_leaves_what_was_known(filled):
    assert counts(import_file(filled, usage_month=JUNE)) == (2, 0, 1, 1, 0)
    assert known() == [
        ("Tunis", True, True, 12, Decimal("29.850"), "One year", {"Zone": "Nord", "Carte": True}, 7, 1.5),
        ("Gabès", False, False, 4, Decimal("19.900"), "Two year", {"Zone": "Sud", "Carte": True}, 9, 2.5),
    ]


def test_empty_means_empty_clears_every_table(filled):
    run = import_file(filled, usage_month=JUNE, empty_clears=True)
    assert counts(run) == (2, 0, 2, 0, 0)
    assert run.months_written == 2
    assert known() == [
        ("", None, None, None, None, "", {}, None, None),
        ("Gabès", None, None, 4, None, "", {"Carte": True}, 9, None),
    ]
    again = import_file(filled, usage_month=JUNE, empty_clears=True, without_label=True)  # nobody is known to have left
    assert counts(again) == (2, 0, 0, 2, 0)


def test_empty_means_empty_touches_no_column_that_the_file_does_not_have(filled, tmp_path):
    import_file(write_csv(tmp_path / "city.csv", "customerID,City", "C1,"), empty_clears=True)
    assert known()[0] == ("", True, True, 12, Decimal("29.850"), "One year", {"Zone": "Nord", "Carte": True}, 7, 1.5)


def test_dry_run_counts_what_would_be_cleared(filled):
    assert counts(checked(filled, usage_month=JUNE).preview) == (2, 0, 1, 1, 0)
    assert counts(checked(filled, usage_month=JUNE, empty_clears=True).preview) == (2, 0, 2, 0, 0)


def test_nothing_known_of_a_month_makes_no_month(tmp_path):
    lines = ("customerID,Churn,nombre_sms", "C1,Yes,", "C2,No,3")
    run = import_file(write_csv(tmp_path / "a.csv", *lines), usage_month=JUNE, empty_clears=True)
    assert run.months_written == 1
    assert list(UsageRecord.objects.values_list("customer__external_id", "nombre_sms")) == [("C2", 3)]
