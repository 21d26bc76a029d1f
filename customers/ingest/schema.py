"""The columns ChurnGuard knows: their names, types, bounds, and what other people's files call them.

One list serves everybody: the reader maps headers with it, the cleaner takes types and bounds from it,
the generator writes it, the export prints it. A column that stands in no list here is an *attribute*.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, field
from enum import StrEnum


class Kind(StrEnum):
    """What a cell holds once it is clean."""

    TEXT = "text"
    FLAG = "flag"  # True, False or unknown
    INTEGER = "integer"
    MONEY = "money"  # Decimal, never a float
    NUMBER = "number"
    CATEGORY = "category"  # one of a few labels, kept as the company writes them


class Table(StrEnum):
    """Which table a column is stored in."""

    CUSTOMER = "customer"
    SUBSCRIPTION = "subscription"
    USAGE = "usage"


@dataclass(frozen=True, slots=True)
class Column:
    """One column: ``name`` here and in the database, ``header`` in the files that we write."""

    name: str
    header: str
    table: Table
    kind: Kind
    aliases: tuple[str, ...] = ()
    minimum: float | None = None
    maximum: float | None = None
    max_length: int = 120
    values: dict[str, str] = field(default_factory=dict)  # normalised spelling -> the value we keep


_INTERNET_LEVELS = {
    "yes": "Yes",
    "oui": "Yes",
    "1": "Yes",
    "true": "Yes",
    "no": "No",
    "non": "No",
    "0": "No",
    "false": "No",
    "no internet service": "No internet service",
    "pas d internet": "No internet service",
    "pas de service internet": "No internet service",
}
_LINE_LEVELS = {
    **{k: v for k, v in _INTERNET_LEVELS.items() if v in ("Yes", "No")},
    "no phone service": "No phone service",
    "pas de service telephonique": "No phone service",
    "pas de telephone": "No phone service",
}


def _service(name: str, header: str, *aliases: str) -> Column:
    return Column(name, header, Table.SUBSCRIPTION, Kind.CATEGORY, aliases, max_length=60, values=_INTERNET_LEVELS)


COLUMNS: tuple[Column, ...] = (
    Column(
        "external_id",
        "customerID",
        Table.CUSTOMER,
        Kind.TEXT,
        ("customer id", "customer_id", "id client", "identifiant", "identifiant client", "client id", "numero client"),
        max_length=64,
    ),
    Column("first_name", "FirstName", Table.CUSTOMER, Kind.TEXT, ("first name", "prenom", "given name")),
    Column("last_name", "LastName", Table.CUSTOMER, Kind.TEXT, ("last name", "nom", "surname", "nom de famille")),
    Column(
        "email", "Email", Table.CUSTOMER, Kind.TEXT, ("e-mail", "mail", "courriel", "adresse e-mail"), max_length=254
    ),
    Column(
        "phone",
        "Phone",
        Table.CUSTOMER,
        Kind.TEXT,
        ("telephone", "mobile", "numero de telephone", "msisdn"),
        max_length=32,
    ),
    Column(
        "language",
        "Language",
        Table.CUSTOMER,
        Kind.CATEGORY,
        ("langue", "preferred language", "locale"),
        max_length=8,
        values={
            "fr": "fr",
            "francais": "fr",
            "french": "fr",
            "en": "en",
            "anglais": "en",
            "english": "en",
            "ar": "ar",
            "arabe": "ar",
            "arabic": "ar",
        },
    ),
    Column("city", "City", Table.CUSTOMER, Kind.TEXT, ("ville", "town")),
    Column(
        "gender",
        "gender",
        Table.CUSTOMER,
        Kind.CATEGORY,
        ("sexe", "genre", "sex"),
        max_length=20,
        values={
            "male": "Male",
            "m": "Male",
            "homme": "Male",
            "h": "Male",
            "masculin": "Male",
            "female": "Female",
            "f": "Female",
            "femme": "Female",
            "feminin": "Female",
        },
    ),
    Column("senior_citizen", "SeniorCitizen", Table.CUSTOMER, Kind.FLAG, ("senior citizen", "senior", "personne agee")),
    Column("partner", "Partner", Table.CUSTOMER, Kind.FLAG, ("partenaire", "conjoint", "en couple")),
    Column("dependents", "Dependents", Table.CUSTOMER, Kind.FLAG, ("personnes a charge", "a charge", "enfants")),
    Column("age", "Age", Table.CUSTOMER, Kind.INTEGER, ("age client",), minimum=0, maximum=120),
    Column(
        "tenure",
        "tenure",
        Table.SUBSCRIPTION,
        Kind.INTEGER,
        ("anciennete", "tenure months", "tenure in months", "months", "anciennete en mois", "anciennete mois"),
        minimum=0,
        maximum=1200,
    ),
    Column("phone_service", "PhoneService", Table.SUBSCRIPTION, Kind.FLAG, ("phone service", "service telephonique")),
    Column(
        "multiple_lines",
        "MultipleLines",
        Table.SUBSCRIPTION,
        Kind.CATEGORY,
        ("multiple lines", "lignes multiples"),
        max_length=60,
        values=_LINE_LEVELS,
    ),
    Column(
        "internet_service",
        "InternetService",
        Table.SUBSCRIPTION,
        Kind.CATEGORY,
        ("internet service", "service internet", "internet", "internet type"),
        max_length=60,
        values={
            "dsl": "DSL",
            "adsl": "DSL",
            "fiber optic": "Fiber optic",
            "fibre optique": "Fiber optic",
            "fibre": "Fiber optic",
            "fiber": "Fiber optic",
            "no": "No",
            "non": "No",
            "aucun": "No",
        },
    ),
    _service("online_security", "OnlineSecurity", "online security", "securite en ligne"),
    _service("online_backup", "OnlineBackup", "online backup", "sauvegarde en ligne"),
    _service(
        "device_protection", "DeviceProtection", "device protection", "protection appareil", "protection de l appareil"
    ),
    _service(
        "tech_support",
        "TechSupport",
        "tech support",
        "premium tech support",
        "assistance technique",
        "support technique",
    ),
    _service("streaming_tv", "StreamingTV", "streaming tv", "tv en streaming", "television"),
    _service("streaming_movies", "StreamingMovies", "streaming movies", "films en streaming"),
    Column(
        "contract",
        "Contract",
        Table.SUBSCRIPTION,
        Kind.CATEGORY,
        ("contrat", "contract type", "type de contrat"),
        max_length=60,
        values={
            "month to month": "Month-to-month",
            "monthly": "Month-to-month",
            "mensuel": "Month-to-month",
            "mois par mois": "Month-to-month",
            "sans engagement": "Month-to-month",
            "one year": "One year",
            "1 year": "One year",
            "un an": "One year",
            "1 an": "One year",
            "annuel": "One year",
            "two year": "Two year",
            "two years": "Two year",
            "2 year": "Two year",
            "2 years": "Two year",
            "deux ans": "Two year",
            "2 ans": "Two year",
        },
    ),
    Column(
        "paperless_billing",
        "PaperlessBilling",
        Table.SUBSCRIPTION,
        Kind.FLAG,
        ("paperless billing", "facture electronique"),
    ),
    Column(
        "payment_method",
        "PaymentMethod",
        Table.SUBSCRIPTION,
        Kind.CATEGORY,
        ("payment method", "mode de paiement", "moyen de paiement"),
        max_length=60,
        values={
            "electronic check": "Electronic check",
            "cheque electronique": "Electronic check",
            "mailed check": "Mailed check",
            "cheque postal": "Mailed check",
            "cheque": "Mailed check",
            "bank transfer automatic": "Bank transfer (automatic)",
            "virement automatique": "Bank transfer (automatic)",
            "virement": "Bank transfer (automatic)",
            "prelevement automatique": "Bank transfer (automatic)",
            "credit card automatic": "Credit card (automatic)",
            "carte de credit automatique": "Credit card (automatic)",
            "carte bancaire": "Credit card (automatic)",
        },
    ),
    Column(
        "monthly_charges",
        "MonthlyCharges",
        Table.SUBSCRIPTION,
        Kind.MONEY,
        ("monthly charges", "monthly charge", "frais mensuels", "montant mensuel", "facture mensuelle"),
        minimum=0,
        maximum=99_999_999,
    ),
    Column(
        "total_charges",
        "TotalCharges",
        Table.SUBSCRIPTION,
        Kind.MONEY,
        ("total charges", "frais totaux", "montant total", "total facture"),
        minimum=0,
        maximum=9_999_999_999,
    ),
    Column(
        "churn_label",
        "Churn",
        Table.CUSTOMER,
        Kind.FLAG,
        ("churned", "churn label", "churn value", "exited", "attrition", "desabonnement", "resilie", "parti", "left"),
    ),
)

# A count that PostgreSQL can hold, and an amount with three decimals in twelve digits.
_MOST_TIMES = 2_147_483_647
_MOST_SPENT = 999_999_999

# The measures of a month of use, by the names that the segmentation document gives them.
USAGE_COLUMNS: tuple[Column, ...] = (
    Column("month", "month", Table.USAGE, Kind.TEXT, ("mois",)),
    Column(
        "montant_consommation",
        "montant_consommation",
        Table.USAGE,
        Kind.MONEY,
        ("amount spent", "spend"),
        minimum=0,
        maximum=_MOST_SPENT,
    ),
    Column(
        "nombre_appels",
        "nombre_appels",
        Table.USAGE,
        Kind.INTEGER,
        ("calls", "number of calls"),
        minimum=0,
        maximum=_MOST_TIMES,
    ),
    Column("volume_data", "volume_data", Table.USAGE, Kind.NUMBER, ("data volume", "data"), minimum=0, maximum=1e15),
    Column(
        "nombre_sms", "nombre_sms", Table.USAGE, Kind.INTEGER, ("sms", "number of sms"), minimum=0, maximum=_MOST_TIMES
    ),
    Column(
        "nombre_recharges",
        "nombre_recharges",
        Table.USAGE,
        Kind.INTEGER,
        ("recharges", "number of recharges", "top ups", "number of top ups"),
        minimum=0,
        maximum=_MOST_TIMES,
    ),
    Column(
        "nombre_reclamations",
        "nombre_reclamations",
        Table.USAGE,
        Kind.INTEGER,
        ("reclamations", "complaints", "number of complaints"),
        minimum=0,
        maximum=_MOST_TIMES,
    ),
)

BY_NAME: dict[str, Column] = {column.name: column for column in COLUMNS}

FLAG_VALUES: dict[str, bool] = {
    **dict.fromkeys(("yes", "y", "true", "t", "1", "1.0", "oui", "o", "vrai", "نعم"), True),
    **dict.fromkeys(("no", "n", "false", "f", "0", "0.0", "non", "faux", "لا"), False),
}

UNKNOWN_VALUES: frozenset[str] = frozenset(
    ("", "na", "n/a", "nan", "null", "none", "nil", "-", "?", "#n/a", "inconnu", "unknown")
)

_SEPARATORS = re.compile(r"[\W_]+")
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")


def normalise(text: str) -> str:
    """Fold case, accents and punctuation: ``"Pas d’Internet"`` -> ``"pas d internet"``."""
    decomposed = unicodedata.normalize("NFKD", text)
    plain = "".join(c for c in decomposed if not unicodedata.combining(c))
    return _SEPARATORS.sub(" ", plain).strip().casefold()


def normalise_header(text: str) -> str:
    """As ``normalise``, with camel case cut first: ``"MonthlyCharges"`` -> ``"monthly charges"``."""
    return normalise(_CAMEL.sub(" ", text))


def header_index() -> dict[str, str]:
    """Normalised header -> column name, for every header, name and alias that we know.

    Spaces do not count, so ``customerID``, ``customer_id`` and ``Customer ID`` are one.
    """
    index: dict[str, str] = {}
    for column in COLUMNS:
        for alias in (column.name, column.header, *column.aliases):
            index.setdefault(normalise_header(alias).replace(" ", ""), column.name)
    return index
