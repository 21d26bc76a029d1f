"""The same customers in the forms that people's programs write them: each comes in as the plain file does, field by field."""

import csv
import gzip
import io

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from customers.ingest import synthetic
from customers.models import Customer
from tests.conftest import import_file
from tests.customers.bases import IBM_TELCO, agreed, base, counts
from tests.customers.ingest.workbooks import workbook, zipped

pytestmark = [pytest.mark.usefixtures("atlas_scope"), pytest.mark.walled]

FRENCH_HEADERS = {
    "customerID": "Numéro client", "FirstName": "Prénom", "LastName": "Nom", "Email": "Adresse électronique",
    "Phone": "Téléphone", "Language": "Langue", "City": "Ville", "gender": "Sexe", "SeniorCitizen": "Sénior",
    "Partner": "En couple", "Dependents": "Personnes à charge", "Age": "Âge", "tenure": "Ancienneté (mois)",
    "PhoneService": "Service téléphonique", "MultipleLines": "Lignes multiples", "InternetService": "Service Internet",
    "OnlineSecurity": "Sécurité en ligne", "OnlineBackup": "Sauvegarde en ligne",
    "DeviceProtection": "Protection de l'appareil", "TechSupport": "Support technique", "StreamingTV": "TV en streaming",
    "StreamingMovies": "Films en streaming", "Contract": "Type de contrat", "PaperlessBilling": "Facture dématérialisée",
    "PaymentMethod": "Mode de paiement", "MonthlyCharges": "Facture mensuelle (€)", "TotalCharges": "Frais totaux",
    "Churn": "Résilié",
}  # fmt: skip
FRENCH_WORDS = {
    "Yes": "Oui", "No": "Non", "Male": "Homme", "Female": "Femme", "Month-to-month": "Mensuel", "One year": "Un an",
    "Two year": "Deux ans", "No internet service": "Pas d'internet", "DSL": "ADSL", "Fiber optic": "Fibre optique",
    "No phone service": "Pas de service téléphonique", "Electronic check": "Chèque électronique",
    "Mailed check": "Chèque postal", "Bank transfer (automatic)": "Prélèvement automatique",
    "Credit card (automatic)": "Carte bancaire",
}  # fmt: skip
MONEY = ("MonthlyCharges", "TotalCharges")
WHOLE = ("tenure", "Age", "SeniorCitizen")
Table = list[list[str]]


def french(table: Table) -> Table:
    """French headers, words and decimal commas."""
    headers, *rows = table
    money = {i for i, name in enumerate(headers) if name in MONEY}
    return [
        [FRENCH_HEADERS[name] for name in headers],
        *(
            [cell.replace(".", ",") if i in money else FRENCH_WORDS.get(cell, cell) for i, cell in enumerate(row)]
            for row in rows
        ),
    ]


def delimited(table: Table, delimiter: str = ",", end: str = "\r\n", quoting: int = csv.QUOTE_MINIMAL) -> str:
    out = io.StringIO()
    csv.writer(out, delimiter=delimiter, lineterminator=end, quoting=quoting).writerows(table)
    return out.getvalue()


def typed(headers: list[str], cell: str, at: int) -> object:
    """The cell as a program that knows types writes it."""
    if not cell.strip():
        return None
    if headers[at] in MONEY:
        return float(cell)
    return int(cell) if headers[at] in WHOLE else cell


def as_parquet(table: Table) -> bytes:
    headers, *rows = table
    columns = {name: [typed(headers, row[i], i) for row in rows] for i, name in enumerate(headers)}
    out = io.BytesIO()
    pq.write_table(pa.table(columns), out)
    return out.getvalue()


def second_sheet(table: Table) -> bytes:
    headers, *rows = table
    numbers = [[typed(headers, cell, i) for i, cell in enumerate(row)] for row in rows]
    about = [["Export clients"], ["par le service marketing"], [None], ["page", 1]]
    return workbook({"Lisez-moi": about, "Clients": [headers, *numbers]})


FORMS = {
    "semicolons, CRLF": lambda table: delimited(table, ";").encode(),
    "tabs": lambda table: delimited(table, "\t", "\n").encode(),
    "bars": lambda table: delimited(table, "|", "\n").encode(),
    "UTF-8 with a mark": lambda table: delimited(table).encode("utf-8-sig"),
    "UTF-16": lambda table: delimited(table, "\t").encode("utf-16"),
    "French, semicolons, decimal commas, cp1252": lambda table: delimited(french(table), ";").encode("cp1252"),
    "French, mac-roman": lambda table: delimited(french(table), ";", "\r").encode("mac-roman"),
    "French, UTF-16 of Excel": lambda table: delimited(french(table), "\t").encode("utf-16"),
    "gzip": lambda table: gzip.compress(delimited(table).encode()),
    "zip": lambda table: zipped({"export/clients.csv": delimited(table, ";").encode()}),
    "gzip of French": lambda table: gzip.compress(delimited(french(table), ";").encode("cp1252")),
    "Parquet": as_parquet,
    "second sheet of a workbook": second_sheet,
    "lines above the header": lambda table: ("Export du 21/03/2026\r\n\r\n" + delimited(table)).encode(),
    "columns in another order": lambda table: delimited([row[::-1] for row in table]).encode(),
    "every cell quoted and padded": lambda table: delimited(
        [[f" {cell} " for cell in row] for row in table], quoting=csv.QUOTE_ALL
    ).encode(),
}


@pytest.fixture(scope="module")
def plain(tmp_path_factory) -> Table:
    """A hundred customers, some of whom nobody has billed yet."""
    path = tmp_path_factory.mktemp("plain") / "customers.csv"
    synthetic.write_csv(path, customers=100, seed=5)
    with path.open(encoding="utf-8", newline="") as file:
        table = list(csv.reader(file))
    at = table[0].index("TotalCharges")
    for row in table[1:4]:
        row[at] = " "
    # Arabic names cannot be written in the encodings of western Europe.
    table = [[cell if max(cell, default="") < "\u0600" else "Zoé" for cell in row] for row in table]
    assert any(not cell.isascii() for row in table for cell in row), "accents are what encodings differ in"
    return table


def wanted_and_found(tmp_path, table: Table, content: bytes) -> tuple[dict, dict]:
    """The base after the plain file, and after this one."""
    first = tmp_path / "plain.csv"
    first.write_bytes(delimited(table).encode())
    assert counts(import_file(first)) == (len(table) - 1, len(table) - 1, 0, 0, 0)
    wanted = base()
    Customer.objects.all().delete()
    second = tmp_path / "another.bin"
    second.write_bytes(content)
    assert counts(import_file(second)) == (len(table) - 1, len(table) - 1, 0, 0, 0)
    return wanted, base()


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_other_form_gives_the_same_customers(tmp_path, plain, form):
    wanted, found = wanted_and_found(tmp_path, plain, form(plain))
    assert found == wanted


@pytest.mark.slow
@pytest.mark.skipif(not IBM_TELCO.exists(), reason="../shared/data/ibm_telco is not on this machine")
@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_ibm_telco_in_another_form_gives_the_same_customers(tmp_path, form):
    with IBM_TELCO.open(encoding="utf-8", newline="") as file:
        table = list(csv.reader(file))
    wanted, found = wanted_and_found(tmp_path, table, form(table))
    assert found == wanted


def test_wizard_proposes_the_sheet_with_the_customers_and_takes_another(tmp_path, plain):
    path = tmp_path / "clients.xlsx"
    path.write_bytes(second_sheet(plain))
    run = agreed(path)
    assert run.sheet == "Clients"
    assert [sheet["name"] for sheet in run.sheets if sheet["is_likely"]] == ["Clients"]
    assert counts(run) == (100, 100, 0, 0, 0)


def test_other_form_loaded_later_changes_nothing(tmp_path, plain):
    """A company that changes its export's form does not get a second set of customers, nor changes in each of them."""
    for name, form in FORMS.items():
        path = tmp_path / "same.bin"
        path.write_bytes(form(plain))
        run = import_file(path)
        assert run.rows_created + run.rows_unchanged == 100, name
        assert run.rows_updated == 0, name
    assert Customer.objects.count() == 100
