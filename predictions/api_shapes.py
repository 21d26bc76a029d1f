"""What bodies and answers about models, scores, drift and profit look like."""

from __future__ import annotations

from core.models import JobState
from core.shapes import (
    ADDRESS,
    ANYTHING,
    COUNT,
    ERROR,
    FREE,
    IDENTIFIER,
    MOMENT,
    NUMBER,
    SHARE,
    TEXT,
    YES_NO,
    body,
    many,
    maybe,
    named,
    one_of,
    record,
    says,
    table_of,
    text,
)  # fmt: skip

BAND = one_of("high", "medium", "low")
JOB_FIELDS = {
    "job": IDENTIFIER,
    "kind": says(TEXT, "import, training, scoring, drift_check, profit, segmentation and others."),
    "state": one_of(*JobState.values),
    "progress": SHARE,
    "step": TEXT,
    "seconds_left": says(maybe(NUMBER), "By the pace so far; null until a twentieth is done."),
    "attempts": COUNT,
    "error": maybe(ERROR),
    "requested_at": MOMENT,
    "finished_at": maybe(MOMENT),
}
JOB = named("Job", record(JOB_FIELDS))
_VERSION = {
    "number": COUNT,
    "url": ADDRESS,
    "in_charge": YES_NO,
    "algorithm": TEXT,
    "trained_at": MOMENT,
    "trained_by": maybe(TEXT),
    "rows": COUNT,
    "churners": COUNT,
    "metrics": says(FREE, "Measured on customers that the model had not seen."),
}
PROMOTION = named(
    "Promotion",
    record(
        {
            "in_charge": COUNT,
            "before": maybe(COUNT),
            "kind": TEXT,
            "reason": TEXT,
            "open_gates": many(TEXT),
            "by": maybe(TEXT),
            "at": MOMENT,
        }
    ),
)
MODELS = record(
    {"models": many(record(_VERSION | {"gates": says(table_of(TEXT), "The gate's code -> its state.")}), at_most=50)}
)
MODEL = named(
    "Model",
    record(
        _VERSION
        | {
            "gates": many(record({"code": TEXT, "state": TEXT, "title": TEXT, "sentence": TEXT})),
            "promotions": many(PROMOTION),
            "seed": ANYTHING,
            "fingerprint": ANYTHING,
            "libraries": FREE,
            "artefact": record({"bytes": COUNT, "sha256": TEXT}),
        },
        says="A version's whole card; the other figures stand in it by name.",
    ),
)
REASON = record({}, may_have={"reason": text(says="Needed where a gate is not green.")})

ASKED = {
    "oneOf": [
        body({"customer": text(64, says="The number of one of the base.", like="C-000123")}),
        body({"fields": says(FREE, "Field -> value, of anybody else.", like={"contract": "One year"})}),
    ]
}
SCORE = named(
    "Score",
    record(
        {
            "risk": SHARE,
            "band": TEXT,
            "model": COUNT,
            "out_of_fold": says(YES_NO, "Whether a fold's model answered, which had not learned from this customer."),
            "reasons": many(
                record(
                    {
                        "field": TEXT,
                        "name": TEXT,
                        "value": ANYTHING,
                        "shown": ANYTHING,
                        "effect": NUMBER,
                        "raises": YES_NO,
                        "sentence": TEXT,
                    }
                )
            ),
        }
    ),
)

_NEXT = says(maybe(ADDRESS), "Where the following ones are; null on the last page.")
SCORING = named(
    "Scoring",
    record(
        {
            "id": IDENTIFIER,
            "url": ADDRESS,
            "model": COUNT,
            "state": one_of(*JobState.values),
            "progress": SHARE,
            "is_current": says(YES_NO, "Whether its scores are those that are shown."),
            "scored": COUNT,
            "bands": says(table_of(COUNT), "How many customers are in each, by the borders beside it."),
            "medium_from": SHARE,
            "high_from": SHARE,
            "requested_at": MOMENT,
            "finished_at": maybe(MOMENT),
            "error": maybe(ERROR),
        },
        says="A pass over all customers.",
    ),
)
SCORINGS = record({"scorings": many(SCORING, at_most=200), "next": _NEXT})
_FACT = {"field": TEXT, "value": ANYTHING, "effect": says(NUMBER, "Above 0 it raises the risk.")}
SCORES = record(
    {
        "scoring": says(maybe(SCORING), "The run that these are of; null, and no scores, before the first one."),
        "scores": many(
            record(
                {
                    "customer": TEXT,
                    "customer_id": IDENTIFIER,
                    "risk": SHARE,
                    "band": BAND,
                    "out_of_fold": YES_NO,
                    "drivers": says(many(record(_FACT)), "The strongest facts."),
                }
            ),
            at_most=200,
        ),
        "next": _NEXT,
    }
)

_DISTANCES = {"verdict": maybe(TEXT), "psi": maybe(NUMBER), "js": maybe(NUMBER), "threshold": ANYTHING}
DRIFT = named(
    "Drift",
    record(
        {
            "version": COUNT,
            "verdict": TEXT,
            "customers": COUNT,
            "score": record(_DISTANCES),
            "features": many(record({"name": TEXT} | _DISTANCES)),
            "estimate": says(ANYTHING, "How good the model is now, by its own probabilities."),
            "truth": says(maybe(FREE), "How good it was, once it is known who left."),
        }
    ),
)
SURVIVAL = named("Survival", record({"version": COUNT, "figures": maybe(FREE), "refusal": maybe(FREE)}))

_ACCOUNT = maybe(record({"job": IDENTIFIER, "state": one_of(*JobState.values), "progress": SHARE}))
_SAID = record(
    {}, may_have={"set_at": MOMENT, "set_by": maybe(TEXT)}, says="Every figure that was said, and who said it when."
)  # fmt: skip
PROFIT = named(
    "Profit",
    record(
        {
            "currency": TEXT,
            "economics": maybe(_SAID),
            "accounted_at": maybe(MOMENT),
            "accounted_with": maybe(FREE),
            "is_current": YES_NO,
            "curve": maybe(FREE),
            "backtest": maybe(FREE),
            "refusal": ANYTHING,
            "account": _ACCOUNT,
        }
    ),
)
ECONOMICS = record({"currency": TEXT, "economics": _SAID, "account": _ACCOUNT})


def economics_body(fields: tuple[str, ...] | list[str]) -> dict:
    """Every figure by its name; what each may be is said by the refusal."""
    return body(dict.fromkeys(fields, says(NUMBER, "An amount in the company's currency, or a share from 0 to 1.")))
