"""Cursors that say the company in scope before, or together with, what they are asked."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

import psycopg
from django.db.backends.postgresql.base import Cursor, ServerSideCursor

from . import setting


class ScopedCursor(Cursor):
    """Django's cursor, which binds values here and sends plain text: the setting goes along in the same message, in front of
    the statement, and both are one transaction."""

    def execute(self, query: Any, params: Any = None, **options: Any) -> ScopedCursor:
        if options or not isinstance(query, str):
            with setting.said(self.connection):
                return super().execute(query, params, **options)
        clause = setting.clause(self.connection, query)
        if not clause:
            return super().execute(query, params)
        with setting.doubted(self.connection):
            super().execute(f"{clause}; {query}", params)
            self.nextset()  # past the setting's own answer
        return self

    def executemany(self, query: Any, params_seq: Any, **options: Any) -> None:
        with setting.said(self.connection):
            super().executemany(query, params_seq, **options)

    @contextmanager
    def copy(self, statement: Any, params: Any = None, **options: Any) -> Iterator[psycopg.Copy]:
        with setting.said(self.connection), super().copy(statement, params, **options) as copy:
            yield copy


class ScopedServerCursor(ServerSideCursor):
    """A named cursor: declared in a transaction that knows the company. Held beyond it, its rows are gathered by then."""

    def execute(self, query: Any, params: Any = None, **options: Any) -> ScopedServerCursor:
        with setting.said(self.connection):
            super().execute(query, params, **options)
        return self


class ScopedPlainCursor(psycopg.Cursor):
    """The driver's own cursor, for statements that are planned once: values are bound by the server, and a message holds one
    statement. Outside a transaction the setting and the statement go as one pipeline, which the server takes for one."""

    def execute(self, query: Any, params: Any = None, **options: Any) -> ScopedPlainCursor:
        connection = self.connection
        clause = setting.clause(connection)
        if not clause:
            return super().execute(query, params, **options)
        with setting.doubted(connection), connection.pipeline() if connection.autocommit else nullcontext():
            self._say(clause)
            super().execute(query, params, **options)
        return self

    def _say(self, clause: str) -> None:
        with psycopg.Cursor(self.connection) as first:
            first.execute(clause.encode(), prepare=False)
