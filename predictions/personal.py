"""What this stage's tables hold of people (see ``core.inventory``)."""

from core.inventory import ALL, Goes, Whose, held, nobodys

HELD = (
    held("predictions.Score", ALL, Whose.CUSTOMER, "how likely they are to leave, and why, with the columns that lists are sifted by",
         Goes.WITH_CUSTOMER, "the newest runs and one of each of the last months; at most as long as the customer",
         leaves="a customer's page, GET /api/customers, export"),
    held("predictions.Promotion", "reason", Whose.ANYBODY, "why a model took charge", Goes.STAYS, "with the company",
         leaves="/mlops"),
)  # fmt: skip

# Figures of many customers at once: no model's record names one.
NOBODYS = nobodys(
    ModelVersion="algorithm metrics details fingerprint libraries artefact_path artefact_sha256 artefact_hmac gates reference",
    ScoringRun="summary legend",
    SurvivalModel="figures refusal artefact_path artefact_sha256 artefact_hmac",
    Promotion="kind open_gates",
    ProfitRun="economics curve backtest refusal",
    DriftReport="verdict findings estimate truth",
)
