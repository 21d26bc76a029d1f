"""What answers about customers look like: those that need scores, segments and offers."""

from __future__ import annotations

from core.shapes import (
    ADDRESS,
    ANYTHING,
    COUNT,
    DECIMAL,
    FREE,
    IDENTIFIER,
    MOMENT,
    NUMBER,
    SHARE,
    TEXT,
    YES_NO,
    many,
    maybe,
    named,
    record,
    says,
)  # fmt: skip
from customers.api_customers import OWN, PLAN
from predictions.api_shapes import BAND

GROUP = "Customers"  # in the description, beside those of the stage itself

_FACT = named(
    "RiskFact",
    record(
        {
            "field": TEXT,
            "name": TEXT,
            "value": ANYTHING,
            "effect": NUMBER,
            "raises": YES_NO,
            "sentence": TEXT,
        },
        says="A fact that raises or lowers the risk, in words of the caller's language.",
    ),
)
_IN_SHORT = {
    "id": IDENTIFIER,
    "url": ADDRESS,
    "external_id": says(TEXT, "The company's own number."),
    "first_name": TEXT,
    "last_name": TEXT,
    "email": TEXT,
    "churn_label": says(maybe(YES_NO), "Whether they left; null while nobody knows."),
    "contract": TEXT,
    "internet_service": TEXT,
    "tenure": says(maybe(COUNT), "Months."),
    "monthly_charges": maybe(DECIMAL),
    "risk": says(maybe(SHARE), "Null, as band and reason, before the first scoring and for newcomers."),
    "band": maybe(BAND),
    "reason": says(maybe(_FACT), "The strongest fact that raises the risk."),
    "segment": says(maybe(TEXT), "The label of theirs."),
}
CUSTOMERS = record(
    {
        "customers": many(named("CustomerInShort", record(_IN_SHORT)), at_most=200),
        "next": says(maybe(ADDRESS), "Where the following ones are; null on the last page."),
        "is_cut": says(
            YES_NO,
            "A filter on an other field looked through as many customers as one request does: `next` goes on from there.",
        ),
    }
)

_YES_NO_OR_UNKNOWN = ("senior_citizen", "partner", "dependents", "churn_label", "phone_service", "paperless_billing")
_AMOUNTS = ("monthly_charges", "total_charges")


def _field(name: str) -> dict:
    if name in _YES_NO_OR_UNKNOWN:
        return maybe(YES_NO)
    if name in _AMOUNTS:
        return maybe(DECIMAL)
    return maybe(COUNT) if name in ("age", "tenure") else TEXT


_SCORE = record(
    {
        "risk": SHARE,
        "band": BAND,
        "model": COUNT,
        "out_of_fold": says(YES_NO, "Whether a fold's model answered, which had not learned from this customer."),
        "scored_at": maybe(MOMENT),
        "reasons": many(_FACT),
    }
)
_SEGMENT = record({"label": TEXT, "persona": TEXT, "offer": TEXT})
_OFFER = record(
    {
        "id": IDENTIFIER,
        "name": TEXT,
        "expected_profit": NUMBER,
        "expected_cost": NUMBER,
        "kept_chance": SHARE,
    }
)
CUSTOMER = named(
    "Customer",
    record(
        {
            "id": IDENTIFIER,
            "url": ADDRESS,
            "page": says(ADDRESS, "The same for a person."),
            "usage": says(ADDRESS, "Months of use."),
            "history": says(ADDRESS, "What happened to this customer."),
            **{name: _field(name) for name in OWN},
            "persona": TEXT,
            "attributes": says(FREE, "Other fields, by the company's own names."),
            "created_at": MOMENT,
            "updated_at": MOMENT,
            "subscription": says(maybe(record({name: _field(name) for name in PLAN})), "What they pay for."),
            "score": maybe(_SCORE),
            "segment": maybe(_SEGMENT),
            "offer": says(maybe(_OFFER), "What the newest allocation proposes for them."),
        },
        says="A customer: who, what they pay for, their risk and why, their segment, and what they may be offered.",
    ),
)
