"""What bodies and answers about segments, rules, offers and allocations look like."""

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

_REASON = {"reason": says(TEXT, "Why there is nothing yet; `X-Reason` has its code.")}
EMPTY_HEADER = {200: {"X-Reason": "Where the answer is empty: why, as a code."}}
_NUMBERS = many(maybe(NUMBER))
DISTRIBUTION = record(
    {"data": record({"values": many(COUNT), "labels": many(TEXT), "type": one_of("pie")})}, may_have=_REASON
)
IMPORTANCE = record(
    {
        "data": many(
            record({"feature": TEXT, "values": many(ANYTHING), "segments": many(TEXT), "importance": maybe(NUMBER)})
        )
    },
    may_have=_REASON,
)
PROFILES = record(
    {"data": record({"profiles": many(_NUMBERS), "features": many(TEXT), "segments": many(TEXT), "scaled": many(_NUMBERS)})},
    may_have=_REASON,
)  # fmt: skip
_MEANS = table_of(maybe(NUMBER))
DETAILS = table_of(
    record({"size": COUNT, "percentage": NUMBER, "mean_values": _MEANS, "offer": TEXT}), says="By the segment's label."
)
SEGMENTATION = named(
    "Segmentation",
    record(
        {
            "finished_at": maybe(MOMENT),
            "customers": COUNT,
            "k": COUNT,
            "features": many(TEXT),
            "importance": table_of(maybe(NUMBER)),
            "segments": many(
                record(
                    {
                        "label": TEXT,
                        "persona": TEXT,
                        "portrait": ANYTHING,
                        "size": COUNT,
                        "percentage": NUMBER,
                        "mean_values": _MEANS,
                        "stakes": maybe(FREE),
                    }
                )
            ),
            "moves": says(maybe(FREE), "Who went from which segment to which since the run before."),
            "advice": maybe(FREE),
            "has_clusters": says(maybe({"type": "boolean"}), "Whether the customers fall into groups at all."),
        }
    ),
)
IN_FORCE = record({"segmentation": maybe(SEGMENTATION)}, may_have={"code": TEXT, "reason": TEXT})
ANEW = body(
    k=maybe({"type": "integer", "minimum": 2, "maximum": 10}), features=says(maybe(many(TEXT)), "Names of columns.")
)
PERSONA = body({"persona": text(60, like="The loyal ones")})
RENAMED = record({"segment": TEXT, "persona": TEXT})

_RULE = says(FREE, "A tree of `all`, `any` and conditions `field`, `is`, `value`: docs/segments.md.",
    like={"all": [{"field": "contract", "is": "equals", "value": "Month-to-month"}]})  # fmt: skip
RULE_BODY = body({"name": text(120), "rule": _RULE})
COUNT_BODY = body({"rule": _RULE})
COUNTED = {
    "count": maybe(COUNT),
    "is_exact": YES_NO,
    "low": maybe(COUNT),
    "high": maybe(COUNT),
}
HOW_MANY = named("HowMany", record(COUNTED, says="Exact where that is cheap, else estimated with its interval."))
_SEGMENT = {
    "id": IDENTIFIER,
    "url": ADDRESS,
    "name": TEXT,
    "rule": FREE,
    "updated_at": MOMENT,
    "created_by": maybe(TEXT),
}
RULE_SEGMENT = named("RuleSegment", record(_SEGMENT, may_have=COUNTED | {"problems": many(FREE)}))
RULE_SEGMENTS = record(
    {
        "rule_segments": many(RULE_SEGMENT, at_most=500),
        "fields": many(record({"field": TEXT, "kind": TEXT, "operators": many(TEXT), "values": many(ANYTHING)})),
    }
)
OFFER = named(
    "Offer",
    record(
        {
            "id": IDENTIFIER,
            "name": TEXT,
            "texts": table_of(TEXT, says="By language."),
            "channel": TEXT,
            "cost": maybe(DECIMAL),
            "contact_cost": maybe(DECIMAL),
            "discount": maybe(DECIMAL),
            "acceptance": ANYTHING,
            "stock": maybe(COUNT),
            "valid_from": ANYTHING,
            "valid_until": ANYTHING,
            "is_active": YES_NO,
            "segments": many(TEXT),
            "rule": maybe(FREE),
        }
    ),
)
OFFERS = record({"offers": many(OFFER, at_most=500)})
ALLOCATION = named(
    "Allocation",
    record(
        {
            "id": IDENTIFIER,
            "budget": maybe(NUMBER),
            "most_customers": maybe(COUNT),
            "finished_at": maybe(MOMENT),
            "offers": many(record({"customers": COUNT, "bound_by": ANYTHING})),
            "result": FREE,
            "in_words": ANYTHING,
        }
    ),
)
ALLOCATE = body(
    budget={
        "anyOf": [{"type": "number", "minimum": 0}, DECIMAL, {"type": "null"}],
        "description": "In the company's currency.",
    },
    most_customers=maybe({"type": "integer", "minimum": 1, "maximum": 2**31 - 1}),
)
