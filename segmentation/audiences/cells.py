"""Other fields out of their JSON column, as the database reads them: typed, and NULL for what is not of the type.

As customers.frames reads cells, and equal on both engines: a number is a JSON number, yes or no a JSON boolean, a date an
ISO day as text; a label is a text, or a whole number or yes and no by their words. Keys are headers of files, with any
character: a path of SQLite cannot name them all, so that names beyond plain ASCII are looked up by ``json_each``.
"""

from __future__ import annotations

import re
from typing import Any

from django.db.models import BooleanField, CharField, F, Field, FloatField, Func

from ..conditions import Kind

_PLAIN = re.compile(r"[A-Za-z0-9 _.\-]+")
_DAY = "[0-9][0-9][0-9][0-9]-[0-1][0-9]-[0-3][0-9]"

# {v}: the value; {t}: its type; each engine's own words for what is of a kind
_SQLITE = {
    Kind.NUMBER: "CASE WHEN {t} IN ('integer', 'real') THEN {v} END",
    Kind.YES_NO: "CASE {t} WHEN 'true' THEN 1 WHEN 'false' THEN 0 END",
    Kind.DATE: f"CASE WHEN {{t}} = 'text' AND {{v}} GLOB '{_DAY}' THEN {{v}} END",
    Kind.CATEGORY: (
        "LOWER(CASE {t} WHEN 'text' THEN NULLIF({v}, '') WHEN 'integer' THEN CAST({v} AS TEXT) "
        "WHEN 'real' THEN CAST({v} AS TEXT) WHEN 'true' THEN 'Yes' WHEN 'false' THEN 'No' END)"
    ),
}
_POSTGRESQL = {
    Kind.NUMBER: "CASE WHEN {t} = 'number' THEN {v}::numeric END",
    Kind.YES_NO: "CASE WHEN {t} = 'boolean' THEN {v}::boolean END",
    Kind.DATE: f"CASE WHEN {{t}} = 'string' AND {{v}} ~ '^{_DAY}$' THEN {{v}} COLLATE \"C\" END",
    Kind.CATEGORY: (
        "LOWER((CASE {t} WHEN 'string' THEN NULLIF({v}, '') WHEN 'number' THEN {v} "
        "WHEN 'boolean' THEN CASE {v} WHEN 'true' THEN 'Yes' ELSE 'No' END END) COLLATE \"C\")"
    ),
}
_OUTPUT: dict[Kind, Field] = {
    Kind.NUMBER: FloatField(),
    Kind.YES_NO: BooleanField(),
    Kind.DATE: CharField(),
    Kind.CATEGORY: CharField(),
}


class Cell(Func):
    """One other field of a customer, by its header."""

    arity = 1

    def __init__(self, name: str, kind: Kind) -> None:
        super().__init__(F("attributes"), output_field=_OUTPUT[kind])
        self.name, self.kind = name, kind

    def as_sqlite(self, compiler: Any, connection: Any, **_extra: Any) -> tuple[str, list]:
        column, params = compiler.compile(self.source_expressions[0])
        if _PLAIN.fullmatch(self.name):
            value, kind = f"json_extract({column}, %s)", f"json_type({column}, %s)"
            template, given = _SQLITE[self.kind], f'$."{self.name}"'
            sql = template.format(v=value, t=kind)
            return f"({sql})", [*params, given] * (template.count("{v}") + template.count("{t}"))
        inner = _SQLITE[self.kind].format(v="cell.value", t="cell.type")
        return f"(SELECT {inner} FROM json_each({column}) cell WHERE cell.key = %s)", [*params, self.name]  # noqa: S608 - our own words, the name is bound

    def as_postgresql(self, compiler: Any, connection: Any, **_extra: Any) -> tuple[str, list]:
        column, params = compiler.compile(self.source_expressions[0])
        template = _POSTGRESQL[self.kind]
        value = f"jsonb_extract_path_text({column}, %s)"
        kind = f"jsonb_typeof(jsonb_extract_path({column}, %s))"
        given = [*params, self.name] * (template.count("{v}") + template.count("{t}"))
        return f"({template.format(v=value, t=kind)})", given
