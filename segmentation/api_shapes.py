"""What bodies and answers about segments, rules, offers and allocations look like."""

from __future__ import annotations

from core.shapes import (
    ADDRESS,
    ANYTHING,
    COUNT,
    DAY,
    DECIMAL,
    ERROR,
    FREE,
    IDENTIFIER,
    JOB_STATE,
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

from .models import Offer

NEXT = says(maybe(ADDRESS), "Where the following ones are; null on the last page.")
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
_CHANNEL = one_of(*Offer.Channel.values)
OFFER = named(
    "Offer",
    record(
        {
            "id": IDENTIFIER,
            "url": ADDRESS,
            "name": TEXT,
            "texts": table_of(TEXT, says="By language: fr, en, ar."),
            "channel": _CHANNEL,
            "cost": maybe(DECIMAL),
            "contact_cost": maybe(DECIMAL),
            "discount": says(SHARE, "Taken off the monthly charge."),
            "acceptance": says(maybe(SHARE), "Of those who would leave: how many take it and stay."),
            "stock": maybe(COUNT),
            "valid_from": maybe(DAY),
            "valid_until": maybe(DAY),
            "is_active": YES_NO,
            "position": COUNT,
            "segments": says(
                many(TEXT), "Labels of those that carry it; none: for everybody whom its rule lets have it."
            ),
            "rule": says(maybe(FREE), "Conditions as a rule segment's; null: everybody."),
            "age_approved": says(YES_NO, "Whether somebody stands for it that its rule asks for age."),
        },
        says="Figures that are null are those of the company's economics.",
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
_ALLOCATION = {
    "id": IDENTIFIER,
    "url": ADDRESS,
    "state": JOB_STATE,
    "progress": SHARE,
    "budget": maybe(DECIMAL),
    "most_customers": maybe(COUNT),
    "requested_at": MOMENT,
    "finished_at": maybe(MOMENT),
    "error": maybe(ERROR),
}
ALLOCATIONS = record({"allocations": many(record(_ALLOCATION), at_most=200), "next": NEXT})
ALLOCATION_IN_FULL = named(
    "AllocationInFull",
    record(
        _ALLOCATION
        | {
            "offers": says(
                many(record({"customers": COUNT, "bound_by": maybe(TEXT)})),
                "As they were reckoned with, and to how many each would go; empty until it has succeeded.",
            ),
            "result": says(maybe(FREE), "What it earns, its proven gap, the shadow price of the budget."),
            "in_words": maybe(TEXT),
            "lines": says(maybe(ADDRESS), "Whom it proposes what; null before, and once that was forgotten."),
        }
    ),
)
_PROPOSED = {
    "customer": TEXT,
    "customer_id": IDENTIFIER,
    "offer": TEXT,
    "offer_id": IDENTIFIER,
    "expected_profit": NUMBER,
    "expected_cost": NUMBER,
    "kept_chance": SHARE,
}
PROPOSED_OFFERS = record({"lines": many(record(_PROPOSED), at_most=200), "next": NEXT})

_SEGMENT_IN_USE = {
    "label": TEXT,
    "url": ADDRESS,
    "members": says(ADDRESS, "Who belongs to it."),
    "persona": TEXT,
    "size": maybe(COUNT),
    "percentage": maybe(NUMBER),
    "offer": TEXT,
    "stakes": says(maybe(FREE), "What it stands to lose; null before the first scoring."),
}
SEGMENTS = record(
    {"segments": many(record(_SEGMENT_IN_USE))}, says="Figures are null where the run in force did not find the segment."
)  # fmt: skip
SEGMENT = named(
    "Segment",
    record(
        _SEGMENT_IN_USE
        | {"mean_values": maybe(_MEANS), "portrait": says(maybe(TEXT), "What sets it apart, in the caller's language.")}
    ),
)
_MEMBER = {
    "id": IDENTIFIER,
    "url": ADDRESS,
    "external_id": TEXT,
    "first_name": TEXT,
    "last_name": TEXT,
    "email": TEXT,
}
SEGMENT_MEMBERS = record({"members": many(record(_MEMBER), at_most=200), "next": NEXT})
