"""Search by beginning that an index answers on both engines, whatever the database's collation."""

from __future__ import annotations

from string import ascii_lowercase, ascii_uppercase
from typing import Any

from django.db import connection
from django.db.models import Func, QuerySet

_ASCII_FOLD = str.maketrans(ascii_uppercase, ascii_lowercase)


class Folded(Func):
    """Lower case, compared byte by byte: what the indexes hold and the search asks. SQLite folds A to Z only."""

    function = "LOWER"
    arity = 1

    def as_postgresql(self, compiler: Any, connection: Any, **extra: Any):
        return super().as_sql(compiler, connection, template='%(function)s(%(expressions)s) COLLATE "C"', **extra)


def starting(rows: QuerySet, column: str, text: str) -> QuerySet:
    """Rows whose ``column`` begins with ``text``, in any case: a range that an index on ``Folded(column)`` answers."""
    folded = text.translate(_ASCII_FOLD) if connection.vendor == "sqlite" else text.lower()
    return rows.alias(folded=Folded(column)).filter(folded__gte=folded, folded__lt=folded + "\U0010ffff")
