"""What bodies and answers about campaigns, messages, consent and results look like."""

from __future__ import annotations

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
    WHOLE,
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

from .models import Campaign, Recipient, Suppression

_STATE = one_of(*Campaign.State.values)
_BRIEF = {
    "id": IDENTIFIER,
    "url": ADDRESS,
    "name": TEXT,
    "state": _STATE,
    "scheduled_at": maybe(MOMENT),
    "launched_at": maybe(MOMENT),
    "finished_at": maybe(MOMENT),
    "recipients": says(FREE, "How many, by arm and by state of their mail."),
}
NEXT = says(maybe(ADDRESS), "Where the following ones are; null on the last page.")
CAMPAIGNS = record({"campaigns": many(record(_BRIEF), at_most=50), "next": NEXT})
CAMPAIGN = named(
    "Campaign",
    record(
        _BRIEF
        | {
            "audience": FREE,
            "template": maybe(TEXT),
            "rival_template": maybe(TEXT),
            "offer": maybe(TEXT),
            "holdout": ANYTHING,
            "horizon_days": COUNT,
            "per_hour": maybe(COUNT),
            "launches_itself": YES_NO,
            "checked_at": maybe(MOMENT),
            "checked": maybe(FREE),
            "left_out": says(FREE, "Why -> how many."),
            "warnings": many(maybe(TEXT)),
            "why_paused": maybe(record({"code": maybe(TEXT), "detail": ANYTHING})),
            "job": maybe(record({"kind": TEXT, "state": TEXT, "progress": SHARE})),
            "recipients_url": says(ADDRESS, "Who gets it, and what became of each mail."),
            "links": table_of(ADDRESS, says="What may be done with it now, and where."),
        }
    ),
)
DECIDED = record({"mails": says(COUNT, "Of how many it was decided."), "state": _STATE, "url": ADDRESS})
RECIPIENTS = record(
    {
        "recipients": many(
            record(
                {
                    "customer": IDENTIFIER,
                    "number": says(maybe(TEXT), "Null for who may not see customers."),
                    "address": says(maybe(TEXT), "Null for who may not see customers."),
                    "arm": one_of(*Recipient.Arm.values),
                    "state": one_of(*Recipient.State.values),
                    "language": TEXT,
                    "reason": says(maybe(ERROR), "Why it was not sent."),
                    "attempts": COUNT,
                    "sent_at": maybe(MOMENT),
                    "not_before": maybe(MOMENT),
                }
            ),
            at_most=200,
        ),
        "next": NEXT,
    }
)
COMPOSED = record({"id": IDENTIFIER, "url": ADDRESS, "state": _STATE})
COMPOSE = body(
    {
        "name": text(120, like="Winter, risk high"),
        "audience": says(FREE, "Whom: docs/api.md.", like={"kind": "risk", "bands": ["high"]}),
        "template": says(TEXT, "A message, by identifier or name."),
    },
    offer=says(maybe(TEXT), "By identifier or name."),
    schedule=says(maybe(MOMENT), "When to start, with its time zone; null: as soon as it may."),
    holdout=says(
        maybe({"type": "number", "minimum": 0, "maximum": 0.5}), "The share that is left alone, to measure by."
    ),
    horizon_days=says(maybe(WHOLE), "After how many days it is measured who left."),
    rival_template=says(maybe(TEXT), "A second message to compare with."),
    rival_share=maybe({"type": "number", "minimum": 0.05, "maximum": 0.95}),
    default_language=maybe(one_of("fr", "en", "ar")),
    per_hour=says(maybe({"type": "integer", "minimum": 1}), "At most so many mails."),
    launch=says(YES_NO, "Approve and start it once it is checked: needs approve_campaigns and run_campaigns too."),
)

_TEMPLATE = {"id": IDENTIFIER, "url": ADDRESS, "name": TEXT, "is_archived": YES_NO, "updated_at": MOMENT}
_PART = record({}, may_have={"subject": TEXT, "text": TEXT, "html": TEXT})
_VERSION = record({"number": COUNT, "parts": table_of(FREE), "source": TEXT, "created_at": MOMENT})
TEMPLATES = record({"templates": many(record(_TEMPLATE), at_most=100), "next": NEXT})
TEMPLATE = named("Template", record(_TEMPLATE | {"version": maybe(_VERSION)}, may_have={"warnings": many(ANYTHING)}))
_PARTS = says(table_of(_PART, says="By language: fr, en, ar."), "By language: fr, en, ar.",
    like={"en": {"subject": "A word, {first_name}", "text": "Good day {first_name}.\n\n{unsubscribe_link}"}})  # fmt: skip
NEW_TEMPLATE = body({"name": text(120), "parts": _PARTS})
NEXT_VERSION = body({"parts": _PARTS}, name=text(120))
DRAFT_BODY = body(
    segment=says(TEXT, "Either a segment, by its label,", like="S1"),
    customer=says(TEXT, "or a customer, by identifier or number."),
    offer=maybe(IDENTIFIER),
    language=TEXT,
    tone=TEXT,
    seed=COUNT,
    with_server=says(YES_NO, "False: the built-in writer only."),
)
DRAFT = named(
    "Draft",
    record(
        {
            "id": IDENTIFIER,
            "language": TEXT,
            "tone": TEXT,
            "seed": COUNT,
            "offer": maybe(IDENTIFIER),
            "subject": TEXT,
            "text": TEXT,
            "source": TEXT,
            "why_not": maybe(record({"code": TEXT, "words": ANYTHING})),
            "failures": many(FREE),
            "tokens": record({"prompt": maybe(COUNT), "answer": maybe(COUNT)}),
            "cost": ANYTHING,
        }
    ),
)

_LINE = record(
    {
        "is_granted": YES_NO,
        "channel": TEXT,
        "purpose": TEXT,
        "source": TEXT,
        "note": TEXT,
        "by": maybe(TEXT),
        "at": MOMENT,
    }
)
_SUPPRESSION = record({"reason": TEXT, "campaign": maybe(TEXT), "source": TEXT, "at": MOMENT})
CONSENT = named(
    "Consent",
    record(
        {
            "customer": TEXT,
            "may_be_written_to": YES_NO,
            "standing": TEXT,
            "lines": many(_LINE, at_most=200),
            "suppressions": many(_SUPPRESSION),
        }
    ),
)
CONSENT_BODY = body(
    {"customers": says(many(text(200)), "Customer numbers.", like=["C-000123"]), "is_granted": YES_NO}, note=text(200)
)
CONSENT_RECORDED = record({"recorded": COUNT, "unknown": many(TEXT)})
SUPPRESSED = record({"is_suppressed": YES_NO, "suppressions": many(_SUPPRESSION, at_most=20)})
_REASONS = ("manual", "unsubscribed", "complained", "bounced")
SUPPRESS_BODY = body(
    {"addresses": says(many(text(320)), "E-mail addresses.", like=["someone@example.com"])},
    reason=one_of(*(value for value in Suppression.Reason.values if value in _REASONS)),
    campaign=text(60, says="The code of one campaign, for which alone they are let alone."),
    note=text(60),
)
SUPPRESSED_NOW = record({"new": COUNT, "known": COUNT, "refused": many(TEXT)})

_WORDS = maybe(record({"title": ANYTHING, "text": ANYTHING, "then": ANYTHING}))
RESULTS = named(
    "Results",
    record(
        {
            "campaign": IDENTIFIER,
            "state": one_of("running", "provisional", "waits", "due", "final", "cancelled", "not_begun"),
            "until": ANYTHING,
            "days_left": maybe(WHOLE),
            "data_wanted_from": ANYTHING,
            "wanted": ANYTHING,
            "said": _WORDS,
            "result": says(maybe(FREE), "As it was measured; null before."),
            "url": says(ADDRESS, "The page of the same."),
        }
    ),
)
UPLIFT = named(
    "Uplift",
    record(
        {
            "rule": one_of("uplift", "risk_times_value"),
            "said": _WORDS,
            "learned_at": maybe(MOMENT),
            "measured_campaigns": COUNT,
            "job": maybe(record({"state": TEXT, "progress": NUMBER})),
        },
        may_have={"needed": ANYTHING},
    ),
)
LEARNING = record({"state": TEXT, "url": ADDRESS})
