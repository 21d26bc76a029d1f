"""The proposal on public churn files: real ones where they are at hand, else their headers with a few honest cells."""

import csv
import itertools
from pathlib import Path

import pytest

from customers.ingest.proposal import propose
from customers.ingest.schema import COLUMNS

DATA = Path(__file__).resolve().parents[3].parent / "shared" / "data"
IBM = DATA / "ibm_telco" / "Telco-Customer-Churn.csv"


def rows_of(path: Path, count: int = 500) -> list[list[str]]:
    if not path.exists():
        pytest.skip(f"{path.parent.name} is not at hand")
    with path.open(encoding="utf-8", newline="") as file:
        return list(itertools.islice(csv.reader(file), count + 1))


def understood(headers, rows) -> dict[str, str]:
    """header -> target, for the columns that are not plain attributes."""
    proposal = propose(headers, rows)
    assert proposal.mapping().problems(headers, rows) == []
    return {c.header: c.target for c in proposal.columns if c.target != "attribute"}


def table(*columns: str, rows: int = 60) -> tuple[list[str], list[list[str]]]:
    """``"Header=a|b|c"``: a column that repeats these cells; ``#`` in a cell is the row's number."""
    pairs = [column.split("=", 1) for column in columns]
    cells = [values.split("|") for _, values in pairs]
    made = [[c[i % len(c)].replace("#", str(i * 37 + 1000)) for c in cells] for i in range(rows)]
    return [header for header, _ in pairs], made


def test_ibm_telco_needs_no_hand():
    headers, *rows = rows_of(IBM)
    proposal = propose(headers, rows)
    assert {c.header: c.target for c in proposal.columns} == {c.header: c.name for c in COLUMNS if c.header in headers}
    assert (proposal.label.yes, proposal.label.no) == (("Yes",), ("No",))
    assert proposal.identity.header == "customerID" and proposal.mapping().problems(headers, rows) == []


FRENCH = {
    "customerID": "Numéro client", "gender": "Sexe", "SeniorCitizen": "Sénior", "Partner": "En couple",
    "Dependents": "Personnes à charge", "tenure": "Ancienneté (mois)", "PhoneService": "Service téléphonique",
    "MultipleLines": "Lignes multiples", "InternetService": "Service Internet", "OnlineSecurity": "Sécurité en ligne",
    "OnlineBackup": "Sauvegarde en ligne", "DeviceProtection": "Protection de l'appareil",
    "TechSupport": "Support technique", "StreamingTV": "TV en streaming", "StreamingMovies": "Films en streaming",
    "Contract": "Type de contrat", "PaperlessBilling": "Facturation dématérialisée", "PaymentMethod": "Mode de paiement",
    "MonthlyCharges": "Facture mensuelle (€)", "TotalCharges": "Frais totaux", "Churn": "Résilié",
}  # fmt: skip
FRENCH_TOO = {
    "customerID": "ID_CLIENT", "gender": "Genre", "SeniorCitizen": "Plus de 65 ans", "Partner": "Conjoint(e)",
    "Dependents": "A des personnes à charge", "tenure": "Nb mois d'ancienneté", "PhoneService": "Téléphonie",
    "MultipleLines": "Plusieurs lignes", "InternetService": "Type d’accès Internet", "OnlineSecurity": "Securite internet",
    "OnlineBackup": "SAUVEGARDE", "DeviceProtection": "Assurance appareil", "TechSupport": "Assistance technique",
    "StreamingTV": "Streaming télé", "StreamingMovies": "Streaming de films", "Contract": "Engagement",
    "PaperlessBilling": "e-facture", "PaymentMethod": "Moyen de règlement", "MonthlyCharges": "Montant facture mensuel",
    "TotalCharges": "Montant cumulé", "Churn": "Client résilié ?",
}  # fmt: skip


@pytest.mark.parametrize("names", [FRENCH, FRENCH_TOO], ids=["export", "other words"])
def test_ibm_telco_in_french_with_decimal_commas_is_understood(names):
    headers, *rows = rows_of(IBM)
    words = {"Yes": "Oui", "No": "Non", "Male": "Homme", "Female": "Femme", "Month-to-month": "Mensuel",
             "One year": "Un an", "Two year": "Deux ans", "No internet service": "Pas d'internet", "DSL": "ADSL",
             "No phone service": "Pas de service téléphonique", "Fiber optic": "Fibre optique"}  # fmt: skip
    french = [[words.get(cell, cell.replace(".", ",") if cell[:1].isdigit() else cell) for cell in row] for row in rows]
    found = understood([names[h] for h in headers], french)
    assert found == {names[c.header]: c.name for c in COLUMNS if c.header in headers}


@pytest.mark.parametrize(
    ("name", "label", "tenure", "n_attributes"),
    [
        ("mlc_churn/mlc_churn.csv", ("churn", ("yes",)), "account_length", 18),
        ("iranian_churn/customer_churn.csv", ("Churn", ("1",)), "Subscription Length", 11),
        ("hillstrom/hillstrom.csv", None, None, 12),
    ],
)
def test_file_without_numbers_gets_them_from_its_rows(name, label, tenure, n_attributes):
    headers, *rows = rows_of(DATA / name)
    proposal = propose(headers, rows)
    assert proposal.identity.rule == "row_hash" and "no_id_column" in proposal.identity.notes
    assert (proposal.label and (proposal.label.header, proposal.label.yes)) == label
    assert proposal.mapping().header_of("tenure") == tenure
    assert sum(c.target == "attribute" for c in proposal.columns) == n_attributes
    assert proposal.mapping().problems(headers, rows) == []


def test_iranian_charge_and_age_group_stay_attributes():
    headers, *rows = rows_of(DATA / "iranian_churn" / "customer_churn.csv")
    targets = {c.header: c.target for c in propose(headers, rows).columns}
    assert {targets[h] for h in ("Charge Amount", "Age Group", "Customer Value", "Status")} == {"attribute"}
    assert targets["Age"] == "age"


PUBLIC = {
    "ibm v2, 33 columns": (
        table(
            "CustomerID=#-ABCDE", "Count=1", "Country=United States", "State=California", "City=Los Angeles|Fresno",
            "Zip Code=90003|90005|90006", "Lat Long=33.9, -118.2|34.0, -118.3", "Latitude=33.9|34.0", "Longitude=-118.2|-118.3",
            "Gender=Male|Female", "Senior Citizen=No|Yes", "Partner=No|Yes", "Dependents=No|Yes", "Tenure Months=2|8|28|49",
            "Phone Service=Yes|No", "Multiple Lines=No|Yes|No phone service", "Internet Service=DSL|Fiber optic|No",
            "Online Security=Yes|No|No internet service", "Online Backup=Yes|No", "Device Protection=No|Yes",
            "Tech Support=No|Yes", "Streaming TV=No|Yes", "Streaming Movies=No|Yes", "Contract=Month-to-month|Two year",
            "Paperless Billing=Yes|No", "Payment Method=Mailed check|Electronic check", "Monthly Charges=53.85|70.7",
            "Total Charges=108.15|151.65| ", "Churn Label=Yes|No", "Churn Value=1|0", "Churn Score=86|67|22", "CLTV=3239|2701",
            "Churn Reason=Moved|",
        ),
        {
            "CustomerID": "external_id", "City": "city", "Gender": "gender", "Senior Citizen": "senior_citizen",
            "Partner": "partner", "Dependents": "dependents", "Tenure Months": "tenure", "Phone Service": "phone_service",
            "Multiple Lines": "multiple_lines", "Internet Service": "internet_service", "Online Security": "online_security",
            "Online Backup": "online_backup", "Device Protection": "device_protection", "Tech Support": "tech_support",
            "Streaming TV": "streaming_tv", "Streaming Movies": "streaming_movies", "Contract": "contract",
            "Paperless Billing": "paperless_billing", "Payment Method": "payment_method",
            "Monthly Charges": "monthly_charges", "Total Charges": "total_charges", "Churn Label": "churn_label",
        },
        ("Yes",),
    ),
    "a quarter of a telephone company": (
        table(
            "Customer ID=#-KQPLM", "Gender=Female|Male", "Age=37|46|50", "Married=Yes|No", "Number of Dependents=0|3|1",
            "City=Frazier Park|Glendale", "Zip Code=93225|91206", "Number of Referrals=2|0|1", "Tenure in Months=9|4|13",
            "Offer=Offer E|", "Phone Service=Yes|No", "Avg Monthly Long Distance Charges=42.39|10.69",
            "Multiple Lines=No|Yes", "Internet Service=Yes|Yes|No", "Internet Type=Cable|Fiber Optic|",
            "Avg Monthly GB Download=16|10", "Premium Tech Support=Yes|No", "Device Protection Plan=No|Yes",
            "Streaming Music=No|Yes", "Unlimited Data=Yes|No", "Contract=One Year|Month-to-Month",
            "Monthly Charge=65.6|73.9", "Total Charges=593.3|280.85", "Total Refunds=0.0|38.33", "Total Revenue=974.81|415.45",
            "Customer Status=Stayed|Churned|Joined", "Churn Category=|Competitor", "Churn Reason=|Better devices",
        ),
        {
            "Customer ID": "external_id", "Gender": "gender", "Age": "age", "Married": "partner", "City": "city",
            "Tenure in Months": "tenure", "Phone Service": "phone_service", "Multiple Lines": "multiple_lines",
            "Internet Type": "internet_service", "Premium Tech Support": "tech_support",
            "Device Protection Plan": "device_protection", "Contract": "contract", "Monthly Charge": "monthly_charges",
            "Total Charges": "total_charges", "Customer Status": "churn_label",
        },
        ("Churned",),
    ),
    "bank, exited": (
        table(
            "RowNumber=#", "CustomerId=15634#", "Surname=Hargrave|Hill|Onio", "CreditScore=619|608", "Geography=France|Spain",
            "Gender=Female|Male", "Age=42|41", "Tenure=2|1|8", "Balance=0|83807.86", "NumOfProducts=1|3", "HasCrCard=1|0",
            "IsActiveMember=1|0", "EstimatedSalary=101348.88|112542.58", "Exited=1|0",
        ),
        {
            "RowNumber": "ignore", "CustomerId": "external_id", "Surname": "last_name", "Gender": "gender", "Age": "age",
            "Tenure": "tenure", "Exited": "churn_label",
        },
        ("1",),
    ),
    "credit cards, attrition": (
        table(
            "CLIENTNUM=76880#", "Attrition_Flag=Existing Customer|Attrited Customer", "Customer_Age=45|49", "Gender=M|F",
            "Dependent_count=3|5", "Education_Level=High School|Graduate", "Marital_Status=Married|Single",
            "Income_Category=$60K - $80K|Less than $40K", "Card_Category=Blue|Gold", "Months_on_book=39|44",
            "Total_Relationship_Count=5|6", "Months_Inactive_12_mon=1|2", "Credit_Limit=12691|8256", "Total_Trans_Ct=42|33",
        ),
        {
            "CLIENTNUM": "external_id", "Attrition_Flag": "churn_label", "Customer_Age": "age", "Gender": "gender",
            "Months_on_book": "tenure",
        },
        ("Attrited Customer",),
    ),
    "cell2cell": (
        table(
            "CustomerID=30000#", "Churn=Yes|No", "MonthlyRevenue=24|16.99|38", "MonthlyMinutes=219|10|8",
            "TotalRecurringCharge=22|17", "DroppedCalls=0.7|0.3", "CustomerCareCalls=0|1", "MonthsInService=61|58",
            "ServiceArea=SEAPOR503|PITHOM412", "AgeHH1=62|40", "AgeHH2=0|42", "ChildrenInHH=No|Yes", "MaritalStatus=No|Yes",
            "MadeCallToRetentionTeam=Yes|No", "CreditRating=1-Highest|4-Medium",
        ),
        {
            "CustomerID": "external_id", "Churn": "churn_label", "MonthlyRevenue": "monthly_charges",
            "MonthsInService": "tenure", "AgeHH1": "age", "ChildrenInHH": "dependents",
        },
        ("Yes",),
    ),
    "telephone number as the only id": (
        table(
            "State=KS|OH|NJ", "Account Length=128|107", "Area Code=415|408", "Phone Number=382-#", "International plan=no|yes",
            "Total day minutes=265.1|161.6", "Total day charge=45.07|27.47", "Customer service calls=1|0", "Churn=False.|True.",
        ),
        {"Account Length": "tenure", "Phone Number": "external_id", "Churn": "churn_label"},
        ("True.",),
    ),
    "music, hashed members": (
        table("msno=waLDQMmcOu2jLDaV1ddDkgCrB#=", "is_churn=1|0", "city=1|13", "bd=0|27", "gender=male|female|",
              "registered_via=7|9"),
        {"msno": "external_id", "is_churn": "churn_label", "gender": "gender"},
        ("1",),
    ),
    "shop, complaints": (
        table("CustomerID=5#", "Churn=1|0", "Tenure=4|9|20", "PreferredLoginDevice=Mobile Phone|Computer", "CityTier=3|1",
              "PreferredPaymentMode=Debit Card|UPI", "Gender=Female|Male", "Complain=1|0", "OrderCount=1|6"),
        {"CustomerID": "external_id", "Churn": "churn_label", "Tenure": "tenure", "PreferredPaymentMode": "payment_method",
         "Gender": "gender"},
        ("1",),
    ),
    "subscriptions, support calls": (
        table("CustomerID=#", "Age=30|65", "Gender=Female|Male", "Tenure=39|49", "Usage Frequency=14|1", "Support Calls=5|10",
              "Payment Delay=18|8", "Subscription Type=Standard|Basic", "Contract Length=Annual|Monthly", "Total Spend=932|557",
              "Last Interaction=17|6", "Churn=1|0"),
        {"CustomerID": "external_id", "Age": "age", "Gender": "gender", "Tenure": "tenure", "Contract Length": "contract",
         "Churn": "churn_label"},
        ("1",),
    ),
    "prepaid, french": (
        table("user_id=00000bfd7d50f01092811bc0c8d7b0d6fe7c#", "REGION=FATICK|DAKAR", "TENURE=K > 24 month|I 18-21 month",
              "MONTANT=4250|500", "FREQUENCE_RECH=15|2", "DATA_VOLUME=4|1764", "ON_NET=388|90", "REGULARITY=54|17", "CHURN=0|1"),
        {"user_id": "external_id", "DATA_VOLUME": "volume_data", "CHURN": "churn_label"},
        ("1",),
    ),
    "crm export, french": (
        table("Code client=CL#", "Nom=Dupont|Ben Ali", "Prénom=Zoé|Aïcha", "Adresse e-mail=a#@exemple.tn", "N° de téléphone=+216 20 #",
              "Ville=Tunis|Sfax", "Statut=Actif|Résilié|Suspendu", "Montant consommation=12,5|30,0", "Nb appels=14|0",
              "Volume data (Mo)=100,5|0", "Nb SMS=3|9"),
        {"Code client": "external_id", "Nom": "last_name", "Prénom": "first_name", "Adresse e-mail": "email",
         "N° de téléphone": "phone", "Ville": "city", "Statut": "churn_label", "Montant consommation": "montant_consommation",
         "Nb appels": "nombre_appels", "Volume data (Mo)": "volume_data", "Nb SMS": "nombre_sms"},
        ("Résilié",),
    ),
    "nothing but a date of leaving": (
        table("Référence client=RC-#", "Date d'abonnement=01/02/2020|15/06/2021", "Mensualité=29,90|45,00",
              "Date de résiliation=|03/04/2024|"),
        {"Référence client": "external_id", "Mensualité": "monthly_charges", "Date de résiliation": "churn_label"},
        ("*",),
    ),
    "typing errors": (
        table("CustmerID=A-#", "Gendr=Male|Female", "Monthly Chargs=10|20", "Paymnt Method=Mailed check|Electronic check",
              "Contact=555|777", "Chrun=Yes|No", "Total day charge=5|6", "Contrct=One year|Two year"),
        {"CustmerID": "external_id", "Gendr": "gender", "Monthly Chargs": "monthly_charges", "Paymnt Method": "payment_method",
         "Chrun": "churn_label", "Contrct": "contract"},
        ("Yes",),
    ),
    "subscription status": (
        table("account_id=acc_#", "plan=pro|basic", "mrr=19|49", "seats=1|5", "subscription_status=active|canceled|trial"),
        {"account_id": "external_id", "mrr": "monthly_charges", "subscription_status": "churn_label"},
        ("canceled",),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", PUBLIC)
def test_public_file_is_understood_without_a_hand(name):
    (headers, rows), expected, yes = PUBLIC[name]
    assert understood(headers, rows) == expected
    assert propose(headers, rows).label.yes == yes
