"""What bodies and answers about imports, feeds, quality and the meaning of leaving look like."""

from __future__ import annotations

from core.shapes import (
    ADDRESS,
    ANYTHING,
    COUNT,
    ERROR,
    FREE,
    IDENTIFIER,
    MOMENT,
    SHARE,
    TEXT,
    WHOLE,
    YES_NO,
    many,
    maybe,
    named,
    one_of,
    record,
    says,
    table_of,
    text,
)  # fmt: skip

from .models import ChurnDefinition, DuplicateGroup, Feed

_STATE = says(TEXT, "queued, running, awaiting (a person), succeeded, failed, dead or cancelled.")
_MONTH = {"type": "string", "pattern": r"^\d{4}-\d{2}$", "examples": ["2026-03"]}

_IMPORT_IN_SHORT = {
    "id": IDENTIFIER,
    "url": ADDRESS,
    "page": says(ADDRESS, "The same for a person."),
    "filename": TEXT,
    "state": _STATE,
    "step": TEXT,
    "progress": SHARE,
    "error": maybe(ERROR),
}
IMPORTS = named("Imports", record({"imports": many(record(_IMPORT_IN_SHORT), at_most=50)}))
IMPORT = named(
    "Import",
    record(
        _IMPORT_IN_SHORT
        | {
            "attended": YES_NO,
            "dry_run": YES_NO,
            "rows": maybe(COUNT),
            "sheet": TEXT,
            "sheets": many(ANYTHING),
            "notes": ANYTHING,
            "proposal": says(maybe(FREE), "What we take the columns for, with what speaks for it."),
            "mapping": says(maybe(FREE), "What was agreed."),
            "empty_means_empty": YES_NO,
            "usage_month": maybe(_MONTH),
            "preview": says(maybe(FREE), "What writing would do, once the dry run is done."),
            "result": record(
                {
                    "read": maybe(COUNT),
                    "created": maybe(COUNT),
                    "updated": maybe(COUNT),
                    "unchanged": maybe(COUNT),
                    "refused": maybe(COUNT),
                }
            ),
            "undone": maybe(FREE),
            "actions": table_of(ADDRESS, says="What may be done with it now, and where."),
        }
    ),
)
UPLOAD = record(
    {
        "file": {
            "type": "string",
            "format": "binary",
            "description": "CSV or XLSX, at most what the installation takes.",
        }
    },
    may_have={
        "attended": says(YES_NO, "Wait for the mapping and for an agreement."),
        "dry_run": says(YES_NO, "Stop before anything is written."),
        "mapping": says(
            TEXT, "JSON: column -> field; what is left out is proposed by us.", like='{"Client": "customer_id"}'
        ),
        "id_column": text(255, says="The column with customer numbers."),
        "label_column": text(255, says="The column that says who left."),
        "label_yes": says(many(TEXT), "The values of it that mean: left."),
        "without_label": says(YES_NO, "The file does not say who left."),
        "sheet": text(255, says="Of a workbook with several."),
        "empty_means_empty": says(YES_NO, "An empty cell clears what is known; else it changes nothing."),
        "usage_month": says(_MONTH, "The month that columns of usage are of."),
    },
)
MAPPING = record(
    {}, may_have={"empty_means_empty": YES_NO, "usage_month": maybe(_MONTH)}, says="The mapping itself, and these beside it."
)  # fmt: skip
SHEET = record({"sheet": text(255)})
CSV = {"type": "string", "description": "The refused rows as they came, with a column that says why."}

QUALITY = named(
    "Quality",
    record(
        {
            "import": ADDRESS,
            "filename": TEXT,
            "compared_with": maybe(ADDRESS),
            "state": _STATE,
            "progress": SHARE,
            "error": maybe(ERROR),
            "summary": maybe(FREE),
            "duplicates": ANYTHING,
            "columns": table_of(FREE, says="By the column's name: what was found in it."),
            "findings": many(
                record({"column": TEXT, "verdict": TEXT, "codes": many(TEXT), "evidence": ANYTHING, "overruled": maybe(MOMENT)})
            ),
        }
    ),
)  # fmt: skip
READINESS = named(
    "Readiness",
    record(
        {"verdict": one_of("ready", "thin", "not_yet"), "facts": FREE},
        may_have={"headline": TEXT, "advice": ANYTHING, "criteria": many(FREE)},
    ),
)
FINDING = named(
    "Finding",
    record(
        {
            "id": IDENTIFIER,
            "column": TEXT,
            "verdict": TEXT,
            "codes": many(TEXT),
            "evidence": ANYTHING,
            "sentences": many(TEXT),
            "found_at": MOMENT,
            "holds": YES_NO,
            "kept_away": says(YES_NO, "Whether models do not learn from the column."),
            "overruled": maybe(record({"at": MOMENT, "by": maybe(TEXT), "reason": TEXT})),
        }
    ),
)
FINDINGS = record({"findings": many(FINDING)})
DECISION = record(
    {"finding": IDENTIFIER, "decision": one_of("overrule", "reinstate")}, may_have={"reason": text(says="Why.")}
)

_DAYS = {"type": "integer", "minimum": 0, "maximum": 3650}
DEFINITION = named(
    "ChurnDefinition",
    record(
        {
            "id": IDENTIFIER,
            "url": ADDRESS,
            "kind": one_of(*ChurnDefinition.Kind.values),
            "meaning": says(TEXT, "The definition as a sentence."),
            "standing": one_of(*ChurnDefinition.Standing.values),
            "proposed": record({"at": MOMENT, "by": maybe(TEXT)}),
            "adopted": maybe(record({"at": MOMENT, "by": maybe(TEXT), "reason": TEXT})),
            "state": _STATE,
            "progress": SHARE,
            "error": maybe(ERROR),
            "preview": maybe(FREE),
        },
        may_have={"field": TEXT, "grace_days": WHOLE, "silent_days": WHOLE, "horizon_days": WHOLE, "gap_days": WHOLE},
    ),
)
DEFINITIONS = record({"adopted": maybe(DEFINITION), "definitions": many(DEFINITION, at_most=10)})
PROPOSAL = record(
    {"kind": one_of(*ChurnDefinition.Kind.values)},
    may_have={
        "field": text(255, says="contract_end: the field that holds the contract's end."),
        "grace_days": _DAYS,
        "silent_days": _DAYS,
        "horizon_days": _DAYS,
        "gap_days": _DAYS,
    },
)
REASON = record({}, may_have={"reason": text(says="Why, for whoever asks later.")})

_FEED_RUN = {
    "id": IDENTIFIER,
    "state": _STATE,
    "progress": SHARE,
    "outcome": maybe(TEXT),
    "file": ANYTHING,
    "error": maybe(ERROR),
}
_FEED = {
    "id": IDENTIFIER,
    "url": ADDRESS,
    "name": TEXT,
    "kind": one_of(*Feed.Kind.values),
    "rhythm": one_of(*Feed.Rhythm.values),
    "every_minutes": says(maybe(COUNT), "With rhythm minutes."),
    "at": says(maybe(TEXT), "HH:MM, in the company's own time, with rhythm daily or weekly."),
    "weekday": says(maybe(COUNT), "With rhythm weekly; 0 is Monday."),
    "review": one_of(*Feed.Review.values),
    "empty_clears": YES_NO,
    "active": YES_NO,
    "next_run_at": maybe(MOMENT),
    "last_run_at": maybe(MOMENT),
    "failures": says(COUNT, "In a row."),
    "last_run": maybe(record({**_FEED_RUN, "import": maybe(ADDRESS), "result": FREE})),
}
_FEED_SOURCE = {
    "pattern": says(TEXT, "Of a folder."),
    "engine": says(TEXT, "Of a database."),
    "auth": says(one_of("none", "header", "basic"), "Of an address."),
    "header": says(TEXT, "With auth header: its name."),
    "sheet": says(TEXT, "Of a folder or an address; empty: the likeliest."),
}
_REMARK = record({"code": TEXT}, may_have={"name": says(TEXT, "Of a file that was left.")})
_COLUMN = {
    "header": TEXT,
    "target": says(TEXT, "The field that it is taken for, attribute or ignore."),
    "type": maybe(TEXT),
    "fullness": says(SHARE, "Of the rows that were read."),
}
_FEED_TEST = record(
    {
        **_FEED_RUN,
        "requested_at": MOMENT,
        "rows": says(maybe(COUNT), "That were read."),
        "partial": says(YES_NO, "Whether only the beginning was read."),
        "sheet": TEXT,
        "sheets": many(TEXT),
        "columns": many(record(_COLUMN)),
        "mapping": says(maybe(FREE), "As the mapping of an import."),
        "remembered": says(YES_NO, "Whether these columns were agreed to."),
        "can_agree": says(YES_NO, "Whether they wait for somebody to agree to them."),
        "problems": many(record({"code": TEXT, "facts": FREE})),
        "notes": says(many(record({"code": TEXT, "facts": FREE})), "About the file."),
        "remarks": says(many(_REMARK), "About the source."),
        "first_rows": says(
            maybe(many(many(TEXT))),
            "Their cells, in the order of the columns; null in answers to a POST, and for a key without view_customers.",
        ),
    },
    says="The newest test, for a day.",
)
FEED = named("Feed", record(_FEED, may_have=_FEED_SOURCE))
TESTED_FEED = named("TestedFeed", record({**_FEED, "test": maybe(_FEED_TEST)}, may_have=_FEED_SOURCE))
FEEDS = record({"feeds": many(FEED)})
_REFUSED_ROW = {
    "row": says(COUNT, "Place in what was sent, from 0."),
    "field": TEXT,
    "value": TEXT,
    "code": TEXT,
    "detail": TEXT,
}
PUSHED = named(
    "Pushed",
    record(
        {
            "read": COUNT,
            "created": COUNT,
            "updated": COUNT,
            "unchanged": COUNT,
            "refused": COUNT,
            "refusals": many(record(_REFUSED_ROW)),
            "dry_run": YES_NO,
            "import": says(maybe(ADDRESS), "What to look at, or to take back; null where nothing changed."),
        },
        says="What became of the rows.",
    ),
)

# ---------------------------------------------------------------- likely duplicates

_SHARED = many(one_of(*DuplicateGroup.Rule.values))

DUPLICATE_GROUP = named(
    "DuplicateGroup",
    record(
        {
            "id": says(IDENTIFIER, "The next search may find the same people under another one."),
            "rules": says(_SHARED, "What they share, the strongest first."),
            "size": says(COUNT, "How many share it; the first twenty are named."),
            "customers": many(
                record(
                    {
                        "id": IDENTIFIER,
                        "external_id": TEXT,
                        "url": ADDRESS,
                        "first_name": TEXT,
                        "last_name": TEXT,
                        "email": TEXT,
                        "phone": TEXT,
                        "city": TEXT,
                    }
                )
            ),
        }
    ),
)
DUPLICATES = named(
    "Duplicates",
    record(
        {
            "search": maybe(
                record(
                    {
                        "job": IDENTIFIER,
                        "url": says(ADDRESS, "Where to ask how far it is."),
                        "state": _STATE,
                        "finished_at": maybe(MOMENT),
                        "customers": says(COUNT, "Looked through."),
                        "groups": says(COUNT, "Found, without those that a person kept apart."),
                        "partial": says(YES_NO, "Whether there are more than are kept."),
                    },
                    says="The newest search; null where nobody searched yet.",
                )
            ),
            "groups": many(DUPLICATE_GROUP),
            "next": says(maybe(ADDRESS), "The following page; null on the last."),
        }
    ),
)
APART = named("KeptApart", record({"id": IDENTIFIER, "kept_apart": YES_NO}))
