"""Words for what the import engine says in codes: each has one sentence that says what is wrong or meant, and how to mend it.

files: a whole file, refused or remarked on · columns: what a column is, and a mapping that cannot be · rows: a cell, a taking back ·
quality: what a column holds and how it moved · findings: columns that know the answer · readiness: whether there is enough
"""

from ..ingest.mapping import ANY_VALUE, ATTRIBUTE, BY_COLUMN, ID, IGNORE, LABEL, MONTH
from .columns import (
    ATTRIBUTE_PREFIX,
    ID_RULES,
    MEASURES,
    attribute_type,
    column_note,
    confidence,
    field_name,
    id_note,
    id_rule,
    label_meaning,
    label_note,
    mapping_problem,
    needs_month,
    target_groups,
    why,
)
from .files import file_refused, note
from .rows import kept_after_undo, reason

__all__ = [
    "ANY_VALUE",
    "ATTRIBUTE",
    "ATTRIBUTE_PREFIX",
    "BY_COLUMN",
    "ID",
    "ID_RULES",
    "IGNORE",
    "LABEL",
    "MEASURES",
    "MONTH",
    "attribute_type",
    "column_note",
    "confidence",
    "field_name",
    "file_refused",
    "id_note",
    "id_rule",
    "kept_after_undo",
    "label_meaning",
    "label_note",
    "mapping_problem",
    "needs_month",
    "note",
    "reason",
    "target_groups",
    "why",
]
